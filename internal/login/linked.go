package login

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/web/ui"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// authorised is a callback of a link that passed every check.
type authorised struct {
	app  access.App
	link linkClaim
	code secret.Value
	hash []byte // of the state
	at   time.Time
}

// linkCallback is where WeChat sends the administrator of an account that authorised
// a platform. State and link are used up before the code is sent, which is once.
func (l *Login) linkCallback(w http.ResponseWriter, r *http.Request) error {
	a, err := l.arriveByLink(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), finishTime)
	defer cancel()
	r = r.WithContext(ctx)
	for _, use := range [][]byte{a.hash, a.link.useHash()} {
		_, err := l.o.Store.UseState(ctx, grant.Callback{App: a.app.ID, StateHash: use, At: a.at})
		if errors.Is(err, access.ErrUsed) {
			return l.authorisedBefore(w, r, a)
		}
		if err != nil {
			e := page(http.StatusServiceUnavailable, "account-not-kept")
			e.Err = err
			return e
		}
	}
	got, err := l.o.Links.Link(ctx, a.app, a.link.link(), a.code)
	if err != nil && !errors.Is(err, grant.ErrCodeUsed) {
		return l.linkFailed(r, a, err)
	}
	if err := l.keepResult(w, a, got); err != nil {
		return err
	}
	return redirect(w, r, l.path("/linked", nil))
}

// arriveByLink makes all checks that need neither a write nor WeChat.
func (l *Login) arriveByLink(r *http.Request) (authorised, error) {
	app, err := l.linkedApp(r, r.PathValue("app"))
	if err != nil {
		return authorised{}, err
	}
	q := r.URL.Query()
	p, err := l.pendingOf(r, single(q, "state"), app)
	if err == nil && p.Link == nil {
		err = errStateForeign
	}
	if err != nil {
		e := page(http.StatusBadRequest, "account-state")
		e.Err = err
		l.refused(r, "account.callback", "app:"+app.ID, err.Error())
		return authorised{}, e
	}
	code := single(q, "auth_code")
	if r.Method != http.MethodGet || !validAuthCode(code) { // a preview's HEAD uses nothing up
		return authorised{}, l.refuse(r, "account.callback", "app:"+app.ID, page(http.StatusBadRequest, "account-code"))
	}
	a := authorised{app: app, link: *p.Link, code: secret.FromString(code), hash: p.StateHash, at: l.o.Now()}
	return a, l.checkClock(r.Context(), a.at)
}

// validAuthCode allows what a code of an authorisation may hold: an @ more than
// others, as in queryauthcode@@@.
func validAuthCode(code string) bool { return validCode(strings.ReplaceAll(code, "@", "_")) }

// authorisedBefore answers for a state or a link that was used, as a reload or
// because somebody repeats it. The browser that used it sees what came of it.
func (l *Login) authorisedBefore(w http.ResponseWriter, r *http.Request, a authorised) error {
	if res, err := l.resultOf(r); err == nil && bytes.Equal(res.Hash, a.hash) {
		return redirect(w, r, l.path("/linked", nil))
	}
	return l.refuse(r, "account.callback", "app:"+a.app.ID, page(http.StatusConflict, "account-used"))
}

// linkFailed turns WeChat's no, or its silence, into a page. Link and code are used
// up either way.
func (l *Login) linkFailed(r *http.Request, a authorised, err error) error {
	outcome, e := audit.Refused, page(http.StatusBadGateway, "account-exchange")
	switch {
	case errors.Is(err, grant.ErrOtherAccount):
		e = page(http.StatusForbidden, "account-other")
	case errors.Is(err, grant.ErrAway):
		e = page(http.StatusConflict, "account-away")
	case wechat.OutcomeOf(err) == wechat.OutcomeUnknown:
		outcome, e = audit.Unknown, page(http.StatusBadGateway, "account-lost")
	}
	e.Err = err
	entry := audit.Entry{
		At: l.o.Now(), Actor: audit.Actor{Kind: audit.ActorStranger}, Action: "account.exchange",
		Subject: "app:" + a.app.ID, Outcome: outcome, Reason: e.Code,
	}
	if we, ok := errors.AsType[*wechat.Error](err); ok && we.Code != 0 {
		// The general words for a code tell programmers what to do; here only a new
		// link helps, so the page keeps its own.
		e.ErrCode, e.RID = we.Code, we.RID
		entry.Details = map[string]string{"errcode": strconv.Itoa(we.Code)}
	}
	if l.o.Tally != nil {
		l.o.Tally.Refused(r.Context(), entry, addressOf(r.Context()))
	}
	return e
}

// result says what a link brought. It lives for a few minutes in a sealed cookie, so
// that the address behind the callback is clean and can be loaded again.
type result struct {
	Version int     `json:"v"`
	App     string  `json:"a"`
	AppID   string  `json:"w,omitempty"`
	Name    string  `json:"n,omitempty"`
	Sets    []int64 `json:"s,omitempty"`
	Hash    []byte  `json:"h"` // of the state
	At      int64   `json:"t"` // Unix milliseconds
}

const (
	resultVersion = 1
	resultLife    = 10 * time.Minute
	shownSets     = 100 // more would not fit into a cookie
)

func (l *Login) keepResult(w http.ResponseWriter, a authorised, got grant.Linked) error {
	value, err := l.sealCookie(linkedCookie, result{
		Version: resultVersion, App: a.app.ID, AppID: got.AppID, Name: got.Name, Sets: got.Sets[:min(len(got.Sets), shownSets)],
		Hash: a.hash, At: a.at.UnixMilli(),
	})
	if err != nil {
		return err
	}
	l.jar.Set(w, linkedCookie, value, resultLife)
	return nil
}

// errNoResult says that nothing was authorised in this browser of late.
var errNoResult = errors.New("login: nothing was authorised in this browser")

func (l *Login) resultOf(r *http.Request) (result, error) {
	value, ok := l.jar.Get(r, linkedCookie)
	if !ok {
		return result{}, errNoResult
	}
	var res result
	if err := l.openCookie(linkedCookie, value, &res); err != nil || res.Version != resultVersion {
		return result{}, errNoResult
	}
	at := time.UnixMilli(res.At)
	if now := l.o.Now(); now.Before(at) || !now.Before(at.Add(resultLife)) {
		return result{}, errNoResult
	}
	return res, nil
}

// getLinked shows which account authorised the platform.
func (l *Login) getLinked(w http.ResponseWriter, r *http.Request) error {
	res, err := l.resultOf(r)
	if err != nil {
		return page(http.StatusGone, "account-over")
	}
	app, err := l.o.Store.App(r.Context(), res.App)
	if errors.Is(err, access.ErrNotFound) {
		return noApp()
	}
	if err != nil {
		return err
	}
	return l.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "login.account.done_title"},
		linkedPage(linkedView{Platform: platformName(app), Name: res.Name, AppID: res.AppID, Sets: res.Sets}))
}

// linkedView is what the page after an authorisation shows.
type linkedView struct {
	Platform    string
	Name, AppID string // of the account; empty: not known
	Sets        []int64
}
