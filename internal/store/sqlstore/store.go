package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/outage"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// Config is an opened and migrated database.
type Config struct {
	Writer  *sql.DB
	Reader  *sql.DB
	Dialect Dialect
	Prepare bool         // prepare every statement once, on every connection that runs it
	Close   func() error // runs after both pools are closed; may be nil
	// Unasked makes the store without asking the database for anything. Nothing
	// may be written before [Store.Check] was satisfied.
	Unasked bool
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
	people  atomic.Pointer[PeopleFunc]
	watched atomic.Pointer[TransitionFunc]
	// turn holds one value while a transition runs alone. Its next one would only
	// wait in the database; and there the places in the queue of a process that was
	// paused come up one after another, each to be waited for.
	turn chan struct{}
}

// CommitFunc stands between a write transaction and its commit.
type CommitFunc func(commit func() error) error

// New makes a store from an opened and migrated database. The store owns the
// pools from then on; on an error they are still the caller's. A log that cannot
// be added to is refused with [ErrTip].
func New(ctx context.Context, c Config) (*Store, error) {
	writes, err := queries(ctx, c.Writer, c.Prepare)
	if err != nil {
		return nil, fmt.Errorf("store: prepare for writing: %w", err)
	}
	reads, err := queries(ctx, c.Reader, c.Prepare)
	if err != nil {
		return nil, fmt.Errorf("store: prepare for reading: %w", errors.Join(err, writes.Close()))
	}
	l := &Log{db: c.Reader, from: c.Reader, q: reads, dialect: c.Dialect}
	s := &Store{Log: l, writer: c.Writer, reader: c.Reader, writes: writes, dialect: c.Dialect, close: c.Close, turn: make(chan struct{}, 1)}
	if c.Unasked {
		return s, nil
	}
	if err := s.Check(ctx); err != nil {
		return nil, errors.Join(err, reads.Close(), writes.Close())
	}
	return s, nil
}

// Check refuses a log that cannot be added to with [ErrTip]. It looks at one state
// of the database: another replica may be adding to the log.
func (s *Store) Check(ctx context.Context) error {
	err := func() error {
		st, err := s.snapshot(ctx)
		if err != nil {
			return err
		}
		defer st.Rollback() // nothing was written
		return checkTip(ctx, s.q.WithTx(st), st)
	}()
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// snapshot begins a transaction that reads one state of the database.
func (s *Store) snapshot(ctx context.Context) (*sql.Tx, error) {
	return s.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: s.dialect.Snapshot()})
}

func queries(ctx context.Context, db *sql.DB, prepare bool) (*sqlgen.Queries, error) {
	if !prepare {
		return sqlgen.New(db), nil
	}
	return sqlgen.Prepare(ctx, db)
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

// write runs change as one transaction, alone, and appends the audit entries
// that it recorded. An error of change rolls everything back. A change may run
// again after it was rolled back, so it sets what it leaves behind anew.
func (s *Store) write(ctx context.Context, op string, change func(*tx) error) error {
	return s.transact(ctx, op, false, change)
}

// writeBeside is write for a change that locks the few rows it decides by: where
// the database can, it runs beside others of its kind.
func (s *Store) writeBeside(ctx context.Context, op string, change func(*tx) error) error {
	return s.transact(ctx, op, true, change)
}

// attempts is how often a transaction is begun that the database rolled back
// because of another one.
const attempts = 4

func (s *Store) transact(ctx context.Context, op string, shared bool, change func(*tx) error) (err error) {
	if f := s.watched.Load(); f != nil {
		done := (*f)(ctx, op)
		defer func() { done(err) }()
	}
	for range attempts {
		if err = s.once(ctx, shared, change); err == nil {
			return nil
		}
		if !s.dialect.RolledBack(err) {
			break
		}
	}
	said := s.dialect.Explain(err)
	if errors.Is(err, ErrOutcome) {
		said = outage.Unsure(said)
	}
	return fmt.Errorf("store: %s: %w", op, said)
}

func (s *Store) once(ctx context.Context, shared bool, change func(*tx) error) error {
	if !shared {
		select {
		case s.turn <- struct{}{}:
			defer func() { <-s.turn }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	st, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer st.Rollback() // does nothing after a commit
	t := &tx{Tx: Tx{Queries: s.writes.WithTx(st), SQL: st}, dialect: s.dialect}
	if err := s.dialect.Begin(ctx, t.Tx, shared); err != nil {
		return err
	}
	holds, met := access.Condition(ctx)
	if shared { // others change things meanwhile: it says nothing about this change
		holds, met = access.Condition(context.Background())
	}
	if err := holds(ctx); err != nil {
		return err
	}
	if err := change(t); err != nil {
		return err
	}
	for _, last := range []func(context.Context) error{t.countOpened, t.appendEvents, t.recordTouched, t.appendAudit} {
		if err := last(ctx); err != nil {
			return err
		}
	}
	commit := st.Commit
	if f := s.commit.Load(); f != nil {
		commit = func() error { return (*f)(st.Commit) }
	}
	err = commit()
	s.tell(t.touched)
	if err == nil {
		met()
	} else if !s.dialect.RolledBack(err) {
		err = fmt.Errorf("%w: %w", ErrOutcome, err)
	}
	return err
}

// ErrOutcome says that the commit itself failed, so that the change may be there
// all the same.
var ErrOutcome = errors.New("the commit failed, and may have landed; read again before you repeat the change")

// view runs look on one consistent state of the database.
func (s *Store) view(ctx context.Context, op string, look func(*sqlgen.Queries) error) error {
	err := func() error {
		st, err := s.snapshot(ctx)
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
