package keeper

import (
	"context"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// fakeComponents is what WeChat knows of third-party platforms and of the
// accounts that authorised one.
type fakeComponents struct {
	tickets  map[string]int      // errcode of each ticket, 0 when it is good
	tokens   map[string]bool     // the platform's tokens that are good
	accounts map[string]*account // by appid
	rotates  bool                // a refresh brings another refresh token
	finds    int                 // lookups
	finding  func() error        // nil: lookups are answered
	empties  int                 // requests with an empty refresh token
}

// account is an account that authorised the platform.
type account struct {
	refresh  string
	old      string    // the one before
	oldEnds  time.Time // until when the one before is taken
	access   map[string]bool
	denied   bool // refreshes are answered 61003
	gone     bool // it withdrew
	unnamed  bool // lookups name no refresh token
	serial   int
	stuck    bool // no refresh token is taken
	mismatch bool // as stuck, and every lookup names another one
}

func (w *fakeWeChat) Component(ctx context.Context, app access.App, key, ticket secret.Value) (Answer, error) {
	_, err, took := w.begin(ctx, app, grant.Component, false)
	if err != nil && !took {
		return Answer{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	code, known := w.comp.tickets[ticket.RevealString()]
	switch {
	case key.RevealString() != "app-secret-"+app.ID:
		return Answer{}, refused(40125)
	case !known:
		return Answer{}, refused(61006)
	case code != 0:
		return Answer{}, refused(code)
	}
	token := w.mint()
	w.comp.tokens[token] = true
	return Answer{Access: secret.FromString(token), ExpiresIn: 2 * time.Hour}, err
}

func (w *fakeWeChat) RefreshAuthorizer(ctx context.Context, app access.App, token secret.Value, authorizer string, refresh secret.Value) (Answer, error) {
	_, err, took := w.begin(ctx, app, grant.ISV, false)
	if err != nil && !took {
		return Answer{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	a, given := w.comp.accounts[authorizer], refresh.RevealString()
	if given == "" {
		w.comp.empties++
	}
	switch {
	case !w.comp.tokens[token.RevealString()]:
		return Answer{}, refused(40001)
	case a == nil || a.gone || a.denied:
		return Answer{}, refused(61003)
	case a.stuck || a.mismatch || given != a.refresh && (given != a.old || !time.Now().Before(a.oldEnds)):
		return Answer{}, refused(61023)
	}
	if w.comp.rotates {
		a.rotate()
		a.oldEnds = time.Now().Add(5 * time.Minute)
	}
	value := w.mint()
	a.access[value] = true
	return Answer{Access: secret.FromString(value), Refresh: secret.FromString(a.refresh), ExpiresIn: 2 * time.Hour}, err
}

// rotate gives the account another refresh token. The one before is not taken any
// more.
func (a *account) rotate() {
	a.serial++
	a.old, a.oldEnds = a.refresh, time.Time{}
	a.refresh = "user-refresh-of-account-" + string(rune('a'+a.serial%26))
}

func (w *fakeWeChat) FindRefresh(_ context.Context, _ access.App, token secret.Value, authorizer string) (secret.Value, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.comp.finds++
	if w.comp.finding != nil {
		return secret.Value{}, false, w.comp.finding()
	}
	a := w.comp.accounts[authorizer]
	switch {
	case !w.comp.tokens[token.RevealString()]:
		return secret.Value{}, false, refused(40001)
	case a == nil || a.gone:
		return secret.Value{}, false, nil
	case a.unnamed:
		return secret.Value{}, true, nil
	case a.mismatch:
		a.rotate()
	}
	return secret.FromString(a.refresh), true, nil
}

func (w *fakeWeChat) ProbeComponent(_ context.Context, _ access.App, token secret.Value) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.probes++
	if w.probing != nil {
		return w.probing()
	}
	return !w.comp.tokens[token.RevealString()], nil
}

// platformAsked counts the requests with a platform's AppSecret, and those for the
// accounts' tokens.
func (w *fakeWeChat) platformAsked() (component, isv int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.asks {
		switch a.kind {
		case grant.Component:
			component++
		case grant.ISV:
			isv++
		}
	}
	return component, isv
}

// endTokens ends all tokens of the platform.
func (w *fakeWeChat) endTokens() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.comp.tokens)
}

// with changes what WeChat knows of an account.
func (w *fakeWeChat) with(authorizer string, f func(*account)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(w.comp.accounts[authorizer])
}

// addPlatform adds a third-party platform with one good ticket and no token.
func (e *env) addPlatform(id string) {
	e.store.mu.Lock()
	app := access.App{ID: id, AppID: "wx00000000000000c1", Kind: access.Component, SecretVersion: 1}
	app.Secret, _ = e.vault.Seal(secret.FromString("app-secret-"+id), vault.AppSecret(id, 1))
	e.store.apps[id] = app
	e.store.grants["g_"+id] = &grant.Grant{
		ID: "g_" + id, Kind: grant.Component, App: id, State: grant.Active, DueAt: time.Now(),
	}
	e.store.mu.Unlock()
	e.pushTicket(id, "ticket-1", 0)
}

// pushTicket has WeChat push a ticket and accept it with an errcode. Two are kept.
func (e *env) pushTicket(app, ticket string, code int) {
	e.wechat.mu.Lock()
	e.wechat.comp.tickets[ticket] = code
	e.wechat.mu.Unlock()
	e.store.mu.Lock()
	defer e.store.mu.Unlock()
	at := time.Now()
	t := grant.Ticket{App: app, CreatedAt: at, SeenAt: at}
	t.Value, _ = e.vault.Seal(secret.FromString(ticket), vault.Ticket(app, at))
	list := append([]grant.Ticket{t}, e.store.tickets[app]...)
	e.store.tickets[app] = list[:min(2, len(list))]
	if g := e.store.grants["g_"+app]; g.Tokens.Generation == 0 || g.State == grant.Stopped {
		g.DueAt = ms(at)
	}
}

// addAccount adds a shop that authorised a platform; its token is still to be
// asked for.
func (e *env) addAccount(shop, app string) {
	authorizer := "wx-of-" + shop
	e.wechat.mu.Lock()
	e.wechat.comp.accounts[authorizer] = &account{refresh: "user-refresh-1", access: map[string]bool{}}
	e.wechat.mu.Unlock()
	e.store.mu.Lock()
	defer e.store.mu.Unlock()
	id := "g_" + shop
	t := grant.Tokens{Generation: 1}
	t.Refresh, _ = e.vault.Seal(secret.FromString("user-refresh-1"), vault.GrantRefresh(id, "isv", 1))
	e.store.grants[id] = &grant.Grant{
		ID: id, Kind: grant.ISV, App: app, ShopID: shop, Authorizer: authorizer, State: grant.Active, Tokens: t, DueAt: time.Now(),
	}
}

// newPlatformEnv has a platform "agency" that the shop "hongchen" authorised.
func newPlatformEnv(t testing.TB, change ...func(*Options)) *env {
	e := newEnv(t, change...)
	e.addPlatform("agency")
	e.addAccount("hongchen", "agency")
	return e
}
