package login

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// claimIt goes from a market session through the claim to the end of the login
// and gives the invitation.
func (b *browser) claimIt(code, openid string) access.Invitation {
	b.w.t.Helper()
	token := b.beginClaim()
	b.w.answer(code, openid)
	state := stateOf(b.w.t, b.post("/i/"+token, map[string][]string{"version": {b.w.login.consent}}))
	rec := b.callback(code, state)
	i := b.w.store.invitations[len(b.w.store.invitations)-1]
	leadsTo(b.w.t, rec, "/invited/"+i.ID)
	return i
}

// beginClaim presses the button and gives the token of the consent page.
func (b *browser) beginClaim() string {
	b.w.t.Helper()
	rec := b.post("/market/claim", nil)
	token, ok := strings.CutPrefix(rec.Header().Get("Location"), "/i/")
	if rec.Code != http.StatusSeeOther || !ok {
		b.w.t.Fatalf("claiming: %d %s", rec.Code, rec.Body)
	}
	return token
}

func (w *world) lastInvitation() access.Invitation {
	return w.store.invitations[len(w.store.invitations)-1]
}

func (w *world) kinds() (all []notice.Kind) {
	for _, n := range w.store.notices {
		all = append(all, n.Kind)
	}
	return all
}

// WeChat named the shop, then the person, in one browser: the shop without an
// owner has one, with an entry and a notice.
func TestClaim(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	b.comeIn("cnaw1", lantianID)
	if html := b.get("/market/claim").Body.String(); !strings.Contains(html, "蓝天小店") || !strings.Contains(html, "no owner yet") {
		t.Errorf("the page does not say what it means:\n%s", html)
	}
	i := b.claimIt("code1", openID)
	if i.State != access.InvitationConfirmed || i.ShopID != "" || i.TenantID != "lan" || !i.Claim() {
		t.Errorf("invitation %+v", i)
	}
	if _, _, err := w.login.RequireProved(b.request(http.MethodGet, "/", nil), access.Owner, "lantian"); err != nil {
		t.Errorf("not the owner: %v", err)
	}
	leadsTo(t, b.get("/invited/"+i.ID), "/")
	if !slices.Contains(w.kinds(), notice.NewOwner) {
		t.Errorf("notices %v", w.kinds())
	}
	last := w.store.audit[len(w.store.audit)-1]
	if last.Action != "member.claim" || last.Actor.Kind != audit.ActorPerson || last.Actor.ID != b.personID() || last.Details["session"] == "" {
		t.Errorf("entry %+v", last)
	}
	if b.cookies["__Host-zg_claim"] != "" {
		t.Error("the claim outlives its use")
	}
	if html := b.get("/market/claim").Body.String(); !strings.Contains(html, "came from the service market") {
		t.Errorf("a person claims:\n%s", html)
	}
}

// The page says how long the claim counts, not how long its invitation could wait.
func TestClaimSaysWhenItEnds(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	b.comeIn("cnaw1", lantianID)
	html := b.get("/i/" + b.beginClaim()).Body.String()
	if ends := w.clock.now().Add(claimLife).UTC().Format(time.RFC3339); !strings.Contains(html, ends) {
		t.Errorf("the page does not name %s:\n%s", ends, html)
	}
}

// Ownership reaches as far as what WeChat named: one shop of a tenant with
// several is owned alone.
func TestClaimOneShopOfSeveral(t *testing.T) {
	w := newWorld(t)
	w.store.shops = append(w.store.shops, access.Shop{ID: "second", TenantID: "lan", App: "own", AppID: "wx00000000000000e9"})
	b := w.browser(uaPC)
	b.comeIn("cnaw1", lantianID)
	b.claimIt("code1", openID)
	for shop, want := range map[string]int{"lantian": 0, "second": 403} {
		if _, _, err := w.login.Require(b.request(http.MethodGet, "/", nil), access.Owner, shop); statusOf(err) != want {
			t.Errorf("%s: %v", shop, err)
		}
	}
}

// A shop with an owner is never claimed over their head: they are told, and the
// digits wait for them.
func TestClaimOwnedShop(t *testing.T) {
	w := newWorld(t)
	w.store.persons["p_first"] = &access.Person{ID: "p_first", Members: []access.Member{{TenantID: "lan", PersonID: "p_first", Role: access.Owner}}}
	b := w.browser(uaPC)
	b.comeIn("cnaw1", lantianID)
	if html := b.get("/market/claim").Body.String(); !strings.Contains(html, "The shop has an owner.") {
		t.Errorf("the page does not say it:\n%s", html)
	}
	i := b.claimIt("code1", openID)
	if i.State != access.InvitationTaken {
		t.Fatalf("invitation %+v", i)
	}
	if html := b.get("/invited/" + i.ID).Body.String(); !strings.Contains(html, i.Code) || !strings.Contains(html, "to an owner of the shop") {
		t.Errorf("the digits are not shown:\n%s", html)
	}
	if _, _, err := w.login.Require(b.request(http.MethodGet, "/", nil), access.Viewer, "lantian"); statusOf(err) != 403 {
		t.Errorf("in already: %v", err)
	}
	if got := w.kinds(); !slices.Equal(got, []notice.Kind{notice.OwnerClaim}) {
		t.Errorf("notices %v", got)
	}
}

// Without the very browser and its live market session a claim is only an
// invitation that waits.
func TestClaimNeedsItsSession(t *testing.T) {
	for name, spoil := range map[string]func(w *world, b *browser) *browser{
		"the link in another browser": func(w *world, b *browser) *browser { return w.browser(uaPC) },
		"the link in another's market session": func(w *world, b *browser) *browser {
			other := w.browser(uaPC)
			other.comeIn("cnaw2", lantianID)
			return other
		},
		"the claim carried to another's market session": func(w *world, b *browser) *browser {
			other := w.browser(uaPC)
			other.comeIn("cnaw2", lantianID)
			other.cookies["__Host-zg_claim"] = b.cookies["__Host-zg_claim"]
			return other
		},
		"logged out meanwhile": func(w *world, b *browser) *browser {
			claim := b.cookies["__Host-zg_claim"]
			b.post("/logout", nil)
			b.cookies["__Host-zg_claim"] = claim
			return b
		},
		"a forged claim": func(w *world, b *browser) *browser {
			b.cookies["__Host-zg_claim"] = b.cookies["__Host-zg_entry"]
			return b
		},
		"too late": func(w *world, b *browser) *browser {
			w.clock.add(claimLife)
			return b
		},
		"the shop withdrew": func(w *world, b *browser) *browser {
			w.market.grants["isv "+lantianID] = grant.Grant{State: grant.Revoked}
			return b
		},
		"who owns it is not known": func(w *world, b *browser) *browser {
			w.store.fail["Members"] = errDown
			return b
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			b := w.browser(uaPC)
			b.comeIn("cnaw1", lantianID)
			token := b.beginClaim()
			taker := spoil(w, b)
			w.answer("code1", openID)
			taker.callback("code1", stateOf(t, taker.post("/i/"+token, map[string][]string{"version": {w.login.consent}})))
			if i := w.lastInvitation(); i.State != access.InvitationTaken {
				t.Errorf("the invitation is %s", i.State)
			}
			if len(w.store.notices) != 0 {
				t.Errorf("notices %v", w.kinds())
			}
		})
	}
}

// A confirmation that fails leaves the digits for an administrator.
func TestClaimNotConfirmed(t *testing.T) {
	w := newWorld(t)
	w.store.fail["ConfirmClaim"] = errDown
	b := w.browser(uaPC)
	b.comeIn("cnaw1", lantianID)
	if i := b.claimIt("code1", openID); i.State != access.InvitationTaken || !strings.Contains(b.get("/invited/"+i.ID).Body.String(), i.Code) {
		t.Errorf("%+v", i)
	}
}

// Only somebody of a shop claims, and not without end.
func TestClaimRefusals(t *testing.T) {
	w := newWorld(t)
	refusedWith(t, w.browser(uaPC).post("/market/claim", nil), http.StatusUnauthorized, "not logged in")
	person := w.browser(uaPC)
	person.logIn("code1", openID)
	refusedWith(t, person.post("/market/claim", nil), http.StatusForbidden, "came from the service market")
	b := w.browser(uaPC)
	b.comeIn("cnaw1", lantianID)
	for range maxTries {
		b.beginClaim()
	}
	refusedWith(t, b.post("/market/claim", nil), http.StatusTooManyRequests, "Too many")
	if len(w.store.invitations) != maxTries {
		t.Errorf("%d invitations", len(w.store.invitations))
	}
}

// A claim of the whole tenant does not reach over a shop that the tenant got while
// the claim was under way: nobody asked that shop's owner.
func TestClaimReachesNoFurtherThanItBegan(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	b.comeIn("cnaw1", lantianID)
	token := b.beginClaim()
	w.store.shops = append(w.store.shops, access.Shop{ID: "second", TenantID: "lan", App: "own", AppID: "wx00000000000000e9"})
	w.store.persons["p_second"] = &access.Person{ID: "p_second", Members: []access.Member{{TenantID: "lan", ShopID: "second", PersonID: "p_second", Role: access.Owner}}}
	w.answer("code1", openID)
	b.callback("code1", stateOf(t, b.post("/i/"+token, map[string][]string{"version": {w.login.consent}})))
	if i := w.lastInvitation(); i.State != access.InvitationTaken {
		t.Errorf("invitation %+v", i)
	}
	for _, shop := range []string{"lantian", "second"} {
		if _, _, err := w.login.Require(b.request(http.MethodGet, "/", nil), access.Viewer, shop); statusOf(err) != 403 {
			t.Errorf("%s: in without a confirmation: %v", shop, err)
		}
	}
}
