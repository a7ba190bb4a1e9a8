package vault

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Sealer seals and opens values. [Vault] is one.
type Sealer interface {
	Seal(v secret.Value, c Cell) ([]byte, error)
	Open(sealed []byte, c Cell) (secret.Value, error)
}

// SealText makes a text of v, for an address or a cookie. It holds v as JSON and opens
// for the same cell only.
func SealText(s Sealer, c Cell, v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // an & in a return address would take six bytes
	if err := enc.Encode(v); err != nil {
		return "", fmt.Errorf("vault: encode for %s: %w", c, err)
	}
	sealed, err := s.Seal(secret.New(b.Bytes()), c)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// OpenText reads into v what [SealText] made for the same cell, and tells whether it
// could. A text of more than longest bytes is not looked at. Fields that v does not know
// are refused, and so is every other spelling of the same text but line ends in it.
func OpenText(s Sealer, c Cell, text string, longest int, v any) bool {
	if len(text) > longest {
		return false
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return false
	}
	plain, err := s.Open(sealed, c)
	if err != nil {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(plain.Reveal()))
	d.DisallowUnknownFields()
	return d.Decode(v) == nil && !d.More()
}
