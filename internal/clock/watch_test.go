package clock_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/clock"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/sqlitetest"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

// wrist is a clock that can be set.
type wrist struct {
	mu  sync.Mutex
	off time.Duration
}

func (w *wrist) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.off)
}

func (w *wrist) set(off time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.off = off
}

func openStore(t *testing.T) *sqlstore.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlitetest.Path(t), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// watch runs a watcher until the test's end.
func watch(t *testing.T, o clock.WatchOptions) *clock.Watcher {
	t.Helper()
	w := clock.NewWatcher(o)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() { w.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return w
}

// told gives the kinds of notice that were written, the oldest first.
func told(t *testing.T, s *sqlstore.Store) []notice.Kind {
	t.Helper()
	_, all, err := s.PendingNotices(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []notice.Kind
	for _, n := range all {
		kinds = append(kinds, n.Kind)
	}
	return kinds
}

// TestAClockSetBackIsToldOnce: by all replicas and restarts together.
func TestAClockSetBackIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, hand := openStore(t), &wrist{}
		o := clock.WatchOptions{Store: s, Skew: clock.NewSkew(hand.now), Now: hand.now}
		first, second := watch(t, o), watch(t, o)
		time.Sleep(10 * time.Minute)
		if p := first.Problems(); len(p) != 0 {
			t.Fatalf("problems of a right clock: %q", p)
		}
		hand.set(-time.Hour)
		time.Sleep(5 * time.Minute)
		for _, w := range []*clock.Watcher{first, second, watch(t, o)} {
			synctest.Wait()
			if p := w.Problems(); len(p) != 1 || !strings.Contains(p[0], "logins are stopped") {
				t.Errorf("problems %q", p)
			}
			if b := w.Behind(); b < 54*time.Minute || b > time.Hour {
				t.Errorf("behind by %v", b)
			}
		}
		hand.set(0)
		time.Sleep(5 * time.Minute)
		if p := first.Problems(); len(p) != 0 || first.Behind() != 0 {
			t.Errorf("problems after it was set right: %q", p)
		}
		if diff := cmp.Diff([]notice.Kind{notice.ClockBack, notice.ClockHealed}, told(t, s)); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	})
}

func TestALittleBehindIsNoCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, hand := openStore(t), &wrist{}
		w := watch(t, clock.WatchOptions{Store: s, Skew: clock.NewSkew(hand.now), Now: hand.now})
		time.Sleep(90 * time.Second)
		hand.set(-50 * time.Second)
		time.Sleep(time.Minute)
		if p := w.Problems(); len(p) != 0 || len(told(t, s)) != 0 {
			t.Errorf("problems %q, told %v", p, told(t, s))
		}
	})
}

func TestSkewIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t)
		skew := clock.NewSkew(time.Now)
		w := watch(t, clock.WatchOptions{Store: s, Skew: skew, Now: time.Now})
		ask(t, skew, edge{off: -45 * time.Second}, 2)
		time.Sleep(2 * time.Minute)
		if got := told(t, s); len(got) != 0 {
			t.Errorf("two samples told %v", got)
		}
		for range 3 {
			ask(t, skew, edge{off: -45 * time.Second}, 9)
			time.Sleep(2 * time.Minute)
		}
		if p := w.Problems(); len(p) != 1 || !strings.Contains(p[0], "ahead of WeChat's") {
			t.Errorf("problems %q", p)
		}
		time.Sleep(12 * time.Hour) // no traffic: nothing new is known
		if got := told(t, s); len(got) != 1 {
			t.Errorf("without traffic told %v", got)
		}
		ask(t, skew, edge{}, 9)
		time.Sleep(2 * time.Minute)
		if diff := cmp.Diff([]notice.Kind{notice.ClockSkew, notice.ClockHealed}, told(t, s)); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
		if p := w.Problems(); len(p) != 0 {
			t.Errorf("problems afterwards: %q", p)
		}
		ask(t, skew, edge{off: 2 * time.Minute}, 9)
		if p := w.Problems(); len(p) != 1 || !strings.Contains(p[0], "behind WeChat's") {
			t.Errorf("problems %q", p)
		}
	})
}

// TestAcceptingTheClock: it was ahead, so that the latest time seen lies in the
// future.
func TestAcceptingTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, hand := openStore(t), &wrist{}
		hand.set(1000 * time.Hour)
		skew := clock.NewSkew(hand.now)
		w := clock.NewWatcher(clock.WatchOptions{Store: s, Skew: skew, Now: hand.now})
		look := func() {
			t.Helper()
			if err := w.Look(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		look()
		ask(t, skew, edge{}, 9)
		by := audit.Actor{Kind: audit.ActorOperator}
		if err := w.Accept(t.Context(), by); !errors.Is(err, clock.ErrWrong) {
			t.Errorf("a clock that is ahead is accepted: %v", err)
		}
		hand.set(0)
		ask(t, skew, edge{}, 9)
		look()
		if w.Behind() < 999*time.Hour {
			t.Errorf("behind by %v", w.Behind())
		}
		if err := w.Accept(t.Context(), by); err != nil || w.Behind() != 0 {
			t.Errorf("accepted: %v, behind by %v", err, w.Behind())
		}
		time.Sleep(time.Hour)
		look()
		if diff := cmp.Diff([]notice.Kind{notice.ClockBack, notice.ClockHealed}, told(t, s)); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	})
}

// broken is a store that fails.
type broken struct{ clock.Store }

func (broken) ObserveTime(context.Context, time.Time) (time.Time, error) {
	return time.Time{}, errors.New("the disk is full")
}

func TestWatcherGoesOnWithoutItsStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		w := watch(t, clock.WatchOptions{Store: broken{}, Skew: clock.NewSkew(time.Now), Now: time.Now, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		time.Sleep(3*time.Minute + time.Second)
		synctest.Wait()
		if n := strings.Count(log.String(), "the disk is full"); n != 4 || len(w.Problems()) != 0 {
			t.Errorf("it said so %d times, problems %q", n, w.Problems())
		}
	})
}
