package movein_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/movein"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/sqlitetest"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/store/storetest"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// rig is a Mover on a real store with a real vault, a platform and a shop of its
// own that was declared.
type rig struct {
	*movein.Mover
	t     *testing.T
	s     *sqlstore.Store
	v     *vault.Vault
	now   time.Time
	moved []string
	list  fakeList
	other fakeSource
}

const (
	component = "wx00000000000000c1"
	teaAppID  = "wx00000000000000b1"
)

func newRig(t *testing.T) *rig {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlitetest.Path(t), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	kek, err := vault.FileKEK(filepath.Join(t.TempDir(), "master.key"), true)
	if err != nil {
		t.Fatal(err)
	}
	v, _, err := vault.Create(t.Context(), kek)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	err = s.Declare(t.Context(), access.Declaration{At: epoch,
		Apps: []access.App{{ID: "platform", Kind: access.Component, AppID: component},
			{ID: "shop-tea", Kind: access.ShopApp, AppID: teaAppID}},
		Tenants: []access.Tenant{{ID: "lantian", Name: "蓝天"}},
		Shops:   []access.Shop{{ID: "tea", TenantID: "lantian", App: "shop-tea", AppID: teaAppID, Name: "茶"}}})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, s: s, v: v, now: epoch, list: fakeList{}, other: fakeSource{}}
	r.Mover = movein.New(movein.Options{Store: s, Vault: v, Lister: &r.list, Source: r.other, Now: func() time.Time { return r.now },
		Moved: func(ids []string) { r.moved = append(r.moved, ids...) }})
	return r
}

func appID(n int) string { return fmt.Sprintf("wx%016x", 0xa00+n) }

func row(n int, token string) movein.Row {
	return movein.Row{AppID: appID(n), Refresh: secret.FromString("refreshtoken@@@demo_" + token)}
}

var lead = movein.Order{App: "platform", By: audit.Actor{Kind: audit.ActorOperator}}

func with(change func(*movein.Order)) movein.Order {
	o := lead
	change(&o)
	return o
}

var hold = with(func(o *movein.Order) { o.Hold = true })

// take takes rows in and gives what became of each: "imported", "kept same".
func (r *rig) take(o movein.Order, rows ...movein.Row) []string {
	r.t.Helper()
	results, err := r.TakeIn(r.t.Context(), o, rows)
	if err != nil {
		r.t.Fatal(err)
	}
	storetest.Check(r.t, r.s)
	return words(results)
}

func words(results []movein.Result) []string {
	out := make([]string, len(results))
	for i, one := range results {
		out[i] = strings.TrimSpace(string(one.Outcome) + " " + one.Cause)
	}
	return out
}

func (r *rig) standing(n int) grant.Standing {
	r.t.Helper()
	out, err := r.s.Standings(r.t.Context(), "platform", []grant.AccountKey{{AppID: appID(n)}})
	if err != nil {
		r.t.Fatal(err)
	}
	return out[0]
}

func (r *rig) refresh(n int) string {
	r.t.Helper()
	g := r.standing(n).Grant
	v, err := r.v.Open(g.Tokens.Refresh, vault.GrantRefresh(g.ID, string(grant.ISV), g.Tokens.Generation))
	if err != nil {
		r.t.Fatal(err)
	}
	return strings.TrimPrefix(v.RevealString(), "refreshtoken@@@demo_")
}

// renew settles the grant as the keeper does, with another refresh token.
func (r *rig) renew(n int, token string) {
	r.t.Helper()
	g := r.standing(n).Grant
	c, err := r.s.Claim(r.t.Context(), g.ID, grant.ClaimRequest{Owner: "test", Now: r.now, For: time.Minute})
	if err != nil {
		r.t.Fatal(err)
	}
	next := g.Tokens.Generation + 1
	tokens := &grant.Tokens{Generation: next, AccessExpires: r.now.Add(2 * time.Hour)}
	for cell, at := range map[vault.Cell]*[]byte{
		vault.GrantAccess(g.ID, string(grant.ISV), next):  &tokens.Access,
		vault.GrantRefresh(g.ID, string(grant.ISV), next): &tokens.Refresh,
	} {
		if *at, err = r.v.Seal(secret.FromString("refreshtoken@@@demo_"+token), cell); err != nil {
			r.t.Fatal(err)
		}
	}
	errs, err := r.s.Settle(r.t.Context(), []grant.Effects{{At: r.now, Settle: &grant.Settlement{GrantID: g.ID, Term: c.Grant.Lease.Term,
		From: g.Tokens.Generation, State: grant.Active, Tokens: tokens, DueAt: r.now.Add(time.Hour), Routine: true}}})
	if err := errors.Join(append(errs, err)...); err != nil {
		r.t.Fatal(err)
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestTakeInAgain(t *testing.T) {
	r := newRig(t)
	bad := movein.Row{AppID: "lantian"}
	same(t, "first", r.take(lead, row(1, "a"), bad, row(2, "b")), []string{"imported", "refused bad_appid", "imported"})
	same(t, "again", r.take(lead, row(1, "a"), row(2, "b")), []string{"kept same", "kept same"})
	same(t, "another token, not used yet", r.take(lead, row(2, "c")), []string{"replaced"})
	same(t, "refresh token", r.refresh(2), "c")
	r.renew(1, "a2")
	same(t, "renewed here", r.take(lead, row(1, "a"), row(1, "a2")), []string{"kept renewed_here", "kept same"})
	same(t, "refresh token", r.refresh(1), "a2")
	if len(r.moved) != 3 {
		t.Errorf("%d grants moved, want 3", len(r.moved))
	}
	k := r.standing(1)
	if k.Grant.State != grant.Active || k.Authorizer.State != grant.AuthorizerKept || k.Shop.ID != appID(1) || k.Tenant.ID != appID(1) {
		t.Errorf("stands as %+v", k)
	}
	if late := k.Authorizer.DueAt.Sub(epoch); late < 0 || late > 24*time.Hour {
		t.Errorf("looked at after %v", late)
	}
}

// TestTakeInLeavesACode: the code of an event that was not used yet is newer than what is
// imported, and brings the tokens still; one that is over, or of a grant that another
// system goes on with, is dropped.
func TestTakeInLeavesACode(t *testing.T) {
	for name, c := range map[string]struct {
		order movein.Order
		life  time.Duration
		state grant.AuthorizerState
	}{
		"pending": {lead, time.Minute, grant.AuthorizerNew},
		"over":    {lead, 0, grant.AuthorizerKept},
		"held":    {hold, time.Minute, grant.AuthorizerKept},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			told := grant.Authorizer{App: "platform", AppID: appID(1), State: grant.AuthorizerNew, Account: grant.AccountUnknown, EventAt: epoch,
				Code: []byte("sealed-code"), CodeEnds: epoch.Add(c.life), DueAt: epoch}
			if err := r.s.Authorise(t.Context(), grant.Effects{At: epoch, Authorizers: []grant.Authorizer{told}}); err != nil {
				t.Fatal(err)
			}
			same(t, "taken in", r.take(c.order, row(1, "a")), []string{"imported"})
			a := r.standing(1).Authorizer
			if a.State != c.state || a.ShopID == "" || (string(a.Code) == "sealed-code") != (c.state == grant.AuthorizerNew) {
				t.Errorf("authoriser %+v", a)
			}
			if c.state == grant.AuthorizerNew && !a.DueAt.Equal(epoch) {
				t.Errorf("due %v", a.DueAt)
			}
		})
	}
}

func TestTakeInHeld(t *testing.T) {
	r := newRig(t)
	same(t, "first", r.take(hold, row(1, "a"), row(2, "b")), []string{"imported", "imported"})
	if k := r.standing(1); k.Grant.State != grant.Held || !k.Grant.DueAt.IsZero() || !k.Authorizer.DueAt.IsZero() {
		t.Errorf("%s, due %v, looked at %v", k.Grant.State, k.Grant.DueAt, k.Authorizer.DueAt)
	}
	same(t, "the other system renewed", r.take(lead, row(1, "a2"), row(2, "b")), []string{"replaced", "kept same"})
	same(t, "refresh token", r.refresh(1), "a2")
	if g := r.standing(1).Grant; g.State != grant.Held {
		t.Errorf("an import moved it to %s; only a change of mode may", g.State)
	}
	done, err := r.HandAll(t.Context(), lead, grant.Active, "")
	if err != nil || done.Moved != 2 || done.Next != "" {
		t.Fatalf("%+v, %v", done, err)
	}
	if k := r.standing(2); k.Grant.State != grant.Active || !k.Grant.DueAt.Equal(epoch) || k.Authorizer.DueAt.IsZero() {
		t.Errorf("%s, due %v, looked at %v", k.Grant.State, k.Grant.DueAt, k.Authorizer.DueAt)
	}
	g := r.standing(2).Grant
	if _, err := r.s.Claim(t.Context(), g.ID, grant.ClaimRequest{Owner: "test", Now: r.now, For: time.Minute}); err != nil {
		t.Fatal(err)
	}
	one, err := r.Hand(t.Context(), lead, grant.Held, g, r.standing(1).Grant, grant.Grant{ID: "g_nobody"})
	same(t, "while one is being renewed", one, movein.Handed{Moved: 1, Busy: []string{g.ID}, Not: []string{"g_nobody"}})
	if err != nil {
		t.Error(err)
	}
}

// fakeSource is what the other system keeps, by appid. It knows the platform once
// it keeps something.
type fakeSource map[string]string

func (f fakeSource) Follows(app string) bool { return app == "platform" && len(f) > 0 }

func (f fakeSource) Refresh(_ context.Context, app, authorizer string) (secret.Value, error) {
	token, ok := f[authorizer]
	if !ok || app != "platform" {
		return secret.Value{}, errors.New("the other system does not answer")
	}
	return secret.FromString(token), nil
}

// TestFollow: a grant that was followed leads with what the other system keeps at
// that moment, or with what is here where it tells nothing.
func TestFollow(t *testing.T) {
	r := newRig(t)
	r.take(hold, row(1, "a"), row(2, "b"), row(3, "c"), row(4, "d"))
	if _, err := r.HandAll(t.Context(), lead, grant.Followed, ""); !errors.Is(err, movein.ErrNoSource) {
		t.Fatalf("followed without a source: %v", err)
	}
	r.other[appID(1)], r.other[appID(2)] = "refreshtoken@@@demo_a2", "refreshtoken@@@demo_b"
	r.other[appID(3)] = "" // it keeps none
	done, err := r.HandAll(t.Context(), lead, grant.Followed, "")
	if err != nil || done.Moved != 4 {
		t.Fatalf("%+v, %v", done, err)
	}
	same(t, "the other system renewed", r.take(lead, row(4, "d2")), []string{"replaced"})
	if g := r.standing(4).Grant; g.State != grant.Followed {
		t.Errorf("an import moved it to %s; only a change of mode may", g.State)
	}
	done, err = r.HandAll(t.Context(), lead, grant.Active, "")
	want := movein.Handed{Moved: 4, Unread: []string{r.standing(3).Grant.ID, r.standing(4).Grant.ID}}
	if same(t, "handed", done, want); err != nil {
		t.Fatal(err)
	}
	for n, token := range map[int]string{1: "a2", 2: "b", 3: "c", 4: "d2"} {
		same(t, "refresh token", r.refresh(n), token)
		if g := r.standing(n).Grant; g.State != grant.Active || !g.DueAt.Equal(epoch) {
			t.Errorf("%s, due %v", g.State, g.DueAt)
		}
	}
	storetest.Check(t, r.s)
}

func TestTakeInRefuses(t *testing.T) {
	r := newRig(t)
	r.take(lead, row(1, "a"), row(2, "b"))
	revoked := r.standing(1)
	e := grant.Effects{At: r.now, Revoke: []grant.Revocation{{GrantID: revoked.Grant.ID, Cause: "test"}}}
	gone := r.standing(2).Authorizer
	gone.State = grant.AuthorizerWithdrawn
	e.Revoke = append(e.Revoke, grant.Revocation{GrantID: r.standing(2).Grant.ID, Cause: grant.CauseUnauthorized, State: grant.NeedsOwner})
	e.Authorizers = []grant.Authorizer{gone}
	if err := r.s.Authorise(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	taken := row(3, "c")
	taken.Shop = "tea"
	tea := movein.Row{AppID: teaAppID, Refresh: secret.FromString("refreshtoken@@@demo_tea"), Shop: "another"}
	same(t, "results", r.take(lead, row(1, "x"), row(2, "x"), taken, tea),
		[]string{"refused revoked_here", "refused withdrawn", "refused shop_taken", "imported"})
	if g, err := r.s.ShopGrant(t.Context(), "tea"); err != nil || g.Kind != grant.Self {
		t.Errorf("tea is served by its %s grant, %v", g.Kind, err)
	}
	if _, err := r.TakeIn(t.Context(), with(func(o *movein.Order) { o.App = "shop-tea" }), nil); !errors.Is(err, movein.ErrNoPlatform) {
		t.Errorf("into a shop's app: %v", err)
	}
	if _, err := r.TakeIn(t.Context(), lead, make([]movein.Row, movein.MaxBatch+1)); !errors.Is(err, movein.ErrTooMany) {
		t.Errorf("too many: %v", err)
	}
}

func TestDryRun(t *testing.T) {
	r := newRig(t)
	before, _, err := r.s.AuditHead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	same(t, "results", r.take(with(func(o *movein.Order) { o.DryRun = true }), row(1, "a")), []string{"imported"})
	after, _, err := r.s.AuditHead(t.Context())
	if err != nil || after != before || r.standing(1).Grant.ID != "" || len(r.moved) > 0 {
		t.Errorf("a dry run wrote: log from %d to %d, %v", before, after, err)
	}
}

// A batch whose commit failed, or failed and landed, is given again.
func TestTakeInLanded(t *testing.T) {
	for name, commit := range map[string]sqlstore.CommitFunc{
		"failed": func(func() error) error { return errors.New("disk") },
		"landed": func(commit func() error) error { return errors.Join(commit(), errors.New("disk")) },
	} {
		r := newRig(t)
		r.s.InterceptCommits(commit)
		if _, err := r.TakeIn(t.Context(), lead, []movein.Row{row(1, "a")}); err == nil {
			t.Errorf("%s: no error", name)
		}
		r.s.InterceptCommits(nil)
		want := map[string]string{"failed": "imported", "landed": "kept same"}[name]
		same(t, name, r.take(lead, row(1, "a")), []string{want})
		same(t, name, r.refresh(1), "a")
	}
}

func TestExport(t *testing.T) {
	r := newRig(t)
	r.take(hold, row(2, "b"), movein.Row{AppID: appID(1), Refresh: row(1, "a").Refresh, Shop: "lantian", Tenant: "lantian", Name: "蓝天小店"})
	p, err := r.Export(t.Context(), lead, "")
	if err != nil || p.Next != "" || len(p.Lost) > 0 || len(p.Rows) != 2 {
		t.Fatalf("%d rows, %+v, %v", len(p.Rows), p.Lost, err)
	}
	if got := p.Rows[0]; got.AppID != appID(1) || got.Shop != "lantian" || got.Tenant != "lantian" || got.Name != "蓝天小店" || !got.Refresh.Equal(row(1, "a").Refresh) {
		t.Errorf("got %+v", got)
	}
	same(t, "what went out comes in", r.take(hold, p.Rows...), []string{"kept same", "kept same"})
	n := 0
	for rec, err := range r.s.AuditRecords(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(rec.Data), "refreshtoken@@@") {
			t.Errorf("the log holds a token: %s", rec.Data)
		}
		if strings.Contains(string(rec.Data), "platform.export") {
			n++
		}
	}
	if n != 1 {
		t.Errorf("the export is in the log %d times", n)
	}
	r.s.InterceptCommits(func(func() error) error { return errors.New("disk") })
	if p, err := r.Export(t.Context(), lead, ""); err == nil {
		t.Errorf("%d tokens went out without a record", len(p.Rows))
	}
	r.s.InterceptCommits(nil)
}

// fakeList is WeChat's list: appids in order, each a shop unless its token is
// empty.
type fakeList struct {
	accounts []movein.Row
	asked    []string
	err      error
}

func (f *fakeList) List(_ context.Context, _ access.App, offset, count int) ([]movein.Listed, int, int, error) {
	part := f.accounts[min(offset, len(f.accounts)):min(offset+count, len(f.accounts))]
	listed := make([]movein.Listed, len(part))
	for i, a := range part {
		listed[i] = movein.Listed{AppID: a.AppID}
	}
	return listed, len(part), len(f.accounts), f.err
}

func (f *fakeList) Info(_ context.Context, _ access.App, appID string) (movein.Info, error) {
	f.asked = append(f.asked, appID)
	i := slices.IndexFunc(f.accounts, func(r movein.Row) bool { return r.AppID == appID })
	return movein.Info{Name: "店", Shop: !f.accounts[i].Refresh.IsZero(), Refresh: f.accounts[i].Refresh}, f.err
}

func TestTakeList(t *testing.T) {
	r := newRig(t)
	for n := range movein.MaxList + 3 {
		r.list.accounts = append(r.list.accounts, row(n, "list"))
	}
	r.list.accounts[7].Refresh = secret.Value{} // no shop
	first, err := r.TakeList(t.Context(), hold, 0)
	if err != nil || first.Next != movein.MaxList || first.Total != movein.MaxList+3 || first.Skipped != 1 || len(first.Results) != movein.MaxList-1 {
		t.Fatalf("%+v, %v", first, err)
	}
	second, err := r.TakeList(t.Context(), hold, first.Next)
	if err != nil || second.Next != second.Total {
		t.Fatalf("%+v, %v", second, err)
	}
	same(t, "second", words(second.Results), []string{"imported", "imported", "imported"})
	if r.standing(7).Authorizer.Version != 0 || r.standing(8).Shop.Name != "店" {
		t.Error("what is no shop came in, or a shop without its name")
	}
	r.list.err = errors.New("WeChat does not answer")
	if _, err := r.TakeList(t.Context(), hold, 0); !errors.Is(err, r.list.err) {
		t.Errorf("without an answer: %v", err)
	}
}

// BenchmarkTakeIn decides, seals and writes batches of 500, durably.
func BenchmarkTakeIn(b *testing.B) {
	s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "bench.db"), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	kek, err := vault.FileKEK(filepath.Join(b.TempDir(), "master.key"), true)
	if err != nil {
		b.Fatal(err)
	}
	v, _, err := vault.Create(b.Context(), kek)
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Declare(b.Context(), access.Declaration{At: epoch, Apps: []access.App{{ID: "platform", Kind: access.Component, AppID: component}}}); err != nil {
		b.Fatal(err)
	}
	m := movein.New(movein.Options{Store: s, Vault: v, Now: func() time.Time { return epoch }, Moved: func([]string) {}})
	n := 0
	for b.Loop() {
		rows := make([]movein.Row, movein.MaxBatch)
		for i := range rows {
			rows[i] = row(0x10000+n, strings.Repeat("x", 100))
			n++
		}
		if results, err := m.TakeIn(b.Context(), lead, rows); err != nil || results[0].Outcome != movein.Imported {
			b.Fatal(results[0], err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "accounts/s")
}
