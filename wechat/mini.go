package wechat

import (
	"context"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// MiniLogin says who opened a mini program (小程序). The session_key of the
// answer is left out on purpose: it signs what the person's phone and WeChat tell
// each other, a login needs none of that, and what nobody holds cannot leak.
type MiniLogin struct {
	Meta
	// OpenID names the person within this mini program.
	OpenID string
	// UnionID names the person within the provider's apps. It is empty unless
	// the mini program is bound to an open-platform account.
	UnionID string
}

// MiniLogin tells who the code of wx.login stands for:
// developers.weixin.qq.com/miniprogram/dev/server/API/user-login/api_code2session.
// A code works once and dies after five minutes.
//
// The call is sent at most once. After any failure the mini program calls wx.login
// again.
func (c *Client) MiniLogin(ctx context.Context, appid string, appSecret, code secret.Value) (*MiniLogin, error) {
	w := get("/sns/jscode2session", []secret.Value{appSecret, code},
		pair{"appid", appid}, pair{"secret", appSecret.RevealString()},
		pair{"js_code", code.RevealString()}, pair{"grant_type", "authorization_code"})
	if appid == "" || appSecret.IsZero() || code.IsZero() {
		return nil, w.refuse("appid, secret and code are needed")
	}
	return answerOf(ctx, c, w, readMiniLogin)
}

// ComponentMiniLogin is [Client.MiniLogin] for a mini program that authorised a
// third-party platform: its token stands for the secret. See
// /doc/oplatform/openApi/miniprogram-management/login/api_thirdpartycode2session.
func (c *Client) ComponentMiniLogin(ctx context.Context, token ComponentToken, componentAppID, appid string, code secret.Value) (*MiniLogin, error) {
	w := get("/sns/component/jscode2session", []secret.Value{token.Value, code},
		pair{"appid", appid}, pair{"js_code", code.RevealString()}, pair{"grant_type", "authorization_code"},
		pair{"component_appid", componentAppID}, pair{"component_access_token", token.RevealString()})
	if token.IsZero() || componentAppID == "" || appid == "" || code.IsZero() {
		return nil, w.refuse("token, component_appid, appid and code are needed")
	}
	return answerOf(ctx, c, w, readMiniLogin)
}

func readMiniLogin(o object, meta Meta) (*MiniLogin, error) {
	openid, err := o.need("openid")
	if err != nil {
		return nil, err
	}
	return &MiniLogin{Meta: meta, OpenID: openid, UnionID: o.text("unionid")}, nil
}
