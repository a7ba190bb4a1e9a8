package app

import (
	"context"
	"log/slog"
	"path/filepath"

	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/store/postgres"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// database is an opened store. postgres is nil when it is SQLite: one process,
// whose own clock times its leases.
type database struct {
	*sqlstore.Store
	postgres *postgres.Store
}

// openStore opens the store that the configuration names. log may be nil.
func openStore(ctx context.Context, c config.Config, log *slog.Logger) (database, error) {
	if c.Database.IsZero() {
		s, err := sqlite.Open(ctx, filepath.Join(c.Data, DatabaseFile), sqlite.Options{Logger: log})
		return database{Store: s}, err
	}
	s, err := postgres.Open(ctx, c.Database, postgres.Options{Logger: log})
	if err != nil {
		return database{}, err
	}
	return database{Store: s.Store, postgres: s}, nil
}

// openLog opens the audit log of a store for reading.
func openLog(ctx context.Context, data string, url secret.Value) (*sqlstore.Log, error) {
	if url.IsZero() {
		return sqlite.OpenAudit(ctx, filepath.Join(data, DatabaseFile))
	}
	return postgres.OpenAudit(ctx, url)
}
