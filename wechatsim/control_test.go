package wechatsim_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechatsim"
)

// ask calls the control API and returns status and decoded body.
func (g *rig) ask(method, target, body string) (int, reply) {
	g.t.Helper()
	w := g.request(method, target, body)
	return w.Code, decode(g.t, w.Body.Bytes())
}

func TestControlClock(t *testing.T) {
	g := newRig(t)
	if code, got := g.ask("GET", "/sim/health", ""); code != 200 || got["ok"] != true {
		t.Errorf("health: %d %v", code, got)
	}
	_, got := g.ask("POST", "/sim/clock", `{"advance":"110m"}`)
	if want := start.Add(110 * time.Minute); !g.Now().Equal(want) || got.str("offset") != "1h50m0s" {
		t.Errorf("now %v, answer %v; want %v", g.Now(), got, want)
	}
	_, got = g.ask("POST", "/sim/clock", `{"advance":"-10m"}`)
	if got.str("offset") != "1h40m0s" {
		t.Errorf("set back: %v", got)
	}
	if code, _ := g.ask("POST", "/sim/clock", `{"advance":"soon"}`); code != 422 {
		t.Errorf("HTTP %d for nonsense, want 422", code)
	}
}

func TestControlLedger(t *testing.T) {
	g := newRig(t)
	g.stable(false)
	g.get("/sns/auth")
	g.ask("POST", "/sim/clock", `{"advance":"1s"}`)
	tests := []struct {
		query string
		want  int
	}{{"", 3}, {"?path=/sns/*", 1}, {"?since=1", 2}, {"?path=/sns/auth&path=/cgi-bin/*", 2}, {"?path=/sim/clock", 1}, {"?since=99", 0}}
	for _, tt := range tests {
		if _, got := g.ask("GET", "/sim/ledger"+tt.query, ""); len(got.list("entries")) != tt.want {
			t.Errorf("%q: %v, want %d entries", tt.query, got, tt.want)
		}
	}
	if code, _ := g.ask("GET", "/sim/ledger?since=x", ""); code != 422 {
		t.Errorf("HTTP %d for since=x, want 422", code)
	}
}

func TestControlFaults(t *testing.T) {
	g := newRig(t)
	code, got := g.ask("POST", "/sim/faults", `{"path":"/sns/auth","kind":"errcode","errcode":45011,"count":2}`)
	if code != http.StatusCreated || got.str("id") != "1" {
		t.Fatalf("%d %v", code, got)
	}
	g.wantCode(g.get("/sns/auth"), "45011")
	if _, got := g.ask("GET", "/sim/faults", ""); len(got.list("faults")) != 1 {
		t.Errorf("armed: %v", got)
	}
	g.ask("DELETE", "/sim/faults", "")
	g.wantCode(g.get("/sns/auth"), "41001")
	code, got = g.ask("POST", "/sim/faults", `{"path":"x","kind":"sulk","cuont":1}`)
	if code != 422 || len(got.list("problems")) == 0 {
		t.Errorf("%d %v, want 422 with problems", code, got)
	}
}

func TestControlSwitches(t *testing.T) {
	g := newRig(t)
	code, got := g.ask("PATCH", "/sim/switches", `{"refresh_token_rotates":false,"review_takes":"3s"}`)
	if code != 200 || got["refresh_token_rotates"] != false || g.Switches().RefreshTokenRotates || g.Switches().ReviewTakes.Std() != 3*time.Second {
		t.Errorf("%d %v", code, got)
	}
	if g.Switches().TokenLength != 512 {
		t.Error("a switch that was not named changed")
	}
	for _, bad := range []string{`{"used_code":1}`, `{"rotates":true}`, `{"token_length":"512"}`} {
		if code, _ := g.ask("PATCH", "/sim/switches", bad); code != 422 {
			t.Errorf("%s: HTTP %d, want 422", bad, code)
		}
	}
	if _, got := g.ask("GET", "/sim/switches", ""); got.str("review_takes") != "3s" {
		t.Errorf("switches %v", got)
	}
}

func TestControlWorldLoadsAgain(t *testing.T) {
	g := newRig(t)
	g.ask("POST", "/sim/people/guest/snapshot", `{"on":false}`)
	w := g.request("GET", "/sim/world", "")
	loaded, err := wechatsim.LoadWorld(strings.NewReader(w.Body.String()))
	if err != nil {
		t.Fatal(err)
	}
	if loaded.People[3].Snapshot || loaded.Apps[0].Secret != serviceSecret {
		t.Errorf("the world is not as it is now: %+v", loaded)
	}
	sim, err := wechatsim.Load(loaded)
	if err != nil {
		t.Fatal(err)
	}
	if sim.CatalogueDigest(shopID) != g.CatalogueDigest(shopID) {
		t.Error("the loaded world has other goods")
	}
}

func TestControlApps(t *testing.T) {
	g := newRig(t)
	if code, got := g.ask("PATCH", "/sim/apps/"+shopID, `{"secret":"another"}`); code != 200 {
		t.Fatalf("%d %v", code, got)
	}
	g.wantCode(g.stable(false), "40125")
	for target, body := range map[string]string{
		"/sim/apps/" + shopID:   `{"secret":""}`,
		"/sim/apps/" + service:  `{"colour":"red"}`,
		"/sim/apps/" + website:  `{"appid":"wx00000000000000b2"}`,
		"/sim/apps/wx000000000": `{"secret":"x"}`,
	} {
		if code, got := g.ask("PATCH", target, body); code != 422 && code != 404 {
			t.Errorf("%s %s: %d %v", target, body, code, got)
		}
	}
}

func TestControlPeople(t *testing.T) {
	g := newRig(t)
	tokens := g.login("owner", info)
	g.ask("POST", "/sim/people/owner/change-password", "")
	g.wantCode(g.userinfo(tokens), "42007")
	g.ask("POST", "/sim/people/operator/consent", `{"appid":"`+service+`"}`)
	if _, page := g.consent(g.be("operator"), ""); page != "302" {
		t.Errorf("page %q after a recorded consent", page)
	}
	g.ask("POST", "/sim/people/operator/withdraw", `{"appid":"`+service+`"}`)
	if _, page := g.consent(g.be("operator"), ""); page != "consent" {
		t.Errorf("page %q after a withdrawal", page)
	}
	g.ask("POST", "/sim/people/operator/follow", `{"appid":"`+service+`"}`)
	g.ask("POST", "/sim/people/operator/close", "")
	_, got := g.ask("GET", "/sim/people/operator", "")
	openid, _ := g.OpenID("operator", service)
	if got["closed"] != true || got.obj("openid_by_appid").str(service) != openid || len(got.list("follows")) != 1 {
		t.Errorf("operator: %v", got)
	}
	for _, target := range []string{"/sim/people/nobody/close", "/sim/people/owner/dance"} {
		if code, _ := g.ask("POST", target, ""); code != 404 {
			t.Errorf("%s: HTTP %d, want 404", target, code)
		}
	}
	if code, _ := g.ask("GET", "/sim/people/nobody", ""); code != 404 {
		t.Errorf("HTTP %d for nobody, want 404", code)
	}
	if code, _ := g.ask("POST", "/sim/people/owner/withdraw", `{"app":"x"}`); code != 422 {
		t.Errorf("HTTP %d for an unknown field, want 422", code)
	}
}

func TestHomePageButtons(t *testing.T) {
	g := newRig(t)
	r := httptest.NewRequest(http.MethodPost, "/sim/people/owner/snapshot?form", strings.NewReader("on=true"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if w, _ := g.do(r); w.Code != http.StatusSeeOther {
		t.Errorf("HTTP %d, want 303", w.Code)
	}
	r = httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(g.be("owner"))
	r.AddCookie(&http.Cookie{Name: "wechatsim_ua", Value: "wechat"})
	r.Host = "localhost"
	w, _ := g.do(r)
	for _, want := range []string{"📱 手机微信 phone", "<b>owner</b>", "leave snapshot", "/sim/people/owner/snapshot", "蓝天文具店", "SANDBOX"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the home page lacks %q", want)
		}
	}
	r = httptest.NewRequest(http.MethodPost, "/sim/who", strings.NewReader("person=nobody"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if w, _ := g.do(r); w.Code != http.StatusNotFound {
		t.Errorf("HTTP %d for being nobody, want 404", w.Code)
	}
}

func TestControlTokensAndVisit(t *testing.T) {
	g := newRig(t)
	token := g.stable(false).str("access_token")
	if _, got := g.ask("POST", "/sim/tokens/kill", `{"token":"`+token+`"}`); got.str("killed") != "1" {
		t.Errorf("by value: %v", got)
	}
	g.stable(false)
	if _, got := g.ask("POST", "/sim/tokens/kill", `{"appid":"`+shopID+`","kind":"stable"}`); got.str("killed") != "1" {
		t.Errorf("by kind: %v", got)
	}
	if code, _ := g.ask("POST", "/sim/tokens/kill", `{"tokn":"x"}`); code != 422 {
		t.Errorf("HTTP %d for a typo, want 422", code)
	}
	visit := func(link, decision string) (int, reply) {
		return g.ask("POST", "/sim/visit", `{"person":"owner","decision":"`+decision+`","url":"`+link+`"}`)
	}
	if code, got := visit(link(info, ""), "agree"); code != 200 || len(got.list("callbacks")) != 1 {
		t.Errorf("agree: %d %v", code, got)
	}
	if code, got := visit(qrLink(), "refuse"); code != 200 || len(got.list("callbacks")) != 0 {
		t.Errorf("refuse: %d %v", code, got)
	}
	if code, got := visit(strings.Replace(link(info, ""), service, website, 1), "agree"); code != 422 || got.str("page_errcode") != "10016" {
		t.Errorf("error page: %d %v", code, got)
	}
	if code, _ := g.ask("POST", "/sim/visit", `{"person":"nobody","url":"`+qrLink()+`"}`); code != 404 {
		t.Errorf("HTTP %d for nobody, want 404", code)
	}
}
