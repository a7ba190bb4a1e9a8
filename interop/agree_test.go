package interop_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

const (
	callbackURL = "https://" + wechattest.Domain + "/oauth/callback/a1"
	state       = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

// both runs f with each set of switches.
func both(t *testing.T, f func(p *pairing)) {
	t.Helper()
	for name, sw := range map[string]wechatsim.Switches{
		"strict": wechatsim.StrictSwitches(), "lenient": wechatsim.LenientSwitches(),
	} {
		t.Run(name, func(t *testing.T) {
			srv := wechattest.New(t, &wechattest.Options{Switches: &sw, Now: func() time.Time { return start }})
			f(meet(t, srv))
		})
	}
}

// pairing is a client and the emulator it talks to. They share one clock,
// which stands still unless advanced.
type pairing struct {
	t *testing.T
	*wechattest.Server
	c  *wechat.Client
	sw wechatsim.Switches
}

func meet(t *testing.T, srv *wechattest.Server) *pairing {
	t.Helper()
	c, err := wechat.New(wechat.Config{
		Hosts:     wechat.Hosts{Open: srv.URL, API: []string{srv.URL}, MP: srv.URL},
		Transport: srv.Client.Transport, Timeout: 5 * time.Second, Now: srv.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return &pairing{t: t, Server: srv, c: c, sw: srv.Switches()}
}

// door is what a login needs to know about an app.
type door struct {
	appid  string
	secret secret.Value
}

var (
	inWeChat = door{wechattest.ServiceAccount, secret.FromString(wechattest.ServiceSecret)}
	onPC     = door{wechattest.Website, secret.FromString(wechattest.WebsiteSecret)}
)

// link asks the client for a login link.
func (p *pairing) link(d door, scope wechat.Scope) string {
	p.t.Helper()
	var link string
	var err error
	if d.appid == onPC.appid {
		link, err = p.c.QRConnectURL(wechat.QRConnectRequest{AppID: d.appid, RedirectURI: callbackURL, State: state})
	} else {
		link, err = p.c.AuthorizeURL(wechat.AuthorizeRequest{AppID: d.appid, RedirectURI: callbackURL, Scope: scope, State: state})
	}
	p.ok(err)
	return link
}

// code lets a person agree and returns the code of the callback.
func (p *pairing) code(person string, d door, scope wechat.Scope) secret.Value {
	p.t.Helper()
	return codeOf(p.t, p.MustAgree(person, p.link(d, scope)))
}

func codeOf(t *testing.T, callback string) secret.Value {
	t.Helper()
	u, err := url.Parse(callback)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if !strings.HasPrefix(callback, callbackURL+"?") || q.Get("state") != state || q.Get("code") == "" {
		t.Fatalf("called back %s", callback)
	}
	return secret.FromString(q.Get("code"))
}

func (p *pairing) exchange(d door, code secret.Value) (*wechat.UserGrant, error) {
	return p.c.ExchangeCode(p.t.Context(), d.appid, d.secret, code)
}

// login is authorize, visit and exchange.
func (p *pairing) login(person string, d door, scope wechat.Scope) *wechat.UserGrant {
	p.t.Helper()
	g, err := p.exchange(d, p.code(person, d, scope))
	p.ok(err)
	return g
}

func (p *pairing) refresh(d door, g *wechat.UserGrant) (*wechat.UserGrant, error) {
	return p.c.RefreshUser(p.t.Context(), d.appid, g.RefreshToken)
}

func (p *pairing) check(g *wechat.UserGrant) error {
	return p.c.CheckUser(p.t.Context(), g.AccessToken, g.OpenID)
}

func (p *pairing) profile(g *wechat.UserGrant) (*wechat.Profile, error) {
	return p.c.UserInfo(p.t.Context(), g.AccessToken, g.OpenID, "zh_CN")
}

func (p *pairing) ok(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// refused wants the errcode as the emulator gave it, and the class by which a
// program decides.
func (p *pairing) refused(err error, code int, class wechat.Class) {
	p.t.Helper()
	e, ok := errors.AsType[*wechat.Error](err)
	if !ok {
		p.t.Errorf("error %v, want errcode %d", err, code)
		return
	}
	if e.Code != code || e.Class() != class || e.Outcome != wechat.OutcomeAnswered || e.HTTPStatus != http.StatusOK || e.RID == "" {
		p.t.Errorf("errcode %d, class %v, outcome %v, HTTP %d, rid %q; want errcode %d, class %v, an answer with a rid\n%v",
			e.Code, e.Class(), e.Outcome, e.HTTPStatus, e.RID, code, class, err)
	}
}

func (p *pairing) app(appid string, change func(*wechatsim.App)) {
	p.t.Helper()
	p.ok(p.SetApp(appid, change))
}

func TestLoginAgrees(t *testing.T) {
	both(t, func(p *pairing) {
		g := p.login(wechattest.Owner, inWeChat, wechat.ScopeUserInfo)
		openid, _ := p.OpenID(wechattest.Owner, inWeChat.appid)
		unionid, _ := p.UnionID(wechattest.Owner, inWeChat.appid)
		if g.OpenID != openid || g.UnionID != unionid || unionid == "" || g.Snapshot {
			p.t.Errorf("grant of %q, %q, snapshot %t; want %q, %q", g.OpenID, g.UnionID, g.Snapshot, openid, unionid)
		}
		if len(g.Scopes) != 1 || g.Scopes[0] != wechat.ScopeUserInfo {
			p.t.Errorf("scopes %v", g.Scopes)
		}
		if g.ExpiresIn != 2*time.Hour || !g.ExpiresAt().Equal(start.Add(2*time.Hour)) {
			p.t.Errorf("expires in %v, at %v", g.ExpiresIn, g.ExpiresAt())
		}
		if g.AccessToken.Len() != p.sw.TokenLength || g.RefreshToken.Len() != p.sw.TokenLength {
			p.t.Errorf("tokens of %d and %d characters, want %d", g.AccessToken.Len(), g.RefreshToken.Len(), p.sw.TokenLength)
		}
		who, err := p.profile(g)
		p.ok(err)
		if who.OpenID != openid || who.UnionID != unionid || who.Nickname != "林店主" || !strings.HasSuffix(who.AvatarURL, "/132") {
			p.t.Errorf("profile %+v", who)
		}
		p.ok(p.check(g))
	})
}

// A live access token is prolonged, a dead one replaced; the refresh token
// that comes back is the one to keep.
func TestRefreshAgrees(t *testing.T) {
	both(t, func(p *pairing) {
		first := p.login(wechattest.Owner, inWeChat, wechat.ScopeUserInfo)
		p.Advance(time.Hour)
		second, err := p.refresh(inWeChat, first)
		p.ok(err)
		if !second.AccessToken.Equal(first.AccessToken.Value) || second.ExpiresIn != 2*time.Hour || second.OpenID != first.OpenID {
			p.t.Errorf("a refresh of a live token must prolong it; it expires in %v", second.ExpiresIn)
		}
		if second.UnionID != "" || second.Snapshot {
			p.t.Errorf("a refresh names unionid %q, snapshot %t", second.UnionID, second.Snapshot)
		}
		if same := second.RefreshToken.Equal(first.RefreshToken.Value); same == p.sw.RefreshTokenRotates {
			p.t.Errorf("the refresh token stayed: %t, the switch says that it rotates: %t", same, p.sw.RefreshTokenRotates)
		}
		if p.sw.RefreshTokenRotates {
			_, err = p.refresh(inWeChat, first)
			p.refused(err, 40030, wechat.ClassReauthorise)
		}
		p.Advance(2 * time.Hour)
		p.refused(p.check(second), 42001, wechat.ClassRefreshToken)
		third, err := p.refresh(inWeChat, second)
		p.ok(err)
		if third.AccessToken.Equal(second.AccessToken.Value) {
			p.t.Error("a refresh of an expired token must give a new one")
		}
		p.ok(p.check(third))
		p.refused(p.check(second), 40001, wechat.ClassRefreshToken)
	})
}

// Refreshing does not move the 30 days.
func TestRefreshTokenEndsAgrees(t *testing.T) {
	both(t, func(p *pairing) {
		g := p.login(wechattest.Owner, inWeChat, wechat.ScopeBase)
		p.Advance(20 * 24 * time.Hour)
		g, err := p.refresh(inWeChat, g)
		p.ok(err)
		p.Advance(10*24*time.Hour - time.Second)
		g, err = p.refresh(inWeChat, g)
		p.ok(err)
		p.Advance(time.Second)
		_, err = p.refresh(inWeChat, g)
		p.refused(err, p.sw.ExpiredRefreshCode, wechat.ClassReauthorise)
		p.ok(p.check(g)) // its access token lives to its own end
	})
}

func TestCodesAgree(t *testing.T) {
	wrong := door{inWeChat.appid, secret.FromString("not-the-secret")}
	both(t, func(p *pairing) {
		code := p.code(wechattest.Owner, inWeChat, wechat.ScopeBase)
		_, err := p.exchange(wrong, code)
		want := p.sw.WrongSecretCode
		if want == 0 {
			want = 40125
		}
		p.refused(err, want, wechat.ClassOperator)
		_, err = p.exchange(onPC, code)
		p.refused(err, 40029, wechat.ClassReauthorise) // another app's
		g, err := p.exchange(inWeChat, code)
		p.ok(err)
		_, err = p.exchange(inWeChat, code)
		p.refused(err, p.sw.UsedCode, wechat.ClassReauthorise)
		p.ok(p.check(g)) // using a code twice ends nothing

		late := p.code(wechattest.Owner, inWeChat, wechat.ScopeBase)
		p.Advance(5*time.Minute - time.Second)
		justIn := p.code(wechattest.Operator, inWeChat, wechat.ScopeBase)
		p.Advance(time.Second)
		_, err = p.exchange(inWeChat, late)
		p.refused(err, p.sw.ExpiredCode, wechat.ClassReauthorise)
		_, err = p.exchange(inWeChat, justIn)
		p.ok(err)
	})
}

func TestFrozenSecretAgrees(t *testing.T) {
	both(t, func(p *pairing) {
		code := p.code(wechattest.Owner, inWeChat, wechat.ScopeBase)
		p.app(inWeChat.appid, func(a *wechatsim.App) { a.SecretFrozen = true })
		_, err := p.exchange(inWeChat, code)
		p.refused(err, 40243, wechat.ClassOperator)
		p.app(inWeChat.appid, func(a *wechatsim.App) { a.SecretFrozen = false })
		g, err := p.exchange(inWeChat, code)
		p.ok(err)
		p.app(inWeChat.appid, func(a *wechatsim.App) { a.SecretFrozen = true })
		_, err = p.refresh(inWeChat, g) // carries no secret
		p.ok(err)
	})
}

// The QR login's code lives ten minutes; its person is another openid of the
// same unionid.
func TestQRLoginAgrees(t *testing.T) {
	both(t, func(p *pairing) {
		phone := p.login(wechattest.Owner, inWeChat, wechat.ScopeUserInfo)
		early, late := p.code(wechattest.Owner, onPC, wechat.ScopeLogin), p.code(wechattest.Owner, onPC, wechat.ScopeLogin)
		p.Advance(10*time.Minute - time.Second)
		pc, err := p.exchange(onPC, early)
		p.ok(err)
		if pc.OpenID == phone.OpenID || pc.UnionID != phone.UnionID || pc.UnionID == "" {
			p.t.Errorf("openids %q and %q, unionids %q and %q", pc.OpenID, phone.OpenID, pc.UnionID, phone.UnionID)
		}
		who, err := p.profile(pc)
		p.ok(err)
		if who.Nickname != "林店主" {
			p.t.Errorf("nickname %q", who.Nickname)
		}
		p.Advance(time.Second)
		_, err = p.exchange(onPC, late)
		p.refused(err, p.sw.ExpiredCode, wechat.ClassReauthorise)
	})
}

func TestSnapshotAgrees(t *testing.T) {
	both(t, func(p *pairing) {
		g := p.login(wechattest.Guest, inWeChat, wechat.ScopeUserInfo)
		if !g.Snapshot {
			p.t.Fatal("the client does not see that this is a snapshot user")
		}
		_, err := p.profile(g)
		p.refused(err, 48001, wechat.ClassScope)
		if openid, _ := p.OpenID(wechattest.Guest, inWeChat.appid); (g.OpenID == openid) != p.sw.SnapshotOpenIDReal {
			p.t.Errorf("openid %q, the real one is %q", g.OpenID, openid)
		}
		p.ok(p.SetSnapshot(wechattest.Guest, false))
		if p.login(wechattest.Guest, inWeChat, wechat.ScopeUserInfo).Snapshot {
			p.t.Error("after 使用完整服务 it is still a snapshot user")
		}
	})
}

// Control characters arrive raw or escaped; the nickname is clean either way.
func TestNicknameAgrees(t *testing.T) {
	both(t, func(p *pairing) {
		who, err := p.profile(p.login(wechattest.Quirk, inWeChat, wechat.ScopeUserInfo))
		p.ok(err)
		if who.Nickname != "怪名字" {
			p.t.Errorf("nickname %q", who.Nickname)
		}
	})
}
