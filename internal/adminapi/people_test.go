package adminapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// TestTransfer: the server's command is a notice of a day, and waits alone.
func TestTransfer(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.declare()
	r.login(1, nil)
	r.login(2, nil)
	const all = "/v1/tenants/lantian/transfers"
	r.ask("POST", "/v1/tenants/lantian/members", adminapi.NewMember{Person: "p_0001", Role: "owner"}, nil)
	for _, in := range []map[string]string{{"to": "p_none"}, {"to": "p_0001", "from": "p_0002"}} {
		r.refuses("POST", all, in, http.StatusUnprocessableEntity, "parties")
	}
	r.refuses("POST", all, map[string]string{"to": "p_0002", "shop": "none"}, http.StatusUnprocessableEntity, "shop-unknown")
	var made adminapi.TransferView
	r.ask("POST", all, map[string]string{"to": "p_0002", "from": "p_0001"}, &made)
	if made.State != "noticed" || made.Due == nil || !made.Due.Equal(epoch.Add(24*time.Hour)) || made.By != "operator" {
		t.Errorf("made %+v", made)
	}
	r.recorded("transfer.notice", "transfer:"+made.ID)
	r.refuses("POST", all, map[string]string{"to": "p_0002"}, http.StatusConflict, "transfer-waits")
	if got := list[adminapi.TransferView](r, all); len(got) != 1 || got[0].ID != made.ID {
		t.Errorf("listed %+v", got)
	}
	r.ask("POST", "/v1/transfers/"+made.ID+"/stop", nil, nil)
	r.recorded("transfer.stop", "transfer:"+made.ID)
	r.refuses("POST", "/v1/transfers/"+made.ID+"/stop", nil, http.StatusConflict, "transfer-gone")
	r.refuses("POST", "/v1/transfers/none/stop", nil, http.StatusNotFound, "not-found")
	r.refuses("GET", "/v1/tenants/none/transfers", nil, http.StatusNotFound, "not-found")
	r.refuses("DELETE", "/v1/tenants/lantian/members/p_0001", nil, http.StatusConflict, "last-owner")
}

func TestVisits(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.declare()
	var admin adminapi.AdminView
	r.ask("POST", "/v1/admins", map[string]any{"name": "Help", "kind": "support"}, &admin)
	for i, reason := range []string{"ticket 7", "ticket 8"} {
		v := access.NewVisit(admin.ID, "lantian", reason, epoch.Add(time.Duration(i)*time.Minute))
		if err := r.store.StartVisit(t.Context(), v, grant.VisitEffects(v.At, audit.Actor{Kind: audit.ActorAdmin, ID: admin.ID}, v)); err != nil {
			t.Fatal(err)
		}
	}
	got, pages := walk(r, "/v1/tenants/lantian/visits", 1, nil)
	if len(got) != 2 || pages < 2 {
		t.Errorf("%v in %d pages", got, pages)
	}
	if all := list[adminapi.VisitView](r, "/v1/tenants/lantian/visits"); all[0].Reason != "ticket 8" || all[0].Admin != admin.ID {
		t.Errorf("visits %+v", all)
	}
	r.refuses("GET", "/v1/tenants/none/visits", nil, http.StatusNotFound, "not-found")
}

// TestRemap: first what would be, then what is; never two persons as one.
func TestRemap(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.declare()
	r.login(1, nil)
	r.login(2, nil)
	app, err := r.store.Apps(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	path := "/v1/apps/" + app[0].ID + "/openids"
	moves := func(pairs ...string) map[string]any {
		var all []adminapi.RemapMove
		for i := 0; i < len(pairs); i += 2 {
			all = append(all, adminapi.RemapMove{Old: pairs[i], New: pairs[i+1]})
		}
		return map[string]any{"moves": all}
	}
	good := moves("o_demo_owner_0001", "o_demo_moved_0001", "o_demo_nobody", "o_demo_moved_0002")
	var out adminapi.RemapView
	r.ask("POST", path+"?dry_run=true", good, &out)
	if out.Moved != 1 || len(out.Unknown) != 1 || out.Applied {
		t.Errorf("a dry run says %+v", out)
	}
	if _, err := r.store.Identity(t.Context(), app[0].ID, "o_demo_owner_0001"); err != nil {
		t.Fatal("a dry run did something")
	}
	r.ask("POST", path, moves("o_demo_owner_0001", "o_demo_owner_0002"), &out)
	if len(out.Collisions) != 1 || out.Applied {
		t.Errorf("a collision says %+v", out)
	}
	r.ask("POST", path, good, &out)
	if out.Moved != 1 || !out.Applied {
		t.Errorf("done says %+v", out)
	}
	r.recorded("identity.remap", "app:"+app[0].ID)
	if id, err := r.store.Identity(t.Context(), app[0].ID, "o_demo_moved_0001"); err != nil || id.PersonID != "p_0001" {
		t.Errorf("%+v, %v", id, err)
	}
	r.refuses("POST", "/v1/apps/none/openids", good, http.StatusNotFound, "not-found")
	r.refuses("POST", path, map[string]any{"moves": []any{}}, http.StatusUnprocessableEntity, "input")
}

// TestKindsOfStaff: support reads, an auditor reads the log, and neither changes.
func TestKindsOfStaff(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.declare()
	ask := func(k access.StaffKind, method, path string) int {
		req := httptest.NewRequest(method, path, strings.NewReader("{}"))
		req.Header.Set("Content-Type", "application/json")
		ctx := adminapi.WithActor(req.Context(), audit.Actor{Kind: audit.ActorAdmin, ID: "a_1"})
		rec := httptest.NewRecorder()
		r.handler.ServeHTTP(rec, req.WithContext(adminapi.WithStaff(ctx, k)))
		return rec.Code
	}
	for _, c := range []struct {
		kind         access.StaffKind
		method, path string
		refused      bool
	}{
		{"", "GET", "/v1/shops", false},
		{access.StaffAdmin, "POST", "/v1/audit/checkpoint", false},
		{access.StaffSupport, "GET", "/v1/shops", false},
		{access.StaffSupport, "GET", "/v1/audit", false},
		{access.StaffSupport, "GET", "/v1/shops/lantian/events", true},
		{access.StaffSupport, "GET", "/v1/people", true},
		{access.StaffSupport, "GET", "/v1/people/p_1", true},
		{access.StaffSupport, "GET", "/v1/sessions", true},
		{access.StaffSupport, "GET", "/v1/tenants/lantian/members", true},
		{access.StaffSupport, "GET", "/v1/tenants", false},
		{access.StaffSupport, "POST", "/v1/admins", true},
		{access.StaffSupport, "DELETE", "/v1/tenants/lantian", true},
		{access.StaffAuditor, "GET", "/v1/audit", false},
		{access.StaffAuditor, "GET", "/v1/audit/head", false},
		{access.StaffAuditor, "GET", "/v1/shops", true},
		{access.StaffAuditor, "POST", "/v1/apply", true},
		{"emperor", "GET", "/v1/shops", true},
	} {
		if got := ask(c.kind, c.method, c.path); (got == http.StatusForbidden) != c.refused {
			t.Errorf("%q %s %s: %d", c.kind, c.method, c.path, got)
		}
	}
}
