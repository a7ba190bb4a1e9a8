package keeper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// fault is what happens to one call: it fails and did nothing, or it landed
// and its answer is lost.
type fault int

const (
	fine fault = iota
	failed
	landed4Sure
)

var errFault = errors.New("database is not there")

// memStore is a store with the rules of a real one: terms, generations, due
// times, millisecond times.
type memStore struct {
	mu      sync.Mutex
	grants  map[string]*grant.Grant
	apps    map[string]access.App
	forces  map[string][]grant.Force
	tickets map[string][]grant.Ticket
	serves  map[string]string // grants of shops that are not named after them
	touched map[string]int    // uses written down
	audit   []audit.Entry
	notices []notice.Notice
	batches []int
	fault   func(op string) fault // nil: none
}

func newMemStore() *memStore {
	return &memStore{grants: map[string]*grant.Grant{}, apps: map[string]access.App{}, forces: map[string][]grant.Force{}, touched: map[string]int{}, tickets: map[string][]grant.Ticket{}, serves: map[string]string{}}
}

// do runs f as one transaction under the fault of the moment.
func (s *memStore) do(ctx context.Context, op string, f func()) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	what := fine
	if s.fault != nil {
		what = s.fault(op)
	}
	if what == failed {
		return errFault
	}
	f()
	if what == landed4Sure {
		return errFault
	}
	return nil
}

func live(g *grant.Grant, now time.Time) bool {
	return g.SettledTerm < g.Lease.Term && now.Before(g.Lease.Until)
}

func ms(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.UnixMilli(t.UnixMilli())
}

func (s *memStore) lease(g *grant.Grant, r grant.ClaimRequest) grant.Claim {
	unsettled := g.SettledTerm < g.Lease.Term
	if unsettled {
		s.audit = append(s.audit, audit.Entry{Action: "grant.unsettled", Outcome: audit.Unknown})
	}
	g.Lease = grant.Lease{Owner: r.Owner, Term: g.Lease.Term + 1, Until: ms(r.Now.Add(r.For))}
	return grant.Claim{Grant: *g, App: s.apps[g.App], Unsettled: unsettled}
}

func claimable(g *grant.Grant) bool {
	return g.State == grant.Active || g.State == grant.Stopped || g.State == grant.Revoked && g.Kills > 0
}

func (s *memStore) ClaimDue(ctx context.Context, r grant.ClaimRequest) (out []grant.Claim, err error) {
	err = s.do(ctx, "ClaimDue", func() {
		for _, g := range s.sorted() {
			if len(out) < r.Limit && claimable(g) && !g.DueAt.IsZero() && !g.DueAt.After(r.Now) && !live(g, r.Now) {
				out = append(out, s.lease(g, r))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *memStore) sorted() []*grant.Grant {
	var list []*grant.Grant
	for _, g := range s.grants {
		list = append(list, g)
	}
	slices.SortFunc(list, func(a, b *grant.Grant) int { return cmp.Or(a.DueAt.Compare(b.DueAt), cmp.Compare(a.ID, b.ID)) })
	return list
}

func (s *memStore) Claim(ctx context.Context, id string, r grant.ClaimRequest) (c grant.Claim, err error) {
	var refused error
	err = s.do(ctx, "Claim", func() {
		g := s.grants[id]
		switch {
		case g == nil || !claimable(g):
			refused = fmt.Errorf("grant %s: %w", id, grant.ErrNotFound)
		case live(g, r.Now):
			refused = grant.ErrLeased
		default:
			c = s.lease(g, r)
		}
	})
	return c, cmp.Or(err, refused)
}

func (s *memStore) Settle(ctx context.Context, batch []grant.Effects) (errs []error, err error) {
	errs = make([]error, len(batch))
	err = s.do(ctx, "Settle", func() {
		s.batches = append(s.batches, len(batch))
		for i, e := range batch {
			errs[i] = s.settleOne(e)
		}
	})
	if err != nil {
		return nil, err
	}
	return errs, nil
}

func (s *memStore) settleOne(e grant.Effects) error {
	g := s.grants[e.Settle.GrantID]
	if g == nil || g.Lease.Term != e.Settle.Term || g.SettledTerm == g.Lease.Term || g.Tokens.Generation != e.Settle.From {
		return fmt.Errorf("settle: %w", grant.ErrLost)
	}
	if t := e.Settle.Tokens; t != nil {
		if t.Generation != e.Settle.From+1 {
			return errors.New("generation does not follow")
		}
		g.Tokens = *t
		g.Tokens.AccessExpires, g.Tokens.RefreshIssued = ms(t.AccessExpires), ms(t.RefreshIssued)
	}
	g.State, g.Cause, g.ErrCode = e.Settle.State, e.Settle.Cause, e.Settle.ErrCode
	g.Proved, g.Doubts = ms(e.Settle.Proved), e.Settle.Doubts
	s.owe(g, e)
	g.SettledAt, g.Attempt, g.SettledTerm, g.UpdatedAt = ms(e.At), e.Settle.Attempt, g.Lease.Term, ms(e.At)
	s.audit = append(s.audit, e.Audit...)
	s.notices = append(s.notices, e.Notices...)
	return nil
}

// owe writes what a grant owes, and when it is looked at again.
func (s *memStore) owe(g *grant.Grant, e grant.Effects) {
	g.DueAt = ms(e.Settle.DueAt)
	if g.State == grant.Revoked {
		g.Kills = e.Settle.Kills
		return
	}
	if g.Kills > e.Settle.Kills {
		g.DueAt = ms(e.At)
	}
	g.Kills -= e.Settle.Killed
}

func (s *memStore) Grant(ctx context.Context, id string) (out grant.Grant, err error) {
	var refused error
	err = s.do(ctx, "Grant", func() {
		if g := s.grants[id]; g != nil {
			out = *g
			return
		}
		refused = fmt.Errorf("grant %s: %w", id, grant.ErrNotFound)
	})
	return out, cmp.Or(err, refused)
}

func (s *memStore) ShopGrant(ctx context.Context, shop string) (grant.Grant, error) {
	s.mu.Lock()
	id := cmp.Or(s.serves[shop], "g_"+shop)
	s.mu.Unlock()
	return s.Grant(ctx, id)
}

func (s *memStore) ComponentGrant(ctx context.Context, app string) (grant.Grant, error) {
	return s.Grant(ctx, "g_"+app)
}

func (s *memStore) Tickets(ctx context.Context, app string) (out []grant.Ticket, err error) {
	err = s.do(ctx, "Tickets", func() { out = slices.Clone(s.tickets[app]) })
	return out, err
}

func (s *memStore) Grants(ctx context.Context, f grant.Filter) (out []grant.Grant, err error) {
	err = s.do(ctx, "Grants", func() {
		for _, g := range s.sorted() {
			if (f.Kind == "" || f.Kind == g.Kind) && (f.ShopID == "" || f.ShopID == g.ShopID) {
				out = append(out, *g)
			}
		}
	})
	return out, err
}

func (s *memStore) ForcedRefreshes(ctx context.Context, id string, since time.Time) (out []grant.Force, err error) {
	err = s.do(ctx, "ForcedRefreshes", func() {
		for _, f := range s.forces[id] {
			if !f.At.Before(since) {
				out = append(out, f)
			}
		}
	})
	return out, err
}

func (s *memStore) SpendForce(ctx context.Context, id string, at time.Time, by string, e audit.Entry) error {
	return s.do(ctx, "SpendForce", func() {
		s.forces[id] = append(s.forces[id], grant.Force{At: at, By: by})
		s.audit = append(s.audit, e)
	})
}

func (s *memStore) Touch(ctx context.Context, at time.Time, ids ...string) error {
	return s.do(ctx, "Touch", func() {
		for _, id := range ids {
			s.grants[id].Used = ms(at)
			s.touched[id]++
		}
	})
}

// revoke is what the transition Revoke does to a row.
func (s *memStore) revoke(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(s.grants[id])
}

func (s *memStore) end(g *grant.Grant) {
	g.State, g.Tokens, g.DueAt, g.Attempt, g.Cause = grant.Revoked, grant.Tokens{Generation: g.Tokens.Generation + 1}, time.Time{}, 0, "sold"
	g.Lease.Term++
	g.SettledTerm = g.Lease.Term
}

// kill is a revocation that has the tokens ended at WeChat too. A holder's time
// must be over first.
func (s *memStore) kill(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, now := s.grants[id], time.Now()
	from := now
	if live(g, now) {
		from = g.Lease.Until
	}
	s.end(g)
	g.Kills, g.DueAt = grant.Kills, ms(from)
}

// row reads a grant past all faults.
func (s *memStore) row(id string) grant.Grant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.grants[id]
}

func (s *memStore) set(id string, f func(*grant.Grant)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s.grants[id])
}

func (s *memStore) setFault(f func(string) fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// told lists the kinds of notice so far.
func (s *memStore) told() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var kinds []string
	for _, n := range s.notices {
		kinds = append(kinds, string(n.Kind))
	}
	return kinds
}

func (s *memStore) entries(outcome audit.Outcome) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, e := range s.audit {
		if e.Outcome == outcome {
			n++
		}
	}
	return n
}

// env is a keeper with everything around it.
type env struct {
	t      testing.TB
	store  *memStore
	vault  *boxVault
	wechat *fakeWeChat
	*Keeper
}

func newEnv(t testing.TB, change ...func(*Options)) *env {
	e := &env{t: t, store: newMemStore(), vault: &boxVault{}, wechat: newFakeWeChat()}
	e.Keeper = e.another("one", change...)
	e.addShop("lantian")
	return e
}

// another makes one more process on the same store.
func (e *env) another(owner string, change ...func(*Options)) *Keeper {
	o := Options{
		Store: e.store, Ledger: e.store, Vault: e.vault, Platform: e.wechat, Owner: owner, Components: e.store,
		Logger: slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&o)
	}
	return New(o)
}

func (e *env) addShop(id string) {
	e.store.mu.Lock()
	defer e.store.mu.Unlock()
	app := access.App{ID: "app-" + id, AppID: "wx00000000000000a1", Kind: access.ShopApp, SecretVersion: 1}
	app.Secret, _ = e.vault.Seal(secret.FromString("app-secret-"+app.ID), vault.AppSecret(app.ID, 1))
	e.store.apps[app.ID] = app
	e.store.grants["g_"+id] = &grant.Grant{
		ID: "g_" + id, Kind: grant.Self, App: app.ID, ShopID: id, State: grant.Active, DueAt: time.Now(),
	}
}

// addUser adds a person's grant whose code was exchanged now.
func (e *env) addUser(id string) {
	e.addShop("of-" + id)
	e.store.mu.Lock()
	defer e.store.mu.Unlock()
	delete(e.store.grants, "g_of-"+id)
	t := grant.Tokens{Generation: 1, AccessExpires: time.Now().Add(2 * time.Hour), RefreshIssued: time.Now()}
	t.RefreshExpires = t.RefreshIssued.Add(refreshLife)
	t.Access, _ = e.vault.Seal(secret.FromString("user-access-1"), vault.GrantAccess(id, "user", 1))
	t.Refresh, _ = e.vault.Seal(secret.FromString("user-refresh-1"), vault.GrantRefresh(id, "user", 1))
	e.store.grants[id] = &grant.Grant{
		ID: id, Kind: grant.User, App: "app-of-" + id, PersonID: "p_1", OpenID: "o_demo_owner_0001",
		Scope: "snsapi_base", State: grant.Active, Tokens: t, DueAt: time.Now().Add(time.Hour),
	}
}

// running runs k until the returned function is called, which waits for it.
func running(k *Keeper) func() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); k.Run(ctx) }()
	return func() { cancel(); <-done }
}

// must gives the token of the demo shop.
func (e *env) must() Token {
	e.t.Helper()
	tok, err := e.Token(context.Background(), "lantian")
	if err != nil {
		e.t.Fatalf("Token: %v", err)
	}
	return tok
}

func (e *env) row() grant.Grant { return e.store.row("g_lantian") }

// Short names for fakes of Platform.
type (
	appT    = access.App
	secretT = secret.Value
)

// complaint is what a program says of the demo shop's token.
func complaint(generation int64, errcode int) Complaint {
	return Complaint{Shop: "lantian", Generation: generation, ErrCode: errcode, By: ByClient("erp")}
}

func secretOf(s string) secret.Value { return secret.FromString(s) }

func containsSecret(text string) bool {
	return strings.Contains(text, "token-0") || strings.Contains(text, "app-secret-") || strings.Contains(text, "user-refresh")
}

// poisoned is a store that cannot write one grant's settle, nor any batch with
// it.
type poisoned struct{ *memStore }

func (p poisoned) Settle(ctx context.Context, batch []grant.Effects) ([]error, error) {
	for _, e := range batch {
		if e.Settle.GrantID == "g_poison" {
			return nil, errFault
		}
	}
	return p.memStore.Settle(ctx, batch)
}
