package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/durable"
)

func TestCreate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	if err := durable.Create(path, []byte("first"), 0o640); err != nil {
		t.Fatal(err)
	}
	err := durable.Create(path, []byte("second-SECRET"), 0o600)
	if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("the second got %v, want that %s is there", err, path)
	}
	b, err := os.ReadFile(path)
	if err != nil || string(b) != "first" {
		t.Errorf("it holds %q (%v), want what was there", b, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("its mode is %v (%v), want 0640", info.Mode(), err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("beside it stands %v (%v), want nothing", left, err)
	}
}

func TestNoDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	for name, err := range map[string]error{
		"create": durable.Create(filepath.Join(dir, "key"), nil, 0o600),
		"sync":   durable.SyncDir(dir),
	} {
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v, want that %s is not there", name, err, dir)
		}
	}
}
