package scale

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/pgtest"
	"github.com/zhanggui/zhanggui/internal/store/postgres"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// databases are the kinds that everything is measured on.
var databases = []string{"sqlite", "postgres"}

// world is a data directory with a database of shops, which no server has open.
type world struct {
	tb  testing.TB
	dir string
	url secret.Value // of the database; empty for SQLite

	shops    int
	revision int64
}

// durable is a PostgreSQL server that writes to the disk before it answers, as a
// real one does. It ends with the process.
var durable = sync.OnceValues(func() (*pgtest.Server, error) {
	return pgtest.Start(context.Background(), pgtest.Options{Durable: true})
})

// newWorld makes one with an empty database.
func newWorld(tb testing.TB, database string) *world {
	tb.Helper()
	dir, err := os.MkdirTemp("", "zg") // short: sockets lie in it
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	w := &world{tb: tb, dir: dir}
	if database == "postgres" {
		server, err := durable()
		if err == nil {
			w.url, err = server.Create(tb.Context())
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	w.with(func(s *sqlstore.Store) error {
		key, err := w.master(true)
		if err != nil {
			return err
		}
		_, wrapped, err := vault.Create(tb.Context(), key)
		if err != nil {
			return err
		}
		_, err = s.CreateKeyset(tb.Context(), wrapped, w.entry("key.create", time.Now()))
		return err
	})
	return w
}

func (w *world) master(create bool) (vault.KEK, error) {
	return vault.FileKEK(filepath.Join(w.dir, app.MasterKeyFile), create)
}

func (w *world) entry(action string, at time.Time) audit.Entry {
	return audit.Entry{At: at, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: action, Outcome: audit.Done}
}

// open opens the store; it is to be closed.
func (w *world) open(ctx context.Context) (*sqlstore.Store, error) {
	if w.url.IsZero() {
		return sqlite.Open(ctx, filepath.Join(w.dir, app.DatabaseFile), sqlite.Options{})
	}
	s, err := postgres.Open(ctx, w.url, postgres.Options{})
	if err != nil {
		return nil, err
	}
	return s.Store, nil
}

// with does something with the store while no server has it.
func (w *world) with(do func(*sqlstore.Store) error) {
	w.tb.Helper()
	s, err := w.open(w.tb.Context())
	if err != nil {
		w.tb.Fatal(err)
	}
	if err := errors.Join(do(s), s.Close()); err != nil {
		w.tb.Fatal(err)
	}
}

func shopID(i int) string { return fmt.Sprintf("shop-%07d", i) }

// atOnce is how many shops are declared in one transaction.
const atOnce = 5000

// declare adds n shops, each of an account of its own, which are due at a time.
func (w *world) declare(n int, due time.Time) { w.spread(n, n, due, 0) }

// spread adds n shops, of which a part is due at a time, the next part a while
// later, and so on.
func (w *world) spread(n, part int, due time.Time, apart time.Duration) {
	w.tb.Helper()
	w.with(func(s *sqlstore.Store) error {
		v, err := w.openVault(w.tb.Context(), s)
		for at := due; err == nil && n > 0; at = at.Add(apart) {
			for left := min(part, n); err == nil && left > 0; left -= atOnce {
				d := w.declaration(v, min(left, atOnce), at)
				err = s.Declare(w.tb.Context(), d, w.entry("setup.apply", at))
			}
			n -= part
		}
		return err
	})
}

func (w *world) openVault(ctx context.Context, s *sqlstore.Store) (*vault.Vault, error) {
	wrapped, _, err := s.Keyset(ctx)
	if err != nil {
		return nil, err
	}
	key, err := w.master(false)
	if err != nil {
		return nil, err
	}
	return vault.Open(ctx, key, wrapped)
}

// declaration is the next n shops.
func (w *world) declaration(v *vault.Vault, n int, at time.Time) access.Declaration {
	d := access.Declaration{Revision: w.revision, At: at, Tenants: []access.Tenant{{ID: "many", Name: "众"}}}
	w.revision++
	for range n {
		i := w.shops
		a := access.App{ID: "app-" + shopID(i), AppID: appID(i), Kind: access.ShopApp, Name: "众", SecretVersion: 1}
		var err error
		if a.Secret, err = v.Seal(secret.FromString(appSecret(i)), vault.AppSecret(a.ID, 1)); err != nil {
			w.tb.Fatal(err)
		}
		d.Apps = append(d.Apps, a)
		d.Shops = append(d.Shops, access.Shop{ID: shopID(i), TenantID: "many", App: a.ID, Name: "众"})
		w.shops++
	}
	return d
}

// renew gives every grant that is due at a time a token that lives for two
// hours from then on, as a server would, but made up.
func (w *world) renew(now time.Time) {
	w.tb.Helper()
	sealed := make([]byte, 240)
	rand.Read(sealed) // never fails
	w.with(func(s *sqlstore.Store) error {
		for {
			claims, err := s.ClaimDue(w.tb.Context(), claimRequest(now, 500))
			if err != nil || len(claims) == 0 {
				return err
			}
			if _, err := s.Settle(w.tb.Context(), renewals(claims, now, sealed)); err != nil {
				return err
			}
		}
	})
}

func claimRequest(now time.Time, limit int) grant.ClaimRequest {
	return grant.ClaimRequest{Owner: "scale", Now: now, For: time.Minute, Limit: limit}
}

// renewals settle claims with tokens that are due again in an hour and more.
func renewals(claims []grant.Claim, now time.Time, sealed []byte) []grant.Effects {
	batch := make([]grant.Effects, len(claims))
	for i, c := range claims {
		g := c.Grant
		due := now.Add(time.Hour + time.Duration(i)*7*time.Second)
		batch[i] = grant.Effects{At: now, Settle: &grant.Settlement{
			GrantID: g.ID, Term: g.Lease.Term, From: g.Tokens.Generation, State: grant.Active, DueAt: due, Routine: true,
			Tokens: &grant.Tokens{Generation: g.Tokens.Generation + 1, Access: sealed, AccessExpires: now.Add(2 * time.Hour)},
		}}
	}
	return batch
}
