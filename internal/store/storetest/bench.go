package storetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

// BenchClaimSettle measures a keeper's day without WeChat: each worker claims a
// hundred due grants, seals nothing, and settles them with tokens of a usual size,
// due again at once at the end of the line. It reports grants a second. now gives
// the time by which leases are timed.
func BenchClaimSettle(b *testing.B, s *sqlstore.Store, now func() time.Time) {
	for _, workers := range []int{1, 4} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			var rounds, settled atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for range workers {
				wg.Go(func() {
					for rounds.Add(1) <= int64(b.N) {
						n, err := claimSettle(b, s, now())
						if err != nil {
							b.Error(err)
							return
						}
						settled.Add(int64(n))
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(settled.Load())/b.Elapsed().Seconds(), "grants/s")
			if settled.Load() < int64(b.N)*90 {
				b.Errorf("%d grants in %d rounds of a hundred", settled.Load(), b.N)
			}
		})
	}
}

func claimSettle(b *testing.B, s *sqlstore.Store, now time.Time) (int, error) {
	claims, err := s.ClaimDue(b.Context(), grant.ClaimRequest{Owner: "bench", Now: now, For: time.Hour, Limit: 100})
	if err != nil {
		return 0, err
	}
	batch := make([]grant.Effects, len(claims))
	for i, c := range claims {
		batch[i] = renewal(c, now)
		batch[i].Settle.DueAt = now // behind all that were due before
		batch[i].Settle.Tokens.Access = append(make([]byte, 600), batch[i].Settle.Tokens.Access...)
	}
	errs, err := s.Settle(b.Context(), batch)
	return len(claims), errors.Join(append(errs, err)...)
}
