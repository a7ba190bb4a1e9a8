package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// oidcClient is a program that wants to know of logouts.
func oidcClient(id string) access.OIDCClient {
	return access.OIDCClient{
		ID: id, Name: "网店 ERP", SecretHash: access.HashKey("secret of " + id), RedirectURIs: []string{"https://erp.example.com/cb"},
		PostLogoutURIs: []string{"https://erp.example.com/bye"}, BackchannelURI: "https://erp.example.com/backchannel", AllowPrivate: true,
		TenantID: "lantian", Role: access.Operator, Doors: []access.Door{access.DoorQR}, Claims: []string{"openid"}, Sector: id,
		EmailDomain: "people.example.com", WithoutPKCE: true, CreatedAt: start,
	}
}

// oidcLogin is a login of a session into a program.
func oidcLogin(id, session string) access.OIDCLogin {
	return access.OIDCLogin{
		ID: id, ClientID: "party", SessionID: session, PersonID: "p_1", ShopID: "tea", Scope: "openid", Nonce: "n", RedirectURI: "https://erp.example.com/cb",
		Challenge: "c", CodeHash: access.HashKey("code of " + id), CodeEnds: start.Add(time.Minute), CreatedAt: start,
	}
}

// party declares a program, and logs a person into it with one session.
func (w *world) party(logins ...string) (sessionID string) {
	w.t.Helper()
	w.must(w.declare(access.Declaration{OIDCClients: []access.OIDCClient{oidcClient("party")}}))
	n := session("s_party", w.enter(1).Login.NewPerson)
	w.must(w.s.StartSession(w.t.Context(), n, entry("session.start")))
	for _, id := range logins {
		w.must(w.s.BeginOIDCLogin(w.t.Context(), oidcLogin(id, n.ID), entry("oidc.login")))
	}
	return n.ID
}

func (w *world) oidcLogin(id string) access.OIDCLogin {
	w.t.Helper()
	l, err := w.s.OIDCLogin(w.t.Context(), id)
	w.must(err)
	return l
}

func (w *world) redeem(id string) func() error {
	return func() error {
		return w.s.RedeemOIDCCode(w.t.Context(), id, access.HashKey("refresh 0"), start.Add(time.Second))
	}
}

func (w *world) endOIDC(id string) func() error {
	return func() error {
		return w.s.EndOIDCLogin(w.t.Context(), id, "logout", start.Add(time.Minute), entry("oidc.end"))
	}
}

func ids(logins []access.OIDCLogin) []string {
	out := []string{}
	for _, l := range logins {
		out = append(out, l.ID)
	}
	return out
}

var oidcCases = []testCase{
	{"a program is declared, changed and removed with its logins", func(t *testing.T, w *world) {
		w.party("o_1")
		c := oidcClient("party")
		got, err := w.s.OIDCClient(t.Context(), "party")
		w.must(err)
		same(t, "client", got, c)
		c.SecretHash, c.Doors, c.Claims, c.TenantID, c.ShopID, c.AllowPrivate, c.WithoutPKCE = nil, nil, nil, "", "tea", false, false
		public := oidcClient("app")
		w.must(w.declare(access.Declaration{OIDCClients: []access.OIDCClient{c, public}}))
		all, err := w.s.OIDCClients(t.Context())
		w.must(err)
		same(t, "clients", all, []access.OIDCClient{public, c})
		for _, bad := range []access.OIDCClient{{ID: "x", TenantID: "nobody"}, {ID: "x", ShopID: "nothing"}} {
			w.refused(access.ErrNotFound, func() error { return w.declare(access.Declaration{OIDCClients: []access.OIDCClient{bad}}) })
		}
		remove := access.Declaration{Remove: access.Removal{OIDCClients: []string{"party"}}}
		w.must(w.declare(remove))
		w.refused(access.ErrNotFound, func() error { return w.declare(remove) })
		w.refused(access.ErrNotFound, func() error { return second(w.s.OIDCLogin(t.Context(), "o_1")) })
	}},
	{"a code and a refresh token count once", func(t *testing.T, w *world) {
		s := w.party("o_1")
		by, err := w.s.OIDCLoginByCode(t.Context(), access.HashKey("code of o_1"))
		w.must(err)
		same(t, "by code", by, oidcLogin("o_1", s))
		w.refused(access.ErrNotFound, func() error { return second(w.s.OIDCLoginByCode(t.Context(), access.HashKey("another"))) })
		w.must(w.redeem("o_1")())
		w.refused(access.ErrUsed, w.redeem("o_1"))
		rotate := func(from, to string) error {
			return w.s.RotateOIDCRefresh(t.Context(), "o_1", access.HashKey(from), access.HashKey(to))
		}
		w.must(rotate("refresh 0", "refresh 1"))
		w.refused(access.ErrUsed, func() error { return rotate("refresh 0", "refresh 2") })
		want := oidcLogin("o_1", s)
		want.CodeUsed, want.RefreshHash = start.Add(time.Second), access.HashKey("refresh 1")
		same(t, "login", w.oidcLogin("o_1"), want)
		w.must(w.endOIDC("o_1")())
		w.refused(access.ErrUsed, func() error { return rotate("refresh 1", "refresh 2") })
		w.must(w.s.BeginOIDCLogin(t.Context(), oidcLogin("o_2", s), entry("oidc.login")))
		w.must(w.endOIDC("o_2")())
		w.refused(access.ErrUsed, w.redeem("o_2"))
	}},
	{"a code that many bring at once counts once", func(t *testing.T, w *world) {
		w.party("o_1")
		n := together(t, 20, access.ErrUsed, func(i int) error {
			return w.replica(i).RedeemOIDCCode(t.Context(), "o_1", nil, start)
		})
		same(t, "redeemed", n, 1)
	}},
	{"a login needs a session and a program", func(t *testing.T, w *world) {
		s := w.party()
		w.refused(access.ErrNotFound, func() error {
			return w.s.BeginOIDCLogin(t.Context(), oidcLogin("o_1", "s_nobody"), entry("oidc.login"))
		})
		l := oidcLogin("o_1", s)
		l.ClientID = "nobody"
		w.refused(access.ErrNotFound, func() error { return w.s.BeginOIDCLogin(t.Context(), l, entry("oidc.login")) })
	}},
	{"the newest login of a session that has not ended is the last", func(t *testing.T, w *world) {
		s := w.party("o_1")
		newer := oidcLogin("o_2", s)
		newer.CreatedAt, newer.ShopID = start.Add(time.Minute), "rice"
		w.must(w.s.BeginOIDCLogin(t.Context(), newer, entry("oidc.login")))
		last := func() (access.OIDCLogin, error) { return w.s.LastOIDCLogin(t.Context(), s, "party") }
		got, err := last()
		w.must(err)
		same(t, "last", got.ID, "o_2")
		w.must(w.endOIDC("o_2")())
		got, err = last()
		w.must(err)
		same(t, "last", got.ID, "o_1")
		w.must(w.endOIDC("o_1")())
		w.refused(access.ErrNotFound, func() error { return second(last()) })
	}},
	{"logins of sessions that ended are found, and told once for a session", func(t *testing.T, w *world) {
		s := w.party("o_1", "o_2", "o_3")
		w.must(w.redeem("o_1")())
		w.must(w.redeem("o_2")())
		over := func(now time.Time) []string {
			found, err := w.s.OverOIDCLogins(t.Context(), now, 10)
			w.must(err)
			return ids(found)
		}
		same(t, "over while the session lives", over(start.Add(time.Minute)), []string{})
		same(t, "over when it expired", over(start.Add(10000*time.Hour)), []string{"o_1", "o_2", "o_3"})
		w.must(second(w.s.EndSessions(t.Context(), grant.Effects{At: start.Add(time.Second), EndSessions: []access.SessionFilter{{ID: s, Why: "logout"}}})))
		same(t, "over when it ended", over(start.Add(time.Minute)), []string{"o_1", "o_2", "o_3"})
		live, err := w.s.LiveOIDCLogins(t.Context(), "o_1", 1)
		w.must(err)
		same(t, "live behind o_1", ids(live), []string{"o_2"})
		for _, id := range []string{"o_3", "o_1", "o_2", "o_1"} {
			w.must(w.endOIDC(id)())
		}
		same(t, "entries", len(w.entries("oidc.end")), 3)
		same(t, "over when they ended", over(start.Add(time.Minute)), []string{})
		due := func(now time.Time) []access.OIDCLogin {
			found, err := w.s.DueOIDCLogouts(t.Context(), now, now.Add(time.Minute), 10)
			w.must(err)
			return found
		}
		same(t, "due before", ids(due(start)), []string{})
		first := due(start.Add(time.Minute))
		same(t, "due", ids(first), []string{"o_1"}) // o_3 got no tokens, o_2 is of the same session
		same(t, "attempt", first[0].LogoutAttempt, 1)
		same(t, "due while somebody tells it", ids(due(start.Add(2*time.Minute-time.Millisecond))), []string{})
		next := due(start.Add(2 * time.Minute))
		same(t, "due again", next[0].LogoutAttempt, 2)
		w.must(w.s.SettleOIDCLogout(t.Context(), first[0], time.Time{}, entry("oidc.logout"))) // too late: another tells it
		same(t, "due after the slow one", ids(due(start.Add(time.Hour))), []string{"o_1"})
		w.must(w.s.SettleOIDCLogout(t.Context(), w.oidcLogin("o_1"), time.Time{}, entry("oidc.logout")))
		same(t, "due after it was told", ids(due(start.Add(10*time.Hour))), []string{})
	}},
	{"logins are purged when they are over for long", func(t *testing.T, w *world) {
		w.party("o_1", "o_2", "o_3", "o_4")
		for _, id := range []string{"o_1", "o_2"} {
			w.must(w.redeem(id)())
		}
		w.must(w.endOIDC("o_2")())
		w.must(w.endOIDC("o_3")())
		for _, step := range []struct {
			after time.Duration
			kept  map[string]bool
		}{
			{23 * time.Hour, map[string]bool{"o_1": true, "o_2": true, "o_3": true, "o_4": true}},
			{25 * time.Hour, map[string]bool{"o_1": true, "o_2": true, "o_3": false, "o_4": false}}, // their codes were not used
			{40 * 24 * time.Hour, map[string]bool{"o_1": true, "o_2": true}},                        // the program was not told of o_2 yet
		} {
			w.must(w.s.Purge(t.Context(), start.Add(step.after)))
			for id, kept := range step.kept {
				_, err := w.s.OIDCLogin(t.Context(), id)
				same(t, fmt.Sprint(id, " is kept after ", step.after), err == nil, kept)
			}
		}
		w.must(w.s.SettleOIDCLogout(t.Context(), w.oidcLogin("o_2"), time.Time{}, entry("oidc.logout")))
		w.must(w.s.Purge(t.Context(), start.Add(40*24*time.Hour)))
		w.refused(access.ErrNotFound, func() error { return second(w.s.OIDCLogin(t.Context(), "o_2")) })
	}},
	{"of many logins of a session the oldest end", func(t *testing.T, w *world) {
		s := w.party()
		for i := range 22 {
			l := oidcLogin(fmt.Sprintf("o_%02d", i), s)
			l.CreatedAt = start.Add(time.Duration(i) * time.Minute)
			w.must(w.s.BeginOIDCLogin(t.Context(), l, entry("oidc.login")))
		}
		live, err := w.s.LiveOIDCLogins(t.Context(), "", 100)
		w.must(err)
		same(t, "live", len(live), 20)
		same(t, "the oldest of them", live[0].ID, "o_02")
		same(t, "why", w.oidcLogin("o_01").EndedWhy, "superseded")
	}},
	{"an app names a person by the openid seen last", func(t *testing.T, w *world) {
		e := w.enter(1)
		got, err := w.s.IdentityOfPerson(t.Context(), e.Login.Identity.App, e.Login.NewPerson)
		w.must(err)
		same(t, "openid", got.OpenID, e.Login.Identity.OpenID)
		w.refused(access.ErrNotFound, func() error { return second(w.s.IdentityOfPerson(t.Context(), "other", e.Login.NewPerson)) })
		shops, err := w.s.ShopsOfTenant(t.Context(), "lantian")
		w.must(err)
		for _, s := range shops {
			same(t, "tenant", s.TenantID, "lantian")
		}
		same(t, "there are shops", len(shops) > 1, true)
	}},
}

var oidcTransitions = []transition{
	{name: "begin OpenID login", again: errAny, make: func(w *world) func() error {
		s := w.party()
		return func() error { return w.s.BeginOIDCLogin(w.t.Context(), oidcLogin("o_1", s), entry("oidc.login")) }
	}},
	{name: "redeem OpenID code", again: access.ErrUsed, unseen: true, make: func(w *world) func() error {
		w.party("o_1")
		return w.redeem("o_1")
	}},
	{name: "rotate OpenID refresh token", again: access.ErrUsed, unseen: true, make: func(w *world) func() error {
		w.party("o_1")
		w.must(w.redeem("o_1")())
		return func() error {
			return w.s.RotateOIDCRefresh(w.t.Context(), "o_1", access.HashKey("refresh 0"), access.HashKey("refresh 1"))
		}
	}},
	{name: "end OpenID login", make: func(w *world) func() error {
		w.party("o_1")
		return w.endOIDC("o_1")
	}},
	{name: "settle OpenID logout", more: true, make: func(w *world) func() error {
		w.party("o_1")
		return func() error {
			return w.s.SettleOIDCLogout(w.t.Context(), oidcLogin("o_1", ""), time.Time{}, entry("oidc.logout"))
		}
	}},
	{name: "claim OpenID logouts", unseen: true, make: func(w *world) func() error {
		w.party("o_1")
		w.must(w.redeem("o_1")())
		w.must(w.endOIDC("o_1")())
		return func() error {
			return second(w.s.DueOIDCLogouts(w.t.Context(), start.Add(time.Minute), start.Add(time.Hour), 10))
		}
	}},
}
