package login

import (
	"net/http"
	"strings"
	"time"
)

// Names of cookies, without the prefix that https adds.
const (
	sessionCookie  = "zg_session"
	stateCookie    = "zg_state_" // and the first hex digits of the state's digest
	linkCookie     = "zg_link"
	unlinkedCookie = "zg_unlinked"
	entryCookie    = "zg_entry"
	knownCookie    = "zg_known"
	claimCookie    = "zg_claim"
	linkedCookie   = "zg_linked"
	leftCookie     = "zg_left" // logged out here: only a tap logs in again
	accountCookie  = "zg_account"
	otherCookie    = "zg_other"
	scanCookie     = "zg_scan_" // and the first hex digits of the code's digest
	deviceCookie   = "zg_device"
	phoneCookie    = "wechatsim_ua" // the emulator's phone, on loopback only
)

// cookies names, sets and removes cookies. On https every name begins with
// "__Host-": browsers then insist on Secure, the whole site and no Domain, and
// a sibling host cannot plant one. Plain http is for loopback only.
type cookies struct{ secure bool }

func (c cookies) name(plain string) string {
	if c.secure {
		return "__Host-" + plain
	}
	return plain
}

// set writes a cookie that lives for life; zero is until the browser closes.
func (c cookies) set(w http.ResponseWriter, plain, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: c.name(plain), Value: value, Path: "/", MaxAge: int(life.Seconds()),
		Secure: c.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func (c cookies) drop(w http.ResponseWriter, plain string) {
	http.SetCookie(w, &http.Cookie{
		Name: c.name(plain), Path: "/", MaxAge: -1,
		Secure: c.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// get reads a cookie. A name that comes twice is somebody's trick or a
// broken browser: it counts as absent.
func (c cookies) get(r *http.Request, plain string) (string, bool) {
	found := r.CookiesNamed(c.name(plain))
	if len(found) != 1 || found[0].Value == "" {
		return "", false
	}
	return found[0].Value, true
}

// list gives the plain names and values of all cookies with a prefix.
func (c cookies) list(r *http.Request, prefix string) map[string]string {
	all := map[string]string{}
	for _, k := range r.Cookies() {
		if rest, ok := strings.CutPrefix(k.Name, c.name(prefix)); ok {
			all[prefix+rest] = k.Value
		}
	}
	return all
}
