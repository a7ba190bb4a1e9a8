package push

import (
	"context"
	"errors"
	"fmt"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/trace"
)

// decisions is how often one push is decided at most. Somebody who loses so often
// in one budget is better off when WeChat comes again.
const decisions = 5

// record decides what follows from a push and makes it durable. It answers
// [grant.ErrSeen] if that was done before.
func (p *Receiver) record(ctx context.Context, a arrival) (e grant.Effects, err error) {
	ctx, span := trace.Start(ctx, "record push", trace.Internal) // its transaction is shared with others
	defer func() {
		if err != nil && !errors.Is(err, grant.ErrSeen) {
			span.Fail("")
		}
		span.End()
	}()
	for range decisions {
		if e, err = p.decide(ctx, a); err != nil {
			return e, fmt.Errorf("push: decide %s: %w", eventWord(a), err)
		}
		err = p.batch.record(ctx, grant.Push{App: a.app.ID, Digest: a.event.Digest[:], At: a.at, Effects: e})
		if !errors.Is(err, grant.ErrLost) {
			return e, err
		}
	}
	return e, err
}

// eventWord names a kind of push for logs. A person's message has no name.
func eventWord(a arrival) string {
	if a.event.Name == "" {
		return "message"
	}
	return "event " + a.event.Name
}

func (p *Receiver) decide(ctx context.Context, a arrival) (grant.Effects, error) {
	if a.app.Kind == access.ShopApp || a.app.Kind == access.Component && a.appID != "" {
		return p.shopEvent(ctx, a)
	}
	if decide := p.o.Decide[a.app.Kind]; decide != nil {
		return decide(ctx, a.app, a.event, a.at)
	}
	return grant.Effects{At: a.at}, nil
}

// shopEvent makes an event for the clients of a shop. What came for no shop of
// ours, or through an app that does not serve the shop, is for nobody; and so is
// what a person wrote, which is no event.
func (p *Receiver) shopEvent(ctx context.Context, a arrival) (grant.Effects, error) {
	effects := grant.Effects{At: a.at}
	shop, err := p.shopOf(ctx, a.app.ID, a.appID)
	if err != nil || shop == "" || a.event.Name == "" {
		return effects, err
	}
	happened := a.event.Time()
	if happened.IsZero() {
		happened = a.at
	}
	effects.Events = []grant.Event{{
		App: a.app.ID, ShopID: shop, AppID: a.appID, Name: a.event.Name,
		At: happened, SeenAt: a.at, Body: a.event.Body,
	}}
	return effects, nil
}

// served says which shop an appid is, and whose key serves it.
type served struct {
	shop, app string
}

// shopOf gives our id of the shop that app serves under appID; empty if there is
// none. A shop that moved from one app to another is pushed by both for a while,
// and one of them counts. Before a push is passed over for that, or for an
// unknown appid, the store is asked: memory may be of before the move.
func (p *Receiver) shopOf(ctx context.Context, app, appID string) (string, error) {
	s, err := p.shops.get(ctx, appID)
	if err == nil && s.app != app {
		s, err = p.shops.fresh(ctx, appID)
	}
	switch {
	case errors.Is(err, access.ErrNotFound), err == nil && s.app != app:
		return "", nil
	case err != nil:
		return "", err
	}
	return s.shop, nil
}

func (p *Receiver) loadServed(ctx context.Context, appID string) (served, error) {
	if len(appID) > maxAppID {
		return served{}, access.ErrNotFound
	}
	shop, err := p.o.Store.ShopByAppID(ctx, appID)
	return served{shop: shop.ID, app: shop.App}, err
}

// maxAppID is longer than any appid.
const maxAppID = 64

// effect says for the counters whether a push changed anything.
func effect(e grant.Effects) string {
	if e.Settle != nil || e.Authorise != nil || e.Login != nil || e.Open != nil || e.Ticket != nil ||
		len(e.Revoke)+len(e.Authorizers)+len(e.Purchases)+len(e.Events)+len(e.EndSessions)+len(e.Notices)+len(e.Audit) > 0 {
		return ""
	}
	return reasonNothing
}
