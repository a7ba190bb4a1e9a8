package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// platformApp is a third-party platform with one service.
func platformApp() access.App {
	return access.App{
		ID: "isv", Kind: access.Component, AppID: "wx00000000000000d1", Name: "服务商", Secret: []byte("sealed-isv"), SecretVersion: 1,
		CallbackHost: "isv.example.com",
		Push:         access.Push{Keys: []byte("sealed-keys"), Version: 1},
		Services:     []access.Service{{ID: "erp", ServiceID: "600001", Name: "进销存", Role: access.Operator}},
	}
}

// platform declares the third-party platform.
func (w *world) platform() access.App {
	w.t.Helper()
	a := platformApp()
	w.must(w.declare(access.Declaration{Apps: []access.App{a}}))
	return a
}

// account is an account that was just heard of, with a code.
func account(n int) grant.Authorizer {
	return grant.Authorizer{
		App: "isv", AppID: fmt.Sprintf("wx00000000000000e%d", n), State: grant.AuthorizerNew, Account: grant.AccountShop, Name: "店",
		Sets: []int64{129, 130}, EventAt: start, Code: []byte("sealed-code"), CodeEnds: start.Add(time.Hour), DueAt: start,
		Attempt: 1, Cause: grant.CauseBusy, CheckedAt: start.Add(time.Second),
	}
}

// authorised is an account's authorisation as it is adopted, with a shop of its
// own.
func authorised(n int) grant.Effects {
	a := account(n)
	a.State, a.ShopID, a.Code, a.CodeEnds, a.DueAt = grant.AuthorizerKept, fmt.Sprintf("shop-%d", n), nil, time.Time{}, time.Time{}
	id := fmt.Sprintf("g_isv%d", n)
	return grant.Effects{
		At:   start,
		Open: &grant.Opening{Tenant: access.Tenant{ID: a.ShopID, Name: a.Name}, Shop: access.Shop{ID: a.ShopID, App: "isv", AppID: a.AppID, Name: a.Name}},
		Authorise: &grant.Authorisation{GrantID: id, Kind: grant.ISV, App: "isv", ShopID: a.ShopID, Authorizer: a.AppID,
			Tokens: tokens(grant.ISV, id, 1, start), DueAt: start.Add(110 * time.Minute)},
		Authorizers: []grant.Authorizer{a},
		Audit:       []audit.Entry{entry("platform.adopt")},
	}
}

func (w *world) apply(e grant.Effects) error { return w.s.Authorise(w.t.Context(), e) }

func ticket(minute int) *grant.Ticket {
	at := start.Add(time.Duration(minute) * time.Minute)
	return &grant.Ticket{App: "isv", CreatedAt: at, Value: fmt.Appendf(nil, "sealed-ticket-%d", minute), SeenAt: at.Add(time.Second)}
}

func (w *world) tickets() []grant.Ticket {
	w.t.Helper()
	out, err := w.s.Tickets(w.t.Context(), "isv")
	w.must(err)
	return out
}

func (w *world) componentGrant() grant.Grant {
	w.t.Helper()
	g, err := w.s.ComponentGrant(w.t.Context(), "isv")
	w.must(err)
	return g
}

func (w *world) isvGrant(n int) grant.Grant {
	w.t.Helper()
	g, err := w.s.AuthorizerGrant(w.t.Context(), "isv", account(n).AppID)
	w.must(err)
	return g
}

var platformCases = []testCase{
	{"a platform is declared with a grant of its own", func(t *testing.T, w *world) {
		want := w.platform()
		got, err := w.s.App(t.Context(), "isv")
		w.must(err)
		same(t, "app", got, want)
		g := w.componentGrant()
		if g.State != grant.Active || !g.DueAt.Equal(start.Add(time.Hour)) || g.App != "isv" || g.ShopID != "" {
			t.Errorf("grant %+v", g)
		}
		want.Secret, want.Push = nil, access.Push{} // both stay
		w.must(w.declare(access.Declaration{Apps: []access.App{want}}))
		if got, err = w.s.App(t.Context(), "isv"); err != nil || string(got.Secret) != "sealed-isv" || string(got.Push.Keys) != "sealed-keys" {
			t.Errorf("app %+v, %v", got, err)
		}
		same(t, "grant", w.componentGrant(), g)
		older := want
		older.Push = access.Push{Keys: []byte("x")}
		w.refused(access.ErrStale, func() error { return w.declare(access.Declaration{Apps: []access.App{older}}) })
	}},
	{"new push keys keep those before beside them", func(t *testing.T, w *world) {
		a := w.platform()
		a.Push = access.Push{Keys: []byte("sealed-new"), Version: 2, Previous: a.Push.Keys, PreviousVersion: 1}
		w.must(w.declare(access.Declaration{Apps: []access.App{a}}))
		got, err := w.s.App(t.Context(), "isv")
		w.must(err)
		same(t, "push", got.Push, a.Push)
	}},
	{"a claim of a platform's grant has its app whole", func(t *testing.T, w *world) {
		want := w.platform()
		c, err := w.s.Claim(t.Context(), w.componentGrant().ID, request(start.Add(time.Hour)))
		w.must(err)
		same(t, "app", c.App, want)
		w.must(w.settle(renewal(c, start.Add(time.Hour))))
		same(t, "generation", w.componentGrant().Tokens.Generation, 1)
	}},
	{"a platform's new secret starts its grant again, unless it was revoked", func(t *testing.T, w *world) {
		a := w.platform()
		g := w.componentGrant()
		w.must(w.s.Revoke(t.Context(), grant.Effects{At: start, Revoke: []grant.Revocation{{GrantID: g.ID}}}))
		a.Secret, a.SecretVersion = []byte("sealed-new"), 2
		w.must(w.declare(access.Declaration{Apps: []access.App{a}}))
		same(t, "state", w.componentGrant().State, grant.Revoked)
		a.AppID, a.SecretVersion = "wx00000000000000d2", 3
		w.must(w.declare(access.Declaration{Apps: []access.App{a}}))
		same(t, "state as another platform", w.componentGrant().State, grant.Active)
	}},
	{"what another platform was authorised to is void", func(t *testing.T, w *world) {
		a := w.platform()
		w.must(w.apply(authorised(1)))
		w.must(w.apply(grant.Effects{At: start, Ticket: ticket(0)}))
		a.AppID = "wx00000000000000d2"
		w.must(w.declare(access.Declaration{Apps: []access.App{a}}))
		g := w.isvGrant(1)
		if g.State != grant.NeedsOwner || g.Cause != "app_changed" || g.Tokens.Refresh != nil {
			t.Errorf("grant %+v", g)
		}
		same(t, "tickets", len(w.tickets()), 0)
	}},
	{"what was told about accounts of another platform is void", func(t *testing.T, w *world) {
		a := w.platform()
		e := authorised(1)
		e.Purchases = []access.Purchase{{App: "isv", AppID: account(1).AppID, Service: "erp", SeenAt: start}}
		w.must(w.apply(e))
		w.must(w.apply(grant.Effects{At: start, Authorizers: []grant.Authorizer{account(2)}}))
		w.must(w.s.StartSession(t.Context(), access.Session{
			ID: "s_market", TokenHash: access.HashKey("market"), ShopID: "shop-1", Role: access.Operator, App: "isv", Door: access.DoorMarket,
			CreatedAt: start, SeenAt: start, ProvedAt: start, ExpiresAt: start.Add(24 * time.Hour), IdleLimit: time.Hour,
		}, entry("login")))
		a.AppID = "wx00000000000000d2"
		w.must(w.declare(access.Declaration{Apps: []access.App{a}}))
		for n, shop := range map[int]string{1: "shop-1", 2: ""} {
			row, err := w.s.Authorizer(t.Context(), "isv", account(n).AppID)
			w.must(err)
			same(t, "row", row, grant.Authorizer{App: "isv", AppID: account(n).AppID, Version: 2, State: grant.AuthorizerWithdrawn,
				Account: grant.AccountShop, Name: "店", ShopID: shop, Cause: "app_changed"})
			began := account(n)
			began.Version = 1
			w.refused(grant.ErrLost, func() error {
				return w.apply(grant.Effects{At: start, Authorizers: []grant.Authorizer{began}})
			})
		}
		due, err := w.s.DueAuthorizers(t.Context(), request(start.Add(time.Hour)))
		w.must(err)
		bought, err := w.s.Purchases(t.Context(), "isv", account(1).AppID)
		w.must(err)
		s, err := w.s.SessionByToken(t.Context(), access.HashKey("market"))
		if len(due) > 0 || len(bought) > 0 || err == nil && s.Live(start.Add(time.Minute)) {
			t.Errorf("due %v, bought %v, session %+v", due, bought, s)
		}
		if told := w.entries("platform.void"); len(told) != 1 || told[0].Details["authorizers"] != "2" || told[0].Subject != "app:isv" {
			t.Errorf("entries %+v", told)
		}
	}},
	{"an account that waited for its shop to be declared is due then", func(t *testing.T, w *world) {
		w.platform()
		waits, busy := account(1), account(2)
		waits.Cause, waits.DueAt = "undeclared", start.Add(3*time.Hour)
		busy.DueAt = start.Add(3 * time.Hour)
		w.must(w.apply(grant.Effects{At: start, Authorizers: []grant.Authorizer{waits, busy}}))
		var shops []access.Shop
		for n := range 2 {
			shops = append(shops, access.Shop{ID: fmt.Sprint("declared-", n), TenantID: "lantian", App: "isv", AppID: account(n + 1).AppID})
		}
		w.must(w.declare(access.Declaration{Shops: shops}))
		due, err := w.s.DueAuthorizers(t.Context(), request(start.Add(time.Hour)))
		w.must(err)
		if len(due) != 1 || due[0].AppID != waits.AppID {
			t.Errorf("due %+v", due)
		}
	}},
	{"the newest two tickets are kept, whatever their order", func(t *testing.T, w *world) {
		w.platform()
		for _, step := range []struct {
			came int
			want []int
		}{{10, []int{10}}, {30, []int{30, 10}}, {30, []int{30, 10}}, {0, []int{30, 10}}, {20, []int{30, 20}}, {10, []int{30, 20}}, {40, []int{40, 30}}} {
			w.must(w.apply(grant.Effects{At: start, Ticket: ticket(step.came), Audit: []audit.Entry{entry("platform.ticket")}}))
			var want []grant.Ticket
			for _, minute := range step.want {
				want = append(want, *ticket(minute))
			}
			same(t, fmt.Sprintf("tickets after %d", step.came), w.tickets(), want)
		}
		w.refused(access.ErrNotFound, func() error {
			k := ticket(0)
			k.App = "unknown"
			return w.apply(grant.Effects{At: start, Ticket: k})
		})
	}},
	{"a newer ticket makes a grant due that waits for one", func(t *testing.T, w *world) {
		w.platform()
		now := start.Add(30 * time.Minute)
		came := func(minute int) time.Time {
			t.Helper()
			w.must(w.apply(grant.Effects{At: now, Ticket: ticket(minute)}))
			return w.componentGrant().DueAt
		}
		same(t, "due, without a token", came(10), now)
		c, err := w.s.Claim(t.Context(), w.componentGrant().ID, request(now))
		w.must(err)
		w.must(w.settle(renewal(c, now)))
		same(t, "due, with one", came(20), now.Add(100*time.Minute))
		now = now.Add(time.Minute)
		c, err = w.s.Claim(t.Context(), c.Grant.ID, request(now))
		w.must(err)
		e := renewal(c, now)
		e.Settle.Tokens, e.Settle.State, e.Settle.Cause, e.Settle.DueAt = nil, grant.Stopped, grant.CauseTicketInvalid, time.Time{}
		w.must(w.settle(e))
		same(t, "due, stopped, by an older ticket", came(15), time.Time{})
		same(t, "due, stopped", came(30), now)
	}},
	{"an authoriser is written by who read it last", func(t *testing.T, w *world) {
		w.platform()
		want := account(1)
		w.must(w.apply(grant.Effects{At: start, Authorizers: []grant.Authorizer{want}}))
		got := func() grant.Authorizer {
			t.Helper()
			a, err := w.s.Authorizer(t.Context(), "isv", want.AppID)
			w.must(err)
			return a
		}
		want.Version = 1
		same(t, "authoriser", got(), want)
		for _, version := range []int64{0, 2} {
			stale := want
			stale.Version, stale.Name = version, "别"
			w.refused(grant.ErrLost, func() error {
				return w.apply(grant.Effects{At: start, Ticket: ticket(0), Authorizers: []grant.Authorizer{account(2), stale}, Audit: []audit.Entry{entry("x")}})
			})
		}
		next := want
		next.State, next.Code, next.CodeEnds, next.DueAt, next.Sets = grant.AuthorizerForeign, nil, time.Time{}, time.Time{}, nil
		w.must(w.apply(grant.Effects{At: start, Authorizers: []grant.Authorizer{next}}))
		next.Version = 2
		same(t, "authoriser", got(), next)
		unknown := account(3)
		unknown.App = "unknown"
		w.refused(access.ErrNotFound, func() error { return w.apply(grant.Effects{At: start, Authorizers: []grant.Authorizer{unknown}}) })
		w.refused(access.ErrNotFound, func() error { return second(w.s.Authorizer(t.Context(), "isv", "wx")) })
		w.refused(grant.ErrLost, func() error {
			return w.apply(grant.Effects{At: start, Authorizers: []grant.Authorizer{withVersion(account(4), 1)}})
		})
	}},
	{"authorisers are read page by page", func(t *testing.T, w *world) {
		w.platform()
		var all []grant.Authorizer
		for i := range 5 {
			all = append(all, account(i))
		}
		w.must(w.apply(grant.Effects{At: start, Authorizers: all}))
		after, pages := "", []int(nil)
		for {
			page, err := w.s.AuthorizersPage(t.Context(), "isv", after, 2)
			w.must(err)
			for _, a := range page {
				if a.AppID <= after {
					t.Errorf("%s after %s", a.AppID, after)
				}
				after = a.AppID
			}
			if pages = append(pages, len(page)); len(page) == 0 {
				break
			}
		}
		same(t, "pages", pages, []int{2, 2, 1, 0})
	}},
	{"who got a due authoriser works at it alone", func(t *testing.T, w *world) {
		w.platform()
		var all []grant.Authorizer
		for i := range 3 {
			a := account(i)
			a.DueAt = start.Add(time.Duration(i) * time.Minute)
			all = append(all, a)
		}
		w.must(w.apply(grant.Effects{At: start, Authorizers: all}))
		due := func(minute, limit, want int) []grant.Authorizer {
			t.Helper()
			r := request(start.Add(time.Duration(minute) * time.Minute))
			r.Limit = limit
			got, err := w.s.DueAuthorizers(t.Context(), r)
			w.must(err)
			same(t, fmt.Sprintf("due after %d minutes", minute), len(got), want)
			return got
		}
		due(-1, 10, 0)
		first := due(1, 1, 1)[0]
		want := withVersion(all[0], 2)
		want.DueAt = start.Add(time.Minute + 30*time.Second)
		same(t, "the longest due", first, want)
		due(1, 10, 1)
		due(1, 10, 0)
		due(2, 10, 3) // one came due, two were given back by time
		first.DueAt = time.Time{}
		w.refused(grant.ErrLost, func() error { return w.apply(grant.Effects{At: start, Authorizers: []grant.Authorizer{first}}) })
	}},
	{"an account is adopted with its shop in one step", func(t *testing.T, w *world) {
		w.platform()
		before := w.snapshot()
		e := authorised(1)
		w.must(w.apply(e))
		shop, err := w.s.ShopByAppID(t.Context(), account(1).AppID)
		w.must(err)
		want := e.Open.Shop
		want.TenantID = e.Open.Tenant.ID
		same(t, "shop", shop, want)
		g, err := w.s.ShopGrant(t.Context(), shop.ID)
		w.must(err)
		same(t, "grant", g, w.isvGrant(1))
		same(t, "tokens", g.Tokens, *e.Authorise.Tokens)
		same(t, "revision", w.snapshot().Revision, before.Revision+1)
		again := authorised(1)
		again.Open.Shop.Name = "别" // what is there stays
		again.Authorise.From, again.Authorise.Tokens = 1, tokens(grant.ISV, g.ID, 2, start)
		again.Authorizers = nil
		w.must(w.apply(again))
		same(t, "revision", w.snapshot().Revision, before.Revision+1)
		if shop, err = w.s.Shop(t.Context(), shop.ID); err != nil || shop.Name != "店" {
			t.Errorf("shop %+v, %v", shop, err)
		}
		w.refused(grant.ErrLost, func() error { return w.apply(again) })
	}},
	{"a client's shops of a platform are found by its appid", func(t *testing.T, w *world) {
		w.platform()
		w.must(w.apply(authorised(1)))
		w.must(w.apply(authorised(2)))
		w.must(w.apply(authorised(3)))
		w.declareClients(w.snapshot().Revision, client("erp", "shop-1", "shop-2", "tea"), client("bi", "rice"))
		found := func(client, component string, limit int) (ids []string) {
			t.Helper()
			shops, err := w.s.PlatformShops(t.Context(), client, component, limit)
			w.must(err)
			for _, s := range shops {
				same(t, "app", s.App, "isv")
				ids = append(ids, s.ID)
			}
			return ids
		}
		platform := platformApp().AppID
		same(t, "all", found("erp", platform, 10), []string{"shop-1", "shop-2"})
		same(t, "the first", found("erp", platform, 1), []string{"shop-1"})
		same(t, "of another client", found("bi", platform, 10), nil)
		same(t, "of nobody", found("none", platform, 10), nil)
		same(t, "of a shop's own app", found("erp", directory().Shops[0].AppID, 10), nil)
		same(t, "of no platform", found("erp", "", 10), nil)
	}},
	{"a revocation stops an adoption that a new authorisation began", func(t *testing.T, w *world) {
		w.platform()
		e := authorised(1)
		w.must(w.apply(e))
		revoke := func(at time.Time) {
			t.Helper()
			w.must(w.s.Revoke(t.Context(), grant.Effects{At: at, Revoke: []grant.Revocation{{GrantID: e.Authorise.GrantID}}}))
		}
		revoke(start.Add(time.Minute))
		g := w.isvGrant(1)
		e.Open, e.Authorizers, e.At = nil, nil, start.Add(time.Hour)
		e.Authorise.From, e.Authorise.Tokens = g.Tokens.Generation, tokens(grant.ISV, g.ID, g.Tokens.Generation+1, e.At)
		revoke(start.Add(time.Minute)) // the same one: nothing changes
		same(t, "grant", w.isvGrant(1), g)
		revoke(start.Add(time.Hour))
		w.refused(grant.ErrLost, func() error { return w.apply(e) })
		if again := w.isvGrant(1); again.State != grant.Revoked || !again.UpdatedAt.Equal(start.Add(time.Hour)) {
			t.Errorf("grant %+v", again)
		}
	}},
	{"no second shop opens for an appid", func(t *testing.T, w *world) {
		w.platform()
		e := authorised(1)
		e.Open.Shop.AppID = directory().Shops[0].AppID
		w.refused(grant.ErrLost, func() error { return w.apply(e) })
		e = authorised(1)
		e.Open.Shop.App = "unknown"
		w.refused(access.ErrNotFound, func() error { return w.apply(e) })
		e = authorised(1)
		e.Open.Shop.ID, e.Authorise.ShopID = directory().Shops[0].ID, directory().Shops[0].ID
		w.refused(grant.ErrShopTaken, func() error { return w.apply(e) }) // another account's, by its name
		w.refused(access.ErrNotFound, func() error { return second(w.s.ShopByAppID(t.Context(), "")) })
		w.refused(access.ErrNotFound, func() error { return second(w.s.ShopByAppID(t.Context(), "wx")) })
	}},
	{"a refresh token waits alone for its first access token", func(t *testing.T, w *world) {
		w.platform()
		e := authorised(1)
		e.Authorise.Tokens.Access, e.Authorise.Tokens.AccessExpires, e.Authorise.DueAt = nil, time.Time{}, start
		w.must(w.apply(e))
		c, err := w.s.Claim(t.Context(), e.Authorise.GrantID, request(start))
		w.must(err)
		w.must(w.settle(renewal(c, start)))
		same(t, "generation", w.isvGrant(1).Tokens.Generation, 2)
		half := authorised(2)
		half.Authorise.Tokens.Access, half.Authorise.Tokens.Refresh = nil, nil
		if err := w.apply(half); err == nil {
			t.Error("tokens without any token were kept")
		}
	}},
	{"a shop goes over to a platform and back, and both grants stay", func(t *testing.T, w *world) {
		w.platform()
		w.renew("tea", start)
		own := w.shopGrant("tea")
		e := authorised(1)
		e.Open, e.Authorise.ShopID, e.Authorizers = nil, "tea", nil
		w.must(w.apply(e))
		same(t, "serving", w.shopGrant("tea").ID, own.ID)
		tea := directory().Shops[0]
		tea.App = "isv"
		w.must(w.declare(access.Declaration{Shops: []access.Shop{tea}}))
		same(t, "serving", w.shopGrant("tea").ID, e.Authorise.GrantID)
		kept, err := w.s.Grant(t.Context(), own.ID)
		w.must(err)
		same(t, "its own", kept, own)
		both, err := w.s.Grants(t.Context(), grant.Filter{ShopID: "tea"})
		w.must(err)
		same(t, "grants", len(both), 2)
		app := directory().Apps[1] // the shop's own app has a new secret meanwhile
		app.Secret, app.SecretVersion = []byte("sealed-new"), 2
		w.must(w.declare(access.Declaration{Apps: []access.App{app}}))
		if kept, err = w.s.Grant(t.Context(), own.ID); err != nil || !kept.DueAt.Equal(start.Add(time.Hour)) {
			t.Errorf("its own: due %v, %v", kept.DueAt, err)
		}
		tea.App = "app-tea"
		w.must(w.declare(access.Declaration{Shops: []access.Shop{tea}}))
		same(t, "serving again", w.shopGrant("tea").ID, own.ID)
		same(t, "tokens", w.shopGrant("tea").Tokens, own.Tokens)
		same(t, "the platform's", w.isvGrant(1).State, grant.Active)
	}},
	{"a shop of a platform has no grant before it is authorised", func(t *testing.T, w *world) {
		w.platform()
		w.must(w.declare(access.Declaration{Shops: []access.Shop{{ID: "new", TenantID: "lantian", App: "isv", AppID: account(1).AppID}}}))
		w.refused(grant.ErrNotFound, func() error { return second(w.s.ShopGrant(t.Context(), "new")) })
	}},
	{"what was withdrawn at WeChat waits for the owner", func(t *testing.T, w *world) {
		w.platform()
		e := authorised(1)
		w.must(w.apply(e))
		end := grant.Effects{At: start, Revoke: []grant.Revocation{{GrantID: e.Authorise.GrantID, Cause: grant.CauseUnauthorized, State: grant.NeedsOwner}}}
		w.must(w.apply(end))
		g := w.isvGrant(1)
		if g.State != grant.NeedsOwner || g.Cause != grant.CauseUnauthorized || g.Tokens.Access != nil || g.Tokens.Refresh != nil || !g.DueAt.IsZero() {
			t.Errorf("grant %+v", g)
		}
		w.refused(grant.ErrNotFound, func() error { return second(w.s.Claim(t.Context(), g.ID, request(start))) })
		w.refused(nil, func() error { return w.apply(end) })
		back := authorised(1)
		back.Authorizers = nil
		back.Authorise.From, back.Authorise.Tokens = g.Tokens.Generation, tokens(grant.ISV, g.ID, g.Tokens.Generation+1, start)
		w.must(w.apply(back))
		same(t, "state", w.isvGrant(1).State, grant.Active)
		w.must(w.s.Revoke(t.Context(), grant.Effects{At: start, Revoke: []grant.Revocation{{GrantID: g.ID, Cause: "operator"}}}))
		w.refused(nil, func() error { return w.apply(end) }) // what is revoked here stays so
		end.Revoke[0].State = grant.Stopped
		if err := w.apply(end); err == nil {
			t.Error("a revocation ended in state stopped")
		}
	}},
	{"somebody from the market has a session of the shop", func(t *testing.T, w *world) {
		n := session("s_market", "")
		n.ShopID, n.Role, n.Door = "tea", access.Operator, access.DoorMarket
		cb := grant.Callback{App: "mp", StateHash: access.HashKey("market"), At: start}
		_, err := w.s.UseState(t.Context(), cb)
		w.must(err)
		w.must(w.s.Login(t.Context(), grant.Effects{At: start, Login: &grant.Login{StateHash: cb.StateHash, Session: n}}))
		got, err := w.s.Sessions(t.Context(), access.SessionFilter{ShopID: "tea"})
		w.must(err)
		same(t, "sessions", got, []access.Session{n})
		w.refused(access.ErrNotFound, func() error {
			other := n
			other.ID, other.TokenHash, other.ShopID = "s_other", []byte{1}, "unknown"
			return w.s.StartSession(t.Context(), other)
		})
		ended, err := w.s.EndSessions(t.Context(), grant.Effects{At: start, EndSessions: []access.SessionFilter{{ShopID: "tea", Why: "unauthorized"}}})
		w.must(err)
		same(t, "ended", ended, 1)
	}},
	{"a removed shop takes its sessions along, and its authoriser has none", func(t *testing.T, w *world) {
		w.platform()
		w.must(w.apply(authorised(1)))
		n := session("s_market", "")
		n.ShopID, n.Role, n.Door = "shop-1", access.Operator, access.DoorMarket
		w.must(w.s.StartSession(t.Context(), n))
		w.must(w.declare(access.Declaration{Remove: access.Removal{Shops: []string{"shop-1"}}}))
		same(t, "grant", w.isvGrant(1).State, grant.Revoked)
		a, err := w.s.Authorizer(t.Context(), "isv", account(1).AppID)
		w.must(err)
		same(t, "shop and version", []any{a.ShopID, a.Version}, []any{"", int64(2)})
		got, err := w.s.SessionByToken(t.Context(), n.TokenHash)
		w.must(err)
		same(t, "why", got.EndedWhy, "shop_removed")
	}},
	{"a purchase is as it was told last", func(t *testing.T, w *world) {
		w.platform()
		p := access.Purchase{App: "isv", Service: "erp", AppID: account(1).AppID, Spec: "年", OrderID: "1", PaidUntil: start.Add(time.Hour), SeenAt: start}
		told := func(p access.Purchase) {
			t.Helper()
			w.must(w.apply(grant.Effects{At: start, Purchases: []access.Purchase{p}}))
		}
		told(p)
		older, other := p, p
		older.SeenAt, older.OrderID = start.Add(-time.Second), "0"
		other.Spec = "月"
		told(older)
		told(other)
		p.PaidUntil, p.SeenAt = time.Time{}, start.Add(time.Second)
		told(p)
		got, err := w.s.Purchases(t.Context(), "isv", p.AppID)
		w.must(err)
		same(t, "purchases", got, []access.Purchase{p, other})
		p.App = "unknown"
		w.refused(access.ErrNotFound, func() error { return w.apply(grant.Effects{At: start, Purchases: []access.Purchase{p}}) })
	}},
	{"a platform goes with all it was told", func(t *testing.T, w *world) {
		w.platform()
		w.must(w.apply(authorised(1)))
		w.must(w.apply(grant.Effects{At: start, Ticket: ticket(0)}))
		w.refused(access.ErrUsed, func() error { return w.declare(access.Declaration{Remove: access.Removal{Apps: []string{"isv"}}}) })
		w.must(w.declare(access.Declaration{Remove: access.Removal{Apps: []string{"isv"}, Shops: []string{"shop-1"}}}))
		w.refused(access.ErrNotFound, func() error { return second(w.s.Authorizer(t.Context(), "isv", account(1).AppID)) })
		w.refused(grant.ErrNotFound, func() error { return second(w.s.ComponentGrant(t.Context(), "isv")) })
		same(t, "tickets", len(w.tickets()), 0)
	}},
	{"that a platform gets no tickets is over when it is removed", func(t *testing.T, w *world) {
		w.platform()
		missing := notice.Notice{At: start, Kind: notice.TicketMissing, Subject: "app:isv"}
		w.must(second(w.s.SetCondition(t.Context(), notice.NoTicket("isv"), true, missing)))
		w.must(w.declare(access.Declaration{At: start.Add(time.Hour), Remove: access.Removal{Apps: []string{"isv"}}}))
		all, err := w.s.Notices(t.Context(), false, 1)
		w.must(err)
		same(t, "told", all[0].Notice, notice.OverOf(missing, start.Add(time.Hour)))
		changed, err := w.s.SetCondition(t.Context(), notice.NoTicket("isv"), true, missing)
		w.must(err)
		same(t, "told anew of one of this name", changed, true)
	}},
}

func withVersion(a grant.Authorizer, version int64) grant.Authorizer {
	a.Version = version
	return a
}

var platformTransitions = []transition{
	{name: "record pushes", again: grant.ErrSeen, make: func(w *world) func() error {
		w.platform()
		batch := []grant.Push{push(1), push(2)}
		batch[1].Effects.Ticket = ticket(0)
		return func() error {
			errs, err := w.s.RecordPush(w.t.Context(), batch)
			return errors.Join(append(errs, err)...)
		}
	}},
	{name: "adopt an account", again: grant.ErrLost, make: func(w *world) func() error {
		w.platform()
		return func() error { return w.apply(authorised(1)) }
	}},
	{name: "keep a ticket", make: func(w *world) func() error {
		w.platform()
		return func() error { return w.apply(grant.Effects{At: start, Ticket: ticket(0)}) }
	}},
	{name: "withdraw a grant", make: func(w *world) func() error {
		w.platform()
		e := authorised(1)
		w.must(w.apply(e))
		r := grant.Revocation{GrantID: e.Authorise.GrantID, Cause: grant.CauseUnauthorized, State: grant.NeedsOwner}
		return func() error { return w.apply(grant.Effects{At: start, Revoke: []grant.Revocation{r}}) }
	}},
	{name: "claim due authorisers", make: func(w *world) func() error {
		w.platform()
		w.must(w.apply(grant.Effects{At: start, Authorizers: []grant.Authorizer{account(1)}}))
		return func() error { return second(w.s.DueAuthorizers(w.t.Context(), request(start))) }
	}},
	{name: "take a turn", unseen: true, make: func(w *world) func() error {
		return func() error { return second(w.s.Turn(w.t.Context(), "x", start, start.Add(time.Hour))) }
	}},
	{name: "purge events", make: func(w *world) func() error {
		w.push(push(1))
		return func() error { return w.s.PurgeEvents(w.t.Context(), start.Add(time.Hour)) }
	}},
}
