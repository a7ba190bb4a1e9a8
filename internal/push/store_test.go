package push_test

import (
	"testing"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/push"
	"github.com/zhanggui/zhanggui/internal/store/pgtest"
	"github.com/zhanggui/zhanggui/internal/store/postgres"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/sqlitetest"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

// declare puts the apps and shops of the tests into a real store.
func declare(tb testing.TB, s *sqlstore.Store) {
	tb.Helper()
	d := access.Declaration{At: start, Apps: apps(), Shops: shops()}
	for i := range d.Apps {
		d.Apps[i].Secret, d.Apps[i].SecretVersion = []byte("sealed"), 1
	}
	for _, shop := range d.Shops {
		d.Tenants = append(d.Tenants, access.Tenant{ID: shop.TenantID})
	}
	err := s.Declare(tb.Context(), d, audit.Entry{At: start, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "setup.apply", Outcome: audit.Done})
	if err != nil {
		tb.Fatal(err)
	}
}

// onSQLite gives a store on a file.
func onSQLite(tb testing.TB) *sqlstore.Store {
	tb.Helper()
	s, err := sqlite.Open(tb.Context(), sqlitetest.Path(tb), sqlite.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { closed(tb, s) })
	declare(tb, s)
	return s
}

// onPostgres gives a store on a server that writes to the disk as a real one does.
func onPostgres(tb testing.TB) *sqlstore.Store {
	tb.Helper()
	server, err := pgtest.Start(tb.Context(), pgtest.Options{Durable: true})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { closed(tb, server) })
	url, err := server.Create(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	s, err := postgres.Open(tb.Context(), url, postgres.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { closed(tb, s) })
	declare(tb, s.Store)
	return s.Store
}

func closed(tb testing.TB, c interface{ Close() error }) {
	tb.Helper()
	if err := c.Close(); err != nil {
		tb.Error(err)
	}
}

// over puts a real store under a rig.
func over(s *sqlstore.Store) func(*push.Options) {
	return func(o *push.Options) { o.Store = s }
}
