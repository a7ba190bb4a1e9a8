package wechat

import (
	"context"
	"strings"
	"time"
	"unicode"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// UserGrant is what a person's login gives: developers.weixin.qq.com
// /doc/service/api/webdev/access/api_snsaccesstoken.
type UserGrant struct {
	Meta
	AccessToken UserToken
	// ExpiresIn is the access token's life, from RequestStart.
	ExpiresIn time.Duration
	// RefreshToken lives 30 days from the code exchange; a refresh does not
	// prolong it.
	RefreshToken UserRefreshToken
	// OpenID names the person within this app.
	OpenID string
	// UnionID names the person within the provider's apps. A refresh never
	// returns it, a silent login rarely: an empty one says nothing.
	UnionID string
	// Scopes are what the person agreed to.
	Scopes []Scope
	// Snapshot marks a virtual user of the snapshot page (快照页). Create
	// nothing and store nothing: a snapshot user is nobody. The tokens may
	// be missing.
	Snapshot bool
}

// ExpiresAt returns when the access token ends, seen from our clock.
func (g *UserGrant) ExpiresAt() time.Time { return g.RequestStart.Add(g.ExpiresIn) }

// ExchangeCode turns the code of a login callback into tokens, for the web
// login inside WeChat and for the website login alike. A code works once and
// dies after five or ten minutes.
//
// The call is sent at most once, whatever happens. When [OutcomeOf] the error
// is [OutcomeUnknown], the code may be used up: start a new login.
func (c *Client) ExchangeCode(ctx context.Context, appid string, appSecret, code secret.Value) (*UserGrant, error) {
	w := get("/sns/oauth2/access_token", []secret.Value{appSecret, code},
		pair{"appid", appid}, pair{"secret", appSecret.RevealString()},
		pair{"code", code.RevealString()}, pair{"grant_type", "authorization_code"})
	if appid == "" || appSecret.IsZero() || code.IsZero() {
		return nil, w.refuse("appid, secret and code are needed")
	}
	return c.userGrant(ctx, w)
}

// RefreshUser renews a person's access token. While the old one lives, WeChat
// returns the same one with a new life. It needs no AppSecret.
// See /doc/service/api/webdev/access/api_snsrefreshtoken.
//
// The answer names no unionid: keep the one you have. The returned refresh
// token replaces the stored one, its 30 days do not begin again. The call is
// sent at most once.
func (c *Client) RefreshUser(ctx context.Context, appid string, refresh UserRefreshToken) (*UserGrant, error) {
	w := get("/sns/oauth2/refresh_token", []secret.Value{refresh.Value},
		pair{"appid", appid}, pair{"grant_type", "refresh_token"},
		pair{"refresh_token", refresh.RevealString()})
	if appid == "" || refresh.IsZero() {
		return nil, w.refuse("appid and refresh token are needed")
	}
	return c.userGrant(ctx, w)
}

// userGrant sends w and reads the pair of tokens.
func (c *Client) userGrant(ctx context.Context, w *wire) (*UserGrant, error) {
	o, meta, err := c.ask(ctx, w)
	if err != nil {
		return nil, err
	}
	grant, err := readUserGrant(o)
	if err != nil {
		return nil, w.fail(OutcomeUnknown, meta, err)
	}
	grant.Meta = meta
	return grant, nil
}

// readUserGrant refuses an answer without tokens, except for a snapshot user
// whose tokens nobody may use anyway.
func readUserGrant(o object) (*UserGrant, error) {
	grant := &UserGrant{
		UnionID:  o.text("unionid"),
		Scopes:   parseScopes(o.text("scope")),
		Snapshot: o.flag("is_snapshotuser"),
	}
	access, err := o.need("access_token")
	if err != nil && !grant.Snapshot {
		return nil, err
	}
	refresh, err := o.need("refresh_token")
	if err != nil && !grant.Snapshot {
		return nil, err
	}
	if grant.ExpiresIn, err = o.lifetime("expires_in"); err != nil && !grant.Snapshot {
		return nil, err
	}
	if grant.OpenID, err = o.need("openid"); err != nil && !grant.Snapshot {
		return nil, err
	}
	grant.AccessToken = UserToken{secret.FromString(access)}
	grant.RefreshToken = UserRefreshToken{secret.FromString(refresh)}
	return grant, nil
}

// parseScopes splits the comma-separated scope of an answer.
func parseScopes(text string) []Scope {
	var scopes []Scope
	for s := range strings.SplitSeq(text, ",") {
		if s = strings.TrimSpace(s); s != "" {
			scopes = append(scopes, Scope(s))
		}
	}
	return scopes
}

// Profile is what WeChat tells about a person who agreed: developers.weixin.qq.com
// /doc/service/api/webdev/access/api_snsuserinfo. Gender and place
// have been empty since October 2021 and are left out.
type Profile struct {
	Meta
	OpenID   string
	UnionID  string // may be empty
	Nickname string // cleaned of control characters
	// AvatarURL dies when the person changes the picture: copy the picture.
	AvatarURL string
	Privilege []string
}

// UserInfo returns a person's nickname and picture. It needs a token of
// snsapi_userinfo or snsapi_login; others are answered 48001, [ClassScope].
// lang is zh_CN, zh_TW, en, or "" for WeChat's choice.
func (c *Client) UserInfo(ctx context.Context, token UserToken, openid, lang string) (*Profile, error) {
	pairs := []pair{{"access_token", token.RevealString()}, {"openid", openid}}
	if lang != "" {
		pairs = append(pairs, pair{"lang", lang})
	}
	w := get("/sns/userinfo", []secret.Value{token.Value}, pairs...)
	if token.IsZero() || openid == "" {
		return nil, w.refuse("token and openid are needed")
	}
	o, meta, err := c.ask(ctx, w)
	if err != nil {
		return nil, err
	}
	p := &Profile{
		Meta: meta, OpenID: o.text("openid"), UnionID: o.text("unionid"), Nickname: strings.Map(printable, o.text("nickname")),
		AvatarURL: o.text("headimgurl"), Privilege: o.texts("privilege"),
	}
	if p.OpenID != openid {
		return nil, w.fail(OutcomeUnknown, meta, errOtherPerson)
	}
	return p, nil
}

// CheckUser asks whether a person's token is still good. Nil means yes. One
// odd answer proves nothing: WeChat once answered 48001 to everybody. Act on
// the error's [Error.Class] only. See /doc/service/api/webdev/access/api_snsauth.
func (c *Client) CheckUser(ctx context.Context, token UserToken, openid string) error {
	w := get("/sns/auth", []secret.Value{token.Value},
		pair{"access_token", token.RevealString()}, pair{"openid", openid})
	if token.IsZero() || openid == "" {
		return w.refuse("token and openid are needed")
	}
	o, meta, err := c.ask(ctx, w)
	if err != nil {
		return err
	}
	if _, said := o["errcode"]; !said {
		return w.fail(OutcomeUnknown, meta, errNoVerdict)
	}
	return nil
}

// printable drops control characters, which some nicknames hold escaped.
func printable(r rune) rune {
	if unicode.IsControl(r) {
		return -1
	}
	return r
}
