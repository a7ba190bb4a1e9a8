package sqlstore

import (
	"context"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// metaThinned is up to how many entries it was decided which signed heads stay.
const metaThinned = "audit_thinned"

// ThinnedTo tells up to how many entries it was decided which signed heads stay.
func (s *Store) ThinnedTo(ctx context.Context) (int64, error) {
	row, err := meta(ctx, s.q, metaThinned)
	if err != nil {
		return 0, s.fail("read which heads stay", err)
	}
	return row.Number, nil
}

// ThinCheckpoints deletes signed heads of more than from and at most to entries; the
// others of them stay for ever. It refuses with [access.ErrStale] when another server
// decided meanwhile.
func (s *Store) ThinCheckpoints(ctx context.Context, from, to int64, drop []audit.Checkpoint) error {
	return s.write(ctx, "thin signed heads", func(t *tx) error {
		row, err := meta(ctx, t.Queries, metaThinned)
		if err != nil {
			return err
		}
		if row.Number != from {
			return access.ErrStale
		}
		for _, c := range drop {
			if err := t.DeleteCheckpoint(ctx, sqlgen.DeleteCheckpointParams{Size: c.Size, At: millis(c.At)}); err != nil {
				return err
			}
		}
		return t.PutMeta(ctx, sqlgen.PutMetaParams{Name: metaThinned, Number: to})
	})
}

// ThinWitnessed deletes at most limit heads of other servers' logs that were seen
// before a time and were not the last of their day (UTC). Of a log that forked all
// heads stay, as evidence. It tells how many went.
func (s *Store) ThinWitnessed(ctx context.Context, before time.Time, limit int) (gone int, err error) {
	rows, err := s.q.WitnessedToThin(ctx, sqlgen.WitnessedToThinParams{Before: millis(before), MaxRows: rowLimit(limit)})
	if err != nil {
		return 0, s.fail("read seen heads", err)
	}
	if len(rows) == 0 {
		return 0, nil
	}
	err = s.write(ctx, "thin seen heads", func(t *tx) error {
		gone = 0
		for _, r := range rows {
			n, err := t.DeleteWitnessed(ctx, sqlgen.DeleteWitnessedParams(r))
			if err != nil {
				return err
			}
			gone += int(n)
		}
		return nil
	})
	return gone, err
}
