package storetest

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

// start is when every test begins.
var start = time.Date(2026, 1, 2, 8, 0, 0, 0, time.UTC)

// world is a store with a small directory: a service account, two shops of one
// tenant with an app each, and one of another tenant.
type world struct {
	t   *testing.T
	s   *sqlstore.Store
	all []*sqlstore.Store // s among them: replicas on one database
}

// replica gives the store that the i-th of several callers uses.
func (w *world) replica(i int) *sqlstore.Store { return w.all[i%len(w.all)] }

func newWorld(t *testing.T, all []*sqlstore.Store) *world {
	w := &world{t: t, s: all[0], all: all}
	w.must(w.s.Declare(t.Context(), directory(), entry("setup.apply")))
	return w
}

func directory() access.Declaration {
	d := access.Declaration{
		At: start,
		Apps: []access.App{{
			ID: "mp", Kind: access.ServiceAccount, AppID: "wx00000000000000a1", Name: "公众号", Secret: []byte("sealed-mp"),
			SecretVersion: 1, CallbackHost: "login.example.com", VerifyName: "MP_verify_demo.txt", VerifyBody: "demo",
			Scope: "snsapi_userinfo",
		}},
		Tenants: []access.Tenant{{ID: "lantian", Name: "蓝天"}, {ID: "baiyun", Name: "白云"}},
	}
	for i, shop := range []access.Shop{
		{ID: "tea", TenantID: "lantian", Name: "茶"}, {ID: "rice", TenantID: "lantian", Name: "米", RevokeOnWithdraw: true},
		{ID: "silk", TenantID: "baiyun", Name: "丝"},
	} {
		shop.App, shop.AppID = "app-"+shop.ID, fmt.Sprintf("wx00000000000000b%d", i)
		d.Shops = append(d.Shops, shop)
		d.Apps = append(d.Apps, access.App{
			ID: shop.App, Kind: access.ShopApp, AppID: shop.AppID, Name: shop.Name,
			Secret: []byte("sealed-" + shop.ID), SecretVersion: 1, APIHosts: []string{"https://api.example.com"},
		})
	}
	return d
}

func entry(action string) audit.Entry {
	return audit.Entry{At: start, Actor: audit.Actor{Kind: audit.ActorOperator}, Action: action, Outcome: audit.Done}
}

// must ends the test on an error, and checks the invariants.
func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	Check(w.t, w.s)
}

// refused wants an error, and that nothing changed by it.
func (w *world) refused(want error, do func() error) {
	w.t.Helper()
	before := w.snapshot()
	if err := do(); !errors.Is(err, want) {
		w.t.Fatalf("got error %v, want %v", err, want)
	}
	if diff := cmp.Diff(before, w.snapshot(), prefixes); diff != "" {
		w.t.Errorf("a refusal changed the store (-before +after):\n%s", diff)
	}
}

// snapshot is all that can be read, for comparing.
type snapshot struct {
	Size        int64
	Revision    int64
	Apps        []access.App
	Shops       []access.Shop
	Grants      []grant.Grant
	Sessions    []access.Session
	Invitations []access.Invitation
	Clients     []access.Client
	Admins      []access.Administrator
	Notices     int
	Keyset      string
	Members     []access.Member
	Forces      []grant.Force
	Events      []grant.Event
	Tickets     []grant.Ticket
	Authorizers []grant.Authorizer
	Purchases   []access.Purchase
	Transfers   []access.Transfer
	Visits      []access.Visit
}

func (w *world) snapshot() snapshot {
	w.t.Helper()
	ctx := w.t.Context()
	var n snapshot
	errs := make([]error, 10)
	n.Size, _, errs[0] = w.s.AuditHead(ctx)
	n.Revision, errs[1] = w.s.Revision(ctx)
	n.Apps, errs[2] = w.s.Apps(ctx)
	n.Shops, errs[3] = w.s.Shops(ctx)
	n.Grants, errs[4] = w.s.Grants(ctx, grant.Filter{})
	n.Sessions, errs[5] = w.s.Sessions(ctx, access.SessionFilter{})
	n.Invitations, errs[6] = w.s.Invitations(ctx)
	n.Clients, errs[7] = w.s.Clients(ctx)
	n.Admins, errs[8] = w.s.Admins(ctx)
	ids, _, err := w.s.PendingNotices(ctx, 1000)
	n.Notices, errs[9] = len(ids), err
	errs = append(errs, w.more(&n))
	if err := errors.Join(errs...); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// more reads what hangs on something else.
func (w *world) more(n *snapshot) error {
	keyset, _, err := w.s.Keyset(w.t.Context())
	n.Keyset = string(keyset)
	if err != nil {
		return err
	}
	if n.Members, err = w.s.Members(w.t.Context(), "lantian"); err != nil {
		return err
	}
	if n.Transfers, err = w.s.Transfers(w.t.Context(), "lantian"); err != nil {
		return err
	}
	if n.Visits, err = w.s.Visits(w.t.Context(), "lantian", 100); err != nil {
		return err
	}
	for _, g := range n.Grants {
		forces, err := w.s.ForcedRefreshes(w.t.Context(), g.ID, time.Time{})
		if err != nil {
			return err
		}
		n.Forces = append(n.Forces, forces...)
	}
	return w.told(n)
}

// told reads what platforms were told.
func (w *world) told(n *snapshot) (err error) {
	if n.Events, err = w.s.EventsAfter(w.t.Context(), 0, 1000); err != nil {
		return err
	}
	if n.Tickets, err = w.s.Tickets(w.t.Context(), "isv"); err != nil {
		return err
	}
	if n.Authorizers, err = w.s.AuthorizersPage(w.t.Context(), "isv", "", 1000); err != nil {
		return err
	}
	for _, a := range n.Authorizers {
		bought, err := w.s.Purchases(w.t.Context(), "isv", a.AppID)
		if err != nil {
			return err
		}
		n.Purchases = append(n.Purchases, bought...)
	}
	return nil
}

func (w *world) shopGrant(shop string) grant.Grant {
	w.t.Helper()
	g, err := w.s.ShopGrant(w.t.Context(), shop)
	if err != nil {
		w.t.Fatal(err)
	}
	return g
}

// claim leases a shop's grant for 30 seconds.
func (w *world) claim(shop string, now time.Time) grant.Claim {
	w.t.Helper()
	c, err := w.s.Claim(w.t.Context(), w.shopGrant(shop).ID, request(now))
	w.must(err)
	return c
}

func request(now time.Time) grant.ClaimRequest {
	return grant.ClaimRequest{Owner: "test", Now: now, For: 30 * time.Second, Limit: 100}
}

// renewal settles a claim with new tokens.
func renewal(c grant.Claim, now time.Time) grant.Effects {
	g := c.Grant
	return grant.Effects{At: now, Settle: &grant.Settlement{
		GrantID: g.ID, Term: g.Lease.Term, From: g.Tokens.Generation, State: grant.Active, Routine: true,
		DueAt: now.Add(100 * time.Minute), Tokens: tokens(g.Kind, g.ID, g.Tokens.Generation+1, now),
	}}
}

func tokens(kind grant.Kind, id string, generation int64, now time.Time) *grant.Tokens {
	k := &grant.Tokens{
		Generation: generation, Access: fmt.Appendf(nil, "sealed-access-%s-%d", id, generation), AccessExpires: now.Add(2 * time.Hour),
	}
	if kind == grant.User || kind == grant.ISV {
		k.Refresh = fmt.Appendf(nil, "sealed-refresh-%s-%d", id, generation)
	}
	if kind == grant.User {
		k.RefreshIssued, k.RefreshExpires = now, now.Add(30*24*time.Hour)
	}
	return k
}

// settle settles one item and gives its own error.
func (w *world) settle(e grant.Effects) error {
	w.t.Helper()
	errs, err := w.s.Settle(w.t.Context(), []grant.Effects{e})
	w.must(err)
	if len(errs) != 1 {
		w.t.Fatalf("settling one item gave %d results", len(errs))
	}
	return errs[0]
}

// renew claims and settles a shop's grant.
func (w *world) renew(shop string, now time.Time) {
	w.t.Helper()
	w.must(w.settle(renewal(w.claim(shop, now), now)))
}

// visit is a first login of a new person through the service account.
func (w *world) visit(n int) grant.Effects {
	w.t.Helper()
	person := fmt.Sprintf("p_%04d", n)
	openid := fmt.Sprintf("o_demo_owner_%04d", n)
	state := access.HashKey("state-" + openid)
	_, err := w.s.UseState(w.t.Context(), grant.Callback{
		App: "mp", StateHash: state, CodeHash: access.HashKey("code-" + openid), At: start,
	})
	w.must(err)
	grantID := "g_user" + fmt.Sprintf("%04d", n)
	return grant.Effects{
		At: start,
		Authorise: &grant.Authorisation{
			GrantID: grantID, Kind: grant.User, App: "mp", PersonID: person, OpenID: openid, Scope: "snsapi_userinfo",
			Tokens: tokens(grant.User, grantID, 1, start), DueAt: start.Add(90 * time.Minute),
		},
		Login: &grant.Login{
			StateHash: state, NewPerson: person,
			Identity: access.Identity{App: "mp", OpenID: openid, UnionID: "u_demo_" + person, PersonID: person, SeenAt: start},
			Session:  session(fmt.Sprintf("s_%04d", n), person),
			Consent:  &access.Consent{PersonID: person, App: "mp", TenantID: "lantian", Version: "1", At: start},
		},
		Audit: []audit.Entry{{At: start, Actor: audit.Actor{Kind: audit.ActorPerson, ID: person}, Action: "login", Outcome: audit.Done}},
	}
}

// visitAgain is a visit of a new person whom WeChat calls by an openid of before.
func (w *world) visitAgain(n int, openid string) grant.Effects {
	w.t.Helper()
	e := w.visit(n)
	e.Authorise.OpenID, e.Login.Identity.OpenID = openid, openid
	return e
}

func session(id, person string) access.Session {
	return access.Session{
		ID: id, TokenHash: access.HashKey("token-" + id), PersonID: person, App: "mp", Door: access.DoorWeChat,
		CreatedAt: start, SeenAt: start, ProvedAt: start, ExpiresAt: start.Add(30 * 24 * time.Hour),
		IdleLimit: 24 * time.Hour, Device: "微信 · Android", System: "Android", ToldAt: start,
	}
}

// enter logs a new person in.
func (w *world) enter(n int) grant.Effects {
	w.t.Helper()
	e := w.visit(n)
	w.must(w.s.Login(w.t.Context(), e))
	return e
}

// entries gives the audit entries of an action.
func (w *world) entries(action string) []audit.Entry {
	w.t.Helper()
	var out []audit.Entry
	for rec, err := range w.s.AuditRecords(w.t.Context()) {
		if err != nil {
			w.t.Fatal(err)
		}
		e, err := audit.Decode(rec.Data)
		if err != nil {
			w.t.Fatal(err)
		}
		if e.Action == action {
			out = append(out, e)
		}
	}
	return out
}

// prefixes compares address prefixes, which keep their insides to themselves.
var prefixes = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

// same compares and says where two values differ.
func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got, prefixes); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
