package sqlite

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func header(size uint16) []byte {
	return binary.BigEndian.AppendUint16([]byte("SQLite format 3\x00"), size)
}

func TestPageSize(t *testing.T) {
	for _, c := range []struct {
		name    string
		content []byte
		want    int64
	}{
		{"usual", header(4096), 4096},
		{"largest", header(1), 65536},
		{"another format", []byte("SQLite format 4\x00\x10\x00"), 0},
		{"too short", header(4096)[:17], 0},
	} {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, c.content, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := pageSize(path); err != nil || got != c.want {
			t.Errorf("%s: %d, %v; want %d", c.name, got, err, c.want)
		}
	}
}

// Whatever a file holds, looking at it gives an answer and never a new database.
func FuzzCheckFile(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte("hello"))
	f.Add(header(0))
	f.Add(append(header(512), make([]byte, 512-18)...))
	f.Add(append(header(512), make([]byte, 512)...))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		switch err := checkFile(path); {
		case len(content) == 0 && !errors.Is(err, errEmpty):
			t.Errorf("an empty file: %v", err)
		case len(content) > 0 && err != nil && !errors.Is(err, errShort):
			t.Errorf("%d bytes: %v", len(content), err)
		}
	})
}
