package interop_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

var componentSecret = secret.FromString(wechatsim.DefaultComponentSecret)

// platform runs f with each set of switches in a world that has third-party
// platforms.
func platform(t *testing.T, f func(p *pairing)) {
	t.Helper()
	for name, sw := range map[string]wechatsim.Switches{"strict": wechatsim.StrictSwitches(), "lenient": wechatsim.LenientSwitches()} {
		t.Run(name, func(t *testing.T) {
			srv := wechattest.New(t, &wechattest.Options{World: wechatsim.PlatformWorld(), Switches: &sw, Now: func() time.Time { return start }})
			f(meet(t, srv))
		})
	}
}

func (p *pairing) ticket() wechat.Ticket {
	p.t.Helper()
	text, err := p.IssueTicket(component)
	p.ok(err)
	return wechat.Ticket{Value: secret.FromString(text)}
}

func (p *pairing) componentToken() wechat.ComponentToken {
	p.t.Helper()
	g, err := p.c.ComponentToken(p.t.Context(), component, componentSecret, p.ticket())
	p.ok(err)
	if g.ExpiresIn != 2*time.Hour {
		p.t.Errorf("a component's token lives %v", g.ExpiresIn)
	}
	return g.Token
}

func (p *pairing) buy() wechatsim.Purchase {
	p.t.Helper()
	bought, err := p.Buy(marketShop, wechatsim.DefaultService, "")
	p.ok(err)
	return bought
}

func (p *pairing) jump() wechat.MarketCode {
	p.t.Helper()
	target, err := p.OpenService(p.t.Context(), marketShop, wechatsim.DefaultService)
	p.ok(err)
	return wechat.MarketCode{Value: secret.FromString(queryOf(p.t, target).Get("code"))}
}

// calm calls until WeChat stops refusing an authorisation that is new: a refusal
// of that kind proves nothing.
func calm[T any](p *pairing, f func() (T, error)) T {
	p.t.Helper()
	var out T
	var err error
	for range p.sw.FreshGrantRefusals + 1 {
		if out, err = f(); err == nil {
			return out
		}
	}
	p.t.Fatal(err)
	return out
}

// TestMarketStoryAgrees: a shop buys, is authorised without a word, opens the
// service, and is called on behalf.
func TestMarketStoryAgrees(t *testing.T) {
	platform(t, func(p *pairing) {
		ctx := p.t.Context()
		token := p.componentToken()
		if !p.buy().Authorized {
			p.t.Fatal("the first purchase authorises nobody")
		}
		code := p.jump()
		login, err := p.c.ServiceLogin(ctx, token, code)
		p.ok(err)
		if login.Buyer.AppID != marketShop || login.ServiceID.String() != "3403799157105049601" || login.Buyer.OpenID != "" {
			p.t.Errorf("login_auth names %+v of service %s", login.Buyer, login.ServiceID)
		}
		beyondFloat(p.t, login.OrderID)
		_, err = p.c.ServiceLogin(ctx, token, code)
		if !p.sw.MarketCodeReusable {
			p.refused(err, 10001, wechat.ClassReauthorise)
		}

		info, err := p.c.AuthorizerInfo(ctx, token, component, marketShop)
		p.ok(err)
		if !info.Shop || info.Status != wechat.StatusNormal || info.Refresh.IsZero() || !slices.Contains(info.Sets, 129) {
			p.t.Errorf("info: shop %t, status %d, sets %v", info.Shop, info.Status, info.Sets)
		}
		g := calm(p, func() (*wechat.AuthorizerGrant, error) {
			return p.c.RefreshAuthorizer(ctx, token, component, marketShop, info.Refresh)
		})
		calm(p, func() (struct{}, error) { return struct{}{}, p.basics(g.Token) })

		_, err = p.c.QueryAuth(ctx, token, component, wechat.AuthorizationCode(p.jump()))
		p.refused(err, 61009, wechat.ClassRecover)
		if p.buy().Authorized {
			p.t.Error("a purchase authorises a shop that is authorised")
		}
	})
}

// TestRefreshTokenHealsFromInfo: an old refresh token is refused, and info has the
// one that counts.
func TestRefreshTokenHealsFromInfo(t *testing.T) {
	platform(t, func(p *pairing) {
		ctx, token := p.t.Context(), p.componentToken()
		p.buy()
		old, err := p.c.AuthorizerInfo(ctx, token, component, marketShop)
		p.ok(err)
		p.ok(p.Reauthorize(component, marketShop, []int{129, 130, 131}))
		p.Advance(6 * time.Minute)
		token = p.componentToken()
		_, err = p.c.RefreshAuthorizer(ctx, token, component, marketShop, old.Refresh)
		p.refused(err, 61023, wechat.ClassRecover)
		found, err := p.c.AuthorizerInfo(ctx, token, component, marketShop)
		p.ok(err)
		calm(p, func() (*wechat.AuthorizerGrant, error) {
			return p.c.RefreshAuthorizer(ctx, token, component, marketShop, found.Refresh)
		})
	})
}

// TestShopWithdrawalAgrees: after the shop withdrew nothing works, and the list does
// not name it.
func TestShopWithdrawalAgrees(t *testing.T) {
	platform(t, func(p *pairing) {
		ctx, token := p.t.Context(), p.componentToken()
		p.buy()
		info, err := p.c.AuthorizerInfo(ctx, token, component, marketShop)
		p.ok(err)
		p.ok(p.WithdrawGrant(component, marketShop))
		_, err = p.c.RefreshAuthorizer(ctx, token, component, marketShop, info.Refresh)
		if err == nil {
			p.t.Error("a withdrawn shop's token is renewed")
		}
		list, err := p.c.AuthorizerList(ctx, token, component, 0, wechat.MaxAuthorizers)
		p.ok(err)
		if list.Total != 0 || len(list.Authorizers) != 0 {
			p.t.Errorf("the list names %d of %d", len(list.Authorizers), list.Total)
		}
	})
}

// TestListAgrees: the pages of a crowd name every account once, some without a
// refresh token where a switch says so.
func TestListAgrees(t *testing.T) {
	for name, sw := range map[string]wechatsim.Switches{"strict": wechatsim.StrictSwitches(), "lenient": wechatsim.LenientSwitches()} {
		t.Run(name, func(t *testing.T) {
			world := wechatsim.PlatformWorld()
			world.Crowd = &wechatsim.Crowd{Component: component, Shops: 1201}
			p := meet(t, wechattest.New(t, &wechattest.Options{World: world, Switches: &sw, Now: func() time.Time { return start }}))
			token := p.componentToken()
			seen, without := map[string]bool{}, 0
			for offset := 0; ; {
				page, err := p.c.AuthorizerList(t.Context(), token, component, offset, wechat.MaxAuthorizers)
				p.ok(err)
				for _, a := range page.Authorizers {
					seen[a.AppID] = true
					if a.Refresh.IsZero() {
						without++
					}
				}
				if offset += page.Rows(); page.Rows() == 0 || offset >= page.Total {
					break
				}
			}
			if len(seen) != 1201 || (without > 0) != (sw.ListOmitsRefreshToken > 0) {
				t.Errorf("%d accounts, %d without a refresh token", len(seen), without)
			}
		})
	}
}

// TestLinksAgree: the accounts that may authorise by a link do, and a shop is not
// offered.
func TestLinksAgree(t *testing.T) {
	platform(t, func(p *pairing) {
		ctx, token := p.t.Context(), p.componentToken()
		link := func() string {
			pre, err := p.c.PreAuthCode(ctx, token, component)
			p.ok(err)
			text, err := p.c.ComponentLoginURL(wechat.ComponentLinkRequest{ComponentAppID: component, PreAuthCode: pre.Code,
				RedirectURI: "https://" + wechattest.Domain + "/back", AuthType: wechat.AuthTypeAll})
			p.ok(err)
			return text
		}
		back, err := p.VisitGrant(ctx, wechatsim.DefaultMiniProgram, link(), wechatsim.Agree)
		p.ok(err)
		if !strings.HasPrefix(back, "https://"+wechattest.Domain+"/back?") {
			p.t.Fatalf("sent back to %s", back)
		}
		g, err := p.c.QueryAuth(ctx, token, component, wechat.AuthorizationCode{Value: secret.FromString(queryOf(p.t, back).Get("auth_code"))})
		p.ok(err)
		if g.AppID != wechatsim.DefaultMiniProgram || g.Refresh.IsZero() || g.Token.IsZero() {
			p.t.Errorf("authorised by %s", g.AppID)
		}
		info, err := p.c.AuthorizerInfo(ctx, token, component, wechatsim.DefaultMiniProgram)
		p.ok(err)
		if info.Shop {
			p.t.Error("a mini program is a shop")
		}
		if _, err := p.VisitGrant(ctx, marketShop, link(), wechatsim.Agree); err == nil {
			p.t.Error("a shop was offered on a link")
		}
	})
}
