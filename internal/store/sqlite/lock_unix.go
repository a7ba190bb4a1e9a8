//go:build unix && !solaris && !aix

package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// lock makes this process the only one on the database at path, until unlock is
// called or the process ends. The lock file stays: removing it would let two
// processes each hold a lock on a file of that name.
func lock(path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(held(f, err), f.Close())
	}
	if err := writePID(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f.Close, nil
}

// held says who has the lock.
func held(f *os.File, err error) error {
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	who := "another process"
	if b, err := io.ReadAll(io.LimitReader(f, 20)); err == nil && len(b) > 0 {
		who = "process " + strings.TrimSpace(string(b))
	}
	return fmt.Errorf("%w: %s has it open; stop that one first: a SQLite file serves one process", ErrLocked, who)
}

func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}
