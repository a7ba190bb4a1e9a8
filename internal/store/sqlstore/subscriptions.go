package sqlstore

import (
	"context"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// EventsOfShop gives at most limit events of a shop from one id to another, both
// included, in their order.
func (s *Store) EventsOfShop(ctx context.Context, shopID string, from, to int64, limit int) ([]grant.Event, error) {
	rows, err := s.q.EventsOfShop(ctx, sqlgen.EventsOfShopParams{ShopID: shopID, First: from, Last: to, MaxRows: rowLimit(limit)})
	return many(s.Log, "read events of shop", rows, err, toEvent)
}

// FirstEvent gives the id of the oldest event that is kept, 0 when none is.
func (s *Store) FirstEvent(ctx context.Context) (int64, error) {
	id, err := s.q.FirstEvent(ctx)
	if err != nil {
		return 0, s.fail("read first event", err)
	}
	return id, nil
}

// AddSubscription makes a subscription that begins behind the newest event. A
// client that is not there is [access.ErrNotFound], one that has as many as most
// already [grant.ErrTooMany].
func (s *Store) AddSubscription(ctx context.Context, n grant.Subscription, most int, e ...audit.Entry) error {
	return s.write(ctx, "add subscription", func(t *tx) error {
		if _, err := t.Client(ctx, n.Client); err != nil {
			return missing(err, access.ErrNotFound)
		}
		there, err := t.SubscriptionsOf(ctx, n.Client)
		if err == nil && len(there) >= most {
			err = grant.ErrTooMany
		}
		if err != nil {
			return err
		}
		last, err := meta(ctx, t.Queries, metaEvent)
		if err != nil {
			return err
		}
		t.record(e...)
		return t.InsertSubscription(ctx, sqlgen.InsertSubscriptionParams{
			ID: n.ID, ClientID: n.Client, Url: n.URL, Events: toJSON(n.Events), AllowPrivate: n.AllowPrivate,
			Secret: n.Secret, SecretVersion: n.SecretVersion, State: string(n.State), Cursor: last.Number, CreatedAt: millis(n.CreatedAt),
		})
	})
}

// Subscription gives the subscription with this id, or [access.ErrNotFound].
func (s *Store) Subscription(ctx context.Context, id string) (grant.Subscription, error) {
	row, err := s.q.Subscription(ctx, id)
	return one(s.Log, "read subscription", row, err, toSubscription)
}

// Subscriptions gives those of a client, or all for an empty one, the oldest
// first.
func (s *Store) Subscriptions(ctx context.Context, client string) ([]grant.Subscription, error) {
	var rows []sqlgen.Subscription
	var err error
	if client == "" {
		rows, err = s.q.Subscriptions(ctx)
	} else {
		rows, err = s.q.SubscriptionsOf(ctx, client)
	}
	return many(s.Log, "read subscriptions", rows, err, toSubscription)
}

// RemoveSubscription deletes a subscription with what waits for it, or answers
// [access.ErrNotFound].
func (s *Store) RemoveSubscription(ctx context.Context, id string, e ...audit.Entry) error {
	return s.changeSubscription(ctx, "remove subscription", access.ErrNotFound, e, func(t *tx) (int64, error) { return t.DeleteSubscription(ctx, id) })
}

// RotateSubscription keeps a new secret, and the one before beside it until
// previousEnds. It refuses with [access.ErrStale] when the version is another than
// from by now.
func (s *Store) RotateSubscription(ctx context.Context, id string, from int64, sealed []byte, previousEnds time.Time, e ...audit.Entry) error {
	return s.changeSubscription(ctx, "rotate subscription", access.ErrStale, e, func(t *tx) (int64, error) {
		return t.RotateSubscription(ctx, sqlgen.RotateSubscriptionParams{ID: id, FromVersion: from, Secret: sealed, PreviousEnds: millis(previousEnds)})
	})
}

// StartSubscription switches a subscription on, ends its pause, and has what is held
// of it due now. An unknown one is [access.ErrNotFound].
func (s *Store) StartSubscription(ctx context.Context, id string, now time.Time, e ...audit.Entry) error {
	return s.changeSubscription(ctx, "start subscription", access.ErrNotFound, e, func(t *tx) (int64, error) {
		if err := t.WakeHeldShops(ctx, sqlgen.WakeHeldShopsParams{SubscriptionID: id, DueAt: millis(now)}); err != nil {
			return 0, err
		}
		return t.StartSubscription(ctx, id)
	})
}

// changeSubscription runs a change of one row; none is refused with refusal.
func (s *Store) changeSubscription(ctx context.Context, op string, refusal error, e []audit.Entry, change func(*tx) (int64, error)) error {
	return s.write(ctx, op, func(t *tx) error {
		n, err := change(t)
		if err == nil && n == 0 {
			err = refusal
		}
		t.record(e...)
		return err
	})
}

// DeadLetters gives at most limit events that were given up for a subscription,
// behind the one with an id.
func (s *Store) DeadLetters(ctx context.Context, id string, after int64, limit int) ([]grant.DeadLetter, error) {
	rows, err := s.q.DeadLetters(ctx, sqlgen.DeadLettersParams{SubscriptionID: id, After: after, MaxRows: rowLimit(limit)})
	return many(s.Log, "read dead letters", rows, err, toDeadLetter)
}

// ReplayDeadLetters has dead letters of a subscription sent once more, all when no
// event is named, and gives how many. When none is there nothing is recorded.
func (s *Store) ReplayDeadLetters(ctx context.Context, id string, events []int64, now time.Time, e ...audit.Entry) (int, error) {
	var n int64
	err := s.write(ctx, "replay dead letters", func(t *tx) (err error) {
		if n, err = t.replay(ctx, id, events, millis(now)); err == nil && n > 0 {
			t.record(e...)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	return int(n), nil
}

func (t *tx) replay(ctx context.Context, id string, events []int64, again int64) (n int64, err error) {
	if len(events) == 0 {
		return t.Queries.ReplayDeadLetters(ctx, sqlgen.ReplayDeadLettersParams{SubscriptionID: id, AgainAt: again})
	}
	for _, event := range events {
		landed, err := t.ReplayDeadLetter(ctx, sqlgen.ReplayDeadLetterParams{SubscriptionID: id, EventID: event, AgainAt: again})
		if err != nil {
			return 0, err
		}
		n += landed
	}
	return n, nil
}

func toSubscription(r sqlgen.Subscription) grant.Subscription {
	return grant.Subscription{
		ID: r.ID, Client: r.ClientID, URL: r.Url, Events: fromJSON[[]string](r.Events), AllowPrivate: r.AllowPrivate,
		Secret: r.Secret, SecretVersion: r.SecretVersion, Previous: r.Previous, PreviousEnds: fromMillis(r.PreviousEnds),
		State: grant.SubscriptionState(r.State), Why: r.Why, Cursor: r.Cursor, Failures: int(r.Failures),
		PauseUntil: fromMillis(r.PauseUntil), CreatedAt: fromMillis(r.CreatedAt),
	}
}

func toDeadLetter(r sqlgen.DeadLetter) grant.DeadLetter {
	return grant.DeadLetter{
		Event: grant.Event{ID: r.EventID, App: r.App, ShopID: r.ShopID, AppID: r.AppID, Name: r.Name,
			At: fromMillis(r.At), SeenAt: fromMillis(r.SeenAt), Body: r.Body},
		Attempt: int(r.Attempt), Reason: r.Reason, At: fromMillis(r.DeadAt), AgainAt: fromMillis(r.AgainAt),
	}
}

func toHeld(r sqlgen.HeldShop) grant.HeldShop {
	return grant.HeldShop{ShopID: r.ShopID, EventID: r.EventID, Attempt: int(r.Attempt), DueAt: fromMillis(r.DueAt), Reason: r.Reason}
}
