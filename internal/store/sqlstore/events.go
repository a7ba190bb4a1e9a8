package sqlstore

import (
	"context"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// EventsAfter gives at most limit events that follow the one with this id, in the
// order of their ids. Ids are given inside transactions that run one after
// another, so that whoever reads on from the last id misses none.
func (s *Store) EventsAfter(ctx context.Context, after int64, limit int) ([]grant.Event, error) {
	rows, err := s.q.EventsAfter(ctx, sqlgen.EventsAfterParams{After: after, MaxRows: rowLimit(limit)})
	return many(s.Log, "read events", rows, err, toEvent)
}

// LastEvent gives the id of the newest event there ever was, 0 before the first.
func (s *Store) LastEvent(ctx context.Context) (int64, error) {
	row, err := meta(ctx, s.q, metaEvent)
	if err != nil {
		return 0, s.fail("read last event", err)
	}
	return row.Number, nil
}

// PurgeEvents deletes the events that came before a time. Their ids are not used
// again. An entry counts those that a subscription waited for.
func (s *Store) PurgeEvents(ctx context.Context, before time.Time) error {
	return s.write(ctx, "purge events", func(t *tx) error { return t.purgeEvents(ctx, before, before) })
}

func (t *tx) purgeEvents(ctx context.Context, before, at time.Time) error {
	rows, err := t.Queries.Subscriptions(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := t.countLost(ctx, toSubscription(row), before, at); err != nil {
			return err
		}
	}
	return t.PurgeEvents(ctx, millis(before))
}

// countLost records how many events a subscription loses that it still waits for: one
// that is off becomes no dead letters, so this is the only word of them.
func (t *tx) countLost(ctx context.Context, s grant.Subscription, before, at time.Time) error {
	client, err := t.Client(ctx, s.Client)
	if err != nil || client.RevokedAt != 0 {
		return err // nothing is owed to who was revoked
	}
	rows, err := t.LostEvents(ctx, sqlgen.LostEventsParams{ClientID: s.Client, SubscriptionID: s.ID, Before: millis(before), First: s.Cursor + 1})
	if err != nil {
		return err
	}
	lost := int64(0)
	for _, row := range rows {
		if s.Wants(row.Name) {
			lost += row.N
		}
	}
	if lost > 0 {
		t.record(audit.Entry{At: at, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "subscription.lost", Subject: "subscription:" + s.ID,
			Outcome: audit.Failed, Reason: "kept_long_enough", Count: lost, Details: map[string]string{"client": s.Client, "state": string(s.State)}})
	}
	return nil
}

// hear gathers the events of a decision. One that does not say when it was seen was
// seen with the decision: it is kept as long as the others.
func (t *tx) hear(e grant.Effects) {
	for _, n := range e.Events {
		if n.SeenAt.IsZero() {
			n.SeenAt = e.At
		}
		t.events = append(t.events, n)
	}
}

// appendEvents writes the events that the transaction gathered, and gives them
// their ids: the number in meta goes on, whatever was deleted or rolled back.
func (t *tx) appendEvents(ctx context.Context) error {
	if len(t.events) == 0 {
		return nil
	}
	last, err := meta(ctx, t.Queries, metaEvent)
	if err != nil {
		return err
	}
	rows := make([]sqlgen.Event, len(t.events))
	for i, e := range t.events {
		rows[i] = sqlgen.Event{
			ID: last.Number + int64(i) + 1, App: e.App, ShopID: e.ShopID, AppID: e.AppID, Name: e.Name,
			At: millis(e.At), SeenAt: millis(e.SeenAt), Body: orNull(e.Body), ForClient: e.Client,
		}
	}
	if err := t.dialect.AddEvents(ctx, t.Tx, rows); err != nil {
		return err
	}
	return t.PutMeta(ctx, sqlgen.PutMetaParams{Name: metaEvent, Number: last.Number + int64(len(rows))})
}

func toEvent(r sqlgen.Event) grant.Event {
	return grant.Event{ID: r.ID, App: r.App, ShopID: r.ShopID, AppID: r.AppID, Name: r.Name,
		At: fromMillis(r.At), SeenAt: fromMillis(r.SeenAt), Body: r.Body, Client: r.ForClient}
}
