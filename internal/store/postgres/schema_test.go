package postgres_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/zhanggui/zhanggui/internal/store/pgtest"
	"github.com/zhanggui/zhanggui/internal/store/postgres"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// The generated queries believe schema.sql; the tables are made by migrations.
func TestMigrationsMakeTheDescribedSchema(t *testing.T) {
	described, err := os.ReadFile(filepath.Join("..", "sqlstore", "schema.sql"))
	if err != nil {
		t.Fatal(err)
	}
	want := pgtest.Empty(t)
	exec(t, want, string(described))
	if diff := cmp.Diff(columns(t, want), columns(t, pgtest.Database(t))); diff != "" {
		t.Errorf("migrations differ from schema.sql (-described +made):\n%s", diff)
	}
}

// columns describes the tables of a database, by "table.column".
func columns(t *testing.T, u secret.Value) map[string]string {
	t.Helper()
	out := make(map[string]string)
	for _, row := range query[[2]string](t, u, `
		SELECT c.table_name || '.' || c.column_name, c.data_type || ' ' || c.is_nullable || ' ' || coalesce(c.column_default, '')
			|| ' ' || c.is_identity || ' ' || coalesce(k.ordinal_position::text, '')
		FROM information_schema.columns c
		LEFT JOIN information_schema.table_constraints p ON p.table_schema = c.table_schema AND p.table_name = c.table_name AND p.constraint_type = 'PRIMARY KEY'
		LEFT JOIN information_schema.key_column_usage k ON k.constraint_name = p.constraint_name AND k.constraint_schema = p.constraint_schema AND k.column_name = c.column_name
		WHERE c.table_schema = 'public' AND c.table_name NOT LIKE 'goose%'`) {
		out[row[0]] = row[1]
	}
	if len(out) < 100 {
		t.Fatalf("only %d columns were read", len(out))
	}
	return out
}

// query reads rows of texts.
func query[T [1]string | [2]string](t *testing.T, u secret.Value, sql string) []T {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), u.RevealString())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (v T, err error) {
		into := make([]any, len(v))
		for i := range into {
			into[i] = reflect.ValueOf(&v).Elem().Index(i).Addr().Interface()
		}
		return v, row.Scan(into...)
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Both databases count their schemas alike. PostgreSQL begins with the second.
func TestVersionsAreThoseOfSQLite(t *testing.T) {
	names := func(dir string) []string {
		files, err := fs.Glob(os.DirFS(dir), "*.sql")
		if err != nil || len(files) < 2 {
			t.Fatalf("%s: %v, %v", dir, files, err)
		}
		for i, f := range files {
			files[i], _, _ = strings.Cut(f, "_")
		}
		return files
	}
	if diff := cmp.Diff(names("../sqlite/migrations")[1:], names("migrations")); diff != "" {
		t.Errorf("versions (-sqlite +postgres):\n%s", diff)
	}
}

// A claim reads what the generated queries read, and a settle writes what theirs
// writes.
func TestOwnStatementsNameEveryColumn(t *testing.T) {
	if got, want := len(strings.Split(postgres.GrantColumns, ",")), reflect.TypeFor[sqlgen.Grant]().NumField(); got != want {
		t.Errorf("claims read %d columns of grants, generated queries %d", got, want)
	}
	want := reflect.TypeFor[sqlgen.SettleGrantParams]().NumField() - 1 // without the id
	if got := len(postgres.SettleColumns); got != want {
		t.Errorf("a settle writes %d columns, the generated one %d", got, want)
	}
}

// What runs often must find its rows by an index: a scan is fast in a test and
// slow with a million grants.
func TestFrequentQueriesUseIndexes(t *testing.T) {
	u := pgtest.Database(t)
	s := open(t, u)
	declare(t, s, 3000, clockOf(t, s))
	exec(t, u, "ANALYZE")
	for sql, index := range map[string]string{
		postgres.DueSQL: "grants_due",
		`SELECT due_at FROM grants WHERE due_at > 0 AND (state IN ('active', 'stopped') OR kills > 0)
			AND lease_term = settled_term ORDER BY due_at LIMIT 1`: "grants_due",
		`SELECT due_at, lease_until FROM grants WHERE due_at > 0 AND due_at < 1 AND (state IN ('active', 'stopped') OR kills > 0)
			AND lease_term > settled_term ORDER BY due_at`: "grants_due",
		`SELECT a.* FROM grants AS a WHERE a.kind = 'self' AND a.shop_id = 'x'
			AND a.app = COALESCE((SELECT s.app FROM shops s WHERE s.id = 'x'), a.app)
			UNION ALL SELECT b.* FROM grants AS b WHERE b.kind = 'isv' AND b.shop_id = 'x' AND b.shop_id <> ''
			AND b.app = COALESCE((SELECT s.app FROM shops s WHERE s.id = 'x'), b.app) LIMIT 1`: "grants_isv_shop",
		`SELECT * FROM grants WHERE kind = 'self' AND shop_id = 'x'`:                              "grants_self",
		`SELECT * FROM grants WHERE kind = 'isv' AND app = 'x' AND authorizer = 'x'`:              "grants_isv",
		`SELECT * FROM grants WHERE kind = 'component' AND app = 'x'`:                             "grants_component",
		`SELECT * FROM grants WHERE kind = 'user' AND app = 'x' AND openid = 'x' AND scope = 'x'`: "grants_user",
		`SELECT * FROM grants WHERE person_id = 'x' AND person_id <> '' ORDER BY created_at, id`:  "grants_person",
		`SELECT * FROM grants WHERE id = ANY('{a,b}') ORDER BY id FOR UPDATE`:                     "grants_pkey",
	} {
		plan := lines(query[[1]string](t, u, "EXPLAIN "+sql))
		if !strings.Contains(plan, index) || strings.Contains(plan, "Seq Scan on grants") {
			t.Errorf("%s\nruns as\n%s\nwant index %s", sql, plan, index)
		}
	}
}

// After a restore nothing is known about the tables, and after an outage all is
// due: a claim that sorts it takes as long as the backlog is.
func TestAClaimDoesNotSortTheBacklog(t *testing.T) {
	u := pgtest.Database(t)
	exec(t, u, "ALTER TABLE grants SET (autovacuum_enabled = false)")
	s := open(t, u)
	declare(t, s, 3000, clockOf(t, s))
	conn, err := pgx.Connect(t.Context(), u.RevealString())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	plan := func() string {
		rows, err := conn.Query(t.Context(), "EXPLAIN "+postgres.DueSQL)
		if err != nil {
			t.Fatal(err)
		}
		list, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(list, "\n")
	}
	if p := plan(); !strings.Contains(p, "Sort Key") {
		t.Errorf("the planner needs no help any more:\n%s", p)
	}
	for _, sql := range []string{"BEGIN", postgres.BeginSharedSQL} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if p := plan(); strings.Contains(p, "Sort Key") || !strings.Contains(p, "Index Scan using grants_due") {
		t.Errorf("a claim runs as\n%s\nwant the index of due grants in its order", p)
	}
}

func lines(rows [][1]string) string {
	var out []string
	for _, r := range rows {
		out = append(out, r[0])
	}
	return strings.Join(out, "\n")
}

// A claim writes no index: nothing that it changes is in one, and pages have room.
func TestClaimsWriteNoIndex(t *testing.T) {
	u := pgtest.Database(t)
	s := open(t, u)
	declare(t, s, 200, clockOf(t, s))
	for range 3 {
		claims, err := s.ClaimDue(t.Context(), skewed("right", 0, 1))
		if err != nil || len(claims) == 0 {
			t.Fatal(len(claims), err)
		}
	}
	if err := s.Close(); err != nil { // counters are sent when a connection ends
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for { // counters come a little later than the end of the connection
		got := lines(query[[1]string](t, u, "SELECT n_tup_upd || ' ' || n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'grants'"))
		if got == "30 30" {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("row updates and heap-only ones: %s, want 30 and 30", got)
		}
	}
}
