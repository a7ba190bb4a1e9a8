package keeper

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/zhanggui/zhanggui/internal/grant"
)

// TestForceLedger: who may spend the next forced refresh, and when.
func TestForceLedger(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const hour = time.Hour
	erp, pos, admin := ByClient("erp"), ByClient("pos"), ByAdmin("a_1")
	spent := func(by string, n int, ago time.Duration) (list []grant.Force) {
		for i := range n {
			list = append(list, grant.Force{At: now.Add(-ago + time.Duration(i)*time.Minute), By: by})
		}
		return list
	}
	many := func(n int, ago time.Duration) (list []grant.Force) { // of many programs
		for i := range n {
			list = append(list, spent(ByClient(fmt.Sprint(i)), 1, ago-time.Duration(i)*time.Second)...)
		}
		return list
	}
	tests := []struct {
		name  string
		spent []grant.Force
		by    string
		wait  time.Duration
		why   error
	}{
		{"none yet", nil, erp, 0, nil},
		{"29 s ago", spent(pos, 1, 29*time.Second), erp, time.Second, errTooSoon},
		{"30 s ago", spent(pos, 1, 30*time.Second), erp, 0, nil},
		{"second one a minute ago", append(spent(pos, 1, hour), spent(pos, 1, time.Minute)...), erp, time.Minute, errTooSoon},
		{"an administrator waits for WeChat only", append(spent(pos, 1, hour), spent(pos, 1, time.Minute)...), admin, 0, nil},
		{"but does wait", spent(pos, 1, 20*time.Second), admin, adminGap - 20*time.Second, errTooSoon},
		{"one program's share", spent(erp, 5, 20*hour), erp, 4 * hour, errShareSpent},
		{"another program's", spent(erp, 5, 20*hour), pos, 0, nil},
		{"our own pages have no share", spent(BySystem, 6, 20*hour), BySystem, 0, nil},
		{"all but the administrators'", many(15, 20*hour), erp, 4 * hour, errAdminsOnly},
		{"an administrator has the last five", many(15, 20*hour), admin, 0, nil},
		{"and the admin socket", many(19, 20*hour), ByOperator, 0, nil},
		{"the day is used up", many(20, 20*hour), admin, 4 * hour, errDaySpent},
	}
	for _, tt := range tests {
		at, why := forceAt(tt.spent, tt.by, now)
		if wait := at.Sub(now); wait != tt.wait || !errors.Is(why, tt.why) {
			t.Errorf("%s: wait %v, %v; want %v, %v", tt.name, wait, why, tt.wait, tt.why)
		}
	}
}

// TestForceBudget: whoever asks whenever, no 24 hours hold more than 20, no two
// come within 30 seconds, programs leave five, and no program takes more than
// its share.
func TestForceBudget(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		now := time.Unix(1_800_000_000, 0)
		spenders := []string{ByClient("a"), ByClient("b"), ByClient("c"), ByClient("d"), BySystem, ByAdmin("x"), ByOperator}
		var all []grant.Force
		for range rapid.IntRange(1, 300).Draw(rt, "tries") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(90*time.Minute)).Draw(rt, "wait")))
			by := rapid.SampledFrom(spenders).Draw(rt, "by")
			var lately []grant.Force
			for _, f := range all {
				if !f.At.Before(now.Add(-day)) {
					lately = append(lately, f)
				}
			}
			at, why := forceAt(lately, by, now)
			if (why == nil) != at.Equal(now) {
				rt.Fatalf("may at %v, refused with %v", at, why)
			}
			if why != nil {
				continue
			}
			all = append(all, grant.Force{At: now, By: by})
			checkBudget(rt, "ledger", all)
			if n := len(of(lately, by)); strings.HasPrefix(by, clientMark) && n >= forcesPerClient {
				rt.Fatalf("%s spent %d in a day", by, n+1)
			}
			if !privileged(by) && len(lately) >= forcesPerDay-forcesForAdmins {
				rt.Fatalf("%s spent one of the administrators'", by)
			}
		}
	})
}

// TestRefusedByShare: a program without a share is told so; an administrator's
// report is not silenced by that, and no number of programs makes a storm.
func TestRefusedByShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		tok := e.must()
		e.wechat.refusesNamed(tok.Value)
		for i := range forcesPerClient {
			e.store.forces["g_lantian"] = append(e.store.forces["g_lantian"],
				grant.Force{At: time.Now().Add(-20*time.Hour + time.Duration(i)*time.Hour), By: ByClient("erp")})
		}
		complain := func(by string) (Token, error) {
			c := complaint(tok.Generation, 40001)
			c.By = by
			return e.Report(t.Context(), c)
		}
		for range 100 {
			_, err := complain(ByClient("erp"))
			if !errors.Is(err, errShareSpent) || !errors.Is(err, ErrNotYet) {
				t.Fatalf("a program without a share: %v", err)
			}
		}
		if asks, forced, probes := e.wechat.count(); asks != 2 || forced != 0 || probes != 1 {
			t.Errorf("%d asks, %d forced, %d probes", asks, forced, probes)
		}
		got, err := complain(ByAdmin("a_1"))
		if err != nil || got.Value.Equal(tok.Value) {
			t.Errorf("an administrator: generation %d, %v", got.Generation, err)
		}
		if n := len(of(e.store.forces["g_lantian"], ByAdmin("a_1"))); n != 1 {
			t.Errorf("%d in the ledger for the administrator", n)
		}
	})
}

// TestManyProgramsMakeNoStorm: a thousand programs report a token that cannot be
// forced any more; each costs one probe at most, not one for each report.
func TestManyProgramsMakeNoStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		tok := e.must()
		e.wechat.refusesNamed(tok.Value)
		for i := range forcesPerDay {
			e.store.forces["g_lantian"] = append(e.store.forces["g_lantian"],
				grant.Force{At: time.Now().Add(-20*time.Hour + time.Duration(i)*time.Minute), By: ByClient(fmt.Sprint(i))})
		}
		for i := range 1000 {
			c := complaint(tok.Generation, 40001)
			c.By = ByClient(fmt.Sprint("p", i%50))
			if _, err := e.Report(t.Context(), c); !errors.Is(err, errAdminsOnly) {
				t.Fatalf("got %v", err)
			}
		}
		if _, forced, probes := e.wechat.count(); forced != 0 || probes != 1 {
			t.Errorf("%d forced, %d probes", forced, probes)
		}
	})
}
