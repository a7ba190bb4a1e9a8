package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// Suspect gives what is known of the deaths of a grant's tokens; false: nothing.
func (s *Store) Suspect(ctx context.Context, grantID string) (grant.Suspect, bool, error) {
	row, err := s.q.Stranger(ctx, grantID)
	if errors.Is(err, sql.ErrNoRows) {
		return grant.Suspect{}, false, nil
	}
	if err != nil {
		return grant.Suspect{}, false, s.fail("read suspect", err)
	}
	return toSuspect(row), true, nil
}

// Suspects gives all grants of which something is known, by id.
func (s *Store) Suspects(ctx context.Context) ([]grant.Suspect, error) {
	rows, err := s.q.Strangers(ctx)
	return many(s.Log, "read suspects", rows, err, toSuspect)
}

// PutSuspect writes what is known of a grant, in place of what was. before is the
// time of the last death that was read, zero for a grant of which nothing was known.
// [grant.ErrLost] says that somebody else wrote since.
func (s *Store) PutSuspect(ctx context.Context, n grant.Suspect, before time.Time) error {
	return s.writeBeside(ctx, "write suspect", func(t *tx) error {
		if _, err := t.dialect.Lock(ctx, t.Tx, []string{n.GrantID}); err != nil {
			return err
		}
		row, err := t.Stranger(ctx, n.GrantID)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if row.LastAt != millis(before) {
			return grant.ErrLost
		}
		return t.PutStranger(ctx, sqlgen.PutStrangerParams{GrantID: n.GrantID, LastAt: millis(n.LastAt), Evidence: string(n.Evidence)})
	})
}

// OweKills has every token of an active self grant that is out ended at WeChat, by
// [grant.Kills] forced refreshes, while the newest is served. What is owed already
// counts. [grant.ErrNotFound] says that no such grant is active.
func (s *Store) OweKills(ctx context.Context, grantID string, at time.Time, entries ...audit.Entry) error {
	return s.write(ctx, "owe forced refreshes", func(t *tx) error {
		n, err := t.Queries.OweKills(ctx, sqlgen.OweKillsParams{ID: grantID, Kills: grant.Kills, DueAt: millis(at), UpdatedAt: millis(at)})
		if err == nil && n == 0 {
			err = grant.ErrNotFound
		}
		if err != nil {
			return err
		}
		t.record(entries...)
		return nil
	})
}

func toSuspect(r sqlgen.Stranger) grant.Suspect {
	return grant.Suspect{GrantID: r.GrantID, LastAt: fromMillis(r.LastAt), Evidence: []byte(r.Evidence)}
}
