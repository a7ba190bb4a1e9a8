package browser

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechatsim"
)

// TestRefused is everybody who does not get in.
func TestRefused(t *testing.T) {
	h := enter(t)
	inEnglishInvited(t, h)
	refusesSilently(t, h)
	refusesAloud(t, h)
	snapshot(t, h)
	foreignState(t, h)
	hostileReturns(t, h)
	tooLate(h)
	if n := h.Asked(exchangePath); n != 2 {
		t.Errorf("WeChat was asked for %d tokens, want 2: the snapshot visitor's and that of the one who got in", n)
	}
}

// inEnglishInvited reads the consent in English.
func inEnglishInvited(t *testing.T, h *house) {
	p := h.profile("english", phoneWidth)
	p.open(h.invitation())
	at := p.press(`footer a[hreflang=en]`)
	p.reads(at, "as owner", "openid", "30 days", "Withdraw")
	if strings.Contains(at.Text, "endsin") {
		t.Errorf("words run together: %s", at.Text)
	}
	p.look("consent")
	p.is(p.open(h.Server+"/nothing/here"), http.StatusNotFound, "/nothing/here")
	p.look("not-found")
	p.is(p.open(h.Server+"/shops/"+h.Shop), http.StatusUnauthorized, "/shops/"+h.Shop)
	p.look("not-logged-in")
}

// refusesSilently says no where WeChat tells nobody.
func refusesSilently(t *testing.T, h *house) {
	p := h.phone("refuser", "customer")
	p.open(h.invitation())
	p.sees(p.press(agreeButton), "consent")
	p.sees(p.press(`button[value=refuse]`), "refused")
	p.look("wechat-refused")
	p.loggedOut()
}

// refusesAloud says no where WeChat sends the browser back without a code.
func refusesAloud(t *testing.T, h *house) {
	if err := h.SetSwitches(func(s *wechatsim.Switches) { s.RefusalCallback = "state_only" }); err != nil {
		t.Fatal(err)
	}
	p := h.phone("refuser-aloud", "customer")
	p.open(h.invitation())
	p.sees(p.press(agreeButton), "consent")
	at := p.is(p.press(`button[value=refuse]`), http.StatusForbidden, "/oauth/callback/fuwuhao")
	p.reads(at, "没有在微信中同意", "重新开始")
	p.look("denied")
	p.sees(p.press(`main a[href^="/login"]`), "consent") // and not in circles
	p.loggedOut()
}

// snapshot comes as WeChat's snapshot visitor, who is nobody.
func snapshot(t *testing.T, h *house) {
	p := h.phone("guest", "guest")
	at := p.is(p.open(h.Server+"/login?shop="+h.Shop), http.StatusForbidden, "/oauth/callback/fuwuhao")
	p.reads(at, "快照", "使用完整服务")
	p.look("snapshot")
	p.loggedOut()
}

// foreignState opens a callback in a browser that did not begin it.
func foreignState(t *testing.T, h *house) {
	attacker := h.phone("attacker", "customer")
	begun := attacker.sees(attacker.open(h.Server+"/login"), "consent")
	callback, err := h.Visit(h.ctx, "customer", begun.URL)
	if err != nil {
		t.Fatalf("agree: %v", err)
	}
	victim := h.phone("victim", "owner")
	at := victim.is(victim.open(callback), http.StatusBadRequest, "/oauth/callback/fuwuhao")
	victim.reads(at, "不属于此浏览器")
	victim.look("foreign-state")
	victim.loggedOut()
}

// hostileReturns tries to be sent elsewhere after a login.
func hostileReturns(t *testing.T, h *house) {
	host := strings.TrimPrefix(h.Server, "http://")
	p := h.phone("returner", "customer")
	for _, rd := range []string{
		"https://evil.example/", "//evil.example/", `/\evil.example/`, `\\evil.example`, "javascript:alert(1)", "data:text/html,x",
		"https://" + host + "@evil.example/", "https://" + host + ".evil.example/", "/%2f%2fevil.example", "/..//evil.example",
		"/x\r\nLocation: https://evil.example/", "https:evil.example", "///evil.example", "/\tevil.example",
	} {
		p.is(p.open(h.Server+"/login?"+url.Values{"rd": {rd}}.Encode()), http.StatusBadRequest, "/login")
		p.heardNothing(rd)
	}
	p.look("hostile-return")
	p.is(p.press(`main a[href="/"]`), http.StatusOK, "/")
	p.is(p.open(h.Server+"/login?rd=/sessions"), http.StatusOK, "/sessions") // a path of ours is fine
}

// tooLate comes back after the ten minutes of a login, and to an invitation
// after its thirty.
func tooLate(h *house) {
	invitation := h.invitation()
	p := h.phone("late", "")
	p.sees(p.open(h.Server+"/login"), "choose")
	h.Advance(11 * time.Minute)
	at := p.is(p.press(`form:has([value=customer]) button`), http.StatusBadRequest, "/oauth/callback/fuwuhao")
	p.reads(at, "超过十分钟", "重新开始")
	h.Advance(20 * time.Minute)
	at = p.open(invitation)
	p.is(at, http.StatusGone, p.path())
	p.reads(at, "已过期", "索取新的邀请")
	p.look("expired-invitation")
}
