package app

import (
	"context"
	"net/http"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/clock"
	"github.com/zhanggui/zhanggui/internal/keeper"
	"github.com/zhanggui/zhanggui/internal/stranger"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// byServer stands for a client in the counts of paths: the keeper's requests for
// tokens, by app. No client has this id.
const byServer = "(server)"

// stableTokenPath is where the keeper asks for shops' own tokens.
const stableTokenPath = "/cgi-bin/stable_token"

// connectStranger makes what finds out whether somebody else refreshes tokens. It comes
// before the keeper, and asks WeChat through it later.
func (a *App) connectStranger() {
	o := stranger.Options{Store: a.store, Counts: tokenCounts{a}, Now: a.o.Now, Log: a.o.Log, Every: a.o.LookEvery,
		Wrong: func() bool { return a.clock.Skew().Wrong() || a.clock.Behind() > clock.BackLimit }}
	if a.shared == nil { // a clock that was given is right by definition
		begin := a.o.Now()
		o.Uptime = func() time.Duration { return a.o.Now().Sub(begin) }
	}
	a.strangers = stranger.New(o)
}

// countedPlatform counts the keeper's requests for shops' own tokens.
type countedPlatform struct {
	keeper.Platform
	paths documented
}

// Stable implements keeper.Platform.
func (c countedPlatform) Stable(ctx context.Context, app access.App, appSecret secret.Value, force bool) (keeper.Answer, error) {
	c.paths.Count(byServer, app.ID, stableTokenPath)
	return c.Platform.Stable(ctx, app, appSecret, force)
}

// stable asks for an app's stable token past the keeper, without force: the one that
// lives comes again. It counts like the keeper's requests, which WeChat's counts are
// held against.
func (a *App) stable(ctx context.Context, app access.App, plain secret.Value) error {
	client, err := a.clients.For(app)
	if err != nil {
		return err
	}
	a.paths.Count(byServer, app.ID, stableTokenPath)
	_, err = client.StableToken(ctx, app.AppID, plain, false)
	return err
}

// tokenCounts implements stranger.Counts.
type tokenCounts struct{ app *App }

// Counted asks WeChat, see developers.weixin.qq.com/doc/channels/api/basic/api_getapiquota,
// and adds up what all servers wrote down.
func (t tokenCounts) Counted(ctx context.Context, shop, app, path string) (used, ours int64, err error) {
	in := map[string]string{"cgi_path": path}
	var out struct {
		Quota struct {
			Used int64 `json:"used"`
		} `json:"quota"`
	}
	a := t.app
	caller := shopCaller{keeper: a.keeper, clients: a.clients, dir: a.store}
	if err := caller.Call(ctx, shop, http.MethodPost, "/cgi-bin/openapi/quota/get", in, &out); err != nil {
		return 0, 0, err
	}
	ours, err = a.store.CallsOf(ctx, byServer, app, path, a.o.Now())
	return max(0, out.Quota.Used), ours, err
}
