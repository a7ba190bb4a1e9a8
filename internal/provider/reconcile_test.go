package provider

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat"
)

var system = audit.Actor{Kind: audit.ActorSystem}

// reconcile compares, and gives the differences by appid.
func (w *world) reconcile(dry bool) (grant.Reconciliation, map[string]grant.Difference) {
	w.t.Helper()
	r, err := w.p.Reconcile(w.t.Context(), "market", system, dry)
	w.must(err)
	found := map[string]grant.Difference{}
	for _, f := range r.Found {
		found[f.AppID] = f.What
	}
	return r, found
}

// change edits what is kept of an account's tokens.
func (w *world) change(appID string, edit func(*grant.Grant)) {
	g := w.grant(appID)
	edit(&g)
	w.store.grants[key{"market", appID}] = g
}

// TestReconcileFinds: each difference is found, and ends in what WeChat has.
func TestReconcileFinds(t *testing.T) {
	drop := func(g *grant.Grant) {
		g.State, g.Cause, g.Tokens = grant.NeedsOwner, grant.CauseInvalid, grant.Tokens{Generation: g.Tokens.Generation + 1}
	}
	for name, tt := range map[string]struct {
		spoil func(w *world)
		want  grant.Difference
		ends  grant.State
	}{
		"all is well":          {func(*world) {}, "", grant.Active},
		"its push was lost":    {func(w *world) { w.forgets(teaAppID) }, grant.FoundUnknown, grant.Active},
		"a push that undid it": {func(w *world) { w.push(unauthorizedPush(t, teaAppID, w.now)) }, grant.FoundReturned, grant.Active},
		"the tokens are lost":  {func(w *world) { w.change(teaAppID, drop) }, grant.FoundLost, grant.Active},
		"another refresh token": {func(w *world) {
			w.change(teaAppID, func(g *grant.Grant) { g.State = grant.NeedsOwner })
			w.wechat.accounts[teaAppID].refresh = "art-2"
		}, grant.FoundLost, grant.Active},
		"the refused one, still": {func(w *world) {
			w.change(teaAppID, func(g *grant.Grant) { g.State, g.UpdatedAt = grant.NeedsOwner, w.now })
		}, grant.FoundUnchanged, grant.NeedsOwner},
		"called withdrawn by mistake": {func(w *world) {
			w.change(teaAppID, func(g *grant.Grant) {
				g.State, g.Cause, g.UpdatedAt = grant.NeedsOwner, grant.CauseUnauthorized, w.now
			})
		}, grant.FoundLost, grant.Active},
		"the grant is gone": {func(w *world) { delete(w.store.grants, key{"market", teaAppID}) }, grant.FoundLost, grant.Active},
		"revoked here": {func(w *world) {
			w.change(teaAppID, func(g *grant.Grant) { g.State, g.UpdatedAt = grant.Revoked, w.now })
		}, grant.FoundRevoked, grant.Revoked},
		"withdrawn, its push lost":   {func(w *world) { w.wechat.accounts[teaAppID].authorised = false }, grant.FoundWithdrawn, grant.NeedsOwner},
		"not listed, but authorised": {func(w *world) { w.unlists() }, grant.FoundUnclear, grant.Active},
		"not listed, and no answer":  {func(w *world) { w.wechat.accounts[teaAppID].authorised = false; w.wechat.err = only("info", lost()) }, grant.FoundUnclear, grant.Active},
		"not listed, and odd answers": {func(w *world) {
			w.wechat.accounts[teaAppID].authorised = false
			w.wechat.err = only("info", refusal(61007))
		}, grant.FoundUnclear, grant.Active},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.arrives(teaAppID)
			w.arrives(riceAppID)
			w.settleAll()
			w.wait(time.Hour)
			tt.spoil(w)
			w.wait(time.Hour)

			writes := w.store.writes
			r, found := w.reconcile(true)
			if found[teaAppID] != tt.want || w.store.writes != writes || !r.DryRun {
				t.Fatalf("a dry run finds %q and writes %d times", found[teaAppID], w.store.writes-writes)
			}
			r, found = w.reconcile(false)
			if found[teaAppID] != tt.want || found[riceAppID] != "" || r.Counts[tt.want] != min(1, len(tt.want)) {
				t.Fatalf("found %v, counts %v", found, r.Counts)
			}
			w.settleAll()
			if got := w.grant(teaAppID).State; got != tt.ends {
				t.Errorf("ends %s, want %s", got, tt.ends)
			}
			if last := w.store.audit[slices.IndexFunc(w.store.audit, func(e audit.Entry) bool { return e.Action == "platform.reconcile" })]; last.Outcome != audit.Done || last.Subject != "app:market" {
				t.Errorf("entry %+v", last)
			}
			if tt.ends == grant.Active && tt.want != grant.FoundUnclear {
				if _, again := w.reconcile(false); len(again) > 0 {
					t.Errorf("a second run finds %v", again)
				}
			}
		})
	}
}

// forgets loses all that is kept of an account.
func (w *world) forgets(appID string) {
	delete(w.store.rows, key{"market", appID})
	delete(w.store.grants, key{"market", appID})
}

// unlists makes the list name all but the first account.
func (w *world) unlists() {
	w.wechat.err = func(call string) error {
		if call == "list" {
			w.wechat.accounts[teaAppID].authorised = false
		} else {
			w.wechat.accounts[teaAppID].authorised = true
		}
		return nil
	}
}

// TestReconcileEndsNothingOnHalfAList: a list that is empty, short or fails proves
// nothing about who is not on it.
func TestReconcileEndsNothingOnHalfAList(t *testing.T) {
	for name, spoil := range map[string]func(w *world){
		"empty": func(w *world) {
			for _, a := range w.wechat.accounts {
				a.authorised = false
			}
		},
		"short": func(w *world) { w.wechat.hide = 1; w.wechat.accounts[teaAppID].authorised = false },
		"fails": func(w *world) { w.wechat.err = only("list", refusal(-1)) },
	} {
		w := newWorld(t)
		w.arrives(teaAppID)
		w.arrives(riceAppID)
		w.arrives("wx00000000000000a3")
		w.settleAll()
		w.wait(time.Hour)
		spoil(w)
		r, err := w.p.Reconcile(t.Context(), "market", system, false)
		if (err != nil) != (name == "fails") || r.Complete || len(r.Found) > 0 {
			t.Errorf("%s: %v, report %+v", name, err, r)
		}
		for _, id := range []string{teaAppID, riceAppID} {
			if w.grant(id).State != grant.Active || w.row(id).State != grant.AuthorizerKept {
				t.Errorf("%s: %s is %s", name, id, w.grant(id).State)
			}
		}
		last := w.store.audit[len(w.store.audit)-1]
		if last.Action != "platform.reconcile" || (last.Outcome == audit.Failed) != (name == "fails") {
			t.Errorf("%s: entry %+v", name, last)
		}
	}
}

// TestReconcileByPages: thousands of shops are compared with one page in memory.
func TestReconcileByPages(t *testing.T) {
	w := newWorld(t)
	w.crowd(1750)
	r, _ := w.reconcile(false)
	if !r.Complete || r.Listed != 1750 || r.Total != 1750 || r.Counts[grant.FoundUnknown] != 1750 || len(r.Found) != grant.MaxFound {
		t.Fatalf("report %d of %d, counts %v, %d told", r.Listed, r.Total, r.Counts, len(r.Found))
	}
	if n := w.wechat.count("list"); n != 4 || w.wechat.most != wechat.MaxAuthorizers || w.wechat.count("info") > 0 {
		t.Errorf("%d pages of %d, %d other questions", n, w.wechat.most, w.wechat.count("info"))
	}
	w.settleAll()
	r, found := w.reconcile(false)
	if len(found) > 0 || r.Kept != 1750 {
		t.Errorf("after the adoption %d differ, %d are kept", len(found), r.Kept)
	}
}

// TestReconcileLosesToWhoeverIsQuicker: a row that changed since it was read stays
// as it was changed, and keeps nothing else of its page from being written.
func TestReconcileLosesToWhoeverIsQuicker(t *testing.T) {
	w := newWorld(t)
	w.authorises(teaAppID)
	w.authorises(riceAppID)
	w.wait(time.Minute)
	push := authorizedPush(t, "authorized", teaAppID, w.now, "code-x")
	effects, err := w.p.Decide(t.Context(), w.app, push, w.now)
	w.must(err)
	once := false
	w.store.fault = func(e grant.Effects) fault {
		if !once && len(e.Authorizers) == 2 {
			once = true
			w.store.apply(effects)
		}
		return fine
	}
	w.reconcile(false)
	if row := w.row(teaAppID); row.Code == nil || row.Version != 1 {
		t.Errorf("the push's row became %+v", row)
	}
	if row := w.row(riceAppID); row.State != grant.AuthorizerNew || row.Cause != "listed" {
		t.Errorf("the other row is %+v", row)
	}
}

func TestReconcileRefuses(t *testing.T) {
	w := newWorld(t)
	for _, app := range []string{"nobody", "mp"} {
		if _, err := w.p.Reconcile(t.Context(), app, system, false); !errors.Is(err, access.ErrNotFound) {
			t.Errorf("%s: %v", app, err)
		}
	}
	w.keeper.err = errors.New("no ticket")
	r, err := w.p.Reconcile(t.Context(), "market", system, false)
	if err == nil || len(w.wechat.calls) > 0 || r.Complete {
		t.Errorf("without a token: %v, calls %v", err, w.wechat.calls)
	}
}

// TestReconcileRenewsItsToken: a run outlives a token.
func TestReconcileRenewsItsToken(t *testing.T) {
	w := newWorld(t)
	w.crowd(600)
	n := 0
	w.wechat.err = func(call string) error {
		if n++; call == "list" && n == 2 {
			return refusal(42001)
		}
		return nil
	}
	r, _ := w.reconcile(false)
	if !r.Complete || r.Listed != 600 || !slices.Equal(w.keeper.refused, []int64{1}) {
		t.Errorf("report %+v, refused %v", r, w.keeper.refused)
	}
}

func TestReconciliationKeepsTheFirst(t *testing.T) {
	var r grant.Reconciliation
	for i := range grant.MaxFound + 5 {
		r.Note(grant.Found{AppID: fmt.Sprint(i), What: grant.FoundLost})
	}
	if diff := cmp.Diff(map[grant.Difference]int{grant.FoundLost: grant.MaxFound + 5}, r.Counts); diff != "" || len(r.Found) != grant.MaxFound || r.Found[0].AppID != "0" {
		t.Errorf("%s, %d kept", diff, len(r.Found))
	}
}
