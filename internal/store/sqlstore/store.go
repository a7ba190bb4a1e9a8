package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// Dialect is what differs between databases.
type Dialect interface {
	// Due gives the ids of at most limit grants that can be claimed at now, the
	// longest due first. Rows that another transaction is claiming are left out.
	Due(ctx context.Context, tx *sql.Tx, now int64, limit int) ([]string, error)
	// Explain adds to an error of the driver what to do about it. An error that
	// it does not know comes back as it is.
	Explain(err error) error
}

// Config is an opened and migrated database.
type Config struct {
	Writer  *sql.DB // its transactions exclude each other
	Reader  *sql.DB
	Dialect Dialect
	Close   func() error // runs after both pools are closed; may be nil
}

// Store keeps everything that lasts. It is safe for concurrent use.
type Store struct {
	*Log    // the audit log, for reading
	writer  *sql.DB
	reader  *sql.DB
	writes  *sqlgen.Queries // prepared on writer
	dialect Dialect
	close   func() error
	commit  atomic.Pointer[CommitFunc]
}

// CommitFunc stands between a write transaction and its commit.
type CommitFunc func(commit func() error) error

// New makes a store from an opened and migrated database. The store owns the
// pools from then on; on an error they are still the caller's. A log that cannot
// be added to is refused with [ErrTip].
func New(ctx context.Context, c Config) (*Store, error) {
	// Statements are prepared once. On SQLite, preparing takes as long as
	// running them does.
	writes, err := sqlgen.Prepare(ctx, c.Writer)
	if err != nil {
		return nil, fmt.Errorf("store: prepare for writing: %w", err)
	}
	reads, err := sqlgen.Prepare(ctx, c.Reader)
	if err != nil {
		return nil, fmt.Errorf("store: prepare for reading: %w", errors.Join(err, writes.Close()))
	}
	if err := checkTip(ctx, reads, c.Reader); err != nil {
		return nil, fmt.Errorf("store: %w", errors.Join(err, reads.Close(), writes.Close()))
	}
	l := &Log{db: c.Reader, from: c.Reader, q: reads, dialect: c.Dialect}
	return &Store{Log: l, writer: c.Writer, reader: c.Reader, writes: writes, dialect: c.Dialect, close: c.Close}, nil
}

// Close ends the store. It waits for transactions that are running.
func (s *Store) Close() error {
	err := errors.Join(s.q.Close(), s.writes.Close(), s.reader.Close(), s.writer.Close())
	if s.close != nil {
		err = errors.Join(err, s.close())
	}
	if err != nil {
		return fmt.Errorf("store: close: %w", err)
	}
	return nil
}

// Ping tells whether the store answers.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.Revision(ctx)
	return err
}

// InterceptCommits runs f in place of every later commit, so that tests can
// make one fail before it happened or after. nil ends it.
func (s *Store) InterceptCommits(f CommitFunc) {
	if f == nil {
		s.commit.Store(nil)
		return
	}
	s.commit.Store(&f)
}

// write runs change as one transaction and appends the audit entries that it
// recorded. An error of change rolls everything back.
func (s *Store) write(ctx context.Context, op string, change func(*tx) error) error {
	if err := s.transact(ctx, change); err != nil {
		return fmt.Errorf("store: %s: %w", op, s.dialect.Explain(err))
	}
	return nil
}

func (s *Store) transact(ctx context.Context, change func(*tx) error) error {
	st, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer st.Rollback() // does nothing after a commit
	t := &tx{Queries: s.writes.WithTx(st), sql: st}
	if err := change(t); err != nil {
		return err
	}
	if err := t.appendAudit(ctx); err != nil {
		return err
	}
	if f := s.commit.Load(); f != nil {
		return (*f)(st.Commit)
	}
	return st.Commit()
}

// view runs look on one consistent state of the database.
func (s *Store) view(ctx context.Context, op string, look func(*sqlgen.Queries) error) error {
	err := func() error {
		st, err := s.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
		if err != nil {
			return err
		}
		defer st.Rollback() // nothing was written
		return look(s.q.WithTx(st))
	}()
	if err != nil {
		return fmt.Errorf("store: %s: %w", op, s.dialect.Explain(err))
	}
	return nil
}
