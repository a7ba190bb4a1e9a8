package login

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// Withdrawing ends the person's grants and sessions, and the grants of those
// shops of theirs that say so; nobody else's.
func TestWithdraw(t *testing.T) {
	w := newWorld(t)
	owner, other := w.browser(uaWeChat), w.browser(uaPC)
	owner.logIn("code1", openID)
	other.logIn("code2", "o_demo_other_0002")
	person := owner.personID()
	w.store.persons[person].Members = []access.Member{
		{TenantID: "lan", PersonID: person, Role: access.Owner}, {TenantID: "bai", PersonID: person, Role: access.Owner},
	}
	w.store.grants = append(w.store.grants,
		grant.Grant{ID: "g_lantian", Kind: grant.Self, ShopID: "lantian", State: grant.Active},
		grant.Grant{ID: "g_baiyun", Kind: grant.Self, ShopID: "baiyun", State: grant.Active},
		grant.Grant{ID: "g_old", Kind: grant.User, PersonID: person, State: grant.Revoked})

	page := owner.get("/withdraw").Body.String()
	if !strings.Contains(page, "蓝天小店") || strings.Contains(page, "白云小店") {
		t.Errorf("the page does not say which shops stop:\n%s", page)
	}
	rec := owner.post("/withdraw", nil)
	if rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), "2 authorisations have ended") ||
		!strings.Contains(rec.Body.String(), "Withdraw inside WeChat too") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	want := map[string]grant.State{"g_lantian": grant.Revoked, "g_baiyun": grant.Active, "g_old": grant.Revoked}
	for _, g := range w.store.grants {
		state, named := want[g.ID]
		if !named {
			state = grant.Active
			if g.PersonID == person {
				state = grant.Revoked
			}
		}
		if g.State != state || g.State == grant.Revoked && len(g.Tokens.Refresh) > 0 {
			t.Errorf("grant %s of %s is %s", g.ID, g.PersonID, g.State)
		}
	}
	if _, _, ok := owner.current(); ok || owner.sessionToken() != "" {
		t.Error("still logged in")
	}
	if _, _, ok := other.current(); !ok {
		t.Error("somebody else is out")
	}
	if n := w.store.notices; len(n) != 2 || n[0].Kind != notice.GrantRevoked {
		t.Errorf("notices %+v", n)
	}
	last := w.store.audit[len(w.store.audit)-1]
	if last.Action != "grant.withdraw" || last.Actor.ID != person || last.Details["grants"] != "2" {
		t.Errorf("entry %+v", last)
	}
	// Coming back authorises again.
	owner.logIn("code3", openID)
	g, err := w.store.UserGrant(t.Context(), "svc", openID, "snsapi_userinfo")
	if err != nil || g.State != grant.Active || g.Tokens.Generation != 2 {
		t.Errorf("after coming back: %+v %v", g, err)
	}
}

// An operator's withdrawal does not stop the owner's shop.
func TestOperatorWithdraws(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaWeChat)
	b.logIn("code1", openID)
	w.store.persons[b.personID()].Members = []access.Member{{TenantID: "lan", Role: access.Operator}}
	w.store.grants = append(w.store.grants, grant.Grant{ID: "g_lantian", Kind: grant.Self, ShopID: "lantian", State: grant.Active})
	b.post("/withdraw", nil)
	if g, _ := w.store.ShopGrant(t.Context(), "lantian"); g.State != grant.Active {
		t.Error("the shop stopped")
	}
}

func TestWithdrawNeedsAPerson(t *testing.T) {
	w := newWorld(t)
	refusedWith(t, w.browser(uaPC).post("/withdraw", nil), http.StatusUnauthorized, "not logged in")
	admin := w.browser(uaPC)
	w.adminLogIn(admin)
	refusedWith(t, admin.post("/withdraw", nil), http.StatusForbidden, "nothing to withdraw")
	b := w.browser(uaPC)
	b.logIn("code1", openID)
	w.store.fail["Revoke"] = errDown
	if rec := b.post("/withdraw", nil); rec.Code != http.StatusInternalServerError || b.sessionToken() == "" {
		t.Errorf("nothing was revoked, and the answer is %d", rec.Code)
	}
}

// A browser that was left open stops nothing: WeChat must have named the person
// lately, and the way there comes back.
func TestWithdrawNeedsAProof(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	b.logIn("code1", openID)
	w.clock.add(proofLife)
	for _, rec := range []*httptest.ResponseRecorder{b.get("/withdraw"), b.post("/withdraw", nil)} {
		refusedWith(t, rec, http.StatusForbidden, `/login?prove=1&amp;rd=%2Fwithdraw`)
	}
	w.answer("code2", openID)
	leadsTo(t, b.callback("code2", b.begin("/login?prove=1&rd=/withdraw")), "/withdraw")
	if rec := b.post("/withdraw", nil); rec.Code != http.StatusOK {
		t.Errorf("proved: %d", rec.Code)
	}
}
