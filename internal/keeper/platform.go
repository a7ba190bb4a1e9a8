package keeper

import (
	"context"
	"errors"

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
