package chaos

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/storecheck"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// base is the database of a run.
type base interface {
	// name says in one word what it is.
	name() string
	// ways makes the ways of one replica to the database's servers, and the
	// settings with which the replica goes over them.
	ways(ctx context.Context, data string) ([]*Way, map[string]string, error)
	// open opens the database past all ways. It is called when the program has
	// made its tables.
	open(ctx context.Context) (*sql.DB, error)
	// url names it past all ways; zero for SQLite.
	url() secret.Value
	// statements make the witness.
	statements() []string
	// problems opens it as the program does and gives the store's invariants
	// that do not hold. No replica runs then.
	problems(ctx context.Context) ([]string, error)
	// failover ends the primary and has the standby take its place.
	failover(ctx context.Context) error
	close() error
}

// sqliteBase is the file in the data directory of the only replica.
type sqliteBase struct{ data string }

var errNoStandby = errors.New("SQLite has no standby to promote")

func (sqliteBase) name() string                   { return "sqlite" }
func (sqliteBase) statements() []string           { return sqliteWitness }
func (sqliteBase) failover(context.Context) error { return errNoStandby }
func (sqliteBase) close() error                   { return nil }
func (sqliteBase) url() secret.Value              { return secret.Value{} }

func (sqliteBase) ways(context.Context, string) ([]*Way, map[string]string, error) {
	return nil, nil, nil
}

func (b sqliteBase) problems(ctx context.Context) ([]string, error) {
	s, err := sqlite.Open(ctx, filepath.Join(b.data, app.DatabaseFile), sqlite.Options{})
	if err != nil {
		return nil, err
	}
	return storecheck.Problems(ctx, s), s.Close()
}

func (b sqliteBase) open(context.Context) (*sql.DB, error) {
	q := url.Values{"_pragma": {"busy_timeout(10000)"}}
	u := url.URL{Scheme: "file", Path: filepath.Join(b.data, app.DatabaseFile), RawQuery: q.Encode()}
	return sql.Open("sqlite", u.String())
}
