// Package sqlitetest gives tests database files that are migrated already. Every
// migration is one transaction that waits for the disk; a test that is not about them
// begins with a copy of what they make.
package sqlitetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/zhanggui/zhanggui/internal/store/sqlite"
)

// template is an empty database of the newest schema, made once in a process.
var template = sync.OnceValues(func() (_ []byte, err error) {
	dir, err := os.MkdirTemp("", "zgt")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "template.db")
	// No test's context: what it makes is for all of them.
	s, err := sqlite.Open(context.Background(), path, sqlite.Options{})
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// Lay writes an empty database of the newest schema to path, where no file may be, and
// makes its directory. It is what sqlite.Open makes, and nobody has it open.
func Lay(t testing.TB, path string) {
	t.Helper()
	if err := lay(path); err != nil {
		t.Fatalf("lay a database: %v", err)
	}
}

func lay(path string) error {
	b, err := template()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Close())
}

// Path is a file with an empty database of the newest schema, in a directory of the
// test's own.
func Path(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "zhanggui.db")
	Lay(t, path)
	return path
}
