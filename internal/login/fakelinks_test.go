package login

import (
	"context"
	"net/url"
	"sync"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// fakeLinks is WeChat's page for authorisations: it answers codes that it was given,
// once each.
type fakeLinks struct {
	mu      sync.Mutex
	answers map[string]grant.Linked // by code
	urlErr  error
	err     error
	asked   []grant.Link // for pages
	phones  []bool
	codes   []string // that were sent
}

func (f *fakeLinks) LinkURL(_ context.Context, app access.App, k grant.Link, back string, phone bool) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked, f.phones = append(f.asked, k), append(f.phones, phone)
	return "https://mp.weixin.qq.com/cgi-bin/componentloginpage?pre_auth_code=pre&component_appid=" + app.AppID + "&redirect_uri=" + url.QueryEscape(back), f.urlErr
}

func (f *fakeLinks) Link(ctx context.Context, _ access.App, _ grant.Link, code secret.Value) (grant.Linked, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.codes = append(f.codes, code.RevealString())
	if f.err != nil {
		return grant.Linked{}, f.err
	}
	got, ok := f.answers[code.RevealString()]
	if !ok {
		return grant.Linked{}, wechatError(61009)
	}
	delete(f.answers, code.RevealString())
	return got, ctx.Err()
}
