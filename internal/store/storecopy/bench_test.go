package storecopy

import (
	"flag"
	"path/filepath"
	"testing"

	"github.com/zhanggui/zhanggui/internal/store/pgtest"
	"github.com/zhanggui/zhanggui/internal/store/postgres"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

var shops = flag.Int("shops", 5_000, "how many shops and grants the benchmark copies")

// BenchmarkCopy tells the time for one row, copied and compared.
func BenchmarkCopy(b *testing.B) {
	path := filled(b, *shops)
	for name, target := range map[string]func() *sqlstore.Side{
		"sqlite":   func() *sqlstore.Side { return toFile(b, filepath.Join(b.TempDir(), "copy.db")) },
		"postgres": func() *sqlstore.Side { return must(postgres.CopyTo(b.Context(), pgtest.Database(b)))(b) },
	} {
		b.Run(name, func(b *testing.B) {
			rows := int64(0)
			for b.Loop() {
				report, err := Copy(b.Context(), fromFile(b, path), target(), Options{})
				check(b, err)
				rows += report.Rows()
			}
			b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
