package interop_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

var shopSecret = secret.FromString(wechattest.ShopSecret)

func (p *pairing) stable(force bool) (*wechat.ShopGrant, error) {
	return p.c.StableToken(p.t.Context(), wechattest.Shop, shopSecret, force)
}

func (p *pairing) shopToken() wechat.ShopToken {
	p.t.Helper()
	g, err := p.stable(false)
	p.ok(err)
	return g.Token
}

// basics makes the simplest call with a shop's token.
func (p *pairing) basics(token wechat.ShopToken) error {
	_, err := p.c.CallJSON(p.t.Context(), wechat.Request{Method: http.MethodGet, Path: basicsPath, Token: token}, nil, nil)
	return err
}

func same(a, b *wechat.ShopGrant) bool { return a.Token.Equal(b.Token.Value) }

// The same token until five minutes before its end, then a new one, and both
// work until the end of the first.
func TestStableTokenAgrees(t *testing.T) {
	both(t, func(p *pairing) {
		first, err := p.stable(false)
		p.ok(err)
		if first.ExpiresIn != 2*time.Hour || first.Token.Len() != p.sw.TokenLength {
			p.t.Errorf("expires in %v, %d characters", first.ExpiresIn, first.Token.Len())
		}
		p.Advance(115*time.Minute - time.Second)
		again, err := p.stable(false)
		p.ok(err)
		if !same(first, again) || again.ExpiresIn != 301*time.Second || !again.ExpiresAt().Equal(first.ExpiresAt()) {
			p.t.Errorf("301 s before its end: same %t, expires in %v", same(first, again), again.ExpiresIn)
		}
		p.Advance(time.Second)
		next, err := p.stable(false)
		p.ok(err)
		if same(first, next) || next.ExpiresIn != 2*time.Hour {
			p.t.Errorf("300 s before its end: same %t, expires in %v", same(first, next), next.ExpiresIn)
		}
		p.Advance(300*time.Second - time.Nanosecond)
		p.ok(p.basics(first.Token))
		p.ok(p.basics(next.Token))
		p.Advance(time.Nanosecond)
		p.refused(p.basics(first.Token), 42001, wechat.ClassRefreshToken)
		p.ok(p.basics(next.Token))
	})
}

// A forced renewal ends the old token at once, is silently no renewal within
// 30 seconds, and works 20 times on a Chinese day.
func TestForcedTokenAgrees(t *testing.T) {
	both(t, func(p *pairing) {
		old, err := p.stable(false)
		p.ok(err)
		forced, err := p.stable(true)
		p.ok(err)
		if same(old, forced) {
			p.t.Fatal("force changed nothing")
		}
		p.refused(p.basics(old.Token), 40001, wechat.ClassRefreshToken)
		p.Advance(30*time.Second - time.Nanosecond)
		tooSoon, err := p.stable(true)
		p.ok(err)
		if !same(forced, tooSoon) {
			p.t.Error("a second force within 30 s made a new token")
		}
		p.ok(p.basics(forced.Token))

		p.Advance(time.Nanosecond)
		last := forced
		for range 19 {
			g, err := p.stable(true)
			p.ok(err)
			if same(last, g) {
				p.t.Fatal("a force after 30 s changed nothing")
			}
			last = g
			p.Advance(30 * time.Second)
		}
		_, err = p.stable(true)
		p.refused(err, 45009, wechat.ClassSlow)
		p.ok(p.basics(last.Token)) // a refused force ends nothing
		normal, err := p.stable(false)
		p.ok(err)
		if !same(last, normal) {
			p.t.Error("after the last force normal mode gives another token")
		}
		p.Advance(14 * time.Hour) // past midnight in China
		_, err = p.stable(true)
		p.ok(err)
	})
}

func TestStableTokenRefusalsAgree(t *testing.T) {
	both(t, func(p *pairing) {
		want := p.sw.WrongSecretCode
		if want == 0 {
			want = 40125
		}
		_, err := p.c.StableToken(p.t.Context(), wechattest.Shop, secret.FromString("not-the-secret"), false)
		p.refused(err, want, wechat.ClassOperator)
		_, err = p.c.StableToken(p.t.Context(), "wx00000000000000ff", shopSecret, false)
		p.refused(err, 40013, wechat.ClassOperator)

		token := p.shopToken()
		p.app(wechattest.Shop, func(a *wechatsim.App) { a.SecretFrozen = true })
		_, err = p.stable(false)
		p.refused(err, 40243, wechat.ClassOperator)
		p.ok(p.basics(token)) // the token is not the secret
		p.app(wechattest.Shop, func(a *wechatsim.App) { a.SecretFrozen, a.Secret = false, "a-new-secret-of-the-shop-00000001" })
		_, err = p.stable(false)
		p.refused(err, want, wechat.ClassOperator)
		p.ok(p.basics(token))
	})
}

// A service account's token opens no shop, and a person's is not even sent.
func TestWrongKindOfTokenAgrees(t *testing.T) {
	both(t, func(p *pairing) {
		g, err := p.c.StableToken(p.t.Context(), inWeChat.appid, inWeChat.secret, false)
		p.ok(err)
		p.refused(p.basics(g.Token), 48001, wechat.ClassScope)
		p.refused(p.basics(wechat.ShopToken{Value: secret.FromString("not-a-token")}), 40014, wechat.ClassRefreshToken)

		before := len(p.Ledger(basicsPath))
		person := p.login(wechattest.Owner, inWeChat, wechat.ScopeUserInfo)
		_, err = p.c.CallJSON(p.t.Context(), wechat.Request{Method: http.MethodGet, Path: basicsPath, Token: person.AccessToken}, nil, nil)
		if wechat.OutcomeOf(err) != wechat.OutcomeNotSent || len(p.Ledger(basicsPath)) != before {
			p.t.Errorf("a person's token was sent to a shop API: %v", err)
		}
		// Sent all the same, by a program that mixes them up, it opens nothing.
		p.refused(p.basics(wechat.ShopToken(person.AccessToken)), 40001, wechat.ClassRefreshToken)
	})
}

var here = netip.MustParseAddr("127.0.0.1")

// refusedAddress wants a refusal of this machine's address.
func (p *pairing) refusedAddress(err error, code int) {
	p.t.Helper()
	if code == http.StatusForbidden {
		e, ok := errors.AsType[*wechat.Error](err)
		if !ok || e.HTTPStatus != code || e.Code != 0 || e.Class() != wechat.ClassOperator || e.Outcome != wechat.OutcomeAnswered || e.IP().IsValid() {
			p.t.Errorf("error %v, want a bare HTTP 403 for the operator", err)
		}
		return
	}
	p.refused(err, code, wechat.ClassOperator)
	if e, ok := errors.AsType[*wechat.Error](err); ok && e.IP() != here {
		p.t.Errorf("the client names the address %v, want %v: %v", e.IP(), here, err)
	}
}

// The shop's allowlist refuses in one of three ways; with the address added,
// everything works.
func TestShopAllowlistAgrees(t *testing.T) {
	forms := map[string]int{"403": 403, "45035": 45035, "61004": 61004}
	both(t, func(p *pairing) {
		token := p.shopToken()
		p.app(wechattest.Shop, func(a *wechatsim.App) { a.IPAllowlist = []string{"192.0.2.0/24"} })
		_, err := p.stable(false)
		p.refusedAddress(err, forms[p.sw.ShopIPRefusal])
		for form, code := range forms {
			p.ok(p.SetSwitches(func(sw *wechatsim.Switches) { sw.ShopIPRefusal = form }))
			_, err := p.stable(false)
			p.refusedAddress(err, code)
			p.refusedAddress(p.basics(token), code)
		}
		p.app(wechattest.Shop, func(a *wechatsim.App) { a.IPAllowlist = append(a.IPAllowlist, "127.0.0.1") })
		p.ok(p.basics(token))
	})
}

// A service account's allowlist covers what carries the secret, and by a
// switch /sns/ too. A code that was refused for the address is not used up.
func TestServiceAllowlistAgrees(t *testing.T) {
	both(t, func(p *pairing) {
		code := p.code(wechattest.Owner, inWeChat, wechat.ScopeUserInfo)
		p.app(inWeChat.appid, func(a *wechatsim.App) { a.IPAllowlist = []string{"192.0.2.7"} })
		_, err := p.c.StableToken(p.t.Context(), inWeChat.appid, inWeChat.secret, false)
		p.refusedAddress(err, p.sw.ServiceAllowlistCode)
		if p.sw.SNSAllowlist {
			_, err := p.exchange(inWeChat, code)
			p.refusedAddress(err, p.sw.ServiceAllowlistCode)
			p.app(inWeChat.appid, func(a *wechatsim.App) { a.IPAllowlist = []string{"127.0.0.0/8"} })
		}
		g, err := p.exchange(inWeChat, code)
		p.ok(err)
		p.ok(p.check(g))
	})
}

// WeChat has answers that repeat what was sent. The client's errors do not.
func TestEchoedSecretIsMasked(t *testing.T) {
	both(t, func(p *pairing) {
		p.MustFault(wechatsim.Fault{Path: stablePath, Kind: wechatsim.FaultErrcode, ErrCode: 40125, ErrMsg: "invalid appsecret " + wechattest.ShopSecret})
		_, err := p.stable(false)
		p.refused(err, 40125, wechat.ClassOperator)
		if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), wechattest.ShopSecret) {
			p.t.Errorf("the error holds the secret: %v", err)
		}
	})
}
