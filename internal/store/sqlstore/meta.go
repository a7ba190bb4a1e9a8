package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// Names of single values.
const (
	metaTime     = "highest_time"
	metaKeyset   = "keyset"
	metaRevision = "revision"
	metaAuditKey = "audit_key"
	metaEvent    = "last_event" // the id of the newest event there ever was
	// metaCondition begins the names of conditions; the number says since when.
	metaCondition = "condition:"
	// metaTurn begins the names of turns; the number says when the next one is.
	metaTurn = "turn:"
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

// AcceptTime makes now the highest time seen, also if it is an earlier one: an
// administrator says that the clock was wrong then and is right now.
func (s *Store) AcceptTime(ctx context.Context, now time.Time, e ...audit.Entry) error {
	return s.write(ctx, "accept time", func(t *tx) error {
		t.record(e...)
		return t.PutMeta(ctx, sqlgen.PutMetaParams{Name: metaTime, Number: millis(now)})
	})
}

// Turn gives one caller, of however many replicas, the turn that name has at now,
// and plans the following one for next. It reports false when the turn is not there
// yet, or somebody else took it. A turn that nobody had yet is there at once.
func (s *Store) Turn(ctx context.Context, name string, now, next time.Time) (bool, error) {
	name = metaTurn + name
	row, err := meta(ctx, s.q, name)
	if err != nil {
		return false, s.fail("read turn", err)
	}
	if row.Number > millis(now) {
		return false, nil // looked at once more before it is taken
	}
	var mine bool
	err = s.write(ctx, "take turn", func(t *tx) error {
		row, err := meta(ctx, t.Queries, name)
		mine = row.Number <= millis(now)
		if err != nil || !mine {
			return err
		}
		return t.PutMeta(ctx, sqlgen.PutMetaParams{Name: name, Number: millis(next)})
	})
	return mine && err == nil, err
}

// Keyset gives the wrapped keyset; false when none was ever kept.
func (s *Store) Keyset(ctx context.Context) (wrapped []byte, ok bool, err error) {
	row, err := meta(ctx, s.q, metaKeyset)
	if err != nil {
		return nil, false, s.fail("read keyset", err)
	}
	return row.Body, len(row.Body) > 0, nil
}

// CreateKeyset keeps the first wrapped keyset and gives it back, or the one that
// somebody else kept first.
func (s *Store) CreateKeyset(ctx context.Context, wrapped []byte, e ...audit.Entry) (kept []byte, err error) {
	err = s.write(ctx, "create keyset", func(t *tx) error {
		kept, err = t.firstCome(ctx, metaKeyset, wrapped, e)
		return err
	})
	return kept, err
}

// firstCome keeps a single value if there is none, and gives the one that is kept
// then. The entries are recorded only with the first.
func (t *tx) firstCome(ctx context.Context, name string, body []byte, e []audit.Entry) ([]byte, error) {
	row, err := meta(ctx, t.Queries, name)
	if err != nil || len(row.Body) > 0 {
		return row.Body, err
	}
	t.record(e...)
	return body, t.PutMeta(ctx, sqlgen.PutMetaParams{Name: name, Body: body})
}

// SaveKeyset keeps the wrapped keyset in place of the one before. It refuses with
// [access.ErrStale] when another one is kept by now: a key of it would be lost.
func (s *Store) SaveKeyset(ctx context.Context, before, wrapped []byte, e ...audit.Entry) error {
	return s.write(ctx, "save keyset", func(t *tx) error {
		row, err := meta(ctx, t.Queries, metaKeyset)
		if err != nil {
			return err
		}
		if !bytes.Equal(row.Body, before) {
			return access.ErrStale
		}
		t.record(e...)
		return t.PutMeta(ctx, sqlgen.PutMetaParams{Name: metaKeyset, Body: wrapped})
	})
}

// AuditKey gives the public key that the heads of the log are signed with; empty
// when none was ever kept.
func (s *Store) AuditKey(ctx context.Context) (string, error) {
	row, err := meta(ctx, s.q, metaAuditKey)
	if err != nil {
		return "", s.fail("read audit key", err)
	}
	return string(row.Body), nil
}

// CreateAuditKey keeps the public key that heads are signed with and gives it
// back, or the one that somebody else kept first: all replicas sign with one key.
func (s *Store) CreateAuditKey(ctx context.Context, key string) (kept string, err error) {
	err = s.write(ctx, "create audit key", func(t *tx) error {
		b, err := t.firstCome(ctx, metaAuditKey, []byte(key), nil)
		kept = string(b)
		return err
	})
	return kept, err
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

// ends keeps programs away that know only older schemas than this one, from when
// there is something in the database that they would misread.
func (t *tx) ends(ctx context.Context, schema int64) error {
	row, err := t.Meta(ctx, metaCompat)
	if errors.Is(err, sql.ErrNoRows) || err == nil && row.Number >= schema {
		return nil // a database that says nothing serves programs of its own schema only
	}
	if err != nil {
		return err
	}
	return t.PutMeta(ctx, sqlgen.PutMetaParams{Name: metaCompat, Number: schema})
}
