package sqlite

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func header(size uint16) []byte {
	h := binary.BigEndian.AppendUint16([]byte("SQLite format 3\x00"), size)
	return append(h, make([]byte, headerSize-len(h))...)
}

func TestPageSize(t *testing.T) {
	for _, c := range []struct {
		name    string
		content []byte
		want    int64
	}{
		{"usual", header(4096), 4096},
		{"largest", header(1), 65536},
		{"another format", bytes.Replace(header(4096), []byte("3"), []byte("4"), 1), 0},
		{"too short", header(4096)[:99], 0},
	} {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, c.content, 0o600); err != nil {
			t.Fatal(err)
		}
		h, err := readHeader(path)
		if got := h.pageSize(); err != nil || got != c.want {
			t.Errorf("%s: %d, %v; want %d", c.name, got, err, c.want)
		}
	}
}

// Whatever a file holds, looking at it gives an answer and never a new database.
func FuzzCheckFile(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte("hello"))
	f.Add(header(0))
	f.Add(append(header(512), make([]byte, 512-headerSize)...))
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
