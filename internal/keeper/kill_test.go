package keeper

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// forced lists the times of the forced requests.
func (w *fakeWeChat) forced() (at []time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.asks {
		if a.force {
			at = append(at, a.at)
		}
	}
	return at
}

// actions counts the audit entries of one action.
func (s *memStore) actions(action string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, e := range s.audit {
		if e.Action == action {
			n++
		}
	}
	return n
}

// TestKill: a revocation that kills ends every token that may live at WeChat,
// with two forced refreshes that WeChat cannot take for one.
func TestKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		tok := e.must()
		stop := running(e.Keeper)
		defer stop()
		e.store.kill("g_lantian")
		e.Forget("g_lantian")
		if _, err := e.Token(t.Context(), "lantian"); !final(err) {
			t.Fatalf("a call after the revocation: %v", err)
		}
		time.Sleep(3 * time.Second)
		if g := e.row(); g.Kills != 1 || g.State != grant.Revoked || len(g.Tokens.Access) != 0 {
			t.Errorf("after the first: owes %d, %s", g.Kills, g.State)
		}
		between := e.wechat.named("app-lantian")
		if between == tok.Value.RevealString() {
			t.Error("the first forced refresh changed nothing")
		}
		time.Sleep(time.Minute)
		forced := e.wechat.forced()
		if len(forced) != 2 || forced[1].Sub(forced[0]) < forcesApart {
			t.Errorf("forced refreshes at %v", forced)
		}
		if e.wechat.named("app-lantian") == between {
			t.Error("the second forced refresh changed nothing")
		}
		g := e.row()
		if g.Kills != 0 || !g.DueAt.IsZero() || g.State != grant.Revoked || g.Cause != "sold" || len(g.Tokens.Access) != 0 {
			t.Errorf("afterwards: %+v", g)
		}
		if diff := cmp.Diff([]string{"grant.killed"}, e.store.told()); diff != "" {
			t.Error(diff)
		}
		if n, m := e.store.actions("grant.kill"), e.store.actions("grant.force"); n != 2 || m != 2 {
			t.Errorf("%d entries of kills and %d of forced refreshes", n, m)
		}
		asked := e.wechat.asked()
		time.Sleep(24 * time.Hour)
		if e.wechat.asked() != asked {
			t.Error("a killed grant is still asked for")
		}
	})
}

// named is the token that WeChat names for an app.
func (w *fakeWeChat) named(app string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stable[app].value
}

// TestKillInTrouble: what WeChat or the ledger refuses is still owed, and told
// once; when the trouble is over, the rest is spent.
func TestKillInTrouble(t *testing.T) {
	tests := []struct {
		name   string
		begin  func(e *env)
		lasts  time.Duration
		forced int      // requests during the trouble, at most
		told   []string // during it
	}{
		{"our address is not listed", func(e *env) { e.wechat.answer(refused(40164)) }, 5 * time.Hour, 15, []string{"grant.not_killed"}},
		{"WeChat is busy for a moment", func(e *env) { e.wechat.answer(refused(-1)) }, 2 * time.Minute, 6, nil},
		{"WeChat is gone for long", func(e *env) { e.wechat.answer(lost()) }, 3 * time.Hour, 25, []string{"grant.not_killed"}},
		{"the ledger is empty", func(e *env) {
			for i := range forcesPerDay {
				at := time.Now().Add(-time.Duration(forcesPerDay-i) * time.Hour)
				e.store.forces["g_lantian"] = append(e.store.forces["g_lantian"], grant.Force{At: at, By: ByOperator})
			}
		}, 3 * time.Hour, 0, []string{"grant.not_killed"}},
		{"a forced refresh was spent just now", func(e *env) {
			e.store.forces["g_lantian"] = []grant.Force{{At: time.Now(), By: ByClient("erp")}}
		}, 20 * time.Second, 0, nil},
		{"the AppSecret cannot be read", func(e *env) {
			e.store.apps["app-lantian"] = access.App{ID: "app-lantian", Secret: []byte("from another row")}
		}, 3 * time.Hour, 0, []string{"grant.not_killed"}},
		{"the ledger does not answer", func(e *env) {
			e.store.setFault(func(op string) fault {
				if op == "SpendForce" {
					return failed
				}
				return fine
			})
		}, 10 * time.Minute, 0, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, slow)
				e.must()
				tt.begin(e)
				e.store.kill("g_lantian")
				stop := running(e.Keeper)
				defer stop()
				time.Sleep(tt.lasts)
				synctest.Wait()
				if g := e.row(); g.Kills != grant.Kills || g.DueAt.IsZero() || g.State != grant.Revoked {
					t.Errorf("during the trouble: owes %d, due %v, %s", g.Kills, g.DueAt, g.State)
				}
				if n := len(e.wechat.forced()); n > tt.forced {
					t.Errorf("%d forced requests during the trouble", n)
				}
				if diff := cmp.Diff(tt.told, e.store.told()); diff != "" {
					t.Errorf("told (-want +got):\n%s", diff)
				}
				e.wechat.answer(nil)
				e.store.setFault(nil)
				e.addSecret("lantian", 2)
				time.Sleep(26 * time.Hour)
				if g := e.row(); g.Kills != 0 || !slices.Contains(e.store.told(), "grant.killed") {
					t.Errorf("after the trouble: owes %d, told %v", g.Kills, e.store.told())
				}
				for id, list := range e.store.forces {
					checkBudget(t, id, list)
				}
			})
		})
	}
}

// checkBudget: never more than 20 in any 24 hours, never two within 30 seconds.
func checkBudget(t interface {
	Helper()
	Errorf(string, ...any)
}, id string, list []grant.Force) {
	t.Helper()
	for i := range list {
		if i > 0 && list[i].At.Sub(list[i-1].At) < forcesApart {
			t.Errorf("%s: forced refreshes %v apart", id, list[i].At.Sub(list[i-1].At))
		}
		if i >= forcesPerDay && list[i].At.Sub(list[i-forcesPerDay].At) < day {
			t.Errorf("%s: %d forced refreshes within %v", id, forcesPerDay+1, list[i].At.Sub(list[i-forcesPerDay].At))
		}
	}
}

// TestKillCrashes: a process dies at each step of a kill; another one finishes
// it, and WeChat has ended two tokens at least.
func TestKillCrashes(t *testing.T) {
	for _, at := range []Step{StepClaim, StepForce, StepAsk, StepSettle} {
		for n := 1; n <= grant.Kills; n++ {
			t.Run(string(at), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					e := newEnv(t)
					e.must()
					e.store.kill("g_lantian")
					left := n
					first := e.another("one, which dies", func(o *Options) {
						o.Step = func(s Step) {
							if s == at {
								if left--; left == 0 {
									panic("crash")
								}
							}
						}
					})
					stop := running(first)
					time.Sleep(90 * time.Second)
					stop()
					stop = running(e.another("two"))
					defer stop()
					time.Sleep(5 * time.Minute)
					if g := e.row(); g.Kills != 0 || g.State != grant.Revoked {
						t.Errorf("owes %d, %s", g.Kills, g.State)
					}
					forced := e.wechat.forced()
					if len(forced) < grant.Kills || len(forced) > grant.Kills+1 {
						t.Errorf("%d forced refreshes", len(forced))
					}
					checkBudget(t, "g_lantian", e.store.forces["g_lantian"])
					if n := e.store.entries(audit.Unknown); at != StepSettle && n != 1 {
						t.Errorf("%d outcomes recorded as unknown, want 1", n)
					}
					if diff := cmp.Diff([]string{"grant.killed"}, e.store.told()); diff != "" {
						t.Error(diff)
					}
				})
			})
		}
	}
}

// TestKillSparesTheBudget: however long WeChat is gone, a kill that waits for it
// leaves the day's forced refreshes alone.
func TestKillSparesTheBudget(t *testing.T) {
	for name, weather := range map[string]error{"not sent": notSent(), "no answer": lost(), "not listed": refused(40164)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, slow)
				e.must()
				e.wechat.answer(weather)
				e.store.kill("g_lantian")
				stop := running(e.Keeper)
				defer stop()
				time.Sleep(12 * time.Hour)
				spent, err := e.store.ForcedRefreshes(t.Context(), "g_lantian", time.Time{})
				if err != nil || len(spent) > 1 {
					t.Errorf("%d forced refreshes were spent on WeChat's absence (%v)", len(spent), err)
				}
				e.wechat.answer(nil)
				time.Sleep(3 * time.Hour)
				if g := e.row(); g.Kills != 0 {
					t.Errorf("owes %d after WeChat is back", g.Kills)
				}
			})
		})
	}
}
