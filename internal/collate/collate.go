package collate

import (
	"context"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/zhanggui/zhanggui/internal/audit"
)

// Store is what a comparison needs of a store; *sqlstore.Store has it.
type Store interface {
	// FollowGrants reads the next entries into said, and gives the log's size.
	FollowGrants(ctx context.Context, said *audit.Grants, limit int) (size int64, err error)
	// CompareGrants compares a page of rows with the log as of the same state.
	CompareGrants(ctx context.Context, said *audit.Grants, last string, limit int) (found []audit.Disagreement, next string, err error)
	// MissingGrants looks again at grants that had no row.
	MissingGrants(ctx context.Context, said *audit.Grants, ids ...string) ([]audit.Disagreement, error)
	// RootAt gives the log's root when it had size entries, if it ever had.
	RootAt(ctx context.Context, size int64) (tlog.Hash, error)
	// EndPutBack revokes what disagrees, once.
	EndPutBack(ctx context.Context, at time.Time, found ...audit.Disagreement) error
}

// Options are the parts and numbers of a [Checker]. Store, Forget, File and Key
// must be set.
type Options struct {
	Store  Store
	Forget func(grantIDs ...string) // drops what memory holds of grants that were ended
	File   string                   // where the summary is kept
	Key    []byte                   // of the summary's MAC; from the vault

	Now func() time.Time // default time.Now
	Log *slog.Logger     // default discards

	Budget time.Duration // how long Begin may take; default 1 s
	Every  time.Duration // from the end of one walk to the next; default 10 min
	Page   int           // rows compared in one read of the database; default 200
	Keep   int           // grants up to which memory keeps what was learned between walks; default 50,000
}

// The shares of one processor that walks take while the server serves.
const (
	firstShare = 0.5  // until every row was compared once
	laterShare = 0.05 // afterwards
)

// maxPause bounds the pause between two pages, also when the clock jumped.
const maxPause = 2 * time.Second

// retryAfter is how long a walk waits after the database could not be read.
const retryAfter = 30 * time.Second

// saveEvery is how often a long walk writes down what it learned.
const saveEvery = 5 * time.Minute

func (o *Options) fill() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Budget = orElse(o.Budget, time.Second)
	o.Every = orElse(o.Every, 10*time.Minute)
	o.Page = orElse(o.Page, 200)
	o.Keep = orElse(o.Keep, 50_000)
}

func orElse[T int | time.Duration](v, standard T) T {
	if v <= 0 {
		return standard
	}
	return v
}

// Checker compares grants with the log. Make it with [New]. Begin, Run and Save
// are for one goroutine after another; Progress is for any.
type Checker struct {
	o        Options
	walk     walk
	said     *audit.Grants // nil: read the summary first
	saved    int64         // entries that the summary in the file stands for; -1: there is none
	savedAt  time.Time
	told     map[string]bool // grants of which this process said that they disagree
	first    bool            // every row was compared once
	progress atomic.Int32    // percent of the first walk; 100: it is over
}

// New makes a checker. It panics when a part is missing: that is a mistake in the
// program.
func New(o Options) *Checker {
	if o.Store == nil || o.Forget == nil || o.File == "" || len(o.Key) == 0 {
		panic("collate: Store, Forget, File and Key must be set")
	}
	o.fill()
	return &Checker{o: o, saved: -1, told: map[string]bool{}, savedAt: o.Now()}
}

// Progress tells how much of the first walk is done, in percent. While ok is
// false, rows are served that were not compared yet.
func (c *Checker) Progress() (percent int, ok bool) {
	p := int(c.progress.Load())
	return p, p == 100
}

// Begin walks until the first walk is over or the budget is spent, whichever is
// earlier; at least one page of entries and one of rows. Of a store that is known
// to be too large for that it compares nothing. Nothing may be served before it
// returns.
func (c *Checker) Begin(ctx context.Context) error {
	start := c.o.Now()
	for !c.first && !c.large() && (c.walk.pages < minPages || c.o.Now().Sub(start) < c.o.Budget) {
		if err := c.step(ctx); err != nil {
			return err
		}
	}
	if !c.first {
		c.o.Log.InfoContext(ctx, "grants are served while the rest is compared with the audit log", "percent", c.progress.Load())
	}
	return nil
}

// large tells whether the summary is of more grants than the budget is for.
// Reading it would only hold up the start.
func (c *Checker) large() bool {
	info, err := os.Stat(c.o.File)
	return c.said == nil && err == nil && info.Size() > int64(c.o.Keep)*audit.SummaryBytes
}

// minPages lets a store of one page of entries and one of rows be compared
// whole, however slow the machine is.
const minPages = 6

// Run goes on with the first walk, then walks every now and then, until ctx
// ends.
func (c *Checker) Run(ctx context.Context) {
	timer := time.NewTimer(c.pauseAfter(0))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		start := c.o.Now()
		if err := c.step(ctx); err != nil && ctx.Err() == nil {
			c.o.Log.ErrorContext(ctx, "grants were not compared with the audit log; it goes on later", "error", err)
			timer.Reset(min(retryAfter, c.o.Every))
			continue
		}
		timer.Reset(c.pauseAfter(c.o.Now().Sub(start)))
	}
}

// pauseAfter tells how long to wait after a page that took so long.
func (c *Checker) pauseAfter(took time.Duration) time.Duration {
	if c.walk.phase == resting && c.first {
		return c.o.Every
	}
	share := firstShare
	if c.first {
		share = laterShare
	}
	return min(maxPause, time.Duration(float64(took)*(1-share)/share))
}

// Save writes what was learned up to now, so that the next start begins here. It
// is for the end of a server, after Run. It reads what is new in the log for two
// seconds at most.
func (c *Checker) Save(ctx context.Context) {
	if c.said == nil && !c.load(ctx) {
		return
	}
	start := c.o.Now()
	for c.o.Now().Sub(start) < saveBudget {
		size, err := c.o.Store.FollowGrants(ctx, c.said, entryPage)
		if err != nil {
			c.o.Log.WarnContext(ctx, "what the audit log says of grants was not saved; the next start reads more of it", "error", err)
			return
		}
		if c.said.Size() >= size {
			break
		}
	}
	if c.said.Size() > c.saved {
		c.save(ctx)
	}
}

const saveBudget = 2 * time.Second
