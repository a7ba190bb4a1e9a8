// Package alias makes and reads aliases: opaque stand-ins for access tokens, for
// programs that insist on fetching a token and on sending it as access_token. An
// alias names a client and a shop, or a client and a third-party platform. Only this
// server takes it, for two hours at most.
//
// # Form
//
//	zgt_ │ base64url of: 0x01 │ kind │ ends │ key hash │ id       │ tag
//	                     1    │ 1    │ 4    │ 32       │ 1 to 128 │ 16 bytes
//
// ends is in Unix seconds, big-endian. The key hash is the one that the client is
// found by (access.HashKey), so an alias ends with the key that it was asked for
// with: a new key or a revocation ends it at once, wherever it was copied to. The
// hash tells nothing of the key, which has 130 random bits. id is our id of the shop
// or of the platform. The tag is HMAC-SHA256 of all before it, cut to 16 bytes.
//
// # Without state
//
// Nothing is stored, so every replica takes what another made. The key of the tag is
// derived in the vault, a new one for each day in which aliases begin.
//
// Time is cut into spans of 1 h 55 min. Within a span a client and shop have one
// alias, whoever asks and however often: its rest of life falls from two hours to
// five minutes, and for these five minutes the next one is good as well. WeChat's
// stable_token does the same. Spans begin at different times for different clients
// and shops, so that they do not all come for a new one together.
//
// # Handles
//
// A handle stands where WeChat has an authorizer_refresh_token. It names an
// authoriser of a platform to one client, proves nothing by itself and does not end:
// programs keep it for years. It is made anew, always the same, from the client's id,
// so that it outlives the client's key.
package alias
