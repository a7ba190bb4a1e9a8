package app

import (
	"context"
	"errors"
	"net/http"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/keeper"
	"github.com/zhanggui/zhanggui/internal/outage"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/wechat"
)

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
	app, err := s.dir.App(ctx, shop.App)
	if err != nil {
		return err
	}
	client, err := s.clients.For(app)
	if err != nil {
		return err
	}
	token, err := s.keeper.Token(ctx, shopID)
	if err != nil {
		return noToken(err)
	}
	err = call(ctx, client, token, method, path, in, out)
	if we, ok := errors.AsType[*wechat.Error](err); ok && we.Class() == wechat.ClassRefreshToken {
		c := keeper.Complaint{Shop: shopID, Generation: token.Generation, ErrCode: we.Code, By: keeper.BySystem}
		if token, err = s.keeper.Report(ctx, c); err != nil {
			return noToken(err)
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

// noTokenWords say on our own pages why a shop has no token.
var noTokenWords = []struct {
	reason                 error
	code                   string
	en, zh, nextEN, nextZH string
}{
	{keeper.ErrRevoked, "grant-revoked", "The shop's authorisation was revoked here.", "此店铺的授权已在本系统中撤销。",
		"Ask the administrator to authorise the shop again.", "请联系管理员重新授权此店铺。"},
	{keeper.ErrNeedsOwner, "grant-needs-owner", "The shop's authorisation has ended.", "此店铺的授权已失效。",
		"The owner must authorise it again.", "需要店主重新授权。"},
	{keeper.ErrHeld, "grant-held", "Another system still serves this shop.", "此店铺仍由另一系统提供服务。",
		"Ask the administrator to take it over.", "请管理员完成切换。"},
	{keeper.ErrFollowed, "grant-follows", "Another system renews this shop's token, and gives none that can be used.", "此店铺的令牌由另一系统续期，目前未能取得可用令牌。",
		"Ask the administrator to look at the other system.", "请管理员检查原系统。"},
	{keeper.ErrStopped, "grant-stopped", "WeChat refuses the shop's own credentials or address.", "微信拒绝了此店铺的凭据或服务器地址。",
		"Ask the administrator to mend the setting.", "请管理员修正设置。"},
	{keeper.ErrNotYet, "token-not-yet", "The shop has no usable token right now.", "店铺暂无可用令牌。",
		"Renewal goes on by itself; look again in a minute.", "系统会自动续期，请一分钟后再看。"},
}

// noToken puts the keeper's reason into words.
func noToken(err error) error {
	ke, ok := errors.AsType[*keeper.Error](err)
	if _, out := outage.Of(err); out || !ok {
		return err
	}
	for _, w := range noTokenWords {
		if !errors.Is(ke.Reason, w.reason) {
			continue
		}
		return &web.Error{Status: http.StatusServiceUnavailable, Code: w.code, Err: err, ErrCode: ke.ErrCode,
			EN: w.en, ZH: w.zh, NextEN: w.nextEN, NextZH: w.nextZH}
	}
	return err
}
