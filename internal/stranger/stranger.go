package stranger

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

const (
	sweepEvery   = time.Minute
	countEvery   = time.Hour // WeChat's counts of one grant
	countTimeout = 10 * time.Second
	mostWaiting  = 1000 // deaths that wait to be judged; more of them have one cause
	tries        = 3    // of a write that another replica overtook
)

// paths are those whose counts WeChat is asked for. Nobody here calls the second.
var paths = []string{"/cgi-bin/stable_token", "/cgi-bin/token"}

// Store is what is needed of a store. Each method is one transaction.
type Store interface {
	Suspect(ctx context.Context, grantID string) (grant.Suspect, bool, error)
	Suspects(ctx context.Context) ([]grant.Suspect, error)
	// PutSuspect answers [grant.ErrLost] when the row is not the one that was read.
	PutSuspect(ctx context.Context, n grant.Suspect, before time.Time) error
	ForcedRefreshes(ctx context.Context, grantID string, since time.Time) ([]grant.Force, error)
	SetCondition(ctx context.Context, name string, wrong bool, n notice.Notice, entries ...audit.Entry) (changed bool, err error)
}

// Counts tells how often a path was asked today: as WeChat says, for a shop, and as
// was counted here, for its app.
type Counts interface {
	Counted(ctx context.Context, shop, app, path string) (used, ours int64, err error)
}

// Options are the parts of a Watch. Store and Now must be set.
type Options struct {
	Store  Store
	Counts Counts // nil: WeChat is not asked
	Now    func() time.Time
	// Uptime is a clock that nobody sets; nil: the machine's. A difference to Now says
	// that Now was set.
	Uptime func() time.Duration
	// Wrong says that the clock is known to be wrong now; nil: nobody knows.
	Wrong func() bool
	Log   *slog.Logger  // nil: discards
	Every time.Duration // between two looks at what is over; 0: a minute
}

// Watch hears of deaths and judges them. Make it with [New].
type Watch struct {
	o Options

	mu      sync.Mutex
	waiting []grant.Death
	wake    chan struct{}
	steady  steady
}

// steady is since when Now and Uptime went on together.
type steady struct {
	since time.Time
	wall  time.Time     // of Now, when it began
	up    time.Duration // of Uptime, then
	ahead time.Duration // of Now before Uptime, since then
}

// New makes a watch. The clock counts as steady from now on.
func New(o Options) *Watch {
	if o.Uptime == nil {
		begin := time.Now()
		o.Uptime = func() time.Duration { return time.Since(begin) }
	}
	if o.Wrong == nil {
		o.Wrong = func() bool { return false }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Every <= 0 {
		o.Every = sweepEvery
	}
	now := o.Now()
	return &Watch{o: o, wake: make(chan struct{}, 1), steady: steady{since: now, wall: now.Round(0), up: o.Uptime()}}
}

// Died takes in a death. It never waits.
func (w *Watch) Died(d grant.Death) {
	w.mu.Lock()
	if len(w.waiting) < mostWaiting {
		w.waiting = append(w.waiting, d)
	}
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Run judges deaths as they come, and looks every minute at the clock and at what is
// over, until ctx ends.
func (w *Watch) Run(ctx context.Context) {
	tick := time.NewTicker(w.o.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
			w.judge(ctx)
		case <-tick.C:
			w.lookAtClock()
			if err := w.sweep(ctx); err != nil && ctx.Err() == nil {
				w.o.Log.Warn("what is known of dead tokens was not looked at; it is again in a minute", "error", err)
			}
		}
	}
}

// clockSlack is how far two clocks that go on together may come apart in a minute.
const clockSlack = 2 * time.Second

// lookAtClock gives since when the clock is steady and right.
func (w *Watch) lookAtClock() time.Time {
	now, up := w.o.Now(), w.o.Uptime()
	w.mu.Lock()
	defer w.mu.Unlock()
	ahead := now.Round(0).Sub(w.steady.wall) - (up - w.steady.up) // the wall's time: that is what may be set
	if (ahead-w.steady.ahead).Abs() > clockSlack || w.o.Wrong() {
		w.steady.since = now
	}
	w.steady.ahead = ahead
	return w.steady.since
}

// judge judges what waits.
func (w *Watch) judge(ctx context.Context) {
	w.mu.Lock()
	deaths := w.waiting
	w.waiting = nil
	w.mu.Unlock()
	for _, d := range deaths {
		if err := w.take(ctx, d); err != nil && ctx.Err() == nil {
			w.o.Log.Warn("the death of a token was not written down", "grant", d.GrantID, "error", err)
		}
	}
}

// take judges one death, writes down what is known then, and has a human told.
func (w *Watch) take(ctx context.Context, d grant.Death) error {
	forces, err := w.o.Store.ForcedRefreshes(ctx, d.GrantID, d.Seen.Add(-Remission))
	if err != nil {
		return err
	}
	r := Judge(d, Known{Forces: forces, Steady: w.lookAtClock()})
	w.o.Log.Info("a token died before its end", "grant", d.GrantID, "level", string(r.Level), "reason", string(r.Reason))
	for range tries {
		if err = w.write(ctx, d, r); !errors.Is(err, grant.ErrLost) {
			break
		}
	}
	return err
}

func (w *Watch) write(ctx context.Context, d grant.Death, r Record) error {
	row, e, err := w.known(ctx, d.GrantID)
	if err != nil {
		return err
	}
	e.add(d, r)
	w.count(ctx, &e)
	if !row.LastAt.Before(e.Last) {
		e.Last = row.LastAt.Add(time.Millisecond) // the row's version
	}
	return w.put(ctx, d.GrantID, e, row.LastAt)
}

func (w *Watch) known(ctx context.Context, grantID string) (grant.Suspect, Evidence, error) {
	row, _, err := w.o.Store.Suspect(ctx, grantID)
	if err != nil {
		return row, Evidence{}, err
	}
	e, err := read(row)
	if err != nil {
		w.o.Log.Warn("it begins anew", "error", err)
	}
	return row, e, nil
}

// put writes what is known, and then has a human told of it. A crash between the two is
// mended by the next sweep.
func (w *Watch) put(ctx context.Context, grantID string, e Evidence, before time.Time) error {
	now := w.o.Now()
	r, wrong := e.Accuses(now)
	e.Told = e.Told || wrong
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if err := w.o.Store.PutSuspect(ctx, grant.Suspect{GrantID: grantID, LastAt: e.Last, Evidence: body}, before); err != nil {
		return err
	}
	if !wrong {
		return nil
	}
	return w.tell(ctx, grantID, e, r, now)
}

// count asks WeChat how often tokens were asked for, if somebody else is suspected.
func (w *Watch) count(ctx context.Context, e *Evidence) {
	now, last := w.o.Now(), e.Records[len(e.Records)-1]
	if w.o.Counts == nil || e.Kind != grant.Self || e.ShopID == "" || last.Level != Likely && last.Level != Proven || now.Sub(e.Counted) < countEvery {
		return
	}
	e.Counted, e.Counts = now, nil
	ctx, cancel := context.WithTimeout(ctx, countTimeout)
	defer cancel()
	for _, path := range paths {
		used, ours, err := w.o.Counts.Counted(ctx, e.ShopID, e.App, path)
		if err != nil {
			w.o.Log.Debug("WeChat did not say how often a path was called", "shop", e.ShopID, "path", path, "error", err)
			continue
		}
		e.Counts = append(e.Counts, Count{Path: path, At: now, Used: used, Ours: ours})
	}
}

// condition names the condition of a grant.
func condition(grantID string) string { return string(notice.TokenStranger) + ":" + grantID }

// tell has a human told once, by whichever replica sees it first.
func (w *Watch) tell(ctx context.Context, grantID string, e Evidence, r Record, now time.Time) error {
	d := map[string]string{"level": string(r.Level), "reason": string(r.Reason), "deaths": strconv.Itoa(e.Deaths), "kind": string(e.Kind)}
	put := func(key string, t time.Time) {
		if !t.IsZero() {
			d[key] = t.UTC().Format(time.RFC3339)
		}
	}
	put("quiet_from", r.QuietFrom)
	put("quiet_to", r.QuietTo)
	put("made_from", r.MadeFrom)
	put("made_to", r.MadeTo)
	if e.ShopID != "" {
		d["shop"] = e.ShopID
	}
	n := notice.Notice{At: now, Kind: notice.TokenStranger, Subject: "grant:" + grantID, Details: d}
	_, err := w.o.Store.SetCondition(ctx, condition(grantID), true, n, entry(n, audit.Failed))
	return err
}

func entry(n notice.Notice, o audit.Outcome) audit.Entry {
	return audit.Entry{At: n.At, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: string(n.Kind), Subject: n.Subject, Outcome: o, Details: n.Details}
}

// sweep has a human told of what is over, and of what a crash kept from being told.
func (w *Watch) sweep(ctx context.Context) error {
	rows, err := w.o.Store.Suspects(ctx)
	if err != nil {
		return err
	}
	now := w.o.Now()
	for _, row := range rows {
		e, err := read(row)
		if err != nil || !e.Told {
			continue
		}
		if r, wrong := e.Accuses(now); wrong {
			err = w.tell(ctx, row.GrantID, e, r, now)
		} else {
			err = w.over(ctx, row, e, now)
		}
		if err != nil && !errors.Is(err, grant.ErrLost) {
			return err
		}
	}
	return nil
}

// over tells that nothing happened for a day.
func (w *Watch) over(ctx context.Context, row grant.Suspect, e Evidence, now time.Time) error {
	n := notice.OverOf(notice.Notice{Kind: notice.TokenStranger, Subject: "grant:" + row.GrantID}, now)
	if e.ShopID != "" {
		n.Details["shop"] = e.ShopID
	}
	if _, err := w.o.Store.SetCondition(ctx, condition(row.GrantID), false, n, entry(n, audit.Done)); err != nil {
		return err
	}
	e.Told, e.Last = false, row.LastAt.Add(time.Millisecond)
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return w.o.Store.PutSuspect(ctx, grant.Suspect{GrantID: row.GrantID, LastAt: e.Last, Evidence: body}, row.LastAt)
}

// Evidence gives what is known of a grant; false: no token of it died before its end.
func (w *Watch) Evidence(ctx context.Context, grantID string) (Evidence, bool, error) {
	row, ok, err := w.o.Store.Suspect(ctx, grantID)
	if err != nil || !ok {
		return Evidence{}, false, err
	}
	e, err := read(row)
	return e, err == nil, err
}
