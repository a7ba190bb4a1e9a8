package web

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBrowserHeaders(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) })
	w := newStage(t, BrowserHeaders(page, "https://open.weixin.qq.com")).serve(request(t, "GET", "https://keys.example.com/", "192.0.2.7:1"))
	w.Header().Del("X-Request-Id")
	want := http.Header{
		"Content-Security-Policy": {"default-src 'none'; style-src 'self'; img-src 'self' data: https:; " +
			"form-action 'self' https://open.weixin.qq.com; frame-ancestors 'none'; base-uri 'none'"},
		"X-Frame-Options":              {"DENY"},
		"X-Content-Type-Options":       {"nosniff"},
		"Referrer-Policy":              {"no-referrer"},
		"Cross-Origin-Opener-Policy":   {"same-origin"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"Permissions-Policy":           {"camera=(), geolocation=(), microphone=(), payment=(), usb=()"},
		"Cache-Control":                {"no-store"},
		"Strict-Transport-Security":    {"max-age=31536000"},
	}
	if diff := cmp.Diff(want, w.Header()); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	w = newStage(t, BrowserHeaders(page)).serve(request(t, "GET", "http://localhost:8080/", "127.0.0.1:1"))
	if v := w.Header().Get("Strict-Transport-Security"); v != "" {
		t.Errorf("HSTS over http: %s", v)
	}
}

func TestEveryAnswerHasDefaultHeaders(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"nothing written": func(http.ResponseWriter, *http.Request) {},
		"a status":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"a body":          func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("x")) },
		"early hints": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusOK)
			w.WriteHeader(http.StatusTeapot)
		},
	} {
		s := newStage(t, h)
		w := s.serve(request(t, "GET", "/", "192.0.2.7:1"))
		for k, v := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
			"Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"} {
			if got := w.Header().Values(k); len(got) != 1 || got[0] != v {
				t.Errorf("%s: %s is %q", name, k, got)
			}
		}
		if st := s.line(t)["status"]; st != 200.0 && st != 204.0 {
			t.Errorf("%s: logged status %v", name, st)
		}
	}
}

func TestDefaultHeadersLeaveOthersAlone(t *testing.T) {
	w := newStage(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("Cache-Control", "max-age=60")
		w.Header()["Referrer-Policy"] = nil // a proxy's way to send none
		w.WriteHeader(200)
	})).serve(request(t, "GET", "/", "192.0.2.7:1"))
	if got := w.Header().Values("Cache-Control"); len(got) != 1 || got[0] != "max-age=60" {
		t.Errorf("Cache-Control %q", got)
	}
	if got := w.Header().Values("Referrer-Policy"); len(got) != 0 {
		t.Errorf("Referrer-Policy %q", got)
	}
}

func TestJSONNeedsNoPolicyOfPages(t *testing.T) {
	for kind, policy := range map[string]bool{
		"application/json": false, "application/json; encoding=utf-8": false,
		"application/json5": true, "application/problem+json": true, "text/html": true, "text/plain": true, "": true,
		"text/html, application/json": true, "application/jsonx; application/json": true,
	} {
		s := newStage(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(200)
		}))
		w := s.serve(request(t, "GET", "/", "192.0.2.7:1"))
		if got := w.Header().Get("Content-Security-Policy") != ""; got != policy || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%q: headers %v", kind, w.Header())
		}
	}
	both := http.Header{"Content-Type": {"application/json", "text/html"}}
	if isJSON(both) || isJSON(http.Header{}) {
		t.Error("two types, or none, are no JSON")
	}
}
