package web

import (
	"net/http"
	"strings"
	"time"
)

// Jar names, sets and removes our cookies of one host. On https every name begins with
// "__Host-": browsers then insist on Secure, the whole site and no Domain, and a sibling
// host cannot plant one. Plain http is for loopback only.
type Jar struct {
	Secure bool // the host is reached by https
}

// Name gives the whole name of the cookie that is called plain.
func (j Jar) Name(plain string) string {
	if j.Secure {
		return "__Host-" + plain
	}
	return plain
}

// Set writes a cookie that lives for life; zero is until the browser closes.
func (j Jar) Set(w http.ResponseWriter, plain, value string, life time.Duration) {
	http.SetCookie(w, j.cookie(plain, value, int(life.Seconds())))
}

// Drop removes a cookie.
func (j Jar) Drop(w http.ResponseWriter, plain string) { http.SetCookie(w, j.cookie(plain, "", -1)) }

func (j Jar) cookie(plain, value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: j.Name(plain), Value: value, Path: "/", MaxAge: maxAge,
		Secure: j.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

// Get reads a cookie. A name that comes twice is somebody's trick or a broken browser:
// it counts as absent.
func (j Jar) Get(r *http.Request, plain string) (string, bool) {
	found := r.CookiesNamed(j.Name(plain))
	if len(found) != 1 || found[0].Value == "" {
		return "", false
	}
	return found[0].Value, true
}

// List gives the plain names and values of all cookies with a prefix.
func (j Jar) List(r *http.Request, prefix string) map[string]string {
	all := map[string]string{}
	for _, k := range r.Cookies() {
		if rest, ok := strings.CutPrefix(k.Name, j.Name(prefix)); ok {
			all[prefix+rest] = k.Value
		}
	}
	return all
}
