package gateway

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func mustURL(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.ParseRequestURI(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestParseTarget(t *testing.T) {
	got, err := parseTarget(mustURL(t, "/wx/lantian/channels/ec/order/get?a=1"))
	if want := (target{"lantian", "/channels/ec/order/get", "a=1"}); err != nil || got != want {
		t.Fatalf("got %+v, %v", got, err)
	}
	for _, raw := range []string{
		"/wx", "/wx/", "/wx/lantian", "/wx/lantian/", "/other/lantian/x", "/wx//x", "/wx/lantian//x", "/wx/lantian/x/",
		"/wx/lantian/x//y", "/wx/lantian/./x", "/wx/lantian/../x", "/wx/lantian/x/..", "/wx/lantian/x/...",
		"/wx/lantian/%2e%2e/x", "/wx/lantian/x%2fy", "/wx/lantian/x%2Fy", "/wx/lantian/x%5cy", `/wx/lantian/x\y`,
		"/wx/lantian/x%00", "/wx/lantian/%78", "/wx/lantian/x;y", "/wx/lantian/x;y=1/z", "/wx/lantian/x%3by", "/wx/lantian/x:y",
		"/wx/lantian/x@y", "/wx/lantian/x%20y", "/wx/lantian/x.json", "/wx/lantian/x+y", "/wx/lantian/x#y", "/wx/lantian/店",
		"/wx/lantian/cgi-bin%2ftoken", "/wx/lantian/x%0d%0aHost:evil", "/%77x/lantian/x", "//evil/wx/lantian/x",
		"http://evil/wx/lantian/x", "https://u@evil/wx/lantian/x", "*",
	} {
		u, err := url.ParseRequestURI(raw)
		if err != nil {
			continue // net/http answers 400 before we are asked
		}
		if got, err := parseTarget(u); err == nil {
			t.Errorf("%q was read as %+v", raw, got)
		}
	}
}

func TestRebuildQuery(t *testing.T) {
	for raw, want := range map[string]string{
		"":                                     "",
		"a=1&b=2":                              "a=1&b=2",
		"b=2&a=1&a=3":                          "b=2&a=1&a=3",
		"a":                                    "a=",
		"a=1&&b=2&":                            "a=1&b=2",
		"a=x=y":                                "a=x%3Dy",
		"a=%E5%BA%97":                          "a=%E5%BA%97",
		"a=%3B%26":                             "a=%3B%26",
		"a=x y":                                "a=x+y",
		"access_token=x":                       "",
		"access_token=x&access_token=y&a=1":    "a=1",
		"access%5Ftoken=x&a=1":                 "a=1",
		"%61ccess_token=x":                     "",
		"ACCESS_TOKEN=x&Access_Token=y":        "",
		"access-token=x&accesstoken=y":         "",
		"component_access_token=x&a=1":         "a=1",
		"authorizer_access_token=x":            "",
		"access_token":                         "",
		"a=access_token%3Dx":                   "a=access_token%3Dx",
		"resp_type=1&upload_type=0&height=100": "resp_type=1&upload_type=0&height=100",
	} {
		got, err := rebuildQuery(raw)
		if err != nil || got != want {
			t.Errorf("rebuildQuery(%q) = %q, %v; want %q", raw, got, err, want)
		}
	}
	for _, raw := range []string{
		"a=1;access_token=x", ";", "a=%zz", "%zz=1", "access_token[]=x", "access_token%5B0%5D=x", "access.token=x", "+access_token=x",
		"access_token%20=x", "acce%C5%BFs_token=x", "access%255Ftoken=x", "=x", "a=1&=", "access_token%00=x", "店=1", "a b=1",
	} {
		if got, err := rebuildQuery(raw); err == nil {
			t.Errorf("rebuildQuery(%q) = %q, want it refused", raw, got)
		}
	}
}

// capture is a way out that notes what would be sent.
type capture struct{ sent []*http.Request }

func (c *capture) RoundTrip(r *http.Request) (*http.Response, error) {
	c.sent = append(c.sent, r)
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"errcode":0}`)), Request: r}, nil
}

// send gives target to a whole gateway as a raw request line and gives what it
// sent on.
func send(t testing.TB, method, target string) []*http.Request {
	way := &capture{}
	store := newStore()
	g, err := New(Config{
		Clients: store, Directory: store, Tokens: &fakeTokens{},
		Transports: func(string) (http.RoundTripper, error) { return way, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(
		method + " " + target + " HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer " + writeKey + "\r\n\r\n")))
	if err != nil {
		return nil
	}
	rec := httptest.NewRecorder()
	g.ServeHTTP(rec, req)
	if len(way.sent) == 0 && rec.Code < 400 && !refused(rec.Body.Bytes()) {
		t.Errorf("%q: answered %d without asking: %s", target, rec.Code, rec.Body)
	}
	return way.sent
}

// refused tells whether a body is a refusal in WeChat's form, which the paths at
// the root give with HTTP 200.
func refused(body []byte) bool {
	var verdict struct{ Errcode int }
	return json.Unmarshal(body, &verdict) == nil && verdict.Errcode != 0
}

// checkSent is what must hold for whatever is sent, judged by readings that
// are as lenient as those of any program on the way.
func checkSent(t interface {
	Errorf(format string, args ...any)
}, target string, sent []*http.Request) {
	if len(sent) > 1 {
		t.Errorf("%q: sent %d times", target, len(sent))
	}
	for _, r := range sent {
		if r.URL.Scheme != "https" || r.URL.Host != "api.weixin.qq.com" || r.Host != "api.weixin.qq.com" || r.URL.User != nil {
			t.Errorf("%q went to %s, Host %s", target, r.URL.Host, r.Host)
		}
		raw := r.URL.EscapedPath()
		if raw != r.URL.Path || path.Clean(raw) != raw {
			t.Errorf("%q: path %q can be read in two ways", target, raw)
		}
		if !strings.HasPrefix(target, "/wx/lantian"+raw) {
			t.Errorf("%q: path became %q", target, raw)
		}
		if lenientClosed(raw) {
			t.Errorf("%q reached the closed path %q", target, raw)
		}
		if got := lenientTokens(r.URL.RawQuery); len(got) != 1 || got[0] != tokenOf(0).RevealString() {
			t.Errorf("%q: tokens sent %q in %q", target, got, r.URL.RawQuery)
		}
	}
}

// lenientClosed reads a path as a forgiving server would.
func lenientClosed(raw string) bool {
	for range 3 {
		if s, err := url.PathUnescape(raw); err == nil {
			raw = s
		}
	}
	s := strings.ToLower(path.Clean("/" + strings.ReplaceAll(raw, `\`, "/")))
	s, _, _ = strings.Cut(s, ";")
	for _, tree := range []string{
		"/sns", "/cgi-bin/token", "/cgi-bin/stable_token", "/cgi-bin/component", "/cgi-bin/openapi/rid",
		"/cgi-bin/openapi/quota/clear", "/cgi-bin/clear_quota",
	} {
		if s == tree || strings.HasPrefix(s, tree+"/") {
			return true
		}
	}
	return false
}

// lenientTokens finds the values of all keys that some server could take for
// the access token.
func lenientTokens(query string) (values []string) {
	for _, pair := range strings.FieldsFunc(query, func(r rune) bool { return r == '&' || r == ';' }) {
		key, value, _ := strings.Cut(pair, "=")
		for range 3 {
			if s, err := url.QueryUnescape(key); err == nil {
				key = s
			}
		}
		key = strings.ToLower(strings.Trim(strings.NewReplacer(".", "_", "-", "_", " ", "", "\x00", "", "[", "", "]", "").Replace(key), " +"))
		if key == "access_token" {
			values = append(values, value)
		}
	}
	return values
}

func TestPropertyOfTargets(t *testing.T) {
	segment := rapid.SampledFrom([]string{
		"channels", "ec", "order", "get", "cgi-bin", "token", "Token", "stable_token", "component", "sns", "openapi", "rid", "quota", "clear",
		"clear_quota", "..", ".", "", "%2e%2e", "%2f", "cgi-bin%2ftoken", "%74oken", "token;x", "token%00", `\`, "%5c", "wxa", "shop", "x@y", "token%20",
	})
	pair := rapid.SampledFrom([]string{
		"a=1", "access_token=evil", "ACCESS_TOKEN=evil", "access%5Ftoken=evil", "a=1;access_token=evil", "access_token%5b%5d=evil", "x=%26access_token%3Devil",
		"access.token=evil", "%61ccess_token=evil", "", "=", "b", "access_token", "a=%", "x=#access_token=evil", "?access_token=evil",
	})
	accepted := 0
	rapid.Check(t, func(rt *rapid.T) {
		raw := "/wx/lantian/" + strings.Join(rapid.SliceOfN(segment, 1, 5).Draw(rt, "path"), "/")
		if q := rapid.SliceOfN(pair, 0, 4).Draw(rt, "query"); len(q) > 0 {
			raw += "?" + strings.Join(q, "&")
		}
		sent := send(t, "GET", raw)
		accepted += len(sent)
		checkSent(rt, raw, sent)
	})
	if accepted == 0 {
		t.Log("no generated target was passed on this time")
	}
}

func FuzzTarget(f *testing.F) {
	for _, s := range []string{
		"/wx/lantian/channels/ec/order/get", "/wx/lantian/channels/ec/order/get?access_token=x&a=%E5%BA%97",
		"/wx/lantian/cgi-bin/getcallbackip?access%5Ftoken=x;access_token=y", "/wx/lantian/channels/ec/../../cgi-bin/token",
		"/wx/lantian/cgi-bin/%74oken", "http://evil/wx/lantian/shop/x", "/wx/lantian/wxa/x?a[]=1&b=;", "/wx/lantian/CGI-BIN/Token",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if strings.ContainsAny(raw, " \r\n") {
			return // another request line, not another target
		}
		checkSent(t, raw, send(t, "GET", raw))
	})
}
