package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// Scan gives what a person answered to a QR code, or [access.ErrNotFound] while
// nobody answered.
func (s *Store) Scan(ctx context.Context, id []byte) (access.Scan, error) {
	row, err := s.q.Scan(ctx, id)
	if errors.Is(err, sql.ErrNoRows) {
		return access.Scan{}, access.ErrNotFound
	}
	if err != nil {
		return access.Scan{}, s.fail("read a scan", err)
	}
	return access.Scan{
		ID: row.ID, State: access.ScanState(row.State), PersonID: row.PersonID, SessionID: row.SessionID,
		At: fromMillis(row.At), Until: fromMillis(row.Until),
	}, nil
}

// AnswerScan keeps an answer with what follows from it. A code that was answered
// before is [access.ErrUsed], whatever the answer was.
func (s *Store) AnswerScan(ctx context.Context, n access.Scan, e grant.Effects) error {
	return s.write(ctx, "answer scan", func(t *tx) error {
		_, err := t.Queries.Scan(ctx, n.ID)
		if err == nil {
			return access.ErrUsed
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		err = t.InsertScan(ctx, sqlgen.InsertScanParams{
			ID: n.ID, State: string(n.State), PersonID: n.PersonID, SessionID: n.SessionID, At: millis(n.At), Until: millis(n.Until),
		})
		if err != nil {
			return err
		}
		return t.apply(ctx, e)
	})
}

// TakeScan uses an approval up and applies e, which starts the session that it is
// worth. [access.ErrUsed] says that there is nothing to take: it was taken, refused,
// is too old, or the session that approved it ended.
func (s *Store) TakeScan(ctx context.Context, id []byte, now time.Time, e grant.Effects) error {
	return s.write(ctx, "take scan", func(t *tx) error {
		n, err := t.Queries.TakeScan(ctx, sqlgen.TakeScanParams{ID: id, Now: millis(now)})
		if err != nil {
			return err
		}
		if n == 0 {
			return access.ErrUsed
		}
		row, err := t.Queries.Scan(ctx, id)
		if err != nil {
			return err
		}
		by, err := t.Session(ctx, row.SessionID)
		if found, err := exists(by, err); err != nil {
			return err
		} else if !found || by.PersonID != row.PersonID || !toSession(by).Live(now) {
			return access.ErrUsed
		}
		return t.apply(ctx, e)
	})
}
