package web

import (
	"errors"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// maxTarget bounds a return target; a longer one is not a place people were.
const maxTarget = 2048

// ErrTarget refuses a return target. It does not repeat the target.
var ErrTarget = errors.New("web: the return address is not allowed; use a path of this site, or name its host in redirect_hosts")

// Redirects knows where people may be sent back to. It is safe for concurrent
// use.
type Redirects struct {
	home    string
	origins map[string]bool // "https://host[:port]", lower case
}

// NewRedirects allows paths of publicURL's own origin and https URLs on hosts
// ("shop.example.com", with a port if it is not 443). If publicURL is plain
// http, as on a developer's machine, loopback names among hosts may be reached
// by http too.
func NewRedirects(publicURL *url.URL, hosts []string) *Redirects {
	rs := &Redirects{home: "/", origins: map[string]bool{}}
	local := false
	if publicURL != nil {
		rs.home = strings.TrimRight(publicURL.Path, "/") + "/"
		local = publicURL.Scheme == "http"
		if validHost(strings.ToLower(publicURL.Host)) {
			rs.origins[strings.ToLower(publicURL.Scheme+"://"+publicURL.Host)] = true
		}
	}
	for _, h := range hosts {
		h = strings.ToLower(h)
		if !validHost(h) {
			continue // an empty name would allow "https:///…", which browsers read as a host
		}
		rs.origins["https://"+h] = true
		if local && IsLoopbackHost(h) {
			rs.origins["http://"+h] = true
		}
	}
	return rs
}

// Check gives the target to send to: rd as it is, or the start page if rd is
// empty. Everything else than a plain path of ours or an allowed URL is
// refused with [ErrTarget].
//
// It works by spelling, not by parsing: browsers, proxies and Go's parser read
// odd URLs in different ways, so odd URLs are refused. Refused are backslashes,
// control characters and blanks (also percent-encoded, to any depth), anything
// but ASCII, fragments, user information, encoded or doubled slashes and dot
// segments in the path.
func (rs *Redirects) Check(rd string) (string, error) {
	if rd == "" {
		return rs.home, nil
	}
	if len(rd) > maxTarget || !plainURL(rd) {
		return "", ErrTarget
	}
	path := rd
	if rd[0] != '/' {
		origin, rest := splitOrigin(rd)
		if !rs.origins[strings.ToLower(origin)] {
			return "", ErrTarget
		}
		path = rest
	}
	path, query, _ := strings.Cut(path, "?")
	if !plainPath(path) || !cleanDecoded(query, isControl) {
		return "", ErrTarget
	}
	return rd, nil
}

// splitOrigin cuts "https://host" off. What it gives is compared as a whole
// with the list, so it need not understand hosts, ports or user information.
func splitOrigin(s string) (origin, rest string) {
	i := strings.Index(s, "://")
	if i < 0 {
		return "", ""
	}
	i += len("://")
	if j := strings.IndexAny(s[i:], "/?"); j >= 0 {
		return s[:i+j], s[i+j:]
	}
	return s, ""
}

// plainURL allows the characters of RFC 3986 without "#" and brackets.
func plainURL(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune("\\#<>\"`{}|^[]", c)
	})
}

// PlainPath tells whether everybody reads path alike: servers, proxies and browsers
// that decode it, cut parameters off, merge slashes or walk dot segments, once or
// more often. An empty path is plain.
func PlainPath(path string) bool { return plainPath(path) }

// plainPath wants "" or "/a/b": no empty segment but a last one, no dot
// segments, nothing encoded that would change the shape.
func plainPath(path string) bool {
	if path == "" {
		return true
	}
	if !cleanDecoded(path, func(c byte) bool { return isControl(c) || c == '\\' }) {
		return false
	}
	slashes := strings.Count(path, "/")
	return everyDecoding(path, func(d string) bool {
		return strings.Count(d, "/") == slashes && plainSegments(d)
	})
}

func plainSegments(path string) bool {
	segments := strings.Split(path, "/")
	for i, s := range segments[1:] {
		// ";" starts parameters that some servers cut off before they look.
		name, _, _ := strings.Cut(s, ";")
		if name == "." || name == ".." || name == "" && i != len(segments)-2 {
			return false
		}
	}
	return !strings.HasPrefix(segments[len(segments)-1], ";")
}

// cleanDecoded tells whether no byte of s is bad, in any depth of decoding.
func cleanDecoded(s string, bad func(byte) bool) bool {
	return everyDecoding(s, func(d string) bool {
		for i := range len(d) {
			if bad(d[i]) {
				return false
			}
		}
		return true
	})
}

// everyDecoding asks ok about s and everything that percent-decoding makes of
// it, again and again. A text that is not percent-encoding, or is encoded more
// often than honest ones are, is not ok.
func everyDecoding(s string, ok func(string) bool) bool {
	if _, err := url.PathUnescape(s); err != nil {
		return false
	}
	for range 6 {
		if !ok(s) {
			return false
		}
		d := DecodeLoosely(s)
		if d == s {
			return true
		}
		s = d
	}
	return false
}

// DecodeLoosely decodes what is percent-encoding and leaves every other "%" as
// it is, like the most forgiving of those who may come after us.
func DecodeLoosely(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func isControl(c byte) bool { return c < 0x20 || c == 0x7f }

// IsLoopbackHost tells whether host[:port] is localhost, a name under
// .localhost, or 127.0.0.1: the places where http and a port are allowed under
// the loopback rule.
func IsLoopbackHost(host string) bool {
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		host = host[:i]
	}
	host = strings.ToLower(host)
	if a, err := netip.ParseAddr(host); err == nil {
		return a == netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return host == "localhost" || localName.MatchString(host)
}

// localName is a DNS name under .localhost.
var localName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+localhost$`)
