package guard

import (
	"net/http"
	"strings"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/web"
)

// Names of cookies on protected hosts, without the prefix that https adds.
const (
	childCookie = "zg_child"
	nonceCookie = "zg_hand_" // and the first hex digits of the nonce's digest
	turnsCookie = "zg_turns"
)

// maxSealed bounds what is opened.
const maxSealed = 4 << 10

// jar is the cookies of one host.
type jar struct{ web.Jar }

// get reads a cookie without allocating. A name that comes twice is somebody's trick
// or a broken browser: it counts as absent.
func (j jar) get(h http.Header, plain string) (value string, ok bool) {
	for _, line := range h["Cookie"] {
		for part := range strings.SplitSeq(line, ";") {
			name, v, found := strings.Cut(strings.Trim(part, " \t"), "=")
			if !found || !j.named(name, plain) {
				continue
			}
			if ok {
				return "", false
			}
			value, ok = v, true
		}
	}
	return value, ok && value != ""
}

// named tells whether name is that of plain here.
func (j jar) named(name, plain string) bool {
	if !j.Secure {
		return name == plain
	}
	rest, ok := strings.CutPrefix(name, "__Host-")
	return ok && rest == plain
}

// tokenLen is the length of a session's token.
const tokenLen = len(access.SessionPrefix) + 26

// child gives token and chosen shop of the session that a request brings. The choice
// is the visitor's own word: it counts among the shops in which they hold a role.
func (j jar) child(h http.Header) (token, shop string, ok bool) {
	value, ok := j.get(h, childCookie)
	if !ok || len(value) < tokenLen || !strings.HasPrefix(value, access.SessionPrefix) {
		return "", "", false
	}
	token, rest := value[:tokenLen], value[tokenLen:]
	if rest != "" && rest[0] != '.' {
		return "", "", false
	}
	return token, strings.TrimPrefix(rest, "."), true
}
