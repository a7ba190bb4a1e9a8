package stranger_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/stranger"
)

// shelf is a store with the rules of a real one.
type shelf struct {
	mu         sync.Mutex
	rows       map[string]grant.Suspect
	forces     []grant.Force
	conditions map[string]bool
	notices    []notice.Notice
	entries    []audit.Entry
	down       error // of reading them all
}

func newShelf() *shelf {
	return &shelf{rows: map[string]grant.Suspect{}, conditions: map[string]bool{}}
}

func (s *shelf) Suspect(_ context.Context, id string) (grant.Suspect, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := s.rows[id]
	return row, ok, nil
}

func (s *shelf) Suspects(context.Context) (all []grant.Suspect, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range s.rows {
		all = append(all, row)
	}
	return all, s.down
}

func (s *shelf) PutSuspect(_ context.Context, n grant.Suspect, before time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.rows[n.GrantID].LastAt.Equal(before) {
		return grant.ErrLost
	}
	s.rows[n.GrantID] = n
	return nil
}

func (s *shelf) ForcedRefreshes(_ context.Context, _ string, since time.Time) (out []grant.Force, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.forces {
		if !f.At.Before(since) {
			out = append(out, f)
		}
	}
	return out, nil
}

func (s *shelf) SetCondition(_ context.Context, name string, wrong bool, n notice.Notice, entries ...audit.Entry) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conditions[name] == wrong {
		return false, nil
	}
	s.conditions[name] = wrong
	s.notices, s.entries = append(s.notices, n), append(s.entries, entries...)
	return true, nil
}

func (s *shelf) kinds() (all []notice.Kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.notices {
		all = append(all, n.Kind)
	}
	return all
}

// world is a shop's token at WeChat, and what one or two replicas of a server do with
// it, by the rules that the keeper keeps: one lease at a time, forced refreshes in the
// ledger first, a look at the token when somebody complains.
type world struct {
	*shelf
	watch *stranger.Watch
	rnd   *rand.Rand

	skew  atomic.Int64  // of the server's clock before the true one
	full  time.Duration // that the process saw
	life  time.Duration // that WeChat gives
	token int           // that WeChat names
	ends  time.Time     // true time
	made  time.Time     // true time; zero: WeChat ended it, and names another one at the next request
	kept  int           // here
	end   time.Time     // by the server's clock
	quiet time.Time     // when the last lease was settled, by the server's clock; zero: it was not
}

func newWorld(seed uint64) *world {
	w := &world{shelf: newShelf(), rnd: rand.New(rand.NewPCG(seed, 1)), life: stranger.FullLife}
	w.watch = stranger.New(stranger.Options{Store: w.shelf, Now: w.now})
	w.ask(true)
	return w
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.skew.Load())) }

// mint makes another token.
func (w *world) mint() {
	w.token++
	w.made = time.Now()
	w.ends = w.made.Add(w.life)
}

// named is what WeChat answers without force, by whoever asks.
func (w *world) named() time.Duration {
	if w.token == 0 || w.made.IsZero() || time.Until(w.ends) <= 5*time.Minute {
		w.mint()
	}
	return time.Until(w.ends).Truncate(time.Second)
}

// dead tells whether WeChat refuses the kept token.
func (w *world) dead() bool { return w.kept != w.token || w.made.IsZero() }

// ask is one lease with a request without force; settled says whether its answer came.
func (w *world) ask(settled bool) {
	begin, was, end, quiet := w.now(), w.kept, w.end, w.quiet
	dead := was != 0 && w.dead()
	time.Sleep(time.Duration(w.rnd.IntN(800)) * time.Millisecond)
	asked := w.now()
	start := time.Now()
	life := w.named()
	time.Sleep(time.Duration(w.rnd.IntN(800)) * time.Millisecond)
	if !settled {
		w.quiet = time.Time{}
		return
	}
	w.full = max(w.full, life)
	if dead && begin.Before(end.Add(-5*time.Minute-15*time.Second)) {
		w.watch.Died(grant.Death{
			GrantID: "g_tea", ShopID: "tea", App: "app-tea", Kind: grant.Self, Generation: int64(was), End: end, Seen: asked, Probed: true,
			Quiet: quiet, Begin: begin, Asked: asked, Took: time.Since(start), Life: life, Same: was == w.token, Full: w.full,
		})
	}
	w.kept, w.end, w.quiet = w.token, asked.Add(life), w.now()
}

// spend writes a forced refresh into the ledger.
func (w *world) spend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forces = append(w.forces, grant.Force{At: w.now(), By: "operator"})
}

// force is one lease with a forced refresh.
func (w *world) force(settled bool) {
	w.spend()
	time.Sleep(time.Duration(w.rnd.IntN(8000)) * time.Millisecond)
	w.mint()
	if w.quiet = w.now(); settled {
		w.kept, w.end = w.token, w.now().Add(w.life)
	}
}

// serve lets time pass: renewals by plan, and a look whenever a call would show that
// the token is dead.
func (w *world) serve(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(time.Duration(60+w.rnd.IntN(300)) * time.Second)
		if w.dead() || w.end.Sub(w.now()) < 5*time.Minute {
			w.ask(true)
		}
	}
}

// started runs the watch until the bubble's test is over.
func (w *world) started(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.watch.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
}

// TestAStrangerIsFound: whenever it forces, but in the minutes in which WeChat replaces
// the token anyway.
func TestAStrangerIsFound(t *testing.T) {
	for seed := range uint64(4) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(seed)
			w.started(t)
			w.serve(3 * time.Hour)
			// Well inside a life, and not so soon after a request of ours that it might have
			// been that one.
			for w.end.Sub(w.now()) < 20*time.Minute || w.now().Sub(w.quiet) < 5*time.Minute {
				w.serve(time.Minute)
			}
			time.Sleep(time.Duration(w.rnd.IntN(300)) * time.Second)
			w.mint()
			at := time.Now()
			time.Sleep(time.Minute)
			w.serve(5 * time.Minute)
			time.Sleep(time.Second)
			if got := w.kinds(); len(got) != 1 || got[0] != notice.TokenStranger {
				t.Fatalf("seed %d: told %v", seed, got)
			}
			e, _, err := w.watch.Evidence(t.Context(), "g_tea")
			if err != nil {
				t.Fatal(err)
			}
			r := e.Records[len(e.Records)-1]
			if r.Level != stranger.Proven || at.Before(r.MadeFrom.Add(-time.Second)) || at.After(r.MadeTo.Add(time.Second)) || r.MadeTo.Sub(r.MadeFrom) > 4*time.Second {
				t.Errorf("seed %d: made at %v, found %+v", seed, at, r)
			}
			w.serve(25 * time.Hour)
			time.Sleep(2 * time.Minute)
			if got := w.kinds(); len(got) != 2 || got[1] != notice.AlertOver {
				t.Errorf("seed %d: a day later told %v", seed, got)
			}
		})
	}
}

// TestTheInnocentAreNotAccused: whatever we and WeChat do by ourselves, in any order,
// is never proven to be somebody else.
func TestTheInnocentAreNotAccused(t *testing.T) {
	for seed := range uint64(8) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(seed)
			w.started(t)
			for range 40 {
				w.serve(time.Duration(w.rnd.IntN(90)) * time.Minute)
				switch w.rnd.IntN(8) {
				case 0: // our own forced refresh, by this replica or another one
					w.force(true)
				case 1: // its answer is lost, and it landed; then the clock is set
					w.force(false)
					w.skew.Add(int64(time.Duration(w.rnd.IntN(2)*w.rnd.IntN(3600)) * time.Second))
				case 2: // a request without force is lost, after WeChat ended the token by itself
					w.made = time.Time{}
					w.ask(false)
				case 3: // WeChat ends the token by itself
					w.made = time.Time{}
				case 4: // the clock is set
					w.skew.Add(int64(time.Duration(w.rnd.IntN(7200)-3600) * time.Second))
				case 5: // a new process
					w.full = 0
				case 6: // a process that was stopped sends its forced refresh late
					w.spend()
					w.ask(true)
					time.Sleep(time.Duration(w.rnd.IntN(540)) * time.Second)
					w.mint()
				case 7: // WeChat gives shorter lives, or full ones again, and ended what it gave before
					w.life = time.Duration(3+2*w.rnd.IntN(2)) * 24 * time.Minute
					w.full, w.made = 0, time.Time{}
				}
			}
			e, _, err := w.watch.Evidence(t.Context(), "g_tea")
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range e.Records {
				if r.Level == stranger.Proven {
					t.Errorf("seed %d: %+v", seed, r)
				}
			}
			if e.Deaths == 0 {
				t.Errorf("seed %d: nothing died; the model shows nothing", seed)
			}
		})
	}
}
