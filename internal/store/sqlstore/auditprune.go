package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// metaPruned is how many of the first entries were moved to archives. The log says
// it too, signed; this only saves looking.
const metaPruned = "audit_pruned"

// PrunedTo gives the number of the first entry that was not looked at by a pruning.
func (s *Store) PrunedTo(ctx context.Context) (int64, error) {
	row, err := meta(ctx, s.q, metaPruned)
	if err != nil {
		return 0, s.fail("read what was archived", err)
	}
	return row.Number, nil
}

// NewestCheckpoint gives the newest signed head; false when there is none.
func (l *Log) NewestCheckpoint(ctx context.Context) (audit.Checkpoint, bool, error) {
	row, err := l.q.NewestCheckpoint(ctx)
	return l.toCheckpoint(row, err)
}

// CheckpointBefore gives the newest head that was signed at or before a time and
// counts at most so many entries; false when there is none.
func (l *Log) CheckpointBefore(ctx context.Context, before time.Time, most int64) (audit.Checkpoint, bool, error) {
	row, err := l.q.CheckpointBefore(ctx, sqlgen.CheckpointBeforeParams{Before: millis(before), Most: most})
	return l.toCheckpoint(row, err)
}

func (l *Log) toCheckpoint(row sqlgen.AuditCheckpoint, err error) (audit.Checkpoint, bool, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return audit.Checkpoint{}, false, nil
	}
	all, err := l.toCheckpoints([]sqlgen.AuditCheckpoint{row}, err)
	if err != nil {
		return audit.Checkpoint{}, false, err
	}
	return all[0], true, nil
}

// Prune deletes the entries that a signed pruning covers, except those with the
// numbers keep, in increasing order, and records the pruning in the same
// transaction. Their hashes stay. It refuses with [access.ErrStale] when another
// server pruned meanwhile, or when other entries are there than the pruning says.
func (s *Store) Prune(ctx context.Context, p audit.Pruning, keep []int64, by audit.Actor) error {
	return s.write(ctx, "archive audit entries", func(t *tx) error {
		row, err := meta(ctx, t.Queries, metaPruned)
		if err != nil {
			return err
		}
		if row.Number != p.From {
			return access.ErrStale
		}
		gone, err := t.deleteEntries(ctx, p, keep)
		if err != nil {
			return err
		}
		if gone != p.To-p.From-p.Kept {
			return fmt.Errorf("%d entries would go, the archive has %d more than stay: %w", gone, p.To-p.From-p.Kept, access.ErrStale)
		}
		t.record(p.Entry(by))
		return t.PutMeta(ctx, sqlgen.PutMetaParams{Name: metaPruned, Number: p.To})
	})
}

// deleteEntries deletes what lies between the entries that stay.
func (t *tx) deleteEntries(ctx context.Context, p audit.Pruning, keep []int64) (gone int64, err error) {
	at := p.From
	for _, stays := range append(keep[:len(keep):len(keep)], p.To) {
		if stays > at {
			n, err := t.DeleteAuditEntries(ctx, sqlgen.DeleteAuditEntriesParams{First: at, After: stays})
			if err != nil {
				return gone, err
			}
			gone += n
		}
		at = stays + 1
	}
	return gone, nil
}
