package sqlstore

import (
	"context"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// DueSubscriptions gives the subscriptions that something can be sent to at now, of
// each only its id, its client, its events and its cursor.
func (s *Store) DueSubscriptions(ctx context.Context, now time.Time) ([]grant.DueSubscription, error) {
	last, err := s.LastEvent(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := s.q.DueSubscriptions(ctx, sqlgen.DueSubscriptionsParams{Now: millis(now), Last: last})
	return many(s.Log, "read due subscriptions", rows, err, func(r sqlgen.DueSubscriptionsRow) grant.DueSubscription {
		n := grant.Subscription{ID: r.ID, Client: r.ClientID, Events: fromJSON[[]string](r.Events), Cursor: r.Cursor}
		return grant.DueSubscription{Subscription: n, Waiting: r.Waiting}
	})
}

// ClaimSubscription leases a subscription and gives it with its client as that is
// now. The term is 0 when somebody else holds it, or nothing may be sent.
func (s *Store) ClaimSubscription(ctx context.Context, r grant.RelayRequest) (grant.RelayClaim, error) {
	var claim grant.RelayClaim
	err := s.writeBeside(ctx, "claim subscription", func(t *tx) error {
		claim = grant.RelayClaim{}
		rows, err := t.LeaseSubscription(ctx, sqlgen.LeaseSubscriptionParams{
			ID: r.SubscriptionID, LeaseOwner: r.Owner, LeaseUntil: millis(r.Now.Add(r.For)), Now: millis(r.Now),
		})
		if err != nil || len(rows) == 0 {
			return err
		}
		claim.Subscription = toSubscription(rows[0])
		if err := t.owed(ctx, &claim, r); err != nil {
			return err
		}
		claim.Term = rows[0].LeaseTerm
		return nil
	})
	if err != nil {
		return grant.RelayClaim{}, err
	}
	return claim, nil
}

// owed reads who hears, and what waits.
func (t *tx) owed(ctx context.Context, claim *grant.RelayClaim, r grant.RelayRequest) error {
	client, err := t.Client(ctx, claim.Subscription.Client)
	if err != nil {
		return err
	}
	if claim.Client, err = toClient(client); err != nil {
		return err
	}
	revision, err := meta(ctx, t.Queries, metaRevision)
	if err != nil {
		return err
	}
	claim.Revision = revision.Number
	if claim.Revision != r.Revision {
		if claim.Client.Shops, err = t.ClientShops(ctx, client.ID); err != nil {
			return err
		}
	}
	held, err := t.HeldShops(ctx, r.SubscriptionID)
	if err != nil {
		return err
	}
	for _, h := range held {
		claim.Held = append(claim.Held, toHeld(h))
	}
	again, err := t.AgainLetters(ctx, sqlgen.AgainLettersParams{SubscriptionID: r.SubscriptionID, MaxRows: rowLimit(r.Again)})
	for _, d := range again {
		claim.Again = append(claim.Again, toDeadLetter(d))
	}
	return err
}

// SettleSubscription writes what came of a claim and gives the subscription free.
// [grant.ErrLost] says that another term began, or that the subscription is gone;
// then nothing was written.
func (s *Store) SettleSubscription(ctx context.Context, n grant.RelaySettlement) error {
	write := s.writeBeside
	if len(n.Notices) > 0 {
		write = s.write
	}
	return write(ctx, "settle subscription", func(t *tx) error {
		landed, err := t.Queries.SettleSubscription(ctx, sqlgen.SettleSubscriptionParams{
			ID: n.SubscriptionID, LeaseTerm: n.Term, Cursor: n.Cursor, Failures: int64(n.Failures), PauseUntil: millis(n.PauseUntil),
		})
		if err == nil && landed == 0 {
			err = grant.ErrLost
		}
		if err != nil {
			return err
		}
		for _, step := range []func(context.Context, grant.RelaySettlement) error{t.settleHeld, t.settleDead, t.settleOff} {
			if err := step(ctx, n); err != nil {
				return err
			}
		}
		t.record(n.Audit...)
		return nil
	})
}

// settleHeld writes which shops wait. What is held anew keeps its own time.
func (t *tx) settleHeld(ctx context.Context, n grant.RelaySettlement) error {
	if n.Wake {
		if err := t.WakeHeldShops(ctx, sqlgen.WakeHeldShopsParams{SubscriptionID: n.SubscriptionID, DueAt: millis(n.At)}); err != nil {
			return err
		}
	}
	for _, shop := range n.Free {
		if err := t.DeleteHeldShop(ctx, sqlgen.DeleteHeldShopParams{SubscriptionID: n.SubscriptionID, ShopID: shop}); err != nil {
			return err
		}
	}
	for _, h := range n.Hold {
		err := t.PutHeldShop(ctx, sqlgen.PutHeldShopParams{
			SubscriptionID: n.SubscriptionID, ShopID: h.ShopID, EventID: h.EventID, Attempt: int64(h.Attempt), DueAt: millis(h.DueAt), Reason: h.Reason,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// settleDead writes what was given up, and deletes what was taken after all.
func (t *tx) settleDead(ctx context.Context, n grant.RelaySettlement) error {
	for _, d := range n.Bury {
		e := d.Event
		err := t.PutDeadLetter(ctx, sqlgen.PutDeadLetterParams{
			SubscriptionID: n.SubscriptionID, EventID: e.ID, App: e.App, ShopID: e.ShopID, AppID: e.AppID, Name: e.Name,
			At: millis(e.At), SeenAt: millis(e.SeenAt), Body: orNull(e.Body), Attempt: int64(d.Attempt), Reason: d.Reason, DeadAt: millis(d.At),
		})
		if err != nil {
			return err
		}
	}
	for _, id := range n.Dig {
		if err := t.DeleteDeadLetter(ctx, sqlgen.DeleteDeadLetterParams{SubscriptionID: n.SubscriptionID, EventID: id}); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) settleOff(ctx context.Context, n grant.RelaySettlement) error {
	if n.Off != "" {
		if err := t.StopSubscription(ctx, sqlgen.StopSubscriptionParams{ID: n.SubscriptionID, Why: n.Off}); err != nil {
			return err
		}
	}
	for _, told := range n.Notices {
		if err := t.notify(ctx, told); err != nil {
			return err
		}
	}
	return nil
}
