package adminapi

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/setup"
)

// Options are what the operations work with.
type Options struct {
	Version   string
	Now       func() time.Time
	Setup     *setup.Setup
	Directory Directory
	Grants    Grants
	Keeper    Keeper
	Tokens    setup.Tokens
	Clients   Clients
	Members   Members
	OIDC      OIDCClients
	People    People
	Signing   SigningKeys
	Invites   Invites
	Sessions  Sessions
	Admins    Admins
	Log       AuditLog
	Proofs    AuditProofs
	// OlderHead gives the signed head of so many entries that the log's database keeps
	// no more; nil: there are none.
	OlderHead     func(size int64) (c audit.Checkpoint, ok bool, err error)
	Keys          Keys
	Notices       Notices
	Alerts        Alerts
	AlertRules    []AlertRuleView
	Runbook       func(notice.Kind) string // gives the address of the page for a kind
	Channels      Channels
	Clock         Clock
	Quotas        Quotas
	Doctor        Doctor
	Support       Support
	Radar         Radar
	Strangers     Strangers
	Killer        Killer
	Reviews       Reviews
	Renewals      Renewals
	Platforms     Platforms
	Subscriptions Subscriptions
	Mover         Mover
	Rotations     Rotations
	Requests      Requests
	Sealer        Sealer
	// Link makes an absolute URL of the public listener from a path.
	Link       func(path string) string
	PublicHost string // host[:port] of the public URL
	Loopback   bool   // the loopback rule is on
}

// documentVersion is the interface's, not the program's: everybody may read it.
const documentVersion = "1"

// Public tells whether everybody may read what a request asks for: the document and
// the page made of it.
func Public(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && (r.URL.Path == "/v1/reference" || r.URL.Path == "/v1/openapi.json")
}

// Mount registers every operation on mux, under /v1/. Whoever mounts it puts
// an actor into each request's context with [WithActor]; requests without one
// are refused.
func Mount(mux *http.ServeMux, o Options) {
	config := huma.DefaultConfig("Zhanggui 掌柜", documentVersion)
	config.OpenAPIPath = "/v1/openapi"
	config.DocsPath = ""     // the built-in page loads scripts from elsewhere
	config.SchemasPath = ""  // schema links would be built from the Host header
	config.CreateHooks = nil // no $schema fields in bodies
	h := handlers{Options: o}
	api := humago.New(routes{ServeMux: mux, frame: Frame{Now: o.Now, Requests: o.Requests, Sealer: o.Sealer}}, config)
	api.UseMiddleware(requireActor(api))
	h.mountSetup(api)
	h.mountDirectory(api)
	h.mountMaking(api)
	h.mountMembers(api)
	h.mountPeople(api)
	h.mountGrants(api)
	h.mountClients(api)
	h.mountOIDC(api)
	h.mountSigning(api)
	h.mountInvitations(api)
	h.mountSessions(api)
	h.mountAdmins(api)
	h.mountAudit(api)
	h.mountProofs(api)
	h.mountNotices(api)
	h.mountChannels(api)
	h.mountAlerts(api)
	h.mountClock(api)
	h.mountPlatforms(api)
	h.mountSubscriptions(api)
	h.mountMovein(api)
	h.mountQuota(api)
	h.mountDoctor(api)
	h.mountSupport(api)
	h.mountRadar(api)
	h.mountStranger(api)
	h.mountReviews(api)
	h.mountRotations(api)
	describe(api.OpenAPI())
	mountReference(mux, api.OpenAPI())
}

// handlers carries the options to the operations; each family has its own
// file.
type handlers struct{ Options }

type actorKey struct{}

// WithActor says who asks. It is called after they proved it.
func WithActor(ctx context.Context, a audit.Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

func actor(ctx context.Context) audit.Actor {
	a, _ := ctx.Value(actorKey{}).(audit.Actor)
	return a
}

type staffKey struct{}

// WithStaff says what the actor of a request may do. Without it, everything.
func WithStaff(ctx context.Context, k access.StaffKind) context.Context {
	return context.WithValue(ctx, staffKey{}, k)
}

func requireActor(api huma.API) func(huma.Context, func(huma.Context)) {
	return func(c huma.Context, next func(huma.Context)) {
		kind, _ := c.Context().Value(staffKey{}).(access.StaffKind)
		switch {
		case actor(c.Context()).Kind == "":
			huma.WriteErr(api, c, http.StatusUnauthorized, "an administrator's key is needed; sign in, or use the admin socket")
		case !mayAsk(kind, c.Method(), c.Operation().Path):
			huma.WriteErr(api, c, http.StatusForbidden, "this key may not do that; ask an administrator of this server")
		default:
			next(c)
		}
	}
}

// ofMerchants is what merchants' people and customers do. Support sees it in the
// console, of a merchant that it entered, and not by a key.
var ofMerchants = []string{
	"/v1/people", "/v1/review", "/v1/reviews", "/v1/sessions", "/v1/invitations", "/v1/tenants/{id}/members",
	"/v1/shops/{shop}/events", "/v1/shops/{shop}/purchases",
}

// mayAsk tells whether staff of a kind may ask for an operation. Support reads
// everything but what is of merchants, an auditor the audit log.
func mayAsk(k access.StaffKind, method, path string) bool {
	reads := method == http.MethodGet || method == http.MethodHead
	switch k {
	case access.StaffSupport:
		return reads && !slices.ContainsFunc(ofMerchants, func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") })
	case access.StaffAuditor:
		return reads && (path == "/v1/audit" || strings.HasPrefix(path, "/v1/audit/"))
	}
	return k == "" || k == access.StaffAdmin
}

// op describes an operation; every one has a summary that reads as a sentence.
func op(id, method, path, summary string) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary}
}

// body wraps an answer.
type body[T any] struct{ Body T }

func answer[T any](v T) *body[T] { return &body[T]{Body: v} }

// idPath names one thing.
type idPath struct {
	ID string `path:"id" doc:"Its id"`
}

// stamp is a time that is left out when there is none.
func stamp(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC())
}
