package chaos

import (
	"context"
	"database/sql"
	"errors"

	"github.com/zhanggui/zhanggui/internal/store/pgtest"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// failoverBase is a primary with a synchronous standby, as Patroni keeps them.
// Replicas name both and take the one that can be written to.
type failoverBase struct {
	primary, standby *pgtest.Server
	database         string
}

// newFailover starts both servers and makes a database.
func newFailover(ctx context.Context) (*failoverBase, error) {
	primary, err := newPostgres(ctx)
	if err != nil {
		return nil, err
	}
	standby, err := primary.own.Standby(ctx)
	if err != nil {
		return nil, errors.Join(err, primary.close())
	}
	name, err := databaseOf(primary.url)
	return &failoverBase{primary: primary.own, standby: standby, database: name}, err
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

// open gives connections to the server that can be written to.
func (b *failoverBase) open(context.Context) (*sql.DB, error) {
	var sockets []string
	for _, u := range b.urls() {
		_, address, err := serverOf(u)
		if err != nil {
			return nil, err
		}
		sockets = append(sockets, address)
	}
	return openEither(b.database, sockets)
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
