package guard

import (
	"net/http"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
)

// Names of cookies on protected hosts, without the prefix that https adds.
const (
	childCookie = "zg_child"
	nonceCookie = "zg_hand_" // and the first hex digits of the nonce's digest
	turnsCookie = "zg_turns"
)

// maxSealed bounds what is opened.
const maxSealed = 4 << 10

// jar names, sets and removes cookies of one host. On https every name begins with
// "__Host-": browsers then insist on Secure, the whole site and no Domain, and a
// sibling host cannot plant one. Plain http is for loopback only.
type jar struct{ secure bool }

func (j jar) name(plain string) string {
	if j.secure {
		return "__Host-" + plain
	}
	return plain
}

// set writes a cookie that lives for life; zero is until the browser closes.
func (j jar) set(w http.ResponseWriter, plain, value string, life time.Duration) {
	http.SetCookie(w, j.cookie(plain, value, int(life.Seconds())))
}

func (j jar) drop(w http.ResponseWriter, plain string) { http.SetCookie(w, j.cookie(plain, "", -1)) }

func (j jar) cookie(plain, value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: j.name(plain), Value: value, Path: "/", MaxAge: maxAge,
		Secure: j.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

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
	if !j.secure {
		return name == plain
	}
	rest, ok := strings.CutPrefix(name, "__Host-")
	return ok && rest == plain
}

// list gives the plain names and values of all cookies with a prefix.
func (j jar) list(r *http.Request, prefix string) map[string]string {
	all := map[string]string{}
	for _, k := range r.Cookies() {
		if rest, ok := strings.CutPrefix(k.Name, j.name(prefix)); ok {
			all[prefix+rest] = k.Value
		}
	}
	return all
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
