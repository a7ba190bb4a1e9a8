package keeper

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/sqlitetest"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/store/storecheck"
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
	s, err := sqlite.Open(t.Context(), sqlitetest.Path(t), sqlite.Options{})
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

// TestPlatformOnFile: a platform, its ticket and an account in a real database: the
// account's lost refresh token is found, kept and used, and everything that the
// audit log says of the grants is so.
func TestPlatformOnFile(t *testing.T) {
	f := newOnFile(t)
	box, k := &boxVault{}, f.keepers[0]
	k.opt.Components = f.store
	f.declareAgency(box)
	f.wechat.comp.tickets["ticket-1"] = 0
	f.wechat.comp.accounts["wx00000000000000b1"] = &account{refresh: "user-refresh-2", access: map[string]bool{}}
	if _, err := k.Token(t.Context(), "hongchen"); err == nil {
		t.Fatal("a token came without the platform's")
	}
	at := time.Now()
	ticket := grant.Ticket{App: "agency", CreatedAt: at, SeenAt: at}
	ticket.Value, _ = box.Seal(secret.FromString("ticket-1"), vault.Ticket("agency", at))
	errs, err := f.store.RecordPush(t.Context(), []grant.Push{{
		App: "agency", Digest: []byte("digest of the first"), At: at, Effects: grant.Effects{At: at, Ticket: &ticket},
	}})
	if err != nil || errs[0] != nil {
		t.Fatal(errs, err)
	}
	if _, err := k.ComponentToken(t.Context(), "agency"); err != nil {
		t.Fatalf("the ticket did not make it due: %v", err)
	}
	stop := running(k)
	defer stop()
	eventually(t, func() bool { _, err := k.Token(t.Context(), "hongchen"); return err == nil })
	g, err := f.store.ShopGrant(t.Context(), "hongchen")
	if err != nil || g.Tokens.Generation != 3 || g.State != grant.Active || f.wechat.comp.finds != 1 {
		t.Errorf("%s, generation %d after %d lookups, %v", g.State, g.Tokens.Generation, f.wechat.comp.finds, err)
	}
	if problems := storecheck.Problems(t.Context(), f.store); len(problems) > 0 {
		t.Error(problems)
	}
}

// declareAgency writes a platform and a shop that authorised it, whose kept refresh
// token WeChat does not take any more.
func (f *onFile) declareAgency(v *boxVault) {
	f.t.Helper()
	app := access.App{ID: "agency", AppID: "wx00000000000000c1", Kind: access.Component, Name: "代运营", SecretVersion: 1}
	app.Secret, _ = v.Seal(secret.FromString("app-secret-agency"), vault.AppSecret(app.ID, 1))
	d := access.Declaration{
		Revision: 1, At: time.Now(), Apps: []access.App{app},
		Tenants: []access.Tenant{{ID: "other", Name: "红尘"}},
		Shops:   []access.Shop{{ID: "hongchen", TenantID: "other", App: app.ID, AppID: "wx00000000000000b1", Name: "红尘"}},
	}
	e := audit.Entry{At: d.At, Actor: audit.Actor{Kind: audit.ActorOperator}, Action: "setup.apply", Outcome: audit.Done}
	if err := f.store.Declare(f.t.Context(), d, e); err != nil {
		f.t.Fatal(err)
	}
	tokens := grant.Tokens{Generation: 1}
	tokens.Refresh, _ = v.Seal(secret.FromString("user-refresh-1"), vault.GrantRefresh("g_hongchen", "isv", 1))
	err := f.store.Authorise(f.t.Context(), grant.Effects{At: d.At, Authorise: &grant.Authorisation{
		GrantID: "g_hongchen", Kind: grant.ISV, App: app.ID, ShopID: "hongchen", Authorizer: "wx00000000000000b1",
		Tokens: &tokens, DueAt: d.At,
	}, Audit: []audit.Entry{{At: d.At, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "grant.authorise", Subject: "grant:g_hongchen", Outcome: audit.Done}}})
	if err != nil {
		f.t.Fatal(err)
	}
}

// eventually waits in real time for what a running keeper does by itself.
func eventually(t *testing.T, done func() bool) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for end := time.Now().Add(30 * time.Second); !done(); <-ticker.C {
		if time.Now().After(end) {
			t.Fatal("it did not happen within half a minute")
		}
	}
}
