package audit

import (
	"fmt"
	"os"
	"path/filepath"
)

// writeNew writes a file that must not exist yet, and has it on disk under its
// name when it returns. The syscalls of the good path: open (O_EXCL) a
// temporary file, write, fsync, close, link to the name, unlink the temporary
// name, fsync the directory. A crash leaves the whole file or none under the
// name, and perhaps a temporary file.
func writeNew(path, content string, perm os.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("audit: write %s: %w", path, err)
	}
	defer os.Remove(tmp.Name())
	if err := fill(tmp, content, perm); err != nil {
		return fmt.Errorf("audit: write %s: %w", path, err)
	}
	// Link, unlike rename, refuses to replace what somebody else wrote
	// meanwhile.
	if err := os.Link(tmp.Name(), path); err != nil {
		return fmt.Errorf("audit: write %s: %w", path, err)
	}
	return syncDir(filepath.Dir(path))
}

// fill writes, syncs and closes f.
func fill(f *os.File, content string, perm os.FileMode) error {
	defer f.Close()
	if err := f.Chmod(perm); err != nil {
		return err
	}
	if _, err := f.WriteString(content); err != nil {
		return err
	}
	return f.Sync()
}

// syncDir makes the names in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("audit: sync %s: %w", dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("audit: sync %s: %w", dir, err)
	}
	return nil
}
