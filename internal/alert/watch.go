package alert

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/notice"
)

// Holder keeps what servers find wrong.
type Holder interface {
	HoldCondition(ctx context.Context, h notice.Holding, now time.Time) error
}

// Check looks at one thing that is, or is not, wrong now. It returns quickly.
type Check struct {
	Kind    notice.Kind
	Subject string
	Look    func() (wrong bool, details map[string]string)
}

// List looks for everything of a kind that is wrong now, and gives a notice of each
// with its subject and its details. It returns quickly.
type List struct {
	Kind notice.Kind
	Look func() []notice.Notice
}

// WatchOptions are what a Watch is made of. Store, Server and Rules must be set.
type WatchOptions struct {
	Store  Holder
	Server string // names this process
	Rules  Rules
	Rates  *Rates // nil: none
	Checks []Check
	Lists  []List
	Every  time.Duration    // between two looks; 0: five seconds
	Now    func() time.Time // nil: time.Now
	Logger *slog.Logger     // nil: discards
}

const (
	watchEvery = 5 * time.Second
	renewEvery = 30 * time.Second
	// holdFor is how long a condition is held by a server that says no more.
	holdFor = 2 * time.Minute
)

// Watch holds conditions while this server finds something wrong. Make it with
// [NewWatch], start it with [Watch.Run].
type Watch struct {
	o     WatchOptions
	kept  map[ringKey]*watched
	quiet bool // the last holding failed, which was logged
}

// watched is one condition as this server sees it.
type watched struct {
	since   time.Time // it has been wrong since; zero: it is not
	held    bool      // the store knows
	renewed time.Time
}

// NewWatch makes a watch. It panics when a part is missing: that is a mistake in the
// program, not in its use.
func NewWatch(o WatchOptions) *Watch {
	if o.Store == nil || o.Server == "" || o.Rules == nil {
		panic("alert: Store, Server and Rules must be set")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Every <= 0 {
		o.Every = watchEvery
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Watch{o: o, kept: map[ringKey]*watched{}}
}

// Run looks every [WatchOptions].Every until ctx ends. What is held then ends by itself, or
// another server holds it.
func (w *Watch) Run(ctx context.Context) {
	tick := time.NewTicker(w.o.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.Look(ctx)
		}
	}
}

// Look looks at everything once. Run does it.
func (w *Watch) Look(ctx context.Context) {
	if w.o.Rates != nil {
		for _, x := range w.o.Rates.Read() {
			w.reading(ctx, x)
		}
	}
	for _, c := range w.o.Checks {
		wrong, details := c.Look()
		w.see(ctx, ringKey{c.Kind, c.Subject}, wrong, notice.Notice{Kind: c.Kind, Subject: c.Subject, Details: details})
	}
	for _, l := range w.o.Lists {
		w.list(ctx, l)
	}
}

// list sees all that a list gives, and that what it gave before is over.
func (w *Watch) list(ctx context.Context, l List) {
	found := map[string]bool{}
	for _, n := range l.Look() {
		n.Kind, found[n.Subject] = l.Kind, true
		w.see(ctx, ringKey{l.Kind, n.Subject}, true, n)
	}
	for k := range w.kept {
		if k.kind == l.Kind && !found[k.group] {
			w.see(ctx, k, false, notice.Notice{Kind: k.kind, Subject: k.group})
		}
	}
}

func (w *Watch) reading(ctx context.Context, x Reading) {
	rule := w.o.Rules.Of(x.Kind)
	k := ringKey{x.Kind, x.Group}
	held := w.kept[k] != nil && w.kept[k].held
	details := map[string]string{"failed": strconv.FormatInt(x.Bad, 10), "of": strconv.FormatInt(x.Good+x.Bad, 10), "window": rule.Window.String()}
	subject := x.Group
	for _, name := range rule.Group {
		details[name] = x.Group
		subject = name + ":" + x.Group
	}
	w.see(ctx, k, x.wrong(rule, held), notice.Notice{Kind: x.Kind, Subject: subject, Details: details})
}

// see holds a condition that has been wrong for long enough, renews it now and then,
// and lets it go.
func (w *Watch) see(ctx context.Context, k ringKey, wrong bool, n notice.Notice) {
	rule, now := w.o.Rules.Of(k.kind), w.o.Now()
	s := w.kept[k]
	switch {
	case s == nil && (!wrong || rule.Off):
		return
	case s == nil:
		s = &watched{since: now}
		w.kept[k] = s
	}
	if !wrong {
		if !s.held || w.hold(ctx, k, false, n, now) {
			delete(w.kept, k)
		}
		return
	}
	if now.Sub(s.since) < rule.After || s.held && now.Sub(s.renewed) < renewEvery {
		return
	}
	if !s.held {
		w.o.Logger.Warn("something is wrong at this server", "notice", k.kind, "subject", n.Subject, "details", n.Details)
	}
	if w.hold(ctx, k, true, n, now) {
		s.held, s.renewed = true, now
	}
}

// hold tells the store, and whether it heard.
func (w *Watch) hold(ctx context.Context, k ringKey, wrong bool, n notice.Notice, now time.Time) bool {
	n.At = now
	err := w.o.Store.HoldCondition(ctx, notice.Holding{
		Name: string(k.kind) + " " + k.group, Server: w.o.Server, Wrong: wrong, Until: now.Add(holdFor), Notice: n,
	}, now)
	if err != nil && ctx.Err() == nil && !w.quiet {
		w.o.Logger.Warn("what this server finds wrong was not written down; it tries again", "error", err)
	}
	w.quiet = err != nil
	return err == nil
}
