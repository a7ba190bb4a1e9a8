package guard

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

// Place is where our pages are on a protected host.
const Place = "/.zhanggui"

// Sessions are the logins that count now, on every replica.
type Sessions interface {
	// ByToken gives a live session and who has it, or [access.ErrNotFound].
	ByToken(ctx context.Context, hash []byte) (access.Session, access.Person, error)
	// Start begins a session that hangs on another one and holds what that one does;
	// [access.ErrNotFound] when that one does not live.
	Start(ctx context.Context, s access.Session, e ...audit.Entry) error
	// Used notes a use from an address, which may be invalid when it is not known.
	Used(id string, at time.Time, from netip.Addr)
	// Strange ends a session whose browser runs on quite another system than it
	// did at the login, and tells so. system is a word of [web.SystemName].
	Strange(ctx context.Context, s access.Session, system string) (bool, error)
}

// Store keeps what must not be forgotten, and knows the shops.
type Store interface {
	// UseState records that a ticket was used; [access.ErrUsed] when it was before.
	UseState(ctx context.Context, c grant.Callback, e ...audit.Entry) (*grant.Callback, error)
	EndSessions(ctx context.Context, e grant.Effects) (int, error)
	Shops(ctx context.Context) ([]access.Shop, error)
}

// Visitors tell who a request to our own host is from.
type Visitors interface {
	// Who gives a live session and who has it. Without one the error is a
	// *web.Error with status 401.
	Who(r *http.Request) (access.Session, access.Person, error)
}

// Signer signs assertions.
type Signer interface {
	// Sign makes a JWS of claims; alg is "ES256".
	Sign(ctx context.Context, alg string, claims any) (string, error)
}

// Tally records refusals, few for many alike. It must not block and does not fail.
type Tally interface {
	Refused(ctx context.Context, e audit.Entry, from netip.Addr)
}

// Renderer writes pages; *ui.UI does.
type Renderer interface {
	Render(w http.ResponseWriter, r *http.Request, status int, p ui.PageInfo, body templ.Component) error
}

// Options are what a Guard needs. All are required but Tally, Now and Log.
type Options struct {
	Hosts     []Host
	PublicURL *url.URL
	Sessions  Sessions
	Store     Store
	Visitors  Visitors
	Signer    Signer
	Vault     vault.Sealer
	// UI and Page make the pages on our own host, HostUI and HostPage those on
	// protected hosts, whose paths begin with [Place].
	UI, HostUI Renderer
	Page       func(web.Handler) http.Handler
	HostPage   func(web.Handler) http.Handler
	HostFiles  http.Handler // styles of the pages, below Place on protected hosts
	Tally      Tally        // nil: refusals are not recorded
	Now        func() time.Time
	Log        *slog.Logger
}

// Guard is the feature. Make one with [New]. It is safe for concurrent use.
type Guard struct {
	o     Options
	base  string // of our own pages, without the last slash
	hosts map[string]*host
	shops *directory
	known *stamps
}

// host is a protected host, ready to be asked about.
type host struct {
	Host
	origin  *url.URL
	own     string // origin as text
	rules   rules
	jar     jar
	returns *web.Redirects
	extra   []extra
	pages   http.Handler
	denied  func(http.ResponseWriter, *http.Request, *web.Error)
}

// New checks the options and makes a Guard.
func New(o Options) (*Guard, error) {
	if o.PublicURL == nil || o.Sessions == nil || o.Store == nil || o.Visitors == nil || o.Signer == nil || o.Vault == nil ||
		o.UI == nil || o.HostUI == nil || o.Page == nil || o.HostPage == nil || o.HostFiles == nil {
		return nil, errors.New("guard: every option but Tally, Now and Log is required; set all of them")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	g := &Guard{
		o: o, base: strings.TrimRight(o.PublicURL.String(), "/"), hosts: map[string]*host{},
		shops: &directory{store: o.Store, now: o.Now}, known: newStamps(),
	}
	for _, h := range o.Hosts {
		if h.Name == "" || h.Name == o.PublicURL.Host || g.hosts[h.Name] != nil || (h.Shop == "") == (h.Tenant == "") {
			return nil, fmt.Errorf("guard: host %q is ours, there twice, or nobody's; name it once, with a shop or a tenant", h.Name)
		}
		g.hosts[h.Name] = g.newHost(h)
	}
	return g, nil
}

func (g *Guard) newHost(h Host) *host {
	origin := &url.URL{Scheme: "https", Host: h.Name}
	if g.o.PublicURL.Scheme == "http" && web.IsLoopbackHost(h.Name) {
		origin.Scheme = "http"
	}
	p := &host{
		Host: h, origin: origin, own: origin.String(), rules: newRules(h),
		jar: jar{web.Jar{Secure: origin.Scheme == "https"}}, returns: web.NewRedirects(origin, nil), extra: newExtra(h.Headers),
	}
	p.denied = deniedWriter(g.o.HostUI)
	p.pages = g.hostPages(p)
	return p
}

// show makes a page on a protected host of an error. It stands around answers to
// requests of any method, which were judged before.
func (h *host) show(f web.Handler) http.Handler {
	return web.BrowserHeaders(web.Page(h.denied, f))
}

// Protects tells whether host[:port], in lower case, is a protected host.
func (g *Guard) Protects(host string) bool { return g.hosts[host] != nil }

// Mount adds the routes of our own host.
func (g *Guard) Mount(mux *http.ServeMux) {
	mux.Handle("GET /handoff", g.o.Page(g.getHandoff))
	mux.Handle("/auth", web.Machine(g.strayAuth))
}

// Handler serves all of the protected hosts: our pages, GET /auth, and where a host is
// Inner whatever next answers to those who may in. It goes inside of [web.Wrap], which
// says which host a request is for; others get 404.
//
// A request that goes on for long, as a WebSocket does, is looked at again every few
// seconds; when it would not be let in any more, its context ends.
func (g *Guard) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := g.hosts[web.EffectiveHost(r.Context())]
		switch {
		case h == nil:
			web.Machine(web.NotFound).ServeHTTP(w, r)
		case under(r.URL.Path, Place):
			h.pages.ServeHTTP(w, r)
		case h.Inner:
			g.inner(w, r, h, next)
		case r.URL.Path == "/auth":
			g.auth(w, r, h)
		default:
			h.pages.ServeHTTP(w, r)
		}
	})
}

// refused tells the tally that somebody was refused, or with observe would have been.
func (g *Guard) refused(r *http.Request, f *finding, reason string) {
	if g.o.Tally == nil {
		return
	}
	actor := audit.Actor{Kind: audit.ActorStranger}
	if f.session.ID != "" {
		actor = actorOf(f.session)
	}
	g.o.Tally.Refused(r.Context(), audit.Entry{
		At: g.o.Now(), Actor: actor, Action: "guard", Subject: "host:" + f.host.Name,
		Outcome: audit.Refused, Reason: reason,
	}, web.ClientAddr(r.Context()))
}

// actorOf names the one behind a session.
func actorOf(s access.Session) audit.Actor {
	switch {
	case s.AdminID != "":
		return audit.Actor{Kind: audit.ActorAdmin, ID: s.AdminID}
	case s.ShopID != "":
		return audit.Actor{Kind: audit.ActorShop, ID: s.ShopID}
	}
	return audit.Actor{Kind: audit.ActorPerson, ID: s.PersonID}
}

// redirect answers with 303 to a place that was checked before. Neither the answer nor
// the address it leaves may be kept anywhere.
func redirect(w http.ResponseWriter, r *http.Request, target string) error {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, target, http.StatusSeeOther)
	return nil
}
