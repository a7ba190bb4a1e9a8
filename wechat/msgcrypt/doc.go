// Package msgcrypt checks, opens and seals the messages that WeChat pushes to
// a server in safe mode (安全模式).
//
// A push is a POST whose body is an envelope around a ciphertext, in JSON or in
// XML. A [Keyring] opens it in this order: the mode is checked, the envelope is
// read, msg_signature is verified, and only then is anything decrypted. So a
// stranger costs us one pass over the body and one SHA-1 per token, and learns
// nothing from padding. The keyring knows current and previous tokens and keys,
// because pushes that were on their way when they were changed still come under
// the old ones. [Message.Pair] says which fitted; [Keyring.Reply] answers with
// the same.
//
// # What is on the wire
//
//	signature      hex(sha1(sorted(token, timestamp, nonce)))            URL check
//	msg_signature  hex(sha1(sorted(token, timestamp, nonce, Encrypt)))   pushes and replies
//	key            base64(EncodingAESKey + "=")                          32 bytes
//	Encrypt        base64(AES-256-CBC(key, iv = key[:16], padded))
//	padded         random(16) | length(4, big endian) | message | appid | 1 to 32 bytes of padding
//
// The padding follows PKCS#7 with a block of 32 bytes, twice the block of AES.
// The appid at the end is that of the account whose console holds the token: a
// platform's own for everything that reaches the platform's URLs, also for
// events of its shops. The pages are
// developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/Before_Develop/message_push.md
// and developers.weixin.qq.com/doc/channels/dev_before/base/message_push.md.
//
// # What is not protected
//
// Only the ciphertext is signed. The name in the envelope and every other query
// parameter (openid among them) prove nothing and are not given to the caller;
// the decrypted message holds them again. A push that is sent again
// word for word still has a right signature: [Window] bounds for how long, and
// the caller deduplicates.
package msgcrypt
