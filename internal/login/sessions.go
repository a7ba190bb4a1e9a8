package login

import (
	"errors"
	"net/http"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

// getLogout says that somebody is logged out. It is a page, not a way back in:
// inside WeChat the next login is silent.
func (l *Login) getLogout(w http.ResponseWriter, r *http.Request) error {
	return l.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "login.out.title"}, loggedOutPage(l.inWeChat(r)))
}

// postLogout ends this session, or with all=1 every session of the same
// person, or with all=others every one but this. Without a session it only removes
// the cookie.
func (l *Login) postLogout(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	s, err := l.session(r)
	if err != nil && !errors.Is(err, errNoSession) {
		return err
	}
	if err == nil {
		if _, err := l.end(r.Context(), s, leaving(s, r.PostForm.Get("all"))); err != nil {
			return err
		}
		if r.PostForm.Get("all") == "others" {
			return redirect(w, r, l.path("/sessions", nil))
		}
	}
	l.loggedOut(w)
	return redirect(w, r, l.path("/logout", nil))
}

// leaving picks what a logout ends. Somebody from the market has this one session,
// and no others.
func leaving(s access.Session, all string) access.SessionFilter {
	f := ownSessions(s)
	switch {
	case all == "1":
		f.Why = "logout everywhere"
	case all == "others":
		f.NotID, f.Why = s.ID, "logout of the others"
	default:
		f = access.SessionFilter{ID: s.ID, Why: "logout"}
	}
	return f
}

// ownSessions picks all sessions of whoever has s. Those who came from the
// market cannot be told apart: each has this one session.
func ownSessions(s access.Session) access.SessionFilter {
	if s.ShopID != "" {
		return access.SessionFilter{ID: s.ID}
	}
	return access.SessionFilter{PersonID: s.PersonID, AdminID: s.AdminID}
}

// getSessions lists one's own live sessions: logins, and under each what hangs on it.
func (l *Login) getSessions(w http.ResponseWriter, r *http.Request) error {
	s, p, err := l.Who(r)
	if err != nil {
		return err
	}
	v := sessionsView{Nickname: p.Profile.Nickname, Hosts: map[string][]access.Session{}, Current: s.ID, Now: l.o.Now(), NoPerson: s.PersonID == ""}
	filters := []access.SessionFilter{ownSessions(s)}
	if s.ShopID != "" {
		filters = append(filters, access.SessionFilter{Parent: s.ID})
	}
	for _, f := range filters {
		all, err := l.o.Store.Sessions(r.Context(), f)
		if err != nil {
			return err
		}
		v.add(all)
	}
	return l.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "login.sessions.title", Wide: true}, sessionsPage(v))
}

// postEndSession ends one of one's own sessions. The filter names the owner, so
// somebody else's session is simply not found.
func (l *Login) postEndSession(w http.ResponseWriter, r *http.Request) error {
	s, _, err := l.Who(r)
	if err != nil {
		return err
	}
	f, id := ownSessions(s), r.PathValue("id")
	if f.ID != "" && f.ID != id {
		f = access.SessionFilter{Parent: f.ID}
	}
	f.ID, f.Why = id, "ended by its owner"
	n, err := l.end(r.Context(), s, f)
	if err != nil {
		return err
	}
	if n == 0 {
		return noSuchSession()
	}
	if f.ID == s.ID {
		l.loggedOut(w)
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
	Logins   []access.Session
	Hosts    map[string][]access.Session // what hangs on each login, by its id
	Current  string                      // id
	Now      time.Time
	NoPerson bool // an administrator, or somebody of a shop
}

// add takes those of all that live. What hangs on a login lives as long as that.
func (v *sessionsView) add(all []access.Session) {
	for _, s := range all {
		switch {
		case s.Parent != "" && s.EndedAt.IsZero():
			v.Hosts[s.Parent] = append(v.Hosts[s.Parent], s)
		case s.Parent == "" && s.Live(v.Now):
			v.Logins = append(v.Logins, s)
		}
	}
}

// switchView is what the page before switching accounts shows.
type switchView struct {
	Shop, Return string
	InWeChat     bool // WeChat alone decides which account it names
	ByKey        bool // an administrator is logged in
	ByMarket     bool // somebody of a shop is
}
