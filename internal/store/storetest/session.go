package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
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
		seen := func(want time.Time, from string) {
			t.Helper()
			n, err := w.s.SessionByToken(t.Context(), hash)
			w.must(err)
			same(t, "seen", n.SeenAt, want)
			same(t, "address", n.Address, from)
		}
		use := func(id string, after time.Duration, from string) access.SessionUse {
			return access.SessionUse{Session: id, At: start.Add(after), Address: from}
		}
		other := w.enter(2).Login.Session
		w.must(w.s.TouchSessions(t.Context(), []access.SessionUse{
			use(id, 2*time.Minute, "192.0.2.0/24"), use("s_unknown", 0, ""), use(id, time.Minute, "198.51.100.0/24"), use(other.ID, time.Minute, ""),
		}))
		seen(start.Add(2*time.Minute), "192.0.2.0/24")
		w.must(w.s.TouchSessions(t.Context(), []access.SessionUse{use(id, 3*time.Minute, "")}))
		seen(start.Add(3*time.Minute), "192.0.2.0/24")
		w.must(w.s.TouchSessions(t.Context(), nil))
		_, err := w.s.EndSessions(t.Context(), grant.Effects{At: start, EndSessions: []access.SessionFilter{{ID: id}}})
		w.must(err)
		w.must(w.s.TouchSessions(t.Context(), []access.SessionUse{use(id, time.Hour, "")}))
		seen(start.Add(3*time.Minute), "192.0.2.0/24")
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
	{"a session gets another token, and the one before still finds it", func(t *testing.T, w *world) {
		n := w.enter(1).Login.Session
		old, fresh, third := n.TokenHash, access.HashKey("fresh"), access.HashKey("third")
		rotate := func(current, used, to []byte) error {
			return w.s.RotateSession(t.Context(), access.SessionRotation{Session: n.ID, Current: current, Used: used, Token: to, At: start.Add(time.Hour)}, entry("session.rotate"))
		}
		w.must(rotate(old, old, fresh))
		n.TokenHash, n.Previous, n.RotatedAt = fresh, old, start.Add(time.Hour)
		read := func(hash []byte) access.Session {
			t.Helper()
			got, err := w.s.SessionByToken(t.Context(), hash)
			w.must(err)
			return got
		}
		same(t, "by the new token", read(fresh), n)
		same(t, "by the old token", read(old), n)
		w.refused(access.ErrStale, func() error { return rotate(old, old, third) })
		w.refused(access.ErrNotFound, func() error { return w.s.RotateSession(t.Context(), access.SessionRotation{Session: "s_unknown"}) })
		use := func(token []byte, after time.Duration) {
			t.Helper()
			w.must(w.s.TouchSessions(t.Context(), []access.SessionUse{{Session: n.ID, At: start.Add(after), Token: token}}))
		}
		use(old, 2*time.Hour)
		same(t, "replaced by the old token", read(fresh).ReplacedAt, time.Time{})
		use(fresh, 3*time.Hour)
		use(fresh, 4*time.Hour)
		same(t, "replaced", read(fresh).ReplacedAt, start.Add(3*time.Hour))
		w.must(rotate(fresh, old, third)) // the browser missed the fresh one
		n = read(third)
		same(t, "the one before", n.Previous, old)
		same(t, "replaced", n.ReplacedAt, time.Time{})
		_, err := w.s.EndSessions(t.Context(), grant.Effects{At: start.Add(4 * time.Hour), EndSessions: []access.SessionFilter{{ID: n.ID}}})
		w.must(err)
		w.refused(access.ErrStale, func() error { return rotate(third, third, access.HashKey("fourth")) })
	}},
	{"whoever is touched is named, to this process and in the log", func(t *testing.T, w *world) {
		w.platform()
		w.must(w.apply(authorised(1)))
		first, other := w.enter(1), w.enter(2)
		a, b := first.Login.NewPerson, other.Login.NewPerson
		market := session("s_market", "")
		market.ShopID, market.Role, market.App = "shop-1", access.Operator, "isv"
		w.must(w.s.StartSession(t.Context(), market))
		ends := func(f access.SessionFilter) error {
			return second(w.s.EndSessions(t.Context(), grant.Effects{At: start, EndSessions: []access.SessionFilter{f}}))
		}
		member := access.Member{TenantID: "lantian", ShopID: "tea", PersonID: a, Role: access.Viewer, Since: start}
		for _, c := range []struct {
			name string
			do   func() error
			want string
		}{
			{"ended", func() error { return ends(access.SessionFilter{ID: first.Login.Session.ID}) }, "person:" + a},
			{"of the market ended", func() error { return ends(access.SessionFilter{ID: "s_market"}) }, "shop:shop-1"},
			{"a role", func() error { return w.declare(access.Declaration{Members: []access.Member{member}}) }, "person:" + a},
			{"a role ended", func() error {
				return w.s.RemoveMember(t.Context(), access.Departure{Member: member}, start.Add(time.Hour), grant.Effects{At: start})
			}, "person:" + a},
			{"shop removed", func() error { return w.declare(access.Declaration{Remove: access.Removal{Shops: []string{"tea"}}}) }, "person:" + a},
			{"moved", func() error {
				return w.s.LinkIdentity(t.Context(), "mp", other.Login.Identity.OpenID, a, other.Login.Session.ID)
			}, "person:" + b},
			{"deleted", func() error {
				return w.apply(grant.Effects{At: start, Forget: []grant.Forgetting{{App: "mp", OpenID: first.Login.Identity.OpenID}}})
			}, "person:" + a},
			{"a shop withdrew", func() error {
				return w.apply(grant.Effects{At: start, Revoke: []grant.Revocation{{GrantID: w.isvGrant(1).ID, Cause: grant.CauseUnauthorized, State: grant.NeedsOwner}}})
			}, "shop:shop-1"},
		} {
			var told []string
			w.s.OnPeople(func(names []string) { told = append(told, names...) })
			before, _, err := w.s.AuditHead(t.Context())
			w.must(err)
			w.must(c.do())
			w.s.OnPeople(nil)
			if !slices.Contains(told, c.want) {
				t.Errorf("%s: told %q, want %s", c.name, told, c.want)
			}
			if named := w.named(before); !slices.Contains(named, c.want) {
				t.Errorf("%s: the log names %q, want %s", c.name, named, c.want)
			}
		}
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

// named gives whom the entries behind the first n name.
func (w *world) named(n int64) (names []string) {
	w.t.Helper()
	records, err := w.s.AuditEntries(w.t.Context(), n-1, 1000)
	w.must(err)
	for _, r := range records {
		e, err := audit.Decode(r.Data)
		w.must(err)
		names = slices.AppendSeq(names, e.People())
	}
	return names
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
