package vault

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var keyText = base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", masterKeySize)))

func TestFileKEKMakesAndKeepsAKey(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "master.key")
	first, err := FileKEK(path, true)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("file: %v, %v", info, err)
	}
	second, err := FileKEK(path, true)
	if err != nil {
		t.Fatal(err)
	}
	if first.ID() != second.ID() || len(first.ID()) != 8 || first.Name() != "file "+path {
		t.Errorf("ids %s and %s, name %q", first.ID(), second.ID(), first.Name())
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("files left: %v, %v", files, err)
	}
	other, err := FileKEK(filepath.Join(t.TempDir(), "master.key"), true)
	if err != nil || other.ID() == first.ID() {
		t.Errorf("two new keys are one: %v", err)
	}
}

// Several processes that start at once agree on one key.
func TestFileKEKRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	ids := make([]string, 8)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			kek, err := FileKEK(path, true)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = kek.ID()
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("different keys: %v", ids)
		}
	}
}

func TestFileKEKRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	if _, err := FileKEK(path, false); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "restore") {
		t.Errorf("no file: %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a key was made without being allowed")
	}
	if _, err := FileKEK(filepath.Join(path, "x"), true); err == nil {
		t.Error("no directory, and a key was made")
	}
	if err := os.WriteFile(path, []byte(keyText), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o644, 0o601} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := FileKEK(path, true); err == nil || !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	for _, mode := range []fs.FileMode{0o600, 0o400} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := FileKEK(path, false); err != nil {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}

func TestMasterKeyText(t *testing.T) {
	want, err := newLocalKEK("test", []byte(keyText))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{keyText + "\n", "  " + keyText + "\r\n"} {
		if kek, err := newLocalKEK("test", []byte(text)); err != nil || kek.ID() != want.ID() {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"", " \n", "correct horse battery staple", keyText[:40], keyText + keyText,
		strings.TrimRight(keyText, "="), strings.Repeat("6b", 32), base64.StdEncoding.EncodeToString(make([]byte, 31))} {
		_, err := newLocalKEK("test", []byte(text))
		if err == nil {
			t.Errorf("%q was taken for a master key", text)
		} else if s := strings.TrimSpace(text); s != "" && strings.Contains(err.Error(), s) {
			t.Errorf("the error holds the key: %v", err)
		}
	}
}

func TestEnvKEK(t *testing.T) {
	const variable = "ZHANGGUI_TEST_MASTER_KEY"
	if _, err := EnvKEK(variable); err == nil || !strings.Contains(err.Error(), variable) {
		t.Errorf("not set: %v", err)
	}
	t.Setenv(variable, keyText+"\n")
	kek, err := EnvKEK(variable)
	if err != nil || kek.Name() != "env "+variable {
		t.Errorf("%v, %v", kek, err)
	}
}

func TestCommandKEK(t *testing.T) {
	kek, err := CommandKEK(t.Context(), []string{"echo", keyText})
	if err != nil {
		t.Fatal(err)
	}
	if kek.Name() != "command echo" {
		t.Errorf("the name %q tells arguments", kek.Name())
	}
	for name, argv := range map[string][]string{
		"no command":      nil,
		"no such program": {"zhanggui-no-such-program"},
		"failure":         {"false"},
		"silence":         {"true"},
		"too long":        {"head", "-c", "100000", "/dev/zero"},
	} {
		if _, err := CommandKEK(t.Context(), argv); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestCommandKEKTakesTooLong(t *testing.T) {
	_, err := commandKEK(t.Context(), []string{"cat", "/dev/zero"}, time.Nanosecond)
	if err == nil || !strings.Contains(err.Error(), "it took more than 1ns") {
		t.Errorf("error = %v", err)
	}
	// A program that says nothing and does not end is ended.
	_, err = commandKEK(t.Context(), []string{"tail", "-f", "/dev/null"}, 50*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "took more than") {
		t.Errorf("error = %v", err)
	}
}

// Neither vault nor master key prints what it holds, whatever the verb.
func TestNothingPrints(t *testing.T) {
	v, _ := testVault(t)
	master := strings.Repeat("\x01", masterKeySize)
	mac := v.keys.Load().mac.RevealString()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t"} {
		for _, x := range []any{v, *testKEK(t, 1).(*localKEK), v.keys.Load(), v.keys.Load().mac} {
			out := fmt.Sprintf(verb, x)
			for _, held := range []string{master, mac} {
				for _, form := range []string{"%s", "%x", "%d"} {
					text := strings.Trim(fmt.Sprintf(form, []byte(held)), "[]")
					if strings.Contains(out, text) {
						t.Errorf("%s of %T prints key bytes", verb, x)
					}
				}
			}
		}
	}
}
