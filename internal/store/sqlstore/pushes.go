package sqlstore

import (
	"context"
	"fmt"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// RecordPush records pushes with all that follows from each, in one transaction.
// The errors are by index: nil for a push that is recorded now, [grant.ErrSeen] for
// one that was recorded before, within the batch too, and otherwise why it was
// refused, [grant.ErrLost] above all: then nothing of that push was written, and it
// counts as never seen. The error beside them means that nothing of the whole batch
// was written.
//
// Pushes that lead to events alone are written together; the others follow them, in
// their order.
func (s *Store) RecordPush(ctx context.Context, batch []grant.Push) ([]error, error) {
	if len(batch) == 0 {
		return nil, nil
	}
	var results []error
	err := s.write(ctx, "record pushes", func(t *tx) (err error) {
		results, err = t.recordPushes(ctx, batch)
		return err
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

func (t *tx) recordPushes(ctx context.Context, batch []grant.Push) ([]error, error) {
	results := make([]error, len(batch))
	var plain, decided []int
	for i, p := range batch {
		if changes(p.Effects) {
			decided = append(decided, i)
		} else {
			plain = append(plain, i)
		}
	}
	if err := t.recordPlain(ctx, batch, plain, results); err != nil {
		return nil, err
	}
	for _, i := range decided {
		refused, err := t.alone(ctx, func() error { return t.recordOne(ctx, batch[i]) })
		if err != nil {
			return nil, err
		}
		if refused != nil {
			results[i] = fmt.Errorf("store: record push of %s: %w", batch[i].App, refused)
		}
	}
	return results, nil
}

// changes tells whether effects are more than events and audit entries, so that
// they may be refused.
func changes(e grant.Effects) bool {
	return reachesOut(e) || e.Settle != nil || len(e.Notices) > 0
}

// recordPlain writes pushes that nothing can refuse, all of them together.
func (t *tx) recordPlain(ctx context.Context, batch []grant.Push, plain []int, results []error) error {
	if len(plain) == 0 {
		return nil
	}
	rows := make([]sqlgen.Push, len(plain))
	for j, i := range plain {
		rows[j] = toPushRow(batch[i])
	}
	fresh, err := t.dialect.SeePushes(ctx, t.Tx, rows)
	if err != nil {
		return err
	}
	first := make(map[pushKey]bool, len(fresh))
	for _, r := range fresh {
		first[keyOf(r)] = true
	}
	for j, i := range plain {
		if key := keyOf(rows[j]); !first[key] {
			results[i] = seen(batch[i])
		} else {
			first[key] = false // whatever is the same after it comes too late
			t.hear(batch[i].Effects)
			t.record(batch[i].Effects.Audit...)
		}
	}
	return nil
}

func (t *tx) recordOne(ctx context.Context, p grant.Push) error {
	fresh, err := t.dialect.SeePushes(ctx, t.Tx, []sqlgen.Push{toPushRow(p)})
	if err != nil {
		return err
	}
	if len(fresh) == 0 {
		return grant.ErrSeen
	}
	return t.apply(ctx, p.Effects)
}

func seen(p grant.Push) error {
	return fmt.Errorf("store: record push of %s: %w", p.App, grant.ErrSeen)
}

// pushKey is what a push is seen once by.
type pushKey struct{ app, digest string }

func keyOf(r sqlgen.Push) pushKey { return pushKey{r.App, string(r.Digest)} }

func toPushRow(p grant.Push) sqlgen.Push {
	return sqlgen.Push{App: p.App, Digest: p.Digest, At: millis(p.At)}
}
