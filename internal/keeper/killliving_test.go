package keeper

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
)

// oweKills is what the transition OweKills does to a row.
func (s *memStore) oweKills(id string) {
	s.set(id, func(g *grant.Grant) { g.Kills, g.DueAt = grant.Kills, ms(time.Now()) })
}

// TestKillLiving: every token that was out is worthless, and callers have the newest
// all the while.
func TestKillLiving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		stop := running(e.Keeper)
		defer stop()
		out := []Token{e.must()}
		time.Sleep(20 * time.Minute)
		e.store.oweKills("g_lantian")
		for range 100 {
			time.Sleep(time.Second)
			tok := e.must()
			if !e.wechat.takes(tok) { // in the moment between WeChat's answer and its settlement
				time.Sleep(10 * time.Millisecond)
				tok = e.must()
			}
			if !e.wechat.takes(tok) {
				t.Fatalf("generation %d is served, which WeChat refuses", tok.Generation)
			}
			if last := out[len(out)-1]; tok.Generation != last.Generation {
				out = append(out, tok)
			}
		}
		forced := e.wechat.forced()
		if len(out) != 3 || len(forced) != 2 || forced[1].Sub(forced[0]) < forcesApart {
			t.Fatalf("%d tokens were served, forced at %v", len(out), forced)
		}
		for _, tok := range out[:2] {
			if e.wechat.takes(tok) {
				t.Errorf("generation %d lives on", tok.Generation)
			}
		}
		g := e.row()
		if g.Kills != 0 || g.State != grant.Active || time.Until(g.DueAt) < 90*time.Minute {
			t.Errorf("afterwards: owes %d, %s, due in %v", g.Kills, g.State, time.Until(g.DueAt))
		}
		if n, m := e.store.actions("grant.kill"), e.store.actions("grant.force"); n != 2 || m != 2 {
			t.Errorf("%d entries of kills and %d of forced refreshes", n, m)
		}
		asked := e.wechat.asked()
		time.Sleep(time.Hour)
		if e.wechat.asked() != asked {
			t.Error("it goes on after what was owed")
		}
	})
}

// takes tells whether WeChat accepts a token of the demo shop.
func (w *fakeWeChat) takes(tok Token) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.accepts("app-lantian", tok.Value.RevealString())
}

// TestKillLivingInTrouble: what is owed is spent in the end, the shop has a token
// WeChat takes whenever WeChat gives one, and the ledger is never overdrawn.
func TestKillLivingInTrouble(t *testing.T) {
	for name, trouble := range map[string]func(e *env){
		"WeChat is busy": func(e *env) {
			e.wechat.answer(refused(-1))
			time.AfterFunc(3*time.Minute, func() { e.wechat.answer(nil) })
		},
		"answers are lost and landed": func(e *env) {
			e.wechat.setNext(func(a ask) (error, bool) {
				if a.force && a.n%2 == 0 {
					return lost(), true
				}
				return nil, false
			})
		},
		"the ledger is empty": func(e *env) {
			for i := range forcesPerDay {
				at := time.Now().Add(-time.Duration(forcesPerDay-i) * time.Hour)
				e.store.forces["g_lantian"] = append(e.store.forces["g_lantian"], grant.Force{At: at, By: ByOperator})
			}
		},
		"a process ends between the two": func(e *env) {
			done := 0
			e.store.setFault(func(op string) fault {
				if op == "Settle" && e.store.grants["g_lantian"].Kills > 0 {
					if done++; done == 1 {
						return landed4Sure
					}
				}
				return fine
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				stop := running(e.Keeper)
				e.must()
				time.Sleep(10 * time.Minute)
				trouble(e)
				e.store.oweKills("g_lantian")
				time.Sleep(30 * time.Second)
				stop()
				two := e.another("two")
				stop = running(two)
				defer stop()
				time.Sleep(5 * time.Hour)
				if g := e.row(); g.Kills != 0 || g.State != grant.Active {
					t.Errorf("owes %d, %s", g.Kills, g.State)
				}
				if tok, err := two.Token(t.Context(), "lantian"); err != nil || !e.wechat.takes(tok) {
					t.Errorf("no token that WeChat takes: %v", err)
				}
				if n := len(e.wechat.forced()); n < 2 || n > 6 {
					t.Errorf("%d forced refreshes", n)
				}
			})
		})
	}
}
