package storetest

import (
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// member logs a new person in who holds a role in the first tenant or a shop of it.
func (w *world) member(n int, shop string, role access.Role) access.Member {
	w.t.Helper()
	i := invitation("i_member"+string(rune('0'+n)), shop)
	i.Role = role
	e := w.taken(n, i)
	_, err := w.confirm(i.ID, "1234", start)
	w.must(err)
	return access.Member{TenantID: "lantian", ShopID: shop, PersonID: e.Login.NewPerson, Role: role, Since: start}
}

// told is what follows from a change that is only recorded.
func told(action string) grant.Effects {
	return grant.Effects{At: start, Audit: []audit.Entry{entry(action)}}
}

func (w *world) roles() map[string]access.Role {
	w.t.Helper()
	members, err := w.s.Members(w.t.Context(), "lantian")
	w.must(err)
	roles := map[string]access.Role{}
	for _, m := range members {
		if m.Active(start) {
			roles[m.PersonID+"@"+m.ShopID] = m.Role
		}
	}
	return roles
}

var memberCases = []testCase{
	{"a role changes, as it was seen", func(t *testing.T, w *world) {
		w.member(1, "", access.Owner)
		m := w.member(2, "tea", access.Operator)
		to := m
		to.Role, to.Until, to.Since = access.Viewer, start.Add(24*time.Hour), start.Add(time.Minute)
		w.must(w.s.ChangeMember(t.Context(), m, to, to.Since, told("member.change")))
		p, err := w.s.Person(t.Context(), m.PersonID)
		w.must(err)
		same(t, "members", p.Members, []access.Member{to})
		same(t, "entries", len(w.entries("member.change")), 1)
		w.refused(access.ErrStale, func() error { return w.s.ChangeMember(t.Context(), m, to, start, told("x")) })
		w.refused(access.ErrNotFound, func() error { return w.s.ChangeMember(t.Context(), to, m, to.Until, told("x")) })
	}},
	{"the last owner stays", func(t *testing.T, w *world) {
		boss, shopBoss := w.member(1, "", access.Owner), w.member(2, "tea", access.Owner)
		lesser, ending := boss, boss
		lesser.Role, ending.Until = access.Operator, start.Add(24*time.Hour)
		for name, do := range map[string]func() error{
			"removed":  func() error { return w.s.RemoveMember(t.Context(), access.Departure{Member: boss}, start, told("x")) },
			"demoted":  func() error { return w.s.ChangeMember(t.Context(), boss, lesser, start, told("x")) },
			"to end":   func() error { return w.s.ChangeMember(t.Context(), boss, ending, start, told("x")) },
			"declared": func() error { return w.declareMember(lesser) },
			"deleted":  func() error { return w.s.ForgetPerson(t.Context(), boss.PersonID, nil, told("x")) },
		} {
			t.Log(name)
			w.refused(access.ErrLastOwner, do)
		}
		// Who owns the tenant owns the shop too.
		w.must(w.s.RemoveMember(t.Context(), access.Departure{Member: shopBoss}, start, told("member.remove")))
		second := w.member(3, "", access.Owner)
		w.must(w.s.ChangeMember(t.Context(), boss, lesser, start, told("member.change")))
		same(t, "roles", w.roles(), map[string]access.Role{boss.PersonID + "@": access.Operator, second.PersonID + "@": access.Owner})
	}},
	{"an owner who cannot log in does not count", func(t *testing.T, w *world) {
		ghost := w.enter(1)
		boss := w.member(2, "", access.Owner)
		w.must(w.declareMember(access.Member{TenantID: "lantian", PersonID: ghost.Login.NewPerson, Role: access.Owner, Since: start}))
		w.must(w.s.Revoke(t.Context(), grant.Effects{At: start, Forget: []grant.Forgetting{{App: "mp", OpenID: ghost.Login.Identity.OpenID}}}))
		w.refused(access.ErrLastOwner, func() error { return w.s.RemoveMember(t.Context(), access.Departure{Member: boss}, start, told("x")) })
	}},
	{"who leaves takes their keys and invitations along", func(t *testing.T, w *world) {
		w.member(1, "", access.Owner)
		m := w.member(2, "", access.Operator)
		by := access.ByPerson + m.PersonID
		theirs, others, foreign := client("erp", "tea"), client("other", "tea"), client("silk", "silk")
		theirs.MadeBy, others.MadeBy, foreign.MadeBy = by, access.ByPerson+"p_other", by
		w.declareClients(1, theirs, others, foreign)
		open := invitation("i_open", "rice")
		open.InvitedBy = by
		w.must(w.s.CreateInvitation(t.Context(), open, entry("invitation.create")))
		d, err := w.s.Departure(t.Context(), m, start)
		w.must(err)
		if len(d.Clients) != 1 || d.Clients[0].ID != "erp" || len(d.Invitations) != 1 || d.Invitations[0].ID != "i_open" || d.Sessions != 1 {
			t.Errorf("departure %+v", d)
		}
		w.refused(access.ErrStale, func() error {
			return w.s.RemoveMember(t.Context(), access.Departure{Member: m, Clients: d.Clients}, start, told("x"))
		})
		follows := told("member.remove")
		follows.EndSessions = []access.SessionFilter{{PersonID: m.PersonID, Why: "member_removed"}}
		w.must(w.s.RemoveMember(t.Context(), d, start, follows))
		for id, live := range map[string]bool{"erp": false, "other": true, "silk": true} {
			c, err := w.s.Client(t.Context(), id)
			w.must(err)
			same(t, id, c.Live(start), live)
		}
		i, err := w.s.Invitation(t.Context(), "i_open")
		w.must(err)
		same(t, "invitation", i.State, access.InvitationDead)
		sessions, err := w.s.Sessions(t.Context(), access.SessionFilter{PersonID: m.PersonID})
		w.must(err)
		same(t, "live", sessions[0].Live(start), false)
		w.refused(access.ErrNotFound, func() error { return w.s.RemoveMember(t.Context(), d, start, told("x")) })
	}},
	{"an invitation takes no wider role away", func(t *testing.T, w *world) {
		i := invitation("i_1", "tea")
		i.Role = access.Viewer
		e := w.taken(1, i)
		boss := access.Member{TenantID: "lantian", ShopID: "tea", PersonID: e.Login.NewPerson, Role: access.Owner, Since: start, Until: start.Add(time.Hour)}
		w.must(w.declareMember(boss))
		_, err := w.confirm("i_1", "1234", start)
		w.must(err)
		p, err := w.s.Person(t.Context(), boss.PersonID)
		w.must(err)
		same(t, "roles", p.Members, []access.Member{boss})
	}},
	{"an invitation gives a role for a while", func(t *testing.T, w *world) {
		i := invitation("i_1", "tea")
		i.Role, i.MemberUntil = access.Operator, start.Add(48*time.Hour)
		e := w.taken(1, i)
		_, err := w.confirm("i_1", "1234", start)
		w.must(err)
		p, err := w.s.Person(t.Context(), e.Login.NewPerson)
		w.must(err)
		same(t, "until", p.Members[0].Until, i.MemberUntil)
		_, ok := access.RoleIn(p.Members, access.Shop{ID: "tea", TenantID: "lantian"}, i.MemberUntil)
		same(t, "afterwards", ok, false)
	}},
}

func (w *world) declareMember(m access.Member) error {
	revision, err := w.s.Revision(w.t.Context())
	w.must(err)
	return w.s.Declare(w.t.Context(), access.Declaration{Revision: revision, At: start, Members: []access.Member{m}}, entry("setup.apply"))
}

// offer is a transfer from one member to another.
func (w *world) offer(from, to access.Member) access.Transfer {
	return access.Transfer{ID: access.NewID("t"), TenantID: from.TenantID, ShopID: from.ShopID, From: from.PersonID, To: to.PersonID,
		By: access.ByPerson + from.PersonID, State: access.TransferOffered, CreatedAt: start, DueAt: start.Add(access.OfferLife)}
}

var transferCases = []testCase{
	{"accepted, and both have other roles", func(t *testing.T, w *world) {
		from, to := w.member(1, "", access.Owner), w.member(2, "", access.Viewer)
		n := w.offer(from, to)
		w.must(w.s.StartTransfer(t.Context(), n, told("transfer.offer")))
		got, err := w.s.Transfer(t.Context(), n.ID)
		w.must(err)
		same(t, "kept", got, n)
		w.must(w.s.FinishTransfer(t.Context(), n.ID, start.Add(time.Hour), told("transfer.done")))
		same(t, "roles", w.roles(), map[string]access.Role{from.PersonID + "@": access.Operator, to.PersonID + "@": access.Owner})
		members, err := w.s.Members(t.Context(), "lantian")
		w.must(err)
		for _, m := range members {
			same(t, "since", m.Since, start.Add(time.Hour))
		}
		due, err := w.s.DueTransfers(t.Context(), start.Add(48*time.Hour))
		w.must(err)
		same(t, "due", len(due), 0)
	}},
	{"at once on several replicas it is done once", func(t *testing.T, w *world) {
		from, to := w.member(1, "", access.Owner), w.member(2, "", access.Viewer)
		n := w.offer(from, to)
		w.must(w.s.StartTransfer(t.Context(), n, told("transfer.offer")))
		done := 0
		for i := range 3 {
			if w.replica(i).FinishTransfer(t.Context(), n.ID, start, told("transfer.done")) == nil {
				done++
			}
		}
		same(t, "done", done, 1)
		same(t, "entries", len(w.entries("transfer.done")), 1)
	}},
	{"a notice has its time", func(t *testing.T, w *world) {
		from, to := w.member(1, "tea", access.Owner), w.enter(2)
		n := w.offer(from, access.Member{PersonID: to.Login.NewPerson})
		n.State, n.By, n.DueAt = access.TransferNoticed, "operator", start.Add(access.TransferNotice)
		w.must(w.s.StartTransfer(t.Context(), n, told("transfer.notice")))
		w.refused(access.ErrTransferGone, func() error {
			return w.s.FinishTransfer(t.Context(), n.ID, n.DueAt.Add(-time.Millisecond), told("x"))
		})
		due, err := w.s.DueTransfers(t.Context(), n.DueAt)
		w.must(err)
		same(t, "due", due, []access.Transfer{n})
		w.must(w.s.StopTransfer(t.Context(), n.ID, start, told("transfer.stop")))
		w.refused(access.ErrTransferGone, func() error { return w.s.FinishTransfer(t.Context(), n.ID, n.DueAt, told("x")) })
	}},
	{"only between those who can", func(t *testing.T, w *world) {
		owner, operator := w.member(1, "", access.Owner), w.member(2, "", access.Operator)
		nobody := w.offer(owner, access.Member{PersonID: "p_unknown"})
		notHis := w.offer(operator, owner)
		otherPlace := w.offer(owner, operator)
		otherPlace.ShopID = "tea"
		for _, n := range []access.Transfer{nobody, notHis, otherPlace} {
			w.refused(access.ErrNotFound, func() error { return w.s.StartTransfer(t.Context(), n, told("x")) })
		}
		n := w.offer(owner, operator)
		w.must(w.s.StartTransfer(t.Context(), n, told("transfer.offer")))
		w.refused(access.ErrTransferGone, func() error { return w.s.FinishTransfer(t.Context(), n.ID, n.DueAt, told("x")) })
		w.refused(access.ErrNotFound, func() error { return w.s.FinishTransfer(t.Context(), "t_unknown", start, told("x")) })
		w.refused(access.ErrNotFound, func() error { return w.s.StopTransfer(t.Context(), "t_unknown", start, told("x")) })
	}},
}

var visitCases = []testCase{
	{"it ends by itself, and starts anew with another reason", func(t *testing.T, w *world) {
		w.must(w.s.CreateAdmin(t.Context(), admin("a_1"), nil, entry("admin.create")))
		first := access.NewVisit("a_1", "lantian", "ticket 7", start)
		w.must(w.s.StartVisit(t.Context(), first, told("visit.start")))
		live, err := w.s.LiveVisits(t.Context(), "a_1", start.Add(access.VisitLife-time.Millisecond))
		w.must(err)
		same(t, "live", live, []access.Visit{first})
		live, err = w.s.LiveVisits(t.Context(), "a_1", start.Add(access.VisitLife))
		w.must(err)
		same(t, "over", len(live), 0)
		again := access.NewVisit("a_1", "lantian", "ticket 8", start.Add(time.Minute))
		w.must(w.s.StartVisit(t.Context(), again, told("visit.start")))
		all, err := w.s.Visits(t.Context(), "lantian", 10)
		w.must(err)
		first.EndsAt = again.At
		same(t, "all", all, []access.Visit{again, first})
		ended, err := w.s.EndVisits(t.Context(), "a_1", "lantian", start.Add(2*time.Minute), entry("visit.end"))
		w.must(err)
		same(t, "ended", ended, true)
		ended, err = w.s.EndVisits(t.Context(), "a_1", "lantian", start.Add(3*time.Minute), entry("visit.end"))
		w.must(err)
		same(t, "ended twice", ended, false)
		same(t, "entries", len(w.entries("visit.end")), 1)
	}},
	{"of somebody, to somewhere", func(t *testing.T, w *world) {
		w.must(w.s.CreateAdmin(t.Context(), admin("a_1"), nil, entry("admin.create")))
		for _, v := range []access.Visit{access.NewVisit("a_1", "unknown", "x", start), access.NewVisit("a_2", "lantian", "x", start)} {
			w.refused(access.ErrNotFound, func() error { return w.s.StartVisit(t.Context(), v, told("x")) })
		}
	}},
	{"staff whom the company names", func(t *testing.T, w *world) {
		a := access.NewStaff("小李", "https://sso.example.com 17", access.StaffSupport, start)
		w.must(w.s.CreateAdmin(t.Context(), a, nil, entry("admin.create")))
		got, err := w.s.AdminBySubject(t.Context(), a.Subject)
		w.must(err)
		same(t, "staff", got, a)
		w.refused(access.ErrNotFound, func() error { return second(w.s.AdminBySubject(t.Context(), "")) })
		n := access.Session{ID: "s_1", AdminID: a.ID, TokenHash: access.HashKey("s_1"), CreatedAt: start, SeenAt: start, ExpiresAt: start.Add(time.Hour), IdleLimit: time.Hour}
		w.must(w.s.StartSession(t.Context(), n, entry("session.start")))
		w.must(w.s.SetStaff(t.Context(), a.ID, "小李", access.StaffSupport, start, entry("admin.change")))
		same(t, "nothing changed", len(w.entries("admin.change")), 0)
		w.must(w.s.SetStaff(t.Context(), a.ID, "小李", access.StaffAuditor, start, entry("admin.change")))
		kept, err := w.s.SessionByToken(t.Context(), n.TokenHash)
		w.must(err)
		same(t, "live after another kind", kept.Live(start), false)
	}},
}

var personCases = []testCase{
	{"everything of a person, and then nothing", func(t *testing.T, w *world) {
		owner := w.member(1, "", access.Owner)
		m := w.member(2, "tea", access.Operator)
		w.must(w.s.SaveProfile(t.Context(), access.Profile{PersonID: m.PersonID, Nickname: "小明", UpdatedAt: start}))
		offered := w.offer(owner, m)
		w.must(w.s.StartTransfer(t.Context(), offered, told("transfer.offer")))
		d, err := w.s.PersonData(t.Context(), m.PersonID)
		w.must(err)
		if d.Person.Profile.Nickname != "小明" || len(d.Identities) != 1 || len(d.Sessions) != 1 || len(d.Consents) != 1 ||
			len(d.Person.Members) != 1 || len(d.Invitations) != 1 || len(d.Transfers) != 1 || !d.Since.Equal(start) {
			t.Errorf("data %+v", d)
		}
		w.must(w.s.ForgetPerson(t.Context(), m.PersonID, nil, told("person.forget")))
		d, err = w.s.PersonData(t.Context(), m.PersonID)
		w.must(err)
		if d.Person.Profile.Nickname != "" || len(d.Identities)+len(d.Sessions)+len(d.Consents) != 0 || d.Person.Members[0].Active(start) {
			t.Errorf("left %+v", d)
		}
		same(t, "transfer", d.Transfers[0].State, access.TransferStopped)
		grants, err := w.s.Grants(t.Context(), grant.Filter{PersonID: m.PersonID})
		w.must(err)
		same(t, "grants", len(grants), 0)
		w.refused(access.ErrNotFound, func() error { return w.s.ForgetPerson(t.Context(), "p_unknown", nil, told("x")) })
	}},
	{"the last owner's role stays where it is named", func(t *testing.T, w *world) {
		owner := w.member(1, "", access.Owner)
		w.must(w.s.ForgetPerson(t.Context(), owner.PersonID, []access.Member{owner}, told("person.forget")))
		same(t, "roles", w.roles(), map[string]access.Role{owner.PersonID + "@": access.Owner})
		known, err := w.s.Identities(t.Context(), owner.PersonID)
		w.must(err)
		same(t, "identities", len(known), 0)
	}},
	{"openids move, and never onto somebody else", func(t *testing.T, w *world) {
		a, b := w.enter(1).Login.Identity, w.enter(2).Login.Identity
		good := []access.Remap{{Old: a.OpenID, New: "o_demo_moved_0001"}, {Old: "o_demo_unknown", New: "o_demo_moved_0002"}}
		plan, err := w.s.PlanRemap(t.Context(), "mp", good)
		w.must(err)
		want := access.Remapped{Moved: 1, Unknown: []string{"o_demo_unknown"}}
		same(t, "plan", plan, want)
		for _, bad := range [][]access.Remap{
			{{Old: a.OpenID, New: b.OpenID}},
			{{Old: a.OpenID, New: "o_demo_x"}, {Old: b.OpenID, New: "o_demo_x"}},
			{{Old: a.OpenID, New: "o_demo_x"}, {Old: a.OpenID, New: "o_demo_y"}},
		} {
			w.refused(access.ErrUsed, func() error {
				out, err := w.s.Remap(t.Context(), "mp", bad, told("x"))
				same(t, "collisions", len(out.Collisions), 1)
				return err
			})
		}
		w.refused(access.ErrNotFound, func() error { return second(w.s.Remap(t.Context(), "unknown", good, told("x"))) })
		done, err := w.s.Remap(t.Context(), "mp", good, grant.Effects{At: start, Audit: []audit.Entry{entry("identity.remap")},
			Notices: []notice.Notice{{At: start, Kind: notice.NewOwner}}})
		w.must(err)
		same(t, "done", done, want)
		moved, err := w.s.Identity(t.Context(), "mp", "o_demo_moved_0001")
		w.must(err)
		a.OpenID = "o_demo_moved_0001"
		same(t, "identity", moved, a)
		grants, err := w.s.Grants(t.Context(), grant.Filter{PersonID: a.PersonID})
		w.must(err)
		same(t, "grants of the old account", len(grants), 0)
		again, err := w.s.Remap(t.Context(), "mp", good, told("x"))
		w.must(err)
		same(t, "again", again, access.Remapped{Already: 1, Unknown: []string{"o_demo_unknown"}})
	}},
}
