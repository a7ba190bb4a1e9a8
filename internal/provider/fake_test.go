package provider

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// fault is what happens to one write: it fails and did nothing, or it landed and
// its answer is lost.
type fault int

const (
	fine fault = iota
	failed
	landed
)

var errFault = errors.New("database is not there")

// key names a row by platform and appid.
type key struct{ app, appID string }

// memStore is a store and a directory with the rules of a real one: versions,
// generations, states, times of a millisecond.
type memStore struct {
	mu        sync.Mutex
	apps      map[string]access.App
	shops     map[string]access.Shop // by appid
	tenants   map[string]access.Tenant
	rows      map[key]grant.Authorizer
	grants    map[key]grant.Grant
	platforms map[string]grant.Grant // component grants
	tickets   map[string][]grant.Ticket
	purchases map[string]access.Purchase
	turns     map[string]time.Time
	used      map[string]bool // states
	useErr    error
	wrong     map[string]bool
	events    []grant.Event
	notices   []notice.Notice
	audit     []audit.Entry
	ended     []access.SessionFilter
	writes    int
	fault     func(e grant.Effects) fault // nil: none
}

func newMemStore() *memStore {
	return &memStore{
		apps: map[string]access.App{}, shops: map[string]access.Shop{}, tenants: map[string]access.Tenant{},
		rows: map[key]grant.Authorizer{}, grants: map[key]grant.Grant{}, platforms: map[string]grant.Grant{},
		tickets: map[string][]grant.Ticket{}, purchases: map[string]access.Purchase{}, turns: map[string]time.Time{}, wrong: map[string]bool{},
		used: map[string]bool{},
	}
}

// Authorise applies all or nothing.
func (s *memStore) Authorise(ctx context.Context, e grant.Effects) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	what := fine
	if s.fault != nil {
		what = s.fault(e)
	}
	if what == failed {
		return errFault
	}
	if err := s.check(e); err != nil {
		return err
	}
	s.apply(e)
	if what == landed {
		return errFault
	}
	return nil
}

// check refuses what rests on other rows than those that are kept.
func (s *memStore) check(e grant.Effects) error {
	for _, a := range e.Authorizers {
		if s.rows[key{a.App, a.AppID}].Version != a.Version {
			return fmt.Errorf("row of %s: %w", a.AppID, grant.ErrLost)
		}
	}
	if e.Open != nil && s.shops[e.Open.Shop.AppID].ID != "" {
		return grant.ErrLost
	}
	if a := e.Authorise; a != nil {
		g, ok := s.grants[key{a.App, a.Authorizer}]
		if ok && g.ID != a.GrantID || g.Tokens.Generation != a.From || a.Tokens.Generation != a.From+1 || len(a.Tokens.Refresh) == 0 ||
			a.ShopID == "" && s.accountOf(e, a.Authorizer) != grant.AccountLinked {
			return fmt.Errorf("grant %s: %w", a.GrantID, grant.ErrLost)
		}
	}
	return nil
}

// accountOf is what the effects call an account: only one without a shop's name may
// be no shop.
func (s *memStore) accountOf(e grant.Effects, appID string) grant.Account {
	for _, a := range e.Authorizers {
		if a.AppID == appID {
			return a.Account
		}
	}
	return grant.AccountUnknown
}

func (s *memStore) apply(e grant.Effects) {
	s.writes++
	if e.Open != nil {
		s.tenants[e.Open.Tenant.ID], s.shops[e.Open.Shop.AppID] = e.Open.Tenant, e.Open.Shop
	}
	if a := e.Authorise; a != nil {
		k := key{a.App, a.Authorizer}
		g := s.grants[k]
		g.ID, g.Kind, g.App, g.ShopID, g.Authorizer = a.GrantID, a.Kind, a.App, a.ShopID, a.Authorizer
		g.State, g.Cause, g.Tokens, g.DueAt, g.UpdatedAt = grant.Active, "", *a.Tokens, a.DueAt, e.At
		s.grants[k] = g
	}
	for _, r := range e.Revoke {
		s.revoke(r, e.At)
	}
	for _, a := range e.Authorizers {
		a.Version++
		s.rows[key{a.App, a.AppID}] = a
	}
	if e.Ticket != nil {
		s.keepTicket(*e.Ticket)
	}
	for _, p := range e.Purchases {
		s.purchases[p.Service+"/"+p.AppID+"/"+p.Spec] = p
	}
	s.events = append(s.events, e.Events...)
	s.notices = append(s.notices, e.Notices...)
	s.audit = append(s.audit, e.Audit...)
	s.ended = append(s.ended, e.EndSessions...)
}

func (s *memStore) revoke(r grant.Revocation, at time.Time) {
	for k, g := range s.grants {
		if g.ID != r.GrantID || g.State == grant.Revoked {
			continue
		}
		g.State, g.Cause, g.UpdatedAt, g.DueAt = cmp.Or(r.State, grant.Revoked), r.Cause, at, time.Time{}
		g.Tokens = grant.Tokens{Generation: g.Tokens.Generation + 1}
		s.grants[k] = g
	}
}

func (s *memStore) keepTicket(t grant.Ticket) {
	list := append(s.tickets[t.App], t)
	slices.SortFunc(list, func(a, b grant.Ticket) int { return b.CreatedAt.Compare(a.CreatedAt) })
	s.tickets[t.App] = list[:min(2, len(list))]
}

func (s *memStore) Authorizer(ctx context.Context, app, appID string) (grant.Authorizer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := s.rows[key{app, appID}]
	if !ok {
		return row, access.ErrNotFound
	}
	return row, ctx.Err()
}

func (s *memStore) AuthorizersPage(ctx context.Context, app, after string, limit int) ([]grant.Authorizer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var page []grant.Authorizer
	for _, id := range slices.SortedFunc(maps.Keys(s.rows), func(a, b key) int { return cmp.Compare(a.appID, b.appID) }) {
		if id.app == app && id.appID > after && len(page) < limit {
			page = append(page, s.rows[id])
		}
	}
	return page, ctx.Err()
}

func (s *memStore) DueAuthorizers(ctx context.Context, r grant.ClaimRequest) ([]grant.Authorizer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var due []grant.Authorizer
	for _, k := range slices.SortedFunc(maps.Keys(s.rows), func(a, b key) int { return cmp.Compare(a.appID, b.appID) }) {
		row := s.rows[k]
		if row.DueAt.IsZero() || row.DueAt.After(r.Now) || len(due) == r.Limit {
			continue
		}
		row.DueAt, row.Version = r.Now.Add(r.For), row.Version+1
		s.rows[k] = row
		due = append(due, row)
	}
	return due, ctx.Err()
}

func (s *memStore) SetCondition(_ context.Context, name string, wrong bool, n notice.Notice, entries ...audit.Entry) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wrong[name] == wrong {
		return false, nil
	}
	s.wrong[name] = wrong
	s.notices, s.audit = append(s.notices, n), append(s.audit, entries...)
	return true, nil
}

func (s *memStore) UseState(ctx context.Context, c grant.Callback, _ ...audit.Entry) (*grant.Callback, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := cmp.Or(s.useErr, ctx.Err()); err != nil {
		return nil, err
	}
	if s.used[string(c.StateHash)] {
		return &c, access.ErrUsed
	}
	s.used[string(c.StateHash)] = true
	return nil, nil
}

func (s *memStore) Turn(_ context.Context, name string, now, next time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.turns[name].After(now) {
		return false, nil
	}
	s.turns[name] = next
	return true, nil
}

func (s *memStore) App(_ context.Context, id string) (access.App, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return found(s.apps, id, access.ErrNotFound)
}

func (s *memStore) Apps(context.Context) ([]access.App, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.apps), func(a, b access.App) int { return cmp.Compare(a.ID, b.ID) }), nil
}

func (s *memStore) ShopByAppID(_ context.Context, appID string) (access.Shop, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return found(s.shops, appID, access.ErrNotFound)
}

func (s *memStore) AuthorizerGrant(_ context.Context, app, appID string) (grant.Grant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return found(s.grants, key{app, appID}, grant.ErrNotFound)
}

func (s *memStore) ComponentGrant(_ context.Context, app string) (grant.Grant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return found(s.platforms, app, grant.ErrNotFound)
}

func (s *memStore) Tickets(_ context.Context, app string) ([]grant.Ticket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.tickets[app]), nil
}

func found[K comparable, V any](m map[K]V, k K, missing error) (V, error) {
	v, ok := m[k]
	if !ok {
		return v, missing
	}
	return v, nil
}

// told gives the kinds of the notices.
func (s *memStore) told() []notice.Kind {
	s.mu.Lock()
	defer s.mu.Unlock()
	var kinds []notice.Kind
	for _, n := range s.notices {
		kinds = append(kinds, n.Kind)
	}
	return kinds
}

// actions gives what the audit log says was done.
func (s *memStore) actions() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for _, e := range s.audit {
		list = append(list, e.Action)
	}
	return list
}

// plainVault seals by writing the cell in front: what is opened in another cell is
// refused, and a test can read what is kept.
type plainVault struct{}

func (plainVault) Seal(v secret.Value, c vault.Cell) ([]byte, error) {
	return fmt.Appendf(nil, "%s %s: %s", c, c.Kind, v.RevealString()), nil
}

func (plainVault) Open(sealed []byte, c vault.Cell) (secret.Value, error) {
	v, ok := bytes.CutPrefix(sealed, fmt.Appendf(nil, "%s %s: ", c, c.Kind))
	if !ok {
		return secret.Value{}, errors.New("sealed for another cell")
	}
	return secret.FromString(string(v)), nil
}

// fakeKeeper hands out one token and remembers what it is told.
type fakeKeeper struct {
	mu         sync.Mutex
	err        error
	token      secret.Value // zero: one made up
	generation int64
	refused    []int64
	changed    []string
	due        []string // those of them without an access token
}

func (k *fakeKeeper) ComponentToken(context.Context, string) (Token, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	value := k.token
	if value.IsZero() {
		value = secret.FromString(fmt.Sprintf("cat-%d", k.generation))
	}
	return Token{Value: value, Generation: k.generation}, k.err
}

func (k *fakeKeeper) Refused(_ context.Context, _ string, generation int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refused = append(k.refused, generation)
	k.generation = max(k.generation, generation+1)
}

func (k *fakeKeeper) Changed(id string, due bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.changed = append(k.changed, id)
	if due {
		k.due = append(k.due, id)
	}
}

// account is an account as WeChat has it.
type account struct {
	info       Info
	authorised bool
	refresh    string
	since      time.Time
	shy        bool // info does not tell the refresh token
	unlisted   bool // nor does the list
}

// fakeWeChat knows accounts of one platform.
type fakeWeChat struct {
	mu       sync.Mutex
	accounts map[string]*account
	codes    map[string]string // code to appid
	used     []string          // codes that were sent
	err      func(call string) error
	paid     map[string][]Paid // of Bought, by appid
	orders   map[string][]Paid
	calls    []string
	most     int // accounts of the largest page asked for
	hide     int // accounts that are left out at the end of the list
	tickets  bool
}

func newFakeWeChat() *fakeWeChat {
	return &fakeWeChat{accounts: map[string]*account{}, codes: map[string]string{}, paid: map[string][]Paid{}, orders: map[string][]Paid{}}
}

// refusal is an errcode.
func refusal(code int) error {
	kind := wechat.KindComponent
	return &wechat.Error{Op: "POST /cgi-bin/component", Kind: kind, Code: code, Outcome: wechat.OutcomeAnswered}
}

// lost is an answer that did not come.
func lost() error {
	return &wechat.Error{Op: "POST", Kind: wechat.KindComponent, Outcome: wechat.OutcomeUnknown}
}

func (w *fakeWeChat) begin(call string) error {
	w.calls = append(w.calls, call)
	if w.err != nil {
		return w.err(call)
	}
	return nil
}

func (w *fakeWeChat) Info(ctx context.Context, _ access.App, _ secret.Value, appID string) (Info, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := cmp.Or(ctx.Err(), w.begin("info")); err != nil {
		return Info{}, err
	}
	a := w.accounts[appID]
	if a == nil || !a.authorised {
		return Info{}, refusal(notAuthorised)
	}
	info := a.info
	if !a.shy {
		info.Refresh = secret.FromString(a.refresh)
	}
	return info, nil
}

func (w *fakeWeChat) Exchange(_ context.Context, _ access.App, _, code secret.Value) (Pair, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.used = append(w.used, code.RevealString())
	if err := w.begin("exchange"); err != nil {
		return Pair{}, err
	}
	appID, ok := w.codes[code.RevealString()]
	if !ok || !w.accounts[appID].authorised {
		return Pair{}, refusal(61009)
	}
	delete(w.codes, code.RevealString())
	return Pair{AppID: appID, Access: secret.FromString("aat-" + appID), Expires: start.Add(2 * time.Hour),
		Refresh: secret.FromString(w.accounts[appID].refresh)}, nil
}

func (w *fakeWeChat) LinkURL(_ context.Context, app access.App, token secret.Value, l grant.Link, back string, phone bool) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	page := "pc"
	if phone {
		page = "phone"
	}
	return fmt.Sprintf("https://wechat.example/%s?app=%s&by=%s&kind=%s&only=%s&back=%s", page, app.AppID, token.RevealString(), l.Kind, l.AppID, back), w.begin("link")
}

func (w *fakeWeChat) List(_ context.Context, _ access.App, _ secret.Value, offset, count int) (Page, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.begin("list"); err != nil {
		return Page{}, err
	}
	w.most = max(w.most, count)
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(w.accounts)) {
		if w.accounts[id].authorised {
			ids = append(ids, id)
		}
	}
	page := Page{Total: len(ids)}
	ids = ids[:max(0, len(ids)-w.hide)]
	ids = ids[min(offset, len(ids)):]
	for _, id := range ids[:min(count, len(ids))] {
		l := Listed{AppID: id, AuthorisedAt: w.accounts[id].since}
		if !w.accounts[id].unlisted {
			l.Refresh = secret.FromString(w.accounts[id].refresh)
		}
		page.Accounts = append(page.Accounts, l)
	}
	page.Rows = len(page.Accounts)
	return page, nil
}

func (w *fakeWeChat) StartTickets(context.Context, access.App, secret.Value) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.begin("start"); err != nil {
		return false, err
	}
	return w.tickets, nil
}

func (w *fakeWeChat) Bought(_ context.Context, _ access.App, _ secret.Value, _, appID string) ([]Paid, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.paid[appID], w.begin("bought")
}

func (w *fakeWeChat) Orders(_ context.Context, _ access.App, _ secret.Value, _, appID string) ([]Paid, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.orders[appID], w.begin("orders")
}

// fails makes calls end as f says from now on.
func (w *fakeWeChat) fails(f func(call string) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = f
}

// count says how often something was called.
func (w *fakeWeChat) count(call string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, c := range w.calls {
		if c == call {
			n++
		}
	}
	return n
}

// start is when tests begin.
var start = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

const (
	platformAppID = "wx00000000000000c0"
	teaAppID      = "wx00000000000000a1"
	riceAppID     = "wx00000000000000a2"
)

// world is a provider with everything around it.
type world struct {
	t      testing.TB
	store  *memStore
	wechat *fakeWeChat
	keeper *fakeKeeper
	app    access.App
	now    time.Time
	p      *Provider
	codes  int
}

// newWorld makes a platform "market" with one service, at start. change may alter
// the options.
func newWorld(t testing.TB, change ...func(*Options)) *world {
	w := &world{t: t, store: newMemStore(), wechat: newFakeWeChat(), keeper: &fakeKeeper{generation: 1}, now: start}
	sealed, err := plainVault{}.Seal(secret.FromString("platform-secret"), vault.AppSecret("market", 1))
	w.must(err)
	w.app = access.App{ID: "market", Kind: access.Component, AppID: platformAppID, Secret: sealed, SecretVersion: 1,
		Services: []access.Service{{ID: "erp", ServiceID: "1234567890123", Role: access.Operator}}}
	w.store.apps["market"] = w.app
	w.store.apps["mp"] = access.App{ID: "mp", Kind: access.ServiceAccount, AppID: "wx00000000000000b0"}
	w.store.platforms["market"] = grant.Grant{ID: "g_market", Kind: grant.Component, App: "market", CreatedAt: start}
	o := Options{Store: w.store, Directory: w.store, Vault: plainVault{}, Keeper: w.keeper, Platform: w.wechat, Market: w.wechat,
		Owner: "r_1", Now: func() time.Time { return w.now }, Jitter: func(time.Duration) time.Duration { return 0 }}
	for _, f := range change {
		f(&o)
	}
	w.p = New(o)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// authorises makes a shop authorise the platform at WeChat.
func (w *world) authorises(appID string) *account {
	a := &account{authorised: true, refresh: "art-" + appID, since: w.now,
		info: Info{Name: "茶铺", Kind: KindShop, Status: "normal", Sets: []int64{129, 130, 131}}}
	w.wechat.mu.Lock()
	defer w.wechat.mu.Unlock()
	w.wechat.accounts[appID] = a
	return a
}

// row is what is kept of an account.
func (w *world) row(appID string) grant.Authorizer { return w.store.rows[key{"market", appID}] }

// grant is what is kept of its tokens.
func (w *world) grant(appID string) grant.Grant { return w.store.grants[key{"market", appID}] }

// refresh opens its kept refresh token.
func (w *world) refresh(appID string) string {
	w.t.Helper()
	g := w.grant(appID)
	v, err := plainVault{}.Open(g.Tokens.Refresh, refreshCell(g.ID, g.Tokens.Generation))
	w.must(err)
	return v.RevealString()
}

// settleAll adopts whatever is due, round for round, until nothing is due within a
// minute.
func (w *world) settleAll() {
	w.t.Helper()
	for range 100 {
		rows, err := w.store.DueAuthorizers(w.t.Context(), grant.ClaimRequest{Now: w.now, For: time.Minute, Limit: 100})
		w.must(err)
		if len(rows) == 0 {
			return
		}
		for _, row := range rows {
			if err := w.p.adopt(w.t.Context(), row); err != nil && !errors.Is(err, grant.ErrLost) {
				w.t.Logf("adopt: %v", err)
			}
		}
	}
	w.t.Fatal("the adoption does not come to rest")
}

// wait lets time go by.
func (w *world) wait(d time.Duration) { w.now = w.now.Add(d) }
