package msgcrypt

import "errors"

// Why a push, a key or a query is refused. The texts hold nothing of the push
// and no secret, so they may be logged and counted.
var (
	// ErrPlainMode: the push is not encrypted.
	ErrPlainMode = errors.New("msgcrypt: the push is in plaintext mode; choose safe mode (安全模式) in the console of the account")
	// ErrCompatibleMode: the push carries the message in the clear beside the ciphertext.
	ErrCompatibleMode = errors.New("msgcrypt: the push is in compatible mode, with the message in the clear beside the ciphertext; choose safe mode (安全模式) in the console of the account")
	// ErrEncryptType: encrypt_type is a word that is not documented.
	ErrEncryptType = errors.New("msgcrypt: encrypt_type is not aes; look whether WeChat sent this")
	// ErrTooLarge: the body is over [MaxBody].
	ErrTooLarge = errors.New("msgcrypt: the body is too large; look whether WeChat sent this")
	// ErrEnvelope: the body is no envelope around a ciphertext.
	ErrEnvelope = errors.New("msgcrypt: the body is no envelope with one Encrypt; look whether WeChat sent this")
	// ErrSignature: no token makes this signature.
	ErrSignature = errors.New("msgcrypt: the signature fits no token; compare the token here with the one in the console of the account")
	// ErrTimestamp: the timestamp is no number of seconds.
	ErrTimestamp = errors.New("msgcrypt: the timestamp is no number of seconds; look whether WeChat sent this")
	// ErrStale: the timestamp is too old.
	ErrStale = errors.New("msgcrypt: the timestamp is too old; look whether this is a replay, and at the clock of this machine")
	// ErrFuture: the timestamp is too far ahead.
	ErrFuture = errors.New("msgcrypt: the timestamp is too far ahead; look at the clock of this machine")
	// ErrCiphertext: what is signed is no base64 of whole AES blocks.
	ErrCiphertext = errors.New("msgcrypt: the ciphertext is no base64 of whole blocks; look whether WeChat sent this")
	// ErrPadding: no key leads to a right padding.
	ErrPadding = errors.New("msgcrypt: no key opens the push; compare the EncodingAESKey here with the one in the console of the account")
	// ErrLength: the length field says more than there is.
	ErrLength = errors.New("msgcrypt: the length inside the push says more than there is; look whether WeChat sent this")
	// ErrAppID: the push was sealed for an account that is not accepted.
	ErrAppID = errors.New("msgcrypt: the push was sealed for another account; compare the appid of this URL with the console that holds it")
	// ErrKey: a keyring was asked for without a token, an appid, or with a malformed key.
	ErrKey = errors.New("msgcrypt: the keyring needs a token, an EncodingAESKey of 43 characters and an appid; copy them from the console of the account")
	// ErrPair: the pair does not name a token and a key of this keyring.
	ErrPair = errors.New("msgcrypt: the keyring has no such token and key; reply with the keyring that opened the push")
	// ErrName: a name cannot stand in an envelope.
	ErrName = errors.New("msgcrypt: the name of an account holds more than letters, digits, _, @, . and -; give its appid or its gh_ name")
)
