package oidc

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

// How long things live. None of them outlives the session.
const (
	codeLife   = time.Minute
	tokenLife  = time.Hour // ID and access tokens
	logoutLife = 2 * time.Minute
)

// algorithm is what ID tokens are signed with: the one that every program can verify.
const algorithm = "RS256"

// maxForm bounds the body of every request here.
const maxForm = 16 << 10

// Store is what is kept. Every method that writes is one transaction with its audit
// entries.
type Store interface {
	Logins
	Logouts
	People
	OIDCClient(ctx context.Context, id string) (access.OIDCClient, error)
	// Turn gives one of several replicas the turn called name.
	Turn(ctx context.Context, name string, now, next time.Time) (bool, error)
}

// Logins keeps logins into programs.
type Logins interface {
	OIDCLogin(ctx context.Context, id string) (access.OIDCLogin, error)
	OIDCLoginByCode(ctx context.Context, hash []byte) (access.OIDCLogin, error)
	LastOIDCLogin(ctx context.Context, session, client string) (access.OIDCLogin, error)
	BeginOIDCLogin(ctx context.Context, l access.OIDCLogin, e ...audit.Entry) error
	// RedeemOIDCCode and RotateOIDCRefresh answer [access.ErrUsed] when somebody
	// else was first, or the login ended.
	RedeemOIDCCode(ctx context.Context, id string, refresh []byte, at time.Time) error
	RotateOIDCRefresh(ctx context.Context, id string, before, next []byte) error
	EndOIDCLogin(ctx context.Context, id, why string, at time.Time, e ...audit.Entry) error
}

// Logouts finds logins that are over, and programs that are to be told.
type Logouts interface {
	OverOIDCLogins(ctx context.Context, now time.Time, limit int) ([]access.OIDCLogin, error)
	LiveOIDCLogins(ctx context.Context, after string, limit int) ([]access.OIDCLogin, error)
	DueOIDCLogouts(ctx context.Context, now, until time.Time, limit int) ([]access.OIDCLogin, error)
	SettleOIDCLogout(ctx context.Context, l access.OIDCLogin, due time.Time, e ...audit.Entry) error
}

// People says who somebody is and what they may open.
type People interface {
	Sessions(ctx context.Context, f access.SessionFilter) ([]access.Session, error)
	Person(ctx context.Context, id string) (access.Person, error)
	IdentityOfPerson(ctx context.Context, app, person string) (access.Identity, error)
	Shop(ctx context.Context, id string) (access.Shop, error)
	ShopsOfTenant(ctx context.Context, tenant string) ([]access.Shop, error)
}

// Sessions is our own login.
type Sessions interface {
	// Who gives the session and the person of a request, or a *web.Error with
	// status 401.
	Who(r *http.Request) (access.Session, access.Person, error)
	// EndCurrent ends the session of a request and removes its cookie.
	EndCurrent(w http.ResponseWriter, r *http.Request, why string) error
}

// Signer signs, and knows its own.
type Signer interface {
	Sign(ctx context.Context, alg string, claims any) (string, error)
	SignAs(ctx context.Context, alg, typ string, claims any) (string, error)
	Verify(ctx context.Context, token, typ string, claims any) error
}

// Renderer writes pages; *ui.UI does.
type Renderer interface {
	Render(w http.ResponseWriter, r *http.Request, status int, p ui.PageInfo, body templ.Component) error
}

// Tally records refusals; see login.Tally.
type Tally interface {
	Refused(ctx context.Context, e audit.Entry, from netip.Addr)
}

// Options are what a Provider is made of. All but Tally and Log must be set.
type Options struct {
	Store    Store
	Sessions Sessions
	Signer   Signer
	// MAC gives a keyed digest of 32 bytes; every purpose has a key of its own.
	MAC func(purpose string, data []byte) []byte
	UI  Renderer
	// Page wraps every route that a browser uses.
	Page      func(web.Handler) http.Handler
	PublicURL *url.URL // the issuer
	JWKS      string   // path below it of the keys that Signer signs with
	// Send gives a way out to the back channels of programs.
	Send  func(allowPrivate bool) http.RoundTripper
	Now   func() time.Time
	Tally Tally        // nil: refusals are not recorded
	Log   *slog.Logger // nil: discards
}

// Provider is the feature. Make it with [New]; it is safe for concurrent use.
type Provider struct {
	o      Options
	issuer string
	base   string // path prefix of the public URL, without the last slash
	send   map[bool]*http.Client
}

// New checks the options and makes a Provider.
func New(o Options) (*Provider, error) {
	if o.Store == nil || o.Sessions == nil || o.Signer == nil || o.MAC == nil || o.UI == nil || o.Page == nil || o.PublicURL == nil || o.JWKS == "" || o.Send == nil || o.Now == nil {
		return nil, errors.New("oidc: every option but Tally and Log is required; set all of them")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &Provider{o: o, issuer: strings.TrimRight(o.PublicURL.String(), "/"), base: strings.TrimRight(o.PublicURL.Path, "/"), send: map[bool]*http.Client{}}
	for _, private := range []bool{false, true} {
		p.send[private] = &http.Client{
			Transport: o.Send(private), Timeout: sendTime,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return p, nil
}

// The paths below the public URL.
const (
	pathDiscovery = "/.well-known/openid-configuration"
	pathAuthorize = "/oidc/authorize"
	pathToken     = "/oidc/token"
	pathUserinfo  = "/oidc/userinfo"
	pathEnd       = "/oidc/end-session"
	pathEndHere   = "/oidc/end-session/confirm"
)

// Mount adds the routes.
func (p *Provider) Mount(mux *http.ServeMux) {
	limited := func(h http.Handler) http.Handler { return web.LimitBody(maxForm, h) }
	mux.Handle("GET "+pathDiscovery, web.Machine(p.discovery))
	mux.Handle("GET "+pathAuthorize, p.o.Page(p.authorize))
	mux.Handle("POST "+pathAuthorize, limited(web.Machine(p.asGet(pathAuthorize))))
	mux.Handle("POST "+pathToken, limited(answers(p.token)))
	mux.Handle("GET "+pathUserinfo, answers(p.userinfo))
	mux.Handle("POST "+pathUserinfo, limited(answers(p.userinfo)))
	mux.Handle("GET "+pathEnd, p.o.Page(p.endSession))
	mux.Handle("POST "+pathEnd, limited(web.Machine(p.asGet(pathEnd))))
	mux.Handle("POST "+pathEndHere, limited(p.o.Page(p.endHere)))
}

// asGet has a browser that a program sent with a form come again without: the cookie
// of our session is not sent along with other sites' forms.
func (p *Provider) asGet(path string) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := r.ParseForm(); err != nil {
			return err
		}
		p.redirect(w, r, p.base+path+"?"+r.PostForm.Encode())
		return nil
	}
}

// redirect answers with 303 to an address that was checked before. Nothing of the
// answer may be kept, and nobody learns where the browser came from.
func (p *Provider) redirect(w http.ResponseWriter, r *http.Request, target string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// refused tells the tally that somebody tried something. client is empty if it is
// not known who asked.
func (p *Provider) refused(r *http.Request, action, client, reason string) {
	if p.o.Tally == nil {
		return
	}
	e := audit.Entry{At: p.o.Now(), Actor: audit.Actor{Kind: audit.ActorStranger}, Action: action, Outcome: audit.Refused, Reason: reason}
	if client != "" {
		e.Subject = subjectOf(client)
	}
	p.o.Tally.Refused(r.Context(), e, web.ClientAddr(r.Context()))
}

func subjectOf(client string) string { return "oidc_client:" + client }
