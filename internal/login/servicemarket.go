package login

import (
	"context"
	"errors"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// ServiceMarket is the [Market] that asks WeChat. Every field must be set.
type ServiceMarket struct {
	// Client gives the client for an app: its API hosts and its way out.
	Client func(access.App) (*wechat.Client, error)
	// Token gives the platform's own access token and its generation, by our id
	// of the app.
	Token func(ctx context.Context, app string) (secret.Value, int64, error)
	// Refused hears of a token that WeChat did not take.
	Refused func(ctx context.Context, app string, generation int64)
}

// ServiceLogin asks which shop the code stands for, at most once. Without a token
// nothing is sent.
func (m ServiceMarket) ServiceLogin(ctx context.Context, app access.App, code secret.Value) (Jump, error) {
	c, err := m.Client(app)
	if err != nil {
		return Jump{}, err
	}
	token, generation, err := m.Token(ctx, app.ID)
	if err != nil {
		return Jump{}, err
	}
	s, err := c.ServiceLogin(ctx, wechat.ComponentToken{Value: token}, wechat.MarketCode{Value: code})
	if e, ok := errors.AsType[*wechat.Error](err); ok && e.Class() == wechat.ClassRefreshToken {
		// The next click is answered with another token; this code may be used up.
		m.Refused(ctx, app.ID, generation)
	}
	if err != nil {
		return Jump{}, err
	}
	return Jump{AppID: s.AppID, ServiceID: s.ServiceID.String(), Spec: s.SpecID, OrderID: s.OrderID.String()}, nil
}
