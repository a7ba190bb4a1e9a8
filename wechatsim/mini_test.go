package wechatsim_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechatsim"
)

func miniRig(t *testing.T, sw wechatsim.Switches) *rig {
	return newRig(t, with(sw), func(o *wechatsim.Options) { o.World = wechatsim.PlatformWorld() })
}

func (g *rig) miniCode(person string) string {
	g.t.Helper()
	code, err := g.MiniLogin(person, miniProgram)
	if err != nil {
		g.t.Fatal(err)
	}
	return code
}

func (g *rig) mini(appid, secret, code, grant string) reply {
	g.t.Helper()
	return g.get("/sns/jscode2session", "appid", appid, "secret", secret, "js_code", code, "grant_type", grant)
}

func TestMiniLogin(t *testing.T) {
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		g := miniRig(t, sw)
		got := g.mini(miniProgram, wechatsim.DefaultMiniSecret, g.miniCode("owner"), "authorization_code")
		openid, _ := g.OpenID("owner", miniProgram)
		key, err := base64.StdEncoding.DecodeString(got.str("session_key"))
		if got.str("openid") != openid || err != nil || len(key) != 16 {
			t.Errorf("answer %v, %v", got, err)
		}
		if _, has := got["unionid"]; has {
			t.Errorf("a program that is bound to nothing is told a unionid: %v", got)
		}
		if err := g.SetApp(miniProgram, func(a *wechatsim.App) { a.OpenPlatform = "bluesky" }); err != nil {
			t.Fatal(err)
		}
		got = g.mini(miniProgram, wechatsim.DefaultMiniSecret, g.miniCode("owner"), "authorization_code")
		if unionid, _ := g.UnionID("owner", miniProgram); unionid == "" || got.str("unionid") != unionid {
			t.Errorf("unionid %q, want %q", got.str("unionid"), unionid)
		}
	})
}

func TestMiniLoginErrors(t *testing.T) {
	const grant, key = "authorization_code", wechatsim.DefaultMiniSecret
	g := miniRig(t, wechatsim.StrictSwitches())
	old, page := g.miniCode("owner"), g.code("owner", link(base, ""))
	g.Advance(5 * time.Minute)
	used := g.miniCode("owner")
	if got := g.mini(miniProgram, key, used, grant); got.str("openid") == "" {
		t.Fatalf("no openid: %v", got)
	}
	for name, tt := range map[string]struct{ appid, secret, code, grant, want string }{
		"no appid":        {"", key, "c", grant, "41002"},
		"no secret":       {miniProgram, "", "c", grant, "41004"},
		"no code":         {miniProgram, key, "", grant, "41008"},
		"wrong grant":     {miniProgram, key, "c", "refresh_token", "40002"},
		"unknown app":     {"wx00000000000000ff", key, "c", grant, "40013"},
		"service account": {service, serviceSecret, g.miniCode("owner"), grant, "48001"},
		"wrong secret":    {miniProgram, "wrong", g.miniCode("owner"), grant, "40125"},
		"unknown code":    {miniProgram, key, "c", grant, "40029"},
		"a page's code":   {miniProgram, key, page, grant, "40029"},
		"used":            {miniProgram, key, used, grant, "40163"},
		"old":             {miniProgram, key, old, grant, "40029"},
	} {
		if got := g.mini(tt.appid, tt.secret, tt.code, tt.grant); got.code() != tt.want || !rid.MatchString(got.str("errmsg")) {
			t.Errorf("%s: %v, want %s with a rid", name, got, tt.want)
		}
	}
	g.wantCode(g.exchange(service, serviceSecret, g.miniCode("owner")), "40029") // and not the other way round
}

// TestMiniLoginOfAnotherProgram: two programs never take each other's codes.
func TestMiniLoginOfAnotherProgram(t *testing.T) {
	other := wechatsim.App{AppID: "wx00000000000000e9", Secret: "another", Kind: wechatsim.MiniProgram, Name: "另一个"}
	g := newRig(t, func(o *wechatsim.Options) {
		o.World = wechatsim.PlatformWorld()
		o.World.Apps = append(o.World.Apps, other)
	})
	code := g.miniCode("owner")
	g.wantCode(g.mini(other.AppID, other.Secret, code, "authorization_code"), "40029")
	if got := g.mini(miniProgram, wechatsim.DefaultMiniSecret, code, "authorization_code"); got.str("openid") == "" {
		t.Errorf("the try of another program used the code up: %v", got)
	}
}

// TestMiniLoginFaults: what the page lists besides wrong codes comes by faults and
// limits.
func TestMiniLoginFaults(t *testing.T) {
	g := miniRig(t, wechatsim.StrictSwitches())
	if _, err := g.AddFault(wechatsim.Fault{Path: "/sns/jscode2session", Kind: wechatsim.FaultErrcode, ErrCode: 40226}); err != nil {
		t.Fatal(err)
	}
	got := g.mini(miniProgram, wechatsim.DefaultMiniSecret, g.miniCode("owner"), "authorization_code")
	if got.code() != "40226" || got.str("errmsg")[:12] != "code blocked" {
		t.Errorf("answer %v", got)
	}
	if err := g.SetLimit(wechatsim.Limit{Path: "/sns/jscode2session", AppID: miniProgram, PerMinute: 1}); err != nil {
		t.Fatal(err)
	}
	g.mini(miniProgram, wechatsim.DefaultMiniSecret, g.miniCode("owner"), "authorization_code")
	g.wantCode(g.mini(miniProgram, wechatsim.DefaultMiniSecret, g.miniCode("owner"), "authorization_code"), "45011")
}

func TestMiniLoginOfNobody(t *testing.T) {
	g := miniRig(t, wechatsim.StrictSwitches())
	if _, err := g.MiniLogin("nobody", miniProgram); err == nil {
		t.Error("nobody opened the program")
	}
	if _, err := g.MiniLogin("owner", service); err == nil {
		t.Error("a service account is no program")
	}
	if err := g.CloseAccount("owner"); err != nil {
		t.Fatal(err)
	}
	if _, err := g.MiniLogin("owner", miniProgram); err == nil {
		t.Error("a closed account opened the program")
	}
	if w := g.request(http.MethodPost, "/sim/mini/login", `{"person":"owner","appid":"`+miniProgram+`"}`); w.Code != http.StatusNotFound {
		t.Errorf("control: %d %s", w.Code, w.Body)
	}
	w := g.request(http.MethodPost, "/sim/mini/login", `{"person":"operator","appid":"`+miniProgram+`"}`)
	var out struct{ Code string }
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || out.Code == "" {
		t.Errorf("control: %d %s", w.Code, w.Body)
	}
}
