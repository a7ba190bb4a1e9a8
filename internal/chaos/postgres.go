package chaos

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/zhanggui/zhanggui/internal/store/postgres"
	"github.com/zhanggui/zhanggui/internal/store/storecheck"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// postgresBase is a database of a PostgreSQL server: of the one that the
// settings name, or of one of our own.
type postgresBase struct {
	direct secret.Value
	own    io.Closer // the server; nil: it is somebody else's
}

func (*postgresBase) name() string         { return "postgres" }
func (*postgresBase) statements() []string { return postgresWitness }
func (b *postgresBase) url() secret.Value  { return b.direct }

func (b *postgresBase) close() error {
	if b.own == nil {
		return nil
	}
	return b.own.Close()
}

var errNoFailover = errors.New("the database has no standby of ours to promote")

func (*postgresBase) failover(context.Context) error { return errNoFailover }

func (b *postgresBase) open(context.Context) (*sql.DB, error) {
	return sql.Open("pgx", b.direct.RevealString())
}

func (b *postgresBase) problems(ctx context.Context) ([]string, error) {
	return postgresProblems(ctx, b.url())
}

func postgresProblems(ctx context.Context, url secret.Value) ([]string, error) {
	s, err := postgres.Open(ctx, url, postgres.Options{})
	if err != nil {
		return nil, err
	}
	return storecheck.Problems(ctx, s.Store), s.Close()
}

func (b *postgresBase) ways(ctx context.Context, _ string) ([]*Way, map[string]string, error) {
	network, address, err := serverOf(b.direct)
	if err != nil {
		return nil, nil, err
	}
	w, err := NewWay(ctx, network, address)
	if err != nil {
		return nil, nil, err
	}
	through, err := through(b.direct, w.Addr())
	return []*Way{w}, map[string]string{"database": through}, err
}

// errDatabaseURL repeats nothing of a URL: it may hold a password.
var errDatabaseURL = errors.New("the database is not named by a URL of PostgreSQL; write postgres://user:password@host:5432/name")

// serverOf finds where a database's server listens.
func serverOf(database secret.Value) (network, address string, err error) {
	c, err := pgx.ParseConfig(database.RevealString())
	if err != nil {
		return "", "", errDatabaseURL
	}
	port := strconv.Itoa(int(c.Port))
	if strings.HasPrefix(c.Host, "/") {
		return "unix", filepath.Join(c.Host, ".s.PGSQL."+port), nil
	}
	return "tcp", net.JoinHostPort(c.Host, port), nil
}

// through names the same database over other addresses.
func through(database secret.Value, addresses ...string) (string, error) {
	u, err := url.Parse(database.RevealString())
	if err != nil {
		return "", errDatabaseURL
	}
	q := u.Query()
	if q.Get("sslmode") == "" {
		q.Set("sslmode", "disable") // the way begins on loopback
	}
	if user := q.Get("user"); user != "" {
		u.User = url.User(user)
	}
	for _, name := range []string{"host", "port", "user"} {
		q.Del(name)
	}
	if len(addresses) > 1 {
		q.Set("target_session_attrs", "read-write")
	}
	u.Host, u.RawQuery = strings.Join(addresses, ","), q.Encode()
	return u.String(), nil
}

// openBase opens the database that the settings name.
func (r *run) openBase(ctx context.Context) (base, error) {
	switch {
	case r.SQLite:
		return sqliteBase{data: dataOf(r.dir, 0)}, nil
	case !r.Database.IsZero():
		if _, _, err := serverOf(r.Database); err != nil {
			return nil, err
		}
		return &postgresBase{direct: r.Database}, nil
	}
	var b base
	var err error
	if r.Failover {
		b, err = newFailover(ctx)
	} else {
		b, err = newOwn(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("%w; or name a server with --database, or try --sqlite", err)
	}
	return b, nil
}
