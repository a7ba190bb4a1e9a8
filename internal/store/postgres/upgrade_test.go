package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/store/pgtest"
	"github.com/zhanggui/zhanggui/internal/store/postgres"
)

// TestRollingUpgrade: a program opens what a newer one migrated, if that one says
// that it may, and leaves it as it is.
func TestRollingUpgrade(t *testing.T) {
	own := query[[1]string](t, pgtest.Database(t), "SELECT max(version_id)::text FROM goose_db_version")[0][0]
	for _, c := range []struct {
		name   string
		compat string // SQL of the oldest schema that may still run; empty: nothing is said
		want   string
	}{
		{"the newer one serves this one too", own, ""},
		{"and much older ones", "1", ""},
		{"it does not", own + " + 1", "start the newer version"},
		{"it does not say", "", "start the newer version"},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := pgtest.Database(t)
			exec(t, u, "INSERT INTO goose_db_version (version_id, is_applied) VALUES ("+own+" + 1, true)",
				"ALTER TABLE grants ADD COLUMN newer BIGINT NOT NULL DEFAULT 7", "DELETE FROM meta WHERE name = 'schema_compat'")
			if c.compat != "" {
				exec(t, u, "INSERT INTO meta (name, number) VALUES ('schema_compat', "+c.compat+")")
			}
			if c.want != "" {
				refused(t, u, c.want)
				return
			}
			s := open(t, u)
			declare(t, s, 3, clockOf(t, s))
			claims, err := s.ClaimDue(t.Context(), skewed("old", 0, 60e9))
			if err != nil || len(claims) != 3 {
				t.Fatalf("the older program claims %d, %v", len(claims), err)
			}
			giveBack(t, s, claims)
			if got := query[[1]string](t, u, "SELECT sum(newer)::text FROM grants"); got[0][0] != "21" {
				t.Errorf("the newer program's column sums up to %v, want it untouched", got)
			}
		})
	}
}

// TestUpgradeFromTheFirstSchema: a program migrates what an older one left, while
// the older one runs on.
func TestUpgradeFromTheFirstSchema(t *testing.T) {
	u := pgtest.Empty(t)
	old, err := postgres.OpenVersion(t.Context(), u, 2)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, u, "INSERT INTO apps VALUES ('shop-tea', 'shop', 'wx00000000000000b1', '', NULL, 1, '', '', '', '', '', '[]')",
		"INSERT INTO tenants VALUES ('lantian', '')", "INSERT INTO shops VALUES ('tea', 'lantian', 'shop-tea', '茶', false)")
	s := open(t, u)
	if shop, err := s.ShopByAppID(t.Context(), "wx00000000000000b1"); err != nil || shop.ID != "tea" {
		t.Errorf("the shop that the older program made: %+v, %v", shop, err)
	}
	for i, who := range []*postgres.Store{old, s, old} {
		if err := who.Append(t.Context(), entry(fmt.Sprint(i))); err != nil {
			t.Errorf("write %d: %v", i, err)
		}
	}
	if err := old.Close(); err != nil {
		t.Error(err)
	}
	again, err := postgres.OpenVersion(t.Context(), u, 2)
	if err != nil {
		t.Fatalf("the older program does not come up again beside the newer one: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// TestMigrationThatFailsChangesNothing: the next start tries again.
func TestMigrationThatFailsChangesNothing(t *testing.T) {
	u := pgtest.Empty(t)
	old, err := postgres.OpenVersion(t.Context(), u, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	exec(t, u, "CREATE TABLE deliveries (in_the_way TEXT)")
	if _, err := postgres.Open(t.Context(), u, postgres.Options{}); err == nil || !strings.Contains(err.Error(), "migrate from schema 2") {
		t.Errorf("got error %v, want one about the migration", err)
	}
	exec(t, u, "DROP TABLE deliveries")
	open(t, u)
}

// TestOlderProgramsStayAwayFromPlatforms: from the first third-party platform on,
// a program that does not know them is refused.
func TestOlderProgramsStayAwayFromPlatforms(t *testing.T) {
	u := pgtest.Empty(t)
	s := open(t, u)
	app := access.App{ID: "isv", Kind: access.Component, AppID: "wx00000000000000d1", Secret: []byte("sealed"), SecretVersion: 1}
	if err := s.Declare(t.Context(), access.Declaration{At: time.Now(), Apps: []access.App{app}}); err != nil {
		t.Fatal(err)
	}
	if _, err := postgres.OpenVersion(t.Context(), u, 3); err == nil || !strings.Contains(err.Error(), "start the newer version") {
		t.Errorf("got error %v, want a refusal", err)
	}
	open(t, u)
}

// TestOlderProgramsStayAwayFromRights: a program that does not know rights would take
// a client that was granted one group for one that has all.
func TestOlderProgramsStayAwayFromRights(t *testing.T) {
	u := pgtest.Empty(t)
	s := open(t, u)
	declare := func(revision int64, c access.Client) {
		t.Helper()
		c.KeyHash, c.Mode = access.HashKey(c.ID), access.Read
		if err := s.Declare(t.Context(), access.Declaration{Revision: revision, At: time.Now(), Clients: []access.Client{c}}); err != nil {
			t.Fatal(err)
		}
	}
	declare(0, access.Client{ID: "erp"})
	older, err := postgres.OpenVersion(t.Context(), u, 5)
	if err != nil {
		t.Fatalf("an ordinary client keeps programs away: %v", err)
	}
	older.Close()
	declare(1, access.Client{ID: "board", Rights: access.Rights{Groups: []string{"order"}}})
	if _, err := postgres.OpenVersion(t.Context(), u, 5); err == nil || !strings.Contains(err.Error(), "start the newer version") {
		t.Errorf("got error %v, want a refusal", err)
	}
	open(t, u)
}
