package wechatsim_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechatsim"
)

const serviceSecret = wechatsim.DefaultServiceSecret

var rid = regexp.MustCompile(`rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$`)

func TestExchangeAnswer(t *testing.T) {
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		g := newRig(t, with(sw))
		got := g.login("owner", info)
		openid, _ := g.OpenID("owner", service)
		unionid, _ := g.UnionID("owner", service)
		if got.str("openid") != openid || got.str("unionid") != unionid || got.str("scope") != info || got.str("expires_in") != "7200" {
			t.Errorf("answer %v", got)
		}
		if _, has := got["errcode"]; has {
			t.Errorf("a successful exchange has an errcode: %v", got)
		}
		if n := len(got.str("access_token")); n != sw.TokenLength {
			t.Errorf("token of %d characters, want %d", n, sw.TokenLength)
		}
	})
}

func TestExchangeErrors(t *testing.T) {
	kv := func(appid, secret, code, grant string) []string {
		return []string{"appid", appid, "secret", secret, "code", code, "grant_type", grant}
	}
	const grant = "authorization_code"
	tests := []struct {
		name string
		kv   []string
		want string
	}{
		{"no appid", kv("", serviceSecret, "c", grant), "41002"},
		{"no secret", kv(service, "", "c", grant), "41004"},
		{"no code", kv(service, serviceSecret, "", grant), "41008"},
		{"wrong grant", kv(service, serviceSecret, "c", "refresh_token"), "40002"},
		{"unknown app", kv("wx00000000000000ff", serviceSecret, "c", grant), "40013"},
		{"shop", kv(shopID, wechatsim.DefaultShopSecret, "c", grant), "48001"},
		{"wrong secret", kv(service, "wrong", "c", grant), "40125"},
		{"unknown code", kv(service, serviceSecret, "c", grant), "40029"},
	}
	g := newRig(t)
	for _, tt := range tests {
		got := g.get("/sns/oauth2/access_token", tt.kv...)
		if got.code() != tt.want || !rid.MatchString(got.str("errmsg")) {
			t.Errorf("%s: %v, want %s with a rid", tt.name, got, tt.want)
		}
	}
}

func TestCodeIsSingleUse(t *testing.T) {
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		g := newRig(t, with(sw))
		code := g.code("owner", link(base, ""))
		g.wantCode(g.exchange(website, wechatsim.DefaultWebsiteSecret, code), "40029")
		if got := g.exchange(service, serviceSecret, code); got.str("openid") == "" {
			t.Fatalf("a try by another app used the code up: %v", got)
		}
		want := "40163"
		if sw.UsedCode == 40029 {
			want = "40029"
		}
		g.wantCode(g.exchange(service, serviceSecret, code), want)
	})
}

func TestCodeLife(t *testing.T) {
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		tests := []struct {
			link, appid, secret string
			life                time.Duration
		}{
			{link(base, ""), service, serviceSecret, 5 * time.Minute},
			{qrLink(), website, wechatsim.DefaultWebsiteSecret, 10 * time.Minute},
		}
		for _, tt := range tests {
			g := newRig(t, with(sw))
			young, old := g.code("owner", tt.link), g.code("owner", tt.link)
			g.Advance(tt.life - time.Second)
			if got := g.exchange(tt.appid, tt.secret, young); got.str("openid") == "" {
				t.Errorf("a second before its end: %v", got)
			}
			g.Advance(time.Second)
			want := "40029"
			if sw.ExpiredCode == 42003 {
				want = "42003"
			}
			g.wantCode(g.exchange(tt.appid, tt.secret, old), want)
		}
	})
}

func TestSNSIsPlainTextAndGETOnly(t *testing.T) {
	g := newRig(t)
	for _, path := range []string{"/sns/oauth2/access_token", "/sns/oauth2/refresh_token", "/sns/userinfo", "/sns/auth"} {
		w := g.request(http.MethodPost, path, "{}")
		if w.Code != 200 || w.Header().Get("Content-Type") != "text/plain" || decode(t, w.Body.Bytes()).code() != "43001" {
			t.Errorf("POST %s: HTTP %d %q %s", path, w.Code, w.Header().Get("Content-Type"), w.Body)
		}
	}
}

func TestRefreshProlongsALivingToken(t *testing.T) {
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		g := newRig(t, with(sw))
		first := g.login("owner", info)
		g.Advance(time.Hour)
		got := g.refresh(first.str("refresh_token"))
		if got.str("access_token") != first.str("access_token") || got.str("expires_in") != "7200" {
			t.Errorf("refresh of a living token: same=%t, expires_in %s", got.str("access_token") == first.str("access_token"), got.str("expires_in"))
		}
		if _, has := got["unionid"]; has {
			t.Error("a refresh shows the unionid")
		}
		rotated := got.str("refresh_token") != first.str("refresh_token")
		if rotated != sw.RefreshTokenRotates {
			t.Errorf("rotated=%t, switch says %t", rotated, sw.RefreshTokenRotates)
		}
		again := g.refresh(first.str("refresh_token"))
		if sw.RefreshTokenRotates {
			g.wantCode(again, "40030")
		} else {
			g.wantCode(again, "")
		}
	})
}

func TestRefreshReplacesAnExpiredToken(t *testing.T) {
	g := newRig(t)
	first := g.login("owner", info)
	g.Advance(2 * time.Hour)
	g.wantCode(g.userinfo(first), "42001")
	got := g.refresh(first.str("refresh_token"))
	if got.str("access_token") == first.str("access_token") {
		t.Fatal("an expired token came back")
	}
	g.wantCode(g.userinfo(got), "")
	g.wantCode(g.userinfo(first), "40001")
}

func TestRefreshTokenIsNotRenewable(t *testing.T) {
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		g := newRig(t, with(sw))
		now := g.login("owner", info)
		for range 29 {
			g.Advance(24 * time.Hour)
			if now = g.refresh(now.str("refresh_token")); now.code() != "" {
				t.Fatalf("refresh failed early: %v", now)
			}
		}
		g.Advance(24 * time.Hour)
		want := "42002"
		if sw.ExpiredRefreshCode == 40030 {
			want = "40030"
		}
		g.wantCode(g.refresh(now.str("refresh_token")), want)
	})
}

func TestRefreshErrors(t *testing.T) {
	g := newRig(t)
	rt := g.login("owner", info).str("refresh_token")
	tests := []struct {
		name                string
		appid, grant, token string
		want                string
	}{
		{"no appid", "", "refresh_token", rt, "41002"},
		{"unknown appid", "wx00000000000000ff", "refresh_token", rt, "40013"},
		{"no token", service, "refresh_token", "", "41003"},
		{"wrong grant", service, "authorization_code", rt, "40002"},
		{"unknown token", service, "refresh_token", "x", "40030"},
		{"another app's", website, "refresh_token", rt, "40030"},
	}
	for _, tt := range tests {
		got := g.get("/sns/oauth2/refresh_token", "appid", tt.appid, "grant_type", tt.grant, "refresh_token", tt.token)
		if got.code() != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, got, tt.want)
		}
	}
}

func TestUserinfo(t *testing.T) {
	g := newRig(t)
	tokens := g.login("owner", info)
	got := g.userinfo(tokens)
	if got.str("nickname") != "林店主" || !strings.HasSuffix(got.str("headimgurl"), "/132") || got.str("sex") != "0" ||
		got.str("unionid") != tokens.str("unionid") || got["privilege"] == nil {
		t.Errorf("profile %v", got)
	}
	at, openid := tokens.str("access_token"), tokens.str("openid")
	global := g.stable(false).str("access_token")
	tests := []struct {
		name, token, openid, lang, want string
	}{
		{"no token", "", openid, "", "41001"},
		{"no openid", at, "", "", "41009"},
		{"malformed", "abc", openid, "", "40014"},
		{"unknown", at[:len(at)-1] + "!", openid, "", "40001"},
		{"a shop's token", global, openid, "", "40001"},
		{"other openid", at, "o_other", "", "40003"},
		{"language", at, openid, "fr", "40035"},
		{"english", at, openid, "en", ""},
	}
	for _, tt := range tests {
		if got := g.get("/sns/userinfo", "access_token", tt.token, "openid", tt.openid, "lang", tt.lang); got.code() != tt.want {
			t.Errorf("%s: %v, want %q", tt.name, got, tt.want)
		}
	}
	g.wantCode(g.userinfo(g.login("operator", base)), "48001")
}

func TestRawControlCharactersInNicknames(t *testing.T) {
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		g := newRig(t, with(sw))
		tokens := g.login("quirk", info)
		w := g.request(http.MethodGet, "/sns/userinfo?access_token="+tokens.str("access_token")+"&openid="+tokens.str("openid"), "")
		want := `怪\u0001名字`
		if sw.RawNickname {
			want = "怪\x01名字"
		}
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("body %q, want %q in it", w.Body, want)
		}
	})
}

func TestSNSAuth(t *testing.T) {
	g := newRig(t)
	tokens := g.login("owner", base)
	at := tokens.str("access_token")
	g.wantCode(g.get("/sns/auth", "access_token", at, "openid", tokens.str("openid")), "0")
	g.wantCode(g.get("/sns/auth", "access_token", at, "openid", "o_other"), "40003")
	g.Advance(2 * time.Hour)
	g.wantCode(g.get("/sns/auth", "access_token", at, "openid", tokens.str("openid")), "42001")
}

func TestUnionIDRules(t *testing.T) {
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		g := newRig(t, with(sw))
		if got := g.login("owner", base); got.str("unionid") != "" {
			t.Errorf("base before any consent shows a unionid: %v", got)
		}
		full := g.login("owner", info)
		got := g.login("owner", base)
		if (got.str("unionid") != "") != sw.BaseUnionIDAfterConsent {
			t.Errorf("base after a consent: unionid %q, switch %t", got.str("unionid"), sw.BaseUnionIDAfterConsent)
		}
		web := g.exchange(website, wechatsim.DefaultWebsiteSecret, g.code("owner", qrLink()))
		if web.str("unionid") != full.str("unionid") || web.str("openid") == full.str("openid") {
			t.Errorf("two apps of one account: %v and %v, want one unionid and two openids", web, full)
		}
	})
	g := newRig(t, world(func(w *wechatsim.World) {
		for i := range w.Apps {
			w.Apps[i].OpenPlatform = ""
		}
	}))
	if got := g.login("owner", info); got.str("unionid") != "" {
		t.Errorf("an unbound service account shows a unionid: %v", got)
	}
	if got := g.exchange(website, wechatsim.DefaultWebsiteSecret, g.code("owner", qrLink())); got.str("unionid") == "" {
		t.Error("a website app shows no unionid")
	}
}

func TestBaseLoginAndUserinfoPair(t *testing.T) {
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		g := newRig(t, with(sw))
		kept := g.login("owner", info)
		g.login("owner", base)
		wantAccess, wantRefresh := "", ""
		if sw.BaseLoginEndsUserinfoPair {
			wantAccess, wantRefresh = "40001", "40030"
		}
		g.wantCode(g.userinfo(kept), wantAccess)
		g.wantCode(g.refresh(kept.str("refresh_token")), wantRefresh)
	})
}

func TestNewAuthorisationAndOldRefreshToken(t *testing.T) {
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		g := newRig(t, with(sw))
		old := g.login("owner", info)
		other := g.login("operator", info)
		g.login("owner", info)
		want := ""
		if sw.NewAuthorisationEndsOldRefreshToken {
			want = "40030"
		}
		g.wantCode(g.refresh(old.str("refresh_token")), want)
		g.wantCode(g.userinfo(old), "")
		g.wantCode(g.refresh(other.str("refresh_token")), "")
	})
}

func TestWhatPeopleDoToTokens(t *testing.T) {
	strict, lenient := wechatsim.StrictSwitches(), wechatsim.LenientSwitches()
	tests := []struct {
		name            string
		sw              wechatsim.Switches
		act             func(g *rig) error
		access, refresh string
	}{
		{"withdraw strict", strict, func(g *rig) error { return g.Withdraw("owner", service) }, "40001", "40030"},
		{"withdraw lenient", lenient, func(g *rig) error { return g.Withdraw("owner", service) }, "50001", "42002"},
		{"withdraw another app", strict, func(g *rig) error { return g.Withdraw("owner", website) }, "", ""},
		{"change password", strict, func(g *rig) error { return g.ChangePassword("owner") }, "42007", "42007"},
		{"somebody else's password", strict, func(g *rig) error { return g.ChangePassword("operator") }, "", ""},
		{"close strict", strict, func(g *rig) error { return g.CloseAccount("owner") }, "50002", "50002"},
		{"close lenient", lenient, func(g *rig) error { return g.CloseAccount("owner") }, "40003", "40003"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newRig(t, with(tt.sw))
			tokens := g.login("owner", info)
			if err := tt.act(g); err != nil {
				t.Fatal(err)
			}
			g.wantCode(g.userinfo(tokens), tt.access)
			g.wantCode(g.refresh(tokens.str("refresh_token")), tt.refresh)
		})
	}
}

func TestWithdrawDropsWaitingCodesAndConsent(t *testing.T) {
	g := newRig(t)
	code := g.code("owner", link(info, ""))
	if err := g.Withdraw("owner", service); err != nil {
		t.Fatal(err)
	}
	g.wantCode(g.exchange(service, serviceSecret, code), "40029")
	if _, page := g.consent(g.be("owner"), ""); page != "consent" {
		t.Errorf("page %q after a withdrawal, want the consent page", page)
	}
}

func TestPasswordChangeKeepsConsent(t *testing.T) {
	g := newRig(t)
	g.login("owner", info)
	if err := g.ChangePassword("owner"); err != nil {
		t.Fatal(err)
	}
	if _, page := g.consent(g.be("owner"), ""); page != "302" {
		t.Errorf("page %q, want a silent callback", page)
	}
	g.wantCode(g.userinfo(g.login("owner", info)), "")
}

func TestActsOnNobody(t *testing.T) {
	g := newRig(t)
	for name, err := range map[string]error{
		"withdraw": g.Withdraw("nobody", service), "password": g.ChangePassword("nobody"), "close": g.CloseAccount("nobody"),
		"snapshot": g.SetSnapshot("nobody", true), "consent": g.Consent("nobody", service), "follow": g.Follow("nobody", service),
		"unknown app": g.Consent("owner", "wx00000000000000ff"),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestTokenLifeOfUsers(t *testing.T) {
	g := newRig(t, world(func(w *wechatsim.World) { w.TokenLife = wechatsim.Duration(330 * time.Second) }))
	tokens := g.login("owner", info)
	if tokens.str("expires_in") != "330" {
		t.Errorf("expires_in %s, want 330", tokens.str("expires_in"))
	}
	g.Advance(330 * time.Second)
	g.wantCode(g.userinfo(tokens), "42001")
	g.wantCode(g.refresh(tokens.str("refresh_token")), "")
}
