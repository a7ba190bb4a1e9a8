package keeper

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// TestProvedOnceADay: every grant of a quiet week is proved each day by one
// read, and they do not all choose the same hour.
func TestProvedOnceADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := manyShops(t, 19, slow)
		for i := range e.store.grants {
			e.store.set(i, func(g *grant.Grant) { g.CreatedAt = time.Now() })
		}
		e.addUser("g_user")
		stop := running(e.Keeper)
		defer stop()
		hours := map[int]bool{}
		for d := range 7 {
			time.Sleep(24 * time.Hour)
			for id := range e.store.grants {
				g := e.store.row(id)
				if age := time.Since(g.Proved); age > 24*time.Hour && d > 0 {
					t.Errorf("day %d: %s was proved %v ago", d, id, age)
				}
				hours[g.Proved.Hour()] = true
			}
		}
		if _, _, probes := e.wechat.count(); probes < 7*21-21 || probes > 10*21 {
			t.Errorf("%d reads in a week of 21 grants", probes)
		}
		if len(hours) < 4 {
			t.Errorf("the proofs are spread over %d hours", len(hours))
		}
		if told := e.store.told(); len(told) != 0 {
			t.Errorf("told %v", told)
		}
	})
}

// TestTrafficProves: a grant whose calls go well needs no read of ours.
func TestTrafficProves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, slow)
		stop := running(e.Keeper)
		defer stop()
		for range 3 * 24 * 2 {
			tok := e.must()
			e.Proved("lantian", tok.Generation)
			e.Proved("lantian", tok.Generation-1) // a late answer to an old token
			e.Proved("nobody", tok.Generation)
			time.Sleep(30 * time.Minute)
		}
		if _, _, probes := e.wechat.count(); probes != 0 {
			t.Errorf("%d reads beside good calls", probes)
		}
		if age := time.Since(e.row().Proved); age > 3*time.Hour {
			t.Errorf("proved %v ago", age)
		}
		tok := e.must()
		if n := testing.AllocsPerRun(100, func() { e.Proved("lantian", tok.Generation) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

// TestDoubts: what a proof finds, day by day, and what is told of it.
func TestDoubts(t *testing.T) {
	dead, alive, unclear := found(true, nil), found(false, nil), found(false, lost())
	tests := []struct {
		name    string
		days    []func() (bool, error)
		doubts  int
		told    []string
		entries int
	}{
		{"one odd answer", []func() (bool, error){dead, alive, alive}, 0, nil, 1},
		{"two in a row", []func() (bool, error){dead, dead}, 24, []string{"grant.doubtful"}, 24},
		{"two in a row, then well", []func() (bool, error){dead, dead, alive}, 0, []string{"grant.doubtful", "grant.healed"}, 24},
		{"nothing is known", []func() (bool, error){unclear, unclear}, 0, nil, 0},
		{"nothing is known in between", []func() (bool, error){dead, unclear}, 12, []string{"grant.doubtful"}, 12},
	}
	for _, tt := range tests {
		for _, kind := range []grant.Kind{grant.Self, grant.User} {
			t.Run(tt.name+"/"+string(kind), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					e := newEnv(t, slow)
					id := "g_lantian"
					if kind == grant.User {
						delete(e.store.grants, id)
						id = "g_user"
						e.addUser(id)
					}
					e.store.set(id, func(g *grant.Grant) { g.CreatedAt = time.Now() })
					stop := running(e.Keeper)
					defer stop()
					time.Sleep(15 * time.Hour)
					for _, finds := range tt.days {
						n := 0
						e.wechat.setProbing(func() (bool, error) {
							if n++; n > 1 && tt.name == "one odd answer" {
								return false, nil
							}
							return finds()
						})
						time.Sleep(24 * time.Hour)
					}
					g := e.store.row(id)
					if g.State != grant.Active || g.Tokens.Generation < 10 {
						t.Errorf("%s, generation %d", g.State, g.Tokens.Generation)
					}
					if (g.Doubts > 0) != (tt.doubts > 0) || tt.doubts > 0 && g.Doubts < 2 {
						t.Errorf("%d doubts, want about %d", g.Doubts, tt.doubts)
					}
					if diff := cmp.Diff(tt.told, e.store.told()); diff != "" {
						t.Errorf("told (-want +got):\n%s", diff)
					}
					if n := e.store.actions("grant.prove"); (n > 0) != (tt.entries > 0) || tt.entries == 1 && n != 1 {
						t.Errorf("%d entries, want about %d", n, tt.entries)
					}
					if n := e.store.entries(audit.Unknown); n != 0 {
						t.Errorf("%d unknown outcomes", n)
					}
				})
			})
		}
	}
}

func found(dead bool, err error) func() (bool, error) {
	return func() (bool, error) { return dead, err }
}

// TestSleep: a grant that nobody uses is not renewed, and the next use wakes it.
func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, slow, func(o *Options) { o.SleepAfter = 72 * time.Hour })
		e.addShop("quiet")
		e.addUser("g_user")
		stop := running(e.Keeper)
		defer stop()
		for range 10 * 24 {
			e.must()
			time.Sleep(time.Hour)
		}
		for _, id := range []string{"g_of-quiet", "g_quiet", "g_user"} {
			if e.store.grants[id] == nil {
				continue
			}
			g := e.store.row(id)
			if g.State != grant.Active || g.Cause != grant.CauseAsleep || time.Now().Before(g.Tokens.AccessExpires) {
				t.Errorf("%s: %s, cause %q, token ends %v", id, g.State, g.Cause, g.Tokens.AccessExpires)
			}
		}
		if due := e.store.row("g_quiet").DueAt; !due.IsZero() {
			t.Errorf("a sleeping shop is due at %v", due)
		}
		if g := e.row(); g.Cause != "" || time.Since(g.Used) > 24*time.Hour {
			t.Errorf("a shop in use: cause %q, used %v ago", g.Cause, time.Since(g.Used))
		}
		if n := e.store.touched["g_lantian"]; n > 2*10+2 {
			t.Errorf("its use was written down %d times in ten days", n)
		}
		asked := e.wechat.asked()
		tok, err := e.Token(t.Context(), "quiet")
		if err != nil || e.wechat.asked() != asked+1 {
			t.Fatalf("woken: %v with %d requests", err, e.wechat.asked()-asked)
		}
		e.checkDurable(tok)
		if _, err := e.UserToken(t.Context(), "g_user"); err != nil {
			t.Errorf("a person's grant woken: %v", err)
		}
		time.Sleep(24 * time.Hour)
		for _, id := range []string{"g_quiet", "g_user"} {
			if g := e.store.row(id); g.Cause != "" || !time.Now().Before(g.Tokens.AccessExpires) {
				t.Errorf("%s the day after it was used: cause %q", id, g.Cause)
			}
		}
		time.Sleep(21 * 24 * time.Hour)
		want := append(slices.Repeat([]string{"grant.expiring"}, 5), "grant.needs_owner")
		if diff := cmp.Diff(want, e.store.told()); diff != "" {
			t.Errorf("a sleeping person's notices (-want +got):\n%s", diff)
		}
	})
}

// TestUseInMemoryKeepsAwake: where no row is read for a token in memory, its
// use keeps the grant awake all the same.
func TestUseInMemoryKeepsAwake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, slow, func(o *Options) { o.SleepAfter, o.Recheck = 48*time.Hour, -1 })
		stop := running(e.Keeper)
		defer stop()
		for range 10 * 24 * 2 {
			e.must()
			time.Sleep(30 * time.Minute)
			if g := e.row(); g.Cause == grant.CauseAsleep {
				t.Fatal("a grant in use fell asleep")
			}
		}
		if n := e.store.touched["g_lantian"]; n > 2*10+2 || n < 10 {
			t.Errorf("its use was written down %d times in ten days", n)
		}
		time.Sleep(4 * 24 * time.Hour)
		if g := e.row(); g.Cause != grant.CauseAsleep {
			t.Errorf("four days without a use: cause %q", g.Cause)
		}
	})
}

// TestNoSleepByDefault: without the option nothing is written down and every
// grant is kept fresh.
func TestNoSleepByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, func(o *Options) { o.Tick = 2 * time.Minute })
		e.must()
		stop := running(e.Keeper)
		defer stop()
		time.Sleep(40 * 24 * time.Hour)
		if g := e.row(); g.Cause != "" || !time.Now().Before(g.Tokens.AccessExpires) || len(e.store.touched) != 0 {
			t.Errorf("cause %q, %d touched", g.Cause, len(e.store.touched))
		}
	})
}

// TestNoSleepInTrouble: a grant whose trouble was told does not fall asleep, which
// would tell that it healed.
func TestNoSleepInTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, slow, func(o *Options) { o.SleepAfter = 48 * time.Hour })
		e.must()
		e.store.set("g_lantian", func(g *grant.Grant) { g.Used = time.Now() })
		stop := running(e.Keeper)
		defer stop()
		time.Sleep(40 * time.Hour)
		e.wechat.answer(refused(-1))
		time.Sleep(10 * time.Hour)
		for _, kind := range e.store.told() {
			if kind == "grant.healed" {
				t.Errorf("told %v while WeChat is still busy", e.store.told())
			}
		}
	})
}

// TestRetriesAreOneDoubt: the tries of one renewal count as one refusal of the
// kept token, however often they fail.
func TestRetriesAreOneDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, slow)
		stop := running(e.Keeper)
		defer stop()
		time.Sleep(24 * time.Hour)
		e.store.set("g_lantian", func(g *grant.Grant) { g.Proved, g.Doubts = time.Now().Add(-23*time.Hour), 0 })
		e.wechat.setProbing(func() (bool, error) { return true, nil })
		e.wechat.answer(refused(-1))
		for range 3 * 60 {
			time.Sleep(time.Minute)
			if g := e.row(); g.Attempt > 3 {
				break
			}
		}
		if g := e.row(); g.Doubts > 1 {
			t.Errorf("%d doubts after %d tries of one renewal, told %v", g.Doubts, g.Attempt, e.store.told())
		}
	})
}
