package people_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// The owner sees everybody, their devices and the programs; others see less.
func TestBoard(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.join("p_boss", "小周", "", access.Owner)
	r.join("p_op", "小李<b>", "lantian", access.Operator)
	r.declare(access.Declaration{Clients: []access.Client{
		{ID: "erp", Name: "订单系统", KeyHash: []byte("1"), Mode: access.Write, Shops: []string{"lantian"}, CreatedAt: epoch, ExpiresAt: epoch.AddDate(1, 0, 0)},
		{ID: "bi", Name: "报表", KeyHash: []byte("2"), Mode: access.Read, Shops: []string{"tea"}, CreatedAt: epoch},
		{ID: "gone", Name: "旧系统", KeyHash: []byte("3"), Mode: access.Read, Shops: []string{"lantian"}, CreatedAt: epoch, RevokedAt: epoch},
	}})
	for _, lang := range []string{"en", "zh-CN"} {
		rec := r.as("p_boss").getIn("/shops/lantian", lang)
		contains(t, rec, "小周", "小李&lt;b&gt;", word(t, lang, "people.role.operator"), "订单系统", word(t, lang, "people.program.write"),
			"2027-03-01", "/shops/lantian/people/p_op?at=shop", "/shops/lantian/invite")
		lacks(t, rec, "报表", "旧系统", "/people/p_boss")
		if key := unsaid.FindString(rec.Body.String()); key != "" {
			t.Errorf("%s shows the key %s", lang, key)
		}
	}
	rec := r.as("p_op").get("/shops/lantian")
	lacks(t, rec, "小周", "订单系统", "/invite", "/people/")
	contains(t, rec, "2026-03-01")
}

// A shop that is not connected says so, with when.
func TestConnection(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.join("p_boss", "小周", "", access.Owner)
	contains(t, r.as("p_boss").get("/shops/lantian"), `data-grant="active"`)
	g, err := r.store.ShopGrant(t.Context(), "lantian")
	r.must(err)
	r.must(r.store.Revoke(t.Context(), grant.Effects{At: epoch, Revoke: []grant.Revocation{{GrantID: g.ID, Cause: "test"}}}))
	contains(t, r.get("/shops/lantian"), `data-grant="revoked"`, "2026-03-01 20:00")
}

// Only an owner whom WeChat named just now comes anywhere near a change.
func TestWhoMayChange(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	boss := r.join("p_boss", "小周", "", access.Owner)
	r.join("p_shop", "小王", "lantian", access.Owner)
	r.join("p_op", "小李", "lantian", access.Operator)
	r.join("p_all", "小陈", "", access.Operator)
	size := len(r.entries("member.change"))
	for _, tt := range []struct {
		name   string
		as     func()
		path   string
		status int
	}{
		{"a stranger", func() { r.as("") }, "p_op", http.StatusUnauthorized},
		{"an operator", func() { r.as("p_op") }, "p_shop", http.StatusForbidden},
		{"an owner of long ago", func() { r.as("p_boss").old = true }, "p_op", http.StatusForbidden},
		{"one who owns the shop only, in the tenant", func() { r.as("p_shop") }, "p_all?at=tenant", http.StatusNotFound},
		{"their own role", func() { r.as("p_boss") }, "p_boss?at=tenant", http.StatusNotFound},
		{"nobody's role", func() { r.as("p_boss") }, "p_unknown", http.StatusNotFound},
		{"a role that they do not have there", func() { r.as("p_boss") }, "p_op?at=tenant", http.StatusNotFound},
	} {
		tt.as()
		at := "shop"
		path, query, _ := strings.Cut(tt.path, "?")
		if query != "" {
			at = "tenant"
		}
		form := url.Values{"role": {"viewer"}, "was": {"operator"}, "at": {at}}
		for what, rec := range map[string]*httptest.ResponseRecorder{
			"looks":   r.get("/shops/lantian/people/" + path + "?at=" + at),
			"changes": r.post("/shops/lantian/people/"+path, form),
			"removes": r.post("/shops/lantian/people/"+path+"/remove", form),
			"offers":  r.post("/shops/lantian/people/"+path+"/offer", form),
		} {
			if rec.Code != tt.status {
				t.Errorf("%s %s: %d, want %d", tt.name, what, rec.Code, tt.status)
			}
		}
	}
	if n := len(r.entries("member.change")); n != size || r.role("p_op") != access.Operator || r.role(boss.PersonID) != access.Owner {
		t.Error("a refusal changed something")
	}
}

func TestChangeMember(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.join("p_boss", "小周", "", access.Owner)
	r.join("p_op", "小李", "lantian", access.Operator)
	r.as("p_boss")
	contains(t, r.get("/shops/lantian/people/p_op?at=shop"), "小李", `value="operator" selected`, `type="date"`)
	r.posts(http.StatusSeeOther, "/shops/lantian/people/p_op", url.Values{"role": {"viewer"}, "was": {"operator"}, "until": {"2026-03-05"}})
	p, err := r.store.Person(t.Context(), "p_op")
	r.must(err)
	want := access.Member{TenantID: "lantian", ShopID: "lantian", PersonID: "p_op", Role: access.Viewer, Since: epoch,
		Until: time.Date(2026, 3, 5, 16, 0, 0, 0, time.UTC)} // the day ends in Beijing
	if len(p.Members) != 1 || p.Members[0] != want {
		t.Errorf("got %+v, want %+v", p.Members, want)
	}
	contains(t, r.get("/shops/lantian"), "until 2026-03-05")
	e := r.entries("member.change")
	if len(e) != 1 || e[0].Actor.ID != "p_boss" || e[0].Details["was"] != "operator" {
		t.Errorf("entries %+v", e)
	}
	for name, form := range map[string]url.Values{
		"no role":      {"was": {"viewer"}},
		"an odd role":  {"role": {"emperor"}, "was": {"viewer"}},
		"yesterday":    {"role": {"viewer"}, "was": {"viewer"}, "until": {"2026-02-28"}},
		"no day":       {"role": {"viewer"}, "was": {"viewer"}, "until": {"soon"}},
		"far away":     {"role": {"viewer"}, "was": {"viewer"}, "until": {"9999-01-01"}},
		"not a day":    {"role": {"viewer"}, "was": {"viewer"}, "until": {"2026-02-30"}},
		"overlong day": {"role": {"viewer"}, "was": {"viewer"}, "until": {strings.Repeat("9", 1000)}},
	} {
		if rec := r.post("/shops/lantian/people/p_op", form); rec.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d, want 422", name, rec.Code)
		}
	}
	r.posts(http.StatusConflict, "/shops/lantian/people/p_op", url.Values{"role": {"owner"}, "was": {"operator"}}) // an old page
	r.now = want.Until
	if r.role("p_op") != "" {
		t.Error("a role that ended counts")
	}
	r.as("p_op")
	if rec := r.get("/shops/lantian"); rec.Code == http.StatusOK {
		t.Error("a role that ended opens the shop")
	}
}

// A new owner is told of.
func TestPromotion(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.join("p_boss", "小周", "", access.Owner)
	r.join("p_op", "小李", "", access.Operator)
	r.as("p_boss").posts(http.StatusSeeOther, "/shops/lantian/people/p_op", url.Values{"role": {"owner"}, "was": {"operator"}, "at": {"tenant"}})
	if !slices.Contains(r.kinds(), notice.NewOwner) {
		t.Error("nobody was told")
	}
	// Now both are owners, and either may end the other's role.
	r.as("p_op").posts(http.StatusSeeOther, "/shops/lantian/people/p_boss", url.Values{"role": {"viewer"}, "was": {"owner"}, "at": {"tenant"}})
	if r.role("p_boss") != access.Viewer || r.role("p_op") != access.Owner {
		t.Error("the roles are others")
	}
}

// An owner of the shop alone cannot leave the tenant without one by the other's end
// date.
func TestLastOwnerStays(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.join("p_boss", "小周", "", access.Owner)
	r.join("p_two", "小李", "", access.Owner)
	r.as("p_boss").posts(http.StatusSeeOther, "/shops/lantian/people/p_two", url.Values{"role": {"owner"}, "was": {"owner"}, "at": {"tenant"}, "until": {"2026-04-01"}})
	rec := r.as("p_two").posts(http.StatusConflict, "/shops/lantian/people/p_boss", url.Values{"role": {"viewer"}, "was": {"owner"}, "at": {"tenant"}})
	contains(t, rec, "nobody as the owner", "没有任何人是店主")
	r.posts(http.StatusConflict, "/shops/lantian/people/p_boss/remove", url.Values{"at": {"tenant"}})
	if r.role("p_boss") != access.Owner || !r.live("p_boss") {
		t.Error("the last owner is gone")
	}
}

// The page lists what goes, and then all of it goes at once.
func TestRemove(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.join("p_boss", "小周", "", access.Owner)
	r.join("p_op", "小李", "lantian", access.Operator)
	r.declare(access.Declaration{Clients: []access.Client{{ID: "erp", Name: "订单系统", KeyHash: []byte("1"), Mode: access.Write, Shops: []string{"lantian"},
		CreatedAt: epoch, MadeBy: "person:p_op"}}})
	r.as("p_boss")
	contains(t, r.get("/shops/lantian/people/p_op?at=shop"), "/shops/lantian/people/p_op/remove?at=shop")
	page := r.get("/shops/lantian/people/p_op/remove?at=shop")
	contains(t, page, "小李", "订单系统", `name="client" value="erp"`, "logged in sessions: 1")
	if r.role("p_op") == "" {
		t.Fatal("looking removed somebody")
	}
	// Meanwhile they make an invitation: the list is shown again, and nothing happens.
	i, _ := access.NewInvitation("lantian", "lantian", access.Viewer, "person:p_op", epoch)
	r.must(r.store.CreateInvitation(t.Context(), i))
	form := url.Values{"at": {"shop"}, "client": {"erp"}}
	again := r.posts(http.StatusOK, "/shops/lantian/people/p_op/remove", form)
	contains(t, again, word(t, "zh-CN", "people.remove.more"), `name="invitation" value="`+i.ID+`"`)
	if r.role("p_op") == "" || !r.live("p_op") {
		t.Fatal("something happened")
	}
	form.Set("invitation", i.ID)
	r.posts(http.StatusSeeOther, "/shops/lantian/people/p_op/remove", form)
	if r.role("p_op") != "" || r.live("p_op") {
		t.Error("the role or the session goes on")
	}
	if c, err := r.store.Client(t.Context(), "erp"); err != nil || c.Live(epoch) {
		t.Errorf("the key lives (%v)", err)
	}
	if i, err := r.store.Invitation(t.Context(), i.ID); err != nil || i.State != access.InvitationDead {
		t.Errorf("the invitation is %s (%v)", i.State, err)
	}
	for action, n := range map[string]int{"member.remove": 1, "client.revoke": 1, "invitation.withdraw": 1} {
		if got := len(r.entries(action)); got != n {
			t.Errorf("%d entries %s, want %d", got, action, n)
		}
	}
	r.posts(http.StatusNotFound, "/shops/lantian/people/p_op/remove", form)
}

// link is where an invitation lands.
var link = regexp.MustCompile(`https://zhanggui\.example\.com/i/(zgi_[A-Z2-7]{26})`)

func TestInvite(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.join("p_boss", "小周", "", access.Owner)
	r.as("p_boss")
	contains(t, r.get("/shops/lantian/invite"), `name="until"`, `value="tenant"`)
	rec := r.posts(http.StatusCreated, "/shops/lantian/invite", url.Values{"role": {"operator"}, "at": {"shop"}, "until": {"2026-06-30"}})
	contains(t, rec, "<svg", "2026-06-30")
	found := link.FindStringSubmatch(rec.Body.String())
	if found == nil {
		t.Fatalf("no link:\n%s", rec.Body)
	}
	i, err := r.store.InvitationByToken(t.Context(), access.HashKey(found[1]))
	r.must(err)
	if i.ShopID != "lantian" || i.Role != access.Operator || i.InvitedBy != "person:p_boss" || i.MemberUntil.IsZero() {
		t.Errorf("invitation %+v", i)
	}
	shop := r.get("/shops/lantian")
	contains(t, shop, "/invitations/"+i.ID+"/withdraw")
	lacks(t, shop, found[1], "/invitations/"+i.ID+"/confirm")
	r.take(i, "p_new", "7391")
	contains(t, r.get("/shops/lantian"), "/invitations/"+i.ID+"/confirm")
	lacks(t, r.get("/shops/lantian"), "7391")
	r.posts(http.StatusForbidden, "/shops/lantian/invitations/"+i.ID+"/confirm", url.Values{"code": {"0000"}})
	r.posts(http.StatusSeeOther, "/shops/lantian/invitations/"+i.ID+"/confirm", url.Values{"code": {"7391"}})
	if r.role("p_new") != access.Operator {
		t.Errorf("the new member is %q", r.role("p_new"))
	}
	r.now = i.MemberUntil
	if r.role("p_new") != "" {
		t.Error("the role did not end")
	}
}

// take has a new person take an invitation, with the code they are shown.
func (r *rig) take(i access.Invitation, person, code string) {
	r.t.Helper()
	_, hash := access.NewKey(access.SessionPrefix)
	e := grant.Effects{At: r.now, Login: &grant.Login{NewPerson: person,
		Identity: access.Identity{App: "mp", OpenID: "o_demo_" + person, PersonID: person, SeenAt: r.now},
		Session: access.Session{ID: "s_" + person, TokenHash: hash, PersonID: person, App: "mp", Door: access.DoorWeChat,
			CreatedAt: r.now, SeenAt: r.now, ProvedAt: r.now, ExpiresAt: r.now.Add(time.Hour), IdleLimit: time.Hour},
		Take: &grant.Take{InvitationID: i.ID, PersonID: person, Code: code}}}
	r.must(r.store.Login(r.t.Context(), e))
}

func TestInviteRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.join("p_boss", "小周", "", access.Owner)
	r.join("p_shop", "小王", "lantian", access.Owner)
	r.as("p_shop")
	lacks(t, r.get("/shops/lantian/invite"), `value="tenant"`)
	for name, form := range map[string]url.Values{
		"further than they own": {"role": {"viewer"}, "at": {"tenant"}},
		"no role":               {"at": {"shop"}},
		"a day that is over":    {"role": {"viewer"}, "until": {"2020-01-01"}},
	} {
		if rec := r.post("/shops/lantian/invite", form); rec.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d, want 422", name, rec.Code)
		}
	}
	// An invitation to the whole tenant is none of theirs to withdraw.
	i, _ := access.NewInvitation("lantian", "", access.Owner, "person:p_boss", epoch)
	r.must(r.store.CreateInvitation(t.Context(), i))
	lacks(t, r.get("/shops/lantian"), i.ID)
	r.posts(http.StatusNotFound, "/shops/lantian/invitations/"+i.ID+"/withdraw", nil)
	r.as("p_boss").posts(http.StatusSeeOther, "/shops/lantian/invitations/"+i.ID+"/withdraw", nil)
	r.posts(http.StatusNotFound, "/shops/lantian/invitations/"+i.ID+"/withdraw", nil)
}

// Who owns a shop for a time gives nothing that lasts longer, and cannot hand it over.
func TestWhoOwnsForATimeGivesNoMore(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.join("p_boss", "小周", "", access.Owner)
	r.join("p_deputy", "小王", "lantian", access.Operator)
	r.join("p_op", "小李", "lantian", access.Operator)
	r.as("p_boss")
	r.posts(http.StatusSeeOther, "/shops/lantian/people/p_deputy", url.Values{"role": {"owner"}, "was": {"operator"}, "until": {"2026-03-05"}})
	end := time.Date(2026, 3, 5, 16, 0, 0, 0, time.UTC)
	r.as("p_deputy")
	lacks(t, r.get("/shops/lantian/people/p_op?at=shop"), "/offer")
	r.posts(http.StatusNotFound, "/shops/lantian/people/p_op/offer", url.Values{"at": {"shop"}})
	r.posts(http.StatusSeeOther, "/shops/lantian/people/p_op", url.Values{"role": {"owner"}, "was": {"operator"}})
	p, err := r.store.Person(t.Context(), "p_op")
	r.must(err)
	if len(p.Members) != 1 || p.Members[0].Role != access.Owner || !p.Members[0].Until.Equal(end) {
		t.Errorf("made an owner: %+v", p.Members)
	}
	rec := r.posts(http.StatusCreated, "/shops/lantian/invite", url.Values{"role": {"viewer"}, "at": {"shop"}})
	i, err := r.store.InvitationByToken(t.Context(), access.HashKey(link.FindStringSubmatch(rec.Body.String())[1]))
	r.must(err)
	if !i.MemberUntil.Equal(end) {
		t.Errorf("invited until %s", i.MemberUntil)
	}
}
