package login

import (
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/web/ui"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// maxName bounds an administrator's name, in characters.
const maxName = 64

// getAdminLogin is the form for an administrator's key.
func (l *Login) getAdminLogin(w http.ResponseWriter, r *http.Request) error {
	back, err := l.readIntent(r, r.URL.Query())
	if err != nil {
		return err
	}
	return l.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "login.admin.title"}, adminLoginPage(back.back, l.o.Company))
}

// postAdminLogin starts the session of whoever holds an administrator's key.
// The key is looked up by its hash, so the time it takes tells nothing of it.
func (l *Login) postAdminLogin(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	back, err := l.readIntent(r, r.PostForm)
	if err != nil {
		return err
	}
	admin, err := l.adminByKey(r, strings.TrimSpace(r.PostForm.Get("key")))
	if err != nil {
		return err
	}
	if err := l.startAdmin(w, r, admin, access.DoorKey, l.o.Absolute); err != nil {
		return err
	}
	return redirect(w, r, back.back)
}

// adminByKey finds the administrator. An unknown, an expired and a revoked key
// are answered alike.
func (l *Login) adminByKey(r *http.Request, key string) (access.Administrator, error) {
	if !validKey(key, access.AdminKeyPrefix) {
		return access.Administrator{}, l.wrongKey(r)
	}
	admin, err := l.o.Store.AdminByKey(r.Context(), access.HashKey(key))
	if errors.Is(err, access.ErrNotFound) || err == nil && !admin.Live(l.o.Now()) {
		return access.Administrator{}, l.wrongKey(r)
	}
	return admin, err
}

// wrongKey counts a wrong key. Only wrong ones count: keys cannot be guessed, so
// somebody's tries must not keep others behind the same address out.
func (l *Login) wrongKey(r *http.Request) error {
	if err := l.takeTry(r, "admin.login"); err != nil {
		return err
	}
	return l.refuse(r, "admin.login", "", withLink(page(http.StatusForbidden, "admin-key"), "admin", "/admin/login"))
}

// StartStaff gives the browser a session in the name of somebody of the provider's
// staff, whom their company named just now. It lasts for life at most.
func (l *Login) StartStaff(w http.ResponseWriter, r *http.Request, a access.Administrator, life time.Duration) error {
	return l.startAdmin(w, r, a, access.DoorStaff, life)
}

// startAdmin gives the browser a new session in the administrator's name, for life
// at most. It ends with the key at the latest.
func (l *Login) startAdmin(w http.ResponseWriter, r *http.Request, admin access.Administrator, door access.Door, life time.Duration) error {
	now := l.o.Now()
	if err := l.checkClock(r.Context(), now); err != nil {
		return err
	}
	if err := l.endCurrent(w, r, "new login"); err != nil {
		return err
	}
	token, hash := access.NewKey(access.SessionPrefix)
	s := l.newSession(r, now, hash)
	s.AdminID, s.Door = admin.ID, door
	if end := now.Add(life); end.Before(s.ExpiresAt) {
		s.ExpiresAt = end
	}
	if !admin.ExpiresAt.IsZero() && admin.ExpiresAt.Before(s.ExpiresAt) {
		s.ExpiresAt = admin.ExpiresAt
	}
	err := l.o.Store.StartSession(r.Context(), s, audit.Entry{
		At: now, Actor: actorOf(s), Action: "admin.login", Subject: "session:" + s.ID, Outcome: audit.Done,
	})
	if err != nil {
		return err
	}
	l.loggedIn(w, token, s, now)
	return nil
}

// setSession hands the browser its new token. Any older value of the cookie is
// replaced by it: no browser chooses its session.
func (l *Login) setSession(w http.ResponseWriter, token secret.Value, s access.Session, now time.Time) {
	l.jar.Set(w, sessionCookie, token.RevealString(), s.ExpiresAt.Sub(now))
	l.jar.Drop(w, leftCookie)
}

// getSetup is the form of the first administrator. Whether the link is alive is
// found out when it is used.
func (l *Login) getSetup(w http.ResponseWriter, r *http.Request) error {
	if !validKey(r.PathValue("token"), access.SetupPrefix) {
		return l.deadSetup(r)
	}
	return l.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "login.setup.title"},
		setupPage(setupView{Post: "/setup/" + r.PathValue("token")}))
}

func (l *Login) deadSetup(r *http.Request) error {
	return l.refuse(r, "admin.setup", "", withLink(page(http.StatusGone, "setup-gone"), "admin", "/admin/login"))
}

// postSetup makes the first administrator, uses the link up, and shows the key
// for the only time.
func (l *Login) postSetup(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	token := r.PathValue("token")
	if !validKey(token, access.SetupPrefix) {
		return l.deadSetup(r)
	}
	name := strings.TrimSpace(r.PostForm.Get("name"))
	if !validName(name) {
		return l.o.UI.Render(w, r, http.StatusUnprocessableEntity, ui.PageInfo{TitleKey: "login.setup.title"},
			setupPage(setupView{Post: "/setup/" + token, BadName: true}))
	}
	key, admin, err := l.createAdmin(r, name, token)
	if errors.Is(err, access.ErrUsed) || errors.Is(err, access.ErrNotFound) {
		if err := l.takeTry(r, "admin.setup"); err != nil {
			return err
		}
		return l.deadSetup(r)
	}
	if err != nil {
		return err
	}
	// The key is shown even if the session does not start: it is the only chance.
	if err := l.startAdmin(w, r, admin, access.DoorKey, l.o.Absolute); err != nil {
		l.o.Log.WarnContext(r.Context(), "no session for the new administrator; they sign in with the key", "error", err)
	}
	return l.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "login.key.title"},
		adminKeyPage(key.RevealString(), admin.ExpiresAt))
}

func (l *Login) createAdmin(r *http.Request, name, token string) (secret.Value, access.Administrator, error) {
	now := l.o.Now()
	if err := l.checkClock(r.Context(), now); err != nil {
		return secret.Value{}, access.Administrator{}, err
	}
	key, hash := access.NewKey(access.AdminKeyPrefix)
	admin := access.Administrator{
		ID: access.NewID("a"), Name: name, KeyHash: hash, CreatedAt: now, ExpiresAt: now.Add(l.o.AdminKey),
	}
	err := l.o.Store.CreateAdmin(r.Context(), admin, access.HashKey(token), audit.Entry{
		At: now, Actor: audit.Actor{Kind: audit.ActorAdmin, ID: admin.ID}, Action: "admin.setup",
		Subject: "admin:" + admin.ID, Outcome: audit.Done,
	})
	return key, admin, err
}

// validName wants something to read.
func validName(s string) bool {
	n := utf8.RuneCountInString(s)
	return utf8.ValidString(s) && n > 0 && n <= maxName && !strings.ContainsFunc(s, unicode.IsControl)
}

// takeTry counts a try against the caller's address.
func (l *Login) takeTry(r *http.Request, action string) error {
	wait := l.tries.take(tryKey(r), l.o.Now())
	if wait == 0 {
		return nil
	}
	e := page(http.StatusTooManyRequests, "too-many-tries")
	e.RetryAfter = wait
	return l.refuse(r, action, "", e)
}

// setupView is what the set-up form shows.
type setupView struct {
	Post    string // path of the form
	BadName bool
}
