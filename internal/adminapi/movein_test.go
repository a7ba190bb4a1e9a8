package adminapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/movein"
)

const (
	movedAppID   = "wx00000000000000e5"
	movedRefresh = "refreshtoken@@@demo_refresh_0001"
)

// declarePlatform makes a platform that accounts can move to.
func (r *rig) declarePlatform() {
	r.t.Helper()
	r.ask("POST", "/v1/apply", adminapi.Manifest{Apps: []adminapi.ManifestApp{{ID: "platform", Kind: "component",
		AppID: "wx00000000000000c9", Secret: appSecret, CallbackHost: "zhanggui.example.com"}}}, nil)
}

func TestMoveAccounts(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.declarePlatform()
	account := adminapi.AccountBody{AppID: movedAppID, RefreshToken: movedRefresh, Shop: "moved", Tenant: "moved", Name: "搬来的店"}
	var done struct{ Items []movein.Result }
	r.ask("POST", "/v1/apps/platform/import", adminapi.ImportBody{Accounts: []adminapi.AccountBody{account}, Hold: true}, &done)
	if diff := cmp.Diff([]movein.Result{{AppID: movedAppID, Shop: "moved", Outcome: movein.Imported}}, done.Items); diff != "" {
		t.Error(diff)
	}
	grants := list[adminapi.GrantView](r, "/v1/grants?shop=moved")
	if len(grants) != 1 || grants[0].State != "held" || grants[0].Kind != "isv" {
		t.Fatalf("grants: %+v", grants)
	}
	var handed movein.Handed
	r.ask("POST", "/v1/apps/platform/mode", map[string]string{"mode": "lead"}, &handed)
	var g adminapi.GrantView
	r.ask("POST", "/v1/grants/"+grants[0].ID+"/mode", map[string]string{"mode": "hold"}, &g)
	if handed.Moved != 1 || g.State != "held" {
		t.Errorf("handed %+v, then %s", handed, g.State)
	}
	var page adminapi.ExportView
	r.ask("POST", "/v1/apps/platform/export", map[string]string{}, &page)
	if diff := cmp.Diff(adminapi.ExportView{Items: []adminapi.AccountBody{account}}, page); diff != "" {
		t.Error(diff)
	}
}

func TestMoveAccountsRefuses(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.declare()
	r.declarePlatform()
	self := list[adminapi.GrantView](r, "/v1/grants?kind=self")[0].ID
	many := adminapi.ImportBody{Accounts: make([]adminapi.AccountBody, movein.MaxBatch+1)}
	for i := range many.Accounts {
		many.Accounts[i] = adminapi.AccountBody{AppID: fmt.Sprintf("wx%016x", i), RefreshToken: movedRefresh}
	}
	for _, c := range []struct {
		path string
		in   any
		want int
	}{
		{"/v1/apps/nobody/import", adminapi.ImportBody{Accounts: []adminapi.AccountBody{}}, http.StatusNotFound},
		{"/v1/apps/fuwuhao/export", map[string]string{}, http.StatusNotFound},
		{"/v1/apps/platform/import", many, http.StatusUnprocessableEntity},
		{"/v1/apps/platform/mode", map[string]string{"mode": "sell"}, http.StatusUnprocessableEntity},
		{"/v1/grants/" + self + "/mode", map[string]string{"mode": "follow"}, http.StatusUnprocessableEntity},
		{"/v1/grants/g_nobody/mode", map[string]string{"mode": "hold"}, http.StatusNotFound},
		{"/v1/grants/" + self + "/mode", map[string]string{"mode": "hold"}, http.StatusUnprocessableEntity},
	} {
		if rec := r.say("POST", c.path, c.in); rec.Code != c.want || strings.Contains(rec.Body.String(), movedRefresh) {
			t.Errorf("POST %s: %d %s, want %d", c.path, rec.Code, rec.Body, c.want)
		}
	}
	admin := audit.Actor{Kind: audit.ActorAdmin, ID: "a_0001"}
	if rec := r.raw(admin, "POST", "/v1/apps/platform/export", "application/json", "{}"); rec.Code != http.StatusForbidden {
		t.Errorf("an administrator's key exports: %d %s", rec.Code, rec.Body)
	}
}
