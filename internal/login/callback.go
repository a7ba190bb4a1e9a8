package login

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

const (
	// finishTime bounds what happens after the state is used. The browser
	// cannot shorten it: an exchange that was sent must be kept.
	finishTime = 25 * time.Second
	// clockSlack is how far the clock may run behind the highest time seen.
	clockSlack = time.Minute
	maxCode    = 512
)

// arrival is a callback that passed every check.
type arrival struct {
	app  access.App
	p    pending
	code secret.Value
	hash []byte // of the state
	at   time.Time
	// claim is the claim of a shop that this login finishes, or nil.
	claim *claim
}

// callback finishes a login; the package comment lists the order of its steps.
func (l *Login) callback(w http.ResponseWriter, r *http.Request) error {
	a, err := l.arrive(r)
	if err == nil {
		err = l.finish(w, r, a)
	}
	return l.counted(a.p.Door, err)
}

// finish does with an arrival what it came for.
func (l *Login) finish(w http.ResponseWriter, r *http.Request, a arrival) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), finishTime)
	defer cancel()
	r = r.WithContext(ctx)
	earlier, err := l.o.Store.UseState(ctx, grant.Callback{
		App: a.app.ID, StateHash: a.hash, CodeHash: digest(a.code.RevealString()), At: a.at,
	})
	if errors.Is(err, access.ErrUsed) {
		return l.again(w, r, a, earlier)
	}
	if err != nil {
		return l.startAgain(a.p, http.StatusServiceUnavailable, "not-kept", err)
	}
	answer, err := l.exchange(ctx, r, a)
	if err != nil {
		return err
	}
	a.claim = l.claimOf(ctx, r, a.p)
	done, err := l.commit(ctx, r, a, answer)
	if err != nil {
		return l.startAgain(a.p, http.StatusServiceUnavailable, "not-kept", err)
	}
	l.settleClaim(ctx, w, a, done)
	l.fetchProfile(ctx, a.app, answer, done.session.PersonID)
	return l.arrived(ctx, w, r, a, answer, done)
}

// arrive makes all checks that need neither a write nor WeChat.
func (l *Login) arrive(r *http.Request) (arrival, error) {
	app, err := l.callbackApp(r)
	if err != nil {
		return arrival{}, err
	}
	q := r.URL.Query()
	p, err := l.pendingOf(r, single(q, "state"), app)
	if err != nil {
		return arrival{}, l.refuseState(r, app, err)
	}
	code, err := l.readCode(r, p, q)
	if err != nil {
		return arrival{}, err
	}
	a := arrival{app: app, p: p, code: code, hash: p.StateHash, at: l.o.Now()}
	return a, l.checkClock(r.Context(), a.at)
}

// callbackApp finds the app of the address, and insists on the app's own host
// before anything else is looked at.
func (l *Login) callbackApp(r *http.Request) (access.App, error) {
	app, err := l.o.Store.App(r.Context(), r.PathValue("app"))
	if errors.Is(err, access.ErrNotFound) || err == nil && doorOf(app.Kind) == "" {
		return access.App{}, noApp()
	}
	if err != nil {
		return access.App{}, err
	}
	return app, l.insistOnHost(r, app, "login.callback")
}

func noApp() error { return withLink(page(http.StatusNotFound, "no-app"), "home", "/") }

// insistOnHost refuses a callback that did not arrive at the app's own host.
func (l *Login) insistOnHost(r *http.Request, app access.App, action string) error {
	host := web.EffectiveHost(r.Context())
	if app.CallbackHost == "" || !strings.EqualFold(host, app.CallbackHost) {
		return l.refuse(r, action, "app:"+app.ID, page(http.StatusMisdirectedRequest, "callback-host"))
	}
	return nil
}

// refuseState answers for every bad state with one page: who holds a foreign
// state need not learn what is wrong with it.
func (l *Login) refuseState(r *http.Request, app access.App, cause error) error {
	e := withLink(page(http.StatusBadRequest, "state"), "again", "/login")
	e.Err = cause
	l.refused(r, "login.callback", "app:"+app.ID, cause.Error())
	return e
}

// readCode tells a code from a refusal. Today's WeChat rarely says that
// somebody refused; where it does there is no code, or the word authdeny.
func (l *Login) readCode(r *http.Request, p pending, q url.Values) (secret.Value, error) {
	code := single(q, "code")
	switch {
	case !q.Has("code") || code == "authdeny" || q["code"][0] == "":
		return secret.Value{}, l.startAgain(p, http.StatusForbidden, "denied", nil)
	case !validCode(code):
		e := l.startAgain(p, http.StatusBadRequest, "code-form", nil)
		return secret.Value{}, l.refuse(r, "login.callback", "app:"+p.App, e)
	}
	return secret.FromString(code), nil
}

// validCode allows what may stand in a URL unescaped, so that text which some
// browser appended is noticed.
func validCode(s string) bool {
	return s != "" && len(s) <= maxCode && !strings.ContainsFunc(s, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !strings.ContainsRune("-_.~+/=", c)
	})
}

// single gives a query parameter that came exactly once.
func single(q url.Values, key string) string {
	if len(q[key]) != 1 {
		return ""
	}
	return q.Get(key)
}

// checkClock stops logins while the clock is behind what the store has seen:
// every limit of a session would be wrong.
func (l *Login) checkClock(ctx context.Context, now time.Time) error {
	highest, err := l.o.Store.ObserveTime(ctx, now)
	if err != nil {
		return err
	}
	return l.clockBehind(ctx, highest.Sub(now))
}

// clockBehind refuses when the clock is behind by more than two replicas' may
// differ.
func (l *Login) clockBehind(ctx context.Context, by time.Duration) error {
	if by <= clockSlack {
		return nil
	}
	e := page(http.StatusServiceUnavailable, "clock")
	e.RetryAfter = by
	l.o.Log.ErrorContext(ctx, "logins are stopped: the clock is behind; set it right", "behind", by)
	return e
}

// again answers a callback whose state or code was used before. The browser
// that began this login and has a session goes on with its own session; nobody
// is given one here.
func (l *Login) again(w http.ResponseWriter, r *http.Request, a arrival, earlier *grant.Callback) error {
	own := earlier != nil && string(earlier.StateHash) == string(a.hash)
	if !own {
		e := l.startAgain(a.p, http.StatusConflict, "code-used", nil)
		return l.refuse(r, "login.callback", "app:"+a.app.ID, e)
	}
	if _, err := l.session(r); err == nil {
		return redirect(w, r, a.p.Return)
	}
	l.refused(r, "login.callback", "app:"+a.app.ID, "state-used")
	return l.startAgain(a.p, http.StatusConflict, "state-used", nil)
}

// startAgain is a page whose button begins the same login afresh. It is never
// a redirect, so that nothing can go round in circles.
func (l *Login) startAgain(p pending, status int, code string, cause error) *web.Error {
	back := intent{shop: p.Shop, back: p.Return}
	e := withLink(page(status, code), "again", "/login?"+back.query().Encode())
	e.Err = cause
	return e
}

// exchange asks WeChat who this is, once.
func (l *Login) exchange(ctx context.Context, r *http.Request, a arrival) (Answer, error) {
	appSecret, err := l.o.Vault.Open(a.app.Secret, vault.AppSecret(a.app.ID, a.app.SecretVersion))
	if err != nil {
		return Answer{}, l.startAgain(a.p, http.StatusServiceUnavailable, "app-secret", err)
	}
	answer, err := l.o.Platform.ExchangeCode(ctx, a.app, appSecret, a.code)
	if err != nil {
		return Answer{}, l.exchangeFailed(r, a, err)
	}
	if answer.Snapshot {
		e := l.startAgain(a.p, http.StatusForbidden, "snapshot", nil)
		return Answer{}, l.refuse(r, "login.exchange", "app:"+a.app.ID, e)
	}
	if answer.OpenID == "" || answer.Access.IsZero() || answer.Refresh.IsZero() {
		return Answer{}, l.exchangeFailed(r, a, errors.New("login: WeChat's answer lacks the openid or a token"))
	}
	return answer, nil
}

// exchangeFailed turns WeChat's no, or its silence, into a page. The code is
// used up either way.
func (l *Login) exchangeFailed(r *http.Request, a arrival, err error) error {
	outcome, code := audit.Refused, "exchange"
	if wechat.OutcomeOf(err) == wechat.OutcomeUnknown {
		outcome, code = audit.Unknown, "exchange-lost"
	}
	e := l.startAgain(a.p, http.StatusBadGateway, code, err)
	entry := audit.Entry{
		At: l.o.Now(), Actor: audit.Actor{Kind: audit.ActorStranger}, Action: "login.exchange",
		Subject: "app:" + a.app.ID, Outcome: outcome, Reason: code,
	}
	if we, ok := errors.AsType[*wechat.Error](err); ok && we.Code != 0 {
		x := we.Explain()
		e.ErrCode, e.RID = we.Code, we.RID
		e.EN, e.ZH = web.Sentence(x.CauseEN, "."), web.Sentence(x.CauseZH, "。")
		e.NextEN, e.NextZH = web.Sentence(x.NextEN, "."), web.Sentence(x.NextZH, "。")
		entry.Details = map[string]string{"errcode": strconv.Itoa(we.Code)}
	}
	if l.o.Tally != nil {
		l.o.Tally.Refused(r.Context(), entry, addressOf(r.Context()))
	}
	return e
}
