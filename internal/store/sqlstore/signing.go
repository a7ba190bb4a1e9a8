package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// SigningKeys gives all keys that sign, by algorithm and the time from which they
// do.
func (s *Store) SigningKeys(ctx context.Context) ([]access.SigningKey, error) {
	rows, err := s.q.SigningKeys(ctx)
	return many(s.Log, "read signing keys", rows, err, toSigningKey)
}

// AddSigningKey keeps a key that follows the one with the id before, "" for the
// first of its algorithm. [access.ErrStale] says that somebody else was faster: read
// theirs.
func (s *Store) AddSigningKey(ctx context.Context, k access.SigningKey, before string, e ...audit.Entry) error {
	return s.write(ctx, "add signing key", func(t *tx) error {
		if err := t.newestIs(ctx, k.Alg, before); err != nil {
			return err
		}
		t.record(e...)
		return t.insertSigningKey(ctx, k)
	})
}

// ReplaceSigningKeys is AddSigningKey for keys that others may have by now: from now
// on none of that algorithm is published but k.
func (s *Store) ReplaceSigningKeys(ctx context.Context, k access.SigningKey, before string, now time.Time, e ...audit.Entry) error {
	return s.write(ctx, "replace signing keys", func(t *tx) error {
		if err := t.newestIs(ctx, k.Alg, before); err != nil {
			return err
		}
		if err := t.EndSigningKeys(ctx, sqlgen.EndSigningKeysParams{Alg: k.Alg, Now: millis(now)}); err != nil {
			return err
		}
		t.record(e...)
		return t.insertSigningKey(ctx, k)
	})
}

func (t *tx) newestIs(ctx context.Context, alg, id string) error {
	newest, err := t.NewestSigningKey(ctx, alg)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if newest != id { // "" when there is none
		return access.ErrStale
	}
	return nil
}

func (t *tx) insertSigningKey(ctx context.Context, k access.SigningKey) error {
	return t.InsertSigningKey(ctx, sqlgen.InsertSigningKeyParams{
		ID: k.ID, Alg: k.Alg, Private: k.Private, MadeAt: millis(k.MadeAt),
		SignsFrom: millis(k.SignsFrom), SignsUntil: millis(k.SignsUntil), PublishedUntil: millis(k.PublishedUntil),
	})
}

func toSigningKey(r sqlgen.SigningKey) access.SigningKey {
	return access.SigningKey{
		ID: r.ID, Alg: r.Alg, Private: r.Private, MadeAt: fromMillis(r.MadeAt),
		SignsFrom: fromMillis(r.SignsFrom), SignsUntil: fromMillis(r.SignsUntil), PublishedUntil: fromMillis(r.PublishedUntil),
	}
}
