package sqlite

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/pressly/goose/v3"

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
