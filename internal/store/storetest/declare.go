package storetest

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// declare applies a change at the store's revision, one hour after start.
func (w *world) declare(d access.Declaration) error {
	w.t.Helper()
	rev, err := w.s.Revision(w.t.Context())
	w.must(err)
	d.Revision, d.At = rev, start.Add(time.Hour)
	return w.s.Declare(w.t.Context(), d, entry("setup.apply"))
}

var declareCases = []testCase{
	{"what is declared is what is read", func(t *testing.T, w *world) {
		want := directory()
		slices.SortFunc(want.Apps, func(a, b access.App) int { return cmp.Compare(a.ID, b.ID) })
		slices.SortFunc(want.Tenants, func(a, b access.Tenant) int { return cmp.Compare(a.ID, b.ID) })
		slices.SortFunc(want.Shops, func(a, b access.Shop) int { return cmp.Compare(a.ID, b.ID) })
		apps, err := w.s.Apps(t.Context())
		w.must(err)
		same(t, "apps", apps, want.Apps)
		tenants, err := w.s.Tenants(t.Context())
		w.must(err)
		same(t, "tenants", tenants, want.Tenants)
		shops, err := w.s.Shops(t.Context())
		w.must(err)
		same(t, "shops", shops, want.Shops)
		for _, s := range want.Shops {
			g := w.shopGrant(s.ID)
			if g.State != grant.Active || !g.DueAt.Equal(start) || g.App != s.App {
				t.Errorf("grant of %s: %+v", s.ID, g)
			}
		}
		same(t, "grants that begin", len(w.entries("grant.start")[0].Details), 3)
		for _, err := range []error{
			second(w.s.App(t.Context(), "x")), second(w.s.Shop(t.Context(), "x")), second(w.s.Tenant(t.Context(), "x")),
		} {
			w.wants(access.ErrNotFound, err)
		}
	}},
	{"declaring the same again changes the revision only", func(t *testing.T, w *world) {
		w.renew("tea", start)
		before := w.snapshot()
		w.must(w.declare(directory()))
		after := w.snapshot()
		same(t, "revision", after.Revision, before.Revision+1)
		same(t, "grants", after.Grants, before.Grants)
		same(t, "apps", after.Apps, before.Apps)
	}},
	{"a plan against an older directory is refused", func(t *testing.T, w *world) {
		d := directory()
		w.refused(access.ErrStale, func() error { return w.s.Declare(t.Context(), d, entry("setup.apply")) })
		d.Revision = 2
		w.refused(access.ErrStale, func() error { return w.s.Declare(t.Context(), d, entry("setup.apply")) })
	}},
	{"a new secret starts the shop's grant again", func(t *testing.T, w *world) {
		w.renew("tea", start)
		kept := w.shopGrant("tea").Tokens
		e := renewal(w.claim("tea", start.Add(time.Minute)), start.Add(time.Minute))
		e.Settle.Tokens, e.Settle.State, e.Settle.Cause, e.Settle.DueAt = nil, grant.Stopped, "secret", time.Time{}
		w.must(w.settle(e))
		running := w.claim("tea", start.Add(2*time.Minute))

		app := directory().Apps[1]
		app.Secret, app.SecretVersion = []byte("sealed-new"), 2
		w.must(w.declare(access.Declaration{Apps: []access.App{app}}))
		g := w.shopGrant("tea")
		if g.State != grant.Active || g.Cause != "" || !g.DueAt.Equal(start.Add(time.Hour)) {
			t.Errorf("grant after a new secret: %+v", g)
		}
		same(t, "tokens", g.Tokens, kept)
		w.refused(grant.ErrLost, func() error { return w.settle(renewal(running, start)) })

		app.SecretVersion = 1
		w.refused(access.ErrStale, func() error { return w.declare(access.Declaration{Apps: []access.App{app}}) })
		app.SecretVersion, app.Secret, app.Name = 2, nil, "新茶"
		w.must(w.declare(access.Declaration{Apps: []access.App{app}}))
		got, err := w.s.App(t.Context(), app.ID)
		w.must(err)
		same(t, "secret", string(got.Secret), "sealed-new")
	}},
	{"a new secret brings nothing back that was revoked, and ends no kill", func(t *testing.T, w *world) {
		w.renew("tea", start)
		w.must(w.kill("tea", start))
		before := w.shopGrant("tea")
		app := directory().Apps[1]
		app.Secret, app.SecretVersion = []byte("sealed-new"), 2
		w.must(w.declare(access.Declaration{Apps: []access.App{app}}))
		same(t, "grant after a new secret", w.shopGrant("tea"), before)
		c := w.claim("tea", start)
		same(t, "secret of the next try", string(c.App.Secret), "sealed-new")
		same(t, "owed", c.Grant.Kills, grant.Kills)
	}},
	{"a shop with another app forgets the tokens of the first", func(t *testing.T, w *world) {
		w.renew("tea", start)
		shop := directory().Shops[0]
		shop.App = "app-silk"
		w.must(w.declare(access.Declaration{Shops: []access.Shop{shop}}))
		g := w.shopGrant("tea")
		if g.App != "app-silk" || g.Tokens.Access != nil || !g.DueAt.Equal(start.Add(time.Hour)) {
			t.Errorf("grant after another app: %+v", g)
		}
		w.renew("tea", start.Add(time.Hour))
	}},
	{"an app that is another one at WeChat forgets the tokens of the first", func(t *testing.T, w *world) {
		w.renew("tea", start)
		app := directory().Apps[0]
		for _, a := range directory().Apps {
			if a.ID == w.shopGrant("tea").App {
				app = a
			}
		}
		app.AppID = "wx00000000000000ff"
		w.must(w.declare(access.Declaration{Apps: []access.App{app}}))
		g := w.shopGrant("tea")
		if g.Tokens.Access != nil || g.State != grant.Active || !g.DueAt.Equal(start.Add(time.Hour)) {
			t.Errorf("grant after another appid: %+v", g)
		}
		w.renew("tea", start.Add(time.Hour))
	}},
	{"a removed shop is revoked, and starts again when it comes back", func(t *testing.T, w *world) {
		w.renew("tea", start)
		generation := w.shopGrant("tea").Tokens.Generation
		w.declareClients(1, client("erp", "rice", "tea"))
		w.must(w.declare(access.Declaration{Remove: access.Removal{Shops: []string{"tea"}}}))
		w.refused(access.ErrNotFound, func() error { return second(w.s.Shop(t.Context(), "tea")) })
		same(t, "state", w.shopGrant("tea").State, grant.Revoked)
		c, err := w.s.Client(t.Context(), "erp")
		w.must(err)
		same(t, "client's shops", c.Shops, []string{"rice"})
		w.must(w.declare(access.Declaration{Shops: directory().Shops[:1]}))
		g := w.shopGrant("tea")
		if g.State != grant.Active || g.DueAt.IsZero() || g.Tokens.Generation <= generation {
			t.Errorf("grant of a shop that came back: %+v", g)
		}
		w.renew("tea", start.Add(2*time.Hour))
	}},
	{"what is in use is not removed", func(t *testing.T, w *world) {
		w.enter(1)
		for _, r := range []access.Removal{
			{Apps: []string{"app-tea"}}, {Apps: []string{"mp"}}, {Tenants: []string{"lantian"}},
		} {
			w.refused(access.ErrUsed, func() error { return w.declare(access.Declaration{Remove: r}) })
		}
		for _, r := range []access.Removal{
			{Apps: []string{"x"}}, {Shops: []string{"x"}}, {Clients: []string{"x"}}, {Tenants: []string{"x"}},
		} {
			w.refused(access.ErrNotFound, func() error { return w.declare(access.Declaration{Remove: r}) })
		}
	}},
	{"everything of a tenant goes in one declaration", func(t *testing.T, w *world) {
		w.invited(1, "i_1", "tea")
		_, err := w.confirm("i_1", "1234", start)
		w.must(err)
		w.declareClients(1, client("erp", "tea"))
		w.must(w.declare(access.Declaration{Remove: access.Removal{
			Clients: []string{"erp"}, Shops: []string{"tea", "rice"}, Tenants: []string{"lantian"}, Apps: []string{"app-tea", "app-rice"},
		}}))
		n := w.snapshot()
		same(t, "shops", len(n.Shops), 1)
		same(t, "clients", len(n.Clients), 0)
		same(t, "invitations", len(n.Invitations), 0)
	}},
	{"an app goes with the logins that only it explains", func(t *testing.T, w *world) {
		e := w.enter(1)
		w.must(w.s.Revoke(t.Context(), grant.Effects{At: start, Revoke: []grant.Revocation{{GrantID: e.Authorise.GrantID}}}))
		boss := access.Member{TenantID: "lantian", PersonID: e.Login.NewPerson, Role: access.Owner, Since: start}
		w.must(w.declare(access.Declaration{Members: []access.Member{boss}}))
		w.refused(access.ErrUsed, func() error { // nobody could log in who owns the tenant
			return w.declare(access.Declaration{Remove: access.Removal{Apps: []string{"mp"}}})
		})
		w.must(w.declare(access.Declaration{Remove: access.Removal{Apps: []string{"mp"}, Shops: []string{"tea", "rice"}, Tenants: []string{"lantian"}}}))
		n, err := w.s.SessionByToken(t.Context(), e.Login.Session.TokenHash)
		w.must(err)
		same(t, "why", n.EndedWhy, "app_removed")
		w.refused(access.ErrNotFound, func() error { return second(w.s.Identity(t.Context(), "mp", e.Login.Identity.OpenID)) })
	}},
	{"nothing is declared about what does not exist", func(t *testing.T, w *world) {
		noTenant, noApp := directory().Shops[0], directory().Shops[0]
		noTenant.TenantID, noApp.App = "unknown", "unknown"
		for _, d := range []access.Declaration{
			{Shops: []access.Shop{noTenant}}, {Shops: []access.Shop{noApp}},
			{Clients: []access.Client{client("erp", "unknown")}},
			{Members: []access.Member{{TenantID: "lantian", PersonID: "p_unknown", Role: access.Owner}}},
			{Members: []access.Member{{TenantID: "unknown", PersonID: "p_unknown", Role: access.Owner}}},
		} {
			w.refused(access.ErrNotFound, func() error { return w.declare(d) })
		}
	}},
	{"members are declared", func(t *testing.T, w *world) {
		e := w.enter(1)
		m := access.Member{TenantID: "lantian", ShopID: "tea", PersonID: e.Login.NewPerson, Role: access.Operator, Since: start}
		w.must(w.declare(access.Declaration{Members: []access.Member{m}}))
		p, err := w.s.Person(t.Context(), m.PersonID)
		w.must(err)
		same(t, "members", p.Members, []access.Member{m})
		applied := w.entries("setup.apply")
		same(t, "actor", applied[len(applied)-1].Actor.Kind, audit.ActorOperator)
	}},
}
