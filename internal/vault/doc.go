// Package vault seals secrets for storage and opens them again. It is the only
// room that knows keys; everybody else holds sealed bytes or a
// [secret.Value].
//
// # Keys
//
//	master key      32 bytes, outside the database; see [KEK]
//	   │ wraps
//	   ▼
//	keyset          in the database: one key seals, older ones still open
//	   │ seals
//	   ▼
//	cells           app secrets, tokens, cookies: XAES-256-GCM (Tink), bound to their place
//
// [Vault.Rotate] adds a primary key, so that less is sealed with each; what
// older keys sealed still opens. [Vault.Rewrap] wraps the same keyset with
// another master key; nothing is sealed anew. XAES-256-GCM draws nonces of 192
// bits, so that there is no number of seals that must not be exceeded.
//
// # A ciphertext knows its place
//
// Every seal names a [Cell]: table, column, row, kind and generation. They are
// authenticated with the ciphertext and not stored in it. A sealed value that
// was moved to another row or column, or put back after its generation ended,
// does not open.
//
// # Sealed value
//
//	0x01 │ key id │ salt     │ nonce    │ ciphertext │ tag
//	 1   │ 4      │ 12       │ 12       │ n          │ 16 bytes
//
// This is Tink's form of XAES-256-GCM. The key id, big-endian, names a key of
// the keyset. The associated data is [Cell]'s encoding, drawn beside it.
//
// # Wrapped keyset
//
// One JSON object, in the database:
//
//	{"version":1,"master":"1a2b3c4d","wrapped":"<base64>"}
//
// master is the id of the master key that wrapped it, so that a wrong key is
// told from a damaged keyset. wrapped is what [KEK.Wrap] gave for:
//
//	0x01 │ MAC key │ keyset
//	 1   │ 32      │ Tink's binary keyset, to the end
//
// The local providers wrap with AES-256-GCM, 12 bytes of random nonce before
// the ciphertext, under a key that HKDF-SHA256 derives from the master key.
//
// All these forms are frozen by files in testdata: what was sealed once opens
// with every later version.
//
// # Failure
//
// A wrong master key is refused at the start, with both key ids
// ([WrongKeyError]). A sealed value that does not open is [ErrSealed]; one that
// names a key that this process does not know, because another process rotated,
// is [ErrUnknownKey], and [Vault.Reload] mends that. No error holds a secret.
//
// Keys lie in ordinary memory while the process runs. Copies are cleared after
// use where we hold them; a core dump contains keys all the same.
package vault
