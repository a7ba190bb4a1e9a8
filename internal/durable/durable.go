// Package durable makes files that outlive a power cut. A file is on disk only when its
// content is and its name is: each wants a call of its own. The package holds no state.
// What it cannot do it says, and then the file is not there; only if the last step
// fails it is there already, and a power cut may take it away.
package durable

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Create writes a file that must not exist yet, and has it on disk under its name when
// it returns. If somebody else was first, theirs stays and the error is fs.ErrExist.
// Errors name the file and never what was to be in it.
//
// The syscalls of the good path: open (O_EXCL) a temporary file beside it, write,
// fsync, close, link to the name, unlink the temporary name, fsync the directory. A
// crash leaves the whole file or none under the name, and perhaps a temporary file.
func Create(path string, content []byte, perm os.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w; see that its directory is there and writable", path, err)
	}
	defer os.Remove(tmp.Name())
	if err := fill(tmp, content, perm); err != nil {
		return fmt.Errorf("write %s: %w; see that the disk is writable and not full", path, err)
	}
	// Link, unlike rename, refuses to replace what somebody else wrote meanwhile.
	if err := os.Link(tmp.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return SyncDir(filepath.Dir(path))
}

// fill writes, syncs and closes f.
func fill(f *os.File, content []byte, perm os.FileMode) error {
	_, err := f.Write(content)
	return errors.Join(err, f.Chmod(perm), f.Sync(), f.Close())
}

// SyncDir has the names in a directory on disk, after a file in it was made or renamed.
// An error names the directory.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync a directory: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync a directory: %w; see that the disk is writable", err)
	}
	return nil
}
