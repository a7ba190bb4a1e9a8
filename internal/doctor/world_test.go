package doctor_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/catalogue"
	"github.com/zhanggui/zhanggui/internal/doctor"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/quota"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/msgcrypt"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// noon is the tests' present.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	pushToken  = "tokenTOKEN123"
	pushAESKey = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
	component  = "wx00000000000000f1"
	shopAppID  = "wx00000000000000c1"
)

// world is everything a Doctor looks at, all well unless a test breaks it.
type world struct {
	now     time.Time
	apps    []access.App
	shops   []access.Shop
	clients []access.Client
	grants  []grant.Grant
	deaths  map[string]doctor.Suspicion // by grant
	tickets []grant.Ticket
	account grant.Authorizer
	bought  []access.Purchase
	records []notice.Record
	pending int
	oldest  time.Time
	down    error // of the database

	refuse  map[string]error       // of WeChat, by path; "secret" for the token
	answers map[string]string      // of WeChat, by path
	pages   map[string]doctor.Page // of our URLs, by path
	offline error                  // of all our URLs

	states  []quota.State
	counted bool
	unset   []doctor.SetRefusal
	called  map[string][]string // by client
	log     doctor.PushLog
	trouble []doctor.Trouble
	clock   doctor.Clock
	disk    doctor.Disk
	diskErr error
	db      doctor.Database
	keys    doctor.Keys
	names   []string
	shut    []string
	sealed  error // of the vault
	keyring *msgcrypt.Keyring
}

// newWorld is a server with a service account, a third-party platform and a shop of
// each kind.
func newWorld(t *testing.T) *world {
	t.Helper()
	ring, err := msgcrypt.NewKeyring([]secret.Value{secret.FromString(pushToken)}, []secret.Value{secret.FromString(pushAESKey)}, component, shopAppID)
	if err != nil {
		t.Fatal(err)
	}
	return &world{
		now: noon, keyring: ring,
		apps: []access.App{
			{ID: "fuwuhao", Kind: access.ServiceAccount, AppID: "wx00000000000000a1", Secret: []byte("s"), CallbackHost: "zg.example.com",
				VerifyName: "MP_verify_demo0000demo0000.txt", VerifyBody: "demo0000demo0000"},
			{ID: "platform", Kind: access.Component, AppID: component, Secret: []byte("s"), Push: access.Push{Keys: []byte("k")}, Services: []access.Service{{ID: "tool"}}},
			{ID: "own", Kind: access.ShopApp, AppID: shopAppID, Secret: []byte("s"), Push: access.Push{Keys: []byte("k")}},
		},
		shops:   []access.Shop{{ID: "lantian", App: "own", AppID: shopAppID}, {ID: "hongtu", App: "platform", AppID: "wx00000000000000c2"}},
		clients: []access.Client{{ID: "erp", Shops: []string{"hongtu", "lantian"}}},
		grants: []grant.Grant{
			{ID: "g_1", ShopID: "lantian", Kind: grant.Self, State: grant.Active, Tokens: grant.Tokens{Generation: 3, AccessExpires: noon.Add(time.Hour)}},
			{ID: "g_0", App: "platform", Kind: grant.Component, State: grant.Active, Tokens: grant.Tokens{Generation: 9, AccessExpires: noon.Add(time.Hour)}},
			{ID: "g_2", ShopID: "hongtu", Kind: grant.ISV, State: grant.Active, Tokens: grant.Tokens{Generation: 1, AccessExpires: noon.Add(time.Hour)}},
		},
		deaths: map[string]doctor.Suspicion{}, tickets: []grant.Ticket{{App: "platform", SeenAt: noon.Add(-5 * time.Minute)}},
		account: grant.Authorizer{State: grant.AuthorizerKept, Sets: []int64{129, 131}, CheckedAt: noon.Add(-time.Hour)},
		bought:  []access.Purchase{{PaidUntil: noon.AddDate(0, 3, 0)}},
		refuse:  map[string]error{},
		answers: map[string]string{
			"/channels/ec/basics/info/get":               `{"errcode":0,"info":{"status":"open_finished"}}`,
			"/cgi-bin/component/api_get_authorizer_info": `{"authorizer_info":{"account_status":1,"store_info":{"id":0}},"authorization_info":{"authorizer_refresh_token":"refreshtoken@@@BAIT"}}`,
			"/cgi-bin/getcallbackip":                     `{"ip_list":["101.226.0.0/24"]}`,
			"/cgi-bin/callback/check":                    `{"ping":[{"ip":"203.0.113.7","package_loss":"0%"}]}`,
		},
		pages: map[string]doctor.Page{
			"/.well-known/jwks.json":          {Status: 200, Body: []byte(`{"keys":[]}`), CertEnd: noon.AddDate(0, 2, 0), Issuer: "Test CA"},
			"/MP_verify_demo0000demo0000.txt": {Status: 200, Body: []byte("demo0000demo0000\n")},
		},
		counted: true, states: []quota.State{{Key: quota.Key{Shop: "hongtu", Path: "/channels/ec/order/get"}, Limit: 1000, Left: 900}},
		log:   doctor.PushLog{Since: noon.Add(-time.Hour), Taken: noon.Add(-time.Minute)},
		clock: doctor.Clock{Samples: 5}, disk: doctor.Disk{Free: 50 << 30, Total: 100 << 30},
		db: doctor.Database{Kind: "sqlite", Took: time.Millisecond, Bytes: 1 << 20, WAL: 1 << 10}, keys: doctor.Keys{Kept: []vault.Key{{ID: "00000001", Primary: true}}, Where: "file", Since: noon.AddDate(0, -1, 0)},
		names: []string{"webhook hooks.example.com"},
	}
}

func (w *world) doctor(t *testing.T) *doctor.Doctor { return doctor.New(w.options(t)) }

func (w *world) options(t *testing.T) doctor.Options {
	t.Helper()
	public, err := url.Parse("https://zg.example.com")
	if err != nil {
		t.Fatal(err)
	}
	return doctor.Options{
		Directory: w, Grants: w, Platforms: w, Notices: w, WeChat: w, Web: w, Usage: w, Pushes: w, Strangers: w, House: house{w}, Vault: w,
		Catalogue: catalogue.Default(), PublicURL: public, Now: func() time.Time { return w.now },
	}
}

// examine runs the checks of a shop, or of everything.
func (w *world) examine(t *testing.T, shop string) doctor.Report {
	t.Helper()
	r, err := w.doctor(t).Examine(t.Context(), shop)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (w *world) Apps(context.Context) ([]access.App, error) { return w.apps, nil }

func (w *world) App(_ context.Context, id string) (access.App, error) {
	for _, a := range w.apps {
		if a.ID == id {
			return a, nil
		}
	}
	return access.App{}, access.ErrNotFound
}

func (w *world) Shop(_ context.Context, id string) (access.Shop, error) {
	for _, s := range w.shops {
		if s.ID == id {
			return s, nil
		}
	}
	return access.Shop{}, access.ErrNotFound
}

func (w *world) ShopsAfter(_ context.Context, _ string, limit int) ([]access.Shop, error) {
	return w.shops[:min(limit, len(w.shops))], nil
}

func (w *world) Clients(context.Context) ([]access.Client, error) { return w.clients, w.down }

func (w *world) ShopGrant(_ context.Context, shop string) (grant.Grant, error) {
	for _, g := range w.grants {
		if g.ShopID == shop {
			return g, w.down
		}
	}
	return grant.Grant{}, grant.ErrNotFound
}

func (w *world) ComponentGrant(_ context.Context, app string) (grant.Grant, error) {
	for _, g := range w.grants {
		if g.App == app && g.Kind == grant.Component {
			return g, w.down
		}
	}
	return grant.Grant{}, grant.ErrNotFound
}

func (w *world) Suspicion(_ context.Context, id string) (doctor.Suspicion, error) {
	return w.deaths[id], w.down
}

func (w *world) Suspected(context.Context) ([]doctor.Suspicion, error) {
	var all []doctor.Suspicion
	for _, id := range slices.Sorted(maps.Keys(w.deaths)) {
		all = append(all, w.deaths[id])
	}
	return all, w.down
}

func (w *world) GrantsAfter(_ context.Context, id string, limit int) ([]grant.Grant, error) {
	var page []grant.Grant
	for _, g := range w.grants {
		if g.ID > id && len(page) < limit {
			page = append(page, g)
		}
	}
	return page, w.down
}

func (w *world) Tickets(context.Context, string) ([]grant.Ticket, error) { return w.tickets, w.down }
func (w *world) Authorizer(context.Context, string, string) (grant.Authorizer, error) {
	return w.account, w.down
}
func (w *world) Purchases(context.Context, string, string) ([]access.Purchase, error) {
	return w.bought, w.down
}
func (w *world) NoticeBacklog(context.Context) (int, time.Time, error) {
	return w.pending, w.oldest, w.down
}
func (w *world) Notices(context.Context, bool, int) ([]notice.Record, error) {
	return w.records, w.down
}

func (w *world) Secret(_ context.Context, app access.App) error { return w.refuse["secret "+app.ID] }

func (w *world) Call(_ context.Context, _, _, path string, _, out any) error {
	return w.ask(path, out)
}

func (w *world) CallPlatform(_ context.Context, _ access.App, _, path string, _, out any) error {
	return w.ask(path, out)
}

func (w *world) ask(path string, out any) error {
	if err := w.refuse[path]; err != nil {
		return err
	}
	return json.Unmarshal([]byte(w.answers[path]), out)
}

// Get answers pages as they are set, and signed checks of push URLs as a server does.
func (w *world) Get(_ context.Context, address string) (doctor.Page, error) {
	if w.offline != nil {
		return doctor.Page{}, &url.Error{Op: "Get", URL: address, Err: w.offline}
	}
	u, err := url.Parse(address)
	if err != nil {
		return doctor.Page{}, err
	}
	if p, ok := w.pages[u.Path]; ok {
		return p, nil
	}
	if strings.HasPrefix(u.Path, "/wechat/push/") {
		echo, err := w.keyring.Echo(msgcrypt.QueryOf(u.Query()))
		if err != nil {
			return doctor.Page{Status: 403}, nil
		}
		return doctor.Page{Status: 200, Body: []byte(echo)}, nil
	}
	return doctor.Page{Status: 404}, nil
}

func (w *world) Quotas(string) ([]quota.State, bool) { return w.states, w.counted }
func (w *world) PathsAt(_ context.Context, client, _ string, since time.Time) ([]string, error) {
	if !since.Equal(access.DayOf(noon.AddDate(0, 0, -30))) {
		return nil, errors.New("from another day")
	}
	return w.called[client], w.down
}
func (w *world) Unset(string) []doctor.SetRefusal { return w.unset }
func (w *world) Pushed(string) doctor.PushLog     { return w.log }

// Open gives push keys; nothing else is looked into.
func (w *world) Open([]byte, vault.Cell) (secret.Value, error) {
	if w.sealed != nil {
		return secret.Value{}, w.sealed
	}
	return access.PushKeys{Token: secret.FromString(pushToken), AESKey: secret.FromString(pushAESKey)}.Pack(), nil
}

// house is the world's machine.
type house struct{ *world }

func (h house) Health(context.Context) []doctor.Trouble { return h.trouble }
func (h house) Clock() doctor.Clock                     { return h.clock }
func (h house) Disk() (doctor.Disk, error)              { return h.disk, h.diskErr }
func (h house) Database(context.Context) (doctor.Database, error) {
	return h.db, h.down
}
func (h house) Keys() doctor.Keys  { return h.keys }
func (h house) Unopened() []string { return h.shut }
func (h house) Channels(context.Context) ([]string, error) {
	return h.names, h.down
}

// says is an answer of WeChat's with an errcode.
func says(path string, code int, message string) error {
	return &wechat.Error{Op: "POST " + path, Kind: wechat.KindOf(path), Code: code, Message: message, HTTPStatus: 200, Outcome: wechat.OutcomeAnswered}
}

var errAway = errors.New("away")
