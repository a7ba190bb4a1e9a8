package login

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

// Times that options may change.
const (
	DefaultIdle     = 7 * 24 * time.Hour
	DefaultAbsolute = 30 * 24 * time.Hour
	DefaultAdminKey = 365 * 24 * time.Hour
)

// maxForm bounds the body of every form here.
const maxForm = 16 << 10

// Renderer writes pages; *ui.UI does.
type Renderer interface {
	Render(w http.ResponseWriter, r *http.Request, status int, p ui.PageInfo, body templ.Component) error
}

// Options are what a login needs. Store, Live, Platform, Vault, UI, Page and
// PublicURL are required.
type Options struct {
	Store    Store
	Live     Live
	Platform Platform
	Vault    vault.Sealer
	UI       Renderer
	// Page wraps every route: page errors, browser headers, cross-origin
	// protection. WeChat's login page must be among the form targets of the
	// content security policy, because the consent form ends there.
	Page      func(web.Handler) http.Handler
	PublicURL *url.URL
	// Redirects says where people may be sent back to; nil allows our own
	// pages only.
	Redirects *web.Redirects
	Tally     Tally    // nil: refusals are not recorded
	Observer  Observer // nil: nobody counts
	// Market and Shops are door 3. Without both it is shut, and whoever came
	// through it before has no session any more.
	Market   Market
	Shops    Shops
	Links    Links // nil: no account authorises a platform by a link
	Minis    Minis // nil: no mini program logs anybody in
	Now      func() time.Time
	Log      *slog.Logger
	Idle     time.Duration // a session ends after so long without use
	Absolute time.Duration // a session ends at this age
	AdminKey time.Duration // life of the key that the set-up page makes
	Operator Operator      // named on the consent page
	Company  string        // path at which staff log in through their company; empty: nowhere
	// Behind says how far the clock was found to be behind the latest time seen;
	// nil: it never is. What a callback finds by itself counts as well.
	Behind func() time.Duration
	// Due says when the keeper should first look at a new pair; nil picks
	// five sixths of the access token's life.
	Due func(now time.Time, t grant.Tokens) time.Time
}

// Operator is who runs this server, as the consent page names them.
type Operator struct {
	Name    string
	ICP     string // ICP filing number (备案号), may be empty
	Contact string
}

// Login is the feature. Make one with [New]. It is safe for concurrent use.
type Login struct {
	o        Options
	base     string // path prefix of the public URL, without the last slash
	jar      web.Jar
	loopback bool // plain http on this machine: the emulator's phone counts
	tries    *attempts
	jumps    *attempts // codes of the market that WeChat did not know
	consent  string    // version of the consent text
}

// New checks the options and makes a Login.
func New(o Options) (*Login, error) {
	if o.Store == nil || o.Live == nil || o.Platform == nil || o.Vault == nil || o.UI == nil || o.Page == nil || o.PublicURL == nil {
		return nil, errors.New("login: Store, Live, Platform, Vault, UI, Page and PublicURL are required; set all of them")
	}
	local := web.IsLoopbackHost(o.PublicURL.Host)
	if o.PublicURL.Scheme != "https" && !(o.PublicURL.Scheme == "http" && local) {
		return nil, fmt.Errorf("login: public URL with scheme %q; use https, or http on localhost", o.PublicURL.Scheme)
	}
	fill(&o)
	version, err := consentVersion()
	if err != nil {
		return nil, err
	}
	return &Login{
		o:        o,
		base:     strings.TrimRight(o.PublicURL.Path, "/"),
		jar:      web.Jar{Secure: o.PublicURL.Scheme == "https"},
		loopback: local,
		tries:    newAttempts(),
		jumps:    newAttempts(),
		consent:  version,
	}, nil
}

// fill sets what was left out.
func fill(o *Options) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Observer == nil {
		o.Observer = nobodyCounts{}
	}
	if o.Redirects == nil {
		o.Redirects = web.NewRedirects(o.PublicURL, nil)
	}
	if o.Idle <= 0 {
		o.Idle = DefaultIdle
	}
	if o.Absolute <= 0 {
		o.Absolute = DefaultAbsolute
	}
	if o.AdminKey <= 0 {
		o.AdminKey = DefaultAdminKey
	}
	if o.Behind == nil {
		o.Behind = func() time.Duration { return 0 }
	}
	if o.Due == nil {
		o.Due = dueByLife
	}
}

// dueByLife leaves the last sixth of an access token's life for trouble.
func dueByLife(now time.Time, t grant.Tokens) time.Time {
	return now.Add(t.AccessExpires.Sub(now) * 5 / 6)
}

// Mount adds the routes. The domain proof is not among them: see
// [Login.Proofs].
func (l *Login) Mount(mux *http.ServeMux) {
	for pattern, h := range map[string]web.Handler{
		"GET /login":                           l.getLogin,
		"POST /login/switch":                   l.postSwitch,
		"POST /login/forget":                   l.postForget,
		"GET /login/other":                     l.getOther,
		"POST /login/other":                    l.postOther,
		"GET /login/scan":                      l.startScan,
		"GET /login/scan/{id}":                 l.counting(access.DoorQR, l.getScan),
		"GET /scan/{code}":                     l.getScanned,
		"POST /scan/{code}":                    l.postScanned,
		"GET /mini/enter":                      l.counting(access.DoorMini, l.getMini),
		"GET /oauth/callback/{app}":            l.callback,
		"GET /market/enter":                    l.getEnter,
		"POST /market/enter":                   l.counting(access.DoorMarket, l.postEnter),
		"GET /market/claim":                    l.getClaim,
		"POST /market/claim":                   l.postClaim,
		"GET /i/{token}":                       l.getInvitation,
		"POST /i/{token}":                      l.postInvitation,
		"GET /invited/{id}":                    l.getInvited,
		"GET /logout":                          l.getLogout,
		"POST /logout":                         l.leaving(l.postLogout),
		"GET /sessions":                        l.getSessions,
		"POST /sessions/{id}/end":              l.postEndSession,
		"GET /not-me/{token}":                  l.getNotMe,
		"POST /not-me/{token}":                 l.postNotMe,
		"GET /link":                            l.getLink,
		"POST /link":                           l.postLink,
		"GET /withdraw":                        l.getWithdraw,
		"POST /withdraw":                       l.leaving(l.postWithdraw),
		"GET /admin/login":                     l.getAdminLogin,
		"POST /admin/login":                    l.counting(access.DoorKey, l.postAdminLogin),
		"GET /setup/{token}":                   l.getSetup,
		"POST /setup/{token}":                  l.postSetup,
		"GET /market/callback/{app}/{service}": l.counting(access.DoorMarket, l.marketCallback),
		"GET /link/{token}":                    l.getAccountLink,
		"POST /link/{token}":                   l.postAccountLink,
		"GET /link/callback/{app}":             l.linkCallback,
		"GET /linked":                          l.getLinked,
	} {
		mux.Handle(pattern, web.LimitBody(maxForm, l.o.Page(h)))
	}
	mux.Handle("POST /mini/{app}/login", web.LimitBody(maxForm, web.Machine(l.counting(access.DoorMini, l.postMini))))
}

// redirect answers with 303 to a place that was checked before. Neither the
// answer nor the address it leaves may be kept anywhere.
func redirect(w http.ResponseWriter, r *http.Request, target string) error {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, target, http.StatusSeeOther)
	return nil
}

// path gives a page of ours as browsers see it. query may be nil.
func (l *Login) path(p string, query url.Values) string {
	if len(query) > 0 {
		p += "?" + query.Encode()
	}
	return l.base + p
}

// refused tells the tally that somebody tried something.
func (l *Login) refused(r *http.Request, action, subject, reason string) {
	if l.o.Tally == nil {
		return
	}
	actor := audit.Actor{Kind: audit.ActorStranger}
	if s, err := l.session(r); err == nil {
		actor = actorOf(s)
	}
	l.o.Tally.Refused(r.Context(), audit.Entry{
		At: l.o.Now(), Actor: actor, Action: action, Subject: subject,
		Outcome: audit.Refused, Reason: reason,
	}, addressOf(r.Context()))
}

// refuse records the attempt and gives the page for it.
func (l *Login) refuse(r *http.Request, action, subject string, e *web.Error) error {
	l.refused(r, action, subject, e.Code)
	return e
}

func addressOf(ctx context.Context) netip.Addr { return web.ClientAddr(ctx) }

// network gives the network of a request's address, as sessions keep it.
func network(ctx context.Context) string { return access.Network(addressOf(ctx)) }

// actorOf names the one behind a session.
func actorOf(s access.Session) audit.Actor {
	if s.AdminID != "" {
		return audit.Actor{Kind: audit.ActorAdmin, ID: s.AdminID}
	}
	if s.ShopID != "" {
		return audit.Actor{Kind: audit.ActorShop, ID: s.ShopID}
	}
	return audit.Actor{Kind: audit.ActorPerson, ID: s.PersonID}
}
