package sqlitetest_test

import (
	"bytes"
	"log/slog"
	"os"
	"testing"

	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/sqlitetest"
)

// TestPath: what is laid is ours, of the newest schema and of nobody else's business.
func TestPath(t *testing.T) {
	path := sqlitetest.Path(t)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the file is %v, %v; want it for its owner only", info, err)
	}
	var log bytes.Buffer
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if size, _, err := s.AuditHead(t.Context()); err != nil || size != 0 {
		t.Errorf("its audit log has %d entries, %v; want none", size, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if log.Len() > 0 {
		t.Errorf("opening it said %s; want no migration left to run", &log)
	}
}
