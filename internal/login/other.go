package login

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/web/ui"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// otherLife is how long the question stands whether to go on as somebody else.
const otherLife = 5 * time.Minute

// other is a login that waits for an answer, because a silent one named another
// person than the last one here. It lives in a sealed cookie. The session in it is
// live; nobody uses it before the answer.
type other struct {
	Token   string `json:"t"`
	Session string `json:"s"`
	Was     string `json:"w,omitempty"` // nickname of the one before
	Return  string `json:"r"`
	Shop    string `json:"p,omitempty"`
	Until   int64  `json:"u"` // Unix seconds
}

// another tells whether a silent login names somebody else than this browser knew.
// Who took an invitation or scanned a code said so themselves.
func (l *Login) another(r *http.Request, a arrival, person string) bool {
	if a.p.Door == access.DoorQR || a.p.Invitation != "" {
		return false
	}
	if s, err := l.session(r); err == nil && s.PersonID != "" {
		return s.PersonID != person
	}
	was, ok := l.accountOf(r)
	return ok && was.Mark != "" && was.Mark != markOf(person)
}

// arrived gives the browser its new session and sends it on, or asks first.
func (l *Login) arrived(ctx context.Context, w http.ResponseWriter, r *http.Request, a arrival, answer Answer, d done) error {
	l.rememberHere(w, r, d.session.PersonID)
	target := l.afterLogin(ctx, w, r, a, answer, d)
	if l.another(r, a, d.session.PersonID) {
		return l.askOther(ctx, w, r, a, d, target)
	}
	l.loggedIn(w, d.token, d.session, a.at)
	l.rememberAccount(ctx, w, r, d.session.PersonID)
	return redirect(w, r, target)
}

// askOther keeps the new login apart and leads to the question.
func (l *Login) askOther(ctx context.Context, w http.ResponseWriter, r *http.Request, a arrival, d done, target string) error {
	o := other{
		Token: d.token.RevealString(), Session: d.session.ID, Was: l.lastNickname(ctx, r),
		Return: target, Shop: a.p.Shop, Until: a.at.Add(otherLife).Unix(),
	}
	value, err := l.sealCookie(otherCookie, o)
	if err != nil {
		return err
	}
	if len(value) > maxCookie {
		return l.startAgain(a.p, http.StatusBadRequest, "return-address", nil)
	}
	l.jar.Set(w, otherCookie, value, otherLife)
	return redirect(w, r, l.path("/login/other", nil))
}

// lastNickname is the name of whoever was here before, as far as it is known.
func (l *Login) lastNickname(ctx context.Context, r *http.Request) string {
	if s, err := l.session(r); err == nil && s.PersonID != "" {
		if p, err := l.o.Store.Person(ctx, s.PersonID); err == nil {
			return shorten(p.Profile.Nickname, maxNickname)
		}
	}
	was, _ := l.accountOf(r)
	return was.Nickname
}

// otherOf finds the login that waits in this browser, and its person.
func (l *Login) otherOf(r *http.Request) (other, access.Session, access.Person, error) {
	gone := withLink(page(http.StatusGone, "other-over"), "login", "/login")
	value, ok := l.jar.Get(r, otherCookie)
	var o other
	if !ok || l.openCookie(otherCookie, value, &o) != nil || l.o.Now().Unix() >= o.Until {
		return o, access.Session{}, access.Person{}, gone
	}
	s, p, err := l.o.Live.ByToken(r.Context(), access.HashKey(o.Token))
	if errors.Is(err, access.ErrNotFound) {
		err = gone
	}
	return o, s, p, err
}

// getOther says who was here and who WeChat names now. It changes nothing.
func (l *Login) getOther(w http.ResponseWriter, r *http.Request) error {
	o, s, p, err := l.otherOf(r)
	if err != nil {
		return err
	}
	return l.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "login.other.title"},
		otherPage(otherView{Was: o.Was, Now: p.Profile.Nickname, Tag: s.ID}))
}

// postOther does what the person answered. The tag ties the answer to the login that
// was shown.
func (l *Login) postOther(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	o, s, p, err := l.otherOf(r)
	if err != nil {
		return err
	}
	if r.PostForm.Get("session") != s.ID {
		return redirect(w, r, l.path("/login/other", nil))
	}
	switch r.PostForm.Get("go") {
	case "new":
		return l.goOn(w, r, o, s, p)
	case "old":
		return l.stay(w, r, o, s)
	}
	return badForm(nil)
}

// goOn ends what the one before had here and starts with the one WeChat names now.
func (l *Login) goOn(w http.ResponseWriter, r *http.Request, o other, s access.Session, p access.Person) error {
	if now, err := l.session(r); err != nil || now.ID != s.ID { // a second click finds it done
		if err := l.endCurrent(w, r, "another account"); err != nil {
			return err
		}
	}
	back, err := l.mayReturn(r.Context(), p, o)
	if err != nil {
		return err
	}
	l.jar.Drop(w, otherCookie)
	l.loggedIn(w, secret.FromString(o.Token), s, l.o.Now())
	l.rememberAccount(r.Context(), w, r, s.PersonID)
	return redirect(w, r, back)
}

// stay ends the new login again. Who had no live session is told how to come back as
// themselves: WeChat alone decides whom it names.
func (l *Login) stay(w http.ResponseWriter, r *http.Request, o other, s access.Session) error {
	if _, err := l.end(r.Context(), s, access.SessionFilter{ID: s.ID, Why: "not this account"}); err != nil {
		return err
	}
	l.jar.Drop(w, otherCookie)
	l.jar.Drop(w, linkCookie)
	if old, err := l.session(r); err == nil && old.ID != s.ID {
		return redirect(w, r, o.Return)
	}
	return withLink(page(http.StatusForbidden, "other-account"), "again", "/login?"+url.Values{"rd": {o.Return}}.Encode())
}

// mayReturn is where the new person goes: never into a shop of the one before that
// they hold no role in, and never to another host, of which we cannot tell.
func (l *Login) mayReturn(ctx context.Context, p access.Person, o other) (string, error) {
	home := l.path("/", nil)
	if !strings.HasPrefix(o.Return, "/") {
		return home, nil
	}
	for _, id := range []string{o.Shop, l.shopIn(o.Return)} {
		if id == "" {
			continue
		}
		shop, err := l.o.Store.Shop(ctx, id)
		if err != nil && !errors.Is(err, access.ErrNotFound) {
			return "", err
		}
		if _, holds := access.RoleIn(p.Members, shop, l.o.Now()); err != nil || !holds {
			return home, nil
		}
	}
	return o.Return, nil
}

// shopIn gives the shop that a page of ours is about, by its path.
func (l *Login) shopIn(path string) string {
	rest, ok := strings.CutPrefix(path, l.path("/shops/", nil))
	if !ok {
		return ""
	}
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		rest = rest[:i]
	}
	id, err := url.PathUnescape(rest)
	if err != nil {
		return rest
	}
	return id
}

// otherView is what the question shows. Either name may be empty.
type otherView struct {
	Was, Now string
	Tag      string
}
