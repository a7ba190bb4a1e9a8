package login

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/internal/web/ui"
	"github.com/zhanggui/zhanggui/wechat"
)

// intent is why somebody logs in.
type intent struct {
	shop       string // id; empty: none in particular
	back       string // where to go afterwards, checked
	invitation string
	tenant     string
	consent    string
}

// query carries an intent through a link of ours.
func (in intent) query() url.Values {
	q := url.Values{}
	if in.shop != "" {
		q.Set("shop", in.shop)
	}
	if in.back != "" {
		q.Set("rd", in.back)
	}
	return q
}

// getLogin lets a browser with a live session through and sends every other to
// its door. as=admin is the door with a key; prove=1 asks WeChat even so.
func (l *Login) getLogin(w http.ResponseWriter, r *http.Request) error {
	in, err := l.readIntent(r, r.URL.Query())
	if err != nil {
		return err
	}
	if r.URL.Query().Get("as") == "admin" {
		return redirect(w, r, l.path("/admin/login", in.query()))
	}
	s, _, err := l.who(r)
	if err != nil && !errors.Is(err, errNoSession) {
		return err
	}
	live := err == nil
	switch {
	case live && r.URL.Query().Get("prove") == "1":
		// Asking WeChat anew changes nothing until it answers.
	case live && r.URL.Query().Get("switch") == "1":
		return l.showSwitch(w, r, s, in)
	case live:
		return redirect(w, r, in.back)
	default:
		a, known, err := l.lastAccount(r)
		if err != nil {
			return err
		}
		if known {
			return l.showAccount(w, r, a, in)
		}
	}
	return l.toDoor(w, r, in)
}

// toDoor sends the browser to its door. A PC without a website app shows a QR code of
// ours, which opens the door of WeChat's own browser on the phone.
func (l *Login) toDoor(w http.ResponseWriter, r *http.Request, in intent) error {
	if l.inWeChat(r) {
		return l.begin(w, r, in)
	}
	_, website, err := l.firstApp(r.Context(), access.Website)
	if err != nil {
		return err
	}
	_, phone, err := l.firstApp(r.Context(), access.ServiceAccount)
	if err == nil && phone && !website {
		return redirect(w, r, l.path("/login/scan", in.query()))
	}
	if err != nil {
		return err
	}
	return l.begin(w, r, in)
}

// showSwitch explains what switching can do before anything ends: a GET
// changes nothing.
func (l *Login) showSwitch(w http.ResponseWriter, r *http.Request, s access.Session, in intent) error {
	return l.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "login.switch.title"},
		switchPage(switchView{
			Shop: in.shop, Return: in.back,
			InWeChat: l.inWeChat(r), ByKey: s.AdminID != "", ByMarket: s.Door == access.DoorMarket,
		}))
}

// postSwitch ends this session and asks WeChat again.
func (l *Login) postSwitch(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	in, err := l.readIntent(r, r.PostForm)
	if err != nil {
		return err
	}
	if err := l.endCurrent(w, r, "switch"); err != nil {
		return err
	}
	l.jar.Drop(w, accountCookie) // whoever comes next is meant to be another
	return l.toDoor(w, r, in)
}

// readIntent checks where to go back to and for which shop. Both come from
// strangers.
func (l *Login) readIntent(r *http.Request, q url.Values) (intent, error) {
	back, err := l.o.Redirects.Check(q.Get("rd"))
	if err != nil {
		e := withLink(page(http.StatusBadRequest, "return-address"), "home", "/")
		return intent{}, l.refuse(r, "login.begin", "", e)
	}
	shop := q.Get("shop")
	if shop == "" {
		return intent{back: back}, nil
	}
	_, err = l.o.Store.Shop(r.Context(), shop)
	if errors.Is(err, access.ErrNotFound) {
		return intent{}, withLink(page(http.StatusNotFound, "no-shop"), "home", "/")
	}
	return intent{back: back, shop: shop}, err
}

// begin sends the browser to its door. Nothing durable is written. A login that
// could not be finished under this clock is not begun.
func (l *Login) begin(w http.ResponseWriter, r *http.Request, in intent) error {
	if err := l.clockBehind(r.Context(), l.o.Behind()); err != nil {
		return err
	}
	app, err := l.chooseApp(r)
	if err != nil {
		return err
	}
	live, dead := l.outstanding(r)
	if looping(live, l.o.Now()) {
		e := withLink(page(http.StatusTooManyRequests, "loop"), "home", "/")
		e.RetryAfter = loopWindow
		return l.refuse(r, "login.begin", "app:"+app.ID, e)
	}
	l.makeRoom(w, live, dead)
	state := newState()
	target, err := l.doorURL(app, state)
	if err != nil {
		return err
	}
	if err := l.keepPending(w, app, state, in); err != nil {
		return err
	}
	return redirect(w, r, target)
}

// keepPending puts the begun login into the browser's cookie.
func (l *Login) keepPending(w http.ResponseWriter, app access.App, state string, in intent) error {
	hash := digest(state)
	value, err := l.sealCookie(stateName(hash), pending{
		Version: pendingVersion, StateHash: hash,
		App: app.ID, Door: doorOf(app.Kind), Scope: app.Scope,
		Return: in.back, Shop: in.shop,
		Invitation: in.invitation, Tenant: in.tenant, Consent: in.consent,
		Begun: l.o.Now().UnixMilli(),
	})
	if err != nil {
		return err
	}
	if len(value) > maxCookie {
		return withLink(page(http.StatusBadRequest, "return-address"), "home", "/")
	}
	l.jar.Set(w, stateName(hash), value, stateLife)
	return nil
}

// doorURL gives WeChat's page for the app. The callback address comes from
// configuration only; nothing that a request says changes it.
func (l *Login) doorURL(app access.App, state string) (string, error) {
	back := l.o.PublicURL.Scheme + "://" + app.CallbackHost + l.path("/oauth/callback/"+url.PathEscape(app.ID), nil)
	if app.Kind == access.ServiceAccount {
		return l.o.Platform.AuthorizeURL(app, back, state)
	}
	return l.o.Platform.QRConnectURL(app, back, state)
}

// doorOf gives the door that apps of a kind open; empty for none.
func doorOf(kind access.AppKind) access.Door {
	switch kind {
	case access.ServiceAccount:
		return access.DoorWeChat
	case access.Website:
		return access.DoorQR
	}
	return ""
}

// inWeChat tells whether the silent door works for this browser. On this
// machine only, a cookie makes any browser the emulator's phone.
func (l *Login) inWeChat(r *http.Request) bool {
	if wechat.IsWeChatUA(r.UserAgent()) {
		return true
	}
	if !l.loopback {
		return false
	}
	c, err := r.Cookie(phoneCookie)
	return err == nil && c.Value == "wechat"
}

// chooseApp picks the app for this browser's door.
func (l *Login) chooseApp(r *http.Request) (access.App, error) {
	kind, missing := access.Website, "no-website-app"
	if l.inWeChat(r) {
		kind, missing = access.ServiceAccount, "no-service-account"
	}
	app, ok, err := l.firstApp(r.Context(), kind)
	if wechat.IsMiniProgramUA(r.UserAgent()) {
		missing = "mini-again"
	}
	if err == nil && !ok {
		err = page(http.StatusServiceUnavailable, missing)
	}
	return app, err
}

// firstApp gives the app of a kind that can finish a login: one whose callback
// arrives at our public host if there is such a one, else the first by id.
func (l *Login) firstApp(ctx context.Context, kind access.AppKind) (access.App, bool, error) {
	apps, err := l.o.Store.Apps(ctx)
	if err != nil {
		return access.App{}, false, err
	}
	apps = slices.DeleteFunc(slices.Clone(apps), func(a access.App) bool {
		return a.Kind != kind || a.CallbackHost == "" || a.Scope == "" || len(a.Secret) == 0
	})
	if len(apps) == 0 {
		return access.App{}, false, nil
	}
	return slices.MinFunc(apps, func(a, b access.App) int {
		if ours := l.isOurHost(a); ours != l.isOurHost(b) {
			if ours {
				return -1
			}
			return 1
		}
		return strings.Compare(a.ID, b.ID)
	}), true, nil
}

func (l *Login) isOurHost(a access.App) bool {
	return strings.EqualFold(a.CallbackHost, l.o.PublicURL.Host)
}

// badForm is a form that no page of ours sends.
func badForm(err error) error {
	e := withLink(page(http.StatusBadRequest, "form"), "home", "/")
	e.Err = err
	if tooBig := web.AsError(err); tooBig.Status == http.StatusRequestEntityTooLarge {
		return tooBig
	}
	return e
}
