package doctor

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/zhanggui/zhanggui/internal/line"
)

// hidden stands for what was masked.
const hidden = "***"

// named finds the value behind a name that holds a credential: in a query, in JSON, in
// XML and in headers. A value may be cut where the text was cut.
var named = regexp.MustCompile(`(?i)((?:access_?token|refresh_?token|verify_?ticket|ticket|app_?secret|secret|auth(?:orization)?_?code|pre_?auth_?code|\bcode|session_?key|encodingaeskey|aes_?key|\btoken|password|\bkey|echostr|signature)["']?\s*(?:>\s*(?:<!\[CDATA\[)?|[:=]\s*["']?))([^\s"'&<>,;\]}]+)`)

// bearer finds what follows the word.
var bearer = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[^\s"',;]+`)

// run finds what may be a credential by its length alone.
var run = regexp.MustCompile(`[A-Za-z0-9_@+/=~-]{20,}`)

// userinfo finds a name and a password in a URL.
var userinfo = regexp.MustCompile(`://[^/\s@]+@`)

// ridForm is a request id of WeChat's. It names a call and opens nothing.
var ridForm = regexp.MustCompile(`^[0-9a-fA-F]{4,16}-[0-9a-fA-F]{4,16}-[0-9a-fA-F]{4,16}$`)

// Mask hides what may be a credential in a text: values with a telling name, and every
// long run of letters and digits. It rather hides too much.
func Mask(s string) string {
	s = userinfo.ReplaceAllString(s, "://"+hidden+"@")
	s = bearer.ReplaceAllString(s, "$1 "+hidden)
	s = named.ReplaceAllStringFunc(s, func(m string) string {
		parts := named.FindStringSubmatch(m)
		if isWord(parts[2]) {
			return m
		}
		return parts[1] + hidden
	})
	return run.ReplaceAllStringFunc(s, func(m string) string {
		if telling(m) {
			return hidden
		}
		return m
	})
}

// isWord keeps what is plainly no credential: a short number, as in "code: 40001", or
// the words of an errmsg, as in "access_token is invalid".
func isWord(v string) bool {
	return len(v) <= 9 && strings.Trim(v, "-0123456789") == "" || v == hidden
}

// telling says that a run may be a credential: it has digits or capitals in it and is
// neither a rid nor a path.
func telling(m string) bool {
	if ridForm.MatchString(m) {
		return false
	}
	if strings.HasPrefix(m, "/") && strings.ToLower(m) == m && longest(m, "/") < 24 {
		return false
	}
	return strings.ContainsFunc(m, func(r rune) bool { return unicode.IsDigit(r) || unicode.IsUpper(r) }) || longest(m, "_/-") >= 24
}

// longest is the length of the longest part of s between separators.
func longest(s, separators string) int {
	n := 0
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
		n = max(n, len(part))
	}
	return n
}

// plain makes one line of a text from elsewhere: printable, masked, and at most n bytes
// long.
func plain(s string, n int) string {
	return cut(Mask(line.Of(s)), n) // in this order: a mark within a token, or half of one, would hide it
}

// cut shortens a text without breaking a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}
