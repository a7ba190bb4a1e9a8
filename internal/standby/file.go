package standby

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// FileName is what the file is called in the data directory.
const FileName = "standby.db"

const (
	applicationID = 0x7a677362 // "zgsb" in the file's header
	format        = 1          // of the tables and of what is sealed
)

// schema is the whole of it: a file of an older format is begun anew.
const schema = `
CREATE TABLE meta (name TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE rows (kind TEXT NOT NULL, id TEXT NOT NULL, alt TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE INDEX rows_alt ON rows (kind, alt) WHERE alt <> '';
CREATE TABLE spool (grant_id TEXT NOT NULL, generation INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (grant_id, generation)) WITHOUT ROWID;
`

// Why a file cannot be used.
var (
	// ErrMissing says that there is no file yet.
	ErrMissing = errors.New("there is no standby.db yet; it is made while the database answers")
	errForeign = errors.New("it is a file of another program")
	errNewer   = errors.New("a newer version of zhanggui wrote it")
	errOlder   = errors.New("an older version of zhanggui wrote it")
	errDamaged = errors.New("it is damaged")
)

// File is standby.db. One process may have it open. Its methods may be called by
// several goroutines.
type File struct {
	path   string
	writer *sql.DB // one connection
	reader *sql.DB
	seal   Sealer // set by Unlock, before anything sealed is read or written
}

// Open opens the file that is there. It changes nothing in one that it refuses.
// check has SQLite look at every page, which takes some seconds for a large file.
func Open(ctx context.Context, path string, check bool) (*File, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrMissing
	case err != nil:
		return nil, fmt.Errorf("standby: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("standby: %s: %w", path, errForeign)
	}
	f, err := connect(path)
	if err != nil {
		return nil, err
	}
	if err := f.examine(ctx, check); err != nil {
		return nil, errors.Join(fmt.Errorf("standby: %s: %w", path, err), f.Close())
	}
	return f, os.Chmod(path, 0o600)
}

// OpenOrBegin opens the file, or begins a new one. A file that cannot be used is
// moved aside: a spool may be in it that somebody can still save.
func OpenOrBegin(ctx context.Context, path string, log *slog.Logger) (*File, error) {
	info, err := os.Lstat(path)
	f, err := Open(ctx, path, err == nil && info.Size() <= checkUpTo)
	if err == nil {
		return f, nil
	}
	if !errors.Is(err, ErrMissing) {
		log.WarnContext(ctx, "standby.db cannot be used and is begun anew; the old file is kept beside it under the name standby.db.refused", "error", err)
		if err := aside(path); err != nil {
			return nil, err
		}
	}
	return begin(ctx, path)
}

// checkUpTo is the size up to which every page is looked at before the file is
// gone on with. A larger one would hold up the start; its rows are sealed, and
// damage shows when they are read.
const checkUpTo = 64 << 20

// aside moves a file with what SQLite keeps beside it.
func aside(path string) error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.RemoveAll(path + ".refused" + suffix); err != nil {
			return fmt.Errorf("standby: %w", err)
		}
		if err := os.Rename(path+suffix, path+".refused"+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("standby: move the unusable file aside: %w", err)
		}
	}
	return nil
}

// begin makes a new file. Its mark is written with its tables, so that a file
// that a crash left half made is refused like any other and begun again.
func begin(ctx context.Context, path string) (*File, error) {
	made, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("standby: %w; the data directory must be writable", err)
	}
	if err := made.Close(); err != nil {
		return nil, fmt.Errorf("standby: %w", err)
	}
	f, err := connect(path)
	if err != nil {
		return nil, err
	}
	err = f.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, fmt.Sprintf("%s; PRAGMA application_id = %d; PRAGMA user_version = %d", schema, applicationID, format))
		return err
	})
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func connect(path string) (*File, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("standby: %w", err)
	}
	writer, err := sql.Open("sqlite", dsn(path, "journal_mode(wal)", "synchronous(full)", "journal_size_limit(67108864)"))
	if err != nil {
		return nil, fmt.Errorf("standby: %w", err)
	}
	writer.SetMaxOpenConns(1)
	reader, err := sql.Open("sqlite", dsn(path, "query_only(1)"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("standby: %w", err), writer.Close())
	}
	reader.SetMaxOpenConns(readers)
	reader.SetMaxIdleConns(readers)
	return &File{path: path, writer: writer, reader: reader}, nil
}

// readers is how many calls read at the same time.
const readers = 4

// dsn names the file with its settings; a pragma that is run through a pool
// reaches one of its connections only.
func dsn(path string, pragmas ...string) string {
	q := url.Values{"_pragma": append(pragmas, "busy_timeout(5000)", "temp_store(memory)", "trusted_schema(0)"), "_txlock": {"immediate"}}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

// examine refuses what is not a file of this program and format.
func (f *File) examine(ctx context.Context, check bool) error {
	var id, version int64
	if err := f.reader.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	if err := f.reader.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	switch {
	case id != applicationID:
		return errForeign
	case version > format:
		return errNewer
	case version < format:
		return errOlder
	}
	if !check {
		return nil
	}
	var said string
	if err := f.reader.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&said); err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	if said != "ok" {
		return errDamaged
	}
	return nil
}

// Close closes the file.
func (f *File) Close() error {
	if err := errors.Join(f.reader.Close(), f.writer.Close()); err != nil {
		return fmt.Errorf("standby: close: %w", err)
	}
	return nil
}

// write runs change as one transaction, which is on the disk when write returns
// nil.
func (f *File) write(ctx context.Context, change func(*sql.Tx) error) error {
	tx, err := f.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("standby: write %s: %w", f.path, err)
	}
	defer tx.Rollback() // does nothing after a commit
	if err := change(tx); err != nil {
		return fmt.Errorf("standby: write %s: %w", f.path, err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("standby: write %s: %w; check the disk", f.path, err)
	}
	return nil
}
