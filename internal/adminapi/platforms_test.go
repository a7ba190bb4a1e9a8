package adminapi_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// market declares a platform, and an account that authorised it and bought.
func (r *rig) market() {
	r.t.Helper()
	m := adminapi.Manifest{
		Apps: []adminapi.ManifestApp{{ID: "market", Kind: "component", AppID: "wx00000000000000c0", Name: "掌上订单", Secret: appSecret,
			CallbackHost: "zhanggui.example.com", Services: []adminapi.ManifestService{{ID: "erp", ServiceID: "1234567890123", Name: "订单管家", Role: "operator"}}}},
	}
	r.ask("POST", "/v1/apply", m, nil)
	err := r.store.Authorise(r.t.Context(), grant.Effects{
		At: epoch,
		Open: &grant.Opening{Tenant: access.Tenant{ID: "tea", Name: "茶铺"},
			Shop: access.Shop{ID: "tea", TenantID: "tea", App: "market", AppID: "wx00000000000000a1", Name: "茶铺"}},
		Authorizers: []grant.Authorizer{
			{App: "market", AppID: "wx00000000000000a1", State: grant.AuthorizerKept, Account: grant.AccountShop, ShopID: "tea"},
			{App: "market", AppID: "wx00000000000000a2", State: grant.AuthorizerForeign},
		},
		Ticket:    &grant.Ticket{App: "market", CreatedAt: epoch.Add(-time.Minute), Value: []byte("sealed"), SeenAt: epoch},
		Purchases: []access.Purchase{{App: "market", Service: "erp", AppID: "wx00000000000000a1", Spec: "standard", OrderID: "9007199254740993", PaidUntil: epoch.AddDate(1, 0, 0), SeenAt: epoch}},
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

func TestPlatforms(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if got := list[adminapi.PlatformView](r, "/v1/platforms"); len(got) != 0 {
		t.Errorf("without a platform there are %v", got)
	}
	r.market()
	got := list[adminapi.PlatformView](r, "/v1/platforms")
	if len(got) != 1 || got[0].Grant == nil || got[0].Grant.Kind != "component" {
		t.Fatalf("platforms %+v", got)
	}
	got[0].Grant = nil
	want := adminapi.PlatformView{App: "market", AppID: "wx00000000000000c0", Name: "掌上订单", TicketAt: &epoch, Authorizers: map[string]int{"kept": 1, "foreign": 1}}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("platform (-want +got):\n%s", diff)
	}
}

func TestAccountLink(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.market()
	var got adminapi.LinkView
	r.ask("POST", "/v1/apps/market/links", map[string]any{"kind": "mini", "sets": []int64{17, 18}}, &got)
	want := adminapi.LinkView{ID: got.ID, App: "market", Kind: "mini", Sets: []int64{17, 18}, Expires: epoch.Add(30 * time.Minute),
		Link: "https://zhanggui.example.com/link/" + got.ID + "?mini[17 18]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("link (-want +got):\n%s", diff)
	}
	r.ask("POST", "/v1/apps/market/links", map[string]any{"appid": "wx00000000000000b1"}, &got)
	if got.AppID != "wx00000000000000b1" {
		t.Errorf("link %+v", got)
	}
	entries := r.entries()
	last := entries[len(entries)-1]
	if last.Action != "account_link.create" || last.Subject != "account_link:"+got.ID || last.Actor != operator || last.Details["account"] != "wx00000000000000b1" {
		t.Errorf("entry %+v", last)
	}
}

func TestAccountLinkRefuses(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.market()
	for name, tt := range map[string]struct {
		app  string
		body any
		want int
	}{
		"no such app":           {"nobody", map[string]any{}, http.StatusNotFound},
		"a shop":                {"market", map[string]any{"kind": "shop"}, http.StatusUnprocessableEntity},
		"one account of a kind": {"market", map[string]any{"kind": "mini", "appid": "wx00000000000000b1"}, http.StatusUnprocessableEntity},
		"no appid":              {"market", map[string]any{"appid": "gh_0000"}, http.StatusUnprocessableEntity},
		"no set":                {"market", map[string]any{"sets": []int64{-1}}, http.StatusUnprocessableEntity},
	} {
		if rec := r.say("POST", "/v1/apps/"+tt.app+"/links", tt.body); rec.Code != tt.want {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
	}
}

func TestPurchases(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.market()
	got := list[adminapi.PurchaseView](r, "/v1/shops/tea/purchases")
	until := epoch.AddDate(1, 0, 0)
	want := []adminapi.PurchaseView{{App: "market", Service: "erp", Spec: "standard", OrderID: "9007199254740993", PaidUntil: &until, SeenAt: &epoch}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("purchases (-want +got):\n%s", diff)
	}
	if rec := r.say("GET", "/v1/shops/nobody/purchases", nil); rec.Code != http.StatusNotFound {
		t.Errorf("of an unknown shop: %d %s", rec.Code, rec.Body)
	}
}

func TestReconcile(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var got adminapi.ReconciliationView
	r.ask("POST", "/v1/apps/market/reconcile?dry_run=true", nil, &got)
	want := adminapi.ReconciliationView{App: "market", At: epoch, DryRun: true, Complete: true, Total: 3, Listed: 3, Kept: 2,
		Counts: map[string]int{"lost": 1}, Found: []adminapi.FoundView{{AppID: "wx00000000000000a1", Shop: "tea", What: "lost"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if !slices.Equal(r.reconciled, []audit.Actor{operator}) {
		t.Errorf("asked for by %v", r.reconciled)
	}
	if rec := r.say("POST", "/v1/apps/nobody/reconcile", nil); rec.Code != http.StatusNotFound {
		t.Errorf("of an unknown platform: %d %s", rec.Code, rec.Body)
	}
}
