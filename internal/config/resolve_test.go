package config

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestASecretIsInARegularFile: opening a pipe would wait for ever.
func TestASecretIsInARegularFile(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pipe", "."} {
		m, err := ParseManifest("m.yaml", []byte("tenants: [{id: a, name: A}]\nshops: [{id: a, tenant: a, appid: wx00000000000000c1, secret: 'file:"+name+"'}]\n"), Rules{})
		if err != nil {
			t.Fatal(err)
		}
		err = m.Resolve(dir, func(string) (string, bool) { return "", false })
		if err == nil || !strings.Contains(err.Error(), "not a readable file") {
			t.Errorf("secret from %q: %v", name, err)
		}
	}
}
