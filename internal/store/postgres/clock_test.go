package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/pgtest"
	"github.com/zhanggui/zhanggui/internal/store/postgres"
	"github.com/zhanggui/zhanggui/internal/store/storetest"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// open opens a store with the database's clock; it closes when the test ends.
func open(t testing.TB, u secret.Value) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), u, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// clockOf gives the database's clock.
func clockOf(t testing.TB, s *postgres.Store) time.Time {
	t.Helper()
	now, err := s.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// skewed is a request of a replica whose clock is off.
func skewed(owner string, by, lease time.Duration) grant.ClaimRequest {
	return grant.ClaimRequest{Owner: owner, Now: time.Now().Add(by), For: lease, Limit: 10}
}

var skews = map[string]time.Duration{"an hour ahead": time.Hour, "an hour behind": -time.Hour}

// TestSkewedReplicaStealsNoLease: whatever its clock says, a lease that the
// database counts as live is left alone.
func TestSkewedReplicaStealsNoLease(t *testing.T) {
	u := pgtest.Database(t)
	right, wrong := open(t, u), open(t, u)
	declare(t, right, 2, clockOf(t, right))
	for name, by := range skews {
		t.Run(name, func(t *testing.T) {
			mine, err := right.ClaimDue(t.Context(), skewed("right", 0, time.Minute))
			if err != nil || len(mine) != 2 {
				t.Fatalf("claimed %d, %v; want both", len(mine), err)
			}
			if stolen, err := wrong.ClaimDue(t.Context(), skewed("wrong", by, time.Minute)); err != nil || len(stolen) != 0 {
				t.Errorf("the skewed replica claimed %d, %v", len(stolen), err)
			}
			if _, err := wrong.Claim(t.Context(), mine[0].Grant.ID, skewed("wrong", by, time.Minute)); !errors.Is(err, grant.ErrLeased) {
				t.Errorf("claim by name: %v, want ErrLeased", err)
			}
			giveBack(t, right, mine)
		})
	}
}

// TestSkewedReplicaLeasesByTheDatabase: its lease ends when the database says so,
// and what is due is due by the same clock.
func TestSkewedReplicaLeasesByTheDatabase(t *testing.T) {
	u := pgtest.Database(t)
	right, wrong := open(t, u), open(t, u)
	declare(t, right, 1, clockOf(t, right))
	for name, by := range skews {
		t.Run(name, func(t *testing.T) {
			before := clockOf(t, right)
			theirs, err := wrong.ClaimDue(t.Context(), skewed("wrong", by, time.Minute))
			after := clockOf(t, right)
			if err != nil || len(theirs) != 1 {
				t.Fatalf("claimed %d, %v; want the one that is due", len(theirs), err)
			}
			until := theirs[0].Grant.Lease.Until
			if until.Before(before.Add(time.Minute)) || until.After(after.Add(time.Minute)) {
				t.Errorf("leased until %v, want a minute after a time between %v and %v", until, before, after)
			}
			giveBack(t, wrong, theirs)
		})
	}
	declareAt := clockOf(t, right).Add(30 * time.Minute)
	declare(t, right, 2, declareAt) // one more, due in half an hour
	drain(t, right)
	if early, err := wrong.ClaimDue(t.Context(), skewed("wrong", time.Hour, time.Minute)); err != nil || len(early) != 0 {
		t.Errorf("claimed %d that are not due, %v", len(early), err)
	}
}

// TestSkewedReplicaTakesOverADeadLease: a replica that is behind does not leave it
// for an hour.
func TestSkewedReplicaTakesOverADeadLease(t *testing.T) {
	const lease = 300 * time.Millisecond
	u := pgtest.Database(t)
	right, wrong := open(t, u), open(t, u)
	declare(t, right, 1, clockOf(t, right))
	for name, by := range skews {
		t.Run(name, func(t *testing.T) {
			mine, err := right.ClaimDue(t.Context(), skewed("right", 0, lease))
			if err != nil || len(mine) != 1 {
				t.Fatalf("claimed %d, %v; want one", len(mine), err)
			}
			next := takeOver(t, wrong, by)
			if now := clockOf(t, right); now.Before(mine[0].Grant.Lease.Until) {
				t.Errorf("taken over at %v, while it was leased until %v", now, mine[0].Grant.Lease.Until)
			}
			if !next.Unsettled || next.Grant.Lease.Term != mine[0].Grant.Lease.Term+1 {
				t.Errorf("taken over as term %d, unsettled %v", next.Grant.Lease.Term, next.Unsettled)
			}
			giveBack(t, wrong, []grant.Claim{next})
		})
	}
}

// takeOver claims the one grant as soon as the database allows it.
func takeOver(t *testing.T, s *postgres.Store, by time.Duration) grant.Claim {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		claims, err := s.ClaimDue(ctx, skewed("wrong", by, time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		if len(claims) == 1 {
			return claims[0]
		}
	}
}

// declare adds shops up to n, due at.
func declare(t *testing.T, s *postgres.Store, n int, at time.Time) {
	t.Helper()
	rev, err := s.Revision(t.Context())
	if err == nil {
		err = s.Declare(t.Context(), storetest.ManyShops(rev, n, at), entry("setup.apply"))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// giveBack settles claims without tokens, due at once.
func giveBack(t *testing.T, s *postgres.Store, claims []grant.Claim) {
	t.Helper()
	settle(t, s, claims, func(g grant.Grant) time.Time { return g.DueAt })
}

// drain claims what is due and puts it off for a day.
func drain(t *testing.T, s *postgres.Store) {
	t.Helper()
	claims, err := s.ClaimDue(t.Context(), skewed("right", 0, time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	settle(t, s, claims, func(g grant.Grant) time.Time { return g.DueAt.Add(24 * time.Hour) })
}

func settle(t *testing.T, s *postgres.Store, claims []grant.Claim, due func(grant.Grant) time.Time) {
	t.Helper()
	var batch []grant.Effects
	for _, c := range claims {
		g := c.Grant
		batch = append(batch, grant.Effects{At: g.UpdatedAt, Settle: &grant.Settlement{
			GrantID: g.ID, Term: g.Lease.Term, From: g.Tokens.Generation, State: grant.Active, Routine: true, DueAt: due(g),
		}})
	}
	errs, err := s.Settle(t.Context(), batch)
	if err := errors.Join(append(errs, err)...); err != nil {
		t.Fatal(err)
	}
}
