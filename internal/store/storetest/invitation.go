package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

type auditEntry = audit.Entry

func invitation(id, shop string) access.Invitation {
	return access.Invitation{
		ID: id, TokenHash: access.HashKey(id), TenantID: "lantian", ShopID: shop, Role: access.Owner, InvitedBy: "operator",
		CreatedAt: start, ExpiresAt: start.Add(access.InvitationLife), State: access.InvitationOpen,
	}
}

// invited logs a new person in who takes a new invitation with code 1234.
func (w *world) invited(n int, id, shop string) grant.Effects {
	w.t.Helper()
	return w.taken(n, invitation(id, shop))
}

// claimed is invited with a claim.
func (w *world) claimed(n int, id, shop string) grant.Effects {
	w.t.Helper()
	i := invitation(id, shop)
	i.InvitedBy = access.ByMarket + "s_" + id
	return w.taken(n, i)
}

func (w *world) confirmClaim(e grant.Effects, shop string) error {
	return w.s.ConfirmClaim(w.t.Context(), e.Login.Take.InvitationID, shop, e.Login.NewPerson, e.At, grant.Effects{
		At: e.At, Audit: []audit.Entry{entry("member.claim")}, Notices: []notice.Notice{{At: e.At, Kind: notice.NewOwner}},
	})
}

func (w *world) taken(n int, i access.Invitation) grant.Effects {
	w.t.Helper()
	w.must(w.s.CreateInvitation(w.t.Context(), i, entry("invitation.create")))
	e := w.visit(n)
	e.Login.Take = &grant.Take{InvitationID: i.ID, PersonID: e.Login.NewPerson, Code: "1234"}
	w.must(w.s.Login(w.t.Context(), e))
	return e
}

func (w *world) confirm(id, code string, now time.Time) (access.Invitation, error) {
	return w.confirmOn(w.s, id, code, now)
}

func (w *world) confirmOn(s *sqlstore.Store, id, code string, now time.Time) (access.Invitation, error) {
	return s.ConfirmInvitation(w.t.Context(), id, code, now, grant.Effects{
		At: now, Audit: []audit.Entry{entry("member.new")}, Notices: []notice.Notice{{At: now, Kind: notice.NewOwner}},
	})
}

var invitationCases = []testCase{
	{"open, taken, confirmed: a member", func(t *testing.T, w *world) {
		e := w.invited(1, "i_1", "")
		i, err := w.s.InvitationByToken(t.Context(), access.HashKey("i_1"))
		w.must(err)
		want := invitation("i_1", "")
		want.State, want.PersonID, want.Code = access.InvitationTaken, e.Login.NewPerson, "1234"
		same(t, "taken", i, want)
		i, err = w.confirm("i_1", "1234", start.Add(time.Minute))
		w.must(err)
		want.State, want.Code = access.InvitationConfirmed, ""
		same(t, "confirmed", i, want)
		stored, err := w.s.Invitation(t.Context(), "i_1")
		w.must(err)
		same(t, "stored", stored, want)
		members, err := w.s.Members(t.Context(), "lantian")
		w.must(err)
		same(t, "members", members, []access.Member{{
			TenantID: "lantian", PersonID: e.Login.NewPerson, Role: access.Owner, Since: start.Add(time.Minute),
		}})
		same(t, "entries", len(w.entries("member.new")), 1)
		same(t, "notices", w.snapshot().Notices, 1)
		w.refused(access.ErrInvitationGone, func() error { return second(w.confirm("i_1", "1234", start)) })
	}},
	{"three wrong codes kill it", func(t *testing.T, w *world) {
		w.invited(1, "i_1", "tea")
		for n := 1; n <= access.MaxCodeTries; n++ {
			i, err := w.confirm("i_1", "0000", start)
			w.wants(access.ErrWrongCode, err)
			same(t, "tries", i.Tries, n)
			stored, err := w.s.Invitation(t.Context(), "i_1")
			w.must(err)
			same(t, "stored", stored, i)
		}
		w.refused(access.ErrInvitationGone, func() error { return second(w.confirm("i_1", "1234", start)) })
		same(t, "refusals", len(w.entries("invitation.confirm")), access.MaxCodeTries)
		same(t, "notices", w.snapshot().Notices, 0)
	}},
	{"the right code after a wrong one", func(t *testing.T, w *world) {
		w.invited(1, "i_1", "tea")
		_, err := w.confirm("i_1", "", start)
		w.wants(access.ErrWrongCode, err)
		_, err = w.confirm("i_1", "1234", start)
		w.must(err)
	}},
	{"it ends", func(t *testing.T, w *world) {
		w.invited(1, "i_1", "tea")
		w.refused(access.ErrInvitationGone, func() error {
			return second(w.confirm("i_1", "1234", start.Add(access.InvitationLife)))
		})
		w.must(w.s.CreateInvitation(t.Context(), invitation("i_2", "tea"), entry("invitation.create")))
		e := w.visit(2)
		e.At = start.Add(access.InvitationLife)
		e.Login.Take = &grant.Take{InvitationID: "i_2", PersonID: e.Login.NewPerson, Code: "1234"}
		w.refused(access.ErrInvitationGone, func() error { return w.s.Login(t.Context(), e) })
	}},
	{"it is taken once", func(t *testing.T, w *world) {
		w.invited(1, "i_1", "tea")
		for _, id := range []string{"i_1", "i_unknown"} {
			e := w.visit(2 + len(id))
			e.Login.Take = &grant.Take{InvitationID: id, PersonID: e.Login.NewPerson, Code: "9999"}
			w.refused(access.ErrInvitationGone, func() error { return w.s.Login(t.Context(), e) })
		}
	}},
	{"it is withdrawn", func(t *testing.T, w *world) {
		w.invited(1, "i_1", "tea")
		w.must(w.s.WithdrawInvitation(t.Context(), "i_1", start, entry("invitation.withdraw")))
		for want, do := range map[error]func() error{
			access.ErrInvitationGone: func() error { return w.s.WithdrawInvitation(t.Context(), "i_1", start, entry("x")) },
			access.ErrNotFound:       func() error { return w.s.WithdrawInvitation(t.Context(), "i_unknown", start, entry("x")) },
		} {
			w.refused(want, do)
		}
		w.refused(access.ErrInvitationGone, func() error { return second(w.confirm("i_1", "1234", start)) })
	}},
	{"a role is never taken away by an invitation", func(t *testing.T, w *world) {
		e := w.invited(1, "i_1", "tea")
		_, err := w.confirm("i_1", "1234", start)
		w.must(err)
		lesser := invitation("i_2", "tea")
		lesser.Role = access.Viewer
		w.must(w.s.CreateInvitation(t.Context(), lesser, entry("invitation.create")))
		again := grant.Effects{At: start, Login: &grant.Login{
			Identity: e.Login.Identity, Session: session("s_again", e.Login.NewPerson),
			Take: &grant.Take{InvitationID: "i_2", PersonID: e.Login.NewPerson, Code: "1234"},
		}}
		w.must(w.s.Login(t.Context(), again))
		_, err = w.confirm("i_2", "1234", start)
		w.must(err)
		p, err := w.s.Person(t.Context(), e.Login.NewPerson)
		w.must(err)
		same(t, "roles", len(p.Members), 1)
		same(t, "role", p.Members[0].Role, access.Owner)
	}},
	{"of two claims at once one makes the owner", func(t *testing.T, w *world) {
		claims := []grant.Effects{w.claimed(1, "i_1", "tea"), w.claimed(2, "i_2", "tea")}
		errs := make([]error, len(claims))
		var wg sync.WaitGroup
		for n, e := range claims {
			wg.Go(func() { errs[n] = w.confirmClaim(e, "tea") })
		}
		wg.Wait()
		if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs...), access.ErrNotFree) {
			t.Errorf("got %v", errs)
		}
		members, err := w.s.Members(t.Context(), "lantian")
		w.must(err)
		same(t, "members", len(members), 1)
		same(t, "entries", len(w.entries("member.claim")), 1)
		same(t, "notices", w.snapshot().Notices, 1)
	}},
	{"a claim makes nobody an owner of what is owned", func(t *testing.T, w *world) {
		e := w.claimed(1, "i_1", "tea")
		w.invited(2, "i_2", "")
		_, err := w.confirm("i_2", "1234", start)
		w.must(err)
		w.refused(access.ErrNotFree, func() error { return w.confirmClaim(e, "tea") })
		_, err = w.confirm("i_1", "1234", start) // an owner may say yes all the same
		w.must(err)
	}},
	{"a claim reaches no further than its shop", func(t *testing.T, w *world) {
		for n, c := range []struct{ place, shop string }{{"", "tea"}, {"rice", "tea"}, {"rice", "silk"}, {"", "silk"}} {
			e := w.claimed(n, fmt.Sprint("i_", n), c.place)
			w.refused(access.ErrNotFree, func() error { return w.confirmClaim(e, c.shop) })
		}
	}},
	{"what is no claim of the person is not confirmed as one", func(t *testing.T, w *world) {
		other := w.claimed(1, "i_1", "tea")
		other.Login.NewPerson = "p_other"
		offer := w.invited(2, "i_2", "tea")
		late := w.claimed(3, "i_3", "tea")
		late.At = start.Add(access.InvitationLife)
		for _, e := range []grant.Effects{other, offer, late} {
			w.refused(access.ErrInvitationGone, func() error { return w.confirmClaim(e, "tea") })
		}
		unknown := w.visit(4)
		unknown.Login.Take = &grant.Take{InvitationID: "i_unknown"}
		w.refused(access.ErrNotFound, func() error { return w.confirmClaim(unknown, "tea") })
	}},
	{"only to a place that exists", func(t *testing.T, w *world) {
		foreign, nowhere, noShop := invitation("i_1", "silk"), invitation("i_2", ""), invitation("i_3", "unknown")
		nowhere.TenantID = "unknown"
		for _, i := range []access.Invitation{foreign, nowhere, noShop} {
			w.refused(access.ErrNotFound, func() error { return w.s.CreateInvitation(t.Context(), i, entry("x")) })
		}
		w.refused(access.ErrNotFound, func() error { return second(w.s.Invitation(t.Context(), "i_unknown")) })
	}},
	{"a role ends once, with what follows", func(t *testing.T, w *world) {
		m := w.member(1, "", access.Operator)
		follows := grant.Effects{
			At: start, EndSessions: []access.SessionFilter{{PersonID: m.PersonID, Why: "left"}}, Audit: []audit.Entry{entry("member.end")},
		}
		w.must(w.s.RemoveMember(t.Context(), access.Departure{Member: m}, start.Add(time.Hour), follows))
		members, err := w.s.Members(t.Context(), "lantian")
		w.must(err)
		if len(members) != 1 || members[0].Active(start.Add(time.Hour)) {
			t.Errorf("members %+v", members)
		}
		for _, gone := range []access.Member{m, {TenantID: "lantian", ShopID: "tea", PersonID: m.PersonID}} {
			w.refused(access.ErrNotFound, func() error {
				return w.s.RemoveMember(t.Context(), access.Departure{Member: gone}, start.Add(time.Hour), follows)
			})
		}
	}},
}

// wants ends the test unless err is the one expected, and checks the invariants.
func (w *world) wants(want, err error) {
	w.t.Helper()
	if !errors.Is(err, want) {
		w.t.Fatalf("got error %v, want %v", err, want)
	}
	Check(w.t, w.s)
}
