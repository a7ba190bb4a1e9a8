package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/pprof"
	"path"
	"strings"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/catalogue"
	"github.com/zhanggui/zhanggui/internal/dropin"
	"github.com/zhanggui/zhanggui/internal/gateway"
	"github.com/zhanggui/zhanggui/internal/relay"
	"github.com/zhanggui/zhanggui/internal/signer"
	"github.com/zhanggui/zhanggui/internal/web"
)

// maxAdminBody bounds the body of an administrator's request.
const maxAdminBody = 1 << 20

// Public is the handler of the public listener. The domain proof stands before
// everything else.
func (a *App) Public() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /static/", a.ui.Static())
	mux.Handle("/static", a.page(web.NotFound)) // else the mux redirects to /static/
	mux.Handle("/v1", web.Machine(web.NotFound))
	mux.Handle("/v1/", a.machines())
	a.pushes.Mount(mux)
	a.login.Mount(mux)
	a.guard.Mount(mux)
	a.oidc.Mount(mux)
	a.console.Mount(mux)
	a.people.Mount(mux)
	a.mountStaff(mux)
	mux.Handle("/", a.page(web.NotFound))
	return web.Wrap(a.byHost(a.login.Proofs(a.besideMux(mux))), web.Options{
		Log: a.o.Log, Trusted: a.o.Config.TrustedProxies, PublicURL: a.o.Config.PublicURL.URL(), Others: a.guard.Protects,
		Now: a.o.Now, Metrics: a.metrics, Tracer: a.tracer,
	})
}

// machines answers programs: clients where their keys are asked for, and
// administrators.
func (a *App) machines() http.Handler {
	mux := a.adminMux()
	admins := web.LimitBody(maxAdminBody, a.withAdmin(mux))
	clients, exports, witnessed := a.relay.Handler(), a.dropin.Export(), a.witness.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case relay.ForClient(r):
			clients.ServeHTTP(w, r)
		case dropin.ForClient(r):
			exports.ServeHTTP(w, r)
		case a.witness.Serves(r):
			witnessed.ServeHTTP(w, r)
		case adminapi.Public(r):
			mux.ServeHTTP(w, r)
		default:
			admins.ServeHTTP(w, r)
		}
	})
}

// besideMux keeps untidy paths away from the mux, which would answer them with a
// redirect to a tidy one: such a redirect lacks the path of the public URL, and a
// program that follows it repeats what it sent. The gateway refuses them itself. So
// it does at WeChat's own paths, where SDKs send an alias, fetched from the drop-in.
func (a *App) besideMux(mux *http.ServeMux) http.Handler {
	calls := web.AnswerWithin(0, a.gateway) // it streams, and looks after its callers itself
	fetches := web.AnswerWithin(web.AnswerTimeout, a.dropin)
	published := web.AnswerWithin(web.AnswerTimeout, a.signer) // also while the database is away
	pages := web.AnswerWithin(web.AnswerTimeout, a.needDatabase(mux))
	nothing := web.AnswerWithin(web.AnswerTimeout, a.page(web.NotFound))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case dropin.Serves(r.URL.Path):
			fetches.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, "/wx/"), gateway.Rooted(r.URL.Path):
			calls.ServeHTTP(w, r)
		case r.URL.Path == signer.JWKSPath:
			published.ServeHTTP(w, r)
		case untidy(r.URL.Path):
			nothing.ServeHTTP(w, r)
		default:
			pages.ServeHTTP(w, r)
		}
	})
}

// untidy tells whether a path has empty or dotted segments. One slash at the end
// is in order.
func untidy(p string) bool {
	clean := path.Clean("/" + p)
	return p != clean && p != clean+"/"
}

// Admin is the handler of the admin socket: whoever may open it may do
// everything, and the audit log calls them the operator.
func (a *App) Admin() http.Handler {
	mux := a.adminMux()
	routes := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/wx/") {
			r.Header.Set("Authorization", "Bearer "+operatorKey)
			a.own.ServeHTTP(w, r)
			return
		}
		a.needDatabase(mux).ServeHTTP(w, r)
	})
	logged := web.Wrap(routes, web.Options{Log: a.o.Log, Now: a.o.Now, Tracer: a.tracer})
	// The actor is put in outside of Wrap: it logs the route of the request
	// that it passed on, not of a copy.
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		logged.ServeHTTP(w, r.WithContext(adminapi.WithActor(r.Context(), audit.Actor{Kind: audit.ActorOperator})))
	})
}

// adminMux answers programs, also where there is nothing.
func (a *App) adminMux() *http.ServeMux {
	mux := http.NewServeMux()
	adminapi.Mount(mux, a.adminOptions())
	mux.Handle("/", web.Machine(web.NotFound))
	return mux
}

// withAdmin lets administrators through by their key.
func (a *App) withAdmin(next http.Handler) http.Handler {
	return web.Machine(func(w http.ResponseWriter, r *http.Request) error {
		key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		refuse := &web.Error{Status: http.StatusUnauthorized, Code: "admin-key",
			EN: "An administrator's key is needed.", ZH: "需要管理员密钥。",
			NextEN: "Send it as a bearer token; a client key does not do.", NextZH: "请以 Bearer 方式发送；程序密钥不能用于此处。"}
		if !ok || !strings.HasPrefix(key, access.AdminKeyPrefix) {
			return refuse
		}
		admin, err := a.store.AdminByKey(r.Context(), access.HashKey(key))
		if errors.Is(err, access.ErrNotFound) || (err == nil && !admin.Live(a.o.Now())) {
			a.refused.Refused(r.Context(), audit.Entry{At: a.o.Now(), Actor: audit.Actor{Kind: audit.ActorStranger}, Action: "admin.call",
				Outcome: audit.Refused, Reason: "admin-key"}, web.ClientAddr(r.Context()))
			return refuse
		}
		if err != nil {
			return err
		}
		actor := audit.Actor{Kind: audit.ActorAdmin, ID: admin.ID}
		ctx := adminapi.WithStaff(adminapi.WithActor(r.Context(), actor), admin.Kind)
		next.ServeHTTP(w, r.WithContext(ctx))
		return nil
	})
}

// operatorKey stands for the operator where a key is asked for on the admin
// socket. It opens nothing elsewhere.
const operatorKey = access.ClientKeyPrefix + "OPERATOROPERATOROPERATOR22"

// operatorClient lets the operator use every shop and, so often a day, what clients
// are granted by name.
type operatorClient struct {
	store *store
	paths *catalogue.Catalogue
}

// operatorDaily is how often a day the operator calls a path that moves money or
// shows personal data, for each shop.
const operatorDaily = 100

// ClientByKey implements gateway.Clients.
func (o operatorClient) ClientByKey(ctx context.Context, _ []byte) (access.Client, error) {
	shops, err := o.store.Shops(ctx)
	if err != nil {
		return access.Client{}, err
	}
	c := access.Client{ID: audit.ActorOperator, Mode: access.Write}
	for _, s := range shops {
		c.Shops = append(c.Shops, s.ID)
	}
	for e := range o.paths.All() {
		if e.Named() {
			c.Rights.Paths = append(c.Rights.Paths, access.PathRight{Path: e.Path, Daily: operatorDaily})
		}
	}
	return c, nil
}

// Ops is the handler of the operations listener.
func (a *App) Ops() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.metrics.Handler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("alive\n")) })
	mux.HandleFunc("GET /readyz", a.ready)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	return mux
}

// readiness is whether requests can be served, and what is degraded.
type readiness struct {
	Ready    bool     `json:"ready"`
	Degraded []string `json:"degraded,omitempty"`
}

func (a *App) readiness(ctx context.Context) (out readiness) {
	out.Degraded, out.Ready = a.replica.troubles()
	if a.replica == nil {
		if _, err := a.store.Revision(ctx); err != nil {
			out = readiness{Degraded: []string{"the database does not answer"}}
		}
	}
	h := a.keeper.Health()
	if !h.StoreDownSince.IsZero() {
		out.Degraded = append(out.Degraded, "tokens cannot be stored since "+h.StoreDownSince.UTC().Format("15:04:05Z"))
	}
	if !h.HeldSince.IsZero() {
		out.Degraded = append(out.Degraded, fmt.Sprintf("WeChat cannot be reached since %s: %s; one request at a time tries it, the next at %s",
			h.HeldSince.UTC().Format("15:04:05Z"), h.PlatformCause, h.NextTry.UTC().Format("15:04:05Z")))
	} else if !h.PlatformDownSince.IsZero() {
		out.Degraded = append(out.Degraded, "WeChat does not answer since "+h.PlatformDownSince.UTC().Format("15:04:05Z")+": "+h.PlatformCause)
	}
	out.Degraded = append(out.Degraded, a.clock.Problems()...)
	if a.whole() { // the signed heads are opened with the database
		if lost := a.heads.lost.Load(); lost != nil {
			out.Degraded = append(out.Degraded, *lost)
		}
	}
	if percent, ok := a.grants.Progress(); !ok {
		out.Degraded = append(out.Degraded, fmt.Sprintf("grants are being compared with the audit log: %d %%", percent))
	}
	return out
}

// ready answers with it.
func (a *App) ready(w http.ResponseWriter, r *http.Request) {
	out := a.readiness(r.Context())
	w.Header().Set("Content-Type", "application/json")
	if !out.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(out) // an error means that the caller is gone
}
