package keeper

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// TestDecisions: a row for every situation that can come up, no row without a
// use, and a forced refresh only for a shop's living token that the probe proved
// dead.
func TestDecisions(t *testing.T) {
	used := map[int]bool{}
	for c := range complaints() {
		i := rowFor(c)
		if i < 0 {
			t.Fatalf("no row for %+v", c)
		}
		used[i] = true
		proved := c.blame == blamesToken && c.kind == grant.Self && (c.age == living || c.age == due) &&
			c.seer == client && c.finding == foundDead
		if got := decide(c.blame, c.kind, c.age, c.seer, c.finding); (got == moveForce) != proved {
			t.Errorf("%+v leads to %d", c, got)
		}
	}
	for i := range decisions {
		if !used[i] {
			t.Errorf("row %d is never reached", i)
		}
	}
	if got := decide(blamesToken, grant.Self, anyAge, daily, foundUnclear); got != moveLeave {
		t.Errorf("what no row knows leads to %d", got)
	}
}

// situation is one line that the table must know.
type situation struct {
	blame   blame
	kind    grant.Kind
	age     age
	seer    seer
	finding finding
}

// complaints are all situations that can come up.
func complaints() iter.Seq[situation] {
	return func(yield func(situation) bool) {
		for _, kind := range allKinds {
			for a := unread; a <= ended; a++ {
				for f := notProbed; f <= foundUnclear; f++ {
					if !yield(situation{blamesToken, kind, a, client, f}) || !yield(situation{blamesElse, kind, a, client, f}) {
						return
					}
				}
				if !yield(situation{blamesToken, kind, a, daily, foundDead}) || !yield(situation{blamesToken, kind, a, dailyMore, foundDead}) {
					return
				}
			}
		}
	}
}

// TestNoComplaintGoesRound walks every way that a complaint can take through the
// table and through what WeChat may answer. Each way ends, reads, probes, asks
// and forces at most once, in this order, and forces only after a probe that
// found the token dead.
func TestNoComplaintGoesRound(t *testing.T) {
	ways := 0
	var walk func(c situation, done []move)
	walk = func(c situation, done []move) {
		m := decide(c.blame, c.kind, c.age, c.seer, c.finding)
		if slices.Contains(done, m) {
			t.Fatalf("%+v comes to %d again after %v", c, m, done)
		}
		done = append(slices.Clone(done), m)
		if len(done) > 3 {
			t.Fatalf("%+v takes %v", c, done)
		}
		switch m {
		case moveRead: // the lease is taken; memory and verdicts say no more
			for _, a := range []age{newer, living, due, ended} {
				walk(situation{c.blame, c.kind, a, c.seer, notProbed}, done)
			}
		case moveProbe:
			for _, f := range []finding{foundAlive, foundDead, foundUnclear} {
				walk(situation{c.blame, c.kind, c.age, c.seer, f}, done)
			}
		case moveForce:
			if c.finding != foundDead || c.kind != grant.Self || !slices.Contains(done, moveProbe) {
				t.Errorf("%+v forces after %v", c, done)
			}
			ways++
		default:
			ways++
		}
	}
	for _, kind := range allKinds {
		for _, b := range []blame{blamesToken, blamesElse} {
			for _, a := range []age{unread, newer, judged} { // what a report begins with
				walk(situation{b, kind, a, client, notProbed}, nil)
			}
		}
		for _, s := range []seer{daily, dailyMore} {
			walk(situation{blamesToken, kind, due, s, foundDead}, nil)
		}
	}
	if ways < 30 {
		t.Errorf("only %d ways were walked", ways)
	}
}

// TestEveryAnswerEnds walks what a refresh may be answered with: for every
// errcode that anybody knows, kind, state and number of failures the grant ends
// in a state with a next look in the future, or waits for a human, and the look
// does not come sooner than the shortest wait.
func TestEveryAnswerEnds(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	var failures []*Failure
	for key := range reactions {
		failures = append(failures, &Failure{Outcome: wechat.OutcomeAnswered, Code: key.code, HTTPStatus: 200})
	}
	for _, status := range []int{0, 200, 403, 429, 500, 502} {
		for _, o := range []wechat.Outcome{wechat.OutcomeNotSent, wechat.OutcomeUnknown, wechat.OutcomeAnswered} {
			failures = append(failures, &Failure{Outcome: o, HTTPStatus: status})
		}
	}
	for _, kind := range allKinds {
		for _, state := range []grant.State{grant.Active, grant.Stopped} {
			for attempt := range 20 {
				for _, f := range failures {
					r := reactTo(kind, f)
					g := grant.Grant{Kind: kind, State: state, Attempt: attempt, Cause: r.cause, ErrCode: f.Code}
					v := judge(g, r, f, now, now.Add(30*time.Second), none)
					switch {
					case v.state == grant.NeedsOwner && v.due.IsZero() && r.do == dead:
					case v.state != grant.Active && v.state != grant.Stopped:
						t.Errorf("%+v leads to %s", f, v.state)
					case v.due.Sub(now) < leastRetry:
						t.Errorf("%+v is looked at again after %v", f, v.due.Sub(now))
					case r.cause == grant.CauseUnknown && v.due.Before(now.Add(30*time.Second)):
						t.Errorf("%+v is looked at again before its lease is over", f)
					}
				}
			}
		}
	}
}

func rowFor(c situation) int {
	return slices.IndexFunc(decisions, func(d decision) bool {
		return fits(d.blame, c.blame) && fits(d.kind, c.kind) && fits(d.age, c.age) && fits(d.seer, c.seer) && fits(d.finding, c.finding)
	})
}

// TestReportCosts: what one report of a thousand callers costs, and what it
// brings.
func TestReportCosts(t *testing.T) {
	tests := []struct {
		name                 string
		prep                 func(e *env, tok Token)
		asks, forced, probes int
		generation           int64
		err                  error
	}{
		{"alive: the path is at fault", func(*env, Token) {}, 0, 0, 1, 1, nil},
		{"dead", func(e *env, _ Token) { e.wechat.forgets() }, 1, 0, 1, 2, nil},
		{"dead and named", func(e *env, tok Token) { e.wechat.refusesNamed(tok.Value) }, 1, 1, 1, 2, nil},
		{"dead and named, forced a moment ago", func(e *env, tok Token) {
			e.wechat.refusesNamed(tok.Value)
			e.store.forces["g_lantian"] = []grant.Force{{At: time.Now().Add(-29 * time.Second)}}
		}, 1, 0, 1, 0, errStillKept},
		{"probe lost", func(e *env, _ Token) {
			e.wechat.setProbing(func() (bool, error) { return false, lost() })
		}, 1, 0, 1, 1, nil},
		{"probe lost, dead", func(e *env, _ Token) {
			e.wechat.forgets()
			e.wechat.setProbing(func() (bool, error) { return false, lost() })
		}, 1, 0, 1, 2, nil},
		{"probe lost, dead and named", func(e *env, tok Token) {
			e.wechat.refusesNamed(tok.Value)
			e.wechat.setProbing(func() (bool, error) { return false, lost() })
		}, 1, 0, 1, 1, nil},
		{"renewal due, alive", func(e *env, _ Token) { time.Sleep(116 * time.Minute) }, 1, 0, 1, 2, nil},
		{"ended", func(*env, Token) { time.Sleep(3 * time.Hour) }, 1, 0, 0, 2, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				tok := e.must()
				tt.prep(e, tok)
				for range 1000 {
					got, err := e.Report(t.Context(), complaint(tok.Generation, 40001))
					if !errors.Is(err, tt.err) || got.Generation != tt.generation {
						t.Fatalf("got generation %d, %v", got.Generation, err)
					}
				}
				asks, forced, probes := e.wechat.count()
				if asks--; asks != tt.asks || forced != tt.forced || probes != tt.probes {
					t.Errorf("%d asks, %d forced, %d probes; want %d, %d, %d", asks, forced, probes, tt.asks, tt.forced, tt.probes)
				}
				if g := e.row(); g.SettledTerm != g.Lease.Term || g.Attempt != 0 {
					t.Errorf("the grant was not left in order: %+v", g)
				}
			})
		})
	}
}

// TestSlowProbe: a probe that hangs leaves room for the ask and the forced
// refresh under the same lease.
func TestSlowProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		old := e.must()
		e.wechat.forgets()
		e.opt.Platform = hangs{e.wechat}
		begin := time.Now()
		tok, err := e.Report(t.Context(), complaint(old.Generation, 42001))
		if err != nil || tok.Generation != 2 || time.Since(begin) > e.opt.Ask {
			t.Errorf("generation %d after %v, %v", tok.Generation, time.Since(begin), err)
		}
	})
}

// hangs never answers a probe.
type hangs struct{ Platform }

func (hangs) Probe(ctx context.Context, _ appT, _ secretT) (bool, error) {
	<-ctx.Done()
	return false, ctx.Err()
}

// TestDeadAfterAlive: a token that dies right after it was proved alive is
// replaced as soon as that verdict is old.
func TestDeadAfterAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		old := e.must()
		if tok, err := e.Report(t.Context(), complaint(old.Generation, 40001)); err != nil || !tok.Value.Equal(old.Value) {
			t.Fatalf("alive: %+v, %v", tok, err)
		}
		e.wechat.forgets()
		time.Sleep(leaveFor(1))
		if tok, err := e.Report(t.Context(), complaint(old.Generation, 40001)); err != nil || tok.Generation != 2 {
			t.Errorf("dead: generation %d, %v", tok.Generation, err)
		}
	})
}

// TestDeadTwice: the token that a report brought may really be dead again.
// From the third time on reports wait.
func TestDeadTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		tok := e.must()
		for want := int64(2); want <= 4; want++ {
			e.wechat.forgets()
			var err error
			if tok, err = e.Report(t.Context(), complaint(tok.Generation, 42001)); err != nil || tok.Generation != want {
				t.Fatalf("generation %d, %v; want %d", tok.Generation, err, want)
			}
		}
		e.wechat.forgets()
		if tok, err := e.Report(t.Context(), complaint(tok.Generation, 42001)); err != nil || tok.Generation != 4 {
			t.Errorf("generation %d, %v; want the same for now", tok.Generation, err)
		}
	})
}

// hostile is one thing that happens in a day with a client that reports
// constantly, right or wrong.
type hostile struct {
	What    string // see event
	Process int
	Code    int
	Pace    time.Duration // of the reports after it
	Wait    time.Duration // until the next event
}

func drawHostile(what ...string) func(*rapid.T) hostile {
	return func(rt *rapid.T) hostile {
		return hostile{
			What:    rapid.SampledFrom(what).Draw(rt, "what"),
			Process: rapid.IntRange(0, 2).Draw(rt, "process"),
			Code:    rapid.SampledFrom([]int{40001, 40014, 42001}).Draw(rt, "errcode"),
			Pace:    rapid.SampledFrom([]time.Duration{2 * time.Minute, 5 * time.Minute}).Draw(rt, "pace"),
			Wait:    time.Duration(rapid.Int64Range(0, int64(20*time.Minute)).Draw(rt, "wait")),
		}
	}
}

// TestHostileDay: a client reports every token it gets, all day long,
// to three processes. While the token lives nothing is forced and
// WeChat is asked as the plan has it.
func TestHostileDay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		list := rapid.SliceOfN(rapid.Custom(drawHostile("report", "restart")), 1, 30).Draw(rt, "history")
		var asks, forced, probes int
		synctest.Test(t, func(t *testing.T) { asks, forced, probes = newHostileWorld(t).day(list).count() })
		if forced != 0 || asks > 16 {
			rt.Fatalf("%d forced refreshes and %d requests in a day with a living token", forced, asks)
		}
		checkProbes(rt, probes, list)
	})
}

// TestHostileDayWithTroubles: tokens die, too, and probes get lost. Whatever
// the client says, a forced refresh meets a dead token only, and a dead token
// is replaced within the longest verdict.
func TestHostileDayWithTroubles(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		list := rapid.SliceOfN(rapid.Custom(drawHostile("report", "restart", "tokens die", "named token dies",
			"probe is lost", "probe is back")), 1, 40).Draw(rt, "history")
		var w *hostileWorld
		synctest.Test(t, func(t *testing.T) { w = newHostileWorld(t); w.day(list) })
		if len(w.witness.faults) > 0 {
			rt.Fatal(w.witness.faults[0])
		}
		asks, forced, probes := w.count()
		if asks > 16+len(list)+probes || forced > 8 {
			rt.Fatalf("%d requests, %d forced refreshes and %d probes in a day", asks, forced, probes)
		}
		checkProbes(rt, probes, list)
	})
}

// checkProbes: each process probes at the pace of its verdicts, which starts
// anew with a generation and with a restart.
func checkProbes(rt *rapid.T, probes int, list []hostile) {
	if most := 3 * (24*60/8 + 5*16 + 5*len(list)); probes > most {
		rt.Fatalf("%d probes in a day, want %d at most", probes, most)
	}
}

// hostileWorld is three processes with a client that reports to all of them.
type hostileWorld struct {
	*world
	*fakeWeChat
	lost bool
	dead map[int]sighting // by process, while the probe answers
}

// sighting is a report of a dead token that did not bring another one.
type sighting struct {
	generation int64
	at         time.Time
}

func newHostileWorld(t testing.TB) *hostileWorld {
	w := &hostileWorld{world: newWorld(t, 5*time.Minute), dead: map[int]sighting{}}
	w.fakeWeChat = w.world.env.wechat
	return w
}

// day lets a day pass: the list's events in its order, reports all the time.
func (w *hostileWorld) day(list []hostile) *fakeWeChat {
	end := time.Now().Add(24 * time.Hour)
	for i := 0; time.Now().Before(end); i++ {
		h := list[i%len(list)]
		if i < len(list) {
			w.event(h)
		}
		for wait := h.Wait; wait >= 0; wait -= h.Pace {
			w.report(h)
			time.Sleep(h.Pace)
		}
	}
	for _, stop := range w.stops {
		stop()
	}
	return w.fakeWeChat
}

func (w *hostileWorld) event(h hostile) {
	switch h.What {
	case "restart":
		w.stops[h.Process]()
		w.start(h.Process)
	case "tokens die":
		w.forgets()
	case "named token dies":
		if kept, err := w.keepers[0].openAccess(w.row()); err == nil {
			w.refusesNamed(kept)
		}
	case "probe is lost":
		w.setProbing(func() (bool, error) { return false, lost() })
		w.lost = true
	case "probe is back":
		w.setProbing(nil)
		w.lost = false
	}
}

// report is what the client does: it takes the token and reports it. A process
// that hears of one dead token again when its longest verdict is over replaces
// it, unless the forced refreshes wait longer.
func (w *hostileWorld) report(h hostile) {
	k, now := w.keepers[h.Process], time.Now()
	tok, err := k.Token(context.Background(), "lantian")
	if err != nil {
		return
	}
	isDead := !w.alive(tok.Value)
	k.Report(context.Background(), complaint(tok.Generation, h.Code))
	if w.lost || len(w.forcesLately(now)) > 1 {
		clear(w.dead)
		return
	}
	if !isDead || w.row().Tokens.Generation != tok.Generation {
		delete(w.dead, h.Process)
		return
	}
	seen, ok := w.dead[h.Process]
	if !ok || seen.generation != tok.Generation {
		w.dead[h.Process] = sighting{tok.Generation, now}
	} else if d := now.Sub(seen.at); d > leaveFor(99) {
		w.witness.note(fmt.Sprintf("a dead token was kept for %v of reports", d))
	}
}

func (w *hostileWorld) alive(token secret.Value) bool {
	w.fakeWeChat.mu.Lock()
	defer w.fakeWeChat.mu.Unlock()
	return w.accepts("app-lantian", token.RevealString())
}

func (w *hostileWorld) forcesLately(now time.Time) []grant.Force {
	list, _ := w.store.ForcedRefreshes(context.Background(), "g_lantian", now.Add(-24*time.Hour))
	return list
}
