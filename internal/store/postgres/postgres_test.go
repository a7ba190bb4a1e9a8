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
	storetest.Run(t, stores(t, u, u))
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
	storetest.Run(t, stores(t, direct, b.URL(pgtest.Name(direct))), "commit")
}

// emptyAll leaves what a migrated database has at its beginning. Rows are deleted, and
// tables without any left alone: to truncate them all makes new files for each and for
// each index, which takes longer than most cases do. Keys to other tables are not
// looked at meanwhile: all rows go.
const emptyAll = `DO $$ DECLARE one text; filled boolean; BEGIN
	SET LOCAL session_replication_role = replica;
	FOR one IN SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('goose_db_version', 'meta') LOOP
		EXECUTE 'SELECT EXISTS (SELECT FROM ' || one || ')' INTO filled;
		IF filled THEN
			EXECUTE 'DELETE FROM ' || one;
		END IF;
	END LOOP;
	FOR one IN SELECT quote_ident(sequencename) FROM pg_sequences WHERE schemaname = 'public' AND sequencename NOT LIKE 'goose%' LOOP
		EXECUTE 'ALTER SEQUENCE ' || one || ' RESTART';
	END LOOP;
	DELETE FROM meta WHERE name NOT IN ('application', 'schema_compat');
	INSERT INTO audit_head (id, size, root) VALUES (1, 0, sha256(''));
END $$`

// stores gives a case stores that know nothing yet, on a database that is emptied for it.
// What they reach it with is opened once: a new connection has everything to learn, of
// tables and of statements, and making a database takes many times longer still.
func stores(t *testing.T, direct, u secret.Value) func(*testing.T, int) []*sqlstore.Store {
	t.Helper()
	var opened []*postgres.Store
	return func(c *testing.T, n int) []*sqlstore.Store {
		c.Helper()
		for len(opened) < n {
			opened = append(opened, openAt(t, u))
		}
		exec(c, direct, emptyAll)
		all := make([]*sqlstore.Store, n)
		for i := range all {
			var err error
			if all[i], err = opened[i].Afresh(); err != nil {
				c.Fatal(err)
			}
		}
		return all
	}
}

// openAt opens a store with the time of its requests; it closes when the test
// ends.
func openAt(t testing.TB, u secret.Value) *postgres.Store {
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
	return s
}
