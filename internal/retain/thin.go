package retain

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
)

const (
	// KeepHeads is how long all signed heads stay in the database.
	KeepHeads = 90 * aDay
	aDay      = 24 * time.Hour
	// thinPage is how many heads one transaction decides about.
	thinPage = 500
)

// HeadStore is what thinning needs of a store; *sqlstore.Store has it.
type HeadStore interface {
	// ThinnedTo tells up to how many entries it was decided which heads stay.
	ThinnedTo(ctx context.Context) (int64, error)
	CheckpointBefore(ctx context.Context, before time.Time, most int64) (audit.Checkpoint, bool, error)
	CheckpointsAfter(ctx context.Context, size int64, limit int) ([]audit.Checkpoint, error)
	ThinCheckpoints(ctx context.Context, from, to int64, drop []audit.Checkpoint) error
	ThinWitnessed(ctx context.Context, before time.Time, limit int) (gone int, err error)
}

// Thinner deletes signed heads from the database that nobody misses: of what is older
// than [KeepHeads] the last of each day (UTC) stays, and as many as archives need to be
// of bounded length. The file of signed heads keeps all, and proofs are made of hashes,
// which all stay: what was signed once can be proved as long as that file is there.
type Thinner struct {
	Store HeadStore
	Now   func() time.Time
	Log   *slog.Logger

	Page    int   // heads that one transaction decides about; 0: 500
	Stretch int64 // entries between two heads that stay, where there was one between; 0: 20,000
}

// Run thins now and once a day, until ctx ends.
func (t *Thinner) Run(ctx context.Context) {
	tick := time.NewTicker(aDay)
	defer tick.Stop()
	for {
		if err := t.Thin(ctx); err != nil && ctx.Err() == nil {
			t.Log.WarnContext(ctx, "old signed heads were not thinned; they are tomorrow", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Thin decides about all heads that are old enough. Of several servers each may; what
// another decided meanwhile is no error.
func (t *Thinner) Thin(ctx context.Context) error {
	before := t.Now().Add(-KeepHeads)
	for more := true; more; {
		var err error
		if more, err = t.step(ctx, before); errors.Is(err, access.ErrStale) {
			return nil
		} else if err != nil {
			return err
		}
	}
	for {
		if gone, err := t.Store.ThinWitnessed(ctx, before, t.page()); err != nil || gone == 0 {
			return err
		}
	}
}

// step decides about one page of heads. more says that there may be another.
func (t *Thinner) step(ctx context.Context, before time.Time) (more bool, err error) {
	from, err := t.Store.ThinnedTo(ctx)
	if err != nil {
		return false, err
	}
	page, err := t.Store.CheckpointsAfter(ctx, from, t.page())
	if err != nil || len(page) == 0 || !page[0].At.Before(before) {
		return false, err
	}
	last, _, err := t.Store.CheckpointBefore(ctx, before, from)
	if err != nil {
		return false, err
	}
	to, drop := t.decide(last.Size, page, before)
	if to == 0 {
		return false, nil
	}
	return len(page) == t.page(), t.Store.ThinCheckpoints(ctx, from, to, drop)
}

// decide says which heads of a page go, up to the head of to entries; last is the head
// that stays before them. What follows the end of the page is not known, so that its
// last head waits for the next one; the newest head of all always stays. A head that
// stays once is never looked at again.
func (t *Thinner) decide(last int64, page []audit.Checkpoint, before time.Time) (to int64, drop []audit.Checkpoint) {
	for i, c := range page[:len(page)-1] {
		if !c.At.Before(before) {
			break
		}
		next := page[i+1]
		if sameDay(c.At, next.At) && next.Size-last <= t.stretch() {
			drop = append(drop, c)
		} else {
			last = c.Size
		}
		to = c.Size
	}
	return to, drop
}

func sameDay(a, b time.Time) bool { return a.UTC().Truncate(aDay).Equal(b.UTC().Truncate(aDay)) }

// page is at least two, or nothing could be decided.
func (t *Thinner) page() int {
	if t.Page == 0 {
		return thinPage
	}
	return max(t.Page, 2)
}

func (t *Thinner) stretch() int64 {
	if t.Stretch == 0 {
		return stretch
	}
	return t.Stretch
}
