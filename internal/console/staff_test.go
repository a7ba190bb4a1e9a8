package console_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/a-h/templ"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
)

// boards stands for what says who may do what in a shop.
type boards struct {
	inside bool // staff entered the tenant
}

func (*boards) Board(_ context.Context, p access.Person, shop access.Shop, role access.Role, watching bool) (templ.Component, error) {
	word := p.ID + " " + shop.ID + " " + string(role)
	if watching {
		word += " watching"
	}
	return templ.Raw("<p>" + word + "</p>"), nil
}

func (b *boards) Visiting(context.Context, string, access.Shop) error {
	if b.inside {
		return nil
	}
	return errNoRole
}

// as makes an administrator of a kind, and has them ask.
func (r *rig) as(kind access.StaffKind) {
	r.t.Helper()
	id := "a_" + string(kind)
	_, hash := access.NewKey(access.AdminKeyPrefix)
	err := r.store.CreateAdmin(r.t.Context(), access.Administrator{ID: id, Name: "客服", Kind: kind, KeyHash: hash, CreatedAt: epoch}, nil,
		audit.Entry{At: epoch, Actor: audit.Actor{Kind: audit.ActorOperator}, Action: "admin.create", Outcome: audit.Done})
	if err != nil {
		r.t.Fatal(err)
	}
	r.session, r.person = &access.Session{ID: "s_0004", AdminID: id, Door: access.DoorKey}, access.Person{}
}

// Support sees what is of the server and no button, an auditor the log; neither can act,
// and people are a merchant's, whom one enters.
func TestKindsOfStaff(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	i := r.takeInvitation("7391")
	for kind, sees := range map[access.StaffKind]bool{access.StaffSupport: true, access.StaffAuditor: false} {
		r.as(kind)
		body := r.get("/", "en").Body.String()
		if strings.Contains(body, word(t, "en", "console.grants")) != sees || !strings.Contains(body, word(t, "en", "console.audit.caption")) {
			t.Errorf("%s sees\n%s", kind, body)
		}
		if strings.Contains(body, word(t, "en", "console.invitations")) || strings.Contains(body, word(t, "en", "console.sessions")) {
			t.Errorf("%s sees people:\n%s", kind, body)
		}
		if strings.Contains(body, `action="/admin/`) {
			t.Errorf("%s has a button:\n%s", kind, body)
		}
		before := r.size()
		for _, path := range []string{"/admin/invitations", "/admin/invitations/" + i.ID + "/confirm", "/admin/sessions/s_0009/end", "/admin/clients/erp/revoke"} {
			if rec := r.post(path, url.Values{"tenant": {"lantian"}, "code": {"7391"}}); rec.Code != http.StatusForbidden {
				t.Errorf("%s at %s: %d", kind, path, rec.Code)
			}
		}
		if r.size() != before {
			t.Errorf("%s changed something", kind)
		}
	}
	r.session.AdminID = "a_unknown"
	if rec := r.get("/", "en"); rec.Code == http.StatusOK {
		t.Error("whoever is not known sees the overview")
	}
}

// Staff inside a tenant reads the shop's page, which says so and has no button of
// the owner's; a person's page has the board of their role.
func TestShopForStaff(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.as(access.StaffSupport)
	if rec := r.get("/shops/lantian", "en"); rec.Code != http.StatusForbidden {
		t.Errorf("outside: %d", rec.Code)
	}
	r.board.inside = true
	rec := r.get("/shops/lantian", "en")
	body := rec.Body.String()
	if rec.Code != http.StatusOK || !strings.Contains(body, "lantian owner watching") || !strings.Contains(body, word(t, "en", "console.visiting")) ||
		!strings.Contains(body, `action="/visit/lantian/end"`) || strings.Contains(body, "/logout") || strings.Contains(body, "/withdraw") {
		t.Errorf("inside: %d\n%s", rec.Code, body)
	}
	if rec := r.get("/shops/none", "en"); rec.Code != http.StatusNotFound {
		t.Errorf("no such shop: %d", rec.Code)
	}
	r.asPerson("小周", owner)
	if body := r.get("/shops/lantian", "en").Body.String(); !strings.Contains(body, "p_0001 lantian owner<") {
		t.Errorf("an owner's page:\n%s", body)
	}
}
