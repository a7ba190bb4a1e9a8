package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

var intakeCases = []testCase{
	{"accounts are taken in with their shops", takeInNew},
	{"one refusal leaves the others alone", takeInRefusals},
	{"a shop that is there is used", takeInKnownShop},
	{"what changed meanwhile is lost", takeInLost},
	{"failed and landed", takeInLanded},
	{"held grants are nobody's turn", holdAndLead},
	{"what waits for its owner is not renewed because it is handed back", leadWaits},
	{"a renewal under way is not cut off", holdLeased},
	{"followed grants are nobody's turn", follow},
	{"a platform's own grant is held and not followed", holdPlatform},
	{"pages of grants", isvPages},
}

const moved = "moved" // the platform whose accounts move

// movedApp declares the platform.
func (w *world) movedApp() {
	w.t.Helper()
	w.must(w.s.Declare(w.t.Context(), access.Declaration{At: start, Apps: []access.App{{
		ID: moved, Kind: access.Component, AppID: "wx00000000000000c1", Name: "平台", Secret: []byte("sealed-moved"), SecretVersion: 1,
	}}, Revision: w.revision()}, entry("setup.apply")))
}

func (w *world) revision() int64 {
	w.t.Helper()
	n, err := w.s.Revision(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// IntakeOf is the n-th account of a platform as it comes from elsewhere, with a
// refresh token of the given generation.
func IntakeOf(app string, n int, generation int64, at time.Time) grant.Intake {
	appID := fmt.Sprintf("wx%016x", 0xa000000+n)
	id := fmt.Sprintf("g_moved%07d", n)
	return grant.Intake{
		Open: &grant.Opening{
			Tenant: access.Tenant{ID: appID, Name: appID},
			Shop:   access.Shop{ID: appID, TenantID: appID, App: app, AppID: appID, Name: fmt.Sprintf("店 %d", n)},
		},
		Authorise: grant.Authorisation{
			GrantID: id, Kind: grant.ISV, App: app, ShopID: appID, Authorizer: appID, From: generation - 1, DueAt: at,
			Tokens: &grant.Tokens{Generation: generation, Refresh: fmt.Appendf(nil, "sealed-refresh-%s-%d", id, generation)},
		},
		Authorizer: grant.Authorizer{App: app, AppID: appID, State: grant.AuthorizerKept, ShopID: appID},
	}
}

func (w *world) takeIn(at time.Time, batch ...grant.Intake) []error {
	w.t.Helper()
	errs, err := w.s.TakeIn(w.t.Context(), moved, at, batch, entry("platform.import"))
	w.must(err)
	if len(errs) != len(batch) {
		w.t.Fatalf("%d results of %d", len(errs), len(batch))
	}
	return errs
}

func (w *world) standing(in grant.Intake) grant.Standing {
	w.t.Helper()
	out, err := w.s.Standings(w.t.Context(), moved, []grant.AccountKey{{AppID: in.Authorizer.AppID, ShopID: in.Authorise.ShopID}})
	if err != nil || len(out) != 1 {
		w.t.Fatalf("%d standings, %v", len(out), err)
	}
	return out[0]
}

func takeInNew(t *testing.T, w *world) {
	w.movedApp()
	one, two := IntakeOf(moved, 1, 1, start), IntakeOf(moved, 2, 1, start)
	two.State = grant.Held
	two.Open.Tenant = one.Open.Tenant
	before := w.revision()
	for i, err := range w.takeIn(start, one, two) {
		if err != nil {
			t.Errorf("item %d: %v", i, err)
		}
	}
	if w.revision() != before+1 {
		t.Error("the directory changed, and its revision did not")
	}
	got := w.standing(one)
	same(t, "tokens", got.Grant.Tokens, *one.Authorise.Tokens)
	same(t, "shop", got.Shop, one.Open.Shop)
	same(t, "tenant", got.Tenant, one.Open.Tenant)
	if got.Grant.State != grant.Active || !got.Grant.DueAt.Equal(start) || got.Authorizer.Version != 1 || got.Authorizer.ShopID != one.Open.Shop.ID {
		t.Errorf("got %+v", got)
	}
	if g := w.standing(two).Grant; g.State != grant.Held || !g.DueAt.IsZero() {
		t.Errorf("held: %s, due %v", g.State, g.DueAt)
	}
	if e := w.entries(audit.GrantTokens); len(e) != 1 || len(e[0].Details) != 2 {
		t.Errorf("tokens were recorded as %v, want one entry for both", e)
	}
	if c, err := w.s.ClaimDue(t.Context(), request(start)); err != nil || !claims(c, one.Authorise.GrantID) || claims(c, two.Authorise.GrantID) {
		t.Errorf("claimed %d grants, %v; want the one that leads and not the one that is held", len(c), err)
	}
}

func claims(all []grant.Claim, id string) bool {
	for _, c := range all {
		if c.Grant.ID == id {
			return true
		}
	}
	return false
}

func takeInRefusals(t *testing.T, w *world) {
	w.movedApp()
	good, taken, twice := IntakeOf(moved, 1, 1, start), IntakeOf(moved, 2, 1, start), IntakeOf(moved, 1, 1, start)
	taken.Authorise.ShopID, taken.Open.Shop.ID, taken.Authorizer.ShopID = "tea", "tea", "tea"
	late := IntakeOf(moved, 3, 2, start)
	unknown := IntakeOf(moved, 4, 1, start)
	unknown.Open = nil
	errs := w.takeIn(start, taken, good, twice, late, unknown)
	for i, want := range []error{grant.ErrShopTaken, nil, grant.ErrLost, grant.ErrLost, grant.ErrLost} {
		if !errors.Is(errs[i], want) {
			t.Errorf("item %d: %v, want %v", i, errs[i], want)
		}
	}
	if w.standing(good).Grant.ID == "" || w.standing(late).Authorizer.Version != 0 {
		t.Error("the good one is not there, or one of the others is")
	}
	w.refused(access.ErrNotFound, func() error {
		_, err := w.s.TakeIn(t.Context(), "nobody", start, []grant.Intake{IntakeOf("nobody", 5, 1, start)})
		return err
	})
}

func takeInKnownShop(t *testing.T, w *world) {
	w.movedApp()
	in := IntakeOf(moved, 1, 1, start)
	in.Open = nil
	in.Authorise.ShopID, in.Authorizer.ShopID = "tea", "tea"
	in.Authorise.Authorizer, in.Authorizer.AppID = "wx00000000000000b0", "wx00000000000000b0"
	if err := w.takeIn(start, in)[0]; err != nil {
		t.Fatal(err)
	}
	if g := w.shopGrant("tea"); g.Kind != grant.Self {
		t.Errorf("the shop is served by its %s grant; its app decides that, and did not change", g.Kind)
	}
	if got := w.standing(in); got.Grant.ShopID != "tea" || got.Tenant.ID != "lantian" {
		t.Errorf("got %+v", got)
	}
}

func takeInLost(t *testing.T, w *world) {
	w.movedApp()
	in := IntakeOf(moved, 1, 1, start)
	if err := w.takeIn(start, in)[0]; err != nil {
		t.Fatal(err)
	}
	again := IntakeOf(moved, 1, 2, start)
	again.Authorizer.Version = 1
	claim, err := w.s.Claim(t.Context(), in.Authorise.GrantID, request(start))
	w.must(err)
	if err := w.takeIn(start, again)[0]; !errors.Is(err, grant.ErrLeased) {
		t.Errorf("while it is being renewed: %v", err)
	}
	after := start.Add(time.Hour)
	if err := w.takeIn(after, again)[0]; err != nil {
		t.Fatal(err)
	}
	same(t, "tokens", w.standing(in).Grant.Tokens, *again.Authorise.Tokens)
	if err := w.settle(renewal(claim, after)); !errors.Is(err, grant.ErrLost) {
		t.Errorf("the renewal that was under way: %v", err)
	}
	w.must(w.s.Revoke(t.Context(), grant.Effects{At: after, Revoke: []grant.Revocation{{GrantID: in.Authorise.GrantID, Cause: "test"}}}))
	g := w.standing(in)
	third := IntakeOf(moved, 1, g.Grant.Tokens.Generation+1, after)
	third.Authorizer.Version = g.Authorizer.Version
	if err := w.takeIn(after, third)[0]; !errors.Is(err, grant.ErrLost) {
		t.Errorf("after a revocation: %v", err)
	}
}

func takeInLanded(t *testing.T, w *world) {
	w.movedApp()
	in := IntakeOf(moved, 1, 1, start)
	lost := errors.New("connection lost")
	w.s.InterceptCommits(func(func() error) error { return lost })
	if _, err := w.s.TakeIn(t.Context(), moved, start, []grant.Intake{in}); !errors.Is(err, sqlstore.ErrOutcome) {
		t.Errorf("failed: %v", err)
	}
	w.s.InterceptCommits(nil)
	if w.standing(in).Grant.ID != "" {
		t.Fatal("it failed, and is there")
	}
	w.s.InterceptCommits(func(commit func() error) error { return errors.Join(commit(), lost) })
	if _, err := w.s.TakeIn(t.Context(), moved, start, []grant.Intake{in}); !errors.Is(err, sqlstore.ErrOutcome) {
		t.Errorf("landed: %v", err)
	}
	w.s.InterceptCommits(nil)
	if err := w.takeIn(start, in)[0]; !errors.Is(err, grant.ErrLost) {
		t.Errorf("again: %v; it landed before", err)
	}
	same(t, "tokens", w.standing(in).Grant.Tokens, *in.Authorise.Tokens)
}

func handOver(ctx context.Context, w *world, at time.Time, to grant.State, ids ...string) []error {
	w.t.Helper()
	errs, err := w.s.HandOver(ctx, grant.Handover{At: at, GrantIDs: ids, To: to, By: entry("").Actor})
	w.must(err)
	return errs
}

func holdAndLead(t *testing.T, w *world) {
	w.movedApp()
	in := IntakeOf(moved, 1, 1, start)
	id := in.Authorise.GrantID
	w.takeIn(start, in)
	self := w.shopGrant("tea").ID
	errs := handOver(t.Context(), w, start, grant.Held, id, self, "g_nobody", id)
	for i, want := range []error{nil, grant.ErrNotFound, grant.ErrNotFound, nil} {
		if !errors.Is(errs[i], want) {
			t.Errorf("hold %d: %v, want %v", i, errs[i], want)
		}
	}
	held := w.standing(in).Grant
	same(t, "tokens of a held grant", held.Tokens, *in.Authorise.Tokens)
	if held.State != grant.Held || !held.DueAt.IsZero() {
		t.Errorf("held: %s, due %v", held.State, held.DueAt)
	}
	if _, err := w.s.Claim(t.Context(), id, request(start)); !errors.Is(err, grant.ErrNotFound) {
		t.Errorf("claimed although it is held: %v", err)
	}
	later := start.Add(time.Hour)
	for _, err := range handOver(t.Context(), w, later, grant.Active, id) {
		if err != nil {
			t.Error(err)
		}
	}
	if g := w.standing(in).Grant; g.State != grant.Active || !g.DueAt.Equal(later) {
		t.Errorf("leads: %s, due %v", g.State, g.DueAt)
	}
	same(t, "entries", []int{len(w.entries(audit.GrantHold)), len(w.entries(audit.GrantLead))}, []int{1, 1})
}

// leadWaits: what waits for its owner waits on after it was held, and is looked at; a
// refresh token that was taken in meanwhile ends that.
func leadWaits(t *testing.T, w *world) {
	w.movedApp()
	dead, mended := IntakeOf(moved, 1, 1, start), IntakeOf(moved, 2, 1, start)
	w.takeIn(start, dead, mended)
	ids := []string{dead.Authorise.GrantID, mended.Authorise.GrantID}
	for _, id := range ids {
		c, err := w.s.Claim(t.Context(), id, request(start))
		w.must(err)
		e := grant.Effects{At: start, Settle: &grant.Settlement{
			GrantID: id, Term: c.Grant.Lease.Term, From: 1, State: grant.NeedsOwner, Cause: grant.CauseInvalid, ErrCode: 61023,
		}}
		w.must(w.settle(e))
	}
	for _, to := range []grant.State{grant.Held, grant.Followed} {
		w.must(errors.Join(handOver(t.Context(), w, start, to, ids...)...))
	}
	again := IntakeOf(moved, 2, 2, start)
	again.State, again.Open, again.Authorizer.Version = grant.Held, nil, 1
	w.must(errors.Join(w.takeIn(start, again)...))
	later := start.Add(time.Hour)
	w.must(errors.Join(handOver(t.Context(), w, later, grant.Active, ids...)...))
	for _, c := range []struct {
		in    grant.Intake
		state grant.State
		cause string
		due   time.Time
	}{{dead, grant.NeedsOwner, "refresh_invalid", time.Time{}}, {mended, grant.Active, "", later}} {
		if g := w.standing(c.in).Grant; g.State != c.state || g.Cause != c.cause || !g.DueAt.Equal(c.due) {
			t.Errorf("%s: %s (%s), due %v", g.ID, g.State, g.Cause, g.DueAt)
		}
	}
	if a := w.standing(dead).Authorizer; !a.DueAt.Equal(later) {
		t.Errorf("the account is looked at %v", a.DueAt)
	}
}

func follow(t *testing.T, w *world) {
	w.movedApp()
	in, two := IntakeOf(moved, 1, 1, start), IntakeOf(moved, 2, 1, start)
	two.State = grant.Followed
	w.takeIn(start, in, two)
	id := in.Authorise.GrantID
	for _, to := range []grant.State{grant.Followed, grant.Held, grant.Followed} {
		if err := handOver(t.Context(), w, start, to, id)[0]; err != nil {
			t.Fatal(err)
		}
		if g := w.standing(in).Grant; g.State != to || !g.DueAt.IsZero() {
			t.Errorf("%s, due %v; want %s and never", g.State, g.DueAt, to)
		}
	}
	same(t, "tokens of a followed grant", w.standing(in).Grant.Tokens, *in.Authorise.Tokens)
	for _, one := range []grant.Intake{in, two} {
		if _, err := w.s.Claim(t.Context(), one.Authorise.GrantID, request(start)); !errors.Is(err, grant.ErrNotFound) {
			t.Errorf("claimed although it is followed: %v", err)
		}
	}
	same(t, "entries", []int{len(w.entries(audit.GrantHold)), len(w.entries(audit.GrantFollow))}, []int{1, 2})
	if err := handOver(t.Context(), w, start, grant.Active, id)[0]; err != nil {
		t.Fatal(err)
	}
	if _, err := w.s.Claim(t.Context(), id, request(start)); err != nil {
		t.Errorf("it leads, and is not claimed: %v", err)
	}
	if err := handOver(t.Context(), w, start, grant.Followed, id)[0]; !errors.Is(err, grant.ErrLeased) {
		t.Errorf("followed while it is being renewed: %v", err)
	}
	if err := handOver(t.Context(), w, start, grant.NeedsOwner, id)[0]; !errors.Is(err, grant.ErrNotFound) {
		t.Errorf("a state that nobody hands over to: %v", err)
	}
}

func holdPlatform(t *testing.T, w *world) {
	w.movedApp()
	own, err := w.s.ComponentGrant(t.Context(), moved)
	w.must(err)
	for _, c := range []struct {
		to   grant.State
		want error
		is   grant.State
	}{{grant.Followed, grant.ErrNotFound, own.State}, {grant.Held, nil, grant.Held}, {grant.Active, nil, grant.Active}} {
		if err := handOver(t.Context(), w, start, c.to, own.ID)[0]; !errors.Is(err, c.want) {
			t.Errorf("to %s: %v, want %v", c.to, err, c.want)
		}
		g, err := w.s.Grant(t.Context(), own.ID)
		if w.must(err); g.State != c.is {
			t.Errorf("after %s: %s", c.to, g.State)
		}
	}
}

func holdLeased(t *testing.T, w *world) {
	w.movedApp()
	in := IntakeOf(moved, 1, 1, start)
	w.takeIn(start, in)
	claim, err := w.s.Claim(t.Context(), in.Authorise.GrantID, request(start))
	w.must(err)
	if err := handOver(t.Context(), w, start, grant.Held, claim.Grant.ID)[0]; !errors.Is(err, grant.ErrLeased) {
		t.Fatalf("held while it is being renewed: %v", err)
	}
	e := renewal(claim, start)
	e.Settle.Tokens.Refresh = []byte("sealed-refresh-that-changed")
	if err := w.settle(e); err != nil {
		t.Fatal(err)
	}
	if err := handOver(t.Context(), w, start, grant.Held, claim.Grant.ID)[0]; err != nil {
		t.Error(err)
	}
	same(t, "tokens", w.standing(in).Grant.Tokens, *e.Settle.Tokens)
}

func isvPages(t *testing.T, w *world) {
	w.movedApp()
	var batch []grant.Intake
	for n := range 5 {
		batch = append(batch, IntakeOf(moved, n, 1, start))
	}
	w.takeIn(start, batch...)
	var got []string
	for after := ""; ; {
		page, err := w.s.IsvGrantsPage(t.Context(), moved, after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range page {
			got = append(got, g.ID)
			after = g.Authorizer
		}
		if len(page) < 2 {
			break
		}
	}
	want := make([]string, len(batch))
	for i, in := range batch {
		want[i] = in.Authorise.GrantID
	}
	same(t, "grants", got, want)
}

// BenchTakeIn measures how many accounts a second are taken in, in batches of
// 500 with refresh tokens of a usual size. s has no platform yet.
func BenchTakeIn(b *testing.B, s *sqlstore.Store) {
	ctx := b.Context()
	revision, err := s.Revision(ctx)
	if err != nil {
		b.Fatal(err)
	}
	app := access.App{ID: moved, Kind: access.Component, AppID: "wx00000000000000c1"}
	if err := s.Declare(ctx, access.Declaration{At: start, Apps: []access.App{app}, Revision: revision}); err != nil {
		b.Fatal(err)
	}
	const size = 500
	rounds := 0
	for b.Loop() {
		batch := make([]grant.Intake, size)
		for i := range batch {
			batch[i] = IntakeOf(moved, rounds*size+i, 1, start)
			batch[i].Authorise.Tokens.Refresh = append(make([]byte, 200), batch[i].Authorise.Tokens.Refresh...)
		}
		errs, err := s.TakeIn(ctx, moved, start, batch)
		if err := errors.Join(append(errs, err)...); err != nil {
			b.Fatal(err)
		}
		rounds++
	}
	b.ReportMetric(float64(rounds*size)/b.Elapsed().Seconds(), "accounts/s")
}
