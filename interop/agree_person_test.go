package interop_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

// A silent login tells the openid; the unionid only where a switch says so.
func TestSilentLoginAgrees(t *testing.T) {
	both(t, func(p *pairing) {
		stranger := p.login(wechattest.Customer, inWeChat, wechat.ScopeBase)
		if stranger.UnionID != "" {
			p.t.Errorf("unionid %q before any consent", stranger.UnionID)
		}
		_, err := p.profile(stranger)
		p.refused(err, 48001, wechat.ClassScope)
		p.login(wechattest.Customer, inWeChat, wechat.ScopeUserInfo)
		known := p.login(wechattest.Customer, inWeChat, wechat.ScopeBase)
		if known.OpenID != stranger.OpenID || (known.UnionID != "") != p.sw.BaseUnionIDAfterConsent {
			p.t.Errorf("openid %q then %q, unionid %q after a consent", stranger.OpenID, known.OpenID, known.UnionID)
		}
	})
}

// What the client can write into a link, the emulator reads.
func TestLinkOptionsAgree(t *testing.T) {
	both(t, func(p *pairing) {
		plain := wechat.AuthorizeRequest{AppID: inWeChat.appid, RedirectURI: callbackURL, Scope: wechat.ScopeUserInfo, State: state}
		snapshot, popup, connect, platform := plain, plain, plain, plain
		snapshot.ForceSnapshot = true
		popup.ForcePopup, popup.ForceSnapshot = true, true
		connect.ConnectRedirect = true
		platform.ComponentAppID = "wx00000000000000d1"

		callback, err := p.open(snapshot, wechatsim.Agree)
		p.ok(err)
		g, err := p.exchange(inWeChat, codeOf(p.t, callback))
		p.ok(err)
		if !g.Snapshot {
			p.t.Error("a forced snapshot decision was not seen")
		}
		p.ok(p.Consent(wechattest.Owner, inWeChat.appid))
		_, err = p.open(plain, wechatsim.Leave)
		p.ok(err) // silent after the consent
		if _, err = p.open(popup, wechatsim.Leave); !errors.Is(err, wechatsim.ErrNoCallback) {
			p.t.Errorf("a forced pop-up did not ask: %v", err)
		}
		if _, err = p.open(connect, wechatsim.Agree); (err == nil) != p.sw.AcceptConnectRedirect {
			p.t.Errorf("connect_redirect: %v, the switch accepts it: %t", err, p.sw.AcceptConnectRedirect)
		}
		_, err = p.open(platform, wechatsim.Agree)
		if page, ok := errors.AsType[*wechatsim.PageError](err); !ok || page.Code != 10015 {
			p.t.Errorf("an unknown platform's link: %v", err)
		}
	})
}

func (p *pairing) open(r wechat.AuthorizeRequest, d wechatsim.Decision) (string, error) {
	p.t.Helper()
	link, err := p.c.AuthorizeURL(r)
	p.ok(err)
	return p.Visit(p.t.Context(), wechattest.Owner, link, d)
}

// On loopback both allow http and a port, at both doors.
func TestLoopbackAgrees(t *testing.T) {
	both(t, func(p *pairing) {
		for _, redirect := range []string{"http://localhost:8080/cb", "http://shop.localhost/cb", "http://127.0.0.1:8080/cb?a=1"} {
			inside, err := p.c.AuthorizeURL(wechat.AuthorizeRequest{AppID: inWeChat.appid, RedirectURI: redirect, Scope: wechat.ScopeBase, State: state, Loopback: true})
			p.ok(err)
			pc, err := p.c.QRConnectURL(wechat.QRConnectRequest{AppID: onPC.appid, RedirectURI: redirect, State: state, Lang: "en", Loopback: true})
			p.ok(err)
			for _, link := range []string{inside, pc} {
				if got := p.MustAgree(wechattest.Owner, link); !strings.HasPrefix(got, redirect) {
					p.t.Errorf("called back %s, want %s", got, redirect)
				}
			}
		}
	})
}

// Whatever a new login does to the pair before it, the client's class leads
// to the right next step.
func TestNewLoginAgrees(t *testing.T) {
	both(t, func(p *pairing) {
		first := p.login(wechattest.Owner, inWeChat, wechat.ScopeUserInfo)
		p.login(wechattest.Owner, inWeChat, wechat.ScopeUserInfo)
		p.ok(p.check(first))
		p.pairEnded(first, p.sw.NewAuthorisationEndsOldRefreshToken)

		second := p.login(wechattest.Owner, inWeChat, wechat.ScopeUserInfo)
		p.login(wechattest.Owner, inWeChat, wechat.ScopeBase)
		if p.sw.BaseLoginEndsUserinfoPair {
			p.refused(p.check(second), 40001, wechat.ClassRefreshToken)
		}
		p.pairEnded(second, p.sw.BaseLoginEndsUserinfoPair)
	})
}

func (p *pairing) pairEnded(g *wechat.UserGrant, ended bool) {
	p.t.Helper()
	_, err := p.refresh(inWeChat, g)
	if ended {
		p.refused(err, 40030, wechat.ClassReauthorise)
		return
	}
	p.ok(err)
}

func TestRefusalAgrees(t *testing.T) {
	both(t, func(p *pairing) {
		target, err := p.Visit(p.t.Context(), wechattest.Owner, p.link(inWeChat, wechat.ScopeUserInfo), wechatsim.Refuse)
		if p.sw.RefusalCallback == "none" {
			if !errors.Is(err, wechatsim.ErrNoCallback) {
				p.t.Errorf("a refusal called back %q, %v", target, err)
			}
			return
		}
		p.ok(err)
		u, err := url.Parse(target)
		p.ok(err)
		if q := u.Query(); q.Has("code") || q.Get("state") != state {
			p.t.Errorf("a refusal called back %q", target)
		}
	})
}

func TestPasswordChangeAgrees(t *testing.T) {
	both(t, func(p *pairing) {
		phone := p.login(wechattest.Owner, inWeChat, wechat.ScopeUserInfo)
		pc := p.login(wechattest.Owner, onPC, wechat.ScopeLogin)
		other := p.login(wechattest.Operator, inWeChat, wechat.ScopeUserInfo)
		p.ok(p.ChangePassword(wechattest.Owner))
		p.refused(p.check(phone), 42007, wechat.ClassReauthorise)
		_, err := p.refresh(inWeChat, phone)
		p.refused(err, 42007, wechat.ClassReauthorise)
		_, err = p.refresh(onPC, pc)
		p.refused(err, 42007, wechat.ClassReauthorise)
		p.ok(p.check(other))
		p.ok(p.check(p.login(wechattest.Owner, inWeChat, wechat.ScopeUserInfo)))
	})
}

func TestWithdrawalAgrees(t *testing.T) {
	both(t, func(p *pairing) {
		g := p.login(wechattest.Owner, inWeChat, wechat.ScopeUserInfo)
		waiting := p.code(wechattest.Owner, inWeChat, wechat.ScopeUserInfo)
		pc := p.login(wechattest.Owner, onPC, wechat.ScopeLogin)
		p.ok(p.Withdraw(wechattest.Owner, inWeChat.appid))

		// 40001 sends a program to refresh first; the refresh then ends it.
		class := wechat.ClassReauthorise
		if p.sw.WithdrawnAccessCode == 40001 {
			class = wechat.ClassRefreshToken
		}
		p.refused(p.check(g), p.sw.WithdrawnAccessCode, class)
		_, err := p.profile(g)
		p.refused(err, p.sw.WithdrawnAccessCode, class)
		_, err = p.refresh(inWeChat, g)
		p.refused(err, p.sw.WithdrawnRefreshCode, wechat.ClassReauthorise)
		_, err = p.exchange(inWeChat, waiting)
		p.refused(err, 40029, wechat.ClassReauthorise)
		p.ok(p.check(pc)) // each app for itself

		// The consent is gone with it: the page asks again.
		_, err = p.Visit(p.t.Context(), wechattest.Owner, p.link(inWeChat, wechat.ScopeUserInfo), wechatsim.Leave)
		if !errors.Is(err, wechatsim.ErrNoCallback) {
			p.t.Errorf("after a withdrawal the login is silent: %v", err)
		}
		p.ok(p.check(p.login(wechattest.Owner, inWeChat, wechat.ScopeUserInfo)))
	})
}

// Every code that the emulator may answer for a withdrawal or a closed account
// ends in a human's hands, at the latest after the refresh.
func TestEndedAuthorisationsReachAHuman(t *testing.T) {
	final := map[wechat.Class]bool{wechat.ClassReauthorise: true, wechat.ClassBlocked: true, wechat.ClassUser: true}
	for _, code := range []int{40030, 42002, 42007, 50002} { // withdrawn_refresh_code
		if class := wechat.Explain(wechat.KindUserRefresh, code).Class; !final[class] {
			t.Errorf("%d at the refresh is %v", code, class)
		}
	}
	for _, code := range []int{50002, 40003, 42007} { // closed_code
		for _, kind := range []wechat.EndpointKind{wechat.KindUserRefresh, wechat.KindUserCall} {
			if class := wechat.Explain(kind, code).Class; !final[class] {
				t.Errorf("%d at a %v call is %v: repeating or correcting the request cannot help a closed account", code, kind, class)
			}
		}
	}
	for _, code := range []int{40001, 42007, 50001, 50002} { // withdrawn_access_code
		class := wechat.Explain(wechat.KindUserCall, code).Class
		if !final[class] && class != wechat.ClassRefreshToken {
			t.Errorf("%d at a user call is %v", code, class)
		}
	}
}

func TestClosedAccountAgrees(t *testing.T) {
	both(t, func(p *pairing) {
		g := p.login(wechattest.Owner, inWeChat, wechat.ScopeUserInfo)
		waiting := p.code(wechattest.Owner, inWeChat, wechat.ScopeUserInfo)
		p.ok(p.CloseAccount(wechattest.Owner))
		class := wechat.ClassReauthorise
		if p.sw.ClosedCode == 50002 {
			class = wechat.ClassBlocked
		}
		p.refused(p.check(g), p.sw.ClosedCode, class)
		_, err := p.refresh(inWeChat, g)
		p.refused(err, p.sw.ClosedCode, class)
		_, err = p.exchange(inWeChat, waiting)
		p.refused(err, 40029, wechat.ClassReauthorise)
		for _, d := range []door{inWeChat, onPC} {
			target, err := p.Visit(p.t.Context(), wechattest.Owner, p.link(d, wechat.ScopeUserInfo), wechatsim.Agree)
			if _, ok := errors.AsType[*wechatsim.PageError](err); !ok {
				p.t.Errorf("a closed account logged in at %s: %q, %v", d.appid, target, err)
			}
		}
	})
}
