package chaos

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/keeper"
)

// TestSpooled: what a replica's log says of tokens on its own disk is found, whole
// lines only.
func TestSpooled(t *testing.T) {
	x := &replica{spec: spec{Index: 2, Data: filepath.Join(t.TempDir(), "replica")}}
	f, err := os.Create(x.logFile())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	log := slog.New(slog.NewJSONHandler(f, nil))
	log.Info("something else", "grant", "g_0")
	begin := time.Now()
	log.Warn(keeper.SpooledMessage, "grant", "g_1", "generation", 7)
	fmt.Fprintf(f, `{"time":"2026-03-01T09:00:00Z","msg":%q,"grant":"g_2"`, keeper.SpooledMessage)
	all, err := x.spooled(nil)
	if err != nil || len(all) != 1 {
		t.Fatalf("%+v, %v, want one", all, err)
	}
	if s := all[0]; s.Grant != "g_1" || s.Generation != 7 || s.Replica != 2 || s.At.Before(begin.Truncate(0)) || s.At.After(time.Now()) {
		t.Errorf("%+v", s)
	}
}
