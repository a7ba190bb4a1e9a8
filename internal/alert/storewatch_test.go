package alert_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/alert"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// shelf is a store that fails as told. Tests change it between two looks.
type shelf struct {
	holder
	mu       sync.Mutex
	since    time.Time // it fails; zero: it does not
	deaf     bool      // it takes nothing, not even that it fails
	hangs    bool      // it answers nothing
	silences []notice.Silence
}

func (s *shelf) Down() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.since
}

// fail has the store fail from now on; deaf says that it takes nothing at all.
func (s *shelf) fail(deaf bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since, s.deaf = time.Now(), deaf
}

func (s *shelf) mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since, s.deaf, s.hangs = time.Time{}, false, false
}

func (s *shelf) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *shelf) HoldCondition(ctx context.Context, h notice.Holding, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hangs {
		s.mu.Unlock()
		<-ctx.Done()
		s.mu.Lock()
		return ctx.Err()
	}
	if s.deaf {
		return errors.New("disk I/O error")
	}
	return s.holder.HoldCondition(ctx, h, now)
}

func (s *shelf) LiveSilences(context.Context, time.Time) ([]notice.Silence, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deaf {
		return nil, errors.New("disk I/O error")
	}
	return s.silences, nil
}

// holdings are what was written down.
func (s *shelf) holdings() []notice.Holding {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.said)
}

// past is a Sender that remembers, and goes on until ctx ends if it hangs.
type past struct {
	mu    sync.Mutex
	got   []notice.Message
	at    []time.Time
	cut   int
	hangs bool
}

func (p *past) Direct(ctx context.Context, m notice.Message) {
	p.mu.Lock()
	p.got, p.at = append(p.got, m), append(p.at, time.Now())
	hangs := p.hangs
	p.mu.Unlock()
	if hangs {
		<-ctx.Done()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.cut++
	}
}

func (p *past) sent() ([]notice.Message, []time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.got), slices.Clone(p.at)
}

// watched runs a test in virtual time, with a watch that has looked for a minute.
func watched(t *testing.T, change func(*alert.StoreWatchOptions), test func(t *testing.T, s *shelf, p *past, stop func())) {
	synctest.Test(t, func(t *testing.T) {
		s, p := &shelf{}, &past{}
		o := alert.StoreWatchOptions{Store: s, Server: "r_1", Name: "counter-1 (r_1)", Down: s.Down, Sender: p,
			Policy: alert.Policy{Rules: alert.Defaults(), Runbooks: "https://docs.example.com/runbooks/"}}
		if change != nil {
			change(&o)
		}
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		var wg sync.WaitGroup
		wg.Go(func() { alert.NewStoreWatch(o).Run(ctx) })
		stop := sync.OnceFunc(func() { cancel(); wg.Wait() })
		defer stop()
		time.Sleep(time.Minute + 100*time.Millisecond)
		test(t, s, p, stop)
	})
}

// TestAFailingStoreIsToldOfWhileItFails: after the rule's time and not before, once, and
// what was told is in what is written down when it is over.
func TestAFailingStoreIsToldOfWhileItFails(t *testing.T) {
	watched(t, nil, func(t *testing.T, s *shelf, p *past, _ func()) {
		s.fail(true)
		from := time.Now()
		time.Sleep(14 * time.Second)
		if got, _ := p.sent(); len(got) != 0 {
			t.Fatalf("told after 14 seconds: %+v", got)
		}
		time.Sleep(12*time.Minute - 14*time.Second)
		got, at := p.sent()
		if len(got) != 1 || at[0].Sub(from) > 17*time.Second {
			t.Fatalf("told %d times, at %v of an outage that began at %v", len(got), at, from)
		}
		want := notice.Message{ID: got[0].ID, Notice: notice.Notice{At: at[0], Kind: notice.StoreFailing, Subject: "store"}, Phase: notice.Raised,
			Severity: notice.Critical, About: notice.StoreFailing, Count: 1, Since: from, Subjects: []string{"store"},
			Runbook: "https://docs.example.com/runbooks/store.failing.md", Direct: "counter-1 (r_1)"}
		if diff := gocmp.Diff(want, got[0]); diff != "" {
			t.Errorf("the message (-want +got):\n%s", diff)
		}
		s.mend()
		time.Sleep(5 * time.Second)
		all := s.holdings()
		if len(all) != 2 || !all[0].Wrong || all[0].Notice.Details[notice.DetailDirect] != "counter-1 (r_1)" || !all[0].Notice.At.Equal(at[0]) {
			t.Fatalf("written down: %+v", all)
		}
		if all[1].Wrong || all[1].Over[notice.DetailLasted] != "12m0s" && all[1].Over[notice.DetailLasted] != "12m1s" {
			t.Errorf("its end: %+v", all[1])
		}
	})
}

// TestAShortOutageIsNotTold, neither past the store nor to it.
func TestAShortOutageIsNotTold(t *testing.T) {
	watched(t, nil, func(t *testing.T, s *shelf, p *past, _ func()) {
		s.fail(true)
		time.Sleep(10 * time.Second)
		s.mend()
		time.Sleep(time.Minute)
		if got, _ := p.sent(); len(got) != 0 || len(s.holdings()) != 0 {
			t.Errorf("told %+v, written %+v", got, s.holdings())
		}
	})
}

// TestWhatTheStoreTakesIsLeftToTheEngine: tokens cannot be stored, and the rest can.
func TestWhatTheStoreTakesIsLeftToTheEngine(t *testing.T) {
	watched(t, nil, func(t *testing.T, s *shelf, p *past, _ func()) {
		s.fail(false)
		time.Sleep(5 * time.Minute)
		s.change(func() { s.deaf = true }) // it was told by then
		time.Sleep(5 * time.Minute)
		s.mend()
		time.Sleep(5 * time.Second)
		if got, _ := p.sent(); len(got) != 0 {
			t.Errorf("told past the store: %+v", got)
		}
		all := s.holdings()
		last := all[len(all)-1]
		if len(all) < 10 || len(all) > 13 || last.Wrong || last.Over[notice.DetailLasted] == "" || all[0].Notice.Details != nil || all[0].Again {
			t.Errorf("written down %d times, at last %+v", len(all), last)
		}
	})
}

// TestAStoreThatDiesOfIt took that it fails, and nothing after it: nobody can know whether
// the message left.
func TestAStoreThatDiesOfIt(t *testing.T) {
	watched(t, nil, func(t *testing.T, s *shelf, p *past, _ func()) {
		s.fail(false)
		time.Sleep(17 * time.Second)
		s.change(func() { s.deaf = true })
		time.Sleep(10 * time.Second)
		if got, _ := p.sent(); len(got) != 1 {
			t.Fatalf("told %+v", got)
		}
		s.mend()
		time.Sleep(5 * time.Second)
		all := s.holdings()
		if len(all) != 3 || !all[1].Again || all[1].Notice.Details[notice.DetailDirect] == "" || all[2].Wrong {
			t.Errorf("written down: %+v", all)
		}
	})
}

// TestAStoreThatHangs holds nothing up for long.
func TestAStoreThatHangs(t *testing.T) {
	watched(t, nil, func(t *testing.T, s *shelf, p *past, _ func()) {
		s.fail(true)
		s.change(func() { s.hangs = true })
		from := time.Now()
		time.Sleep(time.Minute)
		if got, at := p.sent(); len(got) != 1 || at[0].Sub(from) > 20*time.Second {
			t.Errorf("told %d times, at %v", len(got), at)
		}
	})
}

// TestAnEndThatCannotBeWritten is no end: nobody is told again.
func TestAnEndThatCannotBeWritten(t *testing.T) {
	watched(t, nil, func(t *testing.T, s *shelf, p *past, _ func()) {
		s.fail(true)
		time.Sleep(time.Minute)
		s.change(func() { s.since = time.Time{} })
		time.Sleep(time.Minute)
		s.fail(true)
		time.Sleep(time.Minute)
		s.mend()
		time.Sleep(5 * time.Second)
		if got, _ := p.sent(); len(got) != 1 {
			t.Errorf("told %d times", len(got))
		}
		if all := s.holdings(); len(all) != 2 || all[1].Over[notice.DetailLasted] != "3m0s" && all[1].Over[notice.DetailLasted] != "3m1s" {
			t.Errorf("written down: %+v", all)
		}
	})
}

// TestTwoOutagesOfAMinute have ids of their own: a receiver drops what it had.
func TestTwoOutagesOfAMinute(t *testing.T) {
	watched(t, nil, func(t *testing.T, s *shelf, p *past, _ func()) {
		for range 2 {
			s.fail(true)
			time.Sleep(20 * time.Second)
			s.mend()
			time.Sleep(3 * time.Second)
		}
		if got, _ := p.sent(); len(got) != 2 || got[0].ID == got[1].ID {
			t.Errorf("told %+v", got)
		}
	})
}

// TestWhatIsNotWantedIsNotToldPastTheStore either: silences as they were when the store last
// answered, quiet hours, and a rule that is off.
func TestWhatIsNotWantedIsNotToldPastTheStore(t *testing.T) {
	warning := alert.Defaults().With(notice.StoreFailing, func(r *alert.Rule) { r.Severity, r.Quiet = notice.Warning, true })
	// Virtual time begins at midnight.
	night := alert.Quiet{From: 23 * time.Hour, To: 10 * time.Minute, Zone: time.UTC}
	for name, c := range map[string]struct {
		change   func(*alert.StoreWatchOptions)
		silence  notice.Silence
		told     int // while it fails, for half an hour
		holdings int
	}{
		"a silence":             {silence: notice.Silence{Kind: notice.StoreFailing}, holdings: 2},
		"a silence of another":  {silence: notice.Silence{Kind: notice.WeChatAway}, told: 1, holdings: 2},
		"a silence that ends":   {silence: notice.Silence{Subject: "store", Until: time.Date(2000, 1, 1, 0, 10, 0, 0, time.UTC)}, told: 1, holdings: 2},
		"the end of the night":  {change: func(o *alert.StoreWatchOptions) { o.Policy.Rules, o.Policy.Quiet = warning, night }, told: 1, holdings: 2},
		"critical, in a night":  {change: func(o *alert.StoreWatchOptions) { o.Policy.Quiet = night }, told: 1, holdings: 2},
		"a rule that is off":    {change: func(o *alert.StoreWatchOptions) { o.Policy.Rules = off() }},
		"a rule with more time": {change: func(o *alert.StoreWatchOptions) { o.Policy.Rules = after(time.Hour) }},
	} {
		t.Run(name, func(t *testing.T) {
			watched(t, c.change, func(t *testing.T, s *shelf, p *past, _ func()) {
				c.silence.Until = cmp.Or(c.silence.Until, time.Now().Add(time.Hour))
				if c.silence.Kind != "" || c.silence.Subject != "" {
					s.change(func() { s.silences = []notice.Silence{c.silence} })
				}
				time.Sleep(20 * time.Second)
				s.fail(true)
				time.Sleep(2 * time.Minute)
				if got, _ := p.sent(); c.told == 1 && (len(got) == 1) != (name == "a silence of another" || name == "critical, in a night") {
					t.Errorf("after two minutes told %+v", got)
				}
				time.Sleep(28 * time.Minute)
				if got, _ := p.sent(); len(got) != c.told {
					t.Errorf("told %+v, want %d", got, c.told)
				}
				s.mend()
				time.Sleep(5 * time.Second)
				if all := s.holdings(); len(all) != c.holdings {
					t.Errorf("written down: %+v", all)
				}
			})
		})
	}
}

func off() alert.Rules {
	return alert.Defaults().With(notice.StoreFailing, func(r *alert.Rule) { r.Off = true })
}

func after(d time.Duration) alert.Rules {
	return alert.Defaults().With(notice.StoreFailing, func(r *alert.Rule) { r.After = d })
}

// TestSendingEndsWithTheOutageAndWithTheServer.
func TestSendingEndsWithTheOutageAndWithTheServer(t *testing.T) {
	watched(t, nil, func(t *testing.T, s *shelf, p *past, stop func()) {
		p.hangs = true
		for range 2 {
			s.fail(true)
			time.Sleep(time.Minute)
			s.mend()
			time.Sleep(5 * time.Second)
		}
		s.fail(true)
		time.Sleep(time.Minute)
		p.mu.Lock()
		cut := p.cut
		p.mu.Unlock()
		if got, _ := p.sent(); len(got) != 3 || cut != 2 {
			t.Errorf("told %d times, cut off %d", len(got), cut)
		}
		stop()
		if p.cut != 3 {
			t.Errorf("at the server's end %d were cut off", p.cut)
		}
	})
}
