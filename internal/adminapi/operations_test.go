package adminapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/vault"
)

func TestApply(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var dry adminapi.Applied
	r.ask("POST", "/v1/apply?dry_run=true", manifest(), &dry)
	if len(dry.Changes) != 5 || len(dry.Keys) != 0 || len(list[adminapi.ShopView](r, "/v1/shops")) != 0 {
		t.Errorf("a dry run tells %d changes, shows %d keys: want 5, none, and nothing made", len(dry.Changes), len(dry.Keys))
	}
	first := r.declare()
	if len(first.Changes) != 5 || !strings.HasPrefix(first.Keys["erp"], access.ClientKeyPrefix) {
		t.Errorf("%d changes and keys for %d clients, want 5 and 1", len(first.Changes), len(first.Keys))
	}
	if second := r.declare(); len(second.Changes) != 0 || len(second.Keys) != 0 {
		t.Errorf("the same again makes %v and shows %d keys", second.Changes, len(second.Keys))
	}
	without := manifest()
	without.Clients = nil
	var pruned adminapi.Applied
	r.ask("POST", "/v1/apply?prune=true", without, &pruned)
	if len(pruned.Changes) != 1 || len(list[adminapi.ClientView](r, "/v1/clients")) != 0 {
		t.Errorf("pruning the client makes %v", pruned.Changes)
	}
	rec := r.say("POST", "/v1/apply", adminapi.Manifest{Shops: []adminapi.ManifestShop{{ID: "x", Tenant: "nobody", AppID: "wx00000000000000d1", Name: "X"}}})
	if rec.Code != http.StatusUnprocessableEntity || !strings.Contains(rec.Body.String(), "problems") {
		t.Errorf("a manifest that cannot be applied: %d %s", rec.Code, rec.Body)
	}
}

func TestListsShowNoSecret(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	keys := []string{r.declare().Keys["erp"], appSecret, shopSecret}
	var inv adminapi.InvitationView
	r.ask("POST", "/v1/invitations", map[string]string{"tenant": "lantian", "role": "owner"}, &inv)
	var admin adminapi.AdminView
	r.ask("POST", "/v1/admins", map[string]any{"name": "Tester"}, &admin)
	keys = append(keys, strings.TrimPrefix(inv.Link, "https://zhanggui.example.com/i/"), admin.Key)
	r.login(1, &grant.Take{InvitationID: inv.ID, PersonID: "p_0001", Code: "7391"})
	r.seen = nil
	for _, path := range []string{"server", "apps", "tenants", "shops", "clients", "invitations", "admins", "sessions", "grants", "audit", "audit/head", "keys"} {
		r.ask("GET", "/v1/"+path, nil, nil)
	}
	for i, body := range r.seen {
		for _, k := range append(keys, "7391", "sealed", "o_demo_owner_0001", "c2VhbGVk") {
			if len(k) == 0 || strings.Contains(body, k) {
				t.Errorf("list %d shows secret %q: %s", i, k, body)
			}
		}
	}
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.declare()
	var server adminapi.ServerView
	r.ask("GET", "/v1/server", nil, &server)
	want := adminapi.ServerView{Version: "test", PublicHost: "zhanggui.example.com", Tenants: []string{"lantian", "tea"}, Shops: []string{"lantian"}, Components: []string{}}
	if diff := cmp.Diff(want, server); diff != "" {
		t.Errorf("server (-want +got):\n%s", diff)
	}
	apps := list[map[string]any](r, "/v1/apps")
	if !slices.ContainsFunc(apps, func(a map[string]any) bool { return a["id"] == "fuwuhao" && a["appid"] == "wx00000000000000a1" }) {
		t.Errorf("apps: %v", apps)
	}
	shops := list[adminapi.ShopView](r, "/v1/shops")
	if len(shops) != 1 || shops[0].Grant == nil || shops[0].Grant.State != string(grant.Active) {
		t.Errorf("shops: %+v, want one with its grant", shops)
	}
	if tenants := list[struct{ ID string }](r, "/v1/tenants"); len(tenants) != 2 {
		t.Errorf("tenants: %v", tenants)
	}
}

func TestGrants(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.declare()
	s := r.login(1, nil)
	if got := list[adminapi.GrantView](r, "/v1/grants?person=p_0001"); len(got) != 1 || got[0].ID != "g_0001" {
		t.Errorf("a person's grants: %+v", got)
	}
	if got := list[adminapi.GrantView](r, "/v1/grants?kind=self&shop=lantian&state=active"); len(got) != 1 {
		t.Errorf("a shop's grants: %+v", got)
	}
	r.ask("POST", "/v1/grants/g_0001/kick", nil, nil)
	if !slices.Equal(r.kicked, []string{"g_0001"}) {
		t.Errorf("kicked %v", r.kicked)
	}
	var g adminapi.GrantView
	r.ask("POST", "/v1/grants/g_0001/revoke", map[string]string{"cause": "lost phone"}, &g)
	if g.State != string(grant.Revoked) || g.Cause != "lost phone" || g.AccessExpires != nil {
		t.Errorf("after the revocation: %+v", g)
	}
	if kept, err := r.store.SessionByToken(t.Context(), s.TokenHash); err != nil || kept.Live(epoch) {
		t.Errorf("the person's session lives on (%v)", err)
	}
	r.ask("POST", "/v1/grants/g_0001/revoke", map[string]string{}, nil) // again: nothing new
	if rec := r.say("POST", "/v1/grants/g_0001/revoke", map[string]any{"kill": true}); rec.Code != http.StatusUnprocessableEntity ||
		!strings.Contains(rec.Body.String(), "WeChat has no way") {
		t.Errorf("killing a person's tokens: %d %s", rec.Code, rec.Body)
	}
	for _, path := range []string{"/v1/grants/none/revoke", "/v1/grants/none/kick"} {
		if rec := r.say("POST", path, map[string]string{}); rec.Code != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, rec.Code, rec.Body)
		}
	}
}

// TestStartWhileKilling: a start would have WeChat give out the token that is to
// die, so it takes a word more.
func TestStartWhileKilling(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.declare()
	g := list[adminapi.GrantView](r, "/v1/grants?kind=self")[0]
	r.ask("POST", "/v1/grants/"+g.ID+"/revoke", map[string]any{"kill": true}, nil)
	if rec := r.say("POST", "/v1/grants/"+g.ID+"/start", nil); rec.Code != http.StatusConflict || !strings.Contains(rec.Body.String(), "--spare") {
		t.Errorf("a start while the tokens are being ended: %d %s", rec.Code, rec.Body)
	}
	if g := list[adminapi.GrantView](r, "/v1/grants?kind=self")[0]; g.State != string(grant.Revoked) || g.Killing != grant.Kills {
		t.Errorf("afterwards: %+v", g)
	}
	var started adminapi.GrantView
	r.ask("POST", "/v1/grants/"+g.ID+"/start?spare=true", nil, &started)
	if started.State != string(grant.Active) || started.Killing != 0 {
		t.Errorf("started: %+v", started)
	}
}

// TestStartGrant: a revoked shop comes back; a person's grant does not.
func TestStartGrant(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.declare()
	r.login(1, nil)
	g := list[adminapi.GrantView](r, "/v1/grants?kind=self")[0]
	r.ask("POST", "/v1/grants/"+g.ID+"/revoke", map[string]string{}, nil)
	var started adminapi.GrantView
	r.ask("POST", "/v1/grants/"+g.ID+"/start", nil, &started)
	if started.State != string(grant.Active) || started.DueAt == nil || !slices.Contains(r.kicked, g.ID) {
		t.Errorf("started: %+v, kicked %v", started, r.kicked)
	}
	if all := r.entries(); !slices.ContainsFunc(all, func(e audit.Entry) bool {
		return e.Action == "grant.start" && e.Subject == "grant:"+g.ID && e.Actor == operator && e.Details["from"] == "revoked"
	}) {
		t.Error("the start is not in the audit log")
	}
	for path, want := range map[string]int{"/v1/grants/g_0001/start": http.StatusUnprocessableEntity, "/v1/grants/none/start": http.StatusNotFound} {
		if rec := r.say("POST", path, nil); rec.Code != want {
			t.Errorf("%s: %d, want %d", path, rec.Code, want)
		}
	}
}

func TestClients(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.declare()
	in := map[string]any{"id": "pos", "shops": []string{"lantian"}, "mode": "write", "expires": epoch.Add(time.Hour)}
	var made adminapi.Applied
	r.ask("POST", "/v1/clients", in, &made)
	c, err := r.store.ClientByKey(t.Context(), access.HashKey(made.Keys["pos"]))
	if err != nil || c.ID != "pos" || c.Mode != access.Write || !c.ExpiresAt.Equal(epoch.Add(time.Hour)) {
		t.Errorf("the key opens %+v, %v", c, err)
	}
	if rec := r.say("POST", "/v1/clients", in); rec.Code != http.StatusConflict {
		t.Errorf("the same id again: %d", rec.Code)
	}
	if rec := r.say("POST", "/v1/clients", map[string]any{"id": "x", "shops": []string{"nobody"}, "mode": "read"}); rec.Code != http.StatusUnprocessableEntity {
		t.Errorf("a shop that is not there: %d", rec.Code)
	}
	out := access.Export{ClientID: "pos", ShopID: "lantian", Generation: 1, At: epoch, Ends: epoch.Add(time.Hour)}
	if err := r.store.RecordExport(t.Context(), out, grant.Effects{At: epoch}); err != nil {
		t.Fatal(err)
	}
	var revoked adminapi.RevokedClient
	r.ask("POST", "/v1/clients/pos/revoke", nil, &revoked)
	if want := []adminapi.ExportedToken{{Shop: "lantian", At: epoch.UTC(), Ends: epoch.Add(time.Hour).UTC()}}; !slices.Equal(revoked.Exported, want) {
		t.Errorf("out of our hands: %+v", revoked.Exported)
	}
	r.recorded("client.revoke", "client:pos")
	for _, v := range list[adminapi.ClientView](r, "/v1/clients") {
		if v.Live != (v.ID == "erp") || (v.Revoked != nil) != (v.ID == "pos") {
			t.Errorf("client %+v", v)
		}
	}
	if rec := r.say("POST", "/v1/clients/none/revoke", nil); rec.Code != http.StatusNotFound {
		t.Errorf("revoking nobody: %d", rec.Code)
	}
}

func TestInvitations(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.declare()
	for _, place := range []map[string]string{{"tenant": "nobody", "role": "owner"}, {"tenant": "tea", "shop": "lantian", "role": "owner"}, {"tenant": "tea", "role": "emperor"}} {
		if rec := r.say("POST", "/v1/invitations", place); rec.Code != http.StatusUnprocessableEntity {
			t.Errorf("invitation for %v: %d", place, rec.Code)
		}
	}
	var inv adminapi.InvitationView
	r.ask("POST", "/v1/invitations", map[string]string{"tenant": "lantian", "shop": "lantian", "role": "owner"}, &inv)
	if !strings.HasPrefix(inv.Link, "https://zhanggui.example.com/i/"+access.InvitePrefix) || inv.State != string(access.InvitationOpen) {
		t.Errorf("invitation %+v", inv)
	}
	confirm := "/v1/invitations/" + inv.ID + "/confirm"
	if rec := r.say("POST", confirm, map[string]string{"code": "7391"}); rec.Code != http.StatusGone {
		t.Errorf("confirming what nobody took: %d", rec.Code)
	}
	r.login(1, &grant.Take{InvitationID: inv.ID, PersonID: "p_0001", Code: "7391"})
	if rec := r.say("POST", confirm, map[string]string{"code": "0000"}); rec.Code != http.StatusForbidden {
		t.Errorf("wrong code: %d", rec.Code)
	}
	if all := r.entries(); all[len(all)-1].Outcome != audit.Refused {
		t.Errorf("the wrong code is recorded as %+v", all[len(all)-1])
	}
	var done adminapi.InvitationView
	r.ask("POST", confirm, map[string]string{"code": "7391"}, &done)
	if done.State != string(access.InvitationConfirmed) || done.Person != "p_0001" || done.Link != "" {
		t.Errorf("confirmed: %+v", done)
	}
	members := list[adminapi.MemberView](r, "/v1/tenants/lantian/members")
	if len(members) != 1 || members[0].Role != "owner" || members[0].Shop != "lantian" || members[0].Person != "p_0001" {
		t.Errorf("members: %+v", members)
	}
	r.ask("POST", "/v1/invitations", map[string]string{"tenant": "tea", "role": "viewer"}, &inv)
	r.ask("POST", "/v1/invitations/"+inv.ID+"/withdraw", nil, nil)
	r.recorded("invitation.withdraw", "invitation:"+inv.ID)
	for path, want := range map[string]int{
		"/v1/invitations/" + inv.ID + "/withdraw": http.StatusGone, "/v1/invitations/none/withdraw": http.StatusNotFound, "/v1/invitations/none/confirm": http.StatusNotFound,
	} {
		if rec := r.say("POST", path, map[string]string{"code": "0000"}); rec.Code != want {
			t.Errorf("%s: %d, want %d", path, rec.Code, want)
		}
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.declare()
	r.login(1, nil)
	r.login(2, nil)
	if all := list[adminapi.SessionView](r, "/v1/sessions"); len(all) != 2 {
		t.Errorf("%d sessions, want 2", len(all))
	}
	r.ask("POST", "/v1/sessions/s_0001/end", nil, nil)
	r.recorded("session.end", "session:s_0001")
	one := list[adminapi.SessionView](r, "/v1/sessions?person=p_0001")
	if len(one) != 1 || one[0].Live || one[0].Why != "ended by an operator" {
		t.Errorf("the ended session: %+v", one)
	}
	before := len(r.entries())
	for _, id := range []string{"s_0001", "zgs_PASTEDINTHEWRONGPLACE22222"} {
		if rec := r.say("POST", "/v1/sessions/"+id+"/end", nil); rec.Code != http.StatusNotFound {
			t.Errorf("ending %s: %d, want 404", id, rec.Code)
		}
	}
	if after := len(r.entries()); after != before {
		t.Errorf("%d entries say that what did not happen was done", after-before)
	}
}

func TestAdmins(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var made adminapi.AdminView
	r.ask("POST", "/v1/admins", map[string]any{"name": "Tester", "days": 7}, &made)
	a, err := r.store.AdminByKey(t.Context(), access.HashKey(made.Key))
	if err != nil || !a.Live(epoch) || !a.ExpiresAt.Equal(epoch.AddDate(0, 0, 7)) {
		t.Errorf("the key opens %+v, %v", a, err)
	}
	r.ask("POST", "/v1/admins", map[string]any{"name": "Usual"}, &made)
	if want := epoch.AddDate(0, 0, 90); made.Expires == nil || !made.Expires.Equal(want) {
		t.Errorf("a key lives until %v when nobody says, want %v", made.Expires, want)
	}
	r.ask("POST", "/v1/admins/"+made.ID+"/revoke", nil, nil)
	r.recorded("admin.revoke", "admin:"+made.ID)
	if a, err := r.store.Admin(t.Context(), made.ID); err != nil || a.Live(epoch) {
		t.Errorf("the revoked administrator lives (%v)", err)
	}
	if rec := r.say("POST", "/v1/admins/none/revoke", nil); rec.Code != http.StatusNotFound {
		t.Errorf("revoking nobody: %d", rec.Code)
	}
	for _, days := range []int{-1, 99999} {
		if rec := r.say("POST", "/v1/admins", map[string]any{"name": "x", "days": days}); rec.Code != http.StatusUnprocessableEntity {
			t.Errorf("%d days: %d", days, rec.Code)
		}
	}
}

// TestAuditPages reads the log in pages: every entry once, in order.
func TestAuditPages(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.declare()
	for i := range 5 {
		r.ask("POST", "/v1/admins", map[string]any{"name": fmt.Sprint("admin ", i)}, nil)
	}
	var head adminapi.HeadView
	r.ask("GET", "/v1/audit/head", nil, &head)
	next, seen := int64(-1), int64(0)
	for {
		page := list[adminapi.RecordView](r, fmt.Sprintf("/v1/audit?after=%d&limit=2", next))
		if len(page) == 0 {
			break
		}
		for _, rec := range page {
			if rec.Seq != next+1 || !json.Valid(rec.Entry) {
				t.Errorf("entry %d follows %d", rec.Seq, next)
			}
			next = rec.Seq
			seen++
		}
	}
	if seen != head.Size || seen < 10 {
		t.Errorf("%d entries read, the head counts %d", seen, head.Size)
	}
	if got := list[adminapi.RecordView](r, "/v1/audit"); len(got) != int(seen) || got[0].Seq != 0 {
		t.Errorf("without a cursor: %d entries", len(got))
	}
	for _, q := range []string{"limit=0", "limit=1001", "limit=x"} {
		if rec := r.say("GET", "/v1/audit?"+q, nil); rec.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", q, rec.Code)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	before := list[vault.Key](r, "/v1/keys")
	var after struct{ Items []vault.Key }
	r.ask("POST", "/v1/keys/rotate", nil, &after)
	if len(after.Items) != len(before)+1 {
		t.Errorf("%d keys after the rotation of %d", len(after.Items), len(before))
	}
}
