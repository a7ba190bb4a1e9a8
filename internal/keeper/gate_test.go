package keeper

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// manyShops makes a keeper with so many shops beside the demo one.
func manyShops(t testing.TB, n int, change ...func(*Options)) *env {
	e := newEnv(t, change...)
	for i := range n {
		e.addShop(fmt.Sprintf("s%05d", i))
	}
	return e
}

// generations counts the grants that keep a token.
func (e *env) generations() int {
	e.store.mu.Lock()
	defer e.store.mu.Unlock()
	n := 0
	for _, g := range e.store.grants {
		if g.Tokens.Generation > 0 {
			n++
		}
	}
	return n
}

// TestOutage: WeChat is gone for ten minutes while a thousand grants are due.
// It is tried one request at a time, no grant climbs its retry plan, and when
// it is back all are renewed within seconds, at the pace.
func TestOutage(t *testing.T) {
	for name, weather := range map[string]error{"not sent": notSent(), "no answer": lost(), "busy": refused(-1), "malformed": malformed()} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := manyShops(t, 999, func(o *Options) { o.Pace, o.Workers = 500, 200 })
				e.wechat.latency = 50 * time.Millisecond
				e.wechat.answer(weather)
				stop := running(e.Keeper)
				defer stop()
				time.Sleep(time.Second)
				first := e.wechat.asked()
				if first > 200 {
					t.Errorf("%d requests before the gate shut", first)
				}
				time.Sleep(10 * time.Minute)
				if n := e.wechat.asked() - first; n > 35 || n < 15 {
					t.Errorf("%d requests in ten minutes of outage", n)
				}
				if h := e.Health(); h.HeldSince.IsZero() || !h.Degraded() || h.NextTry.IsZero() || h.PlatformCause == "" {
					t.Errorf("health: %+v", h)
				}
				e.wechat.answer(nil)
				healed := time.Now()
				for e.generations() < 1000 && time.Since(healed) < 2*time.Minute {
					time.Sleep(100 * time.Millisecond)
				}
				if d := time.Since(healed); d > 35*time.Second {
					t.Errorf("all were renewed %v after WeChat was back", d)
				}
				if h := e.Health(); h.Degraded() {
					t.Errorf("health after it: %+v", h)
				}
				e.checkPace(t, healed, 500)
			})
		})
	}
}

// checkPace: since a time, no second held more requests than the pace and one
// burst.
func (e *env) checkPace(t *testing.T, since time.Time, pace int) {
	t.Helper()
	e.wechat.mu.Lock()
	defer e.wechat.mu.Unlock()
	seconds := map[time.Duration]int{}
	for _, a := range e.wechat.asks {
		if a.at.After(since) {
			seconds[a.at.Sub(since)/time.Second]++
		}
	}
	for s, n := range seconds {
		if n > pace+100 {
			t.Errorf("%d requests in second %d after the outage", n, s)
		}
	}
}

// TestDemandWhileShut: callers without a valid token are told at once when to
// come back, and others are served; a demanded refresh may be the one that finds
// WeChat back.
func TestDemandWhileShut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := manyShops(t, 20)
		e.must()
		e.wechat.answer(notSent())
		stop := running(e.Keeper)
		time.Sleep(5 * time.Second)
		stop() // from here on only callers ask
		asked := e.wechat.asked()
		begin := time.Now()
		for i := range 1000 {
			_, err := e.Token(t.Context(), fmt.Sprintf("s%05d", i%20))
			ke, ok := errors.AsType[*Error](err)
			if !ok || !errors.Is(err, ErrNotYet) || ke.RetryAfter <= 0 || ke.RetryAfter > probes[len(probes)-1].wait {
				t.Fatalf("got %v", err)
			}
		}
		if n := e.wechat.asked() - asked; n > 1 || time.Since(begin) > time.Second {
			t.Errorf("%d requests in %v for a thousand callers", n, time.Since(begin))
		}
		if tok := e.must(); tok.Generation != 1 {
			t.Errorf("generation %d", tok.Generation)
		}
		e.wechat.answer(nil)
		time.Sleep(time.Minute)
		if _, err := e.Token(t.Context(), "s00003"); err != nil {
			t.Errorf("WeChat is back: %v", err)
		}
		if h := e.Health(); !h.HeldSince.IsZero() {
			t.Errorf("still shut: %+v", h)
		}
	})
}

// severed is a way to WeChat that can be cut.
type severed struct {
	Platform
	cut atomic.Bool
}

func (s *severed) Stable(ctx context.Context, app access.App, key secret.Value, force bool) (Answer, error) {
	if s.cut.Load() {
		return Answer{}, notSent()
	}
	return s.Platform.Stable(ctx, app, key, force)
}

// TestWokenLooksAgain: a replica whose way to WeChat heals does not ask again
// for what another one has renewed meanwhile.
func TestWokenLooksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := manyShops(t, 9)
		way := &severed{Platform: e.wechat}
		way.cut.Store(true)
		other := e.another("r_2", func(o *Options) { o.Platform = way })
		stopOther := running(other)
		defer stopOther()
		time.Sleep(5 * time.Second)
		if h := other.Health(); h.HeldSince.IsZero() {
			t.Fatalf("the gate is open: %+v", h)
		}
		stop := running(e.Keeper)
		defer stop()
		time.Sleep(time.Minute)
		way.cut.Store(false)
		time.Sleep(2 * time.Minute)
		if n := e.generations(); n != 10 || e.wechat.asked() != 10 {
			t.Errorf("%d of 10 grants were renewed with %d requests", n, e.wechat.asked())
		}
		if h := other.Health(); !h.HeldSince.IsZero() {
			t.Errorf("still shut: %+v", h)
		}
	})
}

// TestOneGrantsTroubleShutsNothing: one grant alone that cannot reach WeChat has
// its own plan.
func TestOneGrantsTroubleShutsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := manyShops(t, 50)
		e.wechat.setNext(func(a ask) (error, bool) {
			if a.app == "app-lantian" {
				return lost(), false
			}
			return nil, false
		})
		stop := running(e.Keeper)
		defer stop()
		time.Sleep(10 * time.Minute)
		if h := e.Health(); !h.HeldSince.IsZero() {
			t.Errorf("health: %+v", h)
		}
		if n := e.generations(); n != 50 {
			t.Errorf("%d of 50 healthy grants were renewed", n)
		}
	})
}

// TestOneWayIsShut: a proxy that is gone holds back the grants that use it and no
// others.
func TestOneWayIsShut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := manyShops(t, 40)
		behind := func(i int) string { return fmt.Sprintf("app-s%05d", i) }
		for i := range 20 {
			app := e.store.apps[behind(i)]
			app.Egress = "socks5://127.0.0.1:1"
			e.store.apps[app.ID] = app
		}
		var mended atomic.Bool
		e.wechat.setNext(func(a ask) (error, bool) {
			if !mended.Load() && a.app >= "app-s00000" && a.app < "app-s00020" {
				return notSent(), false
			}
			return nil, false
		})
		stop := running(e.Keeper)
		defer stop()
		time.Sleep(30 * time.Second)
		if n := e.generations(); n != 21 {
			t.Errorf("%d grants were renewed beside the way that is down, want 21", n)
		}
		before := e.wechat.asked()
		time.Sleep(5 * time.Minute)
		if n := e.wechat.asked() - before; n > 25 {
			t.Errorf("%d requests in five minutes on a way that is down", n)
		}
		mended.Store(true)
		time.Sleep(45 * time.Second)
		if n := e.generations(); n != 41 {
			t.Errorf("%d of 41 after it was mended", n)
		}
	})
}

// TestGateLetsOneThrough walks the table of a shut gate.
func TestGateLetsOneThrough(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	s := gates{jitter: most}
	way := routeOf(access.App{Egress: "10.0.0.1"})
	for i := range gateAfter {
		if ticket, wait := s.pass(way, fmt.Sprint(i), now); ticket || wait != 0 {
			t.Fatalf("grant %d: ticket %v, wait %v before the gate shut", i, ticket, wait)
		}
		if shut := s.unreachable(way, fmt.Sprint(i), grant.CauseNotSent, false, now); shut != (i == gateAfter-1) {
			t.Fatalf("grant %d: shut %v", i, shut)
		}
	}
	for n, r := range probes {
		if ticket, wait := s.pass(way, "x", now.Add(r.wait-1)); ticket || wait <= 0 {
			t.Errorf("line %d: let through too early", n+1)
		}
		now = now.Add(r.wait)
		if ticket, _ := s.pass(way, "x", now); !ticket {
			t.Fatalf("line %d: not let through after %v", n+1, r.wait)
		}
		if ticket, wait := s.pass(way, "y", now); ticket || wait == 0 {
			t.Errorf("line %d: two let through", n+1)
		}
		s.unreachable(way, "x", grant.CauseNotSent, true, now)
	}
	if wake := s.answered(way); len(wake) != gateAfter+2 {
		t.Errorf("%d woken, want those that failed or were held back", len(wake))
	}
	if all, _ := s.shut(now); all {
		t.Error("still shut after an answer")
	}
}

// TestTicketComesBack: a probe that never asks leaves the gate usable.
func TestTicketComesBack(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	s := gates{jitter: none}
	for i := range gateAfter {
		s.unreachable("way", fmt.Sprint(i), grant.CauseNotSent, false, now)
	}
	now = now.Add(time.Minute)
	for range 3 {
		if ticket, _ := s.pass("way", "x", now); !ticket {
			t.Fatal("no ticket")
		}
		s.leave("way")
	}
}

// TestRememberedIsBounded: an outage of a million grants is remembered by a few.
func TestRememberedIsBounded(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	s := gates{jitter: none}
	for i := range 10 * mostWoken {
		s.unreachable("way", fmt.Sprint(i), grant.CauseNotSent, false, now)
	}
	if n := len(s.answered("way")); n != mostWoken {
		t.Errorf("%d remembered", n)
	}
}

func TestPaceOfOneApp(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	p := newPace(1_000_000, 100)
	limit := appPer(grant.User)
	for i := range limit {
		if wait := p.start("app", grant.User, false, now); wait != 0 {
			t.Fatalf("request %d waits %v", i+1, wait)
		}
	}
	// What is more gets places in time, at the app's pace.
	places := map[time.Duration]int{}
	for range 10 * limit {
		wait := p.start("app", grant.User, false, now)
		if wait < time.Second {
			t.Fatalf("place after %v", wait)
		}
		places[wait/time.Second]++
	}
	for s, n := range places {
		if n > limit+1 {
			t.Errorf("%d places in second %d", n, s)
		}
	}
	if wait := p.start("app", grant.User, true, now); wait != 0 {
		t.Errorf("a demanded refresh waits %v", wait)
	}
	if wait := p.start("other", grant.User, false, now); wait != 0 {
		t.Errorf("another app waits %v", wait)
	}
	p.close("other", now.Add(10*time.Second))
	if wait := p.start("other", grant.User, true, now); wait != 10*time.Second {
		t.Errorf("a closed app waits %v", wait)
	}
	p.turn(now.Add(time.Minute))
	if len(p.apps) != 0 {
		t.Errorf("%d apps remembered after a minute", len(p.apps))
	}
}

// TestAppLimitsAreKept: a year's worth of due grants of one app stays below what
// WeChat allows, and all get their turn.
func TestAppLimitsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		const persons = 3000
		for i := range persons {
			e.addUser(fmt.Sprintf("g_user_%04d", i))
			e.store.set(fmt.Sprintf("g_user_%04d", i), func(g *grant.Grant) { g.App, g.DueAt = "app-of-g_user_0000", time.Now() })
		}
		begin := time.Now()
		stop := running(e.Keeper)
		time.Sleep(20 * time.Second)
		stop()
		seconds, asks := map[time.Duration]int{}, 0
		for _, a := range e.wechat.asks {
			if a.app == "app-of-g_user_0000" {
				seconds[a.at.Sub(begin)/time.Second]++
				asks++
			}
		}
		if asks != persons {
			t.Errorf("%d of %d were asked for", asks, persons)
		}
		for s, n := range seconds {
			if n > 2*appPer(grant.User) {
				t.Errorf("%d requests of one app in second %d", n, s)
			}
		}
	})
}

// TestLimitClosesTheApp: when WeChat names a limit, nobody else asks for that app
// until it is over.
func TestLimitClosesTheApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		for i := range 500 {
			e.addUser(fmt.Sprintf("g_user_%04d", i))
			e.store.set(fmt.Sprintf("g_user_%04d", i), func(g *grant.Grant) {
				g.App, g.DueAt = "app-of-g_user_0000", time.Now().Add(time.Duration(i)*100*time.Millisecond)
			})
		}
		e.wechat.setNext(func(a ask) (error, bool) {
			if a.app == "app-of-g_user_0000" {
				return refused(45011), false
			}
			return nil, false
		})
		stop := running(e.Keeper)
		defer stop()
		time.Sleep(50 * time.Second)
		if n := e.wechat.asked(); n > 40 { // those of one tick or two, of 500
			t.Errorf("%d requests against a limit", n)
		}
		e.wechat.answer(nil)
		time.Sleep(2 * time.Minute)
		for i := range 500 {
			if g := e.store.row(fmt.Sprintf("g_user_%04d", i)); g.Tokens.Generation != 2 || g.State != grant.Active {
				t.Fatalf("person %d: %s, generation %d", i, g.State, g.Tokens.Generation)
			}
		}
	})
}

// TestDemandDoesNotQueue: a caller is served at once while a backlog of many is
// worked off.
func TestDemandDoesNotQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := manyShops(t, 5000, func(o *Options) { o.Pace = 50 })
		e.wechat.latency = 100 * time.Millisecond
		e.store.set("g_lantian", func(g *grant.Grant) { g.DueAt = time.Now().Add(time.Hour) })
		stop := running(e.Keeper)
		defer stop()
		time.Sleep(3 * time.Second)
		begin := time.Now()
		e.must()
		if d := time.Since(begin); d > 200*time.Millisecond {
			t.Errorf("served after %v", d)
		}
	})
}

// TestTroubleIsForgotten: one lost answer does not count as an outage for ever
// when another replica has renewed what failed here.
func TestTroubleIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.wechat.answer(lost())
		if _, err := e.Token(t.Context(), "lantian"); err == nil {
			t.Fatal("a token out of nothing")
		}
		if !e.Health().Degraded() {
			t.Error("a lost answer does not show")
		}
		e.wechat.answer(nil)
		stop := running(e.another("two"))
		defer stop()
		time.Sleep(forgotten)
		if h := e.Health(); h.Degraded() {
			t.Errorf("health %v later: %+v", forgotten, h)
		}
	})
}
