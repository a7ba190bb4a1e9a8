package sqlstore

import (
	"context"
	"math"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// metaRadar is the id of the last event that was looked at for changes of APIs.
const metaRadar = "radar"

// AddPathUses adds to the counts of calls. Nothing of them was written if it fails.
func (s *Store) AddPathUses(ctx context.Context, uses []access.PathUse) error {
	return s.writeBeside(ctx, "count calls", func(t *tx) error {
		for _, u := range uses {
			err := t.AddPathUse(ctx, sqlgen.AddPathUseParams{
				ClientID: u.ClientID, ShopID: u.ShopID, Path: u.Path, Day: millis(u.Day), Calls: u.Calls,
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// PathsOf gives what a client called since a day, by the alphabet.
func (s *Store) PathsOf(ctx context.Context, client string, since time.Time) ([]access.PathTotal, error) {
	rows, err := s.q.PathsOf(ctx, sqlgen.PathsOfParams{ClientID: client, Since: millis(since)})
	return many(s.Log, "read paths of client", rows, err, func(r sqlgen.PathsOfRow) access.PathTotal {
		return access.PathTotal{Path: r.Path, Shops: int(r.Shops), Calls: r.Calls, Last: fromMillis(r.LastDay)}
	})
}

// PathsAt gives the paths that a client called for one shop since a day, by the
// alphabet.
func (s *Store) PathsAt(ctx context.Context, client, shop string, since time.Time) ([]string, error) {
	paths, err := s.q.PathsAt(ctx, sqlgen.PathsAtParams{ClientID: client, ShopID: shop, Since: millis(since)})
	if err != nil {
		return nil, s.fail("read paths at a shop", err)
	}
	return paths, nil
}

// UsersOf gives the clients that used a path since a day for a shop that they still
// hold, those that were revoked left out.
func (s *Store) UsersOf(ctx context.Context, path string, since time.Time) ([]access.PathUser, error) {
	rows, err := s.q.UsersOf(ctx, sqlgen.UsersOfParams{Path: path, Since: millis(since)})
	return many(s.Log, "read users of path", rows, err, func(r sqlgen.UsersOfRow) access.PathUser {
		return access.PathUser{ClientID: r.ClientID, ShopID: r.ShopID, Shops: int(r.Shops), Calls: r.Calls}
	})
}

// CallsOf gives how often a client called a path for a shop on the day of at.
func (s *Store) CallsOf(ctx context.Context, client, shop, path string, at time.Time) (int64, error) {
	n, err := s.q.CallsOf(ctx, sqlgen.CallsOfParams{ClientID: client, ShopID: shop, Path: path, Day: millis(access.DayOf(at))})
	if err != nil {
		return 0, s.fail("count calls", err)
	}
	return n, nil
}

// APIDiffs gives at most limit events by which WeChat announced changes of its APIs
// and that nobody took in yet, the oldest first, and the place that [Store.RecordAPIChanges]
// begins from.
func (s *Store) APIDiffs(ctx context.Context, limit int) (events []grant.Event, from int64, err error) {
	row, err := meta(ctx, s.q, metaRadar)
	if err != nil {
		return nil, 0, s.fail("read the radar's place", err)
	}
	rows, err := s.q.APIDiffs(ctx, sqlgen.APIDiffsParams{After: row.Number, MaxRows: rowLimit(limit)})
	events, err = many(s.Log, "read announced changes", rows, err, toEvent)
	return events, row.Number, err
}

// NewAPIChanges gives those changes that are not known yet.
func (s *Store) NewAPIChanges(ctx context.Context, all []grant.APIChange) (fresh []grant.APIChange, err error) {
	err = s.view(ctx, "look for changes", func(q *sqlgen.Queries) error {
		fresh = fresh[:0]
		for _, c := range all {
			n, err := q.KnownAPIChange(ctx, c.ID)
			if err != nil {
				return err
			}
			if n == 0 {
				fresh = append(fresh, c)
			}
		}
		return nil
	})
	return fresh, err
}

// RecordAPIChanges writes new changes with what follows from them, and moves the
// radar's place from one event to another. [grant.ErrLost] says that somebody else
// moved it; then nothing was written.
func (s *Store) RecordAPIChanges(ctx context.Context, from, to int64, fresh []grant.APIChange, e grant.Effects) error {
	return s.write(ctx, "record changes", func(t *tx) error {
		row, err := meta(ctx, t.Queries, metaRadar)
		if err != nil {
			return err
		}
		if row.Number != from {
			return grant.ErrLost
		}
		for _, c := range fresh {
			if err := t.InsertAPIChange(ctx, toChangeRow(c)); err != nil {
				return err
			}
		}
		if err := t.PutMeta(ctx, sqlgen.PutMetaParams{Name: metaRadar, Number: to}); err != nil {
			return err
		}
		t.hear(e)
		t.record(e.Audit...)
		return t.notifyAll(ctx, e.Notices)
	})
}

func (t *tx) notifyAll(ctx context.Context, notices []notice.Notice) error {
	for _, n := range notices {
		if err := t.notify(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// APIChanges gives at most limit changes that WeChat announced, the newest first; of
// one path if it is not empty. They begin behind the one of this time and id; the zero
// time is no bound.
func (s *Store) APIChanges(ctx context.Context, path string, at time.Time, after string, limit int) ([]grant.APIChange, error) {
	from := int64(math.MaxInt64)
	if !at.IsZero() {
		from = millis(at)
	}
	if path == "" {
		rows, err := s.q.APIChanges(ctx, sqlgen.APIChangesParams{At: from, After: after, MaxRows: rowLimit(limit)})
		return many(s.Log, "read changes", rows, err, toChange)
	}
	rows, err := s.q.APIChangesOfPath(ctx, sqlgen.APIChangesOfPathParams{Path: path, At: from, After: after, MaxRows: rowLimit(limit)})
	return many(s.Log, "read changes", rows, err, toChange)
}

func toChangeRow(c grant.APIChange) sqlgen.InsertAPIChangeParams {
	return sqlgen.InsertAPIChangeParams{ID: c.ID, Path: c.Path, Name: c.Name, Content: c.Content, DocUrl: c.DocURL, LogUrl: c.LogURL,
		ChangedAt: millis(c.At), SeenAt: millis(c.SeenAt), Clients: toJSON(c.Clients)}
}

func toChange(r sqlgen.ApiChange) grant.APIChange {
	return grant.APIChange{ID: r.ID, Path: r.Path, Name: r.Name, Content: r.Content, DocURL: r.DocUrl, LogURL: r.LogUrl,
		At: fromMillis(r.ChangedAt), SeenAt: fromMillis(r.SeenAt), Clients: fromJSON[[]string](r.Clients)}
}
