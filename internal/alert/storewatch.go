package alert

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/notice"
)

// Silencer keeps what servers find wrong, and what nobody wants to hear of.
type Silencer interface {
	Holder
	LiveSilences(ctx context.Context, now time.Time) ([]notice.Silence, error)
}

// Sender sends past the store. Its method returns when every channel that hears of the
// message is done with it, or ctx ended.
type Sender interface {
	Direct(ctx context.Context, m notice.Message)
}

// StoreWatchOptions are what a StoreWatch is made of. Store, Server, Policy, Down and
// Sender must be set.
type StoreWatchOptions struct {
	Store  Silencer
	Server string // names this process in the store
	Name   string // what people know it by; empty: Server
	Policy Policy
	Down   func() time.Time // since when the store fails; zero: it does not
	Sender Sender
	Now    func() time.Time // nil: time.Now
	Logger *slog.Logger     // nil: discards
}

const (
	storeSubject = "store"
	lookEvery    = time.Second
	// askEvery is how often it is tried to write down that the store fails, until it
	// was twice.
	askEvery = 5 * time.Second
	// askTime is how long a store may take for it that hangs.
	askTime = 3 * time.Second
	// silencesEvery is how old the silences are at most that hold in an outage.
	silencesEvery = 10 * time.Second
)

// StoreWatch holds the condition that the store fails, [notice.StoreFailing], and tells
// of it past the store when that cannot write even this down. Make it with
// [NewStoreWatch], start it with [StoreWatch.Run].
//
//	well ──► failing ──After──► counts ──written twice──► left to the engine ──► over
//	             │                 │                                              ▲
//	             ▼                 └──not written──► told past the store ──well───┘
//	           (well)                                                     written down then
//
// What it told is in the notice that it writes when the store can again, so that the
// engine tells nobody that it began, and everybody that it is over.
type StoreWatch struct {
	o        StoreWatchOptions
	silences []notice.Silence
	read     time.Time // when the silences were
	out      *outage   // nil: there is none
	last     string    // the id of what was told last
	stop     context.CancelFunc
	wg       sync.WaitGroup
}

// outage is a time in which the store fails.
type outage struct {
	since   time.Time
	counts  time.Time // when it had lasted long enough; zero: it has not
	until   time.Time // when the store was well again; zero: it fails
	asked   time.Time // when it was last tried to write it down
	held    bool      // the store knows
	sure    bool      // it knew twice, so it takes what the engine and the outbox write too
	unheard bool      // it did not take it the last time
	told    bool      // past the store
	said    bool      // the store knows that it was told
}

// NewStoreWatch makes a watch of the store. It panics when a part is missing: that is a
// mistake in the program, not in its use.
func NewStoreWatch(o StoreWatchOptions) *StoreWatch {
	if o.Store == nil || o.Server == "" || o.Policy.Rules == nil || o.Down == nil || o.Sender == nil {
		panic("alert: Store, Server, Policy, Down and Sender must be set")
	}
	if o.Name == "" {
		o.Name = o.Server
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &StoreWatch{o: o, stop: func() {}}
}

// Run looks every second until ctx ends, and cuts off what is being sent then.
func (w *StoreWatch) Run(ctx context.Context) {
	defer w.wg.Wait()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		w.Look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Look looks once. Run does it.
func (w *StoreWatch) Look(ctx context.Context) {
	now, since := w.o.Now(), w.o.Down()
	switch {
	case w.rule().Off:
	case !since.IsZero():
		w.failing(ctx, since, now)
	case w.out != nil:
		w.well(ctx, now)
	case now.Sub(w.read) >= silencesEvery:
		w.readSilences(ctx, now)
	}
}

func (w *StoreWatch) rule() Rule { return w.o.Policy.Rules.Of(notice.StoreFailing) }

// readSilences keeps those of before when they cannot be read.
func (w *StoreWatch) readSilences(ctx context.Context, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	if all, err := w.o.Store.LiveSilences(ctx, now); err == nil {
		w.silences = all
	}
	w.read = now
}

// failing tells of an outage that lasts. One whose end could not be written down goes on.
func (w *StoreWatch) failing(ctx context.Context, since, now time.Time) {
	if w.out == nil {
		w.out = &outage{since: since}
	}
	o := w.out
	o.until = time.Time{}
	if now.Sub(o.since) < w.rule().After {
		return
	}
	if o.counts.IsZero() {
		o.counts = now
		w.o.Logger.Warn("something is wrong at this server", "notice", notice.StoreFailing, "subject", storeSubject, "since", o.since.UTC())
	}
	if now.Sub(o.asked) >= o.askEvery() {
		w.hold(ctx, now)
	}
	if o.unheard && !o.told && !o.sure && w.mayTell(now) {
		w.tell(ctx)
	}
}

// askEvery is how long to wait until the store is told again.
func (o *outage) askEvery() time.Duration {
	if o.sure && o.said == o.told {
		return renewEvery
	}
	return askEvery
}

// mayTell tells whether neither a silence nor quiet hours keep it back.
func (w *StoreWatch) mayTell(now time.Time) bool {
	if w.rule().Quiet && !w.o.Policy.Quiet.End(now).IsZero() {
		return false
	}
	n := notice.Notice{Kind: notice.StoreFailing, Subject: storeSubject}
	for _, s := range w.silences {
		if s.Live(now) && s.Fits(n) {
			return false
		}
	}
	return true
}

// tell sends a message past the store, until it is well again.
func (w *StoreWatch) tell(ctx context.Context) {
	ctx, w.stop = context.WithCancel(ctx)
	w.out.told = true
	m := w.message()
	w.wg.Go(func() { w.o.Sender.Direct(ctx, m) })
}

// message is as the engine would have made it.
func (w *StoreWatch) message() notice.Message {
	o := w.out
	return notice.Message{
		ID: w.id(), Notice: notice.Notice{At: o.counts, Kind: notice.StoreFailing, Subject: storeSubject},
		Phase: notice.Raised, Severity: w.rule().Severity, About: notice.StoreFailing, Count: 1, Since: o.since,
		Subjects: []string{storeSubject}, Runbook: w.o.Policy.Runbook(notice.StoreFailing), Direct: w.o.Name,
	}
}

// id names an outage by the minute in which it began, so that a receiver that drops
// what it had takes one of several servers' messages. None is told twice under one.
func (w *StoreWatch) id() string {
	id := "direct_" + strconv.FormatInt(w.out.since.Truncate(time.Minute).Unix(), 10)
	if id == w.last {
		id += "_" + strconv.FormatInt(w.out.since.UnixMilli(), 10)
	}
	w.last = id
	return id
}

// well writes down what the store could not take while it failed, and that it is over.
func (w *StoreWatch) well(ctx context.Context, now time.Time) {
	o := w.out
	if o.counts.IsZero() {
		w.out = nil
		return
	}
	if o.until.IsZero() {
		o.until = now
	}
	if missing := !o.held || o.said != o.told; missing && !w.hold(ctx, now) {
		return
	}
	if w.write(ctx, notice.Holding{Over: map[string]string{notice.DetailLasted: o.until.Sub(o.since).Round(time.Second).String()}}, now) {
		w.stop() // what was not taken by now is told that it is over
		w.out = nil
	}
}

// hold says that the store fails to the store itself, and tells whether it heard.
func (w *StoreWatch) hold(ctx context.Context, now time.Time) bool {
	o := w.out
	h := notice.Holding{Wrong: true, Again: o.said != o.told}
	if o.told {
		h.Notice.Details = map[string]string{notice.DetailDirect: w.o.Name}
	}
	told, ok := o.told, w.write(ctx, h, now)
	o.asked, o.unheard = now, !ok
	if ok {
		o.sure, o.held, o.said = o.held, true, told
	}
	return ok
}

// write has the store take what this server says of it.
func (w *StoreWatch) write(ctx context.Context, h notice.Holding, now time.Time) bool {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	h.Name, h.Server, h.Until = string(notice.StoreFailing)+" "+storeSubject, w.o.Server, now.Add(holdFor)
	h.Notice.At, h.Notice.Kind, h.Notice.Subject = w.out.counts, notice.StoreFailing, storeSubject
	return w.o.Store.HoldCondition(ctx, h, now) == nil
}
