package msgcrypt

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/fips140"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Keyring opens and seals pushes of one account. It is immutable and may be
// used by several goroutines. Formatting it prints no secret.
type Keyring struct {
	tokens []secret.Value
	keys   []key
	appIDs []string
}

// key hides the expanded key behind closures, where printing cannot look.
type key struct {
	cbc func() (cipher.Block, []byte)
}

// Pair names a token and an EncodingAESKey by their places in the keyring: 0 is
// the current one, higher numbers are older.
type Pair struct {
	Token, Key int
}

// Current reports whether both are the current ones. After a change in the
// console this should soon be true of every push.
func (p Pair) Current() bool { return p == Pair{} }

// NewKeyring makes a keyring. Both lists begin with the current value and go
// back in time; any token may come with any key. aesKeys are EncodingAESKeys as
// the console shows them, 43 characters. A push must have been sealed for one
// of appIDs. The error is [ErrKey].
func NewKeyring(tokens, aesKeys []secret.Value, appIDs ...string) (*Keyring, error) {
	if len(tokens) == 0 || len(aesKeys) == 0 || len(appIDs) == 0 {
		return nil, ErrKey
	}
	if slices.ContainsFunc(tokens, secret.Value.IsZero) || slices.Contains(appIDs, "") {
		return nil, ErrKey
	}
	k := &Keyring{tokens: slices.Clone(tokens), appIDs: slices.Clone(appIDs)}
	for i, text := range aesKeys {
		parsed, err := parseKey(text)
		if err != nil {
			return nil, fmt.Errorf("%w (key %d of %d)", err, i+1, len(aesKeys))
		}
		k.keys = append(k.keys, parsed)
	}
	return k, nil
}

// parseKey expands an EncodingAESKey. The last of its characters carries two
// bits too many, and in real keys they are not zero: a strict decoder would
// refuse those keys.
func parseKey(text secret.Value) (key, error) {
	raw, err := base64.RawStdEncoding.DecodeString(text.RevealString())
	if err != nil || text.Len() != 43 || len(raw) != 32 {
		return key{}, ErrKey
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return key{}, ErrKey
	}
	iv := raw[:aes.BlockSize]
	return key{cbc: func() (cipher.Block, []byte) { return block, iv }}, nil
}

// Echo answers the check that WeChat makes with GET when the URL is saved in
// the console: it returns echostr, to be sent back as it is, if the signature is
// right. The error is [ErrSignature].
func (k *Keyring) Echo(q Query) (string, error) {
	if _, err := k.verify(q.Signature, q.Timestamp, q.Nonce); err != nil {
		return "", err
	}
	return q.EchoStr, nil
}

// verify returns the place of the token that makes this signature over the
// parts. The time tells which token fitted, to one who knows it already.
func (k *Keyring) verify(signature string, parts ...string) (int, error) {
	var given [sha1.Size]byte
	if len(signature) != 2*len(given) {
		return 0, ErrSignature
	}
	if _, err := hex.Decode(given[:], []byte(signature)); err != nil {
		return 0, ErrSignature
	}
	for i, token := range k.tokens {
		sum := sign(token, parts...)
		if subtle.ConstantTimeCompare(sum[:], given[:]) == 1 {
			return i, nil
		}
	}
	return 0, ErrSignature
}

// sign hashes the token and the parts, sorted by their bytes.
func sign(token secret.Value, parts ...string) (sum [sha1.Size]byte) {
	all := make([]string, 0, 4)
	all = append(append(all, token.RevealString()), parts...)
	slices.Sort(all)
	n := 0
	for _, s := range all {
		n += len(s)
	}
	buf := make([]byte, 0, n)
	for _, s := range all {
		buf = append(buf, s...)
	}
	// The protocol leaves no choice of hash. What a forger would need is a
	// second preimage with an unknown part, not a collision.
	fips140.WithoutEnforcement(func() { sum = sha1.Sum(buf) })
	return sum
}
