package storetest

import (
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
)

var loginCases = []testCase{
	{"a first visit makes everything", func(t *testing.T, w *world) {
		e := w.enter(1)
		id, err := w.s.Identity(t.Context(), "mp", e.Login.Identity.OpenID)
		w.must(err)
		same(t, "identity", id, e.Login.Identity)
		n, err := w.s.SessionByToken(t.Context(), e.Login.Session.TokenHash)
		w.must(err)
		same(t, "session", n, e.Login.Session)
		consents, err := w.s.Consents(t.Context(), e.Login.NewPerson)
		w.must(err)
		same(t, "consents", consents, []access.Consent{*e.Login.Consent})
		g, err := w.s.UserGrant(t.Context(), "mp", id.OpenID, "snsapi_userinfo")
		w.must(err)
		same(t, "tokens", g.Tokens, *e.Authorise.Tokens)
		same(t, "entries", len(w.entries("login")), 1)
		w.refused(access.ErrUsed, func() error {
			earlier, err := w.s.UseState(t.Context(), grant.Callback{App: "mp", StateHash: e.Login.StateHash, At: start})
			if earlier == nil || earlier.SessionID != n.ID {
				t.Errorf("earlier callback %+v, want one with session %s", earlier, n.ID)
			}
			return err
		})
	}},
	{"a state and a code are used once", func(t *testing.T, w *world) {
		cb := grant.Callback{App: "mp", StateHash: access.HashKey("state"), CodeHash: access.HashKey("code"), At: start}
		earlier, err := w.s.UseState(t.Context(), cb, entry("login.begin"))
		w.must(err)
		if earlier != nil {
			t.Errorf("earlier callback %+v", earlier)
		}
		sameCode, otherApp := cb, cb
		sameCode.StateHash = access.HashKey("state 2")
		for _, again := range []grant.Callback{cb, sameCode} {
			w.refused(access.ErrUsed, func() error {
				earlier, err := w.s.UseState(t.Context(), again, entry("login.begin"))
				if earlier != nil {
					same(t, "earlier", *earlier, cb)
				}
				return err
			})
		}
		otherApp.App, otherApp.StateHash = "app-tea", access.HashKey("state 3")
		_, err = w.s.UseState(t.Context(), otherApp)
		w.must(err)
		for _, state := range []string{"state 4", "state 5"} { // WeChat may send no code
			_, err := w.s.UseState(t.Context(), grant.Callback{App: "mp", StateHash: access.HashKey(state), At: start})
			w.must(err)
		}
		for state, want := range map[string]bool{"state": true, "state 2": false, "state 5": true} {
			used, err := w.s.StateUsed(t.Context(), access.HashKey(state))
			w.must(err)
			same(t, state+" is used", used, want)
		}
	}},
	{"what was seen of a person is kept up to date", func(t *testing.T, w *world) {
		e := w.enter(1)
		again := grant.Effects{At: start.Add(time.Hour), Login: &grant.Login{
			Identity: e.Login.Identity, Session: session("s_again", e.Login.NewPerson),
		}}
		again.Login.Identity.UnionID, again.Login.Identity.SeenAt = "", again.At
		w.must(w.s.Login(t.Context(), again))
		got, err := w.s.IdentitiesByUnionID(t.Context(), e.Login.Identity.UnionID)
		w.must(err)
		want := e.Login.Identity
		want.SeenAt = again.At
		same(t, "identities", got, []access.Identity{want})
		none, err := w.s.IdentitiesByUnionID(t.Context(), "")
		w.must(err)
		same(t, "identities of no unionid", len(none), 0)
	}},
	{"an identity never changes hands by logging in", func(t *testing.T, w *world) {
		w.enter(1)
		e := w.visit(2)
		e.Login.Identity.OpenID = "o_demo_owner_0001"
		w.refused(access.ErrStale, func() error { return w.s.Login(t.Context(), e) })
	}},
	{"nobody logs in as a person who is not there", func(t *testing.T, w *world) {
		e := w.visit(1)
		e.Login.NewPerson = ""
		w.refused(access.ErrStale, func() error { return w.s.Login(t.Context(), e) })
	}},
	{"a grant that moved on takes the login with it", func(t *testing.T, w *world) {
		w.enter(1)
		e := w.visit(2)
		e.Authorise.OpenID = "o_demo_owner_0001"
		w.refused(grant.ErrLost, func() error { return w.s.Login(t.Context(), e) })
	}},
	{"a callback that was never used cannot be finished", func(t *testing.T, w *world) {
		e := w.visit(1)
		e.Login.StateHash = access.HashKey("another")
		w.refused(access.ErrNotFound, func() error { return w.s.Login(t.Context(), e) })
	}},
	{"the session before ends with the login", func(t *testing.T, w *world) {
		e := w.enter(1)
		person := e.Login.NewPerson
		again := grant.Effects{
			At:          start.Add(time.Hour),
			Login:       &grant.Login{Identity: e.Login.Identity, Session: session("s_again", person)},
			EndSessions: []access.SessionFilter{{PersonID: person, Why: "login"}},
		}
		w.must(w.s.Login(t.Context(), again))
		sessions, err := w.s.Sessions(t.Context(), access.SessionFilter{PersonID: person})
		w.must(err)
		live := map[string]bool{}
		for _, n := range sessions {
			live[n.ID] = n.EndedAt.IsZero()
		}
		same(t, "live", live, map[string]bool{e.Login.Session.ID: false, "s_again": true})
	}},
	{"an identity is linked to another person", func(t *testing.T, w *world) {
		first, other := w.enter(1), w.enter(2)
		to := other.Login.NewPerson
		openid, sid := first.Login.Identity.OpenID, first.Login.Session.ID
		w.refused(access.ErrStale, func() error {
			return w.s.LinkIdentity(t.Context(), "mp", openid, to, other.Login.Session.ID, entry("identity.link"))
		})
		w.refused(access.ErrNotFound, func() error {
			return w.s.LinkIdentity(t.Context(), "mp", openid, "p_unknown", sid, entry("identity.link"))
		})
		w.refused(access.ErrNotFound, func() error {
			return w.s.LinkIdentity(t.Context(), "mp", "o_demo_unknown", to, "", entry("identity.link"))
		})
		w.must(w.s.LinkIdentity(t.Context(), "mp", openid, to, sid, entry("identity.link")))
		id, err := w.s.Identity(t.Context(), "mp", openid)
		w.must(err)
		same(t, "person", id.PersonID, to)
		g, err := w.s.Grants(t.Context(), grant.Filter{PersonID: to})
		w.must(err)
		same(t, "grants", len(g), 2)
		n, err := w.s.SessionByToken(t.Context(), first.Login.Session.TokenHash)
		w.must(err)
		same(t, "session's person", n.PersonID, to)
		same(t, "entries", len(w.entries("identity.link")), 1)
	}},
	{"a profile is kept apart", func(t *testing.T, w *world) {
		e := w.enter(1)
		p := access.Profile{PersonID: e.Login.NewPerson, Nickname: "掌柜", AvatarURL: "https://example.com/a.png", UpdatedAt: start}
		w.must(w.s.SaveProfile(t.Context(), p))
		p.Nickname = "新掌柜"
		w.must(w.s.SaveProfile(t.Context(), p))
		got, err := w.s.Person(t.Context(), p.PersonID)
		w.must(err)
		same(t, "person", got, access.Person{ID: p.PersonID, Profile: p})
		p.PersonID = "p_unknown"
		w.refused(access.ErrNotFound, func() error { return w.s.SaveProfile(t.Context(), p) })
		w.refused(access.ErrNotFound, func() error { return second(w.s.Person(t.Context(), "p_unknown")) })
		w.refused(access.ErrNotFound, func() error { return second(w.s.Identity(t.Context(), "mp", "o_demo_unknown")) })
	}},
}
