package login

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Minis is WeChat as door 4 needs it. [MiniPrograms] is the real one.
type Minis interface {
	// MiniLogin asks who the code of wx.login stands for: with the app's secret or,
	// if that is zero, with the token of the platform that the mini program
	// authorised. It asks once and never repeats. Its errors are read with
	// wechat.OutcomeOf. The answer has no tokens: WeChat gives none here.
	MiniLogin(ctx context.Context, app access.App, appSecret secret.Value, platform access.App, code secret.Value) (Answer, error)
}

const (
	ticketLife    = time.Minute
	ticketVersion = 1
	maxTicket     = 1024 // characters of a sealed ticket
)

// ticket is a person whom WeChat named to a mini program. It stands sealed in the
// address that the mini program opens in its web-view, and is used once.
type ticket struct {
	Version int    `json:"v"`
	ID      string `json:"i"`
	App     string `json:"a"`
	OpenID  string `json:"o"`
	UnionID string `json:"u,omitempty"`
	At      int64  `json:"t"` // Unix milliseconds
}

// useHash names the use of the ticket in the record of used callbacks.
func (t ticket) useHash() []byte { return digest("mini ticket\x00" + t.ID) }

// live tells whether the ticket may be used. One of the future was made under
// another clock.
func (t ticket) live(now time.Time) bool {
	at := time.UnixMilli(t.At)
	return !now.Before(at.Add(-clockSlack)) && now.Before(at.Add(ticketLife))
}

// miniTicket is the answer to a mini program's server or to the mini program itself.
type miniTicket struct {
	Ticket    string `json:"ticket"`
	ExpiresIn int    `json:"expires_in"` // seconds
	// Enter is the address for the web-view. &rd=/path after it says where to go.
	Enter string `json:"enter"`
}

// postMini turns the code of wx.login into a ticket. It knows no browser and sets
// nothing; what the code opens, the ticket opens, and no more.
func (l *Login) postMini(w http.ResponseWriter, r *http.Request) error {
	app, err := l.miniApp(r)
	if err != nil {
		return err
	}
	if err := l.clockBehind(r.Context(), l.o.Behind()); err != nil {
		return err
	}
	code, err := readMiniCode(r)
	if err != nil {
		return l.refuse(r, "mini.login", "app:"+app.ID, miniForm(err))
	}
	try, wait := l.jumps.begin(tryKey(r), l.o.Now())
	if wait > 0 {
		e := page(http.StatusTooManyRequests, "too-many-tries")
		e.RetryAfter = wait
		return l.refuse(r, "mini.login", "app:"+app.ID, e)
	}
	defer try.end()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), finishTime)
	defer cancel()
	answer, err := l.exchangeMini(ctx, r, app, code, try)
	if err != nil {
		return err
	}
	return l.giveTicket(w, app, answer)
}

// miniApp finds the mini program of the address, at its configured host.
func (l *Login) miniApp(r *http.Request) (access.App, error) {
	app, err := l.o.Store.App(r.Context(), r.PathValue("app"))
	if errors.Is(err, access.ErrNotFound) || err == nil && (app.Kind != access.MiniProgram || l.o.Minis == nil) {
		return access.App{}, noApp()
	}
	if err != nil {
		return access.App{}, err
	}
	return app, l.insistOnHost(r, app, "mini.login")
}

// readMiniCode reads {"code":"…"}, and nothing else.
func readMiniCode(r *http.Request) (secret.Value, error) {
	var in struct {
		Code string `json:"code"`
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return secret.Value{}, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) || !validCode(in.Code) {
		return secret.Value{}, errors.New("login: not one code")
	}
	return secret.FromString(in.Code), nil
}

func miniForm(err error) *web.Error {
	if tooBig := web.AsError(err); tooBig.Status == http.StatusRequestEntityTooLarge {
		return tooBig
	}
	e := page(http.StatusBadRequest, "mini-form") // the cause may hold the code
	return e
}

// exchangeMini uses the code up, then asks WeChat, once.
func (l *Login) exchangeMini(ctx context.Context, r *http.Request, app access.App, code secret.Value, try *try) (Answer, error) {
	_, err := l.o.Store.UseState(ctx, grant.Callback{
		App: app.ID, StateHash: digest("mini code\x00" + app.ID + "\x00" + code.RevealString()), At: l.o.Now(),
	})
	if errors.Is(err, access.ErrUsed) {
		return Answer{}, l.refuse(r, "mini.login", "app:"+app.ID, page(http.StatusConflict, "mini-code-used"))
	}
	if err != nil {
		return Answer{}, miniPage(http.StatusServiceUnavailable, "mini-not-kept", err)
	}
	answer, err := l.askMini(ctx, app, code)
	if err == nil && answer.OpenID == "" {
		err = errors.New("login: WeChat's answer lacks the openid")
	}
	if _, said := errors.AsType[*web.Error](err); err != nil && !said {
		err = l.miniFailed(r, app, err, try)
	}
	return answer, err
}

// askMini asks WeChat. What keeps it from asking is a page.
func (l *Login) askMini(ctx context.Context, app access.App, code secret.Value) (Answer, error) {
	if len(app.Secret) > 0 {
		appSecret, err := l.o.Vault.Open(app.Secret, vault.AppSecret(app.ID, app.SecretVersion))
		if err != nil {
			return Answer{}, miniPage(http.StatusServiceUnavailable, "mini-setup", err)
		}
		return l.o.Minis.MiniLogin(ctx, app, appSecret, access.App{}, code)
	}
	platform, err := l.platformOf(ctx, app)
	if err != nil {
		return Answer{}, miniPage(http.StatusServiceUnavailable, "mini-setup", err)
	}
	return l.o.Minis.MiniLogin(ctx, app, secret.Value{}, platform, code)
}

// errNoPlatform says that nothing here may ask for the mini program.
var errNoPlatform = errors.New("login: the mini program has no secret and authorised no platform; declare its secret, or have it authorise a component")

// platformOf finds the platform that the mini program authorised.
func (l *Login) platformOf(ctx context.Context, app access.App) (access.App, error) {
	apps, err := l.o.Store.Apps(ctx)
	if err != nil || l.o.Shops == nil {
		return access.App{}, errors.Join(err, errNoPlatform)
	}
	for _, a := range apps {
		if a.Kind != access.Component {
			continue
		}
		g, err := l.o.Shops.AuthorizerGrant(ctx, a.ID, app.AppID)
		if errors.Is(err, grant.ErrNotFound) || err == nil && (g.State == grant.Revoked || g.State == grant.NeedsOwner) {
			continue
		}
		return a, err
	}
	return access.App{}, errNoPlatform
}

// noSuchMiniCode are WeChat's answers to codes that it does not know, or not any more.
var noSuchMiniCode = map[int]bool{40029: true, 40163: true, 42003: true}

// miniFailed puts WeChat's no, or its silence, into words. The code is used up.
func (l *Login) miniFailed(r *http.Request, app access.App, err error, try *try) error {
	outcome, code := audit.Refused, "mini-exchange"
	if wechat.OutcomeOf(err) == wechat.OutcomeUnknown {
		outcome, code = audit.Unknown, "mini-lost"
	}
	e := miniPage(http.StatusBadGateway, code, err)
	entry := audit.Entry{
		At: l.o.Now(), Actor: audit.Actor{Kind: audit.ActorStranger}, Action: "mini.exchange",
		Subject: "app:" + app.ID, Outcome: outcome, Reason: code,
	}
	if we, ok := errors.AsType[*wechat.Error](err); ok && we.Code != 0 {
		x := we.Explain()
		e.ErrCode, e.RID = we.Code, we.RID
		e.EN, e.ZH = web.Sentence(x.CauseEN, "."), web.Sentence(x.CauseZH, "。")
		entry.Details = map[string]string{"errcode": strconv.Itoa(we.Code)}
		try.failed = noSuchMiniCode[we.Code]
	}
	if l.o.Tally != nil {
		l.o.Tally.Refused(r.Context(), entry, addressOf(r.Context()))
	}
	return e
}

func miniPage(status int, code string, cause error) *web.Error {
	e := page(status, code)
	e.Err = cause
	return e
}

// giveTicket seals who WeChat named.
func (l *Login) giveTicket(w http.ResponseWriter, app access.App, answer Answer) error {
	text, err := vault.SealText(l.o.Vault, vault.MiniTicket(), ticket{
		Version: ticketVersion, ID: access.NewID("t"), App: app.ID,
		OpenID: answer.OpenID, UnionID: answer.UnionID, At: l.o.Now().UnixMilli(),
	})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(miniTicket{
		Ticket: text, ExpiresIn: int(ticketLife.Seconds()), Enter: l.on(app, "/mini/enter") + "?ticket=" + text,
	})
}

// getMini is what a mini program opens in its web-view: the ticket becomes a session
// of ours. Somebody else's ticket in an ordinary browser would log its reader into
// somebody else's account, so only web-views of mini programs are let in; which ones
// may open this host is set at WeChat (业务域名).
func (l *Login) getMini(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	back, err := l.o.Redirects.Check(single(q, "rd"))
	if err != nil || len(q["rd"]) > 1 {
		return l.refuse(r, "mini.enter", "", page(http.StatusBadRequest, "mini-return"))
	}
	if !l.inMini(r) {
		return l.refuse(r, "mini.enter", "", withLink(page(http.StatusForbidden, "mini-outside"), "login", "/login"))
	}
	t, app, err := l.openTicket(r, single(q, "ticket"))
	if err != nil {
		return err
	}
	a := arrival{
		app: app, hash: t.useHash(), at: l.o.Now(),
		p: pending{App: app.ID, Door: access.DoorMini, Return: back},
	}
	if err := l.checkClock(r.Context(), a.at); err != nil {
		return err
	}
	return l.enterMini(w, r, a, Answer{OpenID: t.OpenID, UnionID: t.UnionID})
}

// inMini tells whether a mini program shows the page. On this machine the
// emulator's phone counts too.
func (l *Login) inMini(r *http.Request) bool {
	return r.Method == http.MethodGet && (wechat.IsMiniProgramUA(r.UserAgent()) || l.loopback && l.inWeChat(r))
}

// openTicket reads a ticket of ours that is young enough.
func (l *Login) openTicket(r *http.Request, text string) (ticket, access.App, error) {
	bad := page(http.StatusGone, "mini-ticket")
	var t ticket
	if !vault.OpenText(l.o.Vault, vault.MiniTicket(), text, maxTicket, &t) || t.Version != ticketVersion {
		return ticket{}, access.App{}, l.refuse(r, "mini.enter", "", bad)
	}
	if !t.live(l.o.Now()) {
		return t, access.App{}, bad
	}
	app, err := l.o.Store.App(r.Context(), t.App)
	if errors.Is(err, access.ErrNotFound) || err == nil && app.Kind != access.MiniProgram {
		return t, app, noApp()
	}
	if err != nil {
		return t, app, err
	}
	return t, app, l.insistOnHost(r, app, "mini.enter")
}

// enterMini uses the ticket up and logs in whom it names.
func (l *Login) enterMini(w http.ResponseWriter, r *http.Request, a arrival, answer Answer) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), finishTime)
	defer cancel()
	r = r.WithContext(ctx)
	_, err := l.o.Store.UseState(ctx, grant.Callback{App: a.app.ID, StateHash: a.hash, At: a.at})
	if errors.Is(err, access.ErrUsed) {
		return l.enteredMini(w, r, a, answer)
	}
	if err != nil {
		return miniPage(http.StatusServiceUnavailable, "mini-not-kept", err)
	}
	d, err := l.commit(ctx, r, a, answer)
	if err != nil {
		return miniPage(http.StatusServiceUnavailable, "mini-not-kept", err)
	}
	return l.arrived(ctx, w, r, a, answer, d)
}

// enteredMini answers a ticket that comes again, as a web-view loads its page anew.
// The person who is in goes on; nobody gets a second session.
func (l *Login) enteredMini(w http.ResponseWriter, r *http.Request, a arrival, answer Answer) error {
	i, err := l.o.Store.Identity(r.Context(), a.app.ID, answer.OpenID)
	if s, none := l.session(r); err == nil && none == nil && s.PersonID == i.PersonID {
		return redirect(w, r, a.p.Return)
	}
	return l.refuse(r, "mini.enter", "app:"+a.app.ID, page(http.StatusGone, "mini-ticket"))
}

// MiniPrograms is the [Minis] that asks WeChat. Every field must be set.
type MiniPrograms struct {
	// Client gives the client for an app: its API hosts and its way out.
	Client func(access.App) (*wechat.Client, error)
	// Token gives a platform's own access token and its generation, by our id.
	Token func(ctx context.Context, app string) (secret.Value, int64, error)
	// Refused hears of a token that WeChat did not take.
	Refused func(ctx context.Context, app string, generation int64)
}

// MiniLogin asks who the code stands for, at most once.
func (m MiniPrograms) MiniLogin(ctx context.Context, app access.App, appSecret secret.Value, platform access.App, code secret.Value) (Answer, error) {
	if appSecret.IsZero() {
		return m.byPlatform(ctx, app, platform, code)
	}
	c, err := m.Client(app)
	if err != nil {
		return Answer{}, err
	}
	who, err := c.MiniLogin(ctx, app.AppID, appSecret, code)
	if err != nil {
		return Answer{}, err
	}
	return Answer{OpenID: who.OpenID, UnionID: who.UnionID}, nil
}

func (m MiniPrograms) byPlatform(ctx context.Context, app, platform access.App, code secret.Value) (Answer, error) {
	c, err := m.Client(platform)
	if err != nil {
		return Answer{}, err
	}
	token, generation, err := m.Token(ctx, platform.ID)
	if err != nil {
		return Answer{}, err
	}
	who, err := c.ComponentMiniLogin(ctx, wechat.ComponentToken{Value: token}, platform.AppID, app.AppID, code)
	if e, ok := errors.AsType[*wechat.Error](err); ok && e.Class() == wechat.ClassRefreshToken {
		m.Refused(ctx, platform.ID, generation)
	}
	if err != nil {
		return Answer{}, err
	}
	return Answer{OpenID: who.OpenID, UnionID: who.UnionID}, nil
}
