package storetest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
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

// BenchRecordPush measures how fast pushes of shops are recorded with their events
// of a usual size, in batches as a receiver gathers them. It reports pushes a second,
// and the time of one batch.
func BenchRecordPush(b *testing.B, s *sqlstore.Store) {
	for _, size := range []int{1, 16, 128} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			run := rand.Text()
			n := 0
			for b.Loop() {
				batch := make([]grant.Push, size)
				for i := range batch {
					n++
					batch[i] = push(n)
					batch[i].Digest = access.HashKey(fmt.Sprint(run, n))
					batch[i].Effects.Events[0].Body = benchBody
				}
				errs, err := s.RecordPush(b.Context(), batch)
				if err := errors.Join(append(errs, err)...); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "pushes/s")
		})
	}
}

var benchBody = []byte(`{"order_id":"` + strings.Repeat("3", 600) + `"}`)
