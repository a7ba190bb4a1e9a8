package push_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/push"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/wechat/msgcrypt"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

const (
	platformID = "wx00000000000000c1" // of the app "platform"
	accountID  = "wx00000000000000a1" // of the app "account"
	ownShopID  = "wx00000000000000b1" // of the shop "lantian", which has an app of its own
	servedID   = "wx00000000000000b2" // of the shop "baiyun", which "platform" serves
	aesKey     = "zhangguizhangguizhangguizhangguizhangguizhA"
	olderKey   = "gongxifacaigongxifacaigongxifacaigongxifacA"
)

var start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// keysOf are the push keys of an app, each app with a token of its own.
func keysOf(app string) access.PushKeys {
	return access.PushKeys{Token: secret.FromString("token-" + app), AESKey: secret.FromString(aesKey)}
}

// apps are a platform, a service account, a shop's own app and one without keys.
func apps() []access.App {
	sealed := func(id string) access.Push { return access.Push{Keys: keysOf(id).Pack().Reveal(), Version: 1} }
	return []access.App{
		{ID: "platform", Kind: access.Component, AppID: platformID, Push: sealed("platform")},
		{ID: "account", Kind: access.ServiceAccount, AppID: accountID, Push: sealed("account")},
		{ID: "own", Kind: access.ShopApp, AppID: ownShopID, Push: sealed("own")},
		{ID: "mute", Kind: access.ShopApp, AppID: "wx00000000000000b3"},
	}
}

func shops() []access.Shop {
	return []access.Shop{
		{ID: "lantian", TenantID: "lantian", App: "own", AppID: ownShopID},
		{ID: "baiyun", TenantID: "baiyun", App: "platform", AppID: servedID},
	}
}

// unsealed is a vault whose cells hold what was sealed as it is.
type unsealed struct{}

func (unsealed) Open(sealed []byte, cell vault.Cell) (secret.Value, error) {
	if cell.Column != "push" {
		return secret.Value{}, errors.New("another cell")
	}
	return secret.New(sealed), nil
}

// memStore keeps the promises of the store in memory.
type memStore struct {
	mu      sync.Mutex
	apps    []access.App
	shops   []access.Shop
	seen    map[string]bool
	pushes  []grant.Push
	events  []grant.Event
	batches []int // sizes
	reads   int   // of apps and shops

	// refuse is asked before an item is recorded; broken before a batch, and
	// landed after one.
	refuse         func(p grant.Push) error
	broken, landed func(ctx context.Context) error
	down           bool // reads fail
}

var errDown = errors.New("fake: the database is down")

func (m *memStore) App(_ context.Context, id string) (access.App, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return find(m, m.apps, func(a access.App) bool { return a.ID == id })
}

func (m *memStore) ShopByAppID(_ context.Context, appID string) (access.Shop, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return find(m, m.shops, func(s access.Shop) bool { return s.AppID == appID })
}

func find[T any](m *memStore, all []T, ok func(T) bool) (none T, err error) {
	m.reads++
	if m.down {
		return none, errDown
	}
	if i := slices.IndexFunc(all, ok); i >= 0 {
		return all[i], nil
	}
	return none, access.ErrNotFound
}

func (m *memStore) RecordPush(ctx context.Context, batch []grant.Push) ([]error, error) {
	if m.broken != nil {
		if err := m.broken(ctx); err != nil {
			return nil, err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.batches = append(m.batches, len(batch))
	results := make([]error, len(batch))
	for i, p := range batch {
		results[i] = m.record(p)
	}
	if m.landed != nil {
		if err := m.landed(ctx); err != nil {
			return nil, err
		}
	}
	return results, nil
}

func (m *memStore) record(p grant.Push) error {
	k := p.App + " " + string(p.Digest)
	if m.seen[k] {
		return grant.ErrSeen
	}
	if m.refuse != nil {
		if err := m.refuse(p); err != nil {
			return err
		}
	}
	if m.seen == nil {
		m.seen = map[string]bool{}
	}
	m.seen[k] = true
	m.pushes = append(m.pushes, p)
	m.events = append(m.events, p.Effects.Events...)
	return nil
}

// recorded gives the pushes and events that were recorded.
func (m *memStore) recorded() ([]grant.Push, []grant.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.pushes), slices.Clone(m.events)
}

// counts keeps what the receiver says of pushes.
type counts struct {
	mu       sync.Mutex
	outcomes []string // "outcome reason"
	refused  []audit.Entry
	from     []netip.Addr
}

func (c *counts) Pushed(outcome, reason string, _ time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.outcomes = append(c.outcomes, strings.TrimSpace(outcome+" "+reason))
}

// said gives what was counted up to now.
func (c *counts) said() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.outcomes)
}

func (c *counts) Refused(_ context.Context, e audit.Entry, from netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused, c.from = append(c.refused, e), append(c.from, from)
}

// rig is a receiver on a store in memory, behind the plumbing of a listener.
type rig struct {
	http.Handler
	t        testing.TB
	receiver *push.Receiver
	store    *memStore
	counts   *counts
	now      time.Time
}

func newRig(t testing.TB, change ...func(*push.Options)) *rig {
	t.Helper()
	r := &rig{t: t, store: &memStore{apps: apps(), shops: shops()}, counts: &counts{}, now: start}
	o := push.Options{
		Store: r.store, Vault: unsealed{}, Tally: r.counts, Observer: r.counts, Now: func() time.Time { return r.now },
	}
	for _, f := range change {
		f(&o)
	}
	var err error
	if r.receiver, err = push.New(o); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	r.receiver.Mount(mux)
	r.Handler = web.Wrap(mux, web.Options{Now: o.Now})
	return r
}

// keyring seals for an app as WeChat does.
func keyring(t testing.TB, app string) *msgcrypt.Keyring {
	t.Helper()
	i := slices.IndexFunc(apps(), func(a access.App) bool { return a.ID == app })
	return keyringFor(t, keysOf(app), apps()[i].AppID)
}

func keyringFor(t testing.TB, k access.PushKeys, appIDs ...string) *msgcrypt.Keyring {
	t.Helper()
	ring, err := msgcrypt.NewKeyring([]secret.Value{k.Token}, []secret.Value{k.AESKey}, appIDs...)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// sealed is a POST as WeChat sends it to app: in its dialect, on a URL of its
// own, at a time.
func sealed(t testing.TB, app, path, plain string, at time.Time) *http.Request {
	t.Helper()
	p := msgcrypt.Push{Dialect: msgcrypt.XML, AppID: platformID, Plain: []byte(plain), Time: at}
	if strings.HasPrefix(plain, "{") {
		p.Dialect = msgcrypt.JSON
	}
	if !strings.HasSuffix(path, "/auth") {
		p.ToUserName = "gh_000000000001"
	}
	i := slices.IndexFunc(apps(), func(a access.App) bool { return a.ID == app })
	p.AppID = apps()[i].AppID
	query, body, err := keyring(t, app).Seal(p)
	if err != nil {
		t.Fatal(err)
	}
	return post(path, query, string(body))
}

func post(path string, q msgcrypt.Query, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path+"?"+q.Values().Encode(), strings.NewReader(body))
	r.Header.Set("Content-Type", "text/xml")
	return r
}

// answer is what a request was answered with: status and body.
func (r *rig) answer(req *http.Request) (status int, body string) {
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w.Code, w.Body.String()
}

// takes sends a request that must be taken.
func (r *rig) takes(req *http.Request) {
	r.t.Helper()
	if status, body := r.answer(req); status != http.StatusOK || body != "success" {
		r.t.Fatalf("answered %d %q, want success", status, body)
	}
}

// shopEvent is an event of a shop in both dialects.
func shopEvent(dialect msgcrypt.Dialect, order string, at time.Time) string {
	if dialect == msgcrypt.JSON {
		return `{"ToUserName":"gh_000000000001","FromUserName":"o_wechat","CreateTime":` + unix(at) +
			`,"MsgType":"event","Event":"channels_ec_order_new","order_info":{"order_id":` + order + `}}`
	}
	return `<xml><ToUserName><![CDATA[gh_000000000001]]></ToUserName><CreateTime>` + unix(at) +
		`</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[channels_ec_order_new]]></Event>` +
		`<order_info><order_id>` + order + `</order_id></order_info></xml>`
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// ticket is a push of a platform's ticket.
func ticket(appID, value string, at time.Time) string {
	return `<xml><AppId><![CDATA[` + appID + `]]></AppId><CreateTime>` + unix(at) +
		`</CreateTime><InfoType><![CDATA[component_verify_ticket]]></InfoType>` +
		`<ComponentVerifyTicket><![CDATA[` + value + `]]></ComponentVerifyTicket></xml>`
}

func digestOf(plain string) []byte {
	sum := sha256.Sum256([]byte(plain))
	return sum[:]
}
