package adminapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/catalogue"
	"github.com/zhanggui/zhanggui/internal/clock"
	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/movein"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/relay"
	"github.com/zhanggui/zhanggui/internal/review"
	"github.com/zhanggui/zhanggui/internal/rotate"
	"github.com/zhanggui/zhanggui/internal/setup"
	"github.com/zhanggui/zhanggui/internal/signer"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/sqlitetest"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/stranger"
	"github.com/zhanggui/zhanggui/internal/vault"
)

// epoch is the tests' present.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	appSecret  = "sandbox-secret-service-account-1"
	shopSecret = "sandbox-secret-shop-000000000001"
)

// rig is the interface on a real store, asked as handlers are.
type rig struct {
	older    map[int64]audit.Checkpoint // heads that only the file has
	t        *testing.T
	store    *sqlstore.Store
	handler  http.Handler
	at       time.Time // now
	kicked   []string
	behind   time.Duration
	accepted []audit.Actor // who accepted the clock
	tested   []audit.Actor // who tried the channels
	seen     []string      // every answer's body

	reconciled []audit.Actor // who compared a platform
	kept       []access.Request
	trying     func() // runs while channels are tried
	meanwhile  func() // runs once, between the look at a client and its end
}

func newRig(t *testing.T) *rig {
	t.Helper()
	store, err := sqlite.Open(t.Context(), sqlitetest.Path(t), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return newRigOn(t, store)
}

// newRigOn is newRig on a store that somebody else closes.
func newRigOn(t *testing.T, store *sqlstore.Store) *rig {
	t.Helper()
	kek, err := vault.FileKEK(filepath.Join(t.TempDir(), "master.key"), true)
	if err != nil {
		t.Fatal(err)
	}
	v, _, err := vault.Create(t.Context(), kek)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, store: store, at: epoch}
	now := func() time.Time { return r.at }
	mux := http.NewServeMux()
	adminapi.Mount(mux, adminapi.Options{
		Version: "test", Now: now, Setup: setup.New(store, v, now, config.Rules{PublicHost: "zhanggui.example.com"}), Directory: store, Grants: store, Keeper: r,
		Clients:  clients{store, r},
		Members:  store,
		People:   store,
		OIDC:     store,
		Signing:  signer.New(signer.Options{Store: store, Vault: v, Now: now}),
		Invites:  store,
		Sessions: store,
		Admins:   store,
		Log:      store,
		Proofs:   store,
		OlderHead: func(size int64) (audit.Checkpoint, bool, error) {
			c, ok := r.older[size]
			return c, ok, nil
		},
		Keys:          &keyring{vault: v},
		Notices:       store,
		Alerts:        store,
		AlertRules:    []adminapi.AlertRuleView{{Kind: "grant.stopped", Severity: "critical", How: "condition", GroupedBy: []string{"errcode"}}},
		Runbook:       func(k notice.Kind) string { return "https://example.com/runbooks/" + string(k) + ".md" },
		Channels:      r,
		Clock:         r,
		Quotas:        r,
		Doctor:        r,
		Support:       r,
		Platforms:     platforms{store, r},
		Radar:         store,
		Strangers:     stranger.New(stranger.Options{Store: store, Now: now}),
		Killer:        store,
		Subscriptions: relay.New(relay.Options{Store: store, Clients: store, Vault: v, Owner: "test", Now: now, Transport: func(bool) http.RoundTripper { return gone{} }}),
		Mover:         movein.New(movein.Options{Store: store, Vault: v, Now: now, Moved: func(ids []string) { r.kicked = append(r.kicked, ids...) }}),
		Rotations:     rotate.New(rotate.Options{Directory: store, Store: store, Grants: store, Vault: v, WeChat: r, Now: now}),
		Requests:      requests{store, r}, Sealer: v,
		Reviews: review.New(review.Options{Store: store, Catalogue: catalogue.Default(), Every: 90 * 24 * time.Hour, Now: now,
			Sealing: func(time.Time) []review.SealingKey { return nil }}),
		Renewals: review.NewRenewals(review.RenewalOptions{Store: store, Links: r, Now: now, Link: func(p string) string { return "https://zhanggui.example.com" + p }}),
		Link:     func(p string) string { return "https://zhanggui.example.com" + p }, PublicHost: "zhanggui.example.com",
	})
	r.handler = mux
	return r
}

// gone is a receiver that has nothing to do with us any more.
type gone struct{}

// RoundTrip implements http.RoundTripper.
func (gone) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusGone, Body: http.NoBody}, nil
}

// Behind implements adminapi.Clock.
func (r *rig) Behind() time.Duration { return r.behind }

// Skew implements adminapi.Clock.
func (r *rig) Skew() clock.Estimate {
	return clock.Estimate{Ours: 1500 * time.Millisecond, Bound: 500 * time.Millisecond, Samples: 9}
}

// Accept implements adminapi.Clock.
func (r *rig) Accept(_ context.Context, by audit.Actor) error {
	if r.behind < 0 {
		return clock.ErrWrong
	}
	r.behind, r.accepted = 0, append(r.accepted, by)
	return nil
}

// DeclaredChannels implements adminapi.Channels.
func (r *rig) DeclaredChannels(ctx context.Context) ([]access.Channel, int, error) {
	made, err := r.store.DeclaredChannels(ctx)
	return append([]access.Channel{{Name: "company", Kind: access.Slack, Language: "en"}}, made...), 1, err
}

// RemoveChannel implements adminapi.Channels.
func (r *rig) RemoveChannel(ctx context.Context, by audit.Actor, name string) error {
	return r.store.RemoveChannel(ctx, name, epoch, audit.Entry{At: epoch, Actor: by, Action: "channel.remove", Subject: "channel:" + name, Outcome: audit.Done})
}

// TestChannel implements adminapi.Channels.
func (r *rig) TestChannel(ctx context.Context, _ audit.Actor, name string) (notice.Tried, error) {
	_, err := r.store.DeclaredChannel(ctx, name)
	return notice.Tried{Channel: name, Reason: "answered errcode 93000", Took: time.Second}, err
}

// AccountLink implements review.Links.
func (r *rig) AccountLink(_ context.Context, app, appID string, _ time.Time) (string, error) {
	return "https://zhanggui.example.com/link/" + app + appID, nil
}

// TestChannels implements adminapi.Channels.
func (r *rig) TestChannels(_ context.Context, by audit.Actor) ([]notice.Tried, error) {
	if r.trying != nil {
		r.trying()
	}
	r.tested = append(r.tested, by)
	return []notice.Tried{{Channel: "log", Taken: true, Took: time.Millisecond}, {Channel: "webhook:hooks.example.com:00000000", Reason: "answered 500", Took: time.Second}}, nil
}

// platforms is the store with a comparison that says who asked for it.
type platforms struct {
	*sqlstore.Store
	r *rig
}

// clients is the store in the moment before a key ends.
type clients struct {
	*sqlstore.Store
	r *rig
}

// RevokeClient implements adminapi.Clients.
func (c clients) RevokeClient(ctx context.Context, id string, now time.Time, entries ...audit.Entry) error {
	if c.r.meanwhile != nil {
		c.r.meanwhile()
		c.r.meanwhile = nil
	}
	return c.Store.RevokeClient(ctx, id, now, entries...)
}

// requests is the store with a look at what it is given.
type requests struct {
	*sqlstore.Store
	r *rig
}

// FinishRequest implements adminapi.Requests.
func (q requests) FinishRequest(ctx context.Context, a access.Request) error {
	q.r.kept = append(q.r.kept, a)
	return q.Store.FinishRequest(ctx, a)
}

// LinkAddress implements adminapi.Platforms.
func (p platforms) LinkAddress(app access.App, l grant.Link) (string, error) {
	if app.CallbackHost == "" {
		return "", errors.New("no host")
	}
	return "https://" + app.CallbackHost + "/link/" + l.ID + "?" + string(l.Kind) + l.AppID + fmt.Sprint(l.Sets), nil
}

// Reconcile implements adminapi.Platforms.
func (p platforms) Reconcile(_ context.Context, app string, by audit.Actor, dry bool) (grant.Reconciliation, error) {
	if app != "market" {
		return grant.Reconciliation{}, access.ErrNotFound
	}
	p.r.reconciled = append(p.r.reconciled, by)
	r := grant.Reconciliation{App: app, At: epoch, DryRun: dry, Complete: true, Total: 3, Listed: 3, Kept: 2}
	r.Note(grant.Found{AppID: "wx00000000000000a1", ShopID: "tea", What: grant.FoundLost})
	return r, nil
}

// Kick implements adminapi.Keeper.
func (r *rig) Kick(id string) { r.kicked = append(r.kicked, id) }

// keyring keeps no keyset: the vault's tests look at that.
type keyring struct {
	vault *vault.Vault
	mu    sync.Mutex
	by    []audit.Actor
}

func (k *keyring) Keys() []vault.Key { return k.vault.Keys() }

func (k *keyring) Rotate(ctx context.Context, by audit.Actor) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.by = append(k.by, by)
	return k.vault.Rotate(ctx, func([]byte) error { return nil })
}

// operator is who asks, if not said otherwise.
var operator = audit.Actor{Kind: audit.ActorOperator}

// raw sends a body as it is.
func (r *rig) raw(by audit.Actor, method, path, contentType, body string) *httptest.ResponseRecorder {
	r.t.Helper()
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	req = req.WithContext(adminapi.WithActor(req.Context(), by))
	return r.serve(req)
}

func (r *rig) serve(req *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	r.handler.ServeHTTP(rec, req)
	r.seen = append(r.seen, rec.Body.String())
	return rec
}

// headed sends a body with a header.
func (r *rig) headed(by audit.Actor, method, path, header, value, body string) *httptest.ResponseRecorder {
	r.t.Helper()
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(header, value)
	return r.serve(req.WithContext(adminapi.WithActor(req.Context(), by)))
}

// say sends in as JSON.
func (r *rig) say(method, path string, in any) *httptest.ResponseRecorder {
	r.t.Helper()
	if in == nil {
		return r.raw(operator, method, path, "", "")
	}
	b, err := json.Marshal(in)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.raw(operator, method, path, "application/json", string(b))
}

// ask is say for what must work.
func (r *rig) ask(method, path string, in, out any) {
	r.t.Helper()
	rec := r.say(method, path, in)
	if rec.Code >= 300 {
		r.t.Fatalf("%s %s: %d %s", method, path, rec.Code, rec.Body)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(rec.Body.Bytes(), out); err != nil {
		r.t.Fatalf("%s %s: %v: %s", method, path, err, rec.Body)
	}
}

// list reads a list.
func list[T any](r *rig, path string) []T {
	r.t.Helper()
	var out struct{ Items []T }
	r.ask("GET", path, nil, &out)
	return out.Items
}

// manifest declares one of everything.
func manifest() adminapi.Manifest {
	return adminapi.Manifest{
		Apps: []adminapi.ManifestApp{{ID: "fuwuhao", Kind: "service_account", AppID: "wx00000000000000a1", Secret: appSecret, Name: "服务号",
			CallbackHost: "zhanggui.example.com", VerifyName: "MP_verify_demo0000demo0000.txt", VerifyBody: "demo0000demo0000"}},
		Tenants: []adminapi.ManifestTenant{{ID: "lantian", Name: "蓝天文具"}, {ID: "tea", Name: "红土"}},
		Shops:   []adminapi.ManifestShop{{ID: "lantian", Tenant: "lantian", Name: "蓝天文具店", AppID: "wx00000000000000c1", Secret: shopSecret}},
		Clients: []adminapi.ManifestClient{{ID: "erp", Name: "ERP", Shops: []string{"lantian"}, Mode: "read"}},
	}
}

func (r *rig) declare() (out adminapi.Applied) {
	r.t.Helper()
	r.ask("POST", "/v1/apply", manifest(), &out)
	return out
}

// login makes a person with a grant and a session, as a callback does.
func (r *rig) login(n int, take *grant.Take) access.Session {
	r.t.Helper()
	person := fmt.Sprintf("p_%04d", n)
	_, hash := access.NewKey(access.SessionPrefix)
	s := access.Session{ID: fmt.Sprintf("s_%04d", n), TokenHash: hash, PersonID: person, App: "fuwuhao", Door: access.DoorWeChat,
		CreatedAt: epoch, SeenAt: epoch, ProvedAt: epoch, ExpiresAt: epoch.Add(time.Hour), IdleLimit: time.Hour, Device: "WeChat, Android"}
	state := fmt.Appendf(nil, "state %d", n)
	if _, err := r.store.UseState(r.t.Context(), grant.Callback{App: "fuwuhao", StateHash: state, CodeHash: fmt.Appendf(nil, "code %d", n), At: epoch}); err != nil {
		r.t.Fatal(err)
	}
	e := grant.Effects{At: epoch,
		Login: &grant.Login{StateHash: state, NewPerson: person, Session: s, Take: take,
			Identity: access.Identity{App: "fuwuhao", OpenID: fmt.Sprintf("o_demo_owner_%04d", n), PersonID: person, SeenAt: epoch}},
		Authorise: &grant.Authorisation{GrantID: fmt.Sprintf("g_%04d", n), Kind: grant.User, App: "fuwuhao", PersonID: person,
			OpenID: fmt.Sprintf("o_demo_owner_%04d", n), Scope: "snsapi_base", DueAt: epoch,
			Tokens: &grant.Tokens{Generation: 1, Access: []byte("sealed"), AccessExpires: epoch.Add(time.Hour), Refresh: []byte("sealed"),
				RefreshIssued: epoch, RefreshExpires: epoch.Add(24 * time.Hour)}}}
	if err := r.store.Login(r.t.Context(), e); err != nil {
		r.t.Fatal(err)
	}
	return s
}

// entries reads the audit log.
func (r *rig) entries() (all []audit.Entry) {
	r.t.Helper()
	records, err := r.store.AuditEntries(r.t.Context(), -1, 10_000)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, rec := range records {
		e, err := audit.Decode(rec.Data)
		if err != nil {
			r.t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// newest is the newest entry that an operation wrote, before what the store says of who
// is touched by it.
func (r *rig) newest() audit.Entry {
	r.t.Helper()
	all := r.entries()
	for len(all) > 1 && all[len(all)-1].Action == audit.PeopleChange {
		all = all[:len(all)-1]
	}
	return all[len(all)-1]
}

// recorded tells whether the newest entry says this.
func (r *rig) recorded(action, subject string) {
	r.t.Helper()
	if e := r.newest(); e.Action != action || e.Subject != subject || e.Actor != operator || e.Outcome != audit.Done {
		r.t.Errorf("the newest entry is %+v, want %s of %s by the operator", e, action, subject)
	}
}
