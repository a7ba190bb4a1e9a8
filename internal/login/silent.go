package login

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/web"
)

const (
	// backKey marks the address that a silent login comes back to, with the time
	// at which it began. It is in the address because cookies may be dropped.
	backKey = "zg_back"
	// backLife is how long a browser that came back without a session counts as one
	// that keeps no cookies.
	backLife = time.Minute
	// leftLife is how long a browser that was logged out waits for a tap.
	leftLife = 180 * 24 * time.Hour
)

// Silently answers for h a page that wants a login with the login itself where that
// is silent: in WeChat, for a page that somebody goes to. The browser comes back by
// itself. One that came back a moment ago without a session keeps no cookies; it gets
// a page instead of another round. Requests of scripts keep their 401.
func (l *Login) Silently(h web.Handler) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		err := h(w, r)
		if err == nil || !isNavigation(r) || !l.inWeChat(r) {
			return err
		}
		if e := web.AsError(err); e.Status != http.StatusUnauthorized || e.Code != "no-session" || l.out(r) {
			return err
		}
		return l.goSilently(w, r, nil)
	}
}

// Resume sends a browser of WeChat that was logged in before, and did not log out,
// to the silent login. It tells whether it did; the answer is written then.
func (l *Login) Resume(w http.ResponseWriter, r *http.Request) (bool, error) {
	if a, ok := l.accountOf(r); !ok || a.Mark == "" || !isNavigation(r) || !l.inWeChat(r) || l.cameBack(r) || l.out(r) {
		return false, nil
	}
	return true, l.goSilently(w, r, nil)
}

// out tells whether somebody ended the login of this browser, here or from elsewhere: then
// only a tap begins another one. One that came to its own end is no such, and what
// cannot be read is taken for it.
func (l *Login) out(r *http.Request) bool {
	if _, left := l.jar.Get(r, leftCookie); left {
		return true
	}
	token, ok := l.jar.Get(r, sessionCookie)
	if !ok || !validKey(token, access.SessionPrefix) {
		return false
	}
	s, err := l.o.Store.SessionByToken(r.Context(), access.HashKey(token))
	return err != nil && !errors.Is(err, access.ErrNotFound) || err == nil && !s.EndedAt.IsZero()
}

// loggedOut remembers that somebody logged out at this browser.
func (l *Login) loggedOut(w http.ResponseWriter) {
	l.jar.Drop(w, sessionCookie)
	l.jar.Drop(w, linkCookie)
	l.jar.Drop(w, entryCookie)
	l.jar.Set(w, leftCookie, "1", leftLife)
}

// Forget leaves nothing of anybody in the browser of a request but that somebody left.
func (l *Login) Forget(w http.ResponseWriter) {
	l.loggedOut(w)
	l.jar.Drop(w, accountCookie)
	l.jar.Drop(w, deviceCookie)
}

// goSilently sends the browser to WeChat and back to the page of r. more goes to
// the login with it.
func (l *Login) goSilently(w http.ResponseWriter, r *http.Request, more url.Values) error {
	back, err := l.o.Redirects.Check(l.backHere(r))
	if err != nil {
		return l.mustLogin(r, "")
	}
	if l.cameBack(r) {
		return l.noCookies(r, back)
	}
	q := intent{back: back}.query()
	maps.Copy(q, more)
	return redirect(w, r, l.path("/login", q))
}

// backHere is the address of r with the mark of now.
func (l *Login) backHere(r *http.Request) string {
	u := url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath}
	q := r.URL.Query()
	q.Set(backKey, strconv.FormatInt(l.o.Now().Unix(), 36))
	return l.base + u.EscapedPath() + "?" + q.Encode()
}

// cameBack tells whether a silent login led here just now.
func (l *Login) cameBack(r *http.Request) bool {
	began, err := strconv.ParseInt(r.URL.Query().Get(backKey), 36, 64)
	if err != nil {
		return false
	}
	return l.o.Now().Sub(time.Unix(began, 0)).Abs() < backLife
}

// noCookies is the page of a browser that went through a login and has no session.
func (l *Login) noCookies(r *http.Request, back string) *web.Error {
	e := withLink(page(http.StatusUnauthorized, "cookies"), "again", "/login?"+intent{back: back}.query().Encode())
	l.refused(r, "login.silent", "", e.Code)
	return e
}

// isNavigation tells whether somebody goes to a page. Browsers say so; of those that
// do not, one that asks for a page and is no script counts. WeChat on Android names
// itself in X-Requested-With.
func isNavigation(r *http.Request) bool {
	if r.Method != http.MethodGet {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		dest := r.Header.Get("Sec-Fetch-Dest")
		return mode == "navigate" && (dest == "" || dest == "document")
	}
	return !strings.EqualFold(r.Header.Get("X-Requested-With"), "XMLHttpRequest") && strings.Contains(r.Header.Get("Accept"), "text/html")
}
