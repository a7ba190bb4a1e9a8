package app

import (
	"cmp"
	"context"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/review"
)

// connectReview makes what says who may do what, and who is asked to authorise anew.
func (a *App) connectReview() {
	c := a.o.Config
	a.reviews = review.New(review.Options{
		Store: a.store, Catalogue: a.catalogue, Sealing: a.sealingKeys, Hosts: reviewHosts(c), Every: c.Review.Every, Now: a.o.Now, Log: a.o.Log,
	})
	a.renewals = review.NewRenewals(review.RenewalOptions{
		Store: a.store, Links: accountLinks{a}, Link: a.Link, MaxAge: c.Grants.MaxAge, Enforce: c.Grants.MaxAgeEnforced, Now: a.o.Now, Log: a.o.Log,
	})
}

// sealingKeys lists the keyset. Its keys have no dates of their own: only the first
// one's is known, while there is no other.
func (a *App) sealingKeys(begin time.Time) (all []review.SealingKey) {
	keys := a.vault.Keys()
	for _, k := range keys {
		one := review.SealingKey{ID: k.ID, Primary: k.Primary}
		if len(keys) == 1 {
			one.MadeAt = begin
		}
		all = append(all, one)
	}
	return all
}

// reviewHosts are the protected hosts of the settings, as a report says them.
func reviewHosts(c config.Config) (all []review.Host) {
	for _, p := range c.Protected {
		h := review.Host{Name: p.Host, Tenant: p.Tenant, Shop: p.Shop, Role: p.Role, Cross: string(p.CrossOrigin)}
		for _, route := range p.Routes {
			if route.Public {
				h.Public = append(h.Public, route.Path)
			}
			h.Cross = cmp.Or(h.Cross, string(route.CrossOrigin))
		}
		all = append(all, h)
	}
	return all
}

// accountLinks makes links for accounts that are no shop.
type accountLinks struct{ *App }

// AccountLink implements review.Links. Nothing is kept of a link but an entry of the
// audit log.
func (l accountLinks) AccountLink(ctx context.Context, app, appID string, now time.Time) (string, error) {
	platform, err := l.store.App(ctx, app)
	if err != nil {
		return "", err
	}
	k := grant.Link{ID: access.NewID("l"), App: app, AppID: appID, Ends: now.Add(grant.LinkLife)}
	address, err := l.login.LinkAddress(platform, k)
	if err != nil {
		return "", err
	}
	return address, l.store.Append(ctx, audit.Entry{At: now, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "account_link.create",
		Subject: "account_link:" + k.ID, Outcome: audit.Done, Details: map[string]string{"app": app, "account": appID}})
}
