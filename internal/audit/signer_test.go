package audit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

func TestOpenSignerMakesAndKeepsAKey(t *testing.T) {
	dir := t.TempDir()
	first, err := OpenSigner(dir, "zhanggui-audit")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, KeyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("key file: %v, %v", info, err)
	}
	second, err := OpenSigner(dir, "another name is ignored now")
	if err != nil {
		t.Fatal(err)
	}
	v, err := ReadVerifier(filepath.Join(dir, PubFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Signer{first, second} {
		c, err := s.SignHead(7, tlog.Hash{1}, epoch)
		if err != nil {
			t.Fatal(err)
		}
		got, err := OpenCheckpoint(c.SignedNote, v)
		if err != nil {
			t.Fatal(err)
		}
		if got.Size != 7 || got.Root != (tlog.Hash{1}) || !got.At.Equal(epoch) {
			t.Errorf("signed head says %+v", got)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("files left in the directory: %v, %v", entries, err)
	}
}

func TestOpenSignerMakesThePublicKeyAgain(t *testing.T) {
	dir := t.TempDir()
	pub := filepath.Join(dir, PubFile)
	mustOpen(t, dir)
	before := mustRead(t, pub)
	if err := os.Remove(pub); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, dir)
	if after := mustRead(t, pub); after != before {
		t.Errorf("public key %q became %q", before, after)
	}
}

func TestOpenSignerRefuses(t *testing.T) {
	tests := []struct {
		name   string
		damage func(dir string) error
		want   string // in the error
	}{
		{"key others may read", func(dir string) error { return os.Chmod(filepath.Join(dir, KeyFile), 0o640) }, "chmod 600"},
		{"key gone, public key left", func(dir string) error { return os.Remove(filepath.Join(dir, KeyFile)) }, "backup"},
		{"key and public key gone, heads left", func(dir string) error {
			if err := os.WriteFile(filepath.Join(dir, HeadsFile), []byte("x"), 0o600); err != nil {
				return err
			}
			if err := os.Remove(filepath.Join(dir, PubFile)); err != nil {
				return err
			}
			return os.Remove(filepath.Join(dir, KeyFile))
		}, HeadsFile},
		{"no key in the file", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, KeyFile), []byte("PRIVATE+KEY+s3cr3t"), 0o600)
		}, "signing key"},
		{"public key of another", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, PubFile), []byte("other"), 0o600)
		}, "not the public key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			mustOpen(t, dir)
			if err := tt.damage(dir); err != nil {
				t.Fatal(err)
			}
			_, err := OpenSigner(dir, "zhanggui-audit")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error = %v, want one with %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("the error prints the key: %v", err)
			}
		})
	}
}

func TestOpenSignerBadName(t *testing.T) {
	if _, err := OpenSigner(t.TempDir(), "two words"); err == nil {
		t.Error("a name with a space was accepted")
	}
	if _, err := OpenSigner(filepath.Join(t.TempDir(), "absent"), "zhanggui-audit"); err == nil {
		t.Error("a directory that is not there was accepted")
	}
}

func TestReadVerifierErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), PubFile)
	if _, err := ReadVerifier(path); err == nil {
		t.Error("no file, no error")
	}
	if err := os.WriteFile(path, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadVerifier(path); err == nil {
		t.Error("nonsense was taken for a key")
	}
}

func mustOpen(t *testing.T, dir string) {
	t.Helper()
	if _, err := OpenSigner(dir, "zhanggui-audit"); err != nil {
		t.Fatal(err)
	}
}

func mustRead(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
