package login

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/internal/web/ui"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Links is how accounts that are no shops authorise a third-party platform.
type Links interface {
	// LinkURL gives WeChat's page for k: for WeChat's browser if phone is true, else
	// for a PC. WeChat sends the browser on to back, with auth_code added.
	LinkURL(ctx context.Context, app access.App, k grant.Link, back string, phone bool) (string, error)
	// Link takes that code and keeps the account. It sends the code once and never
	// repeats. Its errors are those of package grant about links; others are read
	// with wechat.OutcomeOf.
	Link(ctx context.Context, app access.App, k grant.Link, code secret.Value) (grant.Linked, error)
}

// linkClaim is a [grant.Link] as it stands sealed in an address and in the cookie of
// whoever went on from there.
type linkClaim struct {
	Version int            `json:"v"`
	ID      string         `json:"i"`
	App     string         `json:"a"`
	Kind    grant.LinkKind `json:"k,omitempty"`
	AppID   string         `json:"w,omitempty"`
	Sets    []int64        `json:"s,omitempty"`
	Ends    int64          `json:"e"` // Unix milliseconds
}

const (
	linkVersion = 1
	maxLink     = 1024 // characters of a sealed link
)

func (c linkClaim) link() grant.Link {
	return grant.Link{ID: c.ID, App: c.App, Kind: c.Kind, AppID: c.AppID, Sets: c.Sets, Ends: time.UnixMilli(c.Ends)}
}

// useHash names the use of the link in the record of used callbacks.
func (c linkClaim) useHash() []byte { return digest("account link\x00" + c.ID) }

// LinkAddress gives the address of k for the administrator of an account. Nothing is
// kept: what k says stands sealed in the address. It lies on the platform's own
// domain, because WeChat takes its page from nowhere else.
func (l *Login) LinkAddress(app access.App, k grant.Link) (string, error) {
	if l.o.Links == nil || app.Kind != access.Component || app.CallbackHost == "" {
		return "", errors.New("login: links are made for a third-party platform with a callback_host; declare it")
	}
	text, err := vault.SealText(l.o.Vault, vault.AccountLink(),
		linkClaim{Version: linkVersion, ID: k.ID, App: k.App, Kind: k.Kind, AppID: k.AppID, Sets: k.Sets, Ends: k.Ends.UnixMilli()})
	if err != nil {
		return "", err
	}
	return l.on(app, "/link/"+text), nil
}

// on gives the address of a page of ours on the app's own host, as configured.
func (l *Login) on(app access.App, path string) string {
	return l.o.PublicURL.Scheme + "://" + app.CallbackHost + l.path(path, nil)
}

// getAccountLink says which platform asks for what, and for whom. It changes
// nothing: link previews open it too.
func (l *Login) getAccountLink(w http.ResponseWriter, r *http.Request) error {
	c, app, err := l.openLink(r)
	if err != nil {
		return err
	}
	tellOrigin(w)
	return l.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "login.account.title"}, accountPage(accountView{
		Platform: platformName(app), AppID: app.AppID, Operator: l.o.Operator, Kind: c.Kind, Only: c.AppID, Sets: c.Sets,
		Post: "/link/" + r.PathValue("token"), Until: c.link().Ends, Now: l.o.Now(),
	}))
}

// tellOrigin lets the next page learn the host that the browser comes from, and no
// more. WeChat shows its page only to browsers that come from the platform's
// domain, and the path holds the link.
func tellOrigin(w http.ResponseWriter) { w.Header().Set("Referrer-Policy", "origin") }

func platformName(app access.App) string { return cmp.Or(app.Name, app.ID) }

// openLink finds the link of the address if it can still be used.
func (l *Login) openLink(r *http.Request) (linkClaim, access.App, error) {
	c, err := l.unsealLink(r.PathValue("token"))
	if err != nil {
		return c, access.App{}, l.refuse(r, "account.open", "", page(http.StatusNotFound, "account-link-unknown"))
	}
	app, err := l.linkedApp(r, c.App)
	if err != nil {
		return c, app, err
	}
	if !l.o.Now().Before(c.link().Ends) {
		return c, app, page(http.StatusGone, "account-link-over")
	}
	used, err := l.o.Store.StateUsed(r.Context(), c.useHash())
	if err == nil && used {
		err = page(http.StatusGone, "account-link-used")
	}
	return c, app, err
}

// unsealLink reads what LinkAddress wrote.
func (l *Login) unsealLink(token string) (linkClaim, error) {
	var c linkClaim
	if !vault.OpenText(l.o.Vault, vault.AccountLink(), token, maxLink, &c) || c.Version != linkVersion {
		return linkClaim{}, errStateForged
	}
	return c, nil
}

// linkedApp finds the platform, and insists on its own host before anything else is
// looked at.
func (l *Login) linkedApp(r *http.Request, id string) (access.App, error) {
	app, err := l.o.Store.App(r.Context(), id)
	if errors.Is(err, access.ErrNotFound) || err == nil && (app.Kind != access.Component || l.o.Links == nil) {
		return access.App{}, noApp()
	}
	if err != nil {
		return access.App{}, err
	}
	return app, l.insistOnHost(r, app, "account.callback")
}

// postAccountLink sends the browser to WeChat's page. Nothing durable is written:
// whoever closes it there may open the link again.
func (l *Login) postAccountLink(w http.ResponseWriter, r *http.Request) error {
	c, app, err := l.openLink(r)
	if err != nil {
		return err
	}
	if err := l.clockBehind(r.Context(), l.o.Behind()); err != nil {
		return err
	}
	live, dead := l.outstanding(r)
	if looping(live, l.o.Now()) {
		e := withLink(page(http.StatusTooManyRequests, "loop"), "home", "/")
		e.RetryAfter = loopWindow
		return l.refuse(r, "account.begin", "app:"+app.ID, e)
	}
	state := newState()
	back := l.on(app, "/link/callback/"+url.PathEscape(app.ID)) + "?state=" + state
	target, err := l.o.Links.LinkURL(r.Context(), app, c.link(), back, l.inWeChat(r))
	if err != nil {
		e := page(http.StatusServiceUnavailable, "account-platform")
		e.Err = err
		return e
	}
	l.makeRoom(w, live, dead)
	if err := l.keepPendingLink(w, state, c); err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	tellOrigin(w)
	http.Redirect(w, r, target, http.StatusSeeOther)
	return nil
}

// keepPendingLink binds what was begun to the browser.
func (l *Login) keepPendingLink(w http.ResponseWriter, state string, c linkClaim) error {
	hash := digest(state)
	value, err := l.sealCookie(stateName(hash), pending{
		Version: pendingVersion, StateHash: hash, App: c.App, Link: &c, Begun: l.o.Now().UnixMilli(),
	})
	if err != nil {
		return err
	}
	l.jar.Set(w, stateName(hash), value, stateLife)
	return nil
}

// accountView is what the page of a link shows.
type accountView struct {
	Platform, AppID string
	Operator        Operator
	Kind            grant.LinkKind
	Only            string // appid of the one account
	Sets            []int64
	Post            string
	Until, Now      time.Time
}

// kindWord is the end of the key of a kind's words.
func kindWord(k grant.LinkKind) string {
	if k == grant.LinkAny {
		return "any"
	}
	return string(k)
}

// listSets writes numbers of permission sets.
func listSets(sets []int64) string {
	words := make([]string, len(sets))
	for i, id := range sets {
		words[i] = strconv.FormatInt(id, 10)
	}
	return strings.Join(words, ", ")
}
