//go:build unix

package chaos

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/zhanggui/zhanggui/internal/store/pgtest"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// startPostgres starts a server and makes a database. It writes to the disk as a
// real one does.
func startPostgres(ctx context.Context) (*pgtest.Server, secret.Value, error) {
	own, err := pgtest.Start(ctx, pgtest.Options{Durable: true})
	if err != nil {
		return nil, secret.Value{}, err
	}
	u, err := own.Create(ctx)
	if err != nil {
		return nil, secret.Value{}, errors.Join(err, own.Close())
	}
	return own, u, nil
}

// newOwn is a database of a server of our own.
func newOwn(ctx context.Context) (base, error) {
	own, u, err := startPostgres(ctx)
	if err != nil {
		return nil, err
	}
	return &postgresBase{direct: u, own: own}, nil
}

// failoverBase is a primary with a synchronous standby, as Patroni keeps them.
// Replicas name both and take the one that can be written to.
type failoverBase struct {
	primary, standby *pgtest.Server
	database         string
}

// newFailover starts both servers and makes a database.
func newFailover(ctx context.Context) (base, error) {
	primary, u, err := startPostgres(ctx)
	if err != nil {
		return nil, err
	}
	standby, err := primary.Standby(ctx)
	if err != nil {
		return nil, errors.Join(err, primary.Close())
	}
	c, err := pgx.ParseConfig(u.RevealString())
	if err != nil {
		return nil, errors.Join(errDatabaseURL, standby.Close(), primary.Close())
	}
	return &failoverBase{primary: primary, standby: standby, database: c.Database}, nil
}

func (*failoverBase) name() string         { return "postgres with failover" }
func (*failoverBase) statements() []string { return postgresWitness }

func (b *failoverBase) close() error { return errors.Join(b.standby.Close(), b.primary.Close()) }

func (b *failoverBase) urls() []secret.Value {
	return []secret.Value{b.primary.URL(b.database), b.standby.URL(b.database)}
}

// failover ends the primary as a broken machine does, and promotes the standby.
func (b *failoverBase) failover(ctx context.Context) error {
	if err := b.primary.Kill(); err != nil {
		return err
	}
	return b.standby.Promote(ctx)
}

// url names both servers; the one that takes writes is meant.
func (b *failoverBase) url() secret.Value {
	q := url.Values{"target_session_attrs": {"read-write"}}
	var hosts, ports []string
	for _, u := range b.urls() {
		c, err := pgx.ParseConfig(u.RevealString())
		if err != nil {
			return secret.Value{} // our own servers have good names
		}
		q.Set("user", c.User)
		hosts, ports = append(hosts, c.Host), append(ports, strconv.Itoa(int(c.Port)))
	}
	q.Set("host", strings.Join(hosts, ","))
	q.Set("port", strings.Join(ports, ","))
	return secret.FromString("postgres:///" + b.database + "?" + q.Encode())
}

func (b *failoverBase) open(context.Context) (*sql.DB, error) {
	return sql.Open("pgx", b.url().RevealString())
}

func (b *failoverBase) problems(ctx context.Context) ([]string, error) {
	return postgresProblems(ctx, b.url())
}

func (b *failoverBase) ways(ctx context.Context, _ string) (ways []*Way, settings map[string]string, err error) {
	var addresses []string
	for _, u := range b.urls() {
		network, address, err := serverOf(u)
		if err != nil {
			return ways, nil, err
		}
		w, err := NewWay(ctx, network, address)
		if err != nil {
			return ways, nil, err
		}
		ways, addresses = append(ways, w), append(addresses, w.Addr())
	}
	url, err := through(b.urls()[0], addresses...)
	return ways, map[string]string{"database": url}, err
}
