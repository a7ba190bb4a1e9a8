package radar

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/catalogue"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// Window is for how long a path counts as used by a client.
const Window = 30 * 24 * time.Hour

const (
	lookEvery  = 2 * time.Second // for announcements; somebody is told within five
	flushEvery = 15 * time.Second
	flushSize  = 500 // rows in one transaction
	lookSize   = 20  // events in one look
	writeTime  = 10 * time.Second
)

// Store is what the radar needs of a store. Each method is one transaction.
type Store interface {
	AddPathUses(ctx context.Context, uses []access.PathUse) error
	// APIDiffs gives announcements that nobody took in, the oldest first, and the
	// place that RecordAPIChanges begins from.
	APIDiffs(ctx context.Context, limit int) (events []grant.Event, from int64, err error)
	NewAPIChanges(ctx context.Context, all []grant.APIChange) ([]grant.APIChange, error)
	UsersOf(ctx context.Context, path string, since time.Time) ([]access.PathUser, error)
	// RecordAPIChanges answers [grant.ErrLost] when another replica was quicker.
	RecordAPIChanges(ctx context.Context, from, to int64, fresh []grant.APIChange, e grant.Effects) error
}

// Options are the parts of a Radar. Store, Counter and Now must be set.
type Options struct {
	Store     Store
	Counter   *Counter
	Catalogue *catalogue.Catalogue // nil: the one of this program
	Now       func() time.Time
	Log       *slog.Logger // nil: discards
}

// Radar writes counts and takes in announcements. Make it with [New].
type Radar struct {
	o       Options
	failing bool // the last look failed, and that was said
}

// New makes a radar.
func New(o Options) *Radar {
	if o.Catalogue == nil {
		o.Catalogue = catalogue.Default()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Radar{o: o}
}

// Run writes counts every fifteen seconds and looks for announcements every two,
// until ctx ends; then it writes what was counted last.
func (r *Radar) Run(ctx context.Context) {
	look, flush := time.NewTicker(lookEvery), time.NewTicker(flushEvery)
	defer look.Stop()
	defer flush.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
			defer cancel()
			r.say(last, "counts of calls were not written and are lost", r.Flush(last))
			return
		case <-flush.C:
			r.say(ctx, "counts of calls were not written; they are kept for the next time", r.Flush(ctx))
		case <-look.C:
			r.say(ctx, "announced changes were not taken in; they are looked for again", r.Look(ctx))
		}
	}
}

// say logs the first of several failures in a row: an outage of the store lasts for
// many ticks.
func (r *Radar) say(ctx context.Context, what string, err error) {
	if err != nil && !r.failing && ctx.Err() == nil {
		r.o.Log.Warn(what, "error", err)
	}
	r.failing = err != nil
}

// Flush writes what was counted. What cannot be written stays counted. Run does it.
func (r *Radar) Flush(ctx context.Context) error {
	counts, day := r.o.Counter.take(), access.DayOf(r.o.Now())
	batch := make([]access.PathUse, 0, min(len(counts), flushSize))
	for p, n := range counts {
		batch = append(batch, access.PathUse{ClientID: p.client, ShopID: p.shop, Path: p.path, Day: day, Calls: n})
		if len(batch) < flushSize && len(batch) < len(counts) {
			continue
		}
		if err := r.write(ctx, counts, batch); err != nil {
			r.o.Counter.giveBack(counts)
			return err
		}
		batch = batch[:0]
	}
	return nil
}

// write writes one batch, and takes it out of what is left.
func (r *Radar) write(ctx context.Context, left map[place]int64, batch []access.PathUse) error {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	if err := r.o.Store.AddPathUses(ctx, batch); err != nil {
		return err
	}
	for _, u := range batch {
		delete(left, place{u.ClientID, u.ShopID, u.Path})
	}
	return nil
}

// Look takes in what WeChat announced since the last look. Run does it.
func (r *Radar) Look(ctx context.Context) error {
	for {
		events, from, err := r.o.Store.APIDiffs(ctx, lookSize)
		if err != nil {
			return err
		}
		for _, e := range events {
			err := r.takeIn(ctx, from, e)
			if errors.Is(err, grant.ErrLost) {
				return nil // another replica takes them in
			}
			if err != nil {
				return err
			}
			from = e.ID
		}
		if len(events) < lookSize {
			return nil
		}
	}
}

// takeIn takes in one announcement.
func (r *Radar) takeIn(ctx context.Context, from int64, e grant.Event) error {
	all, err := parse(e, r.o.Catalogue)
	if err != nil {
		r.o.Log.Warn("an announcement of changes was passed over", "event", e.ID, "shop", e.ShopID, "error", err)
		return r.o.Store.RecordAPIChanges(ctx, from, e.ID, nil, grant.Effects{At: r.o.Now()})
	}
	fresh, err := r.o.Store.NewAPIChanges(ctx, all)
	if err != nil {
		return err
	}
	w := warning{now: r.o.Now()}
	for i, c := range fresh {
		users, err := r.usersOf(ctx, c.Path)
		if err != nil {
			return err
		}
		for _, u := range users {
			fresh[i].Clients = append(fresh[i].Clients, u.ClientID)
		}
		w.add(fresh[i], users)
	}
	return r.o.Store.RecordAPIChanges(ctx, from, e.ID, fresh, w.effects())
}

// usersOf gives the clients that used a path lately. Nobody is known to have used one
// that the catalogue does not know.
func (r *Radar) usersOf(ctx context.Context, path string) ([]access.PathUser, error) {
	if _, ok := r.o.Catalogue.Lookup(path); !ok {
		return nil, nil
	}
	return r.o.Store.UsersOf(ctx, path, access.DayOf(r.o.Now().Add(-Window)))
}
