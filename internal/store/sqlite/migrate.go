package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"log/slog"

	"github.com/pressly/goose/v3"

	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

//go:embed migrations/*.sql
var migrations embed.FS

// applicationID marks a SQLite file as ours: "zgui" in its header.
const applicationID = 0x7a677569

var (
	errForeign = errors.New("the file is a SQLite database of another program; name another file")
	errFresh   = errors.New("the file holds no audit log; name the database file of a server")
)

// prepare marks a new file as ours, checks an old one, and migrates.
func prepare(ctx context.Context, db *sql.DB, logger *slog.Logger) error {
	tables, err := tableCount(ctx, db)
	if err != nil {
		return err
	}
	if tables == 0 {
		_, err = db.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID))
	} else {
		err = checkOwner(ctx, db)
	}
	if err != nil {
		return err
	}
	return sqlstore.Migrate(ctx, goose.DialectSQLite3, db, migrations, logger)
}

func tableCount(ctx context.Context, db *sql.DB) (n int, err error) {
	err = db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&n)
	return n, err
}

// checkOwner refuses a database that was not made by us.
func checkOwner(ctx context.Context, db *sql.DB) error {
	n, err := tableCount(ctx, db)
	if err != nil {
		return err
	}
	if n == 0 {
		return errFresh
	}
	var id int64
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return err
	}
	if id != applicationID {
		return errForeign
	}
	return nil
}
