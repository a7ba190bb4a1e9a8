package standby_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/feed"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/standby"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// world is a shared store, a file that stands by, and what is between them. The
// shared store is SQLite: which database it is makes no difference here.
type world struct {
	t     *testing.T
	main  *sqlstore.Store
	vault *vault.Vault
	path  string
	file  *standby.File
	copy  *standby.Copy
	feed  *feed.Feed
	reads *standby.Reads
	shut  *shut
	now   time.Time
	logs  *slog.Logger
}

const database = "database-1"

var start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

func newWorld(t *testing.T) *world {
	t.Helper()
	main, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "zhanggui.db"), sqlite.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, main.Close()) })
	kek, err := vault.FileKEK(filepath.Join(t.TempDir(), "master.key"), true)
	must(t, err)
	v, wrapped, err := vault.Create(t.Context(), kek)
	must(t, err)
	_, err = main.CreateKeyset(t.Context(), wrapped, done("key.create", ""))
	must(t, err)
	w := &world{t: t, main: main, vault: v, path: filepath.Join(t.TempDir(), standby.FileName), now: start,
		shut: &shut{Store: main}, logs: slog.New(slog.NewTextHandler(t.Output(), nil))}
	w.declare(access.Declaration{At: start,
		Apps: []access.App{
			{ID: "shop-tea", Kind: access.ShopApp, AppID: "wx00000000000000b1", Secret: []byte("sealed"), SecretVersion: 1, APIHosts: []string{"https://api.example.com"}},
			{ID: "shop-rice", Kind: access.ShopApp, AppID: "wx00000000000000b2", Secret: []byte("sealed"), SecretVersion: 1},
		},
		Tenants: []access.Tenant{{ID: "lantian", Name: "蓝天"}},
		Shops:   []access.Shop{{ID: "tea", TenantID: "lantian", App: "shop-tea", Name: "茶"}, {ID: "rice", TenantID: "lantian", App: "shop-rice", Name: "米"}},
		Clients: []access.Client{{ID: "erp", KeyHash: access.HashKey("erp-key"), Mode: access.Read, Shops: []string{"rice", "tea"}, CreatedAt: start}},
	}, done("client.create", "client:erp"))
	w.renew("tea")
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func done(action, subject string) audit.Entry {
	return audit.Entry{At: start, Actor: audit.Actor{Kind: audit.ActorOperator}, Action: action, Subject: subject, Outcome: audit.Done}
}

func (w *world) declare(d access.Declaration, entries ...audit.Entry) {
	w.t.Helper()
	var err error
	d.Revision, err = w.main.Revision(w.t.Context())
	must(w.t, err)
	must(w.t, w.main.Declare(w.t.Context(), d, entries...))
}

func (w *world) grant(shop string) grant.Grant {
	w.t.Helper()
	g, err := w.main.ShopGrant(w.t.Context(), shop)
	must(w.t, err)
	return g
}

// claim takes the lease of a shop's grant.
func (w *world) claim(shop string) grant.Claim {
	w.t.Helper()
	c, err := w.main.Claim(w.t.Context(), w.grant(shop).ID, grant.ClaimRequest{Owner: "r_test", Now: w.now, For: 30 * time.Second, Limit: 1})
	must(w.t, err)
	return c
}

// settlement is what a refresh of a claim brings.
func (w *world) settlement(c grant.Claim) grant.Effects {
	w.t.Helper()
	next := c.Grant.Tokens.Generation + 1
	sealed, err := w.vault.Seal(secret.FromString("token-"+rand.Text()), vault.GrantAccess(c.Grant.ID, string(c.Grant.Kind), next))
	must(w.t, err)
	return grant.Effects{At: w.now, Settle: &grant.Settlement{
		GrantID: c.Grant.ID, Term: c.Grant.Lease.Term, From: c.Grant.Tokens.Generation, State: grant.Active, Routine: true,
		DueAt: w.now.Add(115 * time.Minute), Tokens: &grant.Tokens{Generation: next, Access: sealed, AccessExpires: w.now.Add(2 * time.Hour)},
	}}
}

// renew gives a shop's grant new tokens.
func (w *world) renew(shop string) grant.Grant {
	w.t.Helper()
	errs, err := w.main.Settle(w.t.Context(), []grant.Effects{w.settlement(w.claim(shop))})
	must(w.t, err)
	must(w.t, errs[0])
	return w.grant(shop)
}

// begin opens the file and connects everything, as a start does.
func (w *world) begin(page int) {
	w.t.Helper()
	var err error
	w.file, err = standby.OpenOrBegin(w.t.Context(), w.path, w.logs)
	must(w.t, err)
	file := w.file
	w.t.Cleanup(func() { _ = file.Close() }) // a second close says nothing new
	w.file.Unlock(w.vault)
	clock := func() time.Time { return w.now }
	c, from, err := standby.NewCopy(w.t.Context(), standby.CopyOptions{File: w.file, Source: w.shut, Database: database, Now: clock, Log: w.logs, Page: page, Share: 1})
	must(w.t, err)
	w.copy = c
	w.reads = standby.NewReads(standby.ReadsOptions{Main: w.shut, File: w.file, State: c.State, Database: database, Now: clock, Log: w.logs})
	w.feed = feed.New(feed.Options{Log: w.shut, Listener: listener{w}, Now: clock, From: from})
}

// listener connects the feed as the app does.
type listener struct{ w *world }

func (l listener) Changed(ctx context.Context, c feed.Change) error { return l.w.copy.Changed(ctx, c) }
func (l listener) Current(ctx context.Context, at time.Time) {
	l.w.reads.Up(ctx)
	l.w.copy.Current(ctx, at)
}
func (l listener) Lost(ctx context.Context, err error) { l.w.reads.Down(ctx, err) }

// follow reads the log to its end and writes everything into the file.
func (w *world) follow() {
	w.t.Helper()
	w.now = w.now.Add(10 * time.Second)
	w.feed.Poll(w.t.Context())
	w.copy.Drain(w.t.Context())
}

// crash closes the file as a killed process would leave it.
func (w *world) crash() {
	w.t.Helper()
	must(w.t, w.file.Close())
}

// shut is the shared store behind a connection that can be cut.
type shut struct {
	*sqlstore.Store
	mu   sync.Mutex
	down error
}

func (s *shut) cut(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = err
}

func (s *shut) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.down
}

func reach[T any](s *shut, read func() (T, error)) (T, error) {
	if err := s.err(); err != nil {
		var zero T
		return zero, fmt.Errorf("read: %w", err)
	}
	return read()
}

func (s *shut) AuditHead(ctx context.Context) (int64, [32]byte, error) {
	if err := s.err(); err != nil {
		return 0, [32]byte{}, err
	}
	return s.Store.AuditHead(ctx)
}

func (s *shut) AuditEntries(ctx context.Context, after int64, limit int) ([]audit.Record, error) {
	return reach(s, func() ([]audit.Record, error) { return s.Store.AuditEntries(ctx, after, limit) })
}

func (s *shut) ClientByKey(ctx context.Context, hash []byte) (access.Client, error) {
	return reach(s, func() (access.Client, error) { return s.Store.ClientByKey(ctx, hash) })
}

func (s *shut) Shop(ctx context.Context, id string) (access.Shop, error) {
	return reach(s, func() (access.Shop, error) { return s.Store.Shop(ctx, id) })
}

func (s *shut) App(ctx context.Context, id string) (access.App, error) {
	return reach(s, func() (access.App, error) { return s.Store.App(ctx, id) })
}

func (s *shut) Apps(ctx context.Context) ([]access.App, error) {
	return reach(s, func() ([]access.App, error) { return s.Store.Apps(ctx) })
}

func (s *shut) Grant(ctx context.Context, id string) (grant.Grant, error) {
	return reach(s, func() (grant.Grant, error) { return s.Store.Grant(ctx, id) })
}

func (s *shut) ShopGrant(ctx context.Context, shop string) (grant.Grant, error) {
	return reach(s, func() (grant.Grant, error) { return s.Store.ShopGrant(ctx, shop) })
}

func (s *shut) Settle(ctx context.Context, batch []grant.Effects) ([]error, error) {
	return reach(s, func() ([]error, error) { return s.Store.Settle(ctx, batch) })
}

func (s *shut) Append(ctx context.Context, e ...audit.Entry) error {
	if err := s.err(); err != nil {
		return err
	}
	return s.Store.Append(ctx, e...)
}

// hanging does not answer before the caller gives up.
type hanging struct{ *shut }

func (hanging) ShopGrant(ctx context.Context, _ string) (grant.Grant, error) {
	<-ctx.Done()
	return grant.Grant{}, context.Cause(ctx)
}

func setVersion(path string, version int) error {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	_, err = db.Exec(fmt.Sprintf("PRAGMA user_version = %d", version))
	return errors.Join(err, db.Close())
}
