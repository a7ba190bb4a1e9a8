package interop_test

import (
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

var miniSecret = secret.FromString(wechatsim.DefaultMiniSecret)

func (p *pairing) miniCode() secret.Value {
	p.t.Helper()
	code, err := p.MiniLogin(wechattest.Owner, wechatsim.DefaultMiniProgram)
	p.ok(err)
	return secret.FromString(code)
}

// TestMiniLoginAgrees: both name the same person, and both know what a bad code is.
func TestMiniLoginAgrees(t *testing.T) {
	platform(t, func(p *pairing) {
		ctx, code := p.t.Context(), p.miniCode()
		m, err := p.c.MiniLogin(ctx, wechatsim.DefaultMiniProgram, miniSecret, code)
		p.ok(err)
		if openid, _ := p.OpenID(wechattest.Owner, wechatsim.DefaultMiniProgram); m.OpenID != openid {
			p.t.Errorf("the client reads %q, the emulator says %q", m.OpenID, openid)
		}
		_, err = p.c.MiniLogin(ctx, wechatsim.DefaultMiniProgram, miniSecret, code)
		p.refused(err, p.sw.UsedCode, wechat.ClassReauthorise)
		old := p.miniCode()
		p.Advance(5 * time.Minute)
		_, err = p.c.MiniLogin(ctx, wechatsim.DefaultMiniProgram, miniSecret, old)
		p.refused(err, p.sw.ExpiredCode, wechat.ClassReauthorise)
		_, err = p.AddFault(wechatsim.Fault{Path: "/sns/jscode2session", Kind: wechatsim.FaultErrcode, ErrCode: 40226})
		p.ok(err)
		_, err = p.c.MiniLogin(ctx, wechatsim.DefaultMiniProgram, miniSecret, p.miniCode())
		p.refused(err, 40226, wechat.ClassUser)
	})
}

// TestComponentMiniLoginAgrees: a platform asks for a program that authorised it,
// and for no other.
func TestComponentMiniLoginAgrees(t *testing.T) {
	platform(t, func(p *pairing) {
		ctx, token := p.t.Context(), p.componentToken()
		ask := func() (*wechat.MiniLogin, error) {
			return p.c.ComponentMiniLogin(ctx, token, component, wechatsim.DefaultMiniProgram, p.miniCode())
		}
		_, err := ask()
		p.refused(err, 61003, wechat.ClassRecover)
		pre, err := p.c.PreAuthCode(ctx, token, component)
		p.ok(err)
		link, err := p.c.ComponentLoginURL(wechat.ComponentLinkRequest{ComponentAppID: component, PreAuthCode: pre.Code,
			RedirectURI: "https://" + wechattest.Domain + "/back", AuthType: wechat.AuthTypeAll})
		p.ok(err)
		_, err = p.VisitGrant(ctx, wechatsim.DefaultMiniProgram, link, wechatsim.Agree)
		p.ok(err)
		m, err := ask()
		p.ok(err)
		if openid, _ := p.OpenID(wechattest.Owner, wechatsim.DefaultMiniProgram); m.OpenID != openid {
			p.t.Errorf("the client reads %q, the emulator says %q", m.OpenID, openid)
		}
	})
}
