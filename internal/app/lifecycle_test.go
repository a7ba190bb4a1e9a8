package app_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/vault"
)

func readAll(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRunClosesEverything(t *testing.T) {
	r := newStoppedRig(t)
	before := runtime.NumGoroutine()
	r.start(nil)
	r.declare()
	if status, body := r.call(); status != http.StatusOK {
		t.Fatalf("call: status %d: %s", status, body)
	}
	root, ops := strings.TrimPrefix(r.root, "http://"), strings.TrimPrefix(r.ops, "http://")
	if err := r.shutdown(); err != nil {
		t.Fatalf("Run: %v", err)
	}
	for _, address := range []string{root, ops} {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			t.Errorf("%s still listens", address)
		}
	}
	if _, err := os.Stat(filepath.Join(r.dir, app.SocketFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the admin socket is still there: %v", err)
	}
	await(t, "the end of all goroutines", func() bool {
		runtime.GC()
		return runtime.NumGoroutine() <= before
	})
}

func TestSecondStartGoesOn(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	before := r.grant("self")
	if err := r.shutdown(); err != nil {
		t.Fatal(err)
	}
	last := r.lastSeq()
	r.start(nil)
	if status, body := r.call(); status != http.StatusOK {
		t.Errorf("call after the restart: status %d: %s", status, body)
	}
	if after := r.grant("self"); after.Generation != before.Generation || len(r.sim.LedgerSince(last, "/cgi-bin/stable_token")) != 0 {
		t.Errorf("generation %d became %d: the token that was kept was not used", before.Generation, after.Generation)
	}
}

func TestAdminSocketIsForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	r := newStoppedRig(t)
	// What a killed process leaves, and a directory that is too open.
	if err := os.Mkdir(r.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(r.dir, app.SocketFile)})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()
	r.start(nil)
	r.ask("GET", "/v1/server", nil, nil)
	for name, want := range map[string]fs.FileMode{".": 0o700, app.SocketFile: 0o600, app.DatabaseFile: 0o600, app.MasterKeyFile: 0o600} {
		info, err := os.Stat(filepath.Join(r.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", name, got, want)
		}
	}
}

func TestStartIsRefusedWithWords(t *testing.T) {
	good := newRig(t, nil)
	if err := good.shutdown(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, r *rig)
		flags map[string]string
		want  []string
	}{
		{name: "master key that others may read", spoil: func(t *testing.T, r *rig) {
			chmod(t, filepath.Join(r.dir, app.MasterKeyFile), 0o644)
		}, want: []string{"0644", "chmod 600"}},
		{name: "another master key", spoil: func(t *testing.T, r *rig) {
			write(t, filepath.Join(r.dir, app.MasterKeyFile), key('A'))
		}, want: []string{"master key"}},
		{name: "no master key", spoil: func(t *testing.T, r *rig) {
			if err := os.Remove(filepath.Join(r.dir, app.MasterKeyFile)); err != nil {
				t.Fatal(err)
			}
		}, want: []string{"restore the master key"}},
		{name: "environment without the key", flags: map[string]string{"master_key.env": "ZG_TEST_NO_SUCH_KEY"},
			want: []string{"ZG_TEST_NO_SUCH_KEY"}},
		{name: "audit key that others may read", spoil: func(t *testing.T, r *rig) {
			chmod(t, filepath.Join(r.dir, audit.KeyFile), 0o644)
		}, want: []string{"chmod 600"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newStoppedRig(t)
			r.copyFiles(good)
			if tt.spoil != nil {
				tt.spoil(t, r)
			}
			err := r.tryStart(tt.flags)
			if err == nil {
				t.Fatal("it started")
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error %q lacks %q", err, w)
				}
			}
			if strings.Contains(err.Error(), key('A')) {
				t.Error("the error shows the key")
			}
		})
	}
}

// TestMasterKeyComesFromElsewhere: from the environment, then the same from a
// command, and with another one whoever has several is told which is wanted.
func TestMasterKeyComesFromElsewhere(t *testing.T) {
	keyA, keyB := key('A'), key('B')
	t.Setenv("ZG_TEST_KEY_A", keyA)
	t.Setenv("ZG_TEST_KEY_B", keyB)
	r := newRig(t, map[string]string{"master_key.env": "ZG_TEST_KEY_A"})
	r.declare()
	if err := r.shutdown(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(r.dir, app.MasterKeyFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a master key file was made all the same: %v", err)
	}
	r.start(map[string]string{"master_key.command": "printenv,ZG_TEST_KEY_A"})
	if status, body := r.call(); status != http.StatusOK {
		t.Errorf("call with the key of a command: status %d: %s", status, body)
	}
	if err := r.shutdown(); err != nil {
		t.Fatal(err)
	}
	err := r.tryStart(map[string]string{"master_key.env": "ZG_TEST_KEY_B"})
	if err == nil {
		t.Fatal("it started with another master key")
	}
	for _, variable := range []string{"ZG_TEST_KEY_A", "ZG_TEST_KEY_B"} {
		kek, kerr := vault.EnvKEK(variable)
		if kerr != nil {
			t.Fatal(kerr)
		}
		if !strings.Contains(err.Error(), kek.ID()) {
			t.Errorf("error %q does not name key %s of %s", err, kek.ID(), variable)
		}
	}
	if strings.Contains(err.Error(), keyA) || strings.Contains(err.Error(), keyB) {
		t.Error("the error shows a key")
	}
}

// key is a master key that is easy to tell from others.
func key(fill byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 32))
}

func TestTwoAppsOnOneDirectory(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	other := newStoppedRig(t)
	other.dir = r.dir
	err := other.tryStart(nil)
	if err == nil || !strings.Contains(err.Error(), "in use") {
		t.Fatalf("a second App on the directory: %v, want a refusal that says that it is in use", err)
	}
	if status, _ := r.say("GET", "/v1/server", nil); status != http.StatusOK {
		t.Errorf("the first App answers %d after the second was refused", status)
	}
}

func chmod(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
