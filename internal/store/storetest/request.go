package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

func keyed(at time.Time) access.Request {
	return access.Request{ID: access.HashKey("sender and key"), Digest: access.HashKey("what is asked"), At: at, Until: at.Add(time.Minute)}
}

func (w *world) begin(r access.Request) (kept access.Request, first bool) {
	w.t.Helper()
	kept, first, err := w.s.BeginRequest(w.t.Context(), r)
	w.must(err)
	return kept, first
}

func begin(s *sqlstore.Store, w *world, r access.Request) func() error {
	return func() error {
		_, _, err := s.BeginRequest(w.t.Context(), r)
		return err
	}
}

var requestCases = []testCase{
	{"an answer is given once more for a day", func(t *testing.T, w *world) {
		r := keyed(start)
		_, first := w.begin(r)
		same(t, "the first time", first, true)
		done := r
		done.Status, done.Kind, done.Answer = 200, "application/json", []byte("sealed")
		w.must(w.s.FinishRequest(t.Context(), done))
		kept, first := w.begin(keyed(start.Add(24*time.Hour - time.Millisecond)))
		same(t, "first again", first, false)
		same(t, "kept", kept, done)
		w.refused(access.ErrStale, func() error { return w.s.FinishRequest(t.Context(), done) })
		w.must(w.s.ForgetRequest(t.Context(), r)) // it has its answer
		_, first = w.begin(keyed(start.Add(time.Hour)))
		same(t, "first after it was to be forgotten", first, false)
		_, first = w.begin(keyed(start.Add(24 * time.Hour)))
		same(t, "first a day later", first, true)
	}},
	{"what cannot be told from one before is refused", func(t *testing.T, w *world) {
		w.begin(keyed(start))
		w.refused(access.ErrInFlight, begin(w.s, w, keyed(start.Add(time.Minute-time.Millisecond))))
		w.refused(access.ErrOutcomeUnknown, begin(w.s, w, keyed(start.Add(time.Minute))))
		other := keyed(start)
		other.Digest = access.HashKey("something else")
		w.refused(access.ErrKeyReused, begin(w.s, w, other))
		w.refused(access.ErrStale, func() error {
			other.Status = 200
			return w.s.FinishRequest(t.Context(), other)
		})
		w.must(w.s.ForgetRequest(t.Context(), other)) // not this one
		w.refused(access.ErrInFlight, begin(w.s, w, keyed(start)))
		w.must(w.s.ForgetRequest(t.Context(), keyed(start)))
		_, first := w.begin(keyed(start))
		same(t, "first after it was forgotten", first, true)
	}},
	{"of the same requests at once one is carried out", func(t *testing.T, w *world) {
		n := together(t, 20, access.ErrInFlight, func(i int) error { return begin(w.replica(i), w, keyed(start))() })
		same(t, "carried out", n, 1)
	}},
	{"requests are purged after a day", func(t *testing.T, w *world) {
		w.begin(keyed(start))
		w.must(w.s.Purge(t.Context(), start.Add(23*time.Hour)))
		w.refused(access.ErrInFlight, begin(w.s, w, keyed(start)))
		w.must(w.s.Purge(t.Context(), start.Add(25*time.Hour)))
		_, first := w.begin(keyed(start))
		same(t, "first", first, true)
	}},
}

var requestTransitions = []transition{
	{name: "begin request", again: access.ErrInFlight, unseen: true, make: func(w *world) func() error {
		return begin(w.s, w, keyed(start))
	}},
	{name: "finish request", again: access.ErrStale, unseen: true, make: func(w *world) func() error {
		w.begin(keyed(start))
		return func() error {
			r := keyed(start)
			r.Status, r.Answer = 200, []byte("sealed")
			return w.s.FinishRequest(w.t.Context(), r)
		}
	}},
	{name: "forget request", unseen: true, make: func(w *world) func() error {
		w.begin(keyed(start))
		return func() error { return w.s.ForgetRequest(w.t.Context(), keyed(start)) }
	}},
}

// walk reads a list in pages of two, with a row more added after the first page.
func walk[T any](t *testing.T, w *world, page func(last *T) ([]T, error), meanwhile func()) (all []T) {
	t.Helper()
	for last := (*T)(nil); ; {
		rows, err := page(last)
		w.must(err)
		all = append(all, rows...)
		if len(rows) < 2 {
			return all
		}
		last = &rows[1]
		if meanwhile != nil {
			meanwhile()
			meanwhile = nil
		}
	}
}

// mark is the place of a row; none is the beginning.
func mark[T any](row *T, at func(T) access.Mark) access.Mark {
	if row == nil {
		return access.Mark{}
	}
	return at(*row)
}

var pageCases = []testCase{
	{"clients come in pages, with their shops", func(t *testing.T, w *world) {
		want := []access.Client{client("a", "tea"), client("b"), client("c", "rice", "tea"), client("d", "rice"), client("e")}
		w.declareClients(1, want...)
		got := walk(t, w, func(last *access.Client) ([]access.Client, error) {
			id := mark(last, func(c access.Client) access.Mark { return access.Mark{ID: c.ID} }).ID
			return w.s.ClientsAfter(t.Context(), id, 2)
		}, nil)
		same(t, "clients", got, want)
	}},
	{"tenants come in pages", func(t *testing.T, w *world) {
		got, err := w.s.TenantsAfter(t.Context(), "", 1000)
		w.must(err)
		all, err := w.s.Tenants(t.Context())
		w.must(err)
		same(t, "tenants", got, all)
		none, err := w.s.TenantsAfter(t.Context(), all[len(all)-1].ID, 1000)
		w.must(err)
		same(t, "behind the last", len(none), 0)
	}},
	{"the newest come first, and what is added meanwhile moves nothing", func(t *testing.T, w *world) {
		e := w.enter(1)
		add := func(id string, at time.Time) {
			n := session(id, e.Login.NewPerson)
			n.CreatedAt = at
			w.must(w.s.StartSession(t.Context(), n, entry("session.start")))
		}
		for i := range 4 {
			add(fmt.Sprintf("s_%d", i), start.Add(time.Duration(i/2)*time.Minute)) // two at a time
		}
		want, err := w.s.Sessions(t.Context(), access.SessionFilter{})
		w.must(err)
		for i, f := range []access.SessionFilter{{}, {PersonID: e.Login.NewPerson}} {
			got := walk(t, w, func(last *access.Session) ([]access.Session, error) {
				m := mark(last, func(s access.Session) access.Mark { return access.Mark{At: s.CreatedAt, ID: s.ID} })
				return w.s.SessionsBefore(t.Context(), f, m, 2)
			}, func() { add(fmt.Sprintf("s_new_%d", i), start.Add(time.Duration(1+i)*time.Hour)) })
			same(t, "sessions", got, want)
			if want, err = w.s.Sessions(t.Context(), access.SessionFilter{}); err != nil {
				t.Fatal(err)
			}
		}
	}},
	{"the sessions of one holder come in pages", func(t *testing.T, w *world) {
		w.must(w.s.CreateAdmin(t.Context(), admin("a_1"), nil, entry("admin.create")))
		e := w.enter(1)
		for i := range 3 {
			for who, holder := range map[string]access.Session{
				"p": {PersonID: e.Login.NewPerson}, "a": {AdminID: "a_1"}, "s": {ShopID: "tea", Role: access.Viewer},
			} {
				n := session(fmt.Sprintf("s_%s_%d", who, i), holder.PersonID)
				n.AdminID, n.ShopID, n.Role = holder.AdminID, holder.ShopID, holder.Role
				w.must(w.s.StartSession(t.Context(), n, entry("session.start")))
			}
		}
		for _, f := range []access.SessionFilter{{PersonID: e.Login.NewPerson}, {AdminID: "a_1"}, {ShopID: "tea"}} {
			want, err := w.s.Sessions(t.Context(), f)
			w.must(err)
			got := walk(t, w, func(last *access.Session) ([]access.Session, error) {
				m := mark(last, func(s access.Session) access.Mark { return access.Mark{At: s.CreatedAt, ID: s.ID} })
				return w.s.SessionsBefore(t.Context(), f, m, 2)
			}, nil)
			same(t, fmt.Sprintf("sessions of %+v", f), got, want)
			same(t, "there is something to see", len(want) >= 3, true)
		}
	}},
	{"administrators, invitations, persons and members come in pages", func(t *testing.T, w *world) {
		for i := range 3 {
			e := w.invited(i, fmt.Sprintf("i_%d", i), "tea")
			w.must(second(w.confirm(fmt.Sprintf("i_%d", i), "1234", start)))
			w.must(w.s.CreateAdmin(t.Context(), admin(fmt.Sprintf("a_%d", i)), nil, entry("admin.create")))
			persons, err := w.s.PersonsAfter(t.Context(), "", 100)
			w.must(err)
			same(t, "the person is there", slices.Contains(persons, e.Login.NewPerson), true)
		}
		admins, err := w.s.Admins(t.Context())
		w.must(err)
		same(t, "administrators", walk(t, w, func(last *access.Administrator) ([]access.Administrator, error) {
			m := mark(last, func(a access.Administrator) access.Mark { return access.Mark{At: a.CreatedAt, ID: a.ID} })
			return w.s.AdminsAfter(t.Context(), m, 2)
		}, nil), admins)
		invitations, err := w.s.Invitations(t.Context())
		w.must(err)
		same(t, "invitations", walk(t, w, func(last *access.Invitation) ([]access.Invitation, error) {
			m := mark(last, func(i access.Invitation) access.Mark { return access.Mark{At: i.CreatedAt, ID: i.ID} })
			return w.s.InvitationsBefore(t.Context(), m, 2)
		}, nil), invitations)
		members, err := w.s.Members(t.Context(), "lantian")
		w.must(err)
		same(t, "members", walk(t, w, func(last *access.Member) ([]access.Member, error) {
			after := access.Member{TenantID: "lantian"}
			if last != nil {
				after = *last
			}
			return w.s.MembersAfter(t.Context(), after, 2)
		}, nil), members)
		same(t, "there is something to see", len(members) >= 3 && len(admins) == 3 && len(invitations) == 3, true)
	}},
}
