package keeper

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
)

func TestReportHandsOverWhatIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		old := e.must()
		other := e.another("two") // has generation 1 in memory, too
		if _, err := other.Token(t.Context(), "lantian"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1*time.Hour + 58*time.Minute)
		e.Kick("g_lantian")
		stop := running(e.Keeper)
		time.Sleep(2 * time.Second)
		stop()
		asked := e.wechat.asked()
		for _, k := range []*Keeper{e.Keeper, other} {
			tok, err := k.Report(t.Context(), complaint(old.Generation, 42001))
			if err != nil || tok.Generation != 2 {
				t.Errorf("got generation %d, %v; want 2", tok.Generation, err)
			}
		}
		if n := e.wechat.asked() - asked; n != 0 {
			t.Errorf("%d requests for a late report, want none", n)
		}
	})
}

func TestReportOfOtherCodesAsksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		tok := e.must()
		for _, code := range []int{0, -1, 45009, 48001, 61004, 99999} {
			got, err := e.Report(t.Context(), complaint(tok.Generation, code))
			if err != nil || got.Generation != tok.Generation {
				t.Errorf("errcode %d: %+v, %v", code, got, err)
			}
		}
		if n := e.wechat.asked(); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

// TestReportForces: WeChat insists on the token that it refuses, to the probe
// too, so a forced refresh is spent, recorded before it is sent.
func TestReportForces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		old := e.must()
		e.wechat.refusesNamed(old.Value)
		tok, err := e.Report(t.Context(), complaint(old.Generation, 40001))
		if err != nil || tok.Generation != 2 || tok.Value.Equal(old.Value) {
			t.Fatalf("got %+v, %v", tok, err)
		}
		synctest.Wait()
		asks := e.wechat.asks
		if len(asks) != 3 || asks[1].force || !asks[2].force {
			t.Errorf("requests: %+v", asks)
		}
		if n := len(e.store.forces["g_lantian"]); n != 1 {
			t.Errorf("%d forced refreshes recorded, want 1", n)
		}
	})
}

// TestProbeThatLies: when even the probe calls every token dead, callers that
// report all day spend a few forced refreshes at a growing distance.
func TestProbeThatLies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.wechat.setProbing(func() (bool, error) { return true, nil })
		stop := running(e.Keeper)
		defer stop()
		for range 24 * 60 {
			for range 5 {
				tok := e.must()
				if _, err := e.Report(t.Context(), complaint(tok.Generation, 40001)); err != nil && !errors.Is(err, ErrNotYet) {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		forced := e.store.forces["g_lantian"]
		if len(forced) > 8 || len(forced) < 2 {
			t.Errorf("%d forced refreshes in a day", len(forced))
		}
		for i := 1; i < len(forced); i++ {
			if d := forced[i].At.Sub(forced[i-1].At); d < forceWait(i) {
				t.Errorf("forced refresh %d came %v after the one before", i+1, d)
			}
		}
		// One for each verdict that a report waits for, and those of the plan.
		if n := e.wechat.asked(); n > 24*60/8+150 {
			t.Errorf("%d requests in a day", n)
		}
	})
}

// TestForceNeedsItsRecord: without a record in the ledger nothing is forced.
func TestForceNeedsItsRecord(t *testing.T) {
	for _, op := range []string{"ForcedRefreshes", "SpendForce"} {
		t.Run(op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				old := e.must()
				e.wechat.refusesNamed(old.Value)
				e.store.setFault(func(o string) fault {
					if o == op {
						return failed
					}
					return fine
				})
				if _, err := e.Report(t.Context(), complaint(old.Generation, 40001)); !errors.Is(err, ErrNotYet) {
					t.Errorf("got %v", err)
				}
				synctest.Wait()
				for _, a := range e.wechat.asks {
					if a.force {
						t.Error("a forced refresh was sent without a record")
					}
				}
				// Others are still served: WeChat says that it is the valid one.
				if tok := e.must(); tok.Generation != old.Generation {
					t.Errorf("generation %d", tok.Generation)
				}
			})
		})
	}
}

func TestReportWhileStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		tok := e.must()
		e.wechat.answer(refused(40243))
		e.wechat.refusesNamed(tok.Value)
		for range 100 {
			if _, err := e.Report(t.Context(), complaint(tok.Generation, 40001)); !errors.Is(err, ErrStopped) {
				t.Fatalf("got %v", err)
			}
		}
		if n := e.wechat.asked(); n != 2 {
			t.Errorf("%d requests, want 2", n)
		}
		if g := e.row(); g.State != grant.Stopped || g.Cause != "secret_frozen" {
			t.Errorf("%s, %s", g.State, g.Cause)
		}
	})
}
