package relay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/relay"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/sqlitetest"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// arrival is one request of the relay.
type arrival struct {
	relay.Body
	raw  []byte
	head http.Header
	time time.Time
}

// receiver is the other side of webhooks.
type receiver struct {
	t   *testing.T
	mu  sync.Mutex
	got []arrival
	// answer gives a status, or 0 for no answer; nil answers 200.
	answer func(n int, b relay.Body) int
	hold   func(ctx context.Context, b relay.Body)
}

// RoundTrip implements http.RoundTripper.
func (rc *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	raw, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	var b relay.Body
	if err := json.Unmarshal(raw, &b); err != nil {
		rc.t.Errorf("a body is no JSON: %v", err)
	}
	rc.mu.Lock()
	rc.got = append(rc.got, arrival{Body: b, raw: raw, head: req.Header.Clone(), time: time.Now()})
	n, answer, hold := len(rc.got), rc.answer, rc.hold
	rc.mu.Unlock()
	if hold != nil {
		hold(req.Context(), b)
	}
	if req.Context().Err() != nil {
		return nil, req.Context().Err()
	}
	status := http.StatusOK
	if answer != nil {
		status = answer(n, b)
	}
	if status == 0 {
		return nil, errors.New("the connection broke")
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(nil)), Request: req}, nil
}

func (rc *receiver) say(answer func(n int, b relay.Body) int) {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	rc.answer = answer
}

// arrived gives everything so far.
func (rc *receiver) arrived() []arrival {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	return slices.Clone(rc.got)
}

// ids gives what arrived of a shop, all shops for an empty one.
func (rc *receiver) ids(shop string) []string {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	var all []string
	for _, b := range rc.got {
		if shop == "" || b.Shop == shop {
			all = append(all, b.ID)
		}
	}
	return all
}

func always(status int) func(int, relay.Body) int {
	return func(int, relay.Body) int { return status }
}

// leaps is a clock that leaps ahead, so that days pass in a few ticks.
type leaps struct{ ahead atomic.Int64 }

func (l *leaps) now() time.Time { return time.Now().Add(time.Duration(l.ahead.Load())) }

// pass lets d pass in leaps of step, with a few ticks after each.
func (l *leaps) pass(d, step time.Duration) {
	for range d / step {
		l.ahead.Add(int64(step))
		time.Sleep(time.Second)
	}
}

// world is a relay on a real store, a client of two shops and a receiver.
type world struct {
	t     *testing.T
	s     *sqlstore.Store
	rc    *receiver
	clock *leaps
	r     *relay.Relay
	vault *vault.Vault
	key   string
	stop  context.CancelFunc
	wg    sync.WaitGroup
	n     int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlitetest.Path(t), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, s: s, rc: &receiver{t: t}, clock: &leaps{}}
	kek, err := vault.FileKEK(filepath.Join(t.TempDir(), "master.key"), true)
	if err != nil {
		t.Fatal(err)
	}
	if w.vault, _, err = vault.Create(t.Context(), kek); err != nil {
		t.Fatal(err)
	}
	w.declare("tea", "rice")
	w.r = w.relay("r_test")
	t.Cleanup(func() {
		w.halt()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// relay makes one more relay on the same store.
func (w *world) relay(owner string) *relay.Relay {
	return relay.New(relay.Options{Store: w.s, Clients: w.s, Vault: w.vault, Owner: owner, Now: w.clock.now,
		Transport: func(bool) http.RoundTripper { return w.rc }, Link: func(path string) string { return "https://zg.example.com" + path }})
}

// declare gives the client these shops and no others.
func (w *world) declare(shops ...string) {
	w.t.Helper()
	if w.key == "" {
		key, _ := access.NewKey(access.ClientKeyPrefix)
		w.key = key.RevealString()
	}
	rev, err := w.s.Revision(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	d := access.Declaration{At: w.clock.now(), Revision: rev, Tenants: []access.Tenant{{ID: "lantian", Name: "蓝天"}}}
	there := append([]string{"tea", "rice", "silk"}, shops...)
	for i, id := range once(there) {
		d.Apps = append(d.Apps, access.App{ID: "app-" + id, Kind: access.ShopApp, AppID: fmt.Sprintf("wx%014xb%d", i/10, i%10), Secret: []byte("sealed"), SecretVersion: 1})
		d.Shops = append(d.Shops, access.Shop{ID: id, TenantID: "lantian", App: "app-" + id, AppID: fmt.Sprintf("wx%014xb%d", i/10, i%10), Name: id})
	}
	d.Clients = []access.Client{{ID: "erp", Name: "erp", KeyHash: access.HashKey(w.key), Mode: access.Read, Shops: shops, CreatedAt: w.clock.now()}}
	if err := w.s.Declare(w.t.Context(), d); err != nil {
		w.t.Fatal(err)
	}
}

// run starts the relay; halt ends it.
func (w *world) run() {
	ctx, stop := context.WithCancel(w.t.Context())
	w.stop = stop
	w.wg.Go(func() { w.r.Run(ctx) })
	synctest.Wait()
}

func (w *world) halt() {
	if w.stop != nil {
		w.stop()
		w.wg.Wait()
		w.stop = nil
	}
}

// subscribe makes a subscription and gives its id and its secret.
func (w *world) subscribe(events ...string) (string, secret.Value) {
	w.t.Helper()
	s, text, err := w.r.Create(w.t.Context(), audit.Actor{Kind: audit.ActorClient, ID: "erp"},
		grant.NewSubscription{Client: "erp", URL: "https://hooks.example.com/events", Events: events})
	if err != nil {
		w.t.Fatal(err)
	}
	return s.ID, text
}

// happen makes events of shops, as pushes do, and gives their ids.
func (w *world) happen(name string, shops ...string) []string {
	w.t.Helper()
	e := grant.Effects{At: w.clock.now()}
	for _, shop := range shops {
		w.n++
		e.Events = append(e.Events, grant.Event{App: "app-" + shop, ShopID: shop, AppID: "wx00000000000000b0", Name: name, At: w.clock.now(), SeenAt: w.clock.now(),
			Body: fmt.Appendf(nil, `{"n":"%d"}`, w.n)})
	}
	before, err := w.s.LastEvent(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.s.Authorise(w.t.Context(), e); err != nil {
		w.t.Fatal(err)
	}
	var ids []string
	for i := range shops {
		ids = append(ids, relay.MessageID(before+int64(i)+1))
	}
	return ids
}

// get reads a subscription.
func (w *world) get(id string) grant.Subscription {
	w.t.Helper()
	s, err := w.s.Subscription(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) dead(id string) []string {
	w.t.Helper()
	all, err := w.s.DeadLetters(w.t.Context(), id, 0, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	var ids []string
	for _, d := range all {
		ids = append(ids, relay.MessageID(d.Event.ID))
	}
	return ids
}

// entries gives the audit entries of an action.
func (w *world) entries(action string) []audit.Entry {
	w.t.Helper()
	var out []audit.Entry
	for rec, err := range w.s.AuditRecords(w.t.Context()) {
		if err != nil {
			w.t.Fatal(err)
		}
		e, err := audit.Decode(rec.Data)
		if err != nil {
			w.t.Fatal(err)
		}
		if e.Action == action {
			out = append(out, e)
		}
	}
	return out
}

// verify checks what arrived with somebody else's implementation of the scheme.
func (w *world) verify(text secret.Value, n int) error {
	v, err := standardwebhooks.NewWebhook(text.RevealString())
	if err != nil {
		w.t.Fatal(err)
	}
	a := w.rc.arrived()[n]
	return v.Verify(a.raw, a.head)
}

// once drops repeats.
func once(ids []string) []string {
	var out []string
	for _, id := range ids {
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s: %s, want %s", what, g, w)
	}
}
