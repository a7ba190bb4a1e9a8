package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/pressly/goose/v3"

	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// metaCompat is the single value that names the oldest schema whose program may
// still run on the database. A migration that older programs can live with leaves
// it as it is; any other sets it to its own version.
const metaCompat = "schema_compat"

// Migrate brings the schema to the newest version of the files in the directory
// "migrations", each step in one transaction. A database that a newer program
// migrated is left as it is, and refused unless that program said that this one
// may still run: so the replicas of a server can be upgraded one after another.
func Migrate(ctx context.Context, d goose.Dialect, db *sql.DB, files fs.FS, logger *slog.Logger) error {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	dir, err := fs.Sub(files, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(d, db, dir, goose.WithSlog(logger), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	have, know, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if have > know {
		return tooNew(ctx, db, have, know)
	}
	done, err := p.Up(ctx)
	for _, r := range done {
		logger.InfoContext(ctx, "schema migrated", "to", r.Source.Version, "took", r.Duration)
	}
	if err != nil {
		return fmt.Errorf("migrate from schema %d to %d: %w", have, know, err)
	}
	return mend(ctx, db, know)
}

// mend fills in what a replica of an older version left out: it may have written
// after another one had migrated.
func mend(ctx context.Context, db *sql.DB, schema int64) error {
	if schema < platformSchema {
		return nil
	}
	q := sqlgen.New(db)
	n, err := q.CountShopsWithoutAppID(ctx)
	if err == nil && n > 0 {
		err = q.FillShopAppIDs(ctx)
	}
	if err != nil {
		return fmt.Errorf("fill in the ids of shops: %w", err)
	}
	return nil
}

// tooNew refuses a database of a newer program, unless that program's schema
// serves this one too.
func tooNew(ctx context.Context, db *sql.DB, have, know int64) error {
	compat := have
	err := db.QueryRowContext(ctx, "SELECT number FROM meta WHERE name = '"+metaCompat+"'").Scan(&compat)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read which programs may use schema %d: %w", have, err)
	}
	if know >= compat {
		return nil
	}
	return fmt.Errorf("a newer version wrote it: schema %d, which serves programs that know schema %d or newer, and this one knows %d; "+
		"start the newer version, or restore the backup from before the upgrade", have, compat, know)
}
