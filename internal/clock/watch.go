package clock

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
)

const (
	// BackLimit is how far the clock may run behind the highest time ever seen
	// before logins stop: two replicas may differ by as much.
	BackLimit  = time.Minute
	watchEvery = time.Minute
)

// Store remembers the highest time seen, and what is wrong.
type Store interface {
	ObserveTime(ctx context.Context, now time.Time) (highest time.Time, err error)
	// AcceptTime makes now the highest time seen.
	AcceptTime(ctx context.Context, now time.Time, entries ...audit.Entry) error
	SetCondition(ctx context.Context, name string, wrong bool, n notice.Notice, entries ...audit.Entry) (changed bool, err error)
}

// WatchOptions are what a Watcher is made of. Store, Skew and Now must be set.
type WatchOptions struct {
	Store  Store
	Skew   *Skew
	Now    func() time.Time
	Logger *slog.Logger  // nil: discards
	Every  time.Duration // between two looks; 0: a minute
}

// Watcher looks at the clock every minute and has a human told once when it is
// wrong, and once when it is right again. Make it with [NewWatcher].
type Watcher struct {
	o      WatchOptions
	behind atomic.Int64
}

// NewWatcher makes a watcher.
func NewWatcher(o WatchOptions) *Watcher {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Every <= 0 {
		o.Every = watchEvery
	}
	return &Watcher{o: o}
}

// Behind is how far the clock was behind the highest time seen, at the last look;
// 0 if it was not.
func (w *Watcher) Behind() time.Duration { return time.Duration(w.behind.Load()) }

// Skew is how far the clock differs from WeChat's.
func (w *Watcher) Skew() Estimate { return w.o.Skew.Estimate() }

// Problems says what is wrong with the clock, for those who ask whether the
// server is well.
func (w *Watcher) Problems() []string {
	var all []string
	if b := w.Behind(); b > BackLimit {
		all = append(all, fmt.Sprintf("the clock is %v behind the latest time seen; logins are stopped", b.Round(time.Second)))
	}
	if e := w.Skew(); e.Wrong() {
		word := "ahead of"
		if e.Ours < 0 {
			word = "behind"
		}
		all = append(all, fmt.Sprintf("the clock is %v %s WeChat's", e.Ours.Abs().Round(time.Second), word))
	}
	return all
}

// Run looks at once and every [WatchOptions].Every until ctx ends.
func (w *Watcher) Run(ctx context.Context) {
	tick := time.NewTicker(w.o.Every)
	defer tick.Stop()
	for {
		if err := w.Look(ctx); err != nil && ctx.Err() == nil {
			w.o.Logger.Warn("the clock was not looked at; it is again in a minute", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Look compares the clock with the highest time seen and with WeChat's. Run does
// it.
func (w *Watcher) Look(ctx context.Context) error {
	now := w.o.Now()
	highest, err := w.o.Store.ObserveTime(ctx, now)
	if err != nil {
		return err
	}
	behind := max(0, highest.Sub(now))
	w.behind.Store(int64(behind))
	back := condition{kind: notice.ClockBack, wrong: behind > BackLimit, details: map[string]string{"behind": behind.Round(time.Second).String()}}
	if err := w.set(ctx, now, back); err != nil {
		return err
	}
	e := w.Skew()
	if e.Samples < minSamples {
		return nil // what is not known neither begins nor ends anything
	}
	return w.set(ctx, now, condition{kind: notice.ClockSkew, wrong: e.Wrong(), details: map[string]string{
		"ahead": e.Ours.Round(time.Second).String(), "bound": e.Bound.Round(100 * time.Millisecond).String(),
	}})
}

// ErrWrong is a clock that is not accepted.
var ErrWrong = errors.New("clock: WeChat's answers say that this clock is wrong; set it right first")

// Accept takes the clock for right although a later time was seen: it was ahead
// then. While it is known to be wrong it is refused with [ErrWrong].
func (w *Watcher) Accept(ctx context.Context, by audit.Actor) error {
	if w.Skew().Wrong() {
		return ErrWrong
	}
	now := w.o.Now()
	entry := audit.Entry{At: now, Actor: by, Action: "clock.accept", Subject: "clock", Outcome: audit.Done,
		Details: map[string]string{"behind": w.Behind().Round(time.Second).String()}}
	if err := w.o.Store.AcceptTime(ctx, now, entry); err != nil {
		return err
	}
	return w.Look(ctx)
}

// condition is one thing that may be wrong with the clock.
type condition struct {
	kind    notice.Kind
	wrong   bool
	details map[string]string
}

func (w *Watcher) set(ctx context.Context, now time.Time, c condition) error {
	n := notice.Notice{At: now, Kind: c.kind, Subject: "clock", Details: c.details}
	entry := audit.Entry{At: now, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: string(c.kind), Subject: "clock", Outcome: audit.Failed, Details: c.details}
	if !c.wrong {
		n.Kind, n.Details = notice.ClockHealed, map[string]string{notice.DetailWas: string(c.kind)}
		entry.Action, entry.Outcome, entry.Details = string(notice.ClockHealed), audit.Done, n.Details
	}
	_, err := w.o.Store.SetCondition(ctx, string(c.kind), c.wrong, n, entry)
	return err
}
