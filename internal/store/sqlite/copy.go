package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

// CopyFrom opens the database in the file at path to be copied from. It is locked
// for that time, and not changed.
func CopyFrom(ctx context.Context, path string) (*sqlstore.Side, error) {
	s, err := copyFrom(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: copy from %s: %w", path, explain(err))
	}
	return s, nil
}

func copyFrom(ctx context.Context, path string) (*sqlstore.Side, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := checkFile(path); err != nil {
		return nil, err
	}
	if err := checkRegular(path + ".lock"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	unlock, err := lock(path)
	if err != nil {
		return nil, inUse(err)
	}
	db, err := sql.Open("sqlite", dsn(path, inspecting))
	if err != nil {
		return nil, errors.Join(err, unlock())
	}
	closeAll := func() error { return errors.Join(db.Close(), unlock()) }
	if err := checkOwner(ctx, db); err != nil {
		return nil, errors.Join(err, closeAll())
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, errors.Join(err, closeAll())
	}
	end := func() error { return errors.Join(tx.Rollback(), closeAll()) }
	return &sqlstore.Side{Tx: tx, Dialect: dialect{}, Undo: end, Done: func(context.Context) error { return end() }}, nil
}

// inUse says of a lock that is held what it means for a copy.
func inUse(err error) error {
	if errors.Is(err, ErrLocked) {
		return fmt.Errorf("%w (%w)", sqlstore.ErrInUse, err)
	}
	return err
}

// copying is the end of the name under which a copy grows. No server opens it.
const copying = ".copying"

// CopyTo makes a database for the file at path to be copied into. There must be no
// file yet. It gets its name when the copy is whole and on the disk; what a copy
// that was killed left behind is removed.
func CopyTo(ctx context.Context, path string) (*sqlstore.Side, error) {
	s, err := copyTo(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: copy to %s: %w", path, explain(err))
	}
	return s, nil
}

func copyTo(ctx context.Context, path string) (_ *sqlstore.Side, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := absent(path); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	if err := checkRegular(path + ".lock"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	unlock, err := lock(path)
	if err != nil {
		return nil, inUse(err)
	}
	g := &growing{path: path, unlock: unlock}
	if err := g.begin(ctx); err != nil {
		return nil, errors.Join(err, g.undo())
	}
	return &sqlstore.Side{Tx: g.tx, Dialect: dialect{}, Done: g.done, Undo: g.undo}, nil
}

// absent refuses a place where something is.
func absent(path string) error {
	_, err := os.Lstat(path)
	if err == nil {
		return fmt.Errorf("there is a file of that name: %w", sqlstore.ErrNotEmpty)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// growing is a database that is being copied into.
type growing struct {
	path   string // that it will have
	unlock func() error
	db     *sql.DB
	tx     *sql.Tx
}

// begin makes the file. It need not survive a crash before done, so that nothing
// waits for the disk.
func (g *growing) begin(ctx context.Context) error {
	if err := g.remove(); err != nil {
		return err
	}
	if err := makeFile(ctx, g.path+copying); err != nil {
		return err
	}
	var err error
	if g.db, err = sql.Open("sqlite", dsn(g.path+copying, beginning, "journal_mode(memory)", "synchronous(off)")); err != nil {
		return err
	}
	g.db.SetMaxOpenConns(1)
	if err := prepare(ctx, g.db, nil); err != nil {
		return err
	}
	g.tx, err = g.db.BeginTx(ctx, nil)
	return err
}

// done gives the file its name. The syscalls of the good path: fsync the file,
// link it to its name, unlink the one it grew under, fsync the directory. Unlike a
// rename, a link replaces nothing.
func (g *growing) done(context.Context) error {
	err := g.tx.Commit()
	if err == nil {
		err = g.db.Close()
	}
	if err == nil {
		err = syncFile(g.path + copying)
	}
	if err == nil {
		err = os.Link(g.path+copying, g.path)
	}
	if err != nil {
		return errors.Join(explain(err), g.undo())
	}
	return errors.Join(g.remove(), syncFile(filepath.Dir(g.path)), g.unlock())
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (g *growing) undo() error {
	if g.tx != nil {
		_ = g.tx.Rollback() // the file is deleted anyway
	}
	if g.db != nil {
		_ = g.db.Close() // likewise
	}
	return errors.Join(g.remove(), g.unlock())
}

// remove deletes what grew, and what SQLite keeps beside it.
func (g *growing) remove() error {
	for _, end := range []string{"", "-journal", "-wal", "-shm", ".new", ".new-journal"} {
		if err := os.Remove(g.path + copying + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
