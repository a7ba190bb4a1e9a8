package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

const shopAppID = "wx00000000000000e1"

// sellServices makes the first shop one that a platform serves, too.
func (r *rig) sellServices() {
	r.t.Helper()
	revision, err := r.store.Revision(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	d := access.Declaration{Revision: revision, At: epoch,
		Apps: []access.App{{ID: "isv", Kind: access.Component, AppID: "wx00000000000000d4", Secret: []byte("sealed"), SecretVersion: 1,
			Services: []access.Service{{ID: "erp", ServiceID: "1234567890123", Name: "蓝天 ERP", Role: access.Operator}}}},
		Shops: []access.Shop{{ID: "lantian", TenantID: "lantian", App: "a", AppID: shopAppID, Name: "蓝天文具店"}},
	}
	if err := r.store.Declare(r.t.Context(), d, audit.Entry{At: epoch, Actor: audit.Actor{Kind: audit.ActorOperator}, Action: "test.declare", Outcome: audit.Done}); err != nil {
		r.t.Fatal(err)
	}
}

// buy keeps what the shop bought.
func (r *rig) buy(all ...access.Purchase) {
	r.t.Helper()
	for i := range all {
		all[i].App, all[i].AppID, all[i].SeenAt = "isv", shopAppID, epoch
	}
	if err := r.store.Authorise(r.t.Context(), grant.Effects{At: epoch, Purchases: all}); err != nil {
		r.t.Fatal(err)
	}
}

// asMarket lets somebody in whom the service market sent.
func (r *rig) asMarket() {
	r.session = &access.Session{ID: "s_0003", ShopID: "lantian", Role: access.Operator, App: "isv", Door: access.DoorMarket}
	r.person = access.Person{Members: []access.Member{{TenantID: "lantian", ShopID: "lantian", Role: access.Operator}}}
}

// Somebody from the market sees the one shop, what they are, how to get a name,
// and nothing that needs one.
func TestShopFromTheMarket(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.sellServices()
	r.asMarket()
	for lang, leave := range map[string]string{"en": "Log out", "zh-CN": "退出登录"} {
		for _, path := range []string{"/", "/shops/lantian"} {
			rec := r.get(path, lang)
			body := rec.Body.String()
			if rec.Code != http.StatusOK || !strings.Contains(body, word(t, lang, "console.market.limits")) || !strings.Contains(body, `href="/market/claim"`) || !strings.Contains(body, leave) {
				t.Errorf("%s in %s: %d\n%s", path, lang, rec.Code, body)
			}
			if strings.Contains(body, "/withdraw") || strings.Contains(body, "/admin") || unsaid.MatchString(body) {
				t.Errorf("%s in %s shows what needs a name, or a key:\n%s", path, lang, body)
			}
		}
	}
	if rec := r.get("/shops/tea", "en"); rec.Code != http.StatusForbidden {
		t.Errorf("another shop: %d", rec.Code)
	}
}

// What was bought is shown to everybody of the shop; what ended is shown as
// ended, and shuts nobody out.
func TestPurchases(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.sellServices()
	r.asPerson("小周", owner)
	if body := r.get("/shops/lantian", "en").Body.String(); strings.Contains(body, word(t, "en", "console.bought")) {
		t.Error("a shop that bought nothing has a table of it")
	}
	r.buy(access.Purchase{Service: "erp", Spec: "standard", PaidUntil: epoch.AddDate(0, 1, 0)},
		access.Purchase{Service: "erp", Spec: "trial", PaidUntil: epoch},
		access.Purchase{Service: "gone", Spec: "<b>odd</b>"})
	for _, as := range []func(){r.asMarket, func() { r.asPerson("小周", owner) }} {
		as()
		rec := r.get("/shops/lantian", "en")
		for _, want := range []string{"蓝天 ERP", "standard", ">2026-04-01<", "2026-03-01, ended", "not told by WeChat", "&lt;b&gt;odd"} {
			if !strings.Contains(rec.Body.String(), want) {
				t.Errorf("%d, the page lacks %q:\n%s", rec.Code, want, rec.Body)
			}
		}
	}
}

// claimed makes a claim that a person took, with this code.
func (r *rig) claimed(shop string) access.Invitation {
	r.t.Helper()
	i, _ := access.NewInvitation("lantian", shop, access.Owner, access.ByMarket+"s_0003", epoch)
	if err := r.store.CreateInvitation(r.t.Context(), i, grant.InviteEntry(epoch, audit.Actor{Kind: audit.ActorShop, ID: "lantian"}, i)); err != nil {
		r.t.Fatal(err)
	}
	r.takeAs(i, "p_0009", "7391")
	return i
}

// An owner who was proved just now confirms another's claim with the digits;
// nobody else sees or confirms it.
func TestOwnerConfirmsClaim(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.sellServices()
	i := r.claimed("")
	confirm := "/shops/lantian/claims/" + i.ID + "/confirm"
	shopOwner := access.Member{PersonID: "p_0001", TenantID: "lantian", ShopID: "lantian", Role: access.Owner, Since: epoch}
	operator := access.Member{PersonID: "p_0001", TenantID: "lantian", Role: access.Operator, Since: epoch}
	for name, as := range map[string]func(){
		"an operator":         func() { r.asPerson("小周", operator) },
		"owner of one shop":   func() { r.asPerson("小周", shopOwner) }, // the claim is for the whole tenant
		"owner of another's":  func() { r.asPerson("小周", access.Member{TenantID: "tea", Role: access.Owner}) },
		"one from the market": r.asMarket,
	} {
		as()
		r.session.ProvedAt = epoch
		if rec := r.get("/shops/lantian", "en"); strings.Contains(rec.Body.String(), i.ID) {
			t.Errorf("%s sees the claim", name)
		}
		if rec := r.post(confirm, url.Values{"code": {"7391"}}); rec.Code != http.StatusForbidden && rec.Code != http.StatusGone {
			t.Errorf("%s confirms: %d", name, rec.Code)
		}
	}
	r.asPerson("小周", owner)
	if rec := r.get("/shops/lantian", "en"); !strings.Contains(rec.Body.String(), confirm) || strings.Contains(rec.Body.String(), "7391") {
		t.Errorf("the owner is not asked, or shown the digits:\n%s", rec.Body)
	}
	if rec := r.post(confirm, url.Values{"code": {"7391"}}); rec.Code != http.StatusForbidden {
		t.Errorf("an owner of long ago: %d", rec.Code)
	}
	r.session.ProvedAt = epoch
	if rec := r.post(confirm, url.Values{"code": {"0000"}}); rec.Code != http.StatusForbidden || !strings.Contains(rec.Body.String(), "not the code") {
		t.Errorf("wrong digits: %d", rec.Code)
	}
	if rec := r.post(confirm, url.Values{"code": {"7391"}}); rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != "/shops/lantian" {
		t.Fatalf("%d\n%s", rec.Code, rec.Body)
	}
	members, err := r.store.Members(t.Context(), "lantian")
	if err != nil || len(members) != 1 || members[0].PersonID != "p_0009" || members[0].Role != access.Owner {
		t.Errorf("%+v (%v)", members, err)
	}
	if rec := r.post(confirm, url.Values{"code": {"7391"}}); rec.Code != http.StatusGone {
		t.Errorf("once more: %d", rec.Code)
	}
	told, err := r.store.Notices(t.Context(), false, 10)
	if err != nil || len(told) == 0 || told[0].Notice.Kind != notice.NewOwner {
		t.Errorf("notices %+v (%v)", told, err)
	}
}

// A claim that is over is not shown.
func TestOldClaim(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	i, _ := access.NewInvitation("lantian", "", access.Owner, access.ByMarket+"s_0003", epoch.Add(-access.InvitationLife+time.Second))
	if err := r.store.CreateInvitation(t.Context(), i); err != nil {
		t.Fatal(err)
	}
	r.asPerson("小周", owner)
	r.session.ProvedAt = epoch
	if rec := r.get("/shops/lantian", "en"); strings.Contains(rec.Body.String(), i.ID) {
		t.Error("a claim that nobody took is shown")
	}
	if rec := r.post("/shops/lantian/claims/"+i.ID+"/confirm", url.Values{"code": {"7391"}}); rec.Code != http.StatusGone {
		t.Errorf("%d", rec.Code)
	}
}
