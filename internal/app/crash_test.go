package app_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/keeper"
	"github.com/zhanggui/zhanggui/wechatsim"
)

// TestCrashTable is kill -9 of a real server at each step of a refresh, the
// moment the step has landed. The same table with steps that fail, and that
// fail but landed, is TestCrashTable of package keeper.
//
// Each row begins with a shop whose token WeChat calls dead, and a call of a
// program that makes the server find out. The server dies; another one starts
// on its directory; the program calls again.
func TestCrashTable(t *testing.T) {
	t.Parallel()
	rows := []struct {
		step       keeper.Step
		named      bool  // WeChat still names the token that it refuses
		asks       int   // requests for a token in all, by WeChat's ledger
		forced     int   // of them forced
		generation int64 // kept afterwards; 1 was kept before
		unsettled  int   // audit entries that say that an outcome is not known
		waits      bool  // the second server waits for the first one's lease
	}{
		// died at           named  asks  forced  generation  unsettled  waits
		{keeper.StepClaim, false, 1, 0, 2, 1, true},
		{keeper.StepProbe, false, 1, 0, 2, 1, true},
		{keeper.StepAsk, false, 2, 0, 2, 1, true}, // the second answer names the token of the first
		{keeper.StepSeal, false, 2, 0, 2, 1, true},
		{keeper.StepSettle, false, 1, 0, 2, 0, false},
		{keeper.StepForce, true, 2, 0, 1, 1, true}, // it was spent and not sent: none comes within 30 s
	}
	for _, row := range rows {
		t.Run(string(row.step), func(t *testing.T) {
			t.Parallel()
			r := newStoppedRig(t)
			p := r.spawn(hasteVariable + "=1")
			p.ready()
			r.declare()
			p.end() // a kill could leave a refresh unsettled, before the one that is to die
			since := r.lastSeq()
			if row.named {
				r.refuseReads()
			} else if r.sim.KillTokens(r.shopApp(), "") == 0 {
				t.Fatal("no token to kill")
			}
			p = r.spawn(hasteVariable+"=1", dieVariable+"="+string(row.step))
			p.ready()
			began := time.Now()
			if p.tryCall(t.Context()) {
				t.Fatal("the call was answered by a server that should be dead")
			}
			_ = p.cmd.Wait()

			r.sim.ClearFaults()
			p = r.spawn() // at leisure: what it claims, it settles
			p.ready()
			if row.named { // the token is good again, so nothing but the plan looks at it
				r.ask("POST", "/v1/grants/"+r.grant("self").ID+"/kick", nil, nil)
				r.await("the lost outcome", func() bool { return r.count("grant.unsettled") == row.unsettled })
			}
			if status, body := r.call(); status != http.StatusOK {
				t.Fatalf("call after the restart: %d %s", status, body)
			}
			r.await("the last settle", func() bool { return r.asked(since, false) == row.asks })
			if forced := r.asked(since, true); forced != row.forced {
				t.Errorf("%d forced refreshes, want %d", forced, row.forced)
			}
			g := r.grant("self")
			if g.Generation != row.generation || g.State != "active" {
				t.Errorf("generation %d, %s; want %d", g.Generation, g.State, row.generation)
			}
			if n := r.count("grant.unsettled"); n != row.unsettled {
				t.Errorf("%d outcomes recorded as unknown, want %d", n, row.unsettled)
			}
			if again := r.lastAsk(since).Sub(began); row.waits && again < hasteLease {
				t.Errorf("asked again %v after the dead server began, before its lease was over", again)
			}
			p.kill()
			verifies(t, r.dir)
		})
	}
}

// shopApp is the appid of the shop.
func (r *rig) shopApp() string { return r.manifest().Shops[0].AppID }

// refuseReads has the shop's reads refused although its token is the one that
// WeChat names.
func (r *rig) refuseReads() {
	r.t.Helper()
	f := wechatsim.Fault{Path: "/channels/ec/basics/info/get", Kind: wechatsim.FaultErrcode, ErrCode: 40001, Count: -1}
	if _, err := r.sim.AddFault(f); err != nil {
		r.t.Fatal(err)
	}
}

const stableTokenPath = "/cgi-bin/stable_token"

// asked counts the requests for the shop's token in WeChat's ledger: all, or
// the forced ones.
func (r *rig) asked(since int64, forced bool) int {
	n := 0
	for _, e := range r.sim.LedgerSince(since, stableTokenPath) {
		if !forced || strings.Contains(e.RawBody, `"force_refresh":true`) {
			n++
		}
	}
	return n
}

// lastAsk is when WeChat was last asked for the token.
func (r *rig) lastAsk(since int64) time.Time {
	list := r.sim.LedgerSince(since, stableTokenPath)
	if len(list) == 0 {
		return time.Time{}
	}
	return list[len(list)-1].Time
}

// count counts the audit entries of one action.
func (r *rig) count(action string) int {
	r.t.Helper()
	var all struct{ Items []adminapi.RecordView }
	r.ask("GET", "/v1/audit?limit=1000", nil, &all)
	n := 0
	for _, record := range all.Items {
		var e audit.Entry
		if err := json.Unmarshal(record.Entry, &e); err != nil {
			r.t.Fatal(err)
		}
		if e.Action == action {
			n++
		}
	}
	return n
}
