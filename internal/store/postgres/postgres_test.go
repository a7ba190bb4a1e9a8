package postgres_test

import (
	"testing"

	"github.com/zhanggui/zhanggui/internal/store/pgtest"
	"github.com/zhanggui/zhanggui/internal/store/postgres"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/store/storetest"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

func TestConformance(t *testing.T) {
	u := pgtest.Database(t)
	storetest.Run(t, func(t *testing.T, n int) []*sqlstore.Store { return openAll(t, n, u, u) })
}

// TestConformanceThroughPooler is the same with PgBouncer in transaction mode in
// between, whose connections to the server are fewer than the stores'. Commits are lost
// in the program, before a pooler hears of them: they are not lost again here.
func TestConformanceThroughPooler(t *testing.T) {
	server := pgtest.Cluster(t)
	b, err := server.Bouncer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	direct, err := server.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pooled := b.URL(pgtest.Name(direct))
	storetest.Run(t, func(t *testing.T, n int) []*sqlstore.Store { return openAll(t, n, direct, pooled) }, "commit")
}

// openAll opens n stores on a database that it empties first. Making a database
// for each case takes many times longer.
func openAll(t *testing.T, n int, direct, u secret.Value) []*sqlstore.Store {
	t.Helper()
	exec(t, direct, `DO $$ BEGIN
		EXECUTE (SELECT 'TRUNCATE ' || string_agg(quote_ident(tablename), ', ') || ' RESTART IDENTITY'
			FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('goose_db_version', 'meta'));
		DELETE FROM meta WHERE name NOT IN ('application', 'schema_compat');
		INSERT INTO audit_head (id, size, root) VALUES (1, 0, sha256(''));
	END $$`)
	stores := make([]*sqlstore.Store, n)
	for i := range stores {
		stores[i] = openAt(t, u)
	}
	return stores
}

// openAt opens a store with the time of its requests; it closes when the test
// ends.
func openAt(t testing.TB, u secret.Value) *sqlstore.Store {
	t.Helper()
	s, err := postgres.OpenAt(t.Context(), u, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s.Store
}
