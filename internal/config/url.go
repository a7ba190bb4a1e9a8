package config

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
)

// URL is an absolute URL in a configuration. The zero URL is empty.
type URL struct{ text string }

// errURL does not repeat the text: it could hold a password.
var errURL = errors.New("config: not an absolute http or https URL; write it as https://host/path")

// UnmarshalText takes an absolute http or https URL without user information,
// query and fragment. A slash at the end is dropped.
func (u *URL) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*u = URL{}
		return nil
	}
	p, err := url.Parse(string(text))
	if err != nil || p.Scheme != "https" && p.Scheme != "http" || p.Hostname() == "" || p.Opaque != "" ||
		p.User != nil || p.RawQuery != "" || p.ForceQuery || strings.Contains(string(text), "#") {
		return errURL
	}
	p.Host = strings.ToLower(p.Host)
	p.Path, p.RawPath = strings.TrimRight(p.Path, "/"), strings.TrimRight(p.RawPath, "/")
	*u = URL{p.String()}
	return nil
}

// MarshalText gives the URL as text.
func (u URL) MarshalText() ([]byte, error) { return []byte(u.text), nil }

// String gives the URL as text, without a slash at the end.
func (u URL) String() string { return u.text }

// IsZero tells whether the URL is empty.
func (u URL) IsZero() bool { return u.text == "" }

// URL gives a parsed copy, never nil.
func (u URL) URL() *url.URL {
	p, err := url.Parse(u.text)
	if err != nil {
		return &url.URL{} // cannot be: UnmarshalText parsed this very text
	}
	return p
}

// Host gives host[:port].
func (u URL) Host() string { return u.URL().Host }

func mustURL(s string) URL {
	var u URL
	if err := u.UnmarshalText([]byte(s)); err != nil {
		panic(err)
	}
	return u
}

// cutPort splits host[:port] without looking at either.
func cutPort(host string) (name, port string) {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		return host[:i], host[i+1:]
	}
	return host, ""
}

// hostName tells whether s is a DNS name in lower case: letters, digits and
// inner hyphens in labels. An address is none.
func hostName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if !hostLabel(label) {
			return false
		}
	}
	return true
}

func hostLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	return !strings.ContainsFunc(s, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-')
	})
}
