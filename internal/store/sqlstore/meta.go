package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// Names of single values.
const (
	metaTime     = "highest_time"
	metaKeyset   = "keyset"
	metaRevision = "revision"
	// metaCondition begins the names of conditions; the number says since when.
	metaCondition = "condition:"
)

// meta reads a single value; the zero value stands for one never written.
func meta(ctx context.Context, q *sqlgen.Queries, name string) (sqlgen.MetaRow, error) {
	row, err := q.Meta(ctx, name)
	if errors.Is(err, sql.ErrNoRows) {
		return sqlgen.MetaRow{}, nil
	}
	return row, err
}

// ObserveTime remembers the highest time ever seen and gives it. One later than
// now says that the clock was set back.
func (s *Store) ObserveTime(ctx context.Context, now time.Time) (highest time.Time, err error) {
	err = s.write(ctx, "observe time", func(t *tx) error {
		row, err := meta(ctx, t.Queries, metaTime)
		if err != nil {
			return err
		}
		highest = now
		if row.Number > millis(now) {
			highest = fromMillis(row.Number)
		}
		if row.Number >= millis(now) {
			return nil
		}
		return t.PutMeta(ctx, sqlgen.PutMetaParams{Name: metaTime, Number: millis(now)})
	})
	if err != nil {
		return time.Time{}, err
	}
	return highest, nil
}

// Keyset gives the wrapped keyset; false when none was ever kept.
func (s *Store) Keyset(ctx context.Context) (wrapped []byte, ok bool, err error) {
	row, err := meta(ctx, s.q, metaKeyset)
	if err != nil {
		return nil, false, s.fail("read keyset", err)
	}
	return row.Body, len(row.Body) > 0, nil
}

// SaveKeyset keeps the wrapped keyset in place of the one before.
func (s *Store) SaveKeyset(ctx context.Context, wrapped []byte, e ...audit.Entry) error {
	return s.write(ctx, "save keyset", func(t *tx) error {
		t.record(e...)
		return t.PutMeta(ctx, sqlgen.PutMetaParams{Name: metaKeyset, Body: wrapped})
	})
}

// Revision gives the directory's revision. It counts up with every
// [Store.Declare].
func (s *Store) Revision(ctx context.Context) (int64, error) {
	row, err := meta(ctx, s.q, metaRevision)
	if err != nil {
		return 0, s.fail("read revision", err)
	}
	return row.Number, nil
}
