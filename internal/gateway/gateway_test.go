package gateway

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
)

func TestACallReachesWeChat(t *testing.T) {
	type seen struct{ Method, Path, Query, Body, Type, Host string }
	got := make(chan seen, 1)
	r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got <- seen{r.Method, r.URL.Path, r.URL.RawQuery, string(b), r.Header.Get("Content-Type"), r.Host}
		w.Header().Set("Content-Type", "application/json; encoding=utf-8")
		io.WriteString(w, `{"errcode":0,"errmsg":"ok","order":{"order_id":"1"}}`)
	})
	a := r.post(t, readPath+"?b=%E5%BA%97&a=1+2", `{"order_id":"1"}`, "Content-Type", "application/json")
	want := seen{"POST", readPath, "b=%E5%BA%97&a=1+2&access_token=" + bait + "_a", `{"order_id":"1"}`, "application/json", strings.TrimPrefix(r.APIHosts[0], "http://")}
	if diff := cmp.Diff(want, <-got); diff != "" {
		t.Error(diff)
	}
	if a.StatusCode != 200 || a.body != `{"errcode":0,"errmsg":"ok","order":{"order_id":"1"}}` {
		t.Errorf("answer %d %s", a.StatusCode, a.body)
	}
	for name, want := range map[string]string{
		headerErrcode: "0", headerAttempt: "1", headerCause: "", headerRID: "",
		"Content-Type": "application/json; encoding=utf-8",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if a.Header.Get(headerRequest) == "" {
		t.Error("no request id")
	}
	if diff := cmp.Diff(observed{"order", 200, "ok", 1}, r.last(), cmp.AllowUnexported(observed{})); diff != "" {
		t.Error(diff)
	}
	r.clean(t, a.body)
}

func TestWeChatsErrorsAreExplainedInHeaders(t *testing.T) {
	const body = `{"errcode":45009,"errmsg":"reach max api daily quota limit rid: 61725984-6126f6f9-040f19c4"}`
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) })
	a := r.post(t, readPath, `{}`)
	if a.body != body || a.StatusCode != 200 {
		t.Errorf("the answer was changed: %d %s", a.StatusCode, a.body)
	}
	if a.Header.Get(headerErrcode) != "45009" || a.Header.Get(headerRID) != "61725984-6126f6f9-040f19c4" || a.Header.Get(headerCause) == "" {
		t.Errorf("headers %v", a.Header)
	}
	if got := r.last().class; got != "slow" {
		t.Errorf("class %q", got)
	}
}

func TestOnlyListedHeadersReachWeChat(t *testing.T) {
	got := make(chan http.Header, 1)
	r := newRig(t, func(_ http.ResponseWriter, r *http.Request) { got <- r.Header })
	r.post(t, readPath, `{}`,
		"Cookie", "a=b", "X-Forwarded-For", "203.0.113.9", "Forwarded", "for=203.0.113.9", "X-Real-Ip", "203.0.113.9",
		"X-Zhanggui-Person", "p", "X-Original-Url", "/cgi-bin/token", "X-Http-Method-Override", "DELETE",
		"Proxy-Authorization", "Basic x", "Te", "trailers, deflate", "Keep-Alive", "1", "Upgrade", "h2c",
		"Connection", "Content-Type, close, Upgrade", "Idempotency-Key", "1",
		"Content-Type", "application/json", "Content-Type", "text/plain", "Accept", "a/b", "Accept", "c/d",
		"User-Agent", "erp/1", "Wechatmp-Signature", "sig")
	h := <-got
	h.Del("Content-Length")
	want := http.Header{
		"Content-Type": {"application/json"}, "Accept": {"a/b", "c/d"}, "User-Agent": {"erp/1"},
		"Wechatmp-Signature": {"sig"},
	}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Error(diff)
	}
}

func TestHeadersThatSpeakForUsAreDropped(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		for _, name := range []string{"Set-Cookie", "Strict-Transport-Security", "Alt-Svc", "Access-Control-Allow-Origin", "X-Zhanggui-Person"} {
			w.Header().Set(name, "x")
		}
		w.Header().Set("Cache-Control", "max-age=5")
		w.Header().Set("Logicret", "-1")
	})
	a := r.post(t, readPath, `{}`)
	for _, name := range []string{"Set-Cookie", "Strict-Transport-Security", "Alt-Svc", "Access-Control-Allow-Origin", "X-Zhanggui-Person"} {
		if v := a.Header.Get(name); v != "" {
			t.Errorf("%s: %s reached the caller", name, v)
		}
	}
	if got := a.Header.Values("Cache-Control"); len(got) != 1 || got[0] != "max-age=5" || a.Header.Get("Logicret") != "-1" {
		t.Errorf("WeChat's own headers were changed: %v", a.Header)
	}
}

// A file that somebody uploaded may be HTML, and an alias stands in an address that a
// browser can open: what protects our pages from it is not WeChat's to say, and no
// cache on the way keeps it for whoever sends the same address later.
func TestBrowsersAreToldWhatWeSay(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range map[string]string{
			"Content-Security-Policy": "default-src *", "Content-Security-Policy-Report-Only": "default-src *; report-uri /x", "X-Content-Type-Options": "none",
			"Referrer-Policy": "unsafe-url", "Service-Worker-Allowed": "/", "Refresh": "0;url=//elsewhere.example", "X-Frame-Options": "ALLOWALL",
			"Cross-Origin-Resource-Policy": "cross-origin", "Content-Type": "text/html", "Cache-Control": "public, max-age=600", "Expires": "Fri, 01 Jan 2100 00:00:00 GMT",
		} {
			w.Header().Set(name, value)
		}
		io.WriteString(w, "<script>alert(1)</script>")
	}, withAliases)
	a := r.do(t, "GET", "", "/cgi-bin/media/get?access_token="+r.aliasOf(writeKey, "lantian"), "")
	got := map[string]string{}
	for _, name := range []string{"Content-Security-Policy", "Content-Security-Policy-Report-Only", "X-Content-Type-Options", "Referrer-Policy",
		"Service-Worker-Allowed", "Refresh", "X-Frame-Options", "Cross-Origin-Resource-Policy", "Cache-Control", "Expires", "Content-Type"} {
		if v := a.Header.Get(name); v != "" {
			got[name] = v
		}
	}
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", "X-Content-Type-Options": "nosniff",
		"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "Content-Type": "text/html",
	}
	if diff := cmp.Diff(want, got); diff != "" || a.StatusCode != 200 {
		t.Error(a.StatusCode, diff)
	}
}

func TestRedirectsArePassedBackWithoutTheToken(t *testing.T) {
	var calls atomic.Int32
	r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		http.Redirect(w, r, "https://elsewhere.example"+r.URL.RequestURI(), http.StatusMovedPermanently)
	})
	a := r.do(t, "GET", writeKey, "/wx/lantian"+readPath+"?a=1", "")
	if a.StatusCode != 301 || calls.Load() != 1 || !strings.HasPrefix(a.Header.Get("Location"), "https://elsewhere.example"+readPath) {
		t.Errorf("%d %v after %d calls", a.StatusCode, a.Header, calls.Load())
	}
	r.clean(t, a.Header.Get("Location"), a.body)
}

func TestNewRefusesBadConfiguration(t *testing.T) {
	good := func() Config {
		s := newStore()
		return Config{Clients: s, Directory: s, Tokens: &fakeTokens{}, Transports: NewTransports(EgressOptions{}).For}
	}
	for name, change := range map[string]func(*Config){
		"no clients":    func(c *Config) { c.Clients = nil },
		"no directory":  func(c *Config) { c.Directory = nil },
		"no tokens":     func(c *Config) { c.Tokens = nil },
		"no transports": func(c *Config) { c.Transports = nil },
		"plain http":    func(c *Config) { c.APIHosts = []string{"http://api.weixin.qq.com"} },
		"path":          func(c *Config) { c.APIHosts = []string{"https://h/x"} },
		"password":      func(c *Config) { c.APIHosts = []string{"https://u:BAIT-7Wv9@h"} },
		"query":         func(c *Config) { c.APIHosts = []string{"https://h?x=1"} },
		"no host":       func(c *Config) { c.APIHosts = []string{"https:///x"} },
		"not a URL":     func(c *Config) { c.APIHosts = []string{"https://h:BAIT-7Wv9"} },
		"no scheme":     func(c *Config) { c.APIHosts = []string{"h"} },
	} {
		t.Run(name, func(t *testing.T) {
			c := good()
			change(&c)
			_, err := New(c)
			if err == nil || strings.Contains(err.Error(), bait) {
				t.Errorf("err = %v", err)
			}
		})
	}
	c := good()
	c.APIHosts = []string{"https://api.weixin.qq.com/", "http://127.0.0.1:8081", "http://[::1]:1", "http://wechat.localhost:2", "http://localhost"}
	if _, err := New(c); err != nil {
		t.Error(err)
	}
	if _, err := New(good()); err != nil {
		t.Error(err)
	}
}

func TestTheNextHostIsTriedOnlyIfNothingWasSent(t *testing.T) {
	var calls atomic.Int32
	r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if calls.Add(1) == 1 {
			w.Write(b)
			return
		}
		panic(http.ErrAbortHandler)
	})
	up := r.APIHosts[0]
	r.store.with(func(s *fakeStore) {
		app := s.apps["lantian-app"]
		app.APIHosts = []string{"http://127.0.0.1:1", up, up}
		s.apps["lantian-app"] = app
	})
	if a := r.post(t, writePath, "kept"); a.StatusCode != 200 || a.body != "kept" {
		t.Errorf("first: %d %s", a.StatusCode, a.body)
	}
	if a := r.post(t, writePath, "kept"); a.StatusCode != 502 || calls.Load() != 2 {
		t.Errorf("second: %d after %d calls: a call was repeated whose outcome is unknown", a.StatusCode, calls.Load())
	}
	// A stream survives the dead host too: nothing of it was read.
	calls.Store(0)
	if a := r.post(t, writePath, strings.Repeat("x", KeptBody+1)); a.StatusCode != 200 || len(a.body) != KeptBody+1 {
		t.Errorf("stream: %d, %d bytes: %.300s", a.StatusCode, len(a.body), a.body)
	}
}

func TestSettingsOfAnAppAreChecked(t *testing.T) {
	r := newRig(t, func(http.ResponseWriter, *http.Request) {})
	for _, change := range []func(*fakeStore){
		func(s *fakeStore) { s.apps["lantian-app"] = appWith("ftp://x", "") },
		func(s *fakeStore) { s.apps["lantian-app"] = appWith("https://x", "what?") },
		func(s *fakeStore) { delete(s.apps, "lantian-app") },
	} {
		r.Forget()
		r.store.with(change)
		if a := r.post(t, readPath, `{}`); a.StatusCode != 503 {
			t.Errorf("answer %d %s", a.StatusCode, a.body)
		}
	}
}

func appWith(host, egress string) access.App {
	return access.App{ID: "lantian-app", APIHosts: []string{host}, Egress: egress}
}
