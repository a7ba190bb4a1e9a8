package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// seen is what a handler inside of Wrap learns.
type seen struct {
	Client, Host, Scheme, Path, RawPath string
	Header                              http.Header
}

func spy(got *seen) http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		*got = seen{ClientAddr(ctx).String(), EffectiveHost(ctx), Scheme(ctx), r.URL.Path, r.URL.RawPath, r.Header}
	})
}

func TestForwardedHeadersCountFromTrustedProxiesOnly(t *testing.T) {
	forged := []string{"X-Forwarded-For", "198.51.100.9", "X-Forwarded-Host", "Evil.example", "X-Forwarded-Proto", "https", "X-Forwarded-Port", "444", "Forwarded", "for=198.51.100.9;host=evil.example"}
	for _, c := range []struct {
		name, peer         string
		headers            []string
		client, host, prot string
	}{
		{"a stranger", "192.0.2.7:4711", forged, "192.0.2.7", "keys.example.com", "http"},
		{"the proxy", "10.0.0.1:4711", forged, "198.51.100.9", "evil.example", "https"},
		{"the proxy by IPv6", "[fd00::1]:4711", forged, "198.51.100.9", "evil.example", "https"},
		{"the proxy as a mapped address", "[::ffff:10.0.0.1]:4711", forged, "198.51.100.9", "evil.example", "https"},
		{"a unix socket", "@", forged, "invalid IP", "keys.example.com", "http"},
		{"no headers", "10.0.0.1:4711", nil, "10.0.0.1", "keys.example.com", "http"},
		{"a forged start of the list", "10.0.0.1:4711", []string{"X-Forwarded-For", "203.0.113.1, 198.51.100.9, 10.0.0.2"}, "198.51.100.9", "keys.example.com", "http"},
		{"two header lines", "10.0.0.1:4711", []string{"X-Forwarded-For", "203.0.113.1", "X-Forwarded-For", "198.51.100.9"}, "198.51.100.9", "keys.example.com", "http"},
		{"only proxies", "10.0.0.1:4711", []string{"X-Forwarded-For", "10.0.0.3, 10.0.0.2"}, "10.0.0.3", "keys.example.com", "http"},
		{"with a port", "10.0.0.1:4711", []string{"X-Forwarded-For", "203.0.113.1, 198.51.100.9:4711, 10.0.0.2:80"}, "198.51.100.9", "keys.example.com", "http"},
		{"IPv6", "10.0.0.1:4711", []string{"X-Forwarded-For", "203.0.113.1, 2001:db8::1"}, "2001:db8::1", "keys.example.com", "http"},
		{"IPv6 with a port", "10.0.0.1:4711", []string{"X-Forwarded-For", "203.0.113.1, [2001:db8::1]:4711, [fd00::2]:80"}, "2001:db8::1", "keys.example.com", "http"},
		{"IPv6 in brackets", "10.0.0.1:4711", []string{"X-Forwarded-For", "203.0.113.1, [2001:db8::1]"}, "2001:db8::1", "keys.example.com", "http"},
		{"a zone", "10.0.0.1:4711", []string{"X-Forwarded-For", "203.0.113.1, [fe80::1%eth0]:80"}, "fe80::1", "keys.example.com", "http"},
		{"a mapped address with a port", "10.0.0.1:4711", []string{"X-Forwarded-For", "203.0.113.1, [::ffff:198.51.100.9]:80"}, "198.51.100.9", "keys.example.com", "http"},
		{"a port that is none", "10.0.0.1:4711", []string{"X-Forwarded-For", "203.0.113.1, 198.51.100.9:http"}, "10.0.0.1", "keys.example.com", "http"},
		{"half a bracket", "10.0.0.1:4711", []string{"X-Forwarded-For", "203.0.113.1, [2001:db8::1"}, "10.0.0.1", "keys.example.com", "http"},
		{"IPv4 in brackets", "10.0.0.1:4711", []string{"X-Forwarded-For", "203.0.113.1, [198.51.100.9]"}, "10.0.0.1", "keys.example.com", "http"},
		{"no address", "10.0.0.1:4711", []string{"X-Forwarded-For", "unknown"}, "10.0.0.1", "keys.example.com", "http"},
		{"a list of hosts", "10.0.0.1:4711", []string{"X-Forwarded-Host", "evil.example, keys.example.com"}, "10.0.0.1", "keys.example.com", "http"},
		{"an odd host", "10.0.0.1:4711", []string{"X-Forwarded-Host", "evil.example/x"}, "10.0.0.1", "keys.example.com", "http"},
		{"an odd scheme", "10.0.0.1:4711", []string{"X-Forwarded-Proto", "javascript"}, "10.0.0.1", "keys.example.com", "http"},
		{"odd spellings", "10.0.0.1:4711", []string{"X_Forwarded_Host", "evil.example", "X-Real-Ip", "198.51.100.9"}, "10.0.0.1", "keys.example.com", "http"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got seen
			r := request(t, "GET", "http://keys.example.com/x", c.peer, c.headers...)
			newStage(t, spy(&got)).serve(r)
			if got.Client != c.client || got.Host != c.host || got.Scheme != c.prot {
				t.Errorf("client %s, host %s, scheme %s", got.Client, got.Host, got.Scheme)
			}
		})
	}
}

func TestSchemeOfTLS(t *testing.T) {
	var got seen
	w := newStage(t, spy(&got)).serve(request(t, "GET", "https://keys.example.com/", "192.0.2.7:1", "X-Forwarded-Proto", "http"))
	if got.Scheme != "https" || w.Header().Get("Strict-Transport-Security") == "" {
		t.Errorf("scheme %s, headers %v", got.Scheme, w.Header())
	}
}

func TestIdentityHeadersNeverComeIn(t *testing.T) {
	names := []string{"X-Zhanggui-Person", "X-Zhanggui-Shop", "X-Zhanggui-Role", "X-Zhanggui-Assertion", "X-Zhanggui-Anything",
		"X_Zhanggui_Person", "X-Zhanggui_Role", "x_zhanggui-person", "x-zhanggui-person", "X-ZHANGGUI-PERSON", "x-ZhangGui_Shop",
		"X_Zhanggui_Wait", "X-Zhanggui-Wait-Person"}
	for _, peer := range []string{"192.0.2.7:1", "10.0.0.1:1", "@"} {
		var headers []string
		for _, n := range names {
			headers = append(headers, n, "p_forged", n, "p_forged_again")
		}
		var got seen
		newStage(t, spy(&got)).serve(request(t, "GET", "/auth", peer, append(headers, "Authorization", "Bearer zgc_x")...))
		if diff := cmp.Diff(http.Header{"Authorization": {"Bearer zgc_x"}}, got.Header); diff != "" {
			t.Errorf("from %s (-want +got):\n%s", peer, diff)
		}
	}
}

// How long to wait is a wish of the caller's, in one spelling.
func TestAWishToWaitComesIn(t *testing.T) {
	var got seen
	newStage(t, spy(&got)).serve(request(t, "GET", "/wx", "192.0.2.7:1", "X-Zhanggui-Wait", "10s", "X_Zhanggui_Wait", "1s", "x-zhanggui_wait", "2s"))
	if diff := cmp.Diff(http.Header{"X-Zhanggui-Wait": {"10s"}}, got.Header); diff != "" {
		t.Error(diff)
	}
}

func TestForwardingHeadersReachHandlersFromProxiesOnly(t *testing.T) {
	for peer, want := range map[string]http.Header{
		"192.0.2.7:1": {},
		"10.0.0.1:1":  {"X-Forwarded-Uri": {"/private"}, "X-Forwarded-Method": {"POST"}},
	} {
		var got seen
		newStage(t, spy(&got)).serve(request(t, "GET", "/auth", peer, "X-Forwarded-Uri", "/private", "X-Forwarded-Method", "POST", "X_Forwarded_Uri", "/other"))
		if diff := cmp.Diff(want, got.Header); diff != "" {
			t.Errorf("from %s (-want +got):\n%s", peer, diff)
		}
	}
}

func TestPathPrefix(t *testing.T) {
	for target, want := range map[string]string{
		"/zhanggui":                    "/",
		"/zhanggui/":                   "/",
		"/zhanggui/login?rd=/":         "/login",
		"/zhanggui/wx/a%2Fb/c":         "/wx/a/b/c",
		"/zhangguix/login":             "/zhangguix/login",
		"/MP_verify_0123456789.txt":    "/MP_verify_0123456789.txt",
		"/login":                       "/login",
		"/zhanggui/zhanggui/x":         "/zhanggui/x",
		"/zhanggui//evil.example":      "//evil.example",
		"/%7Ahanggui/login":            "/%7Ahanggui/login",
		"/zhanggui/../zhanggui/secret": "/../zhanggui/secret",
	} {
		var got seen
		newStage(t, spy(&got)).serve(request(t, "GET", target, "192.0.2.7:1"))
		u := url.URL{Path: got.Path, RawPath: got.RawPath}
		if got.Path != want && u.EscapedPath() != want {
			t.Errorf("%s: path %q, raw %q, want %q", target, got.Path, got.RawPath, want)
		}
	}
}

func TestLogHoldsTheRouteAndNoInput(t *testing.T) {
	const bait = "BAIT-7f3a"
	mux := http.NewServeMux()
	mux.Handle("GET /oauth/callback/{app}", Machine(func(w http.ResponseWriter, _ *http.Request) error {
		_, err := fmt.Fprint(w, "welcome")
		return err
	}))
	mux.Handle("GET /url", Machine(failing(&url.Error{Op: "Get", URL: "https://api.weixin.qq.com/sns?access_token=" + bait, Err: errors.New("refused")})))
	s := newStage(t, mux)
	headers := []string{"User-Agent", bait, "Referer", "https://x/" + bait, "Cookie", bait + "=1", "Authorization", bait, "X-Request-Id", bait}

	w := s.serve(request(t, "GET", "/oauth/callback/"+bait+"?code="+bait, "192.0.2.7:1", headers...))
	if strings.Contains(s.log.String(), bait) {
		t.Errorf("the log holds input: %s", s.log.String())
	}
	line := s.line(t)
	delete(line, "time")
	want := map[string]any{
		"level": "INFO", "msg": "request", "method": "GET", "route": "GET /oauth/callback/{app}", "status": 200.0,
		"bytes": 7.0, "took": 1e9, "request": w.Header().Get("X-Request-Id"),
	}
	if diff := cmp.Diff(want, line); diff != "" {
		t.Errorf("line (-want +got):\n%s", diff)
	}

	for _, r := range []*http.Request{
		request(t, bait, "/"+bait, "192.0.2.7:1", headers...),
		request(t, "GET", "/url?"+bait, "192.0.2.7:1", headers...),
	} {
		s.serve(r)
		if strings.Contains(s.log.String(), bait) {
			t.Errorf("the log holds input: %s", s.log.String())
		}
		s.line(t)
	}
}

func TestPatternSurvivesInnerRequests(t *testing.T) {
	inner := http.NewServeMux()
	inner.Handle("GET /admin/{id}", Machine(func(http.ResponseWriter, *http.Request) error { return nil }))
	outer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { inner.ServeHTTP(w, r.Clone(r.Context())) })
	s := newStage(t, outer)
	s.serve(request(t, "GET", "/admin/7", "192.0.2.7:1"))
	if got := s.line(t)["route"]; got != "GET /admin/{id}" {
		t.Errorf("route %v", got)
	}
	s.serve(request(t, "GET", "/nowhere", "192.0.2.7:1"))
	if got := s.line(t)["route"]; got != "unmatched" {
		t.Errorf("route %v", got)
	}
}

func TestPanicIs500WithoutItsValue(t *testing.T) {
	const bait = "BAIT-7f3a"
	for name, v := range map[string]any{"text": bait, "error": errors.New(bait), "struct": struct{ S string }{bait}} {
		s := newStage(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "3")
			panic(v)
		}))
		w := s.serve(request(t, "GET", "/", "192.0.2.7:1"))
		if p := decodeProblem(t, w); p["code"] != "internal" || w.Code != 500 {
			t.Errorf("%s: %d %v", name, w.Code, p)
		}
		if strings.Contains(s.log.String()+w.Body.String(), bait) {
			t.Errorf("%s: the value is printed:\n%s", name, s.log.String())
		}
		if !strings.Contains(s.log.String(), "TestPanicIs500WithoutItsValue") {
			t.Errorf("%s: the log does not say where:\n%s", name, s.log.String())
		}
		if line := s.line(t); line["status"] != 500.0 || line["level"] != "ERROR" {
			t.Errorf("%s: line %v", name, line)
		}
	}
}

func TestPanicAfterTheAnswerBeganAborts(t *testing.T) {
	for name, v := range map[string]any{"a fault": "boom", "on purpose": http.ErrAbortHandler} {
		s := newStage(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "half")
			panic(v)
		}))
		func() {
			defer func() {
				if got := recover(); got != http.ErrAbortHandler {
					t.Errorf("%s: panics with %v", name, got)
				}
			}()
			s.ServeHTTP(httptest.NewRecorder(), request(t, "GET", "/", "192.0.2.7:1"))
		}()
		s.line(t)
	}
}

func TestFactsOutsideOfWrapAreEmpty(t *testing.T) {
	ctx := t.Context()
	if RequestID(ctx) != "" || ClientAddr(ctx) != (netip.Addr{}) || EffectiveHost(ctx) != "" || Scheme(ctx) != "" {
		t.Error("facts without Wrap")
	}
}

func TestZeroOptionsWork(t *testing.T) {
	w := httptest.NewRecorder()
	Wrap(Machine(NotFound), Options{}).ServeHTTP(w, request(t, "GET", "/x", "192.0.2.7:1"))
	if w.Code != 404 || len(RequestID(t.Context())) != 0 || len(w.Header().Get("X-Request-Id")) < 20 {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}
