package adminapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/audit"
)

// code is what a refusal is called by programs, with its problems.
func code(t *testing.T, body string) (string, []string) {
	t.Helper()
	var p struct {
		Code     string
		Problems []string
	}
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return p.Code, p.Problems
}

// refuses sends what must be refused, and wants nothing to be written down.
func (r *rig) refuses(method, path string, in any, status int, want string) []string {
	r.t.Helper()
	before := len(r.entries())
	rec := r.say(method, path, in)
	got, problems := code(r.t, rec.Body.String())
	if rec.Code != status || got != want || len(r.entries()) != before {
		r.t.Errorf("%s %s: %d %s after %d entries, want %d %s and none", method, path, rec.Code, rec.Body, len(r.entries())-before, status, want)
	}
	return problems
}

// TestOneShop goes through the life of a tenant and a shop, a request each.
func TestOneShop(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	made := func(path string, in, out any) {
		t.Helper()
		rec := r.say("POST", path, in)
		if rec.Code != http.StatusCreated {
			t.Fatalf("%s: %d %s", path, rec.Code, rec.Body)
		}
		if err := json.Unmarshal(rec.Body.Bytes(), out); err != nil {
			t.Fatal(err)
		}
	}
	var tenant adminapi.TenantView
	made("/v1/tenants", adminapi.ManifestTenant{ID: "silk", Name: "丝"}, &tenant)
	r.recorded("tenant.create", "tenant:silk")
	var shop adminapi.ShopView
	made("/v1/shops", adminapi.ManifestShop{ID: "silk", Tenant: "silk", Name: "丝绸店", AppID: "wx00000000000000d1", Secret: shopSecret, APIHosts: []string{"https://api2.weixin.qq.com"}}, &shop)
	if shop.Grant == nil || shop.Grant.State != "active" || shop.Tenant != "silk" {
		t.Errorf("the new shop is %+v, want one with a grant that works", shop)
	}
	r.refuses("POST", "/v1/shops", adminapi.ManifestShop{ID: "silk", Tenant: "silk", Name: "x", AppID: "wx00000000000000d2", Secret: shopSecret}, http.StatusConflict, "exists")
	r.refuses("POST", "/v1/shops", adminapi.ManifestShop{ID: "jade", Tenant: "silk", Name: "x", AppID: "wx00000000000000d1", Secret: shopSecret}, http.StatusUnprocessableEntity, "manifest")

	r.ask("PATCH", "/v1/shops/silk", map[string]any{"name": "新丝绸店", "revoke_shop_on_withdraw": true}, &shop)
	if shop.Name != "新丝绸店" || shop.AppID != "wx00000000000000d1" || !shop.RevokeOnWithdraw {
		t.Errorf("after the change: %+v", shop)
	}
	var own adminapi.AppView
	if r.ask("GET", "/v1/apps/shop-silk", nil, &own); len(own.APIHosts) != 1 || own.Name != "新丝绸店" {
		t.Errorf("its own app is %+v: what was left out must stay", own)
	}
	r.ask("PATCH", "/v1/shops/silk", map[string]any{"api_hosts": []string{}}, nil)
	own = adminapi.AppView{}
	if r.ask("GET", "/v1/apps/shop-silk", nil, &own); len(own.APIHosts) != 0 {
		t.Errorf("an empty list leaves %v", own.APIHosts)
	}
	before := len(r.entries())
	r.ask("PATCH", "/v1/shops/silk", map[string]any{"name": "新丝绸店", "secret": shopSecret}, nil)
	if len(r.entries()) != before {
		t.Error("a change to what it is already is recorded")
	}
	r.refuses("PATCH", "/v1/shops/none", map[string]any{"name": "x"}, http.StatusNotFound, "not-found")
	r.refuses("PATCH", "/v1/shops/silk", map[string]any{"tenant": "nobody"}, http.StatusUnprocessableEntity, "manifest")
	r.refuses("PATCH", "/v1/shops/silk", map[string]any{"app": "market"}, http.StatusUnprocessableEntity, "input")

	r.ask("POST", "/v1/clients", adminapi.ManifestClient{ID: "erp", Shops: []string{"silk"}, Mode: "read"}, nil)
	if got := r.refuses("DELETE", "/v1/shops/silk", nil, http.StatusConflict, "in-use"); !cmp.Equal(got, []string{`client "erp"`}) {
		t.Errorf("what needs the shop: %q", got)
	}
	if got := r.refuses("DELETE", "/v1/tenants/silk", nil, http.StatusConflict, "in-use"); !cmp.Equal(got, []string{`shop "silk"`}) {
		t.Errorf("what needs the tenant: %q", got)
	}
	if got := r.refuses("DELETE", "/v1/apps/shop-silk", nil, http.StatusConflict, "in-use"); !cmp.Equal(got, []string{`shop "silk"`}) {
		t.Errorf("what needs the shop's own app: %q", got)
	}
	r.ask("POST", "/v1/clients/erp/revoke", nil, nil)
	if rec := r.say("DELETE", "/v1/shops/silk", nil); rec.Code != http.StatusNoContent {
		t.Fatalf("remove the shop: %d %s", rec.Code, rec.Body)
	}
	for _, path := range []string{"/v1/shops/silk", "/v1/apps/shop-silk"} {
		r.refuses("GET", path, nil, http.StatusNotFound, "not-found")
	}
	r.refuses("DELETE", "/v1/shops/silk", nil, http.StatusNotFound, "not-found")
	r.ask("PATCH", "/v1/tenants/silk", map[string]any{"name": "旧"}, &tenant)
	r.recorded("tenant.change", "tenant:silk")
	r.ask("DELETE", "/v1/tenants/silk", nil, nil)
	r.recorded("tenant.remove", "tenant:silk")
	if tenant.Name != "旧" || len(list[adminapi.TenantView](r, "/v1/tenants")) != 0 {
		t.Errorf("the tenant was %+v, and there are others still", tenant)
	}
}

// TestOneApp goes through the life of an app.
func TestOneApp(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	in := manifest().Apps[0]
	var app adminapi.AppView
	if rec := r.say("POST", "/v1/apps", in); rec.Code != http.StatusCreated || strings.Contains(rec.Body.String(), appSecret) {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	r.refuses("POST", "/v1/apps", in, http.StatusConflict, "exists")
	r.refuses("POST", "/v1/apps", adminapi.ManifestApp{ID: "other", Kind: "website", AppID: "wx00000000000000a9", CallbackHost: "zhanggui.example.com"}, http.StatusUnprocessableEntity, "manifest")

	tag := r.say("GET", "/v1/apps/fuwuhao", nil).Header().Get("ETag")
	patch := func(tag, body string) int {
		return r.headed(operator, "PATCH", "/v1/apps/fuwuhao", "If-Match", tag, body).Code
	}
	if got := patch(tag, `{"name":"新名"}`); got != http.StatusOK {
		t.Errorf("as it was read: %d", got)
	}
	if got := patch(tag, `{"name":"更新"}`); got != http.StatusPreconditionFailed {
		t.Errorf("with what it was before: %d", got)
	}
	if rec := r.headed(operator, "DELETE", "/v1/apps/fuwuhao", "If-Match", tag, ""); rec.Code != http.StatusPreconditionFailed {
		t.Errorf("removing what it was before: %d", rec.Code)
	}
	r.ask("PATCH", "/v1/apps/fuwuhao", map[string]any{"secret": "sandbox-secret-service-account-2"}, &app)
	if e := r.newest(); app.Name != "新名" || app.VerifyBody != "demo0000demo0000" || e.Details["fields"] != "[secret]" {
		t.Errorf("after a new secret it is %+v, recorded as %v", app, e.Details)
	}

	r.login(1, nil)
	if got := r.refuses("DELETE", "/v1/apps/fuwuhao", nil, http.StatusConflict, "in-use"); !cmp.Equal(got, []string{"1 grants that are not revoked"}) {
		t.Errorf("what needs the app: %q", got)
	}
	r.ask("POST", "/v1/grants/g_0001/revoke", map[string]any{}, nil)
	r.ask("DELETE", "/v1/apps/fuwuhao", nil, nil)
	if apps := list[adminapi.AppView](r, "/v1/apps"); len(apps) != 0 {
		t.Errorf("there is %+v still", apps)
	}
}

// TestAnotherPlatform: the change of a platform's appid says what it ended.
func TestAnotherPlatform(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	in := adminapi.ManifestApp{ID: "market", Kind: "component", AppID: "wx00000000000000b1", Secret: appSecret, Name: "平台", CallbackHost: "zhanggui.example.com",
		ManifestPush: adminapi.ManifestPush{PushToken: "demotoken", PushAESKey: strings.Repeat("a", 43)}}
	if rec := r.say("POST", "/v1/apps", in); rec.Code != http.StatusCreated {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	var app adminapi.AppView
	r.ask("PATCH", "/v1/apps/market", map[string]any{"appid": "wx00000000000000b2", "secret": "sandbox-secret-service-account-2"}, &app)
	if !strings.Contains(app.Warning, "another platform") || app.AppID != "wx00000000000000b2" {
		t.Errorf("it says %+v", app)
	}
	r.ask("PATCH", "/v1/apps/market", map[string]any{"services": []adminapi.ManifestService{{ID: "base", ServiceID: "1001", Name: "基础"}}}, &app)
	if len(app.Services) != 1 || app.Services[0].Role != "operator" {
		t.Errorf("services %+v", app.Services)
	}
}

// TestMembers: a role is given to somebody known, shown and ended.
func TestMembers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.declare()
	r.login(1, nil)
	r.login(2, nil)
	const all = "/v1/tenants/lantian/members"
	give := func(in adminapi.NewMember) *adminapi.MemberView {
		t.Helper()
		rec := r.say("POST", all, in)
		var m adminapi.MemberView
		if err := json.Unmarshal(rec.Body.Bytes(), &m); err != nil || rec.Code != http.StatusCreated {
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
		return &m
	}
	until := epoch.Add(24 * time.Hour)
	give(adminapi.NewMember{Person: "p_0001", Role: "viewer"})
	give(adminapi.NewMember{Person: "p_0002", Role: "operator"})
	m := give(adminapi.NewMember{Person: "p_0001", Shop: "lantian", Role: "operator", Until: &until})
	want := adminapi.MemberView{Person: "p_0001", Tenant: "lantian", Shop: "lantian", Role: "operator", Since: &r.at, Until: &until}
	if diff := cmp.Diff(want, *m); diff != "" {
		t.Errorf("the role (-want +got):\n%s", diff)
	}
	if e := r.newest(); e.Action != "member.create" || e.Details["tenant"] != "lantian" || e.Details["shop"] != "lantian" || e.Details["role"] != "operator" {
		t.Errorf("it is recorded as %+v", e)
	}
	if got := list[adminapi.MemberView](r, all+"?shop=lantian"); len(got) != 1 || got[0].Shop != "lantian" {
		t.Errorf("roles in the shop alone: %+v", got)
	}
	if got, pages := walk(r, all, 1, nil); len(got) != 3 || pages < 3 {
		t.Errorf("%d roles in %d pages", len(got), pages)
	}
	for _, c := range []struct {
		in   adminapi.NewMember
		code string
	}{
		{adminapi.NewMember{Person: "p_none", Role: "viewer"}, "person-unknown"}, {adminapi.NewMember{Person: "p_0001", Shop: "none", Role: "viewer"}, "shop-unknown"},
		{adminapi.NewMember{Person: "p_0001", Role: "king"}, "input"},
	} {
		r.refuses("POST", all, c.in, http.StatusUnprocessableEntity, c.code)
	}
	r.refuses("POST", "/v1/tenants/none/members", adminapi.NewMember{Person: "p_0001", Role: "viewer"}, http.StatusNotFound, "not-found")
	r.refuses("POST", "/v1/tenants/tea/members", adminapi.NewMember{Person: "p_0001", Shop: "lantian", Role: "viewer"}, http.StatusUnprocessableEntity, "shop-unknown")

	one := all + "/p_0001?shop=lantian"
	tag := r.say("GET", one, nil).Header().Get("ETag")
	if rec := r.headed(operator, "DELETE", one, "If-Match", `"another"`, ""); rec.Code != http.StatusPreconditionFailed {
		t.Errorf("of another role: %d", rec.Code)
	}
	if rec := r.headed(operator, "DELETE", one, "If-Match", tag, ""); rec.Code != http.StatusNoContent {
		t.Fatalf("end: %d %s", rec.Code, rec.Body)
	}
	r.recorded("member.remove", "person:p_0001")
	r.refuses("DELETE", one, nil, http.StatusNotFound, "not-found")
	r.refuses("DELETE", all+"/p_none", nil, http.StatusNotFound, "not-found")
	if r.ask("GET", one, nil, m); m.Until == nil || !m.Until.Equal(epoch) {
		t.Errorf("the ended role is %+v", m)
	}
	m = &adminapi.MemberView{}
	if r.ask("GET", all+"/p_0001", nil, m); m.Role != "viewer" || m.Until != nil {
		t.Errorf("the role in the whole tenant is %+v", m)
	}
	p, err := r.store.Person(t.Context(), "p_0001")
	if err != nil {
		t.Fatal(err)
	}
	var active []access.Role
	for _, m := range p.Members {
		if m.Active(epoch) {
			active = append(active, m.Role)
		}
	}
	if !cmp.Equal(active, []access.Role{access.Viewer}) {
		t.Errorf("the person holds %v", active)
	}
}

// TestMakingOnce: what is made is made once for each Idempotency-Key.
func TestMakingOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const in = `{"id":"silk","name":"丝"}`
	first := r.headed(operator, "POST", "/v1/tenants", "Idempotency-Key", "k", in)
	again := r.headed(operator, "POST", "/v1/tenants", "Idempotency-Key", "k", in)
	if first.Code != http.StatusCreated || again.Code != http.StatusCreated || again.Body.String() != first.Body.String() || again.Header().Get("Idempotency-Replayed") != "true" {
		t.Errorf("%d %s, then %d %s", first.Code, first.Body, again.Code, again.Body)
	}
	if rec := r.headed(audit.Actor{Kind: audit.ActorAdmin, ID: "a_1"}, "POST", "/v1/tenants", "Idempotency-Key", "k", in); rec.Code != http.StatusConflict {
		t.Errorf("the key of somebody else: %d", rec.Code)
	}
}
