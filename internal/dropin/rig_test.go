package dropin_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/alias"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/dropin"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// The keys and ids of the tests.
const (
	key       = "zgc_ERP0000000000000000000001"
	otherKey  = "zgc_OTHER00000000000000000001"
	endedKey  = "zgc_ENDED00000000000000000001"
	boundKey  = "zgc_BOUND00000000000000000001"
	exportKey = "zgc_EXPORT0000000000000000001" // may export, from 192.0.2.0/24
	looseKey  = "zgc_LOOSE00000000000000000001" // may export, from nowhere in particular
	shopAppID = "wx00000000000000c1"
	market1   = "wx00000000000000c2"
	market2   = "wx00000000000000c3"
	foreign   = "wx00000000000000c9" // a shop of another client
	platform  = "wx00000000000000d1"
	platform2 = "wx00000000000000d2" // whose shops the client does not hold
)

var start = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// rig is a Dropin on fakes, behind what wraps every listener.
type rig struct {
	*dropin.Dropin
	front   http.Handler
	store   *fakeStore
	aliases *alias.Maker

	mu      sync.Mutex
	now     time.Time
	log     strings.Builder
	refused []audit.Entry

	tokenErr, recordErr error
	asked               int // for kept tokens
	generation          int64
	ends                time.Time
	recorded            []access.Export
	effects             []grant.Effects
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{store: newStore(), now: start, ends: start.Add(100 * time.Minute), aliases: alias.New(func(purpose string, data []byte) []byte {
		h := hmac.New(sha256.New, []byte(purpose))
		h.Write(data)
		return h.Sum(nil)
	})}
	r.Dropin = dropin.New(dropin.Options{
		Clients: r.store, Directory: r.store, Tokens: r, Exports: r, Aliases: r.aliases, Tally: r, Now: r.clock,
	})
	r.front = web.Wrap(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if dropin.ForClient(req) {
			r.Export().ServeHTTP(w, req)
			return
		}
		r.ServeHTTP(w, req)
	}), web.Options{Log: slog.New(slog.NewTextHandler(&r.log, nil))})
	return r
}

func (r *rig) clock() time.Time { return r.now }

// Refused implements dropin.Tally.
func (r *rig) Refused(_ context.Context, e audit.Entry, _ netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refused = append(r.refused, e)
}

// realToken is what must leave by its own right only.
const realToken = "REAL-TOKEN-OF-THE-SHOP"

// Token implements dropin.Tokens.
func (r *rig) Token(_ context.Context, shop string) (dropin.Token, error) {
	r.asked++
	return dropin.Token{Value: secret.FromString(realToken + "-" + shop), Generation: r.generation, Ends: r.ends}, r.tokenErr
}

// RecordExport implements dropin.Exports.
func (r *rig) RecordExport(_ context.Context, x access.Export, e grant.Effects) error {
	if r.recordErr != nil {
		return r.recordErr
	}
	r.recorded, r.effects = append(r.recorded, x), append(r.effects, e)
	return nil
}

// fakeStore is Clients and Directory.
type fakeStore struct {
	clients map[string]access.Client
	shops   map[string]access.Shop
	apps    []access.App
	rows    map[string]grant.Authorizer
	down    error    // what ShopByAppID, PlatformShops and Authorizer answer
	err     error    // what everything answers
	pace    error    // what Pace answers
	paced   []string // the hashes that it was asked about
	byAppID int      // how often a shop was looked for
	reads   int      // how often anything was
}

func newStore() *fakeStore {
	s := &fakeStore{clients: map[string]access.Client{}, shops: map[string]access.Shop{}, rows: map[string]grant.Authorizer{}}
	for k, c := range map[string]access.Client{
		key:      {ID: "erp", Shops: []string{"lantian", "market-a", "market-b", "removed"}},
		otherKey: {ID: "other", Shops: []string{"baiyun"}},
		endedKey: {ID: "gone", Shops: []string{"lantian"}, RevokedAt: start},
		boundKey: {ID: "bound", Shops: []string{"lantian"}, Rights: access.Rights{From: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}}},
		exportKey: {ID: "old", Shops: []string{"lantian", "market-b"},
			Rights: access.Rights{TokenExport: true, From: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}},
		looseKey: {ID: "loose", Shops: []string{"lantian"}, Rights: access.Rights{TokenExport: true}},
	} {
		s.clients[string(access.HashKey(k))] = c
	}
	for _, shop := range []access.Shop{
		{ID: "lantian", App: "lantian-app", AppID: shopAppID, Name: "蓝天文具店"},
		{ID: "market-a", App: "platform", AppID: market2, Name: "蓝天文具三店"},
		{ID: "market-b", App: "platform", AppID: market1, Name: "蓝天文具二店"},
		{ID: "baiyun", App: "platform2", AppID: foreign},
	} {
		s.shops[shop.ID] = shop
	}
	s.apps = []access.App{
		{ID: "lantian-app", Kind: access.ShopApp, AppID: shopAppID},
		{ID: "platform", Kind: access.Component, AppID: platform},
		{ID: "platform2", Kind: access.Component, AppID: platform2},
	}
	s.rows[market1] = grant.Authorizer{App: "platform", AppID: market1, Sets: []int64{129, 131}, EventAt: start.Add(-time.Hour)}
	return s
}

func (s *fakeStore) Client(_ context.Context, hash []byte) (access.Client, error) {
	s.reads++
	c, ok := s.clients[string(hash)]
	return c, s.or(ok)
}

func (s *fakeStore) Pace(_ context.Context, hash []byte) error {
	s.paced = append(s.paced, string(hash))
	return s.pace
}

func (s *fakeStore) PlatformShops(_ context.Context, client, component string, limit int) (found []access.Shop, err error) {
	s.reads++
	if err := errors.Join(s.err, s.down); err != nil {
		return nil, err
	}
	for _, c := range s.clients {
		for _, id := range c.Shops {
			if i := slices.IndexFunc(s.apps, func(a access.App) bool { return a.ID == s.shops[id].App }); c.ID == client && i >= 0 &&
				s.apps[i].Kind == access.Component && s.apps[i].AppID == component {
				found = append(found, s.shops[id])
			}
		}
	}
	return found[:min(limit, len(found))], nil
}

func (s *fakeStore) or(ok bool) error {
	if s.err == nil && !ok {
		return access.ErrNotFound
	}
	return s.err
}

func (s *fakeStore) Shop(_ context.Context, id string) (access.Shop, error) {
	s.reads++
	shop, ok := s.shops[id]
	return shop, s.or(ok)
}

func (s *fakeStore) ShopByAppID(_ context.Context, appID string) (access.Shop, error) {
	s.byAppID++
	s.reads++
	if err := errors.Join(s.err, s.down); err != nil {
		return access.Shop{}, err
	}
	for _, shop := range s.shops {
		if shop.AppID == appID {
			return shop, nil
		}
	}
	return access.Shop{}, access.ErrNotFound
}

func (s *fakeStore) Apps(context.Context) ([]access.App, error) {
	s.reads++
	return s.apps, s.err
}

func (s *fakeStore) Authorizer(_ context.Context, app, appID string) (grant.Authorizer, error) {
	s.reads++
	row, ok := s.rows[appID]
	if s.down != nil {
		return row, s.down
	}
	return row, s.or(ok && row.App == app)
}

// said is any answer of the endpoints.
type said struct {
	status int
	header http.Header
	body   string

	ErrCode   int    `json:"errcode"`
	ErrMsg    string `json:"errmsg"`
	Token     string `json:"access_token"`
	Component string `json:"component_access_token"`
	Shop      string `json:"authorizer_access_token"`
	Handle    string `json:"authorizer_refresh_token"`
	ExpiresIn int64  `json:"expires_in"`
}

func (r *rig) do(t testing.TB, method, target, body string, header ...string) said {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body)) // from 192.0.2.1
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	r.front.ServeHTTP(w, req)
	s := said{status: w.Code, header: w.Header(), body: w.Body.String()}
	if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil {
		t.Fatalf("%s %s: %d %q: %v", method, target, w.Code, s.body, err)
	}
	return s
}

const tokenURL = "/cgi-bin/token?grant_type=client_credential&appid=" + shopAppID + "&secret="

func (r *rig) post(t testing.TB, target, body string) said {
	t.Helper()
	return r.do(t, http.MethodPost, target, body)
}
