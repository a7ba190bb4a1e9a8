package wechat

import (
	"context"
	"time"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// ShopGrant is a shop's own access token.
type ShopGrant struct {
	Meta
	Token ShopToken
	// ExpiresIn is the time left, from RequestStart. It can be anything up to
	// two hours: WeChat hands out the same token again and again.
	ExpiresIn time.Duration
}

// ExpiresAt returns when the token ends, seen from our clock.
func (g *ShopGrant) ExpiresAt() time.Time { return g.RequestStart.Add(g.ExpiresIn) }

// StableToken returns the access token of a shop, or of any app that has an
// AppSecret: /doc/store/shop/API/apimgnt/common/api_getstableaccesstoken.
//
// Asking again returns the same token while it lives; five minutes before its
// end WeChat makes a new one, and both work for that time. So several hosts
// may ask without hurting each other.
//
// force ends the old token at once. It works 20 times a day and not twice
// within 30 seconds; a second one then changes nothing and says nothing. Use
// it only after a proven leak.
func (c *Client) StableToken(ctx context.Context, appid string, appSecret secret.Value, force bool) (*ShopGrant, error) {
	w, err := postJSON("/cgi-bin/stable_token", []secret.Value{appSecret}, stableTokenBody{
		GrantType: "client_credential", AppID: appid, Secret: appSecret.RevealString(), ForceRefresh: force,
	})
	if err != nil {
		return nil, err
	}
	if appid == "" || appSecret.IsZero() {
		return nil, w.refuse("appid and secret are needed")
	}
	o, meta, err := c.ask(ctx, w)
	if err != nil {
		return nil, err
	}
	token, err := o.need("access_token")
	if err != nil {
		return nil, w.fail(OutcomeUnknown, meta, err)
	}
	life, err := o.lifetime("expires_in")
	if err != nil {
		return nil, w.fail(OutcomeUnknown, meta, err)
	}
	return &ShopGrant{Meta: meta, Token: ShopToken{secret.FromString(token)}, ExpiresIn: life}, nil
}

// stableTokenBody holds the secret in the clear for as long as it takes to
// write it.
type stableTokenBody struct {
	GrantType    string `json:"grant_type"`
	AppID        string `json:"appid"`
	Secret       string `json:"secret"`
	ForceRefresh bool   `json:"force_refresh"`
}
