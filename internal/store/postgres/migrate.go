package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"

	"github.com/pressly/goose/v3"

	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

//go:embed migrations/*.sql
var migrations embed.FS

// prepare checks whose database it is, and migrates it. Replicas that start at
// the same time wait here for each other: the lock is one of a transaction on a
// connection of guard, and the migrations run on one of db.
func prepare(ctx context.Context, guard, db *sql.DB, o Options) error {
	tx, err := guard.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // it only locks
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", int64(migrationLock)); err != nil {
		return err
	}
	if err := checkOwner(ctx, tx); err != nil && !errors.Is(err, errFresh) {
		return err
	}
	files := o.schema
	if files == nil {
		files = migrations
	}
	return sqlstore.Migrate(ctx, goose.DialectPostgres, db, files, o.Logger)
}
