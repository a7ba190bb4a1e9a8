package login

import (
	"context"
	"strings"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// WeChat is the [Platform] that asks WeChat.
type WeChat struct {
	// Client gives the client for an app: its API hosts and its way out.
	Client func(access.App) (*wechat.Client, error)
	// Loopback allows http and a port in the callback address on this
	// machine.
	Loopback bool
}

// AuthorizeURL gives the address of the login inside WeChat.
func (p WeChat) AuthorizeURL(app access.App, redirectURI, state string) (string, error) {
	c, err := p.Client(app)
	if err != nil {
		return "", err
	}
	return c.AuthorizeURL(wechat.AuthorizeRequest{
		AppID: app.AppID, RedirectURI: redirectURI, Scope: wechat.Scope(app.Scope), State: state, Loopback: p.Loopback,
	})
}

// QRConnectURL gives the address of the login on a PC.
func (p WeChat) QRConnectURL(app access.App, redirectURI, state string) (string, error) {
	c, err := p.Client(app)
	if err != nil {
		return "", err
	}
	return c.QRConnectURL(wechat.QRConnectRequest{
		AppID: app.AppID, RedirectURI: redirectURI, State: state, Loopback: p.Loopback,
	})
}

// ExchangeCode asks who the code stands for, at most once.
func (p WeChat) ExchangeCode(ctx context.Context, app access.App, appSecret, code secret.Value) (Answer, error) {
	c, err := p.Client(app)
	if err != nil {
		return Answer{}, err
	}
	g, err := c.ExchangeCode(ctx, app.AppID, appSecret, code)
	if err != nil {
		return Answer{}, err
	}
	scopes := make([]string, len(g.Scopes))
	for i, s := range g.Scopes {
		scopes[i] = string(s)
	}
	return Answer{
		Access: g.AccessToken.Value, Refresh: g.RefreshToken.Value, AccessExpires: g.ExpiresAt(),
		OpenID: g.OpenID, UnionID: g.UnionID, Scope: strings.Join(scopes, ","), Snapshot: g.Snapshot,
	}, nil
}

// UserInfo asks for name and face.
func (p WeChat) UserInfo(ctx context.Context, app access.App, token secret.Value, openid string) (access.Profile, error) {
	c, err := p.Client(app)
	if err != nil {
		return access.Profile{}, err
	}
	u, err := c.UserInfo(ctx, wechat.UserToken{Value: token}, openid, "zh_CN")
	if err != nil {
		return access.Profile{}, err
	}
	return access.Profile{Nickname: u.Nickname, AvatarURL: u.AvatarURL}, nil
}
