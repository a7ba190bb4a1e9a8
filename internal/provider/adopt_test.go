package provider

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/wechat/event"
)

// arrives has a shop authorise the platform and the push arrive.
func (w *world) arrives(appID string) *account {
	a := w.authorises(appID)
	w.push(authorizedPush(w.t, event.NameAuthorized, appID, w.now, w.code(appID)))
	return a
}

// only fails calls of one name.
func only(name string, err error) func(string) error {
	return func(call string) error {
		if call == name {
			return err
		}
		return nil
	}
}

// TestAShopIsNamedInOneLine: what is exported can be applied again.
func TestAShopIsNamedInOneLine(t *testing.T) {
	for nick, want := range map[string]string{
		"茶\r\n铺\x1b[31m\u202e": "茶  铺[31m", "\u200b": teaAppID, "": teaAppID, strings.Repeat("茶", 70): strings.Repeat("茶", 64),
		strings.Repeat("🍵", 70): strings.Repeat("🍵", 50),
	} {
		w := newWorld(t)
		w.authorises(teaAppID).info.Name = nick
		w.push(authorizedPush(w.t, event.NameAuthorized, teaAppID, w.now, w.code(teaAppID)))
		w.settleAll()
		shop := w.store.shops[teaAppID]
		if shop.Name != want {
			t.Errorf("%q is named %q, want %q", nick, shop.Name, want)
		}
	}
}

func TestAdoptOpensAShop(t *testing.T) {
	w := newWorld(t)
	w.arrives(teaAppID)
	w.settleAll()
	want := access.Shop{ID: teaAppID, TenantID: teaAppID, App: "market", AppID: teaAppID, Name: "茶铺"}
	if diff := cmp.Diff(want, w.store.shops[teaAppID]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(access.Tenant{ID: teaAppID, Name: "茶铺"}, w.store.tenants[teaAppID]); diff != "" {
		t.Error(diff)
	}
	row := w.row(teaAppID)
	if row.State != grant.AuthorizerKept || row.Account != grant.AccountShop || row.ShopID != teaAppID || row.Code != nil || !row.DueAt.Equal(start.Add(24*time.Hour)) {
		t.Errorf("row %+v", row)
	}
	g := w.grant(teaAppID)
	if g.State != grant.Active || g.Tokens.Generation != 1 || !g.Tokens.AccessExpires.Equal(start.Add(2*time.Hour)) || !g.DueAt.Equal(start.Add(110*time.Minute)) {
		t.Errorf("grant %+v", g)
	}
	if got := w.refresh(teaAppID); got != "art-"+teaAppID {
		t.Errorf("refresh token %s", got)
	}
	if !slices.Equal(w.keeper.changed, []string{g.ID}) {
		t.Errorf("the keeper is told of %v", w.keeper.changed)
	}
	if diff := cmp.Diff([]string{"authorizer.authorized", "authorizer.adopt"}, w.store.actions()); diff != "" {
		t.Error(diff)
	}
}

// TestAdoptFindsTheRefreshToken goes through the ways: the code, WeChat's record of
// the account, the list.
func TestAdoptFindsTheRefreshToken(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil  func(w *world, a *account)
		way    string
		access bool
	}{
		"by the code":             {func(*world, *account) {}, "code", true},
		"the code is unknown":     {func(w *world, _ *account) { clear(w.wechat.codes) }, "info", false},
		"the code's answer lost":  {func(w *world, _ *account) { w.wechat.err = only("exchange", lost()) }, "info", false},
		"the code is over":        {func(w *world, _ *account) { w.wait(11 * time.Minute) }, "info", false},
		"the code is another's":   {func(w *world, _ *account) { w.authorises(riceAppID); w.wechat.codes["code-1"] = riceAppID }, "info", false},
		"only the list has it":    {func(w *world, a *account) { clear(w.wechat.codes); a.shy = true }, "list", false},
		"behind many on the list": {func(w *world, a *account) { clear(w.wechat.codes); a.shy = true; w.crowd(1200) }, "list", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := w.arrives(teaAppID)
			tt.spoil(w, a)
			w.settleAll()
			g := w.grant(teaAppID)
			if g.State != grant.Active || w.refresh(teaAppID) != a.refresh || (len(g.Tokens.Access) > 0) != tt.access {
				t.Fatalf("grant %+v", g)
			}
			if tt.access == slices.Contains(w.keeper.due, g.ID) || !tt.access && !g.DueAt.Equal(w.now) {
				t.Errorf("it is due %v, the keeper is to look at %v", g.DueAt, w.keeper.due)
			}
			adopted := w.store.audit[len(w.store.audit)-1]
			if adopted.Details["way"] != tt.way || len(w.wechat.used) > 1 {
				t.Errorf("way %s, codes sent %v", adopted.Details["way"], w.wechat.used)
			}
		})
	}
}

// crowd makes n accounts that come before the others on the list.
func (w *world) crowd(n int) {
	for i := range n {
		w.authorises("wx0000000000000000"[:18-len(itoa(i))] + itoa(i))
	}
}

func itoa(i int) string {
	s := ""
	for ; i > 0 || s == ""; i /= 10 {
		s = string(rune('0'+i%10)) + s
	}
	return s
}

// TestAdoptSurvivesEveryWrite: each write fails, or lands and its answer is lost.
// The code is never sent twice, and the shop ends up adopted.
func TestAdoptSurvivesEveryWrite(t *testing.T) {
	for n := range 3 {
		for _, what := range []fault{failed, landed} {
			w := newWorld(t)
			w.arrives(teaAppID)
			seen := 0
			w.store.fault = func(grant.Effects) fault {
				if seen++; seen-1 == n {
					return what
				}
				return fine
			}
			for range 6 {
				w.settleAll()
				w.wait(time.Minute)
			}
			if g := w.grant(teaAppID); g.State != grant.Active || w.refresh(teaAppID) != "art-"+teaAppID || w.row(teaAppID).State != grant.AuthorizerKept {
				t.Errorf("write %d, fault %d: grant %s, row %+v", n, what, g.State, w.row(teaAppID))
			}
			if len(w.wechat.used) > 1 {
				t.Errorf("write %d, fault %d: codes sent: %v", n, what, w.wechat.used)
			}
		}
	}
}

// TestAdoptTellsShopsFromOthers: store_info decides, and what is known here counts
// more than an answer that does not say.
func TestAdoptTellsShopsFromOthers(t *testing.T) {
	for name, tt := range map[string]struct {
		kind     Kind
		declared bool
		want     grant.AuthorizerState
		looks    bool // once more by itself
	}{
		"a shop":                         {KindShop, false, grant.AuthorizerKept, true},
		"a mini program":                 {KindOther, false, grant.AuthorizerForeign, false},
		"a declared shop that is none":   {KindOther, true, grant.AuthorizerForeign, false},
		"nobody knows":                   {KindUnknown, false, grant.AuthorizerForeign, true},
		"nobody knows, but it is a shop": {KindUnknown, true, grant.AuthorizerKept, true},
	} {
		w := newWorld(t)
		w.arrives(teaAppID).info.Kind = tt.kind
		if tt.declared {
			w.store.shops[teaAppID] = access.Shop{ID: "tea", TenantID: "lantian", App: "own", AppID: teaAppID}
		}
		w.settleAll()
		row := w.row(teaAppID)
		if row.State != tt.want || row.DueAt.IsZero() == tt.looks {
			t.Errorf("%s: %s, due %v", name, row.State, row.DueAt)
		}
		if foreign := row.State == grant.AuthorizerForeign; foreign && (len(w.store.grants) > 0 || len(w.wechat.used) > 0 || row.Code != nil) {
			t.Errorf("%s: grants %v, codes sent %v", name, w.store.grants, w.wechat.used)
		}
		if tt.declared && tt.want == grant.AuthorizerKept && (w.grant(teaAppID).ShopID != "tea" || w.store.shops[teaAppID].App != "own" || len(w.store.tenants) > 0) {
			t.Errorf("%s: shop %+v, grant of %s", name, w.store.shops[teaAppID], w.grant(teaAppID).ShopID)
		}
	}
}

func TestAdoptOnlyDeclaredShops(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.DeclaredOnly = true })
	w.arrives(teaAppID)
	w.settleAll()
	if row := w.row(teaAppID); row.State != grant.AuthorizerNew || row.Cause != "undeclared" || len(w.store.shops)+len(w.wechat.used) > 0 {
		t.Fatalf("row %+v", row)
	}
	w.store.shops[teaAppID] = access.Shop{ID: "tea", TenantID: "lantian", App: "market", AppID: teaAppID}
	w.wait(time.Hour)
	w.settleAll()
	if g := w.grant(teaAppID); g.State != grant.Active || g.ShopID != "tea" {
		t.Errorf("grant %+v", g)
	}
}

// TestAdoptDeletesNothing: whatever WeChat answers, what is kept stays, and it is
// asked again by the plan.
func TestAdoptDeletesNothing(t *testing.T) {
	for name, err := range map[string]error{
		"busy": refusal(-1), "an unknown errcode": refusal(987654), "no permission": refusal(61007), "not authorised, once": refusal(notAuthorised),
		"an answer that was lost": lost(), "something else": errors.New("odd"),
	} {
		w := newWorld(t)
		w.arrives(teaAppID)
		w.settleAll()
		before := w.grant(teaAppID)
		w.wait(24 * time.Hour)
		w.wechat.err = only("info", err)
		w.settleAll()
		row := w.row(teaAppID)
		if row.State != grant.AuthorizerKept || row.Attempt != 1 || row.Cause == "" || !row.DueAt.Equal(w.now.Add(5*time.Second)) && !row.DueAt.Equal(w.now.Add(time.Hour)) {
			t.Errorf("%s: row %+v", name, row)
		}
		if diff := cmp.Diff(before, w.grant(teaAppID)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		w.wechat.err = nil
		w.wait(time.Hour)
		w.settleAll()
		if row := w.row(teaAppID); row.Attempt != 0 || row.Cause != "" {
			t.Errorf("%s: after it is over: %+v", name, row)
		}
	}
}

// TestAdoptBelievesAtLast: what WeChat denies for hours is withdrawn; somebody is
// told that the adoption has failed before that.
func TestAdoptBelievesAtLast(t *testing.T) {
	w := newWorld(t)
	w.arrives(teaAppID).authorised = false
	begin := w.now
	for w.row(teaAppID).State == grant.AuthorizerNew {
		w.settleAll()
		w.wait(time.Second)
	}
	if took := w.now.Sub(begin); took < 4*time.Hour || took > 5*time.Hour || w.row(teaAppID).State != grant.AuthorizerWithdrawn {
		t.Errorf("%s after %v", w.row(teaAppID).State, took)
	}
	if got := w.store.told(); !slices.Equal(got, []notice.Kind{notice.NotAdopted}) {
		t.Errorf("told %v", got)
	}
}

// TestAdoptNeverDoubtsAKeptShop: what WeChat denies of a shop that is kept is asked
// again for days, and nothing is withdrawn.
func TestAdoptNeverDoubtsAKeptShop(t *testing.T) {
	w := newWorld(t)
	w.arrives(teaAppID)
	w.settleAll()
	w.wechat.err = only("info", refusal(notAuthorised))
	for range 20 {
		w.wait(6 * time.Hour)
		w.settleAll()
	}
	if row := w.row(teaAppID); row.State != grant.AuthorizerKept || row.Attempt < believeAfter || w.grant(teaAppID).State != grant.Active {
		t.Errorf("row %+v, grant %s", row, w.grant(teaAppID).State)
	}
}

// TestAdoptAfterAWithdrawal: the grant that waits for its owner comes back, and
// that is told.
func TestAdoptAfterAWithdrawal(t *testing.T) {
	w := newWorld(t)
	w.arrives(teaAppID)
	w.settleAll()
	first := w.grant(teaAppID)
	w.wait(time.Hour)
	w.wechat.accounts[teaAppID].authorised = false
	w.push(unauthorizedPush(t, teaAppID, w.now))
	w.settleAll()
	w.wait(time.Hour)
	a := w.arrives(teaAppID)
	a.refresh = "art-new"
	w.settleAll()
	if g := w.grant(teaAppID); g.ID != first.ID || g.State != grant.Active || w.refresh(teaAppID) != "art-new" {
		t.Errorf("grant %+v", g)
	}
	if got := w.store.told(); !slices.Equal(got, []notice.Kind{notice.GrantNeedsOwner, notice.GrantHealed}) {
		t.Errorf("told %v", got)
	}
	if n := len(w.store.events); n != 2 || w.store.events[1].Name != "grant.healed" || w.store.events[1].ShopID != teaAppID {
		t.Errorf("events %+v", w.store.events)
	}
}

// TestAdoptDoesNotRestartInVain: the refresh token that WeChat refused is not
// tried again hour for hour.
func TestAdoptDoesNotRestartInVain(t *testing.T) {
	w := newWorld(t)
	w.arrives(teaAppID)
	w.settleAll()
	w.wait(time.Hour)
	g := w.grant(teaAppID)
	g.State, g.Cause, g.UpdatedAt = grant.NeedsOwner, grant.CauseInvalid, w.now
	w.store.grants[key{"market", teaAppID}] = g
	w.wait(24 * time.Hour)
	w.settleAll()
	if row := w.row(teaAppID); w.grant(teaAppID).State != grant.NeedsOwner || row.Cause != "refresh_unchanged" {
		t.Fatalf("grant %s, row %+v", w.grant(teaAppID).State, row)
	}
	w.wechat.accounts[teaAppID].refresh = "art-new"
	w.wait(24 * time.Hour)
	w.settleAll()
	if w.grant(teaAppID).State != grant.Active || w.refresh(teaAppID) != "art-new" {
		t.Errorf("grant %s", w.grant(teaAppID).State)
	}
}

// TestAdoptTellsWhatIsOdd: missing permission sets and odd states of an account are
// told once for each change.
func TestAdoptTellsWhatIsOdd(t *testing.T) {
	w := newWorld(t)
	a := w.arrives(teaAppID)
	a.info.Sets, a.info.Status = []int64{129}, "frozen"
	steps := []struct {
		change func()
		want   []notice.Kind
	}{
		{func() {}, []notice.Kind{notice.SetsMissing, notice.AccountState}},
		{func() {}, nil},
		{func() { a.info.Sets = []int64{129, 130} }, []notice.Kind{notice.SetsMissing}},
		{func() { a.info.Sets = nil }, nil},
		{func() { a.info.Sets, a.info.Status = []int64{129, 130, 131, 138}, "normal" }, nil},
		{func() { a.info.Status = "banned" }, []notice.Kind{notice.AccountState}},
	}
	for i, step := range steps {
		step.change()
		before := len(w.store.told())
		w.settleAll()
		if got := w.store.told()[before:]; !slices.Equal(got, step.want) {
			t.Errorf("look %d: told %v, want %v", i, got, step.want)
		}
		w.wait(24 * time.Hour)
	}
	if first := w.store.notices[0]; first.Details["sets"] != "130 131" || first.Subject != "shop:"+teaAppID {
		t.Errorf("notice %+v", first)
	}
}

func TestAdoptWithoutAPlatform(t *testing.T) {
	w := newWorld(t)
	w.arrives(teaAppID)
	delete(w.store.apps, "market")
	w.settleAll()
	if row := w.row(teaAppID); row.Cause != "no_platform" || !row.DueAt.IsZero() || row.Code != nil {
		t.Errorf("row %+v", row)
	}
}

// TestAdoptWaitsForTheToken: without a platform's token nothing is asked; one that
// WeChat refuses is reported.
func TestAdoptWaitsForTheToken(t *testing.T) {
	w := newWorld(t)
	w.arrives(teaAppID)
	w.keeper.err = errors.New("no ticket")
	w.settleAll()
	if row := w.row(teaAppID); row.Cause != grant.CausePlatform || len(w.wechat.calls) > 0 || row.Code == nil {
		t.Fatalf("row %+v, calls %v", row, w.wechat.calls)
	}
	w.keeper.err, w.wechat.err = nil, only("info", refusal(42001))
	w.wait(time.Minute)
	w.settleAll()
	if !slices.Equal(w.keeper.refused, []int64{1}) || w.row(teaAppID).Code == nil {
		t.Errorf("the keeper is told that %v were refused", w.keeper.refused)
	}
	w.wechat.err = nil
	w.wait(time.Minute)
	w.settleAll()
	if w.grant(teaAppID).State != grant.Active {
		t.Error("the shop is not adopted")
	}
}

// TestNothingSecretIsSaid: codes and refresh tokens are in no entry, notice, event
// or error.
func TestNothingSecretIsSaid(t *testing.T) {
	w := newWorld(t)
	w.arrives(teaAppID)
	w.wechat.err = only("exchange", lost())
	w.settleAll()
	w.wechat.accounts[teaAppID].authorised = false
	w.wait(time.Minute)
	w.push(unauthorizedPush(t, teaAppID, w.now))
	for _, said := range []any{w.store.audit, w.store.notices, w.store.events, w.store.ended} {
		b, err := json.Marshal(said)
		w.must(err)
		text := string(b)
		for _, word := range []string{"code-1", "art-", "aat-", "cat-"} {
			if strings.Contains(text, word) {
				t.Errorf("%q is said in %s", word, text)
			}
		}
	}
}

func TestPurchases(t *testing.T) {
	until := start.AddDate(1, 0, 0)
	for name, tt := range map[string]struct {
		paid, orders []Paid
		want         map[string]access.Purchase
	}{
		"what the buyer has": {[]Paid{{Spec: "standard", Until: until}}, []Paid{{Spec: "old", Until: start}}, map[string]access.Purchase{
			"erp/" + teaAppID + "/standard": {App: "market", Service: "erp", AppID: teaAppID, Spec: "standard", PaidUntil: until, SeenAt: start}}},
		"by the orders, the latest of each": {nil, []Paid{{Spec: "standard", OrderID: "1", Until: start}, {Spec: "standard", OrderID: "2", Until: until}}, map[string]access.Purchase{
			"erp/" + teaAppID + "/standard": {App: "market", Service: "erp", AppID: teaAppID, Spec: "standard", OrderID: "2", PaidUntil: until, SeenAt: start}}},
		"an empty answer deletes nothing": {nil, nil, map[string]access.Purchase{"kept": {Spec: "kept"}}},
	} {
		w := newWorld(t)
		w.store.purchases["kept"] = access.Purchase{Spec: "kept"}
		tt.want["kept"] = access.Purchase{Spec: "kept"}
		w.wechat.paid[teaAppID], w.wechat.orders[teaAppID] = tt.paid, tt.orders
		if _, err := w.p.Purchases(t.Context(), w.app, teaAppID); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, w.store.purchases); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	w := newWorld(t)
	w.wechat.err = only("bought", refusal(48001))
	w.arrives(teaAppID)
	w.settleAll()
	if w.grant(teaAppID).State != grant.Active {
		t.Error("a market that does not answer keeps a shop from being adopted")
	}
	if _, err := w.p.Purchases(t.Context(), w.app, teaAppID); err == nil {
		t.Error("a market that does not answer gives no error")
	}
}

// TestAdoptFetchesWhatAnEventTold: the answer to a code is lost, and the keeper
// renews with the old refresh token before the account is looked at again. The one
// that the event was about is fetched all the same.
func TestAdoptFetchesWhatAnEventTold(t *testing.T) {
	w := newWorld(t)
	w.arrives(teaAppID)
	w.settleAll()
	w.wait(time.Hour)
	w.arrives(teaAppID).refresh = "art-new"
	w.store.fault = func(e grant.Effects) fault {
		if e.Authorise == nil {
			return fine
		}
		w.store.fault = nil
		return failed
	}
	for _, row := range must(w.store.DueAuthorizers(t.Context(), grant.ClaimRequest{Now: w.now, For: time.Minute, Limit: 1})) {
		if err := w.p.adopt(t.Context(), row); err == nil {
			t.Fatal("the write did not fail")
		}
	}
	w.wait(time.Second)
	w.change(teaAppID, func(g *grant.Grant) { g.UpdatedAt = w.now }) // the keeper settled
	w.wait(time.Minute)
	w.settleAll()
	if got := w.refresh(teaAppID); got != "art-new" || w.row(teaAppID).State != grant.AuthorizerKept {
		t.Errorf("kept %q, row %+v", got, w.row(teaAppID))
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestAdoptLeavesHeldGrants: while another system renews, nothing of what happens
// here has it renewed here too; and whoever comes from the market gets in.
func TestAdoptLeavesHeldGrants(t *testing.T) {
	for _, state := range []grant.State{grant.Held, grant.Followed} {
		t.Run(string(state), func(t *testing.T) { adoptElsewhere(t, state) })
	}
}

func adoptElsewhere(t *testing.T, state grant.State) {
	w := newWorld(t)
	w.arrives(teaAppID)
	w.settleAll()
	w.change(teaAppID, func(g *grant.Grant) { g.State, g.DueAt = state, time.Time{} })
	before, codes, asked := w.grant(teaAppID), len(w.wechat.used), w.wechat.count("info")
	w.wait(time.Hour)
	w.arrives(teaAppID)
	w.settleAll()
	w.wait(25 * time.Hour)
	w.settleAll()
	if diff := cmp.Diff(before, w.grant(teaAppID)); diff != "" {
		t.Error(diff)
	}
	if len(w.wechat.used) != codes || w.wechat.count("info") != asked {
		t.Errorf("WeChat was asked: %d codes, %d looks", len(w.wechat.used)-codes, w.wechat.count("info")-asked)
	}
	if row := w.row(teaAppID); row.Code != nil || row.Cause != string(state) || !row.DueAt.After(w.now) {
		t.Errorf("row %+v", row)
	}
	if shop, err := w.p.Enter(t.Context(), "market", teaAppID); err != nil || shop.AppID != teaAppID {
		t.Errorf("enters %+v, %v", shop, err)
	}
}
