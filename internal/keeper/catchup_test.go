package keeper

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/sqlitetest"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// far is a platform some way off: every request takes so long.
type far struct {
	Platform
	away time.Duration
	n    atomic.Int64
}

func (f *far) Stable(ctx context.Context, app appT, _ secretT, _ bool) (Answer, error) {
	pause(ctx, f.away)
	return Answer{Access: secret.FromString(fmt.Sprintf("token-%s-%0140d", app.ID, f.n.Add(1))), ExpiresIn: 2 * time.Hour}, nil
}

// dueShops is a database file with so many shops that are due.
func dueShops(tb testing.TB, v Vault, n int) *sqlstore.Store {
	s, err := sqlite.Open(tb.Context(), sqlitetest.Path(tb), sqlite.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	d := access.Declaration{At: time.Now(), Tenants: []access.Tenant{{ID: "demo", Name: "蓝天"}}}
	for i := range n {
		app := access.App{ID: fmt.Sprintf("app-%06d", i), AppID: fmt.Sprintf("wx%016x", i), Kind: access.ShopApp, SecretVersion: 1}
		app.Secret, _ = v.Seal(secret.FromString("app-secret-"+app.ID), vault.AppSecret(app.ID, 1))
		d.Apps = append(d.Apps, app)
		d.Shops = append(d.Shops, access.Shop{ID: fmt.Sprintf("s%06d", i), TenantID: "demo", App: app.ID, Name: "蓝天"})
	}
	e := audit.Entry{At: d.At, Actor: audit.Actor{Kind: audit.ActorOperator}, Action: "setup.apply", Outcome: audit.Done}
	if err := s.Declare(context.Background(), d, e); err != nil {
		tb.Fatal(err)
	}
	return s
}

// BenchmarkCatchUp is a backlog of due shops on SQLite, with WeChat so far away:
// refreshes a second.
func BenchmarkCatchUp(b *testing.B) {
	for _, away := range []time.Duration{0, 20 * time.Millisecond, 80 * time.Millisecond} {
		b.Run(away.String(), func(b *testing.B) {
			const shops = 10_000
			v := &boxVault{}
			for b.Loop() {
				b.StopTimer()
				s, w := dueShops(b, v, shops), &far{away: away}
				k := New(Options{Store: s, Ledger: s, Vault: v, Platform: w, Owner: "one", Pace: 1_000_000})
				ctx, cancel := context.WithCancel(context.Background())
				b.StartTimer()
				done := make(chan struct{})
				go func() { defer close(done); k.Run(ctx) }()
				tick := time.NewTicker(10 * time.Millisecond)
				for w.n.Load() < shops {
					<-tick.C
				}
				cancel()
				<-done
			}
			b.ReportMetric(shops*float64(b.N)/b.Elapsed().Seconds(), "refreshes/s")
		})
	}
}

// TestCatchUp: every one of a backlog is renewed once.
func TestCatchUp(t *testing.T) {
	const shops = 700
	v := &boxVault{}
	s, w := dueShops(t, v, shops), &far{}
	k := New(Options{Store: s, Ledger: s, Vault: v, Platform: w, Owner: "one"})
	stop := running(k)
	deadline := time.After(time.Minute)
	for tick := time.Tick(10 * time.Millisecond); w.n.Load() < shops; {
		select {
		case <-tick:
		case <-deadline:
			t.Fatalf("%d of %d", w.n.Load(), shops)
		}
	}
	stop()
	all, err := s.Grants(t.Context(), grant.Filter{})
	if err != nil || len(all) != shops || w.n.Load() != shops {
		t.Fatalf("%d grants, %d requests, %v", len(all), w.n.Load(), err)
	}
	for _, g := range all {
		if g.Tokens.Generation != 1 || g.SettledTerm != g.Lease.Term {
			t.Errorf("%s: generation %d, term %d of %d settled", g.ID, g.Tokens.Generation, g.SettledTerm, g.Lease.Term)
		}
	}
}
