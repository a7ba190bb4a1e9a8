package collate_test

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/collate"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/store/storetest"
)

var grants = flag.Int("grants", 20_000, "how many grants the benchmarks compare; the log names each twice")

// many makes a store of so many grants with tokens of 160 bytes, whose log has
// two entries for each hundred.
func many(b *testing.B, n int) *sqlstore.Store {
	b.Helper()
	path := filepath.Join(b.TempDir(), "zhanggui.db")
	s, err := sqlite.Open(b.Context(), path, sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	if err := s.Declare(b.Context(), storetest.ManyShops(0, 1, begin), entry()); err != nil {
		b.Fatal(err)
	}
	if err := fill(b.Context(), s, path, n); err != nil {
		b.Fatal(err)
	}
	return s
}

func fill(ctx context.Context, s *sqlstore.Store, path string, n int) error {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	insert, err := tx.PrepareContext(ctx, `INSERT INTO grants (id, kind, app, shop_id, person_id, openid, scope, state, cause, err_code,
		generation, access, access_expires, refresh_issued, refresh_expires, digest, due_at, attempt, lease_owner, lease_term, lease_until, settled_term, created_at, updated_at)
		VALUES ($1, 'self', 'app-many', $1, '', '', '', 'active', '', 0, 2, $2, $3, 0, 0, '', $3, 0, '', 1, 0, 1, 1, 1)`)
	if err != nil {
		return err
	}
	var entries []audit.Entry
	for round := range 2 {
		for i := 0; i < n; i += 100 {
			details := map[string]string{}
			for j := i; j < min(n, i+100); j++ {
				k := grant.Tokens{Generation: int64(round) + 1, Access: fmt.Appendf(nil, "%0160d", j*7919), AccessExpires: begin}
				id := fmt.Sprintf("g_%020d", j*7919%n)
				details[id] = fmt.Sprintf("%d %s", k.Generation, k.Digest())
				if round == 1 {
					if _, err := insert.ExecContext(ctx, id, k.Access, begin.UnixMilli()); err != nil {
						return err
					}
				}
			}
			entries = append(entries, audit.Entry{At: begin, Action: audit.GrantSettle, Outcome: audit.Done, Details: details})
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	for len(entries) > 0 {
		page := entries[:min(1000, len(entries))]
		if err := s.Append(ctx, page...); err != nil {
			return err
		}
		entries = entries[len(page):]
	}
	return nil
}

// BenchmarkStart tells how long a start waits for the comparison, and how much
// processor time all of it takes, with and without a summary.
func BenchmarkStart(b *testing.B) {
	s := many(b, *grants)
	file := filepath.Join(b.TempDir(), "grants.summary")
	o := collate.Options{Store: s, File: file, Key: []byte("key"), Forget: func(...string) {}}
	whole := o
	whole.Budget = time.Hour
	for name, first := range map[string]func(){"log": func() { os.Remove(file) }, "summary": func() {}} {
		if err := collate.New(whole).Begin(b.Context()); err != nil { // writes the summary
			b.Fatal(err)
		}
		for wait, o := range map[string]collate.Options{"wait": o, "whole": whole} {
			b.Run(name+"/"+wait, func(b *testing.B) {
				for b.Loop() {
					b.StopTimer()
					first()
					b.StartTimer()
					if err := collate.New(o).Begin(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(*grants), "ns/grant")
			})
		}
	}
}
