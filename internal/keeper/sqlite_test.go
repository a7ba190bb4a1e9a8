package keeper

import (
	"context"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// TestStampedeOnFile: a thousand callers over four keepers on one real
// database, with the real clock. What they want is asked for once.
func TestStampedeOnFile(t *testing.T) {
	tests := []struct {
		name   string
		warm   bool
		later  time.Duration
		dies   bool
		call   func(k *Keeper) (Token, error)
		probes int
	}{
		{name: "cold", call: callToken},
		{name: "expired", warm: true, later: 3 * time.Hour, call: callToken},
		{name: "all report 42001", warm: true, dies: true, probes: 1, call: callReport},
		{name: "expired, all report 42001", warm: true, later: 3 * time.Hour, call: callReport},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newOnFile(t)
			if tt.warm {
				for _, k := range f.keepers {
					if _, err := callToken(k); err != nil {
						t.Fatal(err)
					}
				}
			}
			f.later.Store(int64(tt.later))
			if tt.dies {
				f.wechat.forgets()
			}
			before, _, _ := f.wechat.count()
			f.stampede(tt.call)
			asks, forced, probes := f.wechat.count()
			if asks-before != 1 || forced != 0 || probes != tt.probes {
				t.Errorf("%d asks, %d forced, %d probes; want 1, 0, %d", asks-before, forced, probes, tt.probes)
			}
		})
	}
}

func callToken(k *Keeper) (Token, error)  { return k.Token(context.Background(), "lantian") }
func callReport(k *Keeper) (Token, error) { return k.Report(context.Background(), complaint(1, 42001)) }

// onFile is four keepers on one database file.
type onFile struct {
	t       *testing.T
	store   *sqlstore.Store
	wechat  *fakeWeChat
	keepers []*Keeper
	later   atomic.Int64 // how far the keepers' clock is ahead
}

func newOnFile(t *testing.T) *onFile {
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "zhanggui.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	f := &onFile{t: t, store: s, wechat: newFakeWeChat()}
	f.wechat.latency = 50 * time.Millisecond
	f.declare(&boxVault{})
	for i := range 4 {
		f.keepers = append(f.keepers, New(Options{
			Store: s, Ledger: s, Vault: &boxVault{}, Platform: f.wechat, Owner: string(rune('a' + i)), Now: f.now,
		}))
	}
	// Before the database closes: what callers started ends by itself.
	t.Cleanup(func() {
		for _, k := range f.keepers {
			k.flights.drain()
		}
	})
	return f
}

func (f *onFile) now() time.Time { return time.Now().Add(time.Duration(f.later.Load())) }

// declare writes one shop with its app.
func (f *onFile) declare(v *boxVault) {
	app := access.App{ID: "app-lantian", AppID: "wx00000000000000a1", Kind: access.ShopApp, Name: "蓝天", SecretVersion: 1}
	app.Secret, _ = v.Seal(secret.FromString("app-secret-"+app.ID), vault.AppSecret(app.ID, 1))
	d := access.Declaration{
		At: time.Now(), Apps: []access.App{app},
		Tenants: []access.Tenant{{ID: "demo", Name: "蓝天"}},
		Shops:   []access.Shop{{ID: "lantian", TenantID: "demo", App: app.ID, Name: "蓝天"}},
	}
	e := audit.Entry{At: d.At, Actor: audit.Actor{Kind: audit.ActorOperator}, Action: "setup.apply", Outcome: audit.Done}
	if err := f.store.Declare(f.t.Context(), d, e); err != nil {
		f.t.Fatal(err)
	}
}

// stampede has a thousand callers want the same at once.
func (f *onFile) stampede(call func(*Keeper) (Token, error)) {
	f.t.Helper()
	var wg sync.WaitGroup
	var values sync.Map
	for i := range 1000 {
		wg.Go(func() {
			tok, err := call(f.keepers[i%len(f.keepers)])
			if err != nil || !f.now().Before(tok.Expires) {
				f.t.Errorf("caller %d: generation %d until %v, %v", i, tok.Generation, tok.Expires, err)
				return
			}
			values.Store(tok.Value.RevealString(), true)
		})
	}
	wg.Wait()
	n := 0
	values.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		f.t.Errorf("%d different tokens were handed out", n)
	}
}
