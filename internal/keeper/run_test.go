package keeper

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// slow ticks keep long stories short.
func slow(o *Options) { o.Tick = 15 * time.Second }

// TestAWeekOfStableTokens: every token is renewed inside its last five
// minutes, once, and there is a valid one at every moment.
func TestAWeekOfStableTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, slow)
		e.wechat.latency = 200 * time.Millisecond
		stop := running(e.Keeper)
		defer stop()
		other := e.another("two", slow)
		stopOther := running(other)
		defer stopOther()
		for range 7 * 24 * 6 {
			time.Sleep(10 * time.Minute)
			for _, k := range []*Keeper{e.Keeper, other} {
				if tok, err := k.Token(t.Context(), "lantian"); err != nil || time.Until(tok.Expires) <= 0 {
					t.Fatalf("no valid token: %v", err)
				}
			}
		}
		// 168 h in lives of 115 to 116 minutes.
		if n := e.wechat.asked(); n < 86 || n > 89 {
			t.Errorf("%d requests in a week, want one for each life", n)
		}
		if told := e.store.told(); len(told) != 0 {
			t.Errorf("notices in a quiet week: %v", told)
		}
		synctest.Wait()
		if n := len(e.store.audit); n != 0 {
			t.Errorf("%d entries besides the routine ones", n)
		}
	})
}

// TestAskedTooEarly: WeChat hands out the token that is kept; the schedule
// learns when to come back, and the generation stays.
func TestAskedTooEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		first := e.must()
		stop := running(e.Keeper)
		defer stop()
		time.Sleep(time.Hour)
		e.Kick("g_lantian")
		time.Sleep(2 * time.Second)
		g := e.row()
		if e.wechat.asked() != 2 || g.Tokens.Generation != first.Generation {
			t.Errorf("%d requests, generation %d", e.wechat.asked(), g.Tokens.Generation)
		}
		if left := first.Expires.Sub(g.DueAt); left > 5*time.Minute+time.Second || left < 4*time.Minute-time.Second {
			t.Errorf("due %v before the end, want four to five minutes", left)
		}
	})
}

// TestThirtyDaysOfAPerson: refreshed while the refresh token lives, three
// reminders, then the owner is needed, once.
func TestThirtyDaysOfAPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, slow)
		delete(e.store.grants, "g_lantian")
		e.addUser("g_user")
		issued := time.Now()
		stop := running(e.Keeper)
		defer stop()
		time.Sleep(29*24*time.Hour + 23*time.Hour)
		tok, err := e.UserToken(t.Context(), "g_user")
		if err != nil {
			t.Fatal(err)
		}
		e.checkDurable(tok)
		g := e.store.row("g_user")
		if !g.Tokens.RefreshIssued.Equal(ms(issued)) {
			t.Error("the thirty days were moved")
		}
		time.Sleep(3 * 24 * time.Hour)
		want := append(slices.Repeat([]string{"grant.expiring"}, 5), "grant.needs_owner")
		if diff := cmp.Diff(want, e.store.told()); diff != "" {
			t.Errorf("notices (-want +got):\n%s", diff)
		}
		synctest.Wait()
		for i, n := range e.store.notices[:3] {
			if at := n.At.Sub(issued); at < reminders[i].after || at > reminders[i].after+time.Minute {
				t.Errorf("reminder %d came after %v", i, at)
			}
		}
		if _, err := e.UserToken(t.Context(), "g_user"); !errors.Is(err, ErrNeedsOwner) {
			t.Errorf("after the end: %v", err)
		}
		asked := e.wechat.asked()
		time.Sleep(24 * time.Hour)
		if e.wechat.asked() != asked {
			t.Error("a dead grant is still asked for")
		}
	})
}

// TestStoppedToldOnceAndHealed walks a grant through trouble and back.
func TestStoppedToldOnceAndHealed(t *testing.T) {
	tests := []struct {
		name    string
		answers []error // one after another, the last one until it is mended
		want    []notice.Kind
	}{
		{"one cause", []error{refused(40164)}, []notice.Kind{notice.GrantStopped, notice.GrantHealed}},
		{"with an outage between", []error{refused(40164), lost(), refused(-1), refused(40164)},
			[]notice.Kind{notice.GrantStopped, notice.GrantHealed}},
		{"two causes", []error{refused(40164), refused(40243)},
			[]notice.Kind{notice.GrantStopped, notice.GrantStopped, notice.GrantHealed}},
		{"an outage", []error{lost()}, []notice.Kind{notice.GrantFailing, notice.GrantHealed}},
		{"a code nobody knows", []error{refused(987654)}, []notice.Kind{notice.GrantFailing, notice.GrantHealed}},
		{"day limit", []error{refused(45009)}, []notice.Kind{notice.GrantFailing, notice.GrantHealed}},
		{"a short outage", []error{refused(-1), refused(-1), nil}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, slow)
				stop := running(e.Keeper)
				defer stop()
				e.must()
				base := e.wechat.asked()
				e.wechat.setNext(func(a ask) (error, bool) {
					return tt.answers[min(a.n-base, len(tt.answers))-1], false
				})
				time.Sleep(12 * time.Hour)
				g := e.row()
				if tt.want != nil && (g.Tokens.Generation != 1 || g.State == grant.NeedsOwner) {
					t.Errorf("%s, generation %d", g.State, g.Tokens.Generation)
				}
				e.wechat.answer(nil)
				time.Sleep(26 * time.Hour)
				synctest.Wait()
				var got []notice.Kind
				for _, n := range e.store.notices {
					got = append(got, n.Kind)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("notices (-want +got):\n%s", diff)
				}
				if g := e.row(); g.State != grant.Active || g.Attempt != 0 || g.Cause != "" {
					t.Errorf("not healed: %+v", g)
				}
			})
		})
	}
}

// TestKickHealsAtOnce: the operator puts in the right secret and does not wait
// for the plan.
func TestKickHealsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		app := e.store.apps["app-lantian"]
		app.Secret, _ = e.vault.Seal(secret.FromString("an old one"), vault.AppSecret(app.ID, 1))
		e.store.apps[app.ID] = app
		stop := running(e.Keeper)
		defer stop()
		time.Sleep(time.Minute)
		if g := e.row(); g.State != grant.Stopped || g.Cause != "secret_wrong" {
			t.Fatalf("%s, %s", g.State, g.Cause)
		}
		synctest.Wait()
		e.addSecret("lantian", 2)
		e.Kick("g_lantian")
		time.Sleep(time.Second)
		e.must()
		if g := e.row(); g.State != grant.Active {
			t.Errorf("%s after the kick", g.State)
		}
	})
}

func (e *env) addSecret(shop string, version int64) {
	e.store.mu.Lock()
	defer e.store.mu.Unlock()
	app := e.store.apps["app-"+shop]
	app.SecretVersion = version
	app.Secret, _ = e.vault.Seal(secret.FromString("app-secret-"+app.ID), vault.AppSecret(app.ID, version))
	e.store.apps[app.ID] = app
}

// TestStoppedIsLookedAtAgain: nobody kicks, the plan comes back by itself, and
// not too often.
func TestStoppedIsLookedAtAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, slow)
		e.wechat.answer(refused(40164))
		stop := running(e.Keeper)
		defer stop()
		time.Sleep(24 * time.Hour)
		if n := e.wechat.asked(); n < 20 || n > 30 {
			t.Errorf("%d requests in a day of being stopped", n)
		}
	})
}

// TestManyDueAtOnce: a thousand overdue shops are caught up with at the pace
// of the budget, and their settles share transactions.
func TestManyDueAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, func(o *Options) { o.Pace, o.Batch, o.Workers = 100, 20, 50 })
		e.wechat.latency = 200 * time.Millisecond
		for i := range 999 {
			e.addShop(fmt.Sprintf("s%04d", i))
		}
		stop := running(e.Keeper)
		defer stop()
		for second := 1; second <= 10; second++ {
			time.Sleep(time.Second)
			if n := e.wechat.asked(); n > 100*second+100 {
				t.Fatalf("%d requests after %d s", n, second)
			}
		}
		time.Sleep(2 * time.Second)
		if n := e.wechat.asked(); n != 1000 {
			t.Errorf("%d requests for 1,000 shops", n)
		}
		synctest.Wait()
		if n := len(e.store.batches); n > 250 || slices.Max(e.store.batches) < 10 {
			t.Errorf("%d settle transactions, the largest of %d", n, slices.Max(e.store.batches))
		}
	})
}

// TestDrain: Run returns only after the refreshes under way are settled.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.wechat.latency = 3 * time.Second
		stop := running(e.Keeper)
		time.Sleep(time.Second)
		stop()
		if g := e.row(); g.Tokens.Generation != 1 || g.SettledTerm != g.Lease.Term {
			t.Errorf("generation %d, term %d of %d settled", g.Tokens.Generation, g.SettledTerm, g.Lease.Term)
		}
	})
}

// TestPoisonedBatch: an item that the store cannot write does not take its
// batch with it.
func TestPoisonedBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.addShop("poison")
		bad := poisoned{e.store}
		e.opt.Store, e.settler.store = bad, bad
		stop := running(e.Keeper)
		defer stop()
		time.Sleep(10 * time.Second)
		if g := e.row(); g.Tokens.Generation != 1 {
			t.Error("a healthy grant was not settled")
		}
	})
}

func TestSnapshotAndStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.addUser("g_user")
		tok := e.must()
		all, err := e.Snapshot(t.Context(), grant.Filter{})
		if err != nil || len(all) != 2 {
			t.Fatalf("%+v, %v", all, err)
		}
		s, err := e.Status(t.Context(), "lantian")
		if err != nil || s.Generation != 1 || s.State != grant.Active || !s.Expires.Equal(ms(tok.Expires)) || s.Refreshing {
			t.Errorf("%+v, %v", s, err)
		}
		if _, err := e.Status(t.Context(), "nobody"); !errors.Is(err, grant.ErrNotFound) {
			t.Errorf("unknown shop: %v", err)
		}
	})
}

// TestAuditOfTrouble: what is not routine brings its own entry, without
// secrets.
func TestAuditOfTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.wechat.answer(&Failure{Code: 40164, RID: "6350ba59-531186f6-55662d08"})
		e.Token(t.Context(), "lantian")
		synctest.Wait()
		if len(e.store.audit) != 1 {
			t.Fatalf("%d entries", len(e.store.audit))
		}
		got := e.store.audit[0]
		got.At = time.Time{}
		want := audit.Entry{
			Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "grant.refresh", Subject: "grant:g_lantian",
			Outcome: audit.Failed, Reason: "ip_not_listed",
			Details: map[string]string{
				"attempt": "1", "cause": "ip_not_listed", "errcode": "40164", "kind": "self",
				"rid": "6350ba59-531186f6-55662d08", "shop": "lantian", "term": "1",
			},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("entry (-want +got):\n%s", diff)
		}
	})
}
