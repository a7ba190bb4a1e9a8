package app

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/zhanggui/zhanggui/internal/audit"
)

// TestHeadInFile: a head that our key signed is found in the file; another is none.
func TestHeadInFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, audit.HeadsFile)
	ours, err := audit.OpenSigner(dir, "zhanggui-audit")
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := audit.OpenSigner(t.TempDir(), "zhanggui-audit")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok, err := headInFile(path, ours.Verifier(), 1); ok || err != nil {
		t.Errorf("without a file: %v, %v", ok, err)
	}
	var file []byte
	for size, s := range []*audit.Signer{1: ours, 2: theirs, 3: ours} {
		if s == nil {
			continue
		}
		c, err := s.SignHead(int64(size), tlog.Hash{byte(size)}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		file = append(append(file, c.SignedNote...), '\n')
	}
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	for size, want := range map[int64]bool{0: false, 1: true, 2: false, 3: true, 4: false} {
		if c, ok, err := headInFile(path, ours.Verifier(), size); ok != want || err != nil || ok && c.Size != size {
			t.Errorf("the head of %d entries: %+v, %v, %v", size, c, ok, err)
		}
	}
	if _, _, err := headInFile(filepath.Join(path, "below"), ours.Verifier(), 1); err == nil {
		t.Error("a file that cannot be opened is no error")
	}
}
