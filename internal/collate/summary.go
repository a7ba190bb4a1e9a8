package collate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/durable"
)

// load takes what the summary says, and reports whether there was one that
// belongs to this log.
func (c *Checker) load(ctx context.Context) bool {
	err := c.tryLoad(ctx)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.o.Log.WarnContext(ctx, "the summary of grants is not used; they are compared with the whole audit log", "file", c.o.File, "error", err)
	}
	return err == nil
}

func (c *Checker) tryLoad(ctx context.Context) error {
	f, err := os.Open(c.o.File)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	said, root, err := audit.ReadSummary(f, info.Size(), c.o.Key)
	if err != nil {
		return err
	}
	have, err := c.o.Store.RootAt(ctx, said.Size())
	if err != nil {
		return err
	}
	if have != root {
		return errOtherLog
	}
	c.said, c.saved = said, said.Size()
	return nil
}

var errOtherLog = errors.New("it belongs to another audit log: another database was put in this one's place, or an older one restored")

// save writes the summary. What goes wrong is logged: it costs time at the next
// start only.
func (c *Checker) save(ctx context.Context) {
	c.savedAt = c.o.Now()
	if err := c.trySave(ctx); err != nil {
		c.o.Log.WarnContext(ctx, "what the audit log says of grants was not saved; the next start reads more of it", "file", c.o.File, "error", err)
		return
	}
	c.saved = c.said.Size()
}

func (c *Checker) trySave(ctx context.Context) error {
	root, err := c.o.Store.RootAt(ctx, c.said.Size())
	if err != nil {
		return err
	}
	return replace(c.o.File, func(w io.Writer) error { return c.said.WriteSummary(w, root, c.o.Key) })
}

// replace writes a file anew. The syscalls of the good path: open a file beside
// it, write, fsync, close, rename, fsync the directory. A crash leaves the old
// file whole, or the new one, and perhaps the file beside it, which the next time
// begins over.
func replace(path string, fill func(io.Writer) error) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(fill(f), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", f.Name(), err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(path))
}
