package provider

import (
	"context"
	"fmt"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// Purchases asks WeChat what an account bought of the platform's services, and
// keeps what it tells. An empty answer changes nothing: WeChat gives one to some
// who paid. It gives what was told now.
func (p *Provider) Purchases(ctx context.Context, app access.App, appID string) ([]access.Purchase, error) {
	token, err := p.o.Keeper.ComponentToken(ctx, app.ID)
	if err != nil {
		return nil, fmt.Errorf("provider: ask what was bought: %w", err)
	}
	return p.askPurchases(ctx, app, token, appID)
}

// refreshPurchases is Purchases for those who can do nothing about a failure.
func (p *Provider) refreshPurchases(ctx context.Context, app access.App, token Token, appID string) {
	if _, err := p.askPurchases(ctx, app, token, appID); err != nil && ctx.Err() == nil {
		p.o.Logger.Warn("what a shop bought is not known anew; it is asked again tomorrow", "app", app.ID, "authorizer", appID, "err", err)
	}
}

func (p *Provider) askPurchases(ctx context.Context, app access.App, token Token, appID string) ([]access.Purchase, error) {
	now := p.o.Now()
	var all []access.Purchase
	for _, s := range app.Services {
		paid, err := p.paid(ctx, app, token, s.ServiceID, appID)
		if err != nil {
			return nil, fmt.Errorf("provider: ask what was bought of service %s: %w", s.ID, err)
		}
		for _, one := range paid {
			all = append(all, access.Purchase{App: app.ID, Service: s.ID, AppID: appID, Spec: one.Spec,
				OrderID: one.OrderID, PaidUntil: one.Until, SeenAt: now})
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	if err := p.o.Store.Authorise(ctx, grant.Effects{At: now, Purchases: all}); err != nil {
		return nil, fmt.Errorf("provider: keep what was bought: %w", err)
	}
	return all, nil
}

// paid asks who bought the service; if WeChat knows of nothing, it asks for the
// orders too.
func (p *Provider) paid(ctx context.Context, app access.App, token Token, serviceID, appID string) ([]Paid, error) {
	asking, cancel := p.ask(ctx)
	defer cancel()
	list, err := p.o.Market.Bought(asking, app, token.Value, serviceID, appID)
	p.tokenRefused(ctx, app, token, err)
	if err != nil || len(list) > 0 {
		return latest(list), err
	}
	again, stop := p.ask(ctx)
	defer stop()
	list, err = p.o.Market.Orders(again, app, token.Value, serviceID, appID)
	p.tokenRefused(ctx, app, token, err)
	return latest(list), err
}

// latest keeps the one of each specification that is paid for the longest.
func latest(list []Paid) []Paid {
	var out []Paid
	at := map[string]int{}
	for _, one := range list {
		i, twice := at[one.Spec]
		if !twice {
			at[one.Spec] = len(out)
			out = append(out, one)
		} else if one.Until.After(out[i].Until) {
			out[i] = one
		}
	}
	return out
}
