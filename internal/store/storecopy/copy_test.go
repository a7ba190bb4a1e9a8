package storecopy

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/pgtest"
	"github.com/zhanggui/zhanggui/internal/store/postgres"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/store/storetest"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

var start = time.Date(2026, 1, 2, 8, 0, 0, 0, time.UTC)

func entry() audit.Entry {
	return audit.Entry{At: start, Actor: audit.Actor{Kind: audit.ActorOperator}, Action: "test", Outcome: audit.Done}
}

// rest are rows of tables that the transitions below leave empty. None of them is
// named by the log.
var rest = []string{
	"INSERT INTO forced_refreshes (grant_id, at, by_whom) SELECT min(id), 1, 'operator' FROM grants",
	"INSERT INTO forced_refreshes (grant_id, at, by_whom) SELECT min(id), 1, 'operator' FROM grants", // twice the same
	"INSERT INTO persons VALUES ('p_0001', 1, 0)",
	"INSERT INTO owner_messages VALUES ('om_1', 'p_0001', 'grant.needs_owner', 'many-000001', 2, 3, 'app-many', 'sent', '', 4, 5)",
	"INSERT INTO profiles VALUES ('p_0001', '蓝 “天” '' \\ é', '', 2)",
	"INSERT INTO identities VALUES ('app-many', 'o_demo_owner_0001', '', 'p_0001', 3)",
	"INSERT INTO members VALUES ('many', '', 'p_0001', 'owner', 4, 0)",
	"INSERT INTO invitations VALUES ('i_1', x'00ff', 'many', '', 'owner', 'operator', 1, 2, 'open', '', '', 0, 0)",
	"INSERT INTO sessions VALUES ('s_1', x'00', 'p_0001', '', 'app-many', 'wechat', 1, 2, 3, 4, 5, 0, '', '微信', '', '', '', '', '192.0.2.0/24', 'Android', x'05', 6, 7, 8)",
	"INSERT INTO sessions VALUES ('s_2', x'06', 'p_0001', '', 'app-many', 'wechat', 1, 2, 3, 4, 5, 0, '', '微信', '', '', 's_1', 'erp.example.com', '', '', NULL, 0, 0, 0)",
	"INSERT INTO callbacks VALUES (x'01', 'app-many', NULL, 1, 's_1')",
	"INSERT INTO callbacks VALUES (x'02', 'app-many', NULL, 1, '')",
	"INSERT INTO consents VALUES ('p_0001', 'app-many', 'many', '1', 1)",
	"INSERT INTO clients VALUES ('erp', 'ERP', x'0a', 'zgc_', 'read', 1, 2, 0, '{\"low\":true}', 'operator', x'0b', 'zgc_', 3, 4, 5)",
	"INSERT INTO rotations VALUES ('rot', 'client', 'erp', 'overlap', 'operator', 1, 2, 3, 4, x'0c', x'0d', 5, 6, '', x'0e')",
	"INSERT INTO client_shops VALUES ('erp', 'many-000001')",
	"INSERT INTO uses VALUES ('erp', 'many-000001', '/channels/ec/funds/submitwithdraw', 5, 2)",
	"INSERT INTO exports VALUES ('erp', 'many-000001', 3, 4, 5, 6)",
	"INSERT INTO oidc_clients VALUES ('erp', 'n', X'11', '[]', '[]', '', 1, '', 'tea', 'owner', '[]', '[]', 'sector', '', 0, 5)",
	"INSERT INTO oidc_logins VALUES ('o', 'erp', 's', 'p', 'tea', 'openid', 'n', 'u', 'c', X'12', 5, 6, X'13', 7, 8, 'w', 9, 10)",
	"INSERT INTO signing_keys VALUES ('kid', 'ES256', X'44', 5, 6, 7, 8)",
	"INSERT INTO scans VALUES (X'44', 'approved', 'p_1', 's_1', 5, 6)",
	"INSERT INTO requests VALUES (X'11', X'22', 5, 6, 200, 'application/json', X'33')",
	"INSERT INTO admins VALUES ('a_1', 'Tester', x'0b', 1, 2, 0, 'support', 'https://sso.example.com 17')",
	"INSERT INTO visits VALUES ('v_1', 'a_1', 'many', 'ticket 7', 1, 2)",
	"INSERT INTO transfers VALUES ('t_1', 'many', '', 'p_1', 'p_2', 'operator', 'offered', 1, 2, 0)",
	"INSERT INTO reviews VALUES ('r_1', 'many', '', '0d', 3, 1, 'looked', 'operator', 5)",
	"INSERT INTO renewals SELECT max(id), 'max_age', 'system', 1, 2, 3, 0, 1 FROM grants",
	"INSERT INTO setup_links VALUES (x'0c', 1, 2, 0)",
	"INSERT INTO tickets VALUES ('app-many', 1, x'0f', 2)",
	"INSERT INTO authorizers VALUES ('app-many', 'wx00000000000000e1', 1, 'new', '', '', '', '[129]', 1, x'10', 2, 3, 0, '', 0)",
	"INSERT INTO purchases VALUES ('app-many', 'wx00000000000000e1', 'erp', 'year', '', 1, 2)",
	"INSERT INTO pushes VALUES ('app-many', x'11', 1)",
	"INSERT INTO events VALUES (7, 'app-many', 'many-000001', 'wx00000000000000e1', 'channels_ec_order_new', 1, 2, x'7b7d', 'erp')",
	"INSERT INTO path_uses VALUES ('erp', 'many-000001', '/channels/ec/order/get', 5, 2)",
	"INSERT INTO api_changes VALUES ('c_1', '/channels/ec/order/get', '获取订单详情', '更新', '', '', 5, 6, '[\"erp\"]')",
	"INSERT INTO strangers SELECT id, 5, '{}' FROM grants ORDER BY id LIMIT 1",
	"INSERT INTO subscriptions VALUES ('sub_1', 'erp', 'https://hooks.example.com/', '[\"*\"]', 1, x'12', 2, x'13', 3, 'on', '', 7, 0, 0, '', 4, 0, 1)",
	"INSERT INTO held_shops VALUES ('sub_1', 'many-000001', 7, 1, 2, 'answered 500')",
	"INSERT INTO dead_letters VALUES ('sub_1', 6, 'app-many', 'many-000001', 'wx00000000000000e1', 'channels_ec_order_new', 1, 2, x'7b7d', 12, 'no answer', 3, 0)",
	"INSERT INTO notices VALUES (41, 1, 'audit.broken', 'grant:x', '{}', 0, 1, 41, 'critical', '{\"phase\":\"raised\"}', '', '')",
	"INSERT INTO alerts VALUES (41, 'audit.broken', '', 'open', 'critical', 1, 2, 0, 3, 4, 1, 1, 1, 41, '[\"grant:x\"]', '{}', '', '')",
	"INSERT INTO alert_subjects VALUES (41, 'grant:x', 1)",
	"INSERT INTO alert_parts VALUES (41, 'many', 2, 0)",
	"INSERT INTO escalations VALUES (41, 41, 'grant:x', 1, 0)",
	"INSERT INTO silences VALUES ('q_1', 'audit.broken', '', '', 'drill', 'operator', 1, 2, 0)",
	"INSERT INTO leases VALUES ('fold', 'r_1', 1, 2)",
	"INSERT INTO held_conditions VALUES ('disk.low', 'r_1', 'disk.low', 'disk', 2)",
	"INSERT INTO channels VALUES ('log', 1, '', 0, 0, '', '', '[]', 0, '', '{}', NULL, 0, 0, '')",
	"INSERT INTO channels VALUES ('ops', 0, '', 0, 0, 'many', 'warning', '[\"clock.skew\"]', 2, 'wecom', '{\"language\":\"zh\"}', x'14', 3, 4, 'operator')",
	"INSERT INTO deliveries VALUES (41, 'log', 'pending', 0, 1, 0, '')",
	"INSERT INTO audit_places VALUES ('witness:b.example.com', 1, 2, x'0d')",
	"INSERT INTO audit_witnessed VALUES ('other', 1, x'0d', 2, x'0e', 1)",
	"INSERT INTO audit_checkpoints VALUES (1, 1, x'0d', x'0e')",
	"UPDATE shops SET revoke_on_withdraw = 1 WHERE id = 'many-000003'",
}

// filled makes a store with rows in every table and gives its path.
func filled(t testing.TB, shops int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "zhanggui.db")
	s := must(sqlite.Open(t.Context(), path, sqlite.Options{}))(t)
	check(t, s.Declare(t.Context(), storetest.ManyShops(0, shops, start), entry()))
	claims := must(s.ClaimDue(t.Context(), grant.ClaimRequest{Owner: "test", Now: start, For: time.Minute, Limit: shops / 2}))(t)
	var batch []grant.Effects
	for _, c := range claims {
		batch = append(batch, grant.Effects{At: start, Settle: &grant.Settlement{
			GrantID: c.Grant.ID, Term: c.Grant.Lease.Term, State: grant.Active, Routine: true, DueAt: start.Add(time.Hour),
			Tokens: &grant.Tokens{Generation: 1, Access: []byte("sealed \x00 " + c.Grant.ID), AccessExpires: start.Add(2 * time.Hour)},
		}})
	}
	check(t, errors.Join(must(s.Settle(t.Context(), batch))(t)...))
	check(t, s.Revoke(t.Context(), grant.Effects{At: start, Revoke: []grant.Revocation{{GrantID: claims[0].Grant.ID}}}))
	_, err := s.CreateKeyset(t.Context(), []byte("wrapped"), entry())
	check(t, err)
	_, err = s.ObserveTime(t.Context(), start)
	check(t, err)
	check(t, s.Close())
	edit(t, path, rest...)
	return path
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		check(t, err)
		return v
	}
}

// edit changes a SQLite file from outside.
func edit(t testing.TB, path string, statements ...string) {
	t.Helper()
	db := must(sql.Open("sqlite", path))(t)
	defer db.Close()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func fromFile(t testing.TB, path string) *sqlstore.Side {
	t.Helper()
	return must(sqlite.CopyFrom(t.Context(), path))(t)
}

func toFile(t testing.TB, path string) *sqlstore.Side {
	t.Helper()
	return must(sqlite.CopyTo(t.Context(), path))(t)
}

// TestThereAndBack copies to PostgreSQL and back. Both stores open, hold the same,
// and go on.
func TestThereAndBack(t *testing.T) {
	path := filled(t, 700)
	url := pgtest.Empty(t)
	told := map[string]int64{}
	o := Options{Progress: func(table string, rows, of int64) {
		if rows > of || rows <= told[table] {
			t.Errorf("%s: %d of %d rows after %d", table, rows, of, told[table])
		}
		told[table] = rows
	}}
	there, err := Copy(t.Context(), fromFile(t, path), must(postgres.CopyTo(t.Context(), url))(t), o)
	check(t, err)
	if there.Grants != 700 || there.Entries < 4 || there.Rows() < 2*700 {
		t.Errorf("copied %d grants, %d entries, %d rows", there.Grants, there.Entries, there.Rows())
	}
	for _, table := range there.Tables {
		if table.Rows == 0 || told[table.Name] != table.Rows {
			t.Errorf("%s: %d rows, %d told; the test wants some in every table", table.Name, table.Rows, told[table.Name])
		}
	}

	back := filepath.Join(t.TempDir(), "back.db")
	again, err := Copy(t.Context(), must(postgres.CopyFrom(t.Context(), url))(t), toFile(t, back), Options{})
	check(t, err)
	if diff := cmp.Diff(there, again); diff != "" {
		t.Errorf("the way back differs (-there +back):\n%s", diff)
	}
	if diff := cmp.Diff(dump(t, path), dump(t, back)); diff != "" {
		t.Errorf("the files differ (-original +back):\n%s", diff)
	}
	if left, err := filepath.Glob(back + ".*"); err != nil || !cmp.Equal(left, []string{back + ".lock"}) {
		t.Errorf("beside the copy: %v, %v", left, err)
	}

	p := must(postgres.Open(t.Context(), url, postgres.Options{}))(t)
	goesOn(t, p.Store)
	goesOn(t, must(sqlite.Open(t.Context(), back, sqlite.Options{}))(t))
}

// goesOn writes to a copied store, and checks and closes it.
func goesOn(t *testing.T, s *sqlstore.Store) {
	t.Helper()
	found, err := s.CheckGrants(t.Context())
	if err != nil || len(found) > 0 {
		t.Errorf("grants that disagree: %v, %v", found, err)
	}
	gone := audit.Entry{At: start, Action: audit.GrantTokens, Details: map[string]string{"g_gone": "1 none"}, Outcome: audit.Done}
	check(t, s.Append(t.Context(), gone))
	check(t, s.EndPutBack(t.Context(), start, must(s.CheckGrants(t.Context()))(t)...)) // writes a notice
	ids, _, err := s.PendingNotices(t.Context(), 10)
	if err != nil || len(ids) != 2 || ids[1] != 42 {
		t.Errorf("notices %v, %v; want 41 and the one after it", ids, err)
	}
	size, root, err := s.AuditHead(t.Context())
	check(t, err)
	if got, err := s.RootAt(t.Context(), size); err != nil || got != root {
		t.Errorf("root %v, %v; want %v", got, err, root)
	}
	check(t, s.Close())
}

// dump gives every row of a SQLite file as text, by table.
func dump(t *testing.T, path string) map[string][]string {
	t.Helper()
	s := fromFile(t, path)
	defer s.Undo()
	out := map[string][]string{}
	for _, table := range tables {
		columns, _, err := table.columns(t.Context(), s)
		check(t, err)
		table.where = strings.Join(columns, " IS NOT NULL OR ") + " IS NOT NULL ORDER BY " + strings.Join(columns, ", ")
		if table.name == "meta" {
			table.where = "name NOT IN ('application', 'schema_compat') ORDER BY name"
		}
		check(t, table.each(t.Context(), s, columns, func(v []any) error {
			out[table.name] = append(out[table.name], fmt.Sprintf("%q", v))
			return nil
		}))
	}
	return out
}

// TestCopyKeepsOlderProgramsAway: a file serves programs of its own schema only. A
// server's database that it is copied to does not let in older ones, which misread
// third-party platforms; nor does a copy of that.
func TestCopyKeepsOlderProgramsAway(t *testing.T) {
	first, second := pgtest.Empty(t), pgtest.Empty(t)
	_, err := Copy(t.Context(), fromFile(t, filled(t, 10)), must(postgres.CopyTo(t.Context(), first))(t), Options{})
	check(t, err)
	_, err = Copy(t.Context(), must(postgres.CopyFrom(t.Context(), first))(t), must(postgres.CopyTo(t.Context(), second))(t), Options{})
	check(t, err)
	for _, url := range []secret.Value{first, second} {
		s := must(postgres.CopyFrom(t.Context(), url))(t)
		want := must(s.SchemaVersion(t.Context()))(t)
		var got int64
		err := s.Tx.QueryRowContext(t.Context(), "SELECT number FROM meta WHERE name = 'schema_compat'").Scan(&got)
		check(t, errors.Join(err, s.Undo()))
		if got != want {
			t.Errorf("the copy serves programs that know schema %d, want %d", got, want)
		}
	}
}

// TestEveryTableIsKnown: a new table is copied, or there is a reason.
func TestEveryTableIsKnown(t *testing.T) {
	described, err := os.ReadFile(filepath.Join("..", "sqlstore", "schema.sql"))
	check(t, err)
	known := map[string]bool{}
	for _, t := range tables {
		known[t.name] = true
	}
	found := regexp.MustCompile(`(?m)^CREATE TABLE (\w+)`).FindAllStringSubmatch(string(described), -1)
	if len(found) < 20 {
		t.Fatalf("only %d tables found in schema.sql", len(found))
	}
	for _, m := range found {
		if !known[m[1]] {
			t.Errorf("table %s is not copied", m[1])
		}
		delete(known, m[1])
	}
	if len(known) > 0 {
		t.Errorf("copied, and not in schema.sql: %v", known)
	}
}

// TestCopyIsRefused: whatever is wrong is named before or after the copy, and
// neither side is changed by it.
func TestCopyIsRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage []string
		want   error
	}{
		{"a row changed by hand", []string{"UPDATE grants SET generation = 7 WHERE id = (SELECT max(id) FROM grants)"}, errUnsound},
		{"an entry changed", []string{"UPDATE audit_entries SET data = x'7b7d' WHERE seq = 1"}, errUnsound},
		{"an entry cut off", []string{"DELETE FROM audit_entries WHERE seq = (SELECT max(seq) FROM audit_entries)"}, errUnsound},
		{"an older schema", []string{"DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)"}, sqlstore.ErrSchema},
		{"another column", []string{"ALTER TABLE shops ADD COLUMN more INTEGER"}, sqlstore.ErrSchema},
		{"nothing in it", []string{"DELETE FROM audit_head", "DELETE FROM audit_entries", "DELETE FROM audit_hashes", "DELETE FROM grants"}, errNothing},
		{"text that PostgreSQL cannot keep", []string{"UPDATE tenants SET name = 'a' || char(0) || 'b'"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			path, url := filled(t, 10), pgtest.Database(t)
			edit(t, path, c.damage...)
			before := must(os.ReadFile(path))(t)
			_, err := Copy(t.Context(), fromFile(t, path), must(postgres.CopyTo(t.Context(), url))(t), Options{})
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			to := must(postgres.CopyTo(t.Context(), url))(t) // the target is free again
			if err := empty(t.Context(), to); err != nil {
				t.Errorf("after the refusal: %v", err)
			}
			check(t, to.Undo())
			if string(before) != string(must(os.ReadFile(path))(t)) {
				t.Error("the source was changed")
			}
		})
	}
}

// TestBrokenOffCopyLeavesNoFile: the name of the target is free again.
func TestBrokenOffCopyLeavesNoFile(t *testing.T) {
	path, target := filled(t, 10), filepath.Join(t.TempDir(), "new", "zhanggui.db")
	ctx, cancel := context.WithCancel(t.Context())
	o := Options{Progress: func(table string, _, _ int64) {
		if table == "grants" {
			cancel()
		}
	}}
	to := toFile(t, target)
	check(t, os.WriteFile(target+".copying-journal", nil, 0o600))
	if _, err := Copy(ctx, fromFile(t, path), to, o); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	files := must(filepath.Glob(target + "*"))(t)
	if !cmp.Equal(files, []string{target + ".lock"}) {
		t.Errorf("left behind: %v", files)
	}
	// Neither is one that was killed in the way.
	check(t, os.WriteFile(target+".copying", []byte("half a database"), 0o600))
	_, err := Copy(t.Context(), fromFile(t, path), toFile(t, target), Options{})
	check(t, err)
	if _, err := os.Stat(target + ".copying"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a killed copy left is still there: %v", err)
	}
}

// TestPlacesThatAreTaken: what is in the target's place stays.
func TestPlacesThatAreTaken(t *testing.T) {
	path, url := filled(t, 10), pgtest.Database(t)
	if _, err := sqlite.CopyTo(t.Context(), path); !errors.Is(err, sqlstore.ErrNotEmpty) {
		t.Errorf("a file: %v", err)
	}
	dir := t.TempDir()
	if _, err := sqlite.CopyTo(t.Context(), dir); !errors.Is(err, sqlstore.ErrNotEmpty) {
		t.Errorf("a directory: %v", err)
	}
	copyOnce := func() error {
		_, err := Copy(t.Context(), fromFile(t, path), must(postgres.CopyTo(t.Context(), url))(t), Options{})
		return err
	}
	check(t, copyOnce())
	if err := copyOnce(); !errors.Is(err, sqlstore.ErrNotEmpty) {
		t.Errorf("a second copy: %v", err)
	}
	foreign := pgtest.Empty(t)
	check(t, pgtest.Exec(t.Context(), foreign, "CREATE TABLE notes (body text)"))
	if _, err := postgres.CopyTo(t.Context(), foreign); err == nil || !strings.Contains(err.Error(), "another program") {
		t.Errorf("another program's database: %v", err)
	}
}

// TestServersAreNoticed: nothing is copied while a server works on either side.
func TestServersAreNoticed(t *testing.T) {
	path := filled(t, 10)
	running := must(sqlite.Open(t.Context(), path, sqlite.Options{}))(t)
	if _, err := sqlite.CopyFrom(t.Context(), path); !errors.Is(err, sqlstore.ErrInUse) || !errors.Is(err, sqlite.ErrLocked) {
		t.Errorf("a SQLite file in use: %v", err)
	}
	check(t, running.Close())

	url := pgtest.Database(t)
	server := must(postgres.Open(t.Context(), url, postgres.Options{}))(t)
	for name, open := range map[string]func(context.Context, secret.Value) (*sqlstore.Side, error){"from": postgres.CopyFrom, "to": postgres.CopyTo} {
		if _, err := open(t.Context(), url); !errors.Is(err, sqlstore.ErrInUse) {
			t.Errorf("copy %s a database that a server works on: %v", name, err)
		}
	}
	check(t, server.Declare(t.Context(), storetest.ManyShops(0, 1, start), entry()))
	leased := must(server.ClaimDue(t.Context(), grant.ClaimRequest{Owner: "test", Now: time.Now(), For: time.Hour, Limit: 1}))(t)
	check(t, server.Close())
	if len(leased) != 1 {
		t.Fatalf("leased %d grants", len(leased))
	}
	// The server's connections are seen for a moment after they were closed.
	var err error
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		_, err = postgres.CopyFrom(t.Context(), url)
		if !errors.Is(err, sqlstore.ErrInUse) || strings.Contains(err.Error(), "leased") {
			break
		}
	}
	if !errors.Is(err, sqlstore.ErrInUse) || !strings.Contains(err.Error(), "leased") {
		t.Errorf("a database with a grant that is leased: %v", err)
	}
}

// TestLostLockStopsTheCopy: when servers could have written meanwhile, the target
// stays empty.
func TestLostLockStopsTheCopy(t *testing.T) {
	path, url := filled(t, 10), pgtest.Database(t)
	from := fromFile(t, path)
	from.Held = func(context.Context) error { return sqlstore.ErrInUse }
	if _, err := Copy(t.Context(), from, must(postgres.CopyTo(t.Context(), url))(t), Options{}); !errors.Is(err, sqlstore.ErrInUse) {
		t.Errorf("got %v", err)
	}
	to := must(postgres.CopyTo(t.Context(), url))(t)
	check(t, empty(t.Context(), to))
	check(t, to.Undo())
}
