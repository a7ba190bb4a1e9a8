package alert

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// Store keeps notices and alerts.
type Store interface {
	// Unfolded tells whether there is anything to do. It is asked every second.
	Unfolded(ctx context.Context, now time.Time) (bool, error)
	ClaimFolding(ctx context.Context, owner string, now, until time.Time, limit int) (f notice.Folding, ok bool, err error)
	// Fold applies a plan, and gives the right back.
	Fold(ctx context.Context, owner string, term int64, now time.Time, p notice.Plan) error
	LapseConditions(ctx context.Context, now time.Time) error
	EndWellGrants(ctx context.Context, before, now time.Time, limit int) (ended int, err error)
	TrimOutbox(ctx context.Context, limit int, now time.Time) (trimmed int, err error)
}

// Observer counts. Its methods are called by one goroutine.
type Observer interface {
	// Folded is told of every step that did something: how many facts were folded and
	// messages made, and how long it took.
	Folded(facts, messages int, took time.Duration)
	// Trimmed is told how many messages were given up because a channel was owed too
	// many.
	Trimmed(messages int)
}

// Options are what an Engine is made of. Store, Owner and Policy must be set.
type Options struct {
	Store    Store
	Owner    string // names this process in leases
	Policy   Policy
	Now      func() time.Time // nil: time.Now
	Logger   *slog.Logger     // nil: discards
	Observer Observer         // nil: none
	// Told is called after messages were owed to channels; nil: nobody is.
	Told func()
	// Tidy is how often what nobody ends is looked for; 0: every ten seconds.
	Tidy time.Duration
}

const (
	tickEvery = time.Second
	leaseTime = 30 * time.Second
	batchSize = 5000
	tidyEvery = 10 * time.Second

	// wellFor is how long a grant works before its alert is ended where nobody said
	// that it does: whoever says so has that long to.
	wellFor   = time.Minute
	wellAtAll = 1000

	// mostOwed is how many messages a channel is owed before informational ones are
	// given up.
	mostOwed = 10_000
)

// Engine folds notices. Make it with [New], start it with [Engine.Run].
type Engine struct {
	o       Options
	failing map[string]bool // what could not be done the last time
}

// New makes an engine. It panics when a part is missing: that is a mistake in the
// program, not in its use.
func New(o Options) *Engine {
	if o.Store == nil || o.Owner == "" || o.Policy.Rules == nil {
		panic("alert: Store, Owner and Policy must be set")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Observer == nil {
		o.Observer = nobody{}
	}
	if o.Tidy <= 0 {
		o.Tidy = tidyEvery
	}
	if o.Told == nil {
		o.Told = func() {}
	}
	return &Engine{o: o, failing: map[string]bool{}}
}

type nobody struct{}

func (nobody) Folded(int, int, time.Duration) {}
func (nobody) Trimmed(int)                    {}

// Policy gives what the engine goes by.
func (e *Engine) Policy() Policy { return e.o.Policy }

// Run folds what comes until ctx ends.
func (e *Engine) Run(ctx context.Context) {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	var tidied time.Time
	for {
		e.did(ctx, "fold notices into alerts", e.catchUp(ctx))
		if now := time.Now(); tidied.IsZero() || now.Sub(tidied) >= e.o.Tidy { // paces the loop; what is stored is timed by o.Now
			tidied = now
			e.did(ctx, "tidy alerts", e.tidy(ctx))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// did logs the first error of a row: a store that is down for an hour is one line.
func (e *Engine) did(ctx context.Context, what string, err error) {
	if ctx.Err() != nil {
		return
	}
	if err != nil && !e.failing[what] {
		e.o.Logger.Warn("the alert engine could not "+what+"; it tries again until it can", "error", err)
	}
	e.failing[what] = err != nil
}

// catchUp makes steps while there are full ones.
func (e *Engine) catchUp(ctx context.Context) error {
	for ctx.Err() == nil {
		more, err := e.Step(ctx)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// Step reads, decides and writes once, if there is something to decide and no
// other server does. It tells whether more waits. Run does it.
func (e *Engine) Step(ctx context.Context) (more bool, err error) {
	now := e.o.Now()
	if some, err := e.o.Store.Unfolded(ctx, now); err != nil || !some {
		return false, err
	}
	begin := time.Now()
	f, ok, err := e.o.Store.ClaimFolding(ctx, e.o.Owner, now, now.Add(leaseTime), batchSize)
	if err != nil || !ok {
		return false, err
	}
	p := Fold(f, e.o.Policy, now)
	err = e.o.Store.Fold(ctx, e.o.Owner, f.Term, now, p)
	if errors.Is(err, grant.ErrLost) {
		return false, nil // whoever has the right goes on
	}
	if err != nil {
		return false, err
	}
	if len(p.Tell) > 0 {
		e.o.Told()
	}
	e.o.Observer.Folded(len(f.Facts), len(p.Tell), time.Since(begin))
	return len(f.Facts) == batchSize, nil
}

// tidy ends what nobody ends, and bounds what is owed.
func (e *Engine) tidy(ctx context.Context) error {
	now := e.o.Now()
	trimmed, trim := e.o.Store.TrimOutbox(ctx, mostOwed, now)
	if trimmed > 0 {
		e.o.Observer.Trimmed(trimmed)
		e.o.Logger.Error("a channel is owed too much, and its oldest informational messages were given up; mend it, and try it with `zhanggui notice test`",
			"messages", trimmed)
	}
	_, well := e.o.Store.EndWellGrants(ctx, now.Add(-wellFor), now, wellAtAll)
	return errors.Join(trim, well, e.o.Store.LapseConditions(ctx, now))
}
