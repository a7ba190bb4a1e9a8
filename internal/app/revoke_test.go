package app_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechattest"
)

// sessions gives the live ones.
func (r *rig) sessions() (live []adminapi.SessionView) {
	r.t.Helper()
	var all struct{ Items []adminapi.SessionView }
	r.ask("GET", "/v1/sessions", nil, &all)
	for _, s := range all.Items {
		if s.Live {
			live = append(live, s)
		}
	}
	return live
}

// TestEndingASessionIsImmediate: the very next request with the saved cookie is
// a stranger's.
func TestEndingASessionIsImmediate(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	b := r.owner()
	if p := b.open(r.base + "/shops/" + shopID); p.status != http.StatusOK {
		t.Fatalf("the owner's page: %d", p.status)
	}
	live := r.sessions()
	if len(live) != 1 {
		t.Fatalf("%d live sessions, want 1", len(live))
	}
	r.ask("POST", "/v1/sessions/"+live[0].ID+"/end", nil, nil)
	if p := b.open(r.base + "/shops/" + shopID); p.status != http.StatusUnauthorized || strings.Contains(p.body, "蓝天文具店") {
		t.Errorf("after the session ended: %d, want 401", p.status)
	}
	entries := len(r.log())
	if status, _ := r.say("POST", "/v1/sessions/zgs_PASTEDINTHEWRONGPLACE22222/end", nil); status != http.StatusNotFound {
		t.Errorf("ending what is no session: %d, want 404", status)
	}
	if status, _ := r.say("POST", "/v1/sessions/"+live[0].ID+"/end", nil); status != http.StatusNotFound {
		t.Errorf("ending an ended session: %d, want 404", status)
	}
	if now := len(r.log()); now != entries {
		t.Errorf("%d entries record what did not happen", now-entries)
	}
}

// TestEndingAdministratorsIsImmediate ends key and browser session.
func TestEndingAdministratorsIsImmediate(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	b, key, _ := r.setupAdmin()
	if status, _ := r.get(r.base+"/v1/shops", key); status != http.StatusOK {
		t.Fatalf("REST with a key: %d", status)
	}
	var admins struct{ Items []adminapi.AdminView }
	r.ask("GET", "/v1/admins", nil, &admins)
	r.ask("POST", "/v1/admins/"+admins.Items[0].ID+"/revoke", nil, nil)
	if status, _ := r.get(r.base+"/v1/shops", key); status != http.StatusUnauthorized {
		t.Errorf("REST with the key of a revoked administrator: %d, want 401", status)
	}
	if p := b.open(r.base + "/sessions"); p.status != http.StatusUnauthorized {
		t.Errorf("the revoked administrator's browser: %d, want 401", p.status)
	}
}

// TestEndingAClientIsImmediate: no call slips through after the answer.
func TestEndingAClientIsImmediate(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	if status, body := r.call(); status != http.StatusOK {
		t.Fatalf("call: %d %s", status, body)
	}
	r.ask("POST", "/v1/clients/"+clientID+"/revoke", nil, nil)
	last := r.lastSeq()
	if status, body := r.call(); status != http.StatusUnauthorized {
		t.Errorf("call with a revoked key: %d %s, want 401", status, body)
	}
	if seen := r.sim.LedgerSince(last); len(seen) != 0 {
		t.Errorf("WeChat was asked for %s", seen[0].Path)
	}
}

// tea is another tenant with a shop that goes on.
func tea() adminapi.Manifest {
	return adminapi.Manifest{
		Tenants: []adminapi.ManifestTenant{{ID: "tea", Name: "红土"}},
		Shops:   []adminapi.ManifestShop{{ID: "tea", Tenant: "tea", Name: "红土茶铺", AppID: otherShop, Secret: otherSecret}},
	}
}

// shopGrant is the self grant of a shop.
func (r *rig) shopGrant(shop string) adminapi.GrantView {
	r.t.Helper()
	var all struct{ Items []adminapi.GrantView }
	r.ask("GET", "/v1/grants?kind=self&shop="+shop, nil, &all)
	if len(all.Items) != 1 {
		r.t.Fatalf("shop %s has %d grants", shop, len(all.Items))
	}
	return all.Items[0]
}

// TestKillEndsTokensAtWeChat: a shop's token that leaked is of no use to anybody
// soon after the grant is revoked with kill.
func TestKillEndsTokensAtWeChat(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	if status, body := r.call(); status != http.StatusOK {
		t.Fatalf("call: %d %s", status, body)
	}
	since, g := r.lastSeq(), r.shopGrant(shopID)
	var after adminapi.GrantView
	r.ask("POST", "/v1/grants/"+g.ID+"/revoke", map[string]any{"cause": "leaked", "kill": true}, &after)
	if after.State != "revoked" || after.Killing != grant.Kills || after.AccessExpires != nil {
		t.Errorf("after the revocation: %+v", after)
	}
	if status, body := r.call(); status != http.StatusForbidden || !strings.Contains(body, "grant-revoked") {
		t.Errorf("call after the revocation: %d %s, want 403", status, body)
	}
	for left := grant.Kills - 1; left >= 0; left-- {
		r.await("a forced refresh", func() bool { return r.shopGrant(shopID).Killing == left })
		r.sim.Advance(time.Minute)
	}
	if asks, forced := r.asked(since, false), r.asked(since, true); asks != grant.Kills || forced != grant.Kills {
		t.Errorf("%d requests, %d forced", asks, forced)
	}
	if g := r.shopGrant(shopID); g.DueAt != nil || g.Cause != "leaked" || g.State != "revoked" {
		t.Errorf("afterwards: %+v", g)
	}
	if n := r.count("grant.kill"); n != grant.Kills {
		t.Errorf("%d entries of kills", n)
	}
}

// TestRevokedShopIsLeftAlone: calls are refused at once, and the keeper, which
// renews another shop meanwhile, asks WeChat nothing for this one.
func TestRevokedShopIsLeftAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	r.apply(tea())
	r.await("the other shop's token", func() bool { return r.shopGrant("tea").Generation > 0 })
	g := r.shopGrant(shopID)
	r.ask("POST", "/v1/grants/"+g.ID+"/revoke", map[string]string{"cause": "test"}, nil)
	last := r.lastSeq()
	if status, body := r.call(); status != http.StatusForbidden || !strings.Contains(body, "grant-revoked") {
		t.Errorf("call after the revocation: %d %s, want 403", status, body)
	}
	if status, _ := r.say("GET", "/wx/"+shopID+"/channels/ec/basics/info/get", nil); status != http.StatusForbidden {
		t.Errorf("the operator's call after the revocation: %d, want 403", status)
	}
	r.ask("POST", "/v1/grants/"+g.ID+"/kick", nil, nil)
	for range 2 { // nearly four hours
		before := r.shopGrant("tea")
		r.sim.Advance(before.AccessExpires.Sub(r.sim.Now()) - 4*time.Minute)
		r.await("the other shop's renewal", func() bool { return r.shopGrant("tea").AccessExpires.After(*before.AccessExpires) })
	}
	for _, e := range r.sim.LedgerSince(last) {
		if e.AppID == wechattest.Shop {
			t.Errorf("WeChat was asked for %s in the name of the revoked shop", e.Path)
		}
	}
	if g := r.shopGrant(shopID); g.State != "revoked" || g.AccessExpires != nil {
		t.Errorf("the grant is %s and keeps a token: %t", g.State, g.AccessExpires != nil)
	}
}

// TestRevokedShopStartsAgain: an operator who revoked too much undoes it, and the
// next call works.
func TestRevokedShopStartsAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	g := r.shopGrant(shopID)
	r.ask("POST", "/v1/grants/"+g.ID+"/revoke", map[string]string{}, nil)
	if changes := r.apply(r.manifest()).Changes; len(changes) != 0 {
		t.Errorf("declaring the same again makes %v: it must not undo a revocation", changes)
	}
	if status, _ := r.call(); status != http.StatusForbidden {
		t.Errorf("call after the revocation: %d, want 403", status)
	}
	r.ask("POST", "/v1/grants/"+g.ID+"/start", nil, nil)
	if status, body := r.call(); status != http.StatusOK {
		t.Errorf("call after the new start: %d %s", status, body)
	}
	if again := r.shopGrant(shopID); again.ID != g.ID || again.Generation <= g.Generation {
		t.Errorf("generation %d after %d", again.Generation, g.Generation)
	}
}

// TestShopComesBack: a shop that was removed and declared again starts anew, and
// the token that memory held of its first life is not used.
func TestShopComesBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	first := r.shopGrant(shopID)
	if status, body := r.call(); status != http.StatusOK {
		t.Fatalf("call: %d %s", status, body)
	}
	without := r.manifest()
	without.Shops, without.Clients = nil, nil
	r.ask("POST", "/v1/apply?prune=true", without, nil)
	if status, _ := r.call(); status != http.StatusUnauthorized {
		t.Errorf("call of a client that was removed with its shop: %d, want 401", status)
	}
	r.key = r.apply(r.manifest()).Keys[clientID]
	r.await("the shop's new token", func() bool { return r.shopGrant(shopID).State == "active" && r.shopGrant(shopID).AccessExpires != nil })
	if status, body := r.call(); status != http.StatusOK {
		t.Errorf("call after the shop came back: %d %s", status, body)
	}
	if again := r.shopGrant(shopID); again.ID == first.ID && again.Generation <= first.Generation {
		t.Errorf("generation %d of grant %s came twice", again.Generation, again.ID)
	}
}

// TestShopMovesToAnotherApp: the keeper fetches the new app's token by itself,
// and calls use it.
func TestShopMovesToAnotherApp(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	if status, body := r.call(); status != http.StatusOK || !strings.Contains(body, "蓝天文具店") {
		t.Fatalf("call: %d %s", status, body)
	}
	moved := r.manifest()
	moved.Shops[0].AppID, moved.Shops[0].Secret = otherShop, otherSecret
	last := r.lastSeq()
	r.apply(moved)
	r.await("a call with the new app's token", func() bool {
		status, body := r.call()
		return status == http.StatusOK && strings.Contains(body, "红土茶铺")
	})
	for _, e := range r.sim.LedgerSince(last) {
		if e.AppID == wechattest.Shop {
			t.Errorf("%s was asked with a token of the old app", e.Path)
		}
	}
}

// TestOwnerComesBack: ending a person's grant ends their sessions; a new login
// makes it live again.
func TestOwnerComesBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	b := r.owner()
	g := r.grant("user")
	r.ask("POST", "/v1/grants/"+g.ID+"/revoke", map[string]string{}, nil)
	if p := b.open(r.base + "/shops/" + shopID); p.status != http.StatusUnauthorized {
		t.Errorf("the owner's session after the revocation: %d, want 401", p.status)
	}
	if p := b.agree(b.open(r.base+"/login?shop="+shopID), wechattest.Owner); p.status != http.StatusOK {
		t.Errorf("the owner's next login ends with %d at %s", p.status, p.url)
	}
	if again := r.grant("user"); again.ID != g.ID || again.State != "active" || again.Generation <= g.Generation {
		t.Errorf("the grant is %+v after the new login", again)
	}
}
