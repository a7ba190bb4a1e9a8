package scale

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

// BenchmarkTick looks for due work, of which there is one batch of 100, among
// few grants and among many. Wanted: the time of a tick follows what is due,
// not what exists.
func BenchmarkTick(b *testing.B) {
	const few = 10_000
	for _, database := range databases {
		times := map[int]time.Duration{}
		for _, n := range []int{few, max(*grants, 2*few)} {
			b.Run(fmt.Sprintf("%s/%d", database, n), func(b *testing.B) { times[n] = tick(b, database, n) })
			if n > few && times[few] > 0 {
				b.Run(fmt.Sprintf("%s/ratio", database), func(b *testing.B) {
					for b.Loop() {
					}
					b.ReportMetric(times[n].Seconds()/times[few].Seconds(), "xOf10k")
					b.ReportMetric(0, "ns/op")
				})
			}
		}
	}
}

// tick measures claim and settle of the 100 that are due, and an empty look
// after them.
func tick(b *testing.B, database string, n int) time.Duration {
	w := newWorld(b, database)
	now := time.Now().Truncate(time.Second)
	w.declare(n, now.AddDate(50, 0, 0))
	w.declare(100, now)
	sealed := make([]byte, 240)
	rand.Read(sealed) // never fails
	var took time.Duration
	w.with(func(s *sqlstore.Store) error {
		for i := 0; b.Loop(); i++ {
			for _, want := range []int{100, 0} {
				start := time.Now()
				claims, err := s.ClaimDue(b.Context(), claimRequest(now, 200))
				if err != nil || len(claims) != want {
					return fmt.Errorf("%d claimed, want %d: %w", len(claims), want, err)
				}
				if _, err := s.Settle(b.Context(), renewals(claims, now, sealed)); err != nil {
					return err
				}
				took += time.Since(start)
			}
			now = now.Add(2 * time.Hour) // all of them are due again
		}
		return nil
	})
	return took / time.Duration(max(b.N, 1))
}
