package postgres

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Options are what opening can be told. The zero value is ready for use.
type Options struct {
	Logger  *slog.Logger // says which migrations ran; nil: says nothing
	Writers int          // connections for writing; 0: eight
	Readers int          // connections for reading; 0: eight

	// clock gives the SQL of the present in milliseconds, for a claim that was
	// asked for at the given time. nil: the database's own clock. Only tests
	// with a time of their own set it.
	clock func(asked time.Time) string
	// schema holds the migrations; nil: those of this version. Tests play an
	// older program.
	schema fs.FS
}

// Defaults of Options.
const (
	defaultWriters = 8
	defaultReaders = 8
)

// idleFor is how long a connection without work is kept: long enough for a busy
// hour, short enough that a failed-over server is not remembered.
const idleFor = 5 * time.Minute

// Store is the store on PostgreSQL. It is safe for concurrent use.
type Store struct {
	*sqlstore.Store
	reader, writer *sql.DB
	o              Options
}

// Open opens the store in the database that url names, makes its tables when the
// database is empty, and migrates it. Replicas may do so at the same time. url is
// as libpq takes it: postgres://user:password@host:5432/name.
func Open(ctx context.Context, url secret.Value, o Options) (*Store, error) {
	s, err := open(ctx, url, o)
	if err != nil {
		return nil, fmt.Errorf("postgres: open: %w", explain(err))
	}
	return s, nil
}

func open(ctx context.Context, url secret.Value, o Options) (*Store, error) {
	s, err := later(url, o)
	if err != nil {
		return nil, err
	}
	if err := s.ready(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Later makes the store without asking the server for anything, so that a program
// can begin while the server is away. Until [Store.Ready] was satisfied, the store
// is only for reading what a caller can do without.
func Later(url secret.Value, o Options) (*Store, error) {
	s, err := later(url, o)
	if err != nil {
		return nil, fmt.Errorf("postgres: open: %w", explain(err))
	}
	return s, nil
}

func later(url secret.Value, o Options) (*Store, error) {
	writer, err := connect(url, cmp.Or(o.Writers, defaultWriters))
	if err != nil {
		return nil, err
	}
	reader, err := connect(url, cmp.Or(o.Readers, defaultReaders))
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	s, err := sqlstore.New(context.Background(), sqlstore.Config{Writer: writer, Reader: reader, Dialect: dialect{clock: o.clock}, Unasked: true})
	if err != nil {
		return nil, errors.Join(err, reader.Close(), writer.Close())
	}
	return &Store{Store: s, reader: reader, writer: writer, o: o}, nil
}

// Ready does what [Open] does besides making the store: it checks the server and
// the database, and migrates it.
func (s *Store) Ready(ctx context.Context) error {
	if err := s.ready(ctx); err != nil {
		return fmt.Errorf("postgres: open: %w", explain(err))
	}
	return nil
}

func (s *Store) ready(ctx context.Context) error {
	if err := checkServer(ctx, s.reader); err != nil {
		return err
	}
	if err := prepare(ctx, s.reader, s.writer, s.o); err != nil {
		return err
	}
	return s.Check(ctx)
}

// OpenAudit opens the audit log of a database for reading, to verify it offline,
// as it is at this moment. It changes nothing and runs no migration; servers may
// be running on the database.
func OpenAudit(ctx context.Context, url secret.Value) (*sqlstore.Log, error) {
	l, err := openAudit(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("postgres: open: %w", explain(err))
	}
	return l, nil
}

func openAudit(ctx context.Context, url secret.Value) (*sqlstore.Log, error) {
	db, err := connect(url, 2) // one of them for sqlstore.Log.ReadAhead
	if err != nil {
		return nil, err
	}
	if err := checkServer(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
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

// connect makes a pool that connects when it is first used.
func connect(url secret.Value, size int) (*sql.DB, error) { return connectAs(url, size, "") }

// connectAs is connect under another name than the usual one.
func connectAs(url secret.Value, size int, name string) (*sql.DB, error) {
	c, err := parse(url)
	if err != nil {
		return nil, err
	}
	if name != "" {
		c.RuntimeParams["application_name"] = name
	}
	db := sql.OpenDB(connector{newHosts(*c, stdlib.OptionResetSession(checkAlive))})
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	db.SetConnMaxIdleTime(idleFor)
	return db, nil
}

// checkAlive lets go of a pooled connection whose server went away: after a
// failover, all of them would fail once more, each with a caller of its own.
func checkAlive(_ context.Context, c *pgx.Conn) error {
	if !alive(c.PgConn().Conn()) {
		return driver.ErrBadConn
	}
	return nil
}

// Now gives the database's clock, by which leases are timed.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	var ms int64
	if err := s.reader.QueryRowContext(ctx, "SELECT "+databaseClock).Scan(&ms); err != nil {
		return time.Time{}, fmt.Errorf("postgres: read the database's clock: %w", explain(err))
	}
	return time.UnixMilli(ms).UTC(), nil
}
