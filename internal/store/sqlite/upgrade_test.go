package sqlite

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

// TestUpgradeFillsShops: a shop of the schema before platforms learns its id at
// WeChat from its app, and its grant goes on.
func TestUpgradeFillsShops(t *testing.T) {
	older := fstest.MapFS{}
	for _, name := range []string{"00001_start.sql", "00002_keeper.sql", "00003_outbox.sql"} {
		text, err := fs.ReadFile(migrations, "migrations/"+name)
		if err != nil {
			t.Fatal(err)
		}
		older["migrations/"+name] = &fstest.MapFile{Data: text}
	}
	path := filepath.Join(t.TempDir(), "zhanggui.db")
	db := opened(t, path)
	if _, err := db.ExecContext(t.Context(), fmt.Sprintf("PRAGMA application_id = %d", applicationID)); err != nil {
		t.Fatal(err)
	}
	if err := sqlstore.Migrate(t.Context(), goose.DialectSQLite3, db, older, nil); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"INSERT INTO apps VALUES ('shop-tea', 'shop', 'wx00000000000000b1', '', x'01', 1, '', '', '', '', '', '[]')",
		"INSERT INTO tenants VALUES ('lantian', '')",
		"INSERT INTO shops VALUES ('tea', 'lantian', 'shop-tea', '茶', 0)",
		`INSERT INTO grants VALUES ('g_tea', 'self', 'shop-tea', 'tea', '', '', '', 'active', '', 0,
			0, NULL, 0, NULL, 0, 0, '', 1, 0, '', 0, 0, 0, 1, 1, 0, 0, 0, 0)`,
	} {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if shop, err := s.ShopByAppID(t.Context(), "wx00000000000000b1"); err != nil || shop.ID != "tea" {
		t.Errorf("shop %+v, %v", shop, err)
	}
	if g, err := s.ShopGrant(t.Context(), "tea"); err != nil || g.ID != "g_tea" || g.State != grant.Active {
		t.Errorf("grant %+v, %v", g, err)
	}
	if a, err := s.App(t.Context(), "shop-tea"); err != nil || a.Services != nil || a.Push.Keys != nil {
		t.Errorf("app %+v, %v", a, err)
	}
}

// TestOlderReplicasShops: a shop that a replica of the version before platforms
// declares after the migration gets its id at WeChat when a platform is declared, and
// at the next start.
func TestOlderReplicasShops(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zhanggui.db")
	open := func() *sqlstore.Store {
		t.Helper()
		s, err := Open(t.Context(), path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	declareAsBefore := func(id, appID string) {
		t.Helper()
		db := opened(t, path)
		defer db.Close()
		for _, text := range []string{
			"INSERT INTO tenants (id, name) VALUES ('" + id + "', '')",
			`INSERT INTO apps (id, kind, app_id, name, secret, secret_version, callback_host, verify_name, verify_body, scope, egress, api_hosts)
				VALUES ('shop-` + id + `', 'shop', '` + appID + `', '', x'01', 1, '', '', '', '', '', '[]')`,
			"INSERT INTO shops (id, tenant_id, app, name, revoke_on_withdraw) VALUES ('" + id + "', '" + id + "', 'shop-" + id + "', '', 0)",
		} {
			if _, err := db.ExecContext(t.Context(), text); err != nil {
				t.Fatal(err)
			}
		}
	}
	known := func(id, appID string) {
		t.Helper()
		if shop, err := s.ShopByAppID(t.Context(), appID); err != nil || shop.ID != id {
			t.Errorf("shop %+v, %v", shop, err)
		}
	}
	declareAsBefore("tea", "wx00000000000000b1")
	platform := access.App{ID: "isv", Kind: access.Component, AppID: "wx00000000000000d1", Secret: []byte("sealed"), SecretVersion: 1}
	if err := s.Declare(t.Context(), access.Declaration{At: time.UnixMilli(1), Apps: []access.App{platform}}); err != nil {
		t.Fatal(err)
	}
	known("tea", "wx00000000000000b1")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	declareAsBefore("rice", "wx00000000000000b2")
	s = open()
	defer s.Close()
	known("rice", "wx00000000000000b2")
}
