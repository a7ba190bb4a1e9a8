package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/store/storetest"
)

func TestConformance(t *testing.T) {
	template := migrated(t)
	storetest.Run(t, func(t *testing.T, _ int) []*sqlstore.Store {
		path := filepath.Join(t.TempDir(), "zhanggui.db")
		if err := os.WriteFile(path, template, 0o600); err != nil {
			t.Fatal(err)
		}
		return []*sqlstore.Store{open(t, path)}
	})
}

// migrated gives the bytes of a new store: migrating one for each test takes as long
// as the tests do.
func migrated(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "template.db")
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// open opens a store that closes when the test ends.
func open(t testing.TB, path string) *sqlstore.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
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
