package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// Side is one database of a copy. All that is read from it or written to it
// happens in one transaction, while nobody else writes.
type Side struct {
	Tx      *sql.Tx
	Dialect Dialect
	// Held tells whether nobody else could write up to now; nil: nobody can.
	Held func(ctx context.Context) error
	// Done ends the copy well: what was written is a store from then on. Undo ends
	// it otherwise: nothing of it is left. One of the two is called, once.
	Done func(ctx context.Context) error
	Undo func() error
}

// Log reads the side's audit log.
func (s *Side) Log() *Log { return &Log{from: s.Tx, q: sqlgen.New(s.Tx), dialect: s.Dialect} }

// Explain adds to an error what to do about it.
func (s *Side) Explain(err error) error {
	if err == nil {
		return nil
	}
	return s.Dialect.Explain(err)
}

// Errors of sides.
var (
	// ErrNotEmpty says that something is in the place that a copy should go to.
	ErrNotEmpty = errors.New("nothing was changed: a store is copied into an empty place only; name another, or move away what is there")
	// ErrInUse says that a server works on the database.
	ErrInUse = errors.New("a server works on it; stop every server of this database first")
	// ErrSchema says that the database has not the tables of this program.
	ErrSchema = errors.New("its tables are of another version; start this version's server on it once, stop it, and copy again")
)

// SchemaVersion gives the number of the newest migration that ran.
func (s *Side) SchemaVersion(ctx context.Context) (n int64, err error) {
	err = s.Tx.QueryRowContext(ctx, "SELECT max(version_id) FROM goose_db_version WHERE is_applied").Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("read schema version: %w", s.Explain(err))
	}
	return n, nil
}
