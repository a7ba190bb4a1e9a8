package guard

import (
	"net/url"
	"strings"
	"unicode"

	"github.com/zhanggui/zhanggui/internal/web"
)

// readings gives what servers may take a path for: exact, decoded once as most do,
// and loose, as the most forgiving ones do. It is not ok if they may go to
// different places with it: encoded slashes, backslashes, dot segments, doubled
// slashes, control characters, and what is no percent-encoding.
func readings(path string) (exact, loose string, ok bool) {
	if tame(path) {
		return path, path, true
	}
	if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "#?") || !web.PlainPath(path) {
		return "", "", false
	}
	exact, err := url.PathUnescape(path)
	if err != nil || strings.ContainsAny(exact, "#?") {
		return "", "", false
	}
	return exact, loosely(path), true
}

// tame tells whether a path has one reading only, as nearly all have: segments of
// lower-case letters, digits, hyphens and underscores, with dots inside.
func tame(path string) bool {
	before := byte(0)
	for i := range len(path) {
		c := path[i]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
		case c == '/':
			if before == '/' || before == '.' {
				return false
			}
		case c == '.':
			if before == '/' || before == '.' {
				return false
			}
		default:
			return false
		}
		before = c
	}
	return path != "" && path[0] == '/' && before != '.'
}

// loosely reads a path as the most forgiving server would: decoded as often as it is
// encoded, without parameters behind ";" and stream names behind ":", without blanks
// and dots at the end of segments, without empty segments, and with letters that
// differ by case only alike.
func loosely(path string) string {
	for range 8 { // PlainPath refuses what is encoded more often
		d, err := url.PathUnescape(path)
		if err != nil || d == path {
			break
		}
		path = d
	}
	var b strings.Builder
	for s := range strings.SplitSeq(path, "/") {
		if i := strings.IndexAny(s, ";:"); i >= 0 {
			s = s[:i]
		}
		if s = strings.TrimRight(s, " ."); s != "" {
			b.WriteByte('/')
			b.WriteString(strings.Map(folded, s))
		}
	}
	return b.String()
}

// folded gives the same rune for all that differ by case only.
func folded(c rune) rune {
	least := c
	for n := unicode.SimpleFold(c); n != c; n = unicode.SimpleFold(n) {
		least = min(least, n)
	}
	if least >= 'A' && least <= 'Z' {
		return least - 'A' + 'a' // as tame paths are written
	}
	return least
}
