package login

import (
	"context"
	"slices"
	"sync"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// fakeMarket is the service market and what is known of shops: it answers codes
// that it was given, once each, and opens shops of the store.
type fakeMarket struct {
	mu        sync.Mutex
	exchanges int
	answers   map[string]Jump // by code
	err       error           // of exchanges
	store     *memStore
	settingUp bool // every shop
	enterErr  error
	grants    map[string]grant.Grant // by app and appid
	grantErr  error
	bought    []access.Purchase
	boughtErr error
}

func (f *fakeMarket) ServiceLogin(ctx context.Context, _ access.App, code secret.Value) (Jump, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.exchanges++
	if f.err != nil {
		return Jump{}, f.err
	}
	j, ok := f.answers[code.RevealString()]
	if !ok {
		return Jump{}, wechatError(noSuchCode)
	}
	delete(f.answers, code.RevealString())
	return j, ctx.Err()
}

func (f *fakeMarket) Enter(_ context.Context, _, appID string) (access.Shop, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.enterErr != nil:
		return access.Shop{}, f.enterErr
	case f.settingUp:
		return access.Shop{}, ErrSettingUp
	}
	f.store.mu.Lock()
	defer f.store.mu.Unlock()
	i := slices.IndexFunc(f.store.shops, func(s access.Shop) bool { return s.AppID == appID })
	if i < 0 {
		return access.Shop{}, ErrNoShop
	}
	return f.store.shops[i], nil
}

func (f *fakeMarket) AuthorizerGrant(_ context.Context, app, appID string) (grant.Grant, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	g, ok := f.grants[app+" "+appID]
	if !ok && f.grantErr == nil {
		return grant.Grant{}, grant.ErrNotFound
	}
	return g, f.grantErr
}

func (f *fakeMarket) Purchases(context.Context, string, string) ([]access.Purchase, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.bought, f.boughtErr
}

func (f *fakeMarket) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.exchanges
}
