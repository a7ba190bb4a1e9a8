package login

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/web"
)

// errNoSession says that the browser has no session that counts.
var errNoSession = errors.New("login: no live session")

// session finds the live session of a request. Only errNoSession means that
// there is none; any other error means that nobody knows.
func (l *Login) session(r *http.Request) (access.Session, error) {
	s, _, err := l.find(r)
	return s, err
}

// find gives the live session of a request and who has it. One of a protected host
// counts there alone: whoever broke into that host may have its cookie.
func (l *Login) find(r *http.Request) (access.Session, access.Person, error) {
	token, ok := l.jar.Get(r, sessionCookie)
	if !ok || !validKey(token, access.SessionPrefix) {
		return access.Session{}, access.Person{}, errNoSession
	}
	s, p, err := l.o.Live.ByToken(r.Context(), access.HashKey(token))
	if errors.Is(err, access.ErrNotFound) || err == nil && (s.Host != "" || s.Parent != "") {
		err = errNoSession
	}
	if err != nil {
		return access.Session{}, access.Person{}, err
	}
	strange, err := l.o.Live.Strange(r.Context(), s, web.SystemName(r.UserAgent()))
	if strange && err == nil {
		err = errNoSession
	}
	if err != nil {
		return access.Session{}, access.Person{}, err
	}
	return s, p, nil
}

// validKey tells whether key has the shape that [access.NewKey] gives.
func validKey(key, prefix string) bool {
	if len(key) != len(prefix)+26 || key[:len(prefix)] != prefix {
		return false
	}
	for _, c := range key[len(prefix):] {
		if (c < 'A' || c > 'Z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}

// Current gives who a request comes from: a person, an administrator, whose
// Person is empty, or somebody of a shop, whose Person has no id and holds the
// session's role in that shop. It is false without a live session, and also when the store
// cannot be asked; [Login.Who] tells the two apart.
func (l *Login) Current(r *http.Request) (access.Session, access.Person, bool) {
	s, p, err := l.Who(r)
	return s, p, err == nil
}

// Who is [Login.Current] with a reason: a *web.Error with status 401 and a link
// to the login when there is no live session, another error when the store
// could not be asked. It counts as a use of the session.
func (l *Login) Who(r *http.Request) (access.Session, access.Person, error) {
	s, p, err := l.who(r)
	if errors.Is(err, errNoSession) {
		err = l.mustLogin(r, "")
	}
	return s, p, err
}

// who is find for a request that counts as a use.
func (l *Login) who(r *http.Request) (access.Session, access.Person, error) {
	s, p, err := l.find(r)
	if err == nil {
		l.o.Live.Used(s.ID, l.o.Now(), addressOf(r.Context()))
	}
	return s, p, err
}

// Fresh gives browsers another token before a page of ours is shown, when one is due.
// What cannot be written is tried again with the next page.
func (l *Login) Fresh(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			l.rotate(w, r)
		}
		next.ServeHTTP(w, r)
	})
}

func (l *Login) rotate(w http.ResponseWriter, r *http.Request) {
	s, p, err := l.find(r)
	if err != nil {
		return // whoever needs to know finds out
	}
	held, _ := l.jar.Get(r, sessionCookie)
	token, ok, err := l.o.Live.Rotate(r.Context(), s, p, access.HashKey(held))
	switch {
	case err != nil:
		l.o.Log.WarnContext(r.Context(), "a session's token was not replaced; the next page tries again", "session", s.ID, "error", err)
	case ok:
		l.setSession(w, token, s, l.o.Now())
	}
}

// Require gives the person of a request if they hold at least role in shop. Its
// errors are pages: 401 without a session, 403 for everybody else. A shop that
// does not exist is answered like one of others.
func (l *Login) Require(r *http.Request, role access.Role, shopID string) (access.Session, access.Person, error) {
	s, p, err := l.Who(r)
	if err != nil {
		return access.Session{}, access.Person{}, err
	}
	shop, err := l.o.Store.Shop(r.Context(), shopID)
	if err != nil && !errors.Is(err, access.ErrNotFound) {
		return access.Session{}, access.Person{}, err
	}
	held, ok := access.RoleIn(p.Members, shop, l.o.Now())
	if err != nil || !ok || !held.Covers(role) {
		e := withLink(page(http.StatusForbidden, "no-role"), "switch", "/login?switch=1")
		return access.Session{}, access.Person{}, l.refuse(r, "access", "", e)
	}
	return s, p, nil
}

// RequireAdmin gives the session of an administrator. Its errors are pages: 401
// without one of any kind, 403 for a person's.
func (l *Login) RequireAdmin(r *http.Request) (access.Session, error) {
	s, _, err := l.Who(r)
	if err != nil {
		return access.Session{}, err
	}
	if s.AdminID == "" {
		e := withLink(page(http.StatusForbidden, "no-admin"), "admin", "/admin/login")
		return access.Session{}, l.refuse(r, "access", "", e)
	}
	return s, nil
}

// Guard lets h run for people with role in the shop that shopOf names. A
// browser without a session that only looks is sent to the login and comes
// back by itself.
func (l *Login) Guard(role access.Role, shopOf func(*http.Request) string, h web.Handler) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		_, _, err := l.Require(r, role, shopOf(r))
		if err != nil && web.AsError(err).Status == http.StatusUnauthorized && r.Method == http.MethodGet {
			return redirect(w, r, l.path("/login", l.comeBack(r, shopOf(r))))
		}
		if err != nil {
			return err
		}
		return h(w, r)
	}
}

// comeBack is the query of a login that returns to the page of r.
func (l *Login) comeBack(r *http.Request, shop string) url.Values {
	in := intent{shop: shop}
	if back, err := l.o.Redirects.Check(l.base + r.URL.RequestURI()); err == nil && r.Method == http.MethodGet {
		in.back = back
	}
	return in.query()
}

// mustLogin is the page of somebody without a session.
func (l *Login) mustLogin(r *http.Request, shop string) *web.Error {
	link := "/login"
	if q := l.comeBack(r, shop); len(q) > 0 {
		link += "?" + q.Encode()
	}
	return withLink(page(http.StatusUnauthorized, "no-session"), "login", link)
}

// endCurrent ends this browser's session and removes its cookie.
func (l *Login) endCurrent(w http.ResponseWriter, r *http.Request, why string) error {
	s, err := l.session(r)
	if err != nil && !errors.Is(err, errNoSession) {
		return err
	}
	if err == nil {
		if _, err := l.end(r.Context(), s, access.SessionFilter{ID: s.ID, Why: why}); err != nil {
			return err
		}
	}
	l.jar.Drop(w, sessionCookie)
	return nil
}

// end ends sessions in the name of s, with its audit entry.
func (l *Login) end(ctx context.Context, s access.Session, f access.SessionFilter) (int, error) {
	subject := "session:" + f.ID
	if f.ID == "" {
		subject = "sessions"
	}
	return l.o.Store.EndSessions(ctx, grant.Effects{
		At: l.o.Now(), EndSessions: []access.SessionFilter{f},
		Audit: []audit.Entry{{
			At: l.o.Now(), Actor: actorOf(s), Action: "session.end", Subject: subject,
			Outcome: audit.Done, Reason: f.Why,
		}},
	})
}
