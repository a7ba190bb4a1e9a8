package login

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

// getLogout says that somebody is logged out. It is a page, not a way back in:
// inside WeChat the next login is silent.
func (l *Login) getLogout(w http.ResponseWriter, r *http.Request) error {
	return l.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "login.out.title"}, loggedOutPage())
}

// postLogout ends this session, or with all=1 every session of the same
// person. Without a session it only removes the cookie.
func (l *Login) postLogout(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	s, err := l.session(r)
	if err != nil && !errors.Is(err, errNoSession) {
		return err
	}
	if err == nil {
		f := access.SessionFilter{ID: s.ID, Why: "logout"}
		if r.PostForm.Get("all") == "1" {
			f = ownSessions(s)
			f.Why = "logout everywhere"
		}
		if _, err := l.end(r.Context(), s, f); err != nil {
			return err
		}
	}
	l.jar.drop(w, sessionCookie)
	l.jar.drop(w, linkCookie)
	l.jar.drop(w, entryCookie)
	return redirect(w, r, l.path("/logout", nil))
}

// ownSessions picks all sessions of whoever has s. Those who came from the
// market cannot be told apart: each has this one session.
func ownSessions(s access.Session) access.SessionFilter {
	if s.ShopID != "" {
		return access.SessionFilter{ID: s.ID}
	}
	return access.SessionFilter{PersonID: s.PersonID, AdminID: s.AdminID}
}

// getSessions lists one's own live sessions.
func (l *Login) getSessions(w http.ResponseWriter, r *http.Request) error {
	s, p, err := l.Who(r)
	if err != nil {
		return err
	}
	all, err := l.o.Store.Sessions(r.Context(), ownSessions(s))
	if err != nil {
		return err
	}
	now := l.o.Now()
	all = slices.DeleteFunc(slices.Clone(all), func(o access.Session) bool { return !o.Live(now) })
	return l.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "login.sessions.title", Wide: true},
		sessionsPage(sessionsView{
			Nickname: p.Profile.Nickname, Sessions: all, Current: s.ID, Now: now, NoPerson: s.PersonID == "",
		}))
}

// postEndSession ends one of one's own sessions. The filter names the owner, so
// somebody else's session is simply not found.
func (l *Login) postEndSession(w http.ResponseWriter, r *http.Request) error {
	s, _, err := l.Who(r)
	if err != nil {
		return err
	}
	f := ownSessions(s)
	if f.ID != "" && f.ID != r.PathValue("id") {
		return noSuchSession()
	}
	f.ID, f.Why = r.PathValue("id"), "ended by its owner"
	n, err := l.end(r.Context(), s, f)
	if err != nil {
		return err
	}
	if n == 0 {
		return noSuchSession()
	}
	if f.ID == s.ID {
		l.jar.drop(w, sessionCookie)
		return redirect(w, r, l.path("/logout", nil))
	}
	return redirect(w, r, l.path("/sessions", nil))
}

func noSuchSession() error {
	return withLink(page(http.StatusNotFound, "no-such-session"), "sessions", "/sessions")
}

// sessionsView is what the list of sessions shows.
type sessionsView struct {
	Nickname string
	Sessions []access.Session
	Current  string // id
	Now      time.Time
	NoPerson bool // an administrator, or somebody of a shop
}

// switchView is what the page before switching accounts shows.
type switchView struct {
	Shop, Return string
	InWeChat     bool // WeChat alone decides which account it names
	ByKey        bool // an administrator is logged in
	ByMarket     bool // somebody of a shop is
}
