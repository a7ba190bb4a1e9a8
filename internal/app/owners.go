package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/owners"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// connectOwners makes what tells owners what only they can mend.
func (a *App) connectOwners() {
	a.owners = owners.New(owners.Options{
		Store: a.store, WeChat: &postman{app: a, tokens: map[string]ownToken{}}, Link: a.Link, Now: a.o.Now, Log: a.o.Log,
	})
}

// postman sends messages of service accounts, with tokens of their own. They are of
// /cgi-bin/stable_token, unforced: WeChat gives everybody who asks the same token and
// ends none, so nobody has to keep them for all servers.
type postman struct {
	app *App

	mu     sync.Mutex
	tokens map[string]ownToken // by our id of the app
}

// ownToken is a token with what it was made from.
type ownToken struct {
	version int64 // of the AppSecret
	value   wechat.ShopToken
	until   time.Time
}

// spare is how long before its end a token is not used any more.
const spare = 5 * time.Minute

// SendToOwner implements owners.WeChat.
func (p *postman) SendToOwner(ctx context.Context, app access.App, openid string, fields map[string]string, link string) error {
	client, err := p.app.clients.For(app)
	if err != nil {
		return err
	}
	path, body := letterOf(app.OwnerMessage, openid, fields, link)
	for try := range 2 {
		token, err := p.token(ctx, client, app)
		if err != nil {
			return err
		}
		_, err = client.CallJSON(ctx, wechat.Request{Path: path, Token: token, Secrets: []secret.Value{secret.FromString(openid)}}, body, nil)
		e, said := errors.AsType[*wechat.Error](err)
		if try > 0 || !said || e.Class() != wechat.ClassRefreshToken {
			return err
		}
		p.drop(app.ID, token)
	}
	return nil
}

// letterOf writes a message as WeChat's pages say:
// /doc/service/api/notify/template/api_sendtemplatemessage and
// /doc/service/api/notify/notify/api_sendnewsubscribemsg. What a notice opens must be
// a page of a mini program, so it opens none.
func letterOf(m access.OwnerMessage, openid string, fields map[string]string, link string) (path string, body map[string]any) {
	data := make(map[string]any, len(fields))
	for name, value := range fields {
		data[name] = map[string]string{"value": value}
	}
	body = map[string]any{"touser": openid, "template_id": m.Template, "data": data}
	if m.Kind == access.SubscriptionNotice {
		body["miniprogram_state"], body["lang"] = "formal", "zh_CN"
		return "/cgi-bin/message/subscribe/bizsend", body
	}
	body["url"] = link
	return "/cgi-bin/message/template/send", body
}

// token gives the app's token, asking WeChat for it when none is kept.
func (p *postman) token(ctx context.Context, client *wechat.Client, app access.App) (wechat.ShopToken, error) {
	p.mu.Lock()
	kept := p.tokens[app.ID]
	p.mu.Unlock()
	if kept.version == app.SecretVersion && p.app.o.Now().Before(kept.until) {
		return kept.value, nil
	}
	value, err := p.app.keys().Open(app.Secret, vault.AppSecret(app.ID, app.SecretVersion))
	if err != nil {
		return wechat.ShopToken{}, err
	}
	g, err := client.StableToken(ctx, app.AppID, value, false)
	if err != nil {
		return wechat.ShopToken{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tokens[app.ID] = ownToken{version: app.SecretVersion, value: g.Token, until: g.ExpiresAt().Add(-spare)}
	return g.Token, nil
}

// drop forgets a token that WeChat refused.
func (p *postman) drop(app string, token wechat.ShopToken) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tokens[app].value.Equal(token.Value) {
		delete(p.tokens, app)
	}
}
