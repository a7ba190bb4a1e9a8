package config

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Secret says where a secret is, and holds it once it was resolved. It prints
// as the reference; a literal prints as [secret.Redacted].
type Secret struct {
	// text holds the reference as a secret too, since a literal cannot be
	// told from a mistyped reference by its type.
	text  secret.Value
	value secret.Value
}

// Value gives the secret itself. It is empty until [Manifest.Resolve] read it.
func (s Secret) Value() secret.Value { return s.value }

// IsZero tells whether nothing was written.
func (s Secret) IsZero() bool { return s.text.IsZero() }

// kind splits the reference; literal is true if it is none.
func (s Secret) kind() (scheme, name string, literal bool) {
	text := s.text.RevealString()
	for _, scheme := range []string{"file", "env"} {
		if name, ok := strings.CutPrefix(text, scheme+":"); ok {
			return scheme, name, false
		}
	}
	return "", "", true
}

// UnmarshalText takes a reference or a literal.
func (s *Secret) UnmarshalText(text []byte) error {
	var v secret.Value
	if err := v.UnmarshalText(text); err != nil {
		return errors.New("config: a placeholder stands where the secret should be; write file:/path or env:NAME")
	}
	*s = Secret{text: v}
	return nil
}

// MarshalText gives the reference, or a placeholder for a literal.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String gives the reference, or a placeholder for a literal.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	if _, _, literal := s.kind(); literal {
		return secret.Redacted
	}
	return s.text.RevealString()
}

// Format implements fmt.Formatter: every verb prints [Secret.String].
func (s Secret) Format(f fmt.State, _ rune) {
	io.WriteString(f, s.String()) //nolint:errcheck // fmt.State keeps no write error to report
}

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// secretRef wants a reference that can be one, or a literal where that is
// allowed.
func (r *report) secretRef(setting string, s Secret, loopback bool) {
	if s.IsZero() {
		return
	}
	scheme, name, literal := s.kind()
	switch {
	case literal:
		r.want(loopback, setting, "is written out",
			"put it in a file or a variable and write file:/path or env:NAME; with loopback: true it may stay for trials")
	case scheme == "env":
		r.want(envForm.MatchString(name), setting, "does not name a variable", "write env:NAME with letters, digits and _")
	default:
		r.want(name != "" && !strings.ContainsRune(name, 0), setting, "does not name a file", "write file:/path")
	}
}
