package postgres_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/store/pgtest"
	"github.com/zhanggui/zhanggui/internal/store/postgres"
	"github.com/zhanggui/zhanggui/internal/store/storetest"
)

// grants is how many rows the benchmarks work on. By hand, a million:
//
//	go test -run '^$' -bench . ./internal/store/postgres -grants 1000000
var grants = flag.Int("grants", 100_000, "rows for the benchmarks")

// filled opens a database with due grants on a server that writes to the disk as a
// real one does.
func filled(b *testing.B) *postgres.Store {
	b.Helper()
	server, err := pgtest.Start(b.Context(), pgtest.Options{Durable: true, Set: map[string]string{"shared_buffers": "512MB"}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := server.Close(); err != nil {
			b.Error(err)
		}
	})
	u, err := server.Create(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	s := open(b, u)
	if err := s.Declare(b.Context(), storetest.ManyShops(0, 0, clockOf(b, s)), entry("setup.apply")); err != nil {
		b.Fatal(err)
	}
	err = pgtest.Exec(b.Context(), u,
		fmt.Sprintf(`INSERT INTO apps SELECT 'many-' || i, 'shop', 'wx' || i, '', sha256('x'), 1, '', '', '', '', '', '[]'
			FROM generate_series(1, %d) AS i`, *grants),
		fmt.Sprintf("INSERT INTO shops SELECT 'many-' || i, 'many', 'many-' || i, '', false FROM generate_series(1, %d) AS i", *grants),
		fmt.Sprintf(`INSERT INTO grants SELECT 'g_' || md5(i::text), 'self', 'many-' || i, 'many-' || i, '', '', '', 'active', '', 0,
			0, NULL, 0, NULL, 0, 0, '', 1000 + i, 0, '', 0, 0, 0, 1000, 1000 FROM generate_series(1, %d) AS i`, *grants),
		"VACUUM ANALYZE", "CHECKPOINT")
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkClaimSettle renews grants by the hundred, durably.
func BenchmarkClaimSettle(b *testing.B) {
	s := filled(b)
	storetest.BenchClaimSettle(b, s.Store, time.Now)
}

// BenchmarkRecordPush records pushes, durably.
func BenchmarkRecordPush(b *testing.B) {
	storetest.BenchRecordPush(b, filled(b).Store)
}

// BenchmarkTakeIn takes accounts of a platform over from another system.
func BenchmarkTakeIn(b *testing.B) { storetest.BenchTakeIn(b, filled(b).Store) }
