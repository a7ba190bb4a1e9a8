package web

import (
	"net/http"
	"strings"
)

// hsts asks browsers to come by https only, for a year. Subdomains are not
// ours to decide about.
const hsts = "max-age=31536000"

// The values that defaultHeaders fills in, made once. Nobody writes into the values
// of a header; adding one makes a new slice.
var (
	valueNosniff    = []string{"nosniff"}
	valueNoReferrer = []string{"no-referrer"}
	valueNoStore    = []string{"no-store"}
	valuePolicy     = []string{"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}
	valueHSTS       = []string{hsts}
)

// defaultHeaders fills in what is not set on any answer. What is no page of ours may
// be one that somebody uploaded to WeChat, so it loads, sends and frames nothing:
// base-uri, form-action and frame-ancestors do not follow default-src. JSON needs no policy for
// what a page may do: with nosniff no browser takes it for one. That is for the
// gateway, whose answers are JSON and many, and every header costs.
func defaultHeaders(h http.Header, https bool) {
	setDefault(h, "X-Content-Type-Options", valueNosniff)
	setDefault(h, "Cache-Control", valueNoStore)
	if !isJSON(h) {
		setDefault(h, "Referrer-Policy", valueNoReferrer)
		setDefault(h, "Content-Security-Policy", valuePolicy)
	}
	if https {
		setDefault(h, "Strict-Transport-Security", valueHSTS)
	}
}

// isJSON tells whether an answer is plain JSON, by its one type.
func isJSON(h http.Header) bool {
	kind := h["Content-Type"]
	if len(kind) != 1 {
		return false
	}
	rest, ok := strings.CutPrefix(kind[0], "application/json")
	return ok && (rest == "" || rest[0] == ';')
}

// setDefault sets a header whose name is in canonical form.
func setDefault(h http.Header, key string, value []string) {
	if _, ok := h[key]; !ok {
		h[key] = value
	}
}

// BrowserHeaders sets the headers of pages: a strict content security policy
// (no script at all), no framing, no sniffing, no referrer, no caching. A
// handler may replace any of them.
//
// formTargets are origins that a form may end at besides our own, such as the
// configured WeChat login pages: browsers apply form-action to the redirect
// that answers a POST too.
func BrowserHeaders(h http.Handler, formTargets ...string) http.Handler {
	policy := contentPolicy(formTargets)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Security-Policy", policy)
		head.Set("X-Frame-Options", "DENY")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("Cross-Origin-Opener-Policy", "same-origin")
		head.Set("Cross-Origin-Resource-Policy", "same-origin")
		head.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		head.Set("Cache-Control", "no-store")
		if Scheme(r.Context()) == "https" {
			head.Set("Strict-Transport-Security", hsts)
		}
		h.ServeHTTP(w, r)
	})
}

// contentPolicy writes the policy. Images may come from any https host
// because WeChat's avatars live on several.
func contentPolicy(formTargets []string) string {
	return strings.Join([]string{
		"default-src 'none'",
		"style-src 'self'",
		"img-src 'self' data: https:",
		strings.Join(append([]string{"form-action 'self'"}, formTargets...), " "),
		"frame-ancestors 'none'",
		"base-uri 'none'",
	}, "; ")
}
