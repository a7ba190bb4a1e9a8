package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"runtime"
	"strconv"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

// Options are what opening can be told. The zero value is ready for use.
type Options struct {
	Logger  *slog.Logger // says which migrations ran; nil: says nothing
	Readers int          // connections for reading; 0: four, or more with more processors

	pragmas []string // more of them for the writer, in tests
}

// ErrLocked says that another process has the database open.
var ErrLocked = errors.New("the database is in use")

// Lock makes this process the only one on a file, until unlock is called or the
// process ends. Another one's lock is [ErrLocked].
func Lock(path string) (unlock func() error, err error) { return lock(path) }

// Open opens the store in the file at path, makes the file when there is none,
// and migrates it. The directory is made too, for its owner only.
func Open(ctx context.Context, path string, o Options) (*sqlstore.Store, error) {
	s, err := open(ctx, path, o)
	if err != nil {
		return nil, fmt.Errorf("sqlite: open %s: %w", path, explain(err))
	}
	return s, nil
}

func open(ctx context.Context, path string, o Options) (_ *sqlstore.Store, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	var opened []func() error
	defer func() {
		for i := len(opened) - 1; err != nil && i >= 0; i-- {
			opened[i]() // the error that ends opening is the one to tell
		}
	}()
	unlock, err := claimFile(ctx, path)
	if err != nil {
		return nil, err
	}
	opened = append(opened, unlock)
	writer, err := sql.Open("sqlite", dsn(path, writing, o.pragmas...))
	if err != nil {
		return nil, err
	}
	opened = append(opened, writer.Close)
	writer.SetMaxOpenConns(1)
	if err := prepare(ctx, writer, o.Logger); err != nil {
		return nil, err
	}
	reader, err := sql.Open("sqlite", dsn(path, reading))
	if err != nil {
		return nil, err
	}
	opened = append(opened, reader.Close)
	n := cmp.Or(o.Readers, max(4, runtime.GOMAXPROCS(0)))
	reader.SetMaxOpenConns(n)
	reader.SetMaxIdleConns(n)
	return sqlstore.New(ctx, sqlstore.Config{
		Writer: writer, Reader: reader, Dialect: dialect{}, Close: unlock,
		Prepare: true, // preparing a statement takes SQLite as long as running it
	})
}

// OpenAudit opens the audit log of a database file for reading, to verify it
// offline, as it is at this moment. It changes nothing, takes no lock and runs no
// migration; a server may be running on the file.
func OpenAudit(ctx context.Context, path string) (*sqlstore.Log, error) {
	l, err := openAudit(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: open %s: %w", path, explain(err))
	}
	return l, nil
}

func openAudit(ctx context.Context, path string) (*sqlstore.Log, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := checkFile(path); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dsn(path, inspecting))
	if err != nil {
		return nil, err
	}
	if err := checkOwner(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	l, err := sqlstore.NewSnapshot(ctx, db, dialect{})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return l, nil
}

type use int

const (
	beginning use = iota // a file that nobody else knows yet
	writing
	reading
	inspecting
)

// dsn names the file with its settings. They stand here because a pragma that is
// run through a pool reaches one of its connections only.
func dsn(path string, u use, more ...string) string {
	q := url.Values{"_pragma": {
		"busy_timeout(5000)",
		"foreign_keys(1)",
		"temp_store(memory)",
		"trusted_schema(0)",
	}}
	switch u {
	case beginning:
		q["_pragma"] = append(q["_pragma"], "journal_mode(delete)", "synchronous(full)")
	case writing:
		q["_pragma"] = append(q["_pragma"],
			"journal_mode(wal)", "synchronous(full)", "secure_delete(1)",
			"journal_size_limit("+strconv.Itoa(64<<20)+")")
		q.Set("_txlock", "immediate")
	case reading:
		q["_pragma"] = append(q["_pragma"], "query_only(1)")
	case inspecting:
		q["_pragma"] = append(q["_pragma"], "query_only(1)")
		q.Set("mode", "ro")
	}
	q["_pragma"] = append(q["_pragma"], more...)
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}
