package staff

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Life is how long a login through the company lasts.
const Life = 8 * time.Hour

// beginLife is how long a login may take.
const beginLife = 10 * time.Minute

// Paths of a login through the company.
const (
	Path         = "/admin/company"
	callbackPath = Path + "/callback"
)

// cookie holds what binds a login to the browser that began it.
const cookie = "zg_company"

// Store keeps who is of the staff.
type Store interface {
	AdminBySubject(ctx context.Context, subject string) (access.Administrator, error)
	CreateAdmin(ctx context.Context, a access.Administrator, setupHash []byte, entries ...audit.Entry) error
	SetStaff(ctx context.Context, id, name string, kind access.StaffKind, now time.Time, entries ...audit.Entry) error
}

// Login starts the session.
type Login interface {
	// StartStaff gives the browser a session in the name of somebody of the staff, of
	// so long a life at most.
	StartStaff(w http.ResponseWriter, r *http.Request, a access.Administrator, life time.Duration) error
}

// Rule says what somebody may do. One of Group and Domain is set.
type Rule struct {
	Group  string // as the OP's claim "groups" names it
	Domain string // of a mail address that the OP confirmed
	Kind   access.StaffKind
}

// Options are what logins through the company work with. All but Log are required.
type Options struct {
	Page      func(web.Handler) http.Handler
	Now       func() time.Time
	Store     Store
	Login     Login
	Vault     vault.Sealer
	PublicURL *url.URL
	Client    *http.Client // the way out to the OP
	Issuer    string
	ClientID  string
	Secret    secret.Value
	Rules     []Rule // the first that fits counts
	Log       *slog.Logger
}

// Staff is the feature. It is safe for concurrent use.
type Staff struct {
	o   Options
	jar web.Jar

	mu sync.Mutex
	op *oidc.Provider // nil until the OP told of itself
}

// New makes a Staff. The OP is asked for the first time when somebody logs in.
func New(o Options) *Staff {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Staff{o: o, jar: web.Jar{Secure: o.PublicURL.Scheme == "https"}}
}

// Mount registers the pages on mux.
func (s *Staff) Mount(mux *http.ServeMux) {
	mux.Handle("GET "+Path, s.o.Page(s.begin))
	mux.Handle("GET "+callbackPath, s.o.Page(s.callback))
}

// begun is what the cookie holds.
type begun struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
	Until    int64  `json:"u"` // Unix milliseconds
}

// provider gives the OP. What it tells of itself is asked for once.
func (s *Staff) provider(ctx context.Context) (*oidc.Provider, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.op != nil {
		return s.op, nil
	}
	// The keys are fetched later with the same context: it must outlive the request.
	op, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), s.o.Client), s.o.Issuer)
	if err != nil {
		return nil, err
	}
	s.op = op
	return op, nil
}

// config is what the OP must know of us.
func (s *Staff) config(op *oidc.Provider) *oauth2.Config {
	back := *s.o.PublicURL
	back.Path = strings.TrimRight(back.Path, "/") + callbackPath
	return &oauth2.Config{ClientID: s.o.ClientID, ClientSecret: s.o.Secret.RevealString(), Endpoint: op.Endpoint(),
		RedirectURL: back.String(), Scopes: []string{oidc.ScopeOpenID, "profile", "email", "groups"}}
}

func (s *Staff) begin(w http.ResponseWriter, r *http.Request) error {
	op, err := s.provider(r.Context())
	if err != nil {
		return away(err)
	}
	b := begun{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Until: s.o.Now().Add(beginLife).UnixMilli()}
	if err := s.setCookie(w, b); err != nil {
		return err
	}
	to := s.config(op).AuthCodeURL(b.State, oidc.Nonce(b.Nonce), oauth2.S256ChallengeOption(b.Verifier))
	return redirect(w, r, to)
}

func redirect(w http.ResponseWriter, r *http.Request, to string) error {
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

func (s *Staff) callback(w http.ResponseWriter, r *http.Request) error {
	b, err := s.takeCookie(w, r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	switch {
	case subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(b.State)) != 1:
		return again(nil)
	case q.Has("iss") && q.Get("iss") != s.o.Issuer:
		return again(errors.New("staff: the answer is of another issuer"))
	case q.Get("code") == "":
		return refused()
	}
	op, err := s.provider(r.Context())
	if err != nil {
		return away(err)
	}
	who, err := s.exchange(r.Context(), op, q.Get("code"), b)
	if err != nil {
		return again(err)
	}
	admin, err := s.known(r.Context(), who)
	if err != nil {
		return err
	}
	if err := s.o.Login.StartStaff(w, r, admin, Life); err != nil {
		return err
	}
	return redirect(w, r, strings.TrimRight(s.o.PublicURL.Path, "/")+"/")
}

// claims are what the OP says of somebody.
type claims struct {
	Subject  string   `json:"sub"`
	Name     string   `json:"name"`
	Email    string   `json:"email"`
	Verified bool     `json:"email_verified"`
	Groups   []string `json:"groups"`
}

// exchange asks once who logged in.
func (s *Staff) exchange(ctx context.Context, op *oidc.Provider, code string, b begun) (claims, error) {
	ctx = oidc.ClientContext(ctx, s.o.Client)
	token, err := s.config(op).Exchange(ctx, code, oauth2.VerifierOption(b.Verifier))
	if err != nil {
		return claims{}, errNotExchanged(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := op.Verifier(&oidc.Config{ClientID: s.o.ClientID, Now: s.o.Now}).Verify(ctx, raw)
	if err != nil {
		return claims{}, errors.New("staff: the ID token does not hold: it is not signed by the OP, not for this client_id, or over")
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(b.Nonce)) != 1 {
		return claims{}, errors.New("staff: the ID token is of another login")
	}
	var c claims
	if err := id.Claims(&c); err != nil {
		return claims{}, errors.New("staff: the claims cannot be read; look at what the OP puts into groups")
	}
	return c, nil
}

// errNotExchanged says why without what the OP answered: some repeat what they were
// sent.
func errNotExchanged(err error) error {
	if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok && e.Response != nil {
		return errors.New("staff: the OP refuses the code: " + e.Response.Status + "; check client_id and client_secret")
	}
	return errors.New("staff: the OP did not answer; check the network, and allow_private where it is in a private one")
}

// kind is what the first rule says that fits; empty: none does.
func (s *Staff) kind(c claims) access.StaffKind {
	_, domain, _ := strings.Cut(c.Email, "@")
	for _, r := range s.o.Rules {
		if r.Group != "" && slices.Contains(c.Groups, r.Group) ||
			r.Domain != "" && c.Verified && strings.EqualFold(domain, r.Domain) {
			return r.Kind
		}
	}
	return ""
}

// maxName bounds what is kept of a name, in characters.
const maxName = 60

func (c claims) name() string {
	for _, n := range []string{c.Name, c.Email, c.Subject} {
		if n = strings.Join(strings.Fields(strings.ToValidUTF8(n, "")), " "); n != "" {
			return string([]rune(n)[:min(maxName, len([]rune(n)))])
		}
	}
	return ""
}

// known gives the administrator that somebody is here, made or changed if need be.
func (s *Staff) known(ctx context.Context, c claims) (access.Administrator, error) {
	kind, now := s.kind(c), s.o.Now()
	if kind == "" || c.Subject == "" {
		return access.Administrator{}, stranger()
	}
	subject := s.o.Issuer + " " + c.Subject
	a, err := s.o.Store.AdminBySubject(ctx, subject)
	if errors.Is(err, access.ErrNotFound) {
		a = access.NewStaff(c.name(), subject, kind, now)
		return a, s.o.Store.CreateAdmin(ctx, a, nil, s.entry(now, "admin.create", a.ID, kind))
	}
	if err != nil {
		return a, err
	}
	if !a.Live(now) {
		return a, stranger()
	}
	if err := s.o.Store.SetStaff(ctx, a.ID, c.name(), kind, now, s.entry(now, "admin.change", a.ID, kind)); err != nil {
		return a, err
	}
	a.Name, a.Kind = c.name(), kind
	return a, nil
}

func (s *Staff) entry(now time.Time, action, id string, kind access.StaffKind) audit.Entry {
	return audit.Entry{At: now, Actor: audit.Actor{Kind: audit.ActorAdmin, ID: id}, Action: action, Subject: "admin:" + id, Outcome: audit.Done,
		Reason: "company", Details: map[string]string{"kind": string(kind)}}
}

func (s *Staff) setCookie(w http.ResponseWriter, b begun) error {
	value, err := vault.SealText(s.o.Vault, vault.Cookie(cookie), b)
	if err != nil {
		return err
	}
	s.jar.Set(w, cookie, value, beginLife)
	return nil
}

// maxCookie bounds what is read of a cookie.
const maxCookie = 4096

// takeCookie opens the cookie of a login that this browser began, and removes it.
func (s *Staff) takeCookie(w http.ResponseWriter, r *http.Request) (begun, error) {
	var b begun
	value, ok := s.jar.Get(r, cookie)
	if !ok || len(value) > maxCookie {
		return b, again(nil)
	}
	s.jar.Drop(w, cookie)
	if !vault.OpenText(s.o.Vault, vault.Cookie(cookie), value, maxCookie, &b) || !s.o.Now().Before(time.UnixMilli(b.Until)) {
		return begun{}, again(nil)
	}
	return b, nil
}
