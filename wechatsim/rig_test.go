package wechatsim_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechatsim"
)

const (
	service = wechatsim.DefaultServiceAccount
	website = wechatsim.DefaultWebsite
	shopID  = wechatsim.DefaultShop
	domain  = wechatsim.DefaultDomain
	base    = "snsapi_base"
	info    = "snsapi_userinfo"
)

var start = time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC) // 10:00 in China

// rig drives an emulator without a network. Its clock stands still unless
// advanced.
type rig struct {
	t testing.TB
	*wechatsim.Sim
}

func newRig(t testing.TB, change ...func(*wechatsim.Options)) *rig {
	t.Helper()
	o := wechatsim.Options{Now: func() time.Time { return start }, KeepRaw: true}
	for _, f := range change {
		f(&o)
	}
	sim, err := wechatsim.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return &rig{t: t, Sim: sim}
}

func with(sw wechatsim.Switches) func(*wechatsim.Options) {
	return func(o *wechatsim.Options) { o.Switches = &sw }
}

func world(change func(*wechatsim.World)) func(*wechatsim.Options) {
	return func(o *wechatsim.Options) {
		o.World = wechatsim.DefaultWorld()
		change(o.World)
	}
}

// bothSets runs f against the strict and the lenient side.
func bothSets(t *testing.T, f func(t *testing.T, sw wechatsim.Switches)) {
	t.Run("strict", func(t *testing.T) { f(t, wechatsim.StrictSwitches()) })
	t.Run("lenient", func(t *testing.T) { f(t, wechatsim.LenientSwitches()) })
}

// do sends a request; lost says that the connection was closed instead of
// answered.
func (g *rig) do(r *http.Request) (w *httptest.ResponseRecorder, lost bool) {
	w = httptest.NewRecorder()
	defer func() {
		if e := recover(); e == http.ErrAbortHandler {
			lost = true
		} else if e != nil {
			panic(e)
		}
	}()
	g.ServeHTTP(w, r)
	return w, false
}

func (g *rig) request(method, target, body string) *httptest.ResponseRecorder {
	g.t.Helper()
	w, lost := g.do(httptest.NewRequest(method, target, strings.NewReader(body)))
	if lost {
		g.t.Fatalf("%s %s: no answer", method, target)
	}
	return w
}

// reply is a decoded JSON answer; numbers are kept as they were written.
type reply map[string]any

func (r reply) str(key string) string {
	switch v := r[key].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

func (r reply) obj(key string) reply {
	m, _ := r[key].(map[string]any)
	return m
}

func (r reply) list(key string) []any {
	l, _ := r[key].([]any)
	return l
}

// code is the errcode, "" if the answer has none.
func (r reply) code() string { return r.str("errcode") }

func decode(t testing.TB, body []byte) reply {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var out reply
	if err := dec.Decode(&out); err != nil {
		t.Fatalf("answer %q is not JSON: %v", body, err)
	}
	return out
}

// get calls path with the query made of key, value pairs.
func (g *rig) get(path string, kv ...string) reply {
	g.t.Helper()
	q := url.Values{}
	for i := 0; i < len(kv); i += 2 {
		q.Set(kv[i], kv[i+1])
	}
	return decode(g.t, g.request(http.MethodGet, path+"?"+q.Encode(), "").Body.Bytes())
}

func (g *rig) post(target, body string) reply {
	g.t.Helper()
	return decode(g.t, g.request(http.MethodPost, target, body).Body.Bytes())
}

func (g *rig) wantCode(got reply, want string) {
	g.t.Helper()
	if got.code() != want {
		g.t.Errorf("errcode %q (%s), want %q", got.code(), got.str("errmsg"), want)
	}
}

// link is an authorize link with the usual parts.
func link(scope, extra string) string {
	return "http://sim.localhost/connect/oauth2/authorize?appid=" + service + "&redirect_uri=" +
		url.QueryEscape("https://"+domain+"/cb") + "&response_type=code&scope=" + scope + "&state=abc" + extra + "#wechat_redirect"
}

func qrLink() string {
	return "http://sim.localhost/connect/qrconnect?appid=" + website + "&redirect_uri=" +
		url.QueryEscape("https://"+domain+"/cb") + "&response_type=code&scope=snsapi_login&state=abc#wechat_redirect"
}

// code lets a person agree and returns the code of the callback.
func (g *rig) code(person, link string) string {
	g.t.Helper()
	callback, err := g.Visit(g.t.Context(), person, link, wechatsim.Agree)
	if err != nil {
		g.t.Fatal(err)
	}
	u, err := url.Parse(callback)
	if err != nil {
		g.t.Fatal(err)
	}
	return u.Query().Get("code")
}

func (g *rig) exchange(appid, secret, code string) reply {
	g.t.Helper()
	return g.get("/sns/oauth2/access_token", "appid", appid, "secret", secret, "code", code, "grant_type", "authorization_code")
}

// login walks a person through the in-WeChat door and returns the tokens.
func (g *rig) login(person, scope string) reply {
	g.t.Helper()
	got := g.exchange(service, wechatsim.DefaultServiceSecret, g.code(person, link(scope, "")))
	if got.str("access_token") == "" {
		g.t.Fatalf("no token: %v", got)
	}
	return got
}

func (g *rig) refresh(token string) reply {
	g.t.Helper()
	return g.get("/sns/oauth2/refresh_token", "appid", service, "grant_type", "refresh_token", "refresh_token", token)
}

func (g *rig) userinfo(tokens reply) reply {
	g.t.Helper()
	return g.get("/sns/userinfo", "access_token", tokens.str("access_token"), "openid", tokens.str("openid"), "lang", "zh_CN")
}

func (g *rig) stable(force bool) reply {
	g.t.Helper()
	body := `{"grant_type":"client_credential","appid":"` + shopID + `","secret":"` + wechatsim.DefaultShopSecret + `"`
	if force {
		body += `,"force_refresh":true`
	}
	return g.post("/cgi-bin/stable_token", body+"}")
}

// shop calls a shop API with a fresh stable token.
func (g *rig) shop(path, body string) reply {
	g.t.Helper()
	target := "/channels/ec/" + path + "?access_token=" + g.stable(false).str("access_token")
	if body == "" {
		return decode(g.t, g.request(http.MethodGet, target, "").Body.Bytes())
	}
	return g.post(target, body)
}
