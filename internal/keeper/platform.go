package keeper

import (
	"context"
	"errors"
	"net/http"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// WeChat is the [Platform] over the wire. Client gives the client for an app:
// apps may differ in source address and hosts.
type WeChat struct {
	Client func(access.App) (*wechat.Client, error)
}

// Stable implements [Platform].
func (w WeChat) Stable(ctx context.Context, app access.App, appSecret secret.Value, force bool) (Answer, error) {
	c, err := w.client(app)
	if err != nil {
		return Answer{}, err
	}
	g, err := c.StableToken(ctx, app.AppID, appSecret, force)
	if err != nil {
		return Answer{}, failureOf(err)
	}
	return Answer{Access: g.Token.Value, ExpiresIn: g.ExpiresIn}, nil
}

// RefreshUser implements [Platform].
func (w WeChat) RefreshUser(ctx context.Context, app access.App, refresh secret.Value) (Answer, error) {
	c, err := w.client(app)
	if err != nil {
		return Answer{}, err
	}
	g, err := c.RefreshUser(ctx, app.AppID, wechat.UserRefreshToken{Value: refresh})
	if err != nil {
		return Answer{}, failureOf(err)
	}
	return Answer{
		Access: g.AccessToken.Value, Refresh: g.RefreshToken.Value, OpenID: g.OpenID, ExpiresIn: g.ExpiresIn,
	}, nil
}

// probePath is a read that every shop may make and that changes nothing:
// developers.weixin.qq.com/doc/store/shop/API/storemanage/api_mmecapi_basicinfo.
const probePath = "/channels/ec/basics/info/get"

// Probe implements [Platform].
func (w WeChat) Probe(ctx context.Context, app access.App, token secret.Value) (dead bool, err error) {
	c, err := w.client(app)
	if err != nil {
		return false, err
	}
	r := wechat.Request{Method: http.MethodGet, Path: probePath, Token: wechat.ShopToken{Value: token}}
	_, err = c.CallJSON(ctx, r, nil, nil)
	return judgeProbe(err, deadTokenCodes)
}

// deadPersonCodes are the errcodes of /sns/auth that say that the token is not
// good for the person: developers.weixin.qq.com/doc/service/guide/h5/auth shows
// 40003 as the answer for one that is not.
var deadPersonCodes = map[int]bool{40001: true, 40003: true, 40014: true, 42001: true}

// ProbeUser implements [Platform].
func (w WeChat) ProbeUser(ctx context.Context, app access.App, token secret.Value, openid string) (dead bool, err error) {
	c, err := w.client(app)
	if err != nil {
		return false, err
	}
	return judgeProbe(c.CheckUser(ctx, wechat.UserToken{Value: token}, openid), deadPersonCodes)
}

// judgeProbe takes an answer for a proof only if WeChat speaks of the token.
func judgeProbe(err error, deadCodes map[int]bool) (dead bool, unclear error) {
	if err == nil {
		return false, nil
	}
	f := asFailure(failureOf(err))
	if f.Outcome == wechat.OutcomeAnswered && deadCodes[f.Code] {
		return true, nil
	}
	return false, f
}

// client gives the client; without one nothing is sent.
func (w WeChat) client(app access.App) (*wechat.Client, error) {
	c, err := w.Client(app)
	if err != nil {
		return nil, &Failure{Outcome: wechat.OutcomeNotSent, Err: err}
	}
	return c, nil
}

// failureOf takes over what the wire client knows about a failed call.
func failureOf(err error) error {
	f := &Failure{Outcome: wechat.OutcomeOf(err), Err: err}
	if e, ok := errors.AsType[*wechat.Error](err); ok {
		f.Code, f.HTTPStatus, f.RID = e.Code, e.HTTPStatus, e.RID
	}
	return f
}
