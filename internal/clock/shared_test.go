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

	"github.com/zhanggui/zhanggui/internal/clock"
)

// reference is a clock that runs beside the bubble's, and can be moved.
type reference struct {
	mu    sync.Mutex
	off   time.Duration
	drift float64 // seconds gained in each second
	start time.Time
	trip  time.Duration
	err   error
	once  time.Duration // added to the next answer only
}

func (r *reference) ask(context.Context) (time.Time, error) {
	r.mu.Lock()
	trip := r.trip
	r.mu.Unlock()
	time.Sleep(trip / 2)
	defer time.Sleep(trip / 2)
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.time().Add(r.once)
	r.once = 0
	return t, r.err
}

func (r *reference) time() time.Time {
	elapsed := time.Since(r.start)
	return r.start.Add(elapsed + time.Duration(float64(elapsed)*r.drift) + r.off)
}

func (r *reference) set(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

func (r *reference) now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.time()
}

// shared runs a clock against r until the test's end.
func shared(t *testing.T, r *reference, o clock.SharedOptions) *clock.Shared {
	t.Helper()
	r.start = time.Now()
	o.Reference = r.ask
	s, err := clock.NewShared(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	end := errors.New("the test is over")
	wg.Go(func() {
		if err := s.Run(ctx); !errors.Is(err, end) {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(func() { cancel(end); wg.Wait() })
	return s
}

func near(t *testing.T, s *clock.Shared, r *reference, bound time.Duration) {
	t.Helper()
	if off := s.Now().Sub(r.now()); off.Abs() > bound {
		t.Errorf("shared clock is %v from its reference, want at most %v", off, bound)
	}
}

func TestSharedFollowsAWrongLocalClock(t *testing.T) {
	for _, off := range []time.Duration{0, time.Hour, -26 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			r := &reference{off: off, trip: 4 * time.Millisecond}
			s := shared(t, r, clock.SharedOptions{})
			near(t, s, r, 0)
			time.Sleep(time.Hour)
			near(t, s, r, 2*time.Millisecond)
		})
	}
}

// TestSharedNeverGoesBack: drift in both directions is made up, and in between
// no reader sees the time go back.
func TestSharedNeverGoesBack(t *testing.T) {
	for _, drift := range []float64{-0.01, 0.01, 0.0001} {
		synctest.Test(t, func(t *testing.T) {
			r := &reference{drift: drift, trip: time.Millisecond}
			s := shared(t, r, clock.SharedOptions{})
			last := s.Now()
			for range 60_000 {
				time.Sleep(7 * time.Millisecond)
				now := s.Now()
				if !now.After(last) {
					t.Fatalf("%v after %v", now, last)
				}
				last = now
			}
			near(t, s, r, 120*time.Millisecond) // two rounds of drift at most
		})
	}
}

func TestSharedSlewsWhatIsSmall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reference{}
		s := shared(t, r, clock.SharedOptions{})
		r.set(func() { r.off = 400 * time.Millisecond })
		time.Sleep(5*time.Second + 150*time.Millisecond)
		if off := r.now().Sub(s.Now()); off < 350*time.Millisecond {
			t.Errorf("made up all but %v at once", off)
		}
		time.Sleep(5 * time.Second)
		near(t, s, r, 0)
	})
}

func TestSharedJumpsOverWhatIsLarge(t *testing.T) {
	for _, by := range []time.Duration{10 * time.Minute, -10 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			var log strings.Builder
			r := &reference{trip: time.Millisecond}
			s := shared(t, r, clock.SharedOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
			r.set(func() { r.off = by })
			time.Sleep(6 * time.Second)
			near(t, s, r, time.Millisecond)
			if !strings.Contains(log.String(), "jumped") || !strings.Contains(log.String(), "10m0s") {
				t.Errorf("the log says %q", log.String())
			}
		})
	}
}

func TestSharedIgnoresOneOddAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reference{trip: time.Millisecond}
		s := shared(t, r, clock.SharedOptions{Every: time.Second})
		for range 5 {
			r.set(func() { r.once = time.Hour })
			time.Sleep(1100 * time.Millisecond)
			near(t, s, r, time.Millisecond)
		}
	})
}

func TestSharedGoesOnWithoutItsReference(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reference{}
		s := shared(t, r, clock.SharedOptions{})
		gone := errors.New("gone")
		r.set(func() { r.err = gone })
		time.Sleep(time.Minute)
		near(t, s, r, 0)
		m := s.Measured()
		if !errors.Is(m.Err, gone) || s.Now().Sub(m.At) != time.Minute {
			t.Errorf("Measured: %+v at %v", m, s.Now())
		}
		r.set(func() { r.err = nil })
		time.Sleep(6 * time.Second)
		if m := s.Measured(); m.Err != nil || s.Now().Sub(m.At) > 5*time.Second {
			t.Errorf("Measured: %+v at %v", m, s.Now())
		}
	})
}

func TestSharedNeedsItsReferenceToBegin(t *testing.T) {
	gone := errors.New("gone")
	_, err := clock.NewShared(t.Context(), clock.SharedOptions{Reference: func(context.Context) (time.Time, error) { return time.Time{}, gone }})
	if !errors.Is(err, gone) {
		t.Errorf("NewShared: %v", err)
	}
}

// TestSharedReadersAgree: readers beside the corrections never see the time go
// back; run it with the race detector.
func TestSharedReadersAgree(t *testing.T) {
	skew := time.Duration(0)
	var mu sync.Mutex
	s, err := clock.NewShared(t.Context(), clock.SharedOptions{Reference: func(context.Context) (time.Time, error) {
		mu.Lock()
		defer mu.Unlock()
		skew = -skew + time.Millisecond
		return time.Now().Add(skew), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			last := s.Now()
			for range 20_000 {
				now := s.Now()
				if now.Before(last) {
					t.Errorf("%v after %v", now, last)
				}
				last = now
			}
		})
	}
	for range 200 {
		if err := s.Measure(t.Context()); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}

func BenchmarkShared(b *testing.B) {
	s, err := clock.NewShared(b.Context(), clock.SharedOptions{Reference: func(context.Context) (time.Time, error) { return time.Now(), nil }})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		s.Now()
	}
}
