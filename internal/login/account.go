package login

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

const (
	accountLife    = 180 * 24 * time.Hour
	accountVersion = 1
	maxNickname    = 64  // runes that a browser remembers
	maxAvatar      = 512 // bytes of an address
)

// account is who was logged in here last, in a sealed cookie: what a page shows of
// them, and a mark that tells only whether somebody is the same person. It opens
// nothing.
type account struct {
	Version  int    `json:"v"`
	Nickname string `json:"n,omitempty"`
	Avatar   string `json:"a,omitempty"`
	Mark     string `json:"m,omitempty"`
	Shared   bool   `json:"s,omitempty"` // many use this computer: nobody is remembered
	Until    int64  `json:"u"`           // Unix seconds
}

// markOf is a person's mark.
func markOf(person string) string { return digestHex("account\x00" + person)[:24] }

// accountOf reads the cookie. A shared computer remembers nobody.
func (l *Login) accountOf(r *http.Request) (account, bool) {
	value, ok := l.jar.Get(r, accountCookie)
	if !ok {
		return account{}, false
	}
	var a account
	if l.openCookie(accountCookie, value, &a) != nil || a.Version != accountVersion || l.o.Now().Unix() >= a.Until {
		return account{}, false
	}
	return a, true
}

// rememberAccount keeps who is logged in here now for the next time.
func (l *Login) rememberAccount(ctx context.Context, w http.ResponseWriter, r *http.Request, person string) {
	if was, ok := l.accountOf(r); ok && was.Shared {
		return
	}
	a := account{Mark: markOf(person)}
	if p, err := l.o.Store.Person(ctx, person); err == nil { // else the page says no name
		a.Nickname, a.Avatar = shorten(p.Profile.Nickname, maxNickname), p.Profile.AvatarURL
	}
	if !ofWeChat(a.Avatar) {
		a.Avatar = ""
	}
	l.keepAccount(w, a)
}

// ofWeChat tells whether a picture lies where WeChat keeps them. A page must not ask
// any other host who reads it.
func ofWeChat(picture string) bool {
	u, err := url.Parse(picture)
	return err == nil && len(picture) <= maxAvatar && u.Scheme == "https" && strings.HasSuffix(u.Host, ".qlogo.cn")
}

// keepAccount writes the cookie. What does not fit is not remembered.
func (l *Login) keepAccount(w http.ResponseWriter, a account) {
	a.Version, a.Until = accountVersion, l.o.Now().Add(accountLife).Unix()
	if value, err := l.sealCookie(accountCookie, a); err == nil && len(value) <= maxCookie {
		l.jar.Set(w, accountCookie, value, accountLife)
	}
}

// shorten cuts text to so many runes.
func shorten(s string, runes int) string {
	if utf8.RuneCountInString(s) <= runes {
		return s
	}
	return string([]rune(s)[:runes])
}

// lastAccount finds out whether the page with the last account fits: on a PC, where
// one click on it leads to WeChat's QR page.
func (l *Login) lastAccount(r *http.Request) (account, bool, error) {
	a, ok := l.accountOf(r)
	if !ok || a.Shared || a.Nickname == "" || l.inWeChat(r) || r.URL.Query().Get("go") == "1" {
		return account{}, false, nil
	}
	_, ok, err := l.firstApp(r.Context(), access.Website)
	return a, ok, err
}

// showAccount offers to go on as whoever was here last.
func (l *Login) showAccount(w http.ResponseWriter, r *http.Request, a account, in intent) error {
	_, phone, err := l.firstApp(r.Context(), access.ServiceAccount)
	if err != nil {
		return err
	}
	next := in.query()
	next.Set("go", "1")
	v := lastView{Nickname: a.Nickname, Avatar: a.Avatar, Go: "/login?" + next.Encode(), Return: in.back, Shop: in.shop}
	if phone {
		v.Phone = "/login/scan?" + in.query().Encode()
	}
	return l.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "login.last.title"}, lastPage(v))
}

// postForget forgets the last account; on a shared computer for good.
func (l *Login) postForget(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	in, err := l.readIntent(r, r.PostForm)
	if err != nil {
		return err
	}
	switch r.PostForm.Get("what") {
	case "account":
		l.jar.Drop(w, accountCookie)
	case "shared":
		l.keepAccount(w, account{Shared: true})
	default:
		return badForm(nil)
	}
	if r.PostForm.Get("then") == "stay" {
		return l.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "login.last.forgotten_title"}, forgottenPage("/login?"+in.query().Encode()))
	}
	return redirect(w, r, l.path("/login", in.query()))
}

// leaving is for logging out: inside of WeChat, where the next login is silent, who
// leaves is not brought back by the start page. A PC goes on knowing them.
func (l *Login) leaving(h web.Handler) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if l.inWeChat(r) {
			l.jar.Drop(w, accountCookie)
		}
		return h(w, r)
	}
}

// lastView is what the page with the last account shows.
type lastView struct {
	Nickname, Avatar string
	Go               string // to WeChat's QR page
	Phone            string // to our own QR code; empty: there is none
	Shop, Return     string
}
