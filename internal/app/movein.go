package app

import (
	"context"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/feed"
	"github.com/zhanggui/zhanggui/internal/movein"
	"github.com/zhanggui/zhanggui/internal/provider"
)

// mover is what takes accounts over from another system.
func (a *App) mover() *movein.Mover {
	return movein.New(movein.Options{
		Store: a.store, Vault: a.keys(), Now: a.o.Now, Moved: a.moved, Source: a.follow,
		Lister: platformList{keeper: platformKeeper{a.keeper}, at: provider.WeChat{Client: a.clients.For}},
	})
}

// moved has memory forget grants whose renewal changed hands, and the keeper look
// at once at those that are ours now.
func (a *App) moved(grantIDs []string) {
	if len(grantIDs) == 0 {
		return
	}
	a.replica.withdraw(context.Background(), feed.Change{Grants: grantIDs})
	a.store.forget(grantIDs...)
	a.keeper.Kick(grantIDs[0]) // the rest is due, and claimed with it
}

// platformList is WeChat's list of a platform's accounts, with the platform's
// newest token.
type platformList struct {
	keeper platformKeeper
	at     provider.WeChat
}

// List implements movein.Lister.
func (l platformList) List(ctx context.Context, app access.App, offset, count int) ([]movein.Listed, int, int, error) {
	token, err := l.keeper.ComponentToken(ctx, app.ID)
	if err != nil {
		return nil, 0, 0, err
	}
	page, err := l.at.List(ctx, app, token.Value, offset, count)
	listed := make([]movein.Listed, len(page.Accounts))
	for i, one := range page.Accounts {
		listed[i] = movein.Listed{AppID: one.AppID, Refresh: one.Refresh}
	}
	return listed, page.Rows, page.Total, err
}

// Info implements movein.Lister.
func (l platformList) Info(ctx context.Context, app access.App, appID string) (movein.Info, error) {
	token, err := l.keeper.ComponentToken(ctx, app.ID)
	if err != nil {
		return movein.Info{}, err
	}
	got, err := l.at.Info(ctx, app, token.Value, appID)
	return movein.Info{Name: got.Name, Shop: got.Kind == provider.KindShop, Refresh: got.Refresh}, err
}
