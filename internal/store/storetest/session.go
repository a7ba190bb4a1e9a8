package storetest

import (
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// threeSessions gives one person two sessions and another person one.
func threeSessions(w *world) (first, other grant.Effects) {
	w.t.Helper()
	first, other = w.enter(1), w.enter(2)
	more := session("s_more", first.Login.NewPerson)
	more.CreatedAt = start.Add(time.Minute)
	w.must(w.s.StartSession(w.t.Context(), more, entry("session.start")))
	return first, other
}

var sessionCases = []testCase{
	{"filters end exactly what they name", func(t *testing.T, w *world) {
		first, other := threeSessions(w)
		person, one := first.Login.NewPerson, first.Login.Session.ID
		for _, c := range []struct {
			f    access.SessionFilter
			want int
		}{
			{access.SessionFilter{}, 0},
			{access.SessionFilter{NotID: one}, 0},
			{access.SessionFilter{Why: "nothing named"}, 0},
			{access.SessionFilter{ID: one, PersonID: other.Login.NewPerson}, 0},
			{access.SessionFilter{ID: "s_unknown"}, 0},
			{access.SessionFilter{PersonID: person, NotID: one, Why: "others"}, 1},
			{access.SessionFilter{PersonID: person, Why: "all"}, 1}, // the other one ended already
			{access.SessionFilter{ID: other.Login.Session.ID, Why: "one"}, 1},
		} {
			n, err := w.s.EndSessions(t.Context(), grant.Effects{At: start.Add(time.Hour), EndSessions: []access.SessionFilter{c.f}})
			w.must(err)
			if n != c.want {
				t.Errorf("%+v ended %d sessions, want %d", c.f, n, c.want)
			}
		}
		n, err := w.s.SessionByToken(t.Context(), access.HashKey("token-s_more"))
		w.must(err)
		same(t, "why", n.EndedWhy, "others")
		same(t, "when", n.EndedAt, start.Add(time.Hour))
	}},
	{"ending and recording are one", func(t *testing.T, w *world) {
		e := w.enter(1)
		_, err := w.s.EndSessions(t.Context(), grant.Effects{
			At: start, EndSessions: []access.SessionFilter{{PersonID: e.Login.NewPerson}},
			Revoke: []grant.Revocation{{GrantID: e.Authorise.GrantID}}, Audit: []auditEntry{entry("session.end")},
		})
		w.must(err)
		g, err := w.s.Grant(t.Context(), e.Authorise.GrantID)
		w.must(err)
		same(t, "state", g.State, grant.Revoked)
		same(t, "entries", len(w.entries("session.end")), 1)
		w.refused(grant.ErrNotFound, func() error {
			return second(w.s.EndSessions(t.Context(), grant.Effects{
				At: start, EndSessions: []access.SessionFilter{{ID: "s_0001"}}, Revoke: []grant.Revocation{{GrantID: "g_unknown"}},
			}))
		})
	}},
	{"an expired session is no live one", func(t *testing.T, w *world) {
		e := w.enter(1)
		n, err := w.s.EndSessions(t.Context(), grant.Effects{
			At: e.Login.Session.ExpiresAt, EndSessions: []access.SessionFilter{{ID: e.Login.Session.ID}},
		})
		w.must(err)
		same(t, "live until then", n, 0)
	}},
	{"lists are newest first", func(t *testing.T, w *world) {
		first, _ := threeSessions(w)
		all, err := w.s.Sessions(t.Context(), access.SessionFilter{})
		w.must(err)
		if len(all) != 3 || all[0].ID != "s_more" {
			t.Errorf("got %d sessions, the first %+v", len(all), all[0])
		}
		hers, err := w.s.Sessions(t.Context(), access.SessionFilter{PersonID: first.Login.NewPerson, NotID: "s_more"})
		w.must(err)
		same(t, "sessions", hers, []access.Session{first.Login.Session})
	}},
	{"use is remembered, and never of an ended session", func(t *testing.T, w *world) {
		e := w.enter(1)
		id, hash := e.Login.Session.ID, e.Login.Session.TokenHash
		seen := func(want time.Time) {
			t.Helper()
			n, err := w.s.SessionByToken(t.Context(), hash)
			w.must(err)
			same(t, "seen", n.SeenAt, want)
		}
		w.must(w.s.TouchSession(t.Context(), id, start.Add(2*time.Minute)))
		w.must(w.s.TouchSession(t.Context(), id, start.Add(time.Minute)))
		seen(start.Add(2 * time.Minute))
		_, err := w.s.EndSessions(t.Context(), grant.Effects{At: start, EndSessions: []access.SessionFilter{{ID: id}}})
		w.must(err)
		w.must(w.s.TouchSession(t.Context(), id, start.Add(time.Hour)))
		seen(start.Add(2 * time.Minute))
		w.refused(access.ErrNotFound, func() error { return w.s.TouchSession(t.Context(), "s_unknown", start) })
		w.refused(access.ErrNotFound, func() error { return second(w.s.SessionByToken(t.Context(), []byte("?"))) })
	}},
	{"a session that hangs on another holds what that one holds", func(t *testing.T, w *world) {
		e := w.enter(1)
		parent := e.Login.Session
		child := w.child("s_child", parent.ID)
		child.PersonID, child.AdminID, child.ShopID, child.Role = "p_other", "a_other", "silk", access.Owner
		child.ExpiresAt, child.IdleLimit = child.ExpiresAt.Add(time.Hour), time.Minute
		child.App, child.Door, child.ProvedAt = "other", access.DoorKey, start.Add(time.Minute)
		w.must(w.s.StartSession(t.Context(), child, entry("session.start")))
		want := parent
		want.ID, want.TokenHash, want.Parent, want.Host = child.ID, child.TokenHash, parent.ID, child.Host
		want.CreatedAt, want.SeenAt, want.Address, want.System = child.CreatedAt, child.SeenAt, child.Address, child.System
		got, err := w.s.SessionByToken(t.Context(), child.TokenHash)
		w.must(err)
		same(t, "child", got, want)
		hanging, err := w.s.Sessions(t.Context(), access.SessionFilter{Parent: parent.ID})
		w.must(err)
		same(t, "those that hang on it", hanging, []access.Session{want})
		page, err := w.s.SessionsBefore(t.Context(), access.SessionFilter{Parent: parent.ID}, access.Mark{}, 10)
		w.must(err)
		same(t, "a page of them", page, []access.Session{want})
	}},
	{"nothing hangs on what is over, or on what hangs itself", func(t *testing.T, w *world) {
		e := w.enter(1)
		parent := e.Login.Session
		w.must(w.s.StartSession(t.Context(), w.child("s_child", parent.ID)))
		late := w.child("s_late", parent.ID)
		late.CreatedAt = parent.ExpiresAt
		for _, n := range []access.Session{w.child("s_1", "s_unknown"), w.child("s_2", "s_child"), late} {
			w.refused(access.ErrNotFound, func() error { return w.s.StartSession(t.Context(), n) })
		}
		_, err := w.s.EndSessions(t.Context(), grant.Effects{At: start, EndSessions: []access.SessionFilter{{ID: parent.ID}}})
		w.must(err)
		w.refused(access.ErrNotFound, func() error { return w.s.StartSession(t.Context(), w.child("s_3", parent.ID)) })
	}},
	{"a session ends with the one that it hangs on", func(t *testing.T, w *world) {
		first, other := threeSessions(w)
		one, person := first.Login.Session.ID, first.Login.NewPerson
		for id, parent := range map[string]string{"s_a": one, "s_b": one, "s_c": "s_more", "s_d": other.Login.Session.ID} {
			w.must(w.s.StartSession(t.Context(), w.child(id, parent)))
		}
		for _, c := range []struct {
			f    access.SessionFilter
			want int
		}{
			{access.SessionFilter{ID: "s_a", Why: "itself"}, 1},
			{access.SessionFilter{Parent: "s_unknown"}, 0},
			{access.SessionFilter{PersonID: person, NotID: one, Why: "others"}, 2}, // s_more and s_c
			{access.SessionFilter{ID: one, Why: "its parent"}, 2},
			{access.SessionFilter{Parent: other.Login.Session.ID, Why: "hosts"}, 1},
		} {
			n, err := w.s.EndSessions(t.Context(), grant.Effects{At: start.Add(time.Hour), EndSessions: []access.SessionFilter{c.f}})
			w.must(err)
			same(t, "ended", n, c.want)
		}
		for id, want := range map[string]string{"s_a": "itself", "s_b": "its parent", "s_c": "others", "s_d": "hosts", "s_0002": ""} {
			n, err := w.s.SessionByToken(t.Context(), access.HashKey("token-"+id))
			w.must(err)
			same(t, "why "+id+" ended", n.EndedWhy, want)
		}
	}},
	{"what ends, moves or deletes sessions takes along what hangs on them", func(t *testing.T, w *world) {
		first, other := w.enter(1), w.enter(2)
		market := session("s_market", "")
		market.ShopID, market.Role, market.App = "tea", access.Operator, "app-tea"
		w.must(w.s.StartSession(t.Context(), market))
		w.must(w.s.StartSession(t.Context(), w.child("s_a", first.Login.Session.ID)))
		w.must(w.s.StartSession(t.Context(), w.child("s_b", "s_market")))
		read := func(id string) access.Session {
			t.Helper()
			n, err := w.s.SessionByToken(t.Context(), access.HashKey("token-"+id))
			w.must(err)
			return n
		}
		openid := first.Login.Identity.OpenID
		w.must(w.s.LinkIdentity(t.Context(), "mp", openid, other.Login.NewPerson, first.Login.Session.ID))
		same(t, "moved to", read("s_a").PersonID, other.Login.NewPerson)
		w.must(w.declare(access.Declaration{Remove: access.Removal{Shops: []string{"tea"}}}))
		same(t, "ended with the shop", read("s_b").EndedWhy, "shop_removed")
		w.must(w.apply(grant.Effects{At: start, Forget: []grant.Forgetting{{App: "mp", OpenID: openid}}}))
		w.refused(access.ErrNotFound, func() error { return second(w.s.SessionByToken(t.Context(), access.HashKey("token-s_a"))) })
	}},
	{"no session without a holder", func(t *testing.T, w *world) {
		for _, n := range []access.Session{session("s_1", "p_unknown"), session("s_2", ""), {ID: "s_3", AdminID: "a_unknown", TokenHash: []byte{1}}} {
			w.refused(access.ErrNotFound, func() error { return w.s.StartSession(t.Context(), n, entry("session.start")) })
		}
	}},
	{"what is over long enough is purged", func(t *testing.T, w *world) {
		e := w.enter(1)
		live := w.enter(2)
		w.must(w.s.CreateInvitation(t.Context(), invitation("i_old", "tea"), entry("invitation.create")))
		_, err := w.s.EndSessions(t.Context(), grant.Effects{At: start, EndSessions: []access.SessionFilter{{PersonID: e.Login.NewPerson}}})
		w.must(err)
		count := func(sessions, invitations int) {
			t.Helper()
			n := w.snapshot()
			same(t, "sessions", len(n.Sessions), sessions)
			same(t, "invitations", len(n.Invitations), invitations)
		}
		w.must(w.s.Purge(t.Context(), start.Add(24*time.Hour)))
		w.refused(access.ErrUsed, func() error { return second(w.s.UseState(t.Context(), callback(e))) })
		w.must(w.s.Purge(t.Context(), start.Add(24*time.Hour+time.Millisecond)))
		if _, err := w.s.UseState(t.Context(), callback(e)); err != nil {
			t.Errorf("a used state is kept after a day: %v", err)
		}
		w.must(w.s.Purge(t.Context(), start.Add(30*24*time.Hour)))
		count(2, 1)
		w.must(w.s.Purge(t.Context(), start.Add(30*24*time.Hour+time.Hour)))
		count(1, 0)
		w.must(w.s.Purge(t.Context(), live.Login.Session.ExpiresAt.Add(30*24*time.Hour+time.Millisecond)))
		count(0, 0)
	}},
}

// child gives a session of a protected host that hangs on parent.
func (w *world) child(id, parent string) access.Session {
	n := session(id, "")
	n.Parent, n.Host, n.Address, n.System = parent, "erp.example.com", "192.0.2.0/24", "Android"
	n.CreatedAt = start.Add(time.Minute)
	return n
}

func callback(e grant.Effects) grant.Callback {
	return grant.Callback{App: "mp", StateHash: e.Login.StateHash, At: start}
}
