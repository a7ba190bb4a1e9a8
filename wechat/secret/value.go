package secret

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what a Value prints instead of its bytes.
const Redacted = "[secret]"

// Value is a secret. The zero Value is an empty secret and ready for use.
//
// A Value is immutable: copies share the bytes, and nobody can change them, so
// it may be used by several goroutines. It is not comparable with ==, on
// purpose: use [Value.Equal], which takes the same time for every content.
// UnmarshalText is the one method that replaces a Value; it needs the
// care that any assignment needs.
type Value struct {
	// reveal closes over the bytes. Reflection can print a function's
	// address but cannot look inside.
	reveal func() string
}

// New returns a Value that holds a copy of b. The caller may clear b.
func New(b []byte) Value {
	return FromString(string(b))
}

// FromString returns a Value that holds the bytes of s.
func FromString(s string) Value {
	if s == "" {
		return Value{}
	}
	return Value{reveal: func() string { return s }}
}

// Reveal returns a copy of the bytes, nil for an empty Value. The caller owns
// the copy and clears it when that matters.
func (v Value) Reveal() []byte {
	if v.reveal == nil {
		return nil
	}
	return []byte(v.reveal())
}

// RevealString returns the secret as a string, without copying it. Do not put
// it where it may be printed.
func (v Value) RevealString() string {
	if v.reveal == nil {
		return ""
	}
	return v.reveal()
}

// IsZero reports whether the Value holds no bytes. It also makes the JSON
// option omitzero work.
func (v Value) IsZero() bool {
	return v.reveal == nil
}

// Len returns the number of bytes.
func (v Value) Len() int {
	return len(v.RevealString())
}

// Equal reports whether both Values hold the same bytes. The time it takes
// does not depend on where they differ.
func (v Value) Equal(w Value) bool {
	// Digests have one length, so that the comparison does not tell the
	// length of the secret either.
	a, b := sha256.Sum256(v.Reveal()), sha256.Sum256(w.Reveal())
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// Format implements [fmt.Formatter]: every verb prints [Redacted].
func (v Value) Format(f fmt.State, _ rune) {
	io.WriteString(f, Redacted) //nolint:errcheck // fmt.State keeps no write error to report
}

// String returns [Redacted].
func (v Value) String() string { return Redacted }

// GoString returns [Redacted].
func (v Value) GoString() string { return Redacted }

// LogValue implements [slog.LogValuer].
func (v Value) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalText returns [Redacted], or nothing for an empty Value. It serves
// JSON, XML, YAML and every other encoder of text. A Value cannot be stored
// this way; sealing is the vault's work.
func (v Value) MarshalText() ([]byte, error) {
	if v.IsZero() {
		return []byte{}, nil
	}
	return []byte(Redacted), nil
}

// UnmarshalText takes the text as the secret, so that a configuration can
// hold one. It refuses [Redacted], which can only come from an export that
// was read back.
func (v *Value) UnmarshalText(text []byte) error {
	if string(text) == Redacted {
		return errors.New("secret: the text is the placeholder of a redacted export; put the real secret there")
	}
	*v = New(text)
	return nil
}
