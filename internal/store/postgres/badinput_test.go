package postgres_test

import (
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/pgtest"
	"github.com/zhanggui/zhanggui/internal/store/postgres"
	"github.com/zhanggui/zhanggui/internal/store/storetest"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// used gives a database with a few shops, whose store is closed.
func used(t *testing.T) secret.Value {
	t.Helper()
	url := pgtest.Database(t)
	s, err := postgres.Open(t.Context(), url, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Declare(t.Context(), storetest.ManyShops(0, 5, entry("x").At), entry("declare")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return url
}

func damaged(t *testing.T, statements ...string) secret.Value {
	t.Helper()
	url := used(t)
	if err := pgtest.Exec(t.Context(), url, statements...); err != nil {
		t.Fatal(err)
	}
	return url
}

// TestBadInputAtOpening: a database with which nothing good can be done is named
// at once, with what to do.
func TestBadInputAtOpening(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage []string
		want   []string
	}{
		{"of a newer version", []string{"INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)", "UPDATE meta SET number = 9999 WHERE name = 'schema_compat'"},
			[]string{"newer version", "start the newer version", "restore the backup"}},
		{"of another program", []string{"UPDATE meta SET number = 7 WHERE name = 'application'"}, []string{"another program", "CREATE DATABASE"}},
		{"with another head row", []string{"UPDATE audit_head SET size = size - 1"}, []string{"head row", "audit verify", "backup"}},
		{"without a head row", []string{"DELETE FROM audit_head"}, []string{"head row", "audit verify", "backup"}},
		{"with the log's end cut off", []string{"DELETE FROM audit_entries WHERE seq = 1"}, []string{"head row", "audit verify", "backup"}},
		{"with a table that is gone", []string{"DROP TABLE audit_hashes"}, []string{"a table is missing", "restore a backup"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := damaged(t, c.damage...)
			s, err := postgres.Open(t.Context(), url, postgres.Options{})
			if err == nil {
				t.Fatal("it opened", s.Close())
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
			}
		})
	}
}

// TestBadInputWhileOpen: a write that cannot be done names why, and leaves
// nothing.
func TestBadInputWhileOpen(t *testing.T) {
	fail := func(code string) []string {
		return []string{
			"CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '" + code + "'; END $$",
			"CREATE TRIGGER fail BEFORE INSERT ON audit_entries FOR EACH ROW EXECUTE FUNCTION fail()",
		}
	}
	for _, c := range []struct {
		name   string
		damage []string
		want   []string
	}{
		{"full disk", fail("53100"), []string{"disk is full and nothing was written", "free some space"}},
		{"failing disk", fail("58030"), []string{"disk failed"}},
		{"out of memory", fail("53200"), []string{"out of memory"}},
		{"damaged table", fail("XX001"), []string{"damaged", "restore a backup"}},
		{"no rights", fail("42501"), []string{"lacks rights", "GRANT"}},
		{"read-only server", fail("25006"), []string{"standby", "name the primary"}},
		{"another head row", []string{"UPDATE audit_head SET size = size + 1"}, []string{"head row", "audit verify"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := used(t)
			s := openAt(t, url)
			if err := pgtest.Exec(t.Context(), url, c.damage...); err != nil {
				t.Fatal(err)
			}
			err := s.Declare(t.Context(), storetest.ManyShops(1, 6, entry("x").At), entry("declare"))
			if err == nil {
				t.Fatal("it was written")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
			}
			if shops, err := s.Shops(t.Context()); err != nil || len(shops) != 5 {
				t.Errorf("%d shops after the refusal, %v; want the 5 from before", len(shops), err)
			}
		})
	}
}

// TestBadInputRowPutBack: a row that somebody put back is found and ended.
func TestBadInputRowPutBack(t *testing.T) {
	url := used(t)
	s := openAt(t, url)
	all, err := s.Grants(t.Context(), grant.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	id, at := all[0].ID, entry("x").At
	if err := pgtest.Exec(t.Context(), url, "CREATE TABLE kept AS SELECT * FROM grants"); err != nil {
		t.Fatal(err)
	}
	if err := s.Revoke(t.Context(), grant.Effects{At: at, Revoke: []grant.Revocation{{GrantID: id}}}); err != nil {
		t.Fatal(err)
	}
	if err := pgtest.Exec(t.Context(), url, "DELETE FROM grants", "INSERT INTO grants SELECT * FROM kept", "DROP TABLE kept"); err != nil {
		t.Fatal(err)
	}
	found, err := s.CheckGrants(t.Context())
	if err != nil || len(found) != 1 || found[0].Grant() != id {
		t.Fatalf("found %v, %v; want %s", found, err, id)
	}
	if err := s.EndPutBack(t.Context(), at, found...); err != nil {
		t.Fatal(err)
	}
	if g, err := s.Grant(t.Context(), id); err != nil || g.State != grant.Revoked {
		t.Errorf("grant %+v, %v", g, err)
	}
	if found, err = s.CheckGrants(t.Context()); err != nil || len(found) != 0 {
		t.Errorf("still disagree: %v, %v", found, err)
	}
}
