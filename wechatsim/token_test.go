package wechatsim_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechatsim"
)

const shopSecret = wechatsim.DefaultShopSecret

func (g *rig) cgi(appid, secret string) reply {
	g.t.Helper()
	return g.get("/cgi-bin/token", "grant_type", "client_credential", "appid", appid, "secret", secret)
}

// alive calls a shop API with the token and returns the errcode.
func (g *rig) alive(token string) string {
	g.t.Helper()
	return g.get("/channels/ec/basics/info/get", "access_token", token).code()
}

func TestCGITokenEndsItsPredecessor(t *testing.T) {
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		g := newRig(t, with(sw))
		first := g.cgi(shopID, shopSecret).str("access_token")
		second := g.cgi(shopID, shopSecret).str("access_token")
		if first == second {
			t.Fatal("two fetches gave one token")
		}
		if sw.CGITokenOverlap > 0 {
			if got := g.alive(first); got != "0" {
				t.Errorf("within the overlap: %s", got)
			}
			g.Advance(sw.CGITokenOverlap.Std())
		}
		if got := g.alive(first); got != "40001" {
			t.Errorf("predecessor answers %s, want 40001", got)
		}
		if got := g.alive(second); got != "0" {
			t.Errorf("successor answers %s, want 0", got)
		}
	})
}

func TestTokenEndpointsAreIsolated(t *testing.T) {
	g := newRig(t)
	cgi := g.cgi(shopID, shopSecret).str("access_token")
	stable := g.stable(false).str("access_token")
	g.stable(true)
	if got := g.alive(cgi); got != "0" {
		t.Errorf("a forced stable token ended the other kind: %s", got)
	}
	if got := g.alive(stable); got != "40001" {
		t.Errorf("the forced-out token answers %s, want 40001", got)
	}
	again := g.stable(false).str("access_token")
	g.cgi(shopID, shopSecret)
	if got := g.alive(again); got != "0" {
		t.Errorf("a fetch from /cgi-bin/token ended the stable token: %s", got)
	}
}

func TestStableTokenNormalMode(t *testing.T) {
	tests := []struct {
		life, window time.Duration
	}{
		{7200 * time.Second, 5 * time.Minute},
		{330 * time.Second, 5 * time.Minute},
		{300 * time.Second, 200 * time.Second},
		{30 * time.Second, 20 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.life.String(), func(t *testing.T) {
			g := newRig(t, world(func(w *wechatsim.World) { w.TokenLife = wechatsim.Duration(tt.life) }))
			first := g.stable(false)
			g.Advance(tt.life - tt.window - time.Second)
			if got := g.stable(false); got.str("access_token") != first.str("access_token") {
				t.Fatal("a second before the window the token changed")
			}
			g.Advance(time.Second)
			next := g.stable(false)
			if next.str("access_token") == first.str("access_token") {
				t.Fatal("in the window there is no successor")
			}
			g.Advance(tt.window - time.Second)
			if a, b := g.alive(first.str("access_token")), g.alive(next.str("access_token")); a != "0" || b != "0" {
				t.Errorf("within the window both must work: %s and %s", a, b)
			}
			g.Advance(time.Second)
			if got := g.alive(first.str("access_token")); got != "42001" {
				t.Errorf("after its end the old one answers %s, want 42001", got)
			}
		})
	}
}

func TestForceRefreshSpacing(t *testing.T) {
	g := newRig(t)
	first := g.stable(true).str("access_token")
	g.Advance(29 * time.Second)
	if got := g.stable(true).str("access_token"); got != first {
		t.Error("a force within 30 s refreshed, want the same token in silence")
	}
	g.Advance(time.Second)
	if got := g.stable(true).str("access_token"); got == first {
		t.Error("a force after 30 s did not refresh")
	}
}

func TestForceRefreshPerDay(t *testing.T) {
	g := newRig(t)
	for i := range 20 {
		g.Advance(31 * time.Second)
		if got := g.stable(true); got.code() != "" {
			t.Fatalf("force %d: %v", i+1, got)
		}
	}
	g.Advance(31 * time.Second)
	g.wantCode(g.stable(true), "45009")
	g.wantCode(g.stable(false), "")
	g.Advance(14 * time.Hour) // midnight in China
	g.wantCode(g.stable(true), "")
}

func TestTokenErrors(t *testing.T) {
	tests := []struct {
		name                  string
		grant, appid, sec     string
		cgi, stable, switched string
	}{
		{"grant", "x", shopID, shopSecret, "40002", "40002", "40002"},
		{"no appid", "client_credential", "", shopSecret, "41002", "41002", "41002"},
		{"no secret", "client_credential", shopID, "", "41004", "41004", "41004"},
		{"unknown app", "client_credential", "wx00000000000000ff", shopSecret, "40013", "40013", "40013"},
		{"website app", "client_credential", website, wechatsim.DefaultWebsiteSecret, "48001", "48001", "48001"},
		{"wrong secret", "client_credential", shopID, "wrong", "40001", "40125", "40125"},
	}
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		g := newRig(t, with(sw))
		for _, tt := range tests {
			wantCGI := tt.cgi
			if sw.WrongSecretCode != 0 {
				wantCGI = tt.switched
			}
			if got := g.get("/cgi-bin/token", "grant_type", tt.grant, "appid", tt.appid, "secret", tt.sec); got.code() != wantCGI {
				t.Errorf("%s: token %v, want %s", tt.name, got, wantCGI)
			}
			body, _ := json.Marshal(map[string]string{"grant_type": tt.grant, "appid": tt.appid, "secret": tt.sec})
			if got := g.post("/cgi-bin/stable_token", string(body)); got.code() != tt.stable {
				t.Errorf("%s: stable_token %v, want %s", tt.name, got, tt.stable)
			}
		}
	})
}

func TestTokenMethodsAndBodies(t *testing.T) {
	g := newRig(t)
	g.wantCode(g.post("/cgi-bin/token", "{}"), "43001")
	g.wantCode(g.get("/cgi-bin/stable_token"), "43002")
	g.wantCode(g.post("/cgi-bin/stable_token", " "), "44002")
	g.wantCode(g.post("/cgi-bin/stable_token", "appid=1"), "47001")
	g.wantCode(g.post("/cgi-bin/stable_token", `{"appid":1}`), "47001")
	g.wantCode(g.post("/cgi-bin/stable_token", `{} {}`), "47001")
	g.wantCode(g.get("/cgi-bin/nothing"), "40066")
	w := g.request(http.MethodGet, "/cgi-bin/token", "")
	if got := w.Header().Get("Content-Type"); got != "application/json; encoding=utf-8" {
		t.Errorf("Content-Type %q", got)
	}
}

func TestFrozenAndResetSecrets(t *testing.T) {
	g := newRig(t)
	set := func(change func(*wechatsim.App)) {
		t.Helper()
		if err := g.SetApp(shopID, change); err != nil {
			t.Fatal(err)
		}
	}
	token := g.stable(false).str("access_token")
	set(func(a *wechatsim.App) { a.SecretFrozen = true })
	g.wantCode(g.stable(false), "40243")
	if got := g.alive(token); got != "0" {
		t.Errorf("a frozen secret ended a token: %s", got)
	}
	set(func(a *wechatsim.App) { a.SecretFrozen, a.Secret = false, "another" })
	g.wantCode(g.stable(false), "40125")
	if err := g.SetApp(shopID, func(a *wechatsim.App) { a.Secret = "" }); err == nil {
		t.Error("an empty secret was accepted")
	}
	if err := g.SetApp(shopID, func(a *wechatsim.App) { a.AppID = service }); err == nil {
		t.Error("an appid was changed")
	}
	if err := g.SetApp("wx00000000000000ff", func(*wechatsim.App) {}); err == nil {
		t.Error("an unknown app was changed")
	}
}

func TestAllowlist(t *testing.T) {
	serviceToken := "/cgi-bin/token?grant_type=client_credential&appid=" + service + "&secret=" + serviceSecret
	shopToken := "/cgi-bin/token?grant_type=client_credential&appid=" + shopID + "&secret=" + shopSecret
	tests := []struct {
		name, appid string
		list        []string
		from        string
		target      string
		strict      string // errcode or HTTP status
		lenient     string
	}{
		{"service refused", service, []string{"192.0.2.0/24"}, "198.51.100.7:1", serviceToken, "40164", "61004"},
		{"service listed block", service, []string{"198.51.100.0/25"}, "198.51.100.7:1", serviceToken, "", ""},
		{"service listed address", service, []string{"198.51.100.7"}, "198.51.100.7:1", serviceToken, "", ""},
		{"service empty list", service, nil, "198.51.100.7:1", serviceToken, "", ""},
		{"shop refused", shopID, []string{"192.0.2.0/24"}, "198.51.100.7:1", shopToken, "HTTP 403", "45035"},
		{"shop listed", shopID, []string{"198.51.100.0/24"}, "198.51.100.7:1", shopToken, "", ""},
		{"mapped address", shopID, []string{"198.51.100.7"}, "[::ffff:198.51.100.7]:1", shopToken, "", ""},
		{"sns", service, []string{"192.0.2.0/24"}, "198.51.100.7:1",
			"/sns/oauth2/refresh_token?grant_type=refresh_token&refresh_token=x&appid=" + service, "40164", "40030"},
	}
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		for _, tt := range tests {
			g := newRig(t, with(sw))
			if err := g.SetApp(tt.appid, func(a *wechatsim.App) { a.IPAllowlist = tt.list }); err != nil {
				t.Fatal(err)
			}
			want := tt.strict
			if !sw.SNSAllowlist {
				want = tt.lenient
			}
			r := httptest.NewRequest(http.MethodGet, tt.target, nil)
			r.RemoteAddr = tt.from
			w, _ := g.do(r)
			got := "HTTP 403"
			if w.Code == 200 {
				got = decode(t, w.Body.Bytes()).code()
			}
			if got != want {
				t.Errorf("%s: %q, want %q", tt.name, got, want)
			}
			if got == "40164" && !strings.Contains(w.Body.String(), "198.51.100.7") {
				t.Errorf("%s: the text %s does not name the address", tt.name, w.Body)
			}
		}
	})
}

func TestShopAllowlistCoversCalls(t *testing.T) {
	g := newRig(t)
	token := g.stable(false).str("access_token")
	if err := g.SetApp(shopID, func(a *wechatsim.App) { a.IPAllowlist = []string{"203.0.113.9"} }); err != nil {
		t.Fatal(err)
	}
	w := g.request(http.MethodGet, "/channels/ec/basics/info/get?access_token="+token, "")
	if w.Code != http.StatusForbidden || json.Valid(w.Body.Bytes()) {
		t.Errorf("HTTP %d %q, want a 403 that is not JSON", w.Code, w.Body)
	}
}

func TestKillTokens(t *testing.T) {
	g := newRig(t)
	token := g.stable(false).str("access_token")
	if !g.KillToken(token) || g.KillToken("unknown") {
		t.Error("KillToken does not know its tokens")
	}
	if got := g.alive(token); got != "40001" {
		t.Errorf("a killed token answers %s", got)
	}
	next := g.stable(false).str("access_token")
	if next == token || g.alive(next) != "0" {
		t.Error("stable_token does not heal a killed token")
	}
	if n := g.KillTokens(shopID, "cgi"); n != 0 {
		t.Errorf("%d tokens of a kind that was never fetched were killed", n)
	}
	if n := g.KillTokens(shopID, "stable"); n != 1 {
		t.Errorf("%d stable tokens killed, want 1", n)
	}
	user := g.login("owner", info)
	if !g.KillToken(user.str("access_token")) || !g.KillToken(user.str("refresh_token")) {
		t.Error("KillToken does not know a user's tokens")
	}
	g.wantCode(g.refresh(user.str("refresh_token")), "40030")
	user = g.login("owner", info)
	if n := g.KillTokens(service, "user"); n != 1 {
		t.Errorf("%d user tokens killed, want 1", n)
	}
	g.wantCode(g.userinfo(user), "40001")
	user = g.refresh(user.str("refresh_token"))
	g.wantCode(g.userinfo(user), "")
	if n := g.KillTokens(service, "refresh"); n != 1 {
		t.Errorf("%d refresh tokens killed, want 1", n)
	}
	g.wantCode(g.refresh(user.str("refresh_token")), "40030")
}

func TestShopCallGate(t *testing.T) {
	g := newRig(t)
	shopToken := g.stable(false).str("access_token")
	serviceToken := g.cgi(service, serviceSecret).str("access_token")
	user := g.login("owner", info).str("access_token")
	tests := []struct {
		name, method, path, token, body, want string
	}{
		{"ok", "POST", "product/list/get", shopToken, "{}", "0"},
		{"no token", "POST", "product/list/get", "", "{}", "41001"},
		{"malformed", "POST", "product/list/get", "abc", "{}", "40014"},
		{"unknown", "POST", "product/list/get", shopToken[:len(shopToken)-1] + "!", "{}", "40001"},
		{"a user's token", "POST", "product/list/get", user, "{}", "40001"},
		{"another kind of app", "POST", "product/list/get", serviceToken, "{}", "48001"},
		{"empty body", "POST", "product/list/get", shopToken, "", "44002"},
		{"no JSON", "POST", "product/list/get", shopToken, "status=5", "47001"},
		{"a list", "POST", "product/list/get", shopToken, "[]", "47001"},
		{"GET", "GET", "product/list/get", shopToken, "", "43002"},
		{"POST to info", "POST", "basics/info/get", shopToken, "{}", "43001"},
		{"unknown path", "POST", "product/nothing", shopToken, "{}", "40066"},
	}
	for _, tt := range tests {
		w := g.request(tt.method, "/channels/ec/"+tt.path+"?access_token="+tt.token, tt.body)
		if got := decode(t, w.Body.Bytes()); w.Code != 200 || got.code() != tt.want {
			t.Errorf("%s: HTTP %d %v, want %s", tt.name, w.Code, got, tt.want)
		}
	}
}

func TestErrcodeAsString(t *testing.T) {
	g := newRig(t)
	if err := g.SetSwitches(func(sw *wechatsim.Switches) { sw.ErrcodeAsString = true }); err != nil {
		t.Fatal(err)
	}
	w := g.request(http.MethodGet, "/channels/ec/basics/info/get", "")
	if !strings.Contains(w.Body.String(), `"errcode":"41001"`) {
		t.Errorf("body %s, want errcode as a string", w.Body)
	}
}

func TestQuota(t *testing.T) {
	const path = "/channels/ec/product/list/get"
	g := newRig(t, world(func(w *wechatsim.World) {
		w.Limits = []wechatsim.Limit{{Path: path, Daily: 3, PerMinute: 2}}
	}))
	g.wantCode(g.shop("product/list/get", "{}"), "0")
	g.wantCode(g.shop("product/list/get", "{}"), "0")
	g.wantCode(g.shop("product/list/get", "{}"), "45011")
	g.Advance(time.Minute)
	g.wantCode(g.shop("product/list/get", "{}"), "0")
	g.wantCode(g.shop("product/list/get", "{}"), "45009")
	token := g.stable(false).str("access_token")
	ask := func(body string) reply { return g.post("/cgi-bin/openapi/quota/get?access_token="+token, body) }
	got := ask(`{"cgi_path":"` + path + `"}`)
	if q := got.obj("quota"); q.str("daily_limit") != "3" || q.str("used") != "3" || q.str("remain") != "0" {
		t.Errorf("quota %v", got)
	}
	g.wantCode(g.shop("product/get", `{"product_id":"1"}`), "10020052")
	g.Advance(14 * time.Hour)
	g.wantCode(g.shop("product/list/get", "{}"), "0")
	token = g.stable(false).str("access_token")
	for body, want := range map[string]string{
		`{"cgi_path":"channels/ec/order/get"}`:      "76003",
		`{"cgi_path":"/channels/ec/order/get?a=b"}`: "76003",
		`{"cgi_path":"/channels/ec/nothing"}`:       "76021",
		`{"cgi_path":"/sns/userinfo"}`:              "76022",
		`{`:                                         "47001",
	} {
		if got := ask(body); got.code() != want {
			t.Errorf("%s: %v, want %s", body, got, want)
		}
	}
	token = g.cgi(service, serviceSecret).str("access_token")
	g.wantCode(ask(`{"cgi_path":"`+path+`"}`), "76022")
	token = ""
	g.wantCode(ask(`{"cgi_path":"`+path+`"}`), "41001")
}
