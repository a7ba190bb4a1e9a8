package app

import (
	"context"
	"errors"
	"net/http"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/gateway"
	"github.com/zhanggui/zhanggui/internal/keeper"
	"github.com/zhanggui/zhanggui/wechat"
)

// tokens lends the keeper's tokens to the gateway, and its reasons in the
// gateway's words.
type tokens struct{ keeper *keeper.Keeper }

// Token implements gateway.Tokens.
func (t tokens) Token(ctx context.Context, shop string) (gateway.Token, error) {
	return lend(t.keeper.Token(ctx, shop))
}

// Report implements gateway.Tokens.
func (t tokens) Report(ctx context.Context, shop string, generation int64, errcode int) (gateway.Token, error) {
	return lend(t.keeper.Report(ctx, shop, generation, errcode))
}

func lend(t keeper.Token, err error) (gateway.Token, error) {
	if err == nil {
		return gateway.Token{Value: t.Value, Generation: t.Generation}, nil
	}
	ke, ok := errors.AsType[*keeper.Error](err)
	if !ok {
		return gateway.Token{}, err
	}
	for reason, word := range map[error]error{
		keeper.ErrUnknownShop: gateway.ErrNoShop,
		keeper.ErrRevoked:     gateway.ErrRevoked,
		keeper.ErrNeedsOwner:  gateway.ErrNeedsOwner,
		keeper.ErrStopped:     gateway.ErrStopped,
		keeper.ErrNotYet:      gateway.ErrNotYet,
	} {
		if errors.Is(ke.Reason, reason) {
			return gateway.Token{}, &gateway.TokenError{Reason: word, ErrCode: ke.ErrCode, RetryAfter: ke.RetryAfter, Err: err}
		}
	}
	return gateway.Token{}, err
}

// shopCaller asks WeChat about a shop for our own pages. The token that WeChat
// calls dead is reported once, and the read repeated once.
type shopCaller struct {
	keeper  *keeper.Keeper
	clients *clients
	dir     interface {
		Shop(ctx context.Context, id string) (access.Shop, error)
		App(ctx context.Context, id string) (access.App, error)
	}
}

// Call implements console.Caller. Only reads may be sent: they are repeated.
func (s shopCaller) Call(ctx context.Context, shopID, method, path string, in, out any) error {
	shop, err := s.dir.Shop(ctx, shopID)
	if err != nil {
		return err
	}
	app, err := s.dir.App(ctx, shop.AppID)
	if err != nil {
		return err
	}
	client, err := s.clients.For(app)
	if err != nil {
		return err
	}
	token, err := s.keeper.Token(ctx, shopID)
	if err != nil {
		return err
	}
	err = call(ctx, client, token, method, path, in, out)
	if we, ok := errors.AsType[*wechat.Error](err); ok && we.Class() == wechat.ClassRefreshToken {
		if token, err = s.keeper.Report(ctx, shopID, token.Generation, we.Code); err != nil {
			return err
		}
		return call(ctx, client, token, method, path, in, out)
	}
	return err
}

func call(ctx context.Context, c *wechat.Client, t keeper.Token, method, path string, in, out any) error {
	r := wechat.Request{Path: path, Token: wechat.ShopToken{Value: t.Value}}
	if method == http.MethodGet {
		r.Method = method
	}
	_, err := c.CallJSON(ctx, r, in, out)
	return err
}
