package console

import (
	"cmp"
	"context"
	"embed"
	"io/fs"
	"net/http"
	"time"

	"github.com/a-h/templ"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

//go:embed locales
var words embed.FS

// Words is the catalogue of this package's pages, for [ui.Options].
func Words() fs.FS { return words }

// Login tells who a request is from. The errors of its methods are pages.
type Login interface {
	Current(r *http.Request) (access.Session, access.Person, bool)
	// Resume sends a browser on that can be logged in again silently, and tells
	// whether it did.
	Resume(w http.ResponseWriter, r *http.Request) (bool, error)
	// Require gives a person who holds at least role in the shop.
	Require(r *http.Request, role access.Role, shopID string) (access.Session, access.Person, error)
	// RequireProved is Require for a person whom WeChat named just now.
	RequireProved(r *http.Request, role access.Role, shopID string) (access.Session, access.Person, error)
	// RequireAdmin gives the session of an administrator.
	RequireAdmin(r *http.Request) (access.Session, error)
}

// Directory is what pages show.
type Directory interface {
	Tenants(ctx context.Context) ([]access.Tenant, error)
	Apps(ctx context.Context) ([]access.App, error)
	Shops(ctx context.Context) ([]access.Shop, error)
	Shop(ctx context.Context, id string) (access.Shop, error)
	Members(ctx context.Context, tenantID string) ([]access.Member, error)
	Grants(ctx context.Context, f grant.Filter) ([]grant.Grant, error)
	Grant(ctx context.Context, id string) (grant.Grant, error)
}

// People is who may do what, and how that ends.
type People interface {
	Sessions(ctx context.Context, f access.SessionFilter) ([]access.Session, error)
	EndSessions(ctx context.Context, e grant.Effects) (int, error)
	Clients(ctx context.Context) ([]access.Client, error)
	RevokeClient(ctx context.Context, id string, now time.Time, entries ...audit.Entry) error
	Revoke(ctx context.Context, e grant.Effects) error
}

// Invites makes and confirms invitations.
type Invites interface {
	CreateInvitation(ctx context.Context, i access.Invitation, entries ...audit.Entry) error
	Invitation(ctx context.Context, id string) (access.Invitation, error)
	Invitations(ctx context.Context) ([]access.Invitation, error)
	ConfirmInvitation(ctx context.Context, id, code string, now time.Time, e grant.Effects) (access.Invitation, error)
}

// AuditLog reads the newest entries.
type AuditLog interface {
	AuditHead(ctx context.Context) (size int64, root [32]byte, err error)
	AuditEntries(ctx context.Context, after int64, limit int) ([]audit.Record, error)
}

// Caller asks WeChat about a shop, with the shop's kept token.
type Caller interface {
	// Call sends in as JSON (nothing if it is nil) and decodes the answer into
	// out. Errors of WeChat's are [*wechat.Error].
	Call(ctx context.Context, shopID, method, path string, in, out any) error
}

// Board is the part of a shop's page that says who may do what there.
type Board interface {
	// Board gives it for a reader in a role. watching is for staff of the provider,
	// who see what an owner sees and may change nothing.
	Board(ctx context.Context, p access.Person, shop access.Shop, role access.Role, watching bool) (templ.Component, error)
	// Visiting refuses an administrator who did not enter the shop's tenant, with a
	// page that leads to the entrance.
	Visiting(ctx context.Context, admin string, shop access.Shop) error
}

// Staff tells what somebody of the provider may do.
type Staff interface {
	Admin(ctx context.Context, id string) (access.Administrator, error)
}

// maxForm bounds the body of every form here.
const maxForm = 16 << 10

// Options are what the pages work with.
type Options struct {
	UI *ui.UI
	// Page wraps every route: page errors, browser headers, cross-origin
	// protection.
	Page      func(web.Handler) http.Handler
	Now       func() time.Time
	Login     Login
	Directory Directory
	People    People
	Invites   Invites
	Staff     Staff // nil: every administrator may do everything
	Log       AuditLog
	Caller    Caller
	Board     Board                    // nil: a shop's page says nothing of its people
	Exports   Exports                  // nil: no token leaves
	Purchases Purchases                // nil: nothing is sold in the service market
	Alerts    Alerts                   // nil: nobody looks at alerts
	Runbook   func(notice.Kind) string // gives the address of the page for a kind, or ""
	Doctor    Doctor                   // nil: nobody examines
	Channels  Channels                 // nil: they are not shown
	Radar     Radar                    // nil: nobody hears of changes
	Reviews   Reviews                  // nil: nobody asks who may do what
	Renewals  Renewals                 // nil: nobody is asked to authorise anew
	Rotations Rotations
	Link      func(path string) string // makes an absolute URL
}

// Console serves the pages. It is safe for concurrent use.
type Console struct{ Options }

// New makes a Console.
func New(o Options) *Console { return &Console{o} }

// Mount registers the pages on mux.
func (c *Console) Mount(mux *http.ServeMux) {
	page := func(pattern string, h web.Handler) { mux.Handle(pattern, web.LimitBody(maxForm, c.Page(h))) }
	page("GET /{$}", c.home)
	page("GET /shops/{shop}", c.shop)
	page("POST /shops/{shop}/claims/{id}/confirm", c.confirmClaim)
	if c.Channels != nil {
		c.mountChannels(mux)
	}
	if c.Alerts != nil {
		c.mountAlerts(mux)
	}
	if c.Radar != nil {
		page("GET /radar", c.radar)
	}
	if c.Doctor != nil {
		c.mountDoctor(mux)
	}
	page("POST /admin/invitations", c.admin(c.invite))
	page("POST /admin/invitations/{id}/confirm", c.admin(c.confirm))
	page("POST /admin/sessions/{id}/end", c.admin(c.endSession))
	page("POST /admin/clients/{id}/revoke", c.admin(c.revokeClient))
	page("POST /admin/grants/{id}/revoke", c.admin(c.revokeGrant))
	c.mountReviews(page)
	c.mountRotations(func(pattern string, h func(http.ResponseWriter, *http.Request, audit.Actor) error) {
		page(pattern, c.admin(h))
	})
}

// home is a landing page for strangers, the shops for a person, the one shop for
// somebody from the service market, and the overview for an administrator.
func (c *Console) home(w http.ResponseWriter, r *http.Request) error {
	session, person, ok := c.Login.Current(r)
	switch {
	case !ok:
		if sent, err := c.Login.Resume(w, r); sent || err != nil {
			return err
		}
		return c.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "console.welcome.title"}, welcome())
	case session.AdminID != "":
		return c.overview(w, r, session.AdminID)
	}
	return c.myShops(w, r, session, person)
}

// admin lets only administrators through who may change something.
func (c *Console) admin(h func(http.ResponseWriter, *http.Request, audit.Actor) error) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		session, err := c.Login.RequireAdmin(r)
		if err != nil {
			return err
		}
		if kind, err := c.kind(r.Context(), session.AdminID); err != nil || kind != access.StaffAdmin {
			return cmp.Or(err, errStaff())
		}
		return h(w, r, audit.Actor{Kind: audit.ActorAdmin, ID: session.AdminID})
	}
}

// kind is what an administrator may do.
func (c *Console) kind(ctx context.Context, admin string) (access.StaffKind, error) {
	if c.Staff == nil {
		return access.StaffAdmin, nil
	}
	a, err := c.Staff.Admin(ctx, admin)
	return cmp.Or(a.Kind, access.StaffAdmin), err
}

// staff is for pages that staff who read everything see, which auditors do not.
func (c *Console) staff(r *http.Request) (access.Session, access.StaffKind, error) {
	session, err := c.Login.RequireAdmin(r)
	if err != nil {
		return session, "", err
	}
	kind, err := c.kind(r.Context(), session.AdminID)
	if err == nil && kind == access.StaffAuditor {
		err = errStaff()
	}
	return session, kind, err
}

// errStaff is for staff who may look and not act.
func errStaff() error {
	return &web.Error{Status: http.StatusForbidden, Code: "staff-may-not",
		EN: "Your account here may not do that.", ZH: "您的账号无权执行此操作。",
		NextEN: "Ask an administrator of this server.", NextZH: "请联系系统管理员。", Link: "/", LinkEN: "Back", LinkZH: "返回"}
}
