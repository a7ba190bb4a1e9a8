package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/keeper"
	"github.com/zhanggui/zhanggui/internal/login"
	"github.com/zhanggui/zhanggui/internal/provider"
	"github.com/zhanggui/zhanggui/internal/push"
	"github.com/zhanggui/zhanggui/wechat/event"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// connectPlatforms connects what serves third-party platforms. The keeper and the
// store must be there.
func (a *App) connectPlatforms() (err error) {
	at := provider.WeChat{Client: a.clients.For, Loopback: a.o.Config.Loopback}
	a.provider = provider.New(provider.Options{
		Store: a.store, Directory: a.store, Vault: a.keys(), Keeper: platformKeeper{a.keeper}, Platform: at, Market: at,
		Owner: a.owner, Now: a.o.Now, Logger: a.o.Log, Watch: a.o.LookEvery,
		DeclaredOnly: a.o.Config.Platforms.DeclaredOnly, Sets: a.o.Config.Platforms.Sets,
	})
	a.pushSeen = newPushWatch(a.o.Now)
	a.pushes, err = push.New(push.Options{
		Store: pushStore{a.store, a.provider, a.pushSeen}, Vault: a.keys(), Pass: a.passer, Tally: a.pushSeen.besides(a.refused), Observer: a.counting(), Opened: a.rotate.Opened, Now: a.o.Now,
		Decide: map[access.AppKind]push.Decide{
			access.Component: a.decidePlatform, access.ServiceAccount: a.decidePerson, access.Website: a.decidePerson,
			access.MiniProgram: a.decidePerson,
		},
	})
	return err
}

// decidePlatform implements push.Decide for third-party platforms.
func (a *App) decidePlatform(ctx context.Context, app access.App, e event.Event, at time.Time) (grant.Effects, error) {
	effects, err := a.provider.Decide(ctx, app, e, at)
	if errors.Is(err, provider.ErrOtherPlatform) || errors.Is(err, provider.ErrFuture) {
		return effects, fmt.Errorf("%w: %w", push.ErrRefused, err)
	}
	return effects, err
}

// decidePerson implements push.Decide for the apps that people log in through. The
// login is made after the receiver.
func (a *App) decidePerson(ctx context.Context, app access.App, e event.Event, at time.Time) (grant.Effects, error) {
	return a.login.DecidePush(ctx, app, e, at)
}

// pushStore has what follows from a push begin as soon as it is recorded.
type pushStore struct {
	*store
	provider *provider.Provider
	seen     *pushWatch
}

// RecordPush implements push.Store.
func (s pushStore) RecordPush(ctx context.Context, batch []grant.Push) ([]error, error) {
	results, err := s.store.RecordPush(ctx, batch)
	if err != nil {
		return results, err
	}
	for i, p := range batch {
		if results[i] != nil {
			continue
		}
		s.seen.taken(p.App, p.At)
		s.ended(ctx, p.Effects)
		s.provider.Recorded(p.Effects)
	}
	return results, nil
}

// platformKeeper is the keeper as the provider sees it.
type platformKeeper struct{ *keeper.Keeper }

// ComponentToken implements provider.Keeper.
func (k platformKeeper) ComponentToken(ctx context.Context, app string) (provider.Token, error) {
	t, err := k.Keeper.ComponentToken(ctx, app)
	return provider.Token{Value: t.Value, Generation: t.Generation}, err
}

// deadToken is what WeChat answers to a token that is not good any more.
const deadToken = 40001

// Refused implements provider.Keeper. What comes of it shows at the next
// ComponentToken.
func (k platformKeeper) Refused(ctx context.Context, app string, generation int64) {
	_, _ = k.Report(ctx, keeper.Complaint{App: app, Generation: generation, ErrCode: deadToken, By: keeper.BySystem})
}

// Changed implements provider.Keeper.
func (k platformKeeper) Changed(grantID string, due bool) {
	k.Forget(grantID)
	if due {
		k.Kick(grantID)
	}
}

// marketShops is the provider as door 3 sees it.
type marketShops struct {
	*store
	provider *provider.Provider
}

// Enter implements login.Shops.
func (m marketShops) Enter(ctx context.Context, app, appID string) (access.Shop, error) {
	shop, err := m.provider.Enter(ctx, app, appID)
	switch {
	case errors.Is(err, provider.ErrSettingUp):
		return shop, fmt.Errorf("%w: %w", login.ErrSettingUp, err)
	case errors.Is(err, provider.ErrNoShop):
		return shop, fmt.Errorf("%w: %w", login.ErrNoShop, err)
	case errors.Is(err, provider.ErrWithdrawn):
		return shop, fmt.Errorf("%w: %w", login.ErrWithdrawn, err)
	case errors.Is(err, provider.ErrEnded):
		return shop, fmt.Errorf("%w: %w", login.ErrEnded, err)
	}
	return shop, err
}

// adminPlatforms is the provider as administrators see it: what is known comes
// from the store, and links lead to the login's pages.
type adminPlatforms struct {
	*store
	provider *provider.Provider
	login    *login.Login
}

// LinkAddress implements adminapi.Platforms.
func (p adminPlatforms) LinkAddress(app access.App, l grant.Link) (string, error) {
	return p.login.LinkAddress(app, l)
}

// Reconcile implements adminapi.Platforms.
func (p adminPlatforms) Reconcile(ctx context.Context, app string, by audit.Actor, dry bool) (grant.Reconciliation, error) {
	return p.provider.Reconcile(ctx, app, by, dry)
}

// minis is door 4's way to WeChat.
func (a *App) minis() login.MiniPrograms { return login.MiniPrograms(a.market()) }

// market is door 3's way to WeChat.
func (a *App) market() login.ServiceMarket {
	k := platformKeeper{a.keeper}
	return login.ServiceMarket{
		Client: a.clients.For,
		Token: func(ctx context.Context, app string) (secret.Value, int64, error) {
			t, err := k.ComponentToken(ctx, app)
			return t.Value, t.Generation, err
		},
		Refused: k.Refused,
	}
}
