package login

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Market is the service market (服务市场) as door 3 needs it. [ServiceMarket] is
// the real one.
type Market interface {
	// ServiceLogin asks which shop the code of a jump stands for, with the
	// token of the platform app. It asks once and never repeats. Its errors
	// are read with wechat.OutcomeOf.
	ServiceLogin(ctx context.Context, app access.App, code secret.Value) (Jump, error)
}

// Jump is what WeChat said about the code of somebody who clicked 去使用. It
// names a shop and what it bought, and no human.
type Jump struct {
	AppID     string // WeChat's id of the shop; empty when the buyer is a person
	ServiceID string // WeChat's id of the service
	Spec      string // specification (规格) as set in the market
	OrderID   string
}

// Shops is what door 3 needs of the shops that authorised a platform. app is our
// id of the platform app, appID WeChat's id of the shop.
type Shops interface {
	// Enter gives the shop and opens one that nobody declared. It answers
	// [ErrSettingUp] when that takes longer than a browser likes to wait,
	// [ErrNoShop] when the account is none, [ErrWithdrawn] when it withdrew what it
	// authorised, and [ErrEnded] when an administrator ended that.
	Enter(ctx context.Context, app, appID string) (access.Shop, error)
	// AuthorizerGrant gives what the shop authorised the platform to, or
	// [grant.ErrNotFound].
	AuthorizerGrant(ctx context.Context, app, appID string) (grant.Grant, error)
	// Purchases gives what is known of what the shop bought.
	Purchases(ctx context.Context, app, appID string) ([]access.Purchase, error)
}

// Errors of [Shops].
var (
	ErrSettingUp = errors.New("login: the shop is still being set up; ask again in a few seconds")
	ErrNoShop    = errors.New("login: the account is no shop; nothing can be opened for it")
	ErrWithdrawn = errors.New("login: the shop withdrew what it authorised; its owner authorises it again")
	ErrEnded     = errors.New("login: the shop's authorisation was ended here; ask an administrator")
)

// jump is an arrival from the market that passed every check.
type jump struct {
	app     access.App
	service access.Service
	code    secret.Value
	hash    []byte // names app and code
	at      time.Time
	try     *try // failed when WeChat does not know the code
}

// marketCallback is where 去使用 leads. No state exists, so whoever holds a code
// can send it to anybody: the code only says which shop WeChat means, and the
// browser asks before it believes that (see [Login.getEnter]).
func (l *Login) marketCallback(w http.ResponseWriter, r *http.Request) error {
	j, err := l.arriveFromMarket(r)
	if err != nil {
		return err
	}
	defer j.try.end()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), finishTime)
	defer cancel()
	r = r.WithContext(ctx)
	_, err = l.o.Store.UseState(ctx, grant.Callback{App: j.app.ID, StateHash: j.hash, At: j.at})
	if errors.Is(err, access.ErrUsed) {
		return l.jumpedBefore(w, r, j)
	}
	if err != nil {
		return marketPage(http.StatusServiceUnavailable, "market-not-kept", err)
	}
	answer, err := l.exchangeJump(ctx, r, j)
	if err != nil {
		return err
	}
	e := entry{
		Version: entryVersion, App: j.app.ID, Service: j.service.ID, AppID: answer.AppID,
		Spec: answer.Spec, Order: answer.OrderID, Hash: j.hash, At: j.at.UnixMilli(),
	}
	if err := l.keepEntry(w, e); err != nil {
		return err
	}
	if l.knows(r, e) {
		return l.straightOn(w, r, e)
	}
	return redirect(w, r, l.path("/market/enter", nil))
}

// arriveFromMarket makes all checks that need neither a write nor WeChat.
func (l *Login) arriveFromMarket(r *http.Request) (jump, error) {
	app, service, err := l.soldService(r)
	if err != nil {
		return jump{}, err
	}
	if err := l.clockBehind(r.Context(), l.o.Behind()); err != nil {
		return jump{}, err
	}
	code := single(r.URL.Query(), "code")
	if r.Method != http.MethodGet || !validCode(code) { // a preview's HEAD uses no code up
		return jump{}, l.refuse(r, "market.callback", "app:"+app.ID, marketPage(http.StatusBadRequest, "market-code", nil))
	}
	try, wait := l.jumps.begin(tryKey(r), l.o.Now())
	if wait > 0 {
		return jump{}, l.tooManyJumps(r, app, wait)
	}
	return jump{
		app: app, service: service, code: secret.FromString(code),
		hash: digest("market\x00" + app.ID + "\x00" + code), at: l.o.Now(), try: try,
	}, nil
}

// soldService finds the platform and the service of the address, and insists on
// the platform's own host before anything else is looked at.
func (l *Login) soldService(r *http.Request) (access.App, access.Service, error) {
	app, err := l.o.Store.App(r.Context(), r.PathValue("app"))
	if errors.Is(err, access.ErrNotFound) || err == nil && (app.Kind != access.Component || !l.marketOpen()) {
		return access.App{}, access.Service{}, noApp()
	}
	if err != nil {
		return access.App{}, access.Service{}, err
	}
	if err := l.insistOnHost(r, app, "market.callback"); err != nil {
		return access.App{}, access.Service{}, err
	}
	service, ok := serviceOf(app, r.PathValue("service"))
	if !ok {
		return access.App{}, access.Service{}, withLink(page(http.StatusNotFound, "no-service"), "home", "/")
	}
	return app, service, nil
}

func (l *Login) marketOpen() bool { return l.o.Market != nil && l.o.Shops != nil }

func serviceOf(app access.App, id string) (access.Service, bool) {
	i := slices.IndexFunc(app.Services, func(s access.Service) bool { return s.ID == id })
	if i < 0 {
		return access.Service{}, false
	}
	return app.Services[i], true
}

// tooManyJumps stops a network that sent many codes that WeChat did not know, or
// sends many at once: each costs a question to WeChat and a row.
func (l *Login) tooManyJumps(r *http.Request, app access.App, wait time.Duration) error {
	e := page(http.StatusTooManyRequests, "too-many-tries")
	e.RetryAfter = wait
	return l.refuse(r, "market.callback", "app:"+app.ID, e)
}

// jumpedBefore answers for a code that was used, as a reload or because somebody
// repeats it. The browser that brought it goes on where it was; nobody else gets
// anything.
func (l *Login) jumpedBefore(w http.ResponseWriter, r *http.Request, j jump) error {
	if e, err := l.entryOf(r); err == nil && bytes.Equal(e.Hash, j.hash) {
		return redirect(w, r, l.path("/market/enter", nil))
	}
	return l.refuse(r, "market.callback", "app:"+j.app.ID, marketPage(http.StatusConflict, "market-used", nil))
}

// exchangeJump asks WeChat which shop this is, once.
func (l *Login) exchangeJump(ctx context.Context, r *http.Request, j jump) (Jump, error) {
	answer, err := l.o.Market.ServiceLogin(ctx, j.app, j.code)
	switch {
	case err != nil:
		return Jump{}, l.jumpFailed(r, j, err)
	case answer.AppID == "":
		return Jump{}, l.refuse(r, "market.exchange", "app:"+j.app.ID, marketPage(http.StatusForbidden, "market-no-shop", nil))
	case answer.ServiceID != j.service.ServiceID:
		return Jump{}, l.refuse(r, "market.exchange", "app:"+j.app.ID, marketPage(http.StatusForbidden, "market-service", nil))
	}
	return answer, nil
}

// noSuchCode is WeChat's answer to a code of the market that it does not know,
// or not any more.
const noSuchCode = 10001

// jumpFailed turns WeChat's no, or its silence, into a page. The code is used up
// either way.
func (l *Login) jumpFailed(r *http.Request, j jump, err error) error {
	outcome, code := audit.Refused, "market-exchange"
	if wechat.OutcomeOf(err) == wechat.OutcomeUnknown {
		outcome, code = audit.Unknown, "market-lost"
	}
	e := marketPage(http.StatusBadGateway, code, err)
	entry := audit.Entry{
		At: l.o.Now(), Actor: audit.Actor{Kind: audit.ActorStranger}, Action: "market.exchange",
		Subject: "app:" + j.app.ID, Outcome: outcome, Reason: code,
	}
	if we, ok := errors.AsType[*wechat.Error](err); ok && we.Code != 0 {
		// The general words for a code lead to a login; here only a new click
		// helps, so the page keeps its own.
		e.ErrCode, e.RID = we.Code, we.RID
		entry.Details = map[string]string{"errcode": strconv.Itoa(we.Code)}
		if we.Code == noSuchCode {
			j.try.failed = true
		}
	}
	if l.o.Tally != nil {
		l.o.Tally.Refused(r.Context(), entry, addressOf(r.Context()))
	}
	return e
}

// marketPage is a page that sends people back to the market: only a new click
// there makes a new code.
func marketPage(status int, code string, cause error) *web.Error {
	e := withLink(page(status, code), "home", "/")
	if cause != nil {
		e.Err = cause
	}
	return e
}

// entry says which shop WeChat named to this browser. It lives for a few minutes
// in a sealed cookie, and is used once.
type entry struct {
	Version int    `json:"v"`
	App     string `json:"a"`
	Service string `json:"s"`
	AppID   string `json:"w"`
	Spec    string `json:"p,omitempty"`
	Order   string `json:"o,omitempty"`
	Hash    []byte `json:"h"` // of the jump
	At      int64  `json:"t"` // of the jump, Unix milliseconds
}

const (
	entryVersion = 1
	entryLife    = 5 * time.Minute
)

func (e entry) at() time.Time { return time.UnixMilli(e.At) }

// tag names the entry on its page, so that a yes to one shop is never taken for
// another that arrived in the same browser meanwhile.
func (e entry) tag() string {
	return hex.EncodeToString(digest("entry page\x00" + string(e.Hash))[:16])
}

// useHash names the use of the entry in the record of used callbacks.
func (e entry) useHash() []byte { return digest("market enter\x00" + string(e.Hash)) }

func (l *Login) keepEntry(w http.ResponseWriter, e entry) error {
	value, err := l.sealCookie(entryCookie, e)
	if err != nil {
		return err
	}
	if len(value) > maxCookie {
		return marketPage(http.StatusBadGateway, "market-exchange", errors.New("login: WeChat's answer is too long for a cookie"))
	}
	l.jar.Set(w, entryCookie, value, entryLife)
	return nil
}

// errNoEntry says that the browser has no entry that counts.
var errNoEntry = errors.New("login: no entry from the market")

func (l *Login) entryOf(r *http.Request) (entry, error) {
	value, ok := l.jar.Get(r, entryCookie)
	if !ok || !l.marketOpen() {
		return entry{}, errNoEntry
	}
	var e entry
	if err := l.openCookie(entryCookie, value, &e); err != nil || e.Version != entryVersion {
		return entry{}, errNoEntry
	}
	if now := l.o.Now(); now.Before(e.at()) || !now.Before(e.at().Add(entryLife)) {
		return entry{}, errNoEntry
	}
	return e, nil
}
