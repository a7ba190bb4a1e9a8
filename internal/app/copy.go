package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/store/postgres"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/store/storecopy"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Place is a database that a store can be copied from or to. It prints without
// a password.
type Place struct {
	path string       // SQLite
	url  secret.Value // PostgreSQL
}

// ErrPlace says that a place is written in a way that nobody understands.
var ErrPlace = errors.New("write postgres://user:password@host/name, sqlite:FILE, the data directory of a server, or env:NAME for a variable that holds one of these")

// ParsePlace reads a place: a URL of PostgreSQL, the file of a SQLite database
// with or without "sqlite:" before it, a server's data directory, or env: with
// the name of a variable that holds any of these.
func ParsePlace(text string) (Place, error) {
	if name, ok := strings.CutPrefix(text, "env:"); ok {
		if text = os.Getenv(name); text == "" || strings.HasPrefix(text, "env:") {
			return Place{}, fmt.Errorf("the variable %s holds no place: %w", name, ErrPlace)
		}
	}
	if scheme, _, ok := strings.Cut(text, "://"); ok && scheme != "sqlite" {
		c, err := config.Load(config.Source{Flags: map[string]string{"database": text}})
		if err != nil {
			return Place{}, fmt.Errorf("%w: %w", err, ErrPlace)
		}
		return Place{url: c.Database}, nil
	}
	path := strings.TrimPrefix(strings.TrimPrefix(text, "sqlite:"), "//")
	if path == "" {
		return Place{}, ErrPlace
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() || strings.HasSuffix(path, "/") {
		path = filepath.Join(path, DatabaseFile)
	}
	return Place{path: path}, nil
}

// PostgreSQL tells whether the place is a database of PostgreSQL.
func (p Place) PostgreSQL() bool { return p.path == "" }

// String names the place.
func (p Place) String() string {
	if p.PostgreSQL() {
		return "the PostgreSQL database"
	}
	return p.path
}

// CopyStore copies the store of one place to another, which must be empty, while
// no server works on either. The target is whole when there is no error, and as it
// was otherwise. progress is told how many rows of a table are copied; it may be
// nil.
func CopyStore(ctx context.Context, from, to Place, progress func(table string, rows, of int64)) (storecopy.Report, error) {
	source, err := side(ctx, from, sqlite.CopyFrom, postgres.CopyFrom)
	if err != nil {
		return storecopy.Report{}, fmt.Errorf("open the source: %w", err)
	}
	target, err := side(ctx, to, sqlite.CopyTo, postgres.CopyTo)
	if err != nil {
		return storecopy.Report{}, errors.Join(fmt.Errorf("open the target: %w", err), source.Undo())
	}
	return storecopy.Copy(ctx, source, target, storecopy.Options{Progress: progress})
}

// side opens a place in one of two ways.
func side(ctx context.Context, p Place, file func(context.Context, string) (*sqlstore.Side, error), server func(context.Context, secret.Value) (*sqlstore.Side, error)) (*sqlstore.Side, error) {
	if p.PostgreSQL() {
		return server(ctx, p.url)
	}
	return file(ctx, p.path)
}
