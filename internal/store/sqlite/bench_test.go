package sqlite_test

import (
	"flag"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/store/storetest"
)

var at = time.Date(2026, 1, 2, 8, 0, 0, 0, time.UTC)

func filled(b *testing.B, shops int) *sqlstore.Store {
	b.Helper()
	s := open(b, filepath.Join(b.TempDir(), "zhanggui.db"))
	if err := s.Declare(b.Context(), storetest.ManyShops(0, shops, at)); err != nil {
		b.Fatal(err)
	}
	return s
}

func request(now time.Time) grant.ClaimRequest {
	return grant.ClaimRequest{Owner: "bench", Now: now, For: time.Hour, Limit: 100}
}

func settlements(claims []grant.Claim, due time.Time) []grant.Effects {
	batch := make([]grant.Effects, len(claims))
	for i, c := range claims {
		g := c.Grant
		batch[i] = grant.Effects{At: at, Settle: &grant.Settlement{
			GrantID: g.ID, Term: g.Lease.Term, From: g.Tokens.Generation, State: grant.Active, DueAt: due, Routine: true,
			Tokens: &grant.Tokens{Generation: g.Tokens.Generation + 1, Access: make([]byte, 240), AccessExpires: at.Add(2 * time.Hour)},
		}}
	}
	return batch
}

// BenchmarkClaimSettle renews grants by the hundred, durably. By hand, a million:
//
//	go test -run '^$' -bench ClaimSettle ./internal/store/sqlite -grants 1000000
func BenchmarkClaimSettle(b *testing.B) {
	s := filled(b, *grants)
	storetest.BenchClaimSettle(b, s, func() time.Time { return at })
}

var grants = flag.Int("grants", 100_000, "rows for BenchmarkClaimSettle")

// BenchmarkClaimDue claims 100 of 100,000 grants that are all due, and gives
// them back outside the clock.
func BenchmarkClaimDue(b *testing.B) {
	s := filled(b, 100_000)
	for b.Loop() {
		claims, err := s.ClaimDue(b.Context(), request(at))
		if err != nil || len(claims) != 100 {
			b.Fatal(len(claims), err)
		}
		b.StopTimer()
		if _, err := s.Settle(b.Context(), settlements(claims, at)); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkSettle settles batches of 100.
func BenchmarkSettle(b *testing.B) {
	s := filled(b, 10_000)
	for b.Loop() {
		b.StopTimer()
		claims, err := s.ClaimDue(b.Context(), request(at))
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if _, err := s.Settle(b.Context(), settlements(claims, at)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkShopGrant looks up the token of one shop of 10,000.
func BenchmarkShopGrant(b *testing.B) {
	s := filled(b, 10_000)
	for i := 0; b.Loop(); i++ {
		if _, err := s.ShopGrant(b.Context(), fmt.Sprintf("many-%06d", i%10_000)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSessionByToken looks up one session, as every page does.
func BenchmarkSessionByToken(b *testing.B) {
	s := filled(b, 1)
	a := access.Administrator{ID: "a_1", KeyHash: []byte{1}, CreatedAt: at}
	if err := s.CreateAdmin(b.Context(), a, nil); err != nil {
		b.Fatal(err)
	}
	hash := access.HashKey("token")
	if err := s.StartSession(b.Context(), access.Session{ID: "s_1", TokenHash: hash, AdminID: "a_1"}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.SessionByToken(b.Context(), hash); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCheckGrants compares 10,000 grants with a log of 100,000 renewals in
// batches of 100, as a start does.
func BenchmarkCheckGrants(b *testing.B) {
	s := filled(b, 10_000)
	for range 1000 {
		claims, err := s.ClaimDue(b.Context(), request(at))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Settle(b.Context(), settlements(claims, at)); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if found, err := s.CheckGrants(b.Context()); err != nil || len(found) != 0 {
			b.Fatal(found, err)
		}
	}
}

// BenchmarkRecordPush records pushes, durably.
func BenchmarkRecordPush(b *testing.B) {
	storetest.BenchRecordPush(b, filled(b, 1))
}

// BenchmarkTakeIn takes accounts of a platform over from another system.
func BenchmarkTakeIn(b *testing.B) { storetest.BenchTakeIn(b, filled(b, 0)) }
