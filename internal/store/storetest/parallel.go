package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

// together runs do n times at once and counts the calls that gave no error. Any
// other error than allowed fails the test.
func together(t *testing.T, n int, allowed error, do func(i int) error) int {
	t.Helper()
	var ok atomic.Int64
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-begin
			switch err := do(i); {
			case err == nil:
				ok.Add(1)
			case !errors.Is(err, allowed):
				t.Errorf("call %d: %v", i, err)
			}
		})
	}
	close(begin)
	wg.Wait()
	return int(ok.Load())
}

var parallelCases = []testCase{
	{"one state is used by one of fifty", func(t *testing.T, w *world) {
		n := together(t, 50, access.ErrUsed, func(i int) error {
			return second(w.replica(i).UseState(t.Context(), grant.Callback{
				App: "mp", StateHash: access.HashKey("state"), CodeHash: access.HashKey(fmt.Sprint(i)), At: start,
			}))
		})
		same(t, "winners", n, 1)
	}},
	{"one code is used by one of fifty", func(t *testing.T, w *world) {
		n := together(t, 50, access.ErrUsed, func(i int) error {
			return second(w.replica(i).UseState(t.Context(), grant.Callback{
				App: "mp", StateHash: access.HashKey(fmt.Sprint(i)), CodeHash: access.HashKey("code"), At: start,
			}))
		})
		same(t, "winners", n, 1)
	}},
	{"no grant is claimed twice", func(t *testing.T, w *world) {
		w.manyShops(100)
		var mu sync.Mutex
		claimed := make(map[string]int)
		together(t, 20, nil, func(i int) error {
			r := request(start)
			r.Limit = 7
			for {
				claims, err := w.replica(i).ClaimDue(t.Context(), r)
				if err != nil || len(claims) == 0 {
					return err
				}
				mu.Lock()
				for _, c := range claims {
					claimed[c.Grant.ID]++
				}
				mu.Unlock()
			}
		})
		same(t, "grants claimed", len(claimed), 103)
		for id, n := range claimed {
			if n != 1 {
				t.Errorf("grant %s was claimed %d times", id, n)
			}
		}
	}},
	{"one settle of a generation lands", func(t *testing.T, w *world) {
		c := w.claim("tea", start)
		n := together(t, 30, grant.ErrLost, func(i int) error {
			e := renewal(c, start.Add(time.Duration(i)*time.Second))
			errs, err := w.replica(i).Settle(t.Context(), []grant.Effects{e})
			return errors.Join(append(errs, err)...)
		})
		same(t, "winners", n, 1)
		same(t, "generation", w.shopGrant("tea").Tokens.Generation, 1)
	}},
	{"one person takes an invitation", func(t *testing.T, w *world) {
		w.must(w.s.CreateInvitation(t.Context(), invitation("i_1", "tea"), entry("invitation.create")))
		visits := make([]grant.Effects, 20)
		for i := range visits {
			visits[i] = w.visit(i)
			visits[i].Login.Take = &grant.Take{InvitationID: "i_1", PersonID: visits[i].Login.NewPerson, Code: "1234"}
		}
		n := together(t, len(visits), access.ErrInvitationGone, func(i int) error { return w.replica(i).Login(t.Context(), visits[i]) })
		same(t, "winners", n, 1)
	}},
	{"guessing in parallel gives no more tries", func(t *testing.T, w *world) {
		w.invited(1, "i_1", "tea")
		var wrong atomic.Int64
		together(t, 30, access.ErrInvitationGone, func(i int) error {
			_, err := w.confirmOn(w.replica(i), "i_1", "0000", start)
			if errors.Is(err, access.ErrWrongCode) {
				wrong.Add(1)
				return nil
			}
			return err
		})
		same(t, "tries", wrong.Load(), access.MaxCodeTries)
	}},
	{"one first administrator", func(t *testing.T, w *world) {
		link := access.HashKey("zgu_link")
		w.must(w.s.CreateSetupLink(t.Context(), link, start, start.Add(time.Hour)))
		n := together(t, 20, access.ErrUsed, func(i int) error {
			return w.replica(i).CreateAdmin(t.Context(), admin(fmt.Sprintf("a_%d", i)), link, entry("admin.create"))
		})
		same(t, "winners", n, 1)
	}},
	{"one plan is applied", func(t *testing.T, w *world) {
		d := directory()
		d.Revision = 1
		n := together(t, 20, access.ErrStale, func(i int) error { return w.replica(i).Declare(t.Context(), d, entry("setup.apply")) })
		same(t, "winners", n, 1)
	}},
	{"a revocation against renewals leaves no tokens", func(t *testing.T, w *world) {
		id := w.shopGrant("tea").ID
		together(t, 21, grant.ErrNotFound, func(i int) error {
			if i == 10 {
				return w.replica(i).Revoke(t.Context(), grant.Effects{At: start, Revoke: []grant.Revocation{{GrantID: id}}})
			}
			return w.renewAlways(t.Context(), w.replica(i), id)
		})
		g := w.shopGrant("tea")
		if g.State != grant.Revoked || g.Tokens.Access != nil {
			t.Errorf("after the revocation: %s, %+v", g.State, g.Tokens)
		}
	}},
	{"readers see whole changes", func(t *testing.T, w *world) {
		done := make(chan struct{})
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
					}
					if g, err := w.replica(i).ShopGrant(t.Context(), "tea"); err != nil || g.Tokens.Generation > 0 &&
						string(g.Tokens.Access) != string(tokens(grant.Self, g.ID, g.Tokens.Generation, start).Access) {
						t.Errorf("read generation %d with %q: %v", g.Tokens.Generation, g.Tokens.Access, err)
						return
					}
				}
			})
		}
		id := w.shopGrant("tea").ID
		for range 20 {
			if err := w.renewAlways(t.Context(), w.s, id); err != nil {
				t.Error(err)
			}
		}
		close(done)
		wg.Wait()
	}},
	{"a cancelled write changes nothing and harms no other", func(t *testing.T, w *world) {
		before := w.snapshot()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		together(t, 20, context.Canceled, func(i int) error { return w.replica(i).Append(ctx, entry("cancelled")) })
		same(t, "after cancelled writes", w.snapshot(), before)
		w.must(w.s.Append(t.Context(), entry("x")))
	}},
}

// renewAlways claims and settles once; being overtaken is no failure.
func (w *world) renewAlways(ctx context.Context, s *sqlstore.Store, id string) error {
	c, err := s.Claim(ctx, id, request(start))
	if errors.Is(err, grant.ErrLeased) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = s.Settle(ctx, []grant.Effects{renewal(c, start)})
	return err
}

// declareOn declares the same directory once more, at its newest revision.
func (w *world) declareOn(s *sqlstore.Store) error {
	rev, err := s.Revision(w.t.Context())
	if err != nil {
		return err
	}
	d := directory()
	d.Revision = rev
	return s.Declare(w.t.Context(), d, entry("setup.apply"))
}

// manyShops declares n more shops of one app.
func (w *world) manyShops(n int) {
	w.t.Helper()
	rev, err := w.s.Revision(w.t.Context())
	w.must(err)
	w.must(w.s.Declare(w.t.Context(), ManyShops(rev, n, start), entry("setup.apply")))
}

// ManyShops is a declaration of n shops that are due at, for tests and
// benchmarks.
func ManyShops(revision int64, n int, at time.Time) access.Declaration {
	d := access.Declaration{
		Revision: revision, At: at, Tenants: []access.Tenant{{ID: "many", Name: "众"}},
		Apps: []access.App{{ID: "app-many", Kind: access.ShopApp, AppID: "wx00000000000000c1", Secret: []byte("sealed-many"), SecretVersion: 1}},
	}
	for i := range n {
		d.Shops = append(d.Shops, access.Shop{ID: fmt.Sprintf("many-%06d", i), TenantID: "many", App: "app-many"})
	}
	return d
}
