package gateway

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
)

func TestManyCallersReadTheStoreOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loads atomic.Int32
		c := newCache(time.Now, newAway(slog.New(slog.DiscardHandler)), cacheGrace, func(context.Context, string) (int, error) {
			time.Sleep(time.Millisecond) // the bubble's clock
			return int(loads.Add(1)), nil
		})
		for range 100 {
			go func() {
				if v, err := c.get(t.Context(), "k"); err != nil || v != 1 {
					t.Errorf("got %d, %v", v, err)
				}
			}()
		}
		synctest.Wait()
		time.Sleep(time.Second)
		if loads.Load() != 1 {
			t.Errorf("%d loads", loads.Load())
		}
		if v, _ := c.get(t.Context(), "k"); v != 2 {
			t.Errorf("a value older than a second was served: %d", v)
		}
	})
}

func TestACallerWhoLeavesDoesNotCancelTheRead(t *testing.T) {
	c := newCache(time.Now, newAway(slog.New(slog.DiscardHandler)), cacheGrace, func(ctx context.Context, _ string) (int, error) { return 1, ctx.Err() })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if v, err := c.get(ctx, "k"); v != 1 || err != nil {
		t.Errorf("got %d, %v", v, err)
	}
}

func TestTheCacheInBadTimes(t *testing.T) {
	now := time.Unix(1e9, 0)
	value, loads, fail := 1, 0, error(nil)
	c := newCache(func() time.Time { return now }, newAway(slog.New(slog.DiscardHandler)), cacheGrace, func(context.Context, string) (int, error) {
		loads++
		return value, fail
	})
	down := errors.New("down")
	for _, step := range []struct {
		name   string
		pass   time.Duration
		value  int
		fail   error
		want   int
		err    error
		loaded int
	}{
		{"first", 0, 1, nil, 1, nil, 1},
		{"remembered", cacheLife - 1, 2, nil, 1, nil, 1},
		{"read again", 1, 2, nil, 2, nil, 2},
		{"the store is down", cacheLife, 0, down, 2, nil, 3},
		{"and not asked for each call", cacheLife - 1, 0, down, 2, nil, 3},
		{"but again after a while", 1, 0, down, 2, nil, 4},
		{"up to the end of grace", cacheGrace - 2*cacheLife, 0, down, 2, nil, 5},
		{"no longer", cacheLife + 1, 0, down, 0, down, 6},
		{"back", 0, 3, nil, 3, nil, 7},
		{"gone", cacheLife, 0, access.ErrNotFound, 0, access.ErrNotFound, 8},
		{"misses are not remembered", 0, 4, nil, 4, nil, 9},
		{"a clock set back is not trusted", -time.Hour, 5, nil, 5, nil, 10},
		{"down before it was ever read", 0, 5, nil, 5, nil, 10},
	} {
		now = now.Add(step.pass)
		value, fail = step.value, step.fail
		got, err := c.get(t.Context(), "k")
		if got != step.want || !errors.Is(err, step.err) || loads != step.loaded {
			t.Errorf("%s: %d, %v after %d loads; want %d, %v after %d", step.name, got, err, loads, step.want, step.err, step.loaded)
		}
	}
}

func TestForgettingCountsForReadsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		goOn := make(chan struct{})
		var loads atomic.Int32
		c := newCache(time.Now, newAway(slog.New(slog.DiscardHandler)), cacheGrace, func(context.Context, string) (int32, error) {
			n := loads.Add(1)
			if n == 1 {
				<-goOn
			}
			return n, nil
		})
		go func() { _, _ = c.get(t.Context(), "k") }()
		synctest.Wait()
		c.forget()
		if v, _ := c.get(t.Context(), "k"); v != 2 {
			t.Errorf("joined a read from before: %d", v)
		}
		close(goOn)
		synctest.Wait()
		if v, _ := c.get(t.Context(), "k"); v != 2 {
			t.Errorf("a read from before was kept: %d", v)
		}
	})
}

// TestNoGrace: a store that decides by itself for how long it answers is believed
// when it does not.
func TestNoGrace(t *testing.T) {
	now, down := time.Unix(1_900_000_000, 0), error(nil)
	c := newCache(func() time.Time { return now }, newAway(slog.New(slog.DiscardHandler)), -1, func(context.Context, string) (int, error) { return 1, down })
	if _, err := c.get(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	now, down = now.Add(cacheLife), errors.New("down")
	if _, err := c.get(t.Context(), "k"); !errors.Is(err, down) {
		t.Errorf("got %v", err)
	}
}

// TestAnOutageIsToldOnce: however many keys are read in an outage of the store, the
// log has one line when it begins and one when it is over.
func TestAnOutageIsToldOnce(t *testing.T) {
	now, broken := time.Unix(1_900_000_000, 0), map[string]bool{}
	log := &lockedBuffer{}
	away := newAway(slog.New(slog.NewTextHandler(log, nil)))
	load := func(_ context.Context, key string) (int, error) {
		if broken[key] || broken["all"] {
			return 0, errors.New("down")
		}
		return 1, nil
	}
	clients := newCache(func() time.Time { return now }, away, cacheGrace, load)
	routes := newCache(func() time.Time { return now }, away, cacheGrace, load)
	calls := func(seconds int) {
		for range seconds {
			for _, key := range []string{"a", "b", "c"} {
				_, _ = clients.get(t.Context(), key)
				_, _ = routes.get(t.Context(), "shop "+key)
			}
			now = now.Add(time.Second)
		}
	}
	told := func(name string, warnings, overs int) {
		t.Helper()
		if w, o := strings.Count(log.String(), "level=WARN"), strings.Count(log.String(), "read again"); w != warnings || o != overs {
			t.Errorf("%s: %d warnings, %d ends; want %d, %d:\n%s", name, w, o, warnings, overs, log)
		}
	}
	calls(2)
	told("all is well", 0, 0)
	broken["all"] = true
	calls(10)
	told("away", 1, 0)
	delete(broken, "all")
	calls(2)
	told("back", 1, 1)
	if !strings.Contains(log.String(), "after=10s failed_reads=60") {
		t.Errorf("the length of the outage: %s", log)
	}
	broken["b"] = true
	calls(10)
	told("one row that cannot be read", 2, 1)
	delete(broken, "b")
	calls(2)
	told("and can again", 2, 2)
}
