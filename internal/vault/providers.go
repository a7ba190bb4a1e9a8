package vault

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/zhanggui/zhanggui/internal/durable"
)

// maxKeyText bounds what is read as the text of a master key.
const maxKeyText = 4 << 10

// FileKEK reads the master key from a file that only its owner may read. If
// there is none and create is set, it makes one, with mode 0600. Set create
// only while the database has no keyset yet: a new key opens no old one.
func FileKEK(path string, create bool) (KEK, error) {
	name := "file " + path
	text, err := readKeyFile(path)
	if errors.Is(err, fs.ErrNotExist) && create {
		if err := createKeyFile(path); err != nil {
			return nil, fmt.Errorf("vault: make a master key: %w", err)
		}
		text, err = readKeyFile(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("vault: %s: %w; restore the master key from where you keep its copy", name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("vault: %s: %w", name, err)
	}
	defer clear(text)
	return newLocalKEK(name, text)
}

func readKeyFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat() // of the open file: what is checked is what is read
	if err != nil {
		return nil, err
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return nil, fmt.Errorf("mode %04o lets others read the master key; run chmod 600 %s, and make a new key if others may have read it", perm, path)
	}
	return io.ReadAll(io.LimitReader(f, maxKeyText))
}

// createKeyFile writes a new master key and has it on disk, under its name, when it
// returns. If somebody else made one meanwhile, theirs is the one.
func createKeyFile(path string) error {
	key := make([]byte, masterKeySize)
	defer clear(key)
	rand.Read(key) //nolint:errcheck // never fails since Go 1.24
	text := append(base64.StdEncoding.AppendEncode(nil, key), '\n')
	defer clear(text)
	err := durable.Create(path, text, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return durable.SyncDir(filepath.Dir(path)) // they may not have come so far
	}
	return err
}

// EnvKEK reads the master key from an environment variable. Other processes of
// the same user can read the environment too; a file is better kept.
func EnvKEK(variable string) (KEK, error) {
	text, ok := os.LookupEnv(variable)
	if !ok {
		return nil, fmt.Errorf("vault: env %s is not set; set it to the master key, 32 bytes in base64", variable)
	}
	return newLocalKEK("env "+variable, []byte(text))
}

// commandTimeout is how long a command may take to give the master key.
const commandTimeout = 10 * time.Second

// CommandKEK runs a program, without a shell, and reads the master key from its
// standard output: a password manager, or the tool of a cloud's secret store.
// The program's standard error goes to ours. It has 10 seconds.
func CommandKEK(ctx context.Context, argv []string) (KEK, error) {
	return commandKEK(ctx, argv, commandTimeout)
}

func commandKEK(ctx context.Context, argv []string, timeout time.Duration) (KEK, error) {
	if len(argv) == 0 {
		return nil, errors.New("vault: the command for the master key is empty; name a program")
	}
	// Arguments may hold a credential, so that messages name the program only.
	name := "command " + argv[0]
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("it took more than %v", timeout))
	defer cancel()
	out := limitedBuffer{left: maxKeyText}
	defer out.wipe()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	cmd.WaitDelay = time.Second // for grandchildren that hold the pipe
	if err := cmd.Run(); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, fmt.Errorf("vault: %s: %w; run it by hand as the user of the server", name, err)
	}
	return newLocalKEK(name, out.b)
}

// limitedBuffer keeps output up to a limit and refuses more.
type limitedBuffer struct {
	b    []byte
	left int
}

func (l *limitedBuffer) Write(p []byte) (int, error) {
	if len(p) > l.left {
		return 0, errors.New("the output is too long for a master key")
	}
	l.left -= len(p)
	l.b = append(l.b, p...)
	return len(p), nil
}

func (l *limitedBuffer) wipe() { clear(l.b) }
