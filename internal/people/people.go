package people

import (
	"context"
	"embed"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

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
	// Require gives a person who holds at least role in the shop.
	Require(r *http.Request, role access.Role, shopID string) (access.Session, access.Person, error)
	// RequireProved is Require for a person whom WeChat named just now.
	RequireProved(r *http.Request, role access.Role, shopID string) (access.Session, access.Person, error)
	// RequirePerson gives a person whom WeChat named just now, whatever their roles.
	RequirePerson(r *http.Request) (access.Session, access.Person, error)
	// Forget leaves nothing of anybody in the browser that gets the answer.
	Forget(w http.ResponseWriter)
	// RequireAdmin gives the session of an administrator.
	RequireAdmin(r *http.Request) (access.Session, error)
}

// Store is what the pages read and change. Each change is one transaction with all
// that follows from it.
type Store interface {
	Directory
	Roles
	Invitations
	Transfers
	Visits
	PersonalData
}

// Directory is what there is.
type Directory interface {
	Tenant(ctx context.Context, id string) (access.Tenant, error)
	Shop(ctx context.Context, id string) (access.Shop, error)
	Shops(ctx context.Context) ([]access.Shop, error)
	ShopGrant(ctx context.Context, shopID string) (grant.Grant, error)
	Clients(ctx context.Context) ([]access.Client, error)
}

// Roles is who is a member.
type Roles interface {
	Members(ctx context.Context, tenantID string) ([]access.Member, error)
	Person(ctx context.Context, id string) (access.Person, error)
	Sessions(ctx context.Context, f access.SessionFilter) ([]access.Session, error)
	Departure(ctx context.Context, m access.Member, now time.Time) (access.Departure, error)
	ChangeMember(ctx context.Context, from, to access.Member, now time.Time, e grant.Effects) error
	RemoveMember(ctx context.Context, d access.Departure, now time.Time, e grant.Effects) error
}

// Invitations is how somebody becomes a member.
type Invitations interface {
	CreateInvitation(ctx context.Context, i access.Invitation, entries ...audit.Entry) error
	Invitations(ctx context.Context) ([]access.Invitation, error)
	ConfirmInvitation(ctx context.Context, id, code string, now time.Time, e grant.Effects) (access.Invitation, error)
	WithdrawInvitation(ctx context.Context, id string, now time.Time, entries ...audit.Entry) error
}

// Transfers is ownership on its way.
type Transfers interface {
	Transfer(ctx context.Context, id string) (access.Transfer, error)
	Transfers(ctx context.Context, tenantID string) ([]access.Transfer, error)
	DueTransfers(ctx context.Context, now time.Time) ([]access.Transfer, error)
	StartTransfer(ctx context.Context, t access.Transfer, e grant.Effects) error
	FinishTransfer(ctx context.Context, id string, now time.Time, e grant.Effects) error
	StopTransfer(ctx context.Context, id string, now time.Time, e grant.Effects) error
}

// Visits is staff's entering of tenants.
type Visits interface {
	Admin(ctx context.Context, id string) (access.Administrator, error)
	StartVisit(ctx context.Context, v access.Visit, e grant.Effects) error
	EndVisits(ctx context.Context, admin, tenant string, now time.Time, entries ...audit.Entry) (bool, error)
	Visits(ctx context.Context, tenantID string, limit int) ([]access.Visit, error)
	LiveVisits(ctx context.Context, admin string, now time.Time) ([]access.Visit, error)
}

// PersonalData is what is kept of a person.
type PersonalData interface {
	PersonData(ctx context.Context, id string) (access.PersonData, error)
	Identities(ctx context.Context, personID string) ([]access.Identity, error)
	Letters(ctx context.Context, personID string, limit int) (all []notice.Letter, on bool, err error)
	SetLetters(ctx context.Context, personID string, on bool, e ...audit.Entry) error
	ForgetPerson(ctx context.Context, id string, keep []access.Member, e grant.Effects) error
	AuditHead(ctx context.Context) (size int64, root [32]byte, err error)
	AuditEntries(ctx context.Context, after int64, limit int) ([]audit.Record, error)
	Append(ctx context.Context, e ...audit.Entry) error
}

// maxForm bounds the body of every form here.
const maxForm = 64 << 10

// Options are what the pages work with. All of them are required but Log.
type Options struct {
	UI *ui.UI
	// Page wraps every route: page errors, browser headers, cross-origin
	// protection.
	Page  func(web.Handler) http.Handler
	Now   func() time.Time
	Login Login
	Store Store
	Link  func(path string) string // makes an absolute URL
	Log   *slog.Logger             // nil: discards
}

// People serves the pages and carries out transfers. It is safe for concurrent use.
type People struct{ o Options }

// New makes a People.
func New(o Options) *People {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &People{o}
}

// Mount registers the pages on mux. The shop's own page is the console's, which
// shows [People.Board].
func (p *People) Mount(mux *http.ServeMux) {
	for pattern, h := range map[string]web.Handler{
		"GET /shops/{shop}/people/{person}":            p.getMember,
		"POST /shops/{shop}/people/{person}":           p.postMember,
		"GET /shops/{shop}/people/{person}/remove":     p.getRemove,
		"POST /shops/{shop}/people/{person}/remove":    p.postRemove,
		"POST /shops/{shop}/people/{person}/offer":     p.postOffer,
		"GET /shops/{shop}/invite":                     p.getInvite,
		"POST /shops/{shop}/invite":                    p.postInvite,
		"POST /shops/{shop}/invitations/{id}/confirm":  p.postConfirm,
		"POST /shops/{shop}/invitations/{id}/withdraw": p.postWithdraw,
		"POST /shops/{shop}/transfers/{id}/accept":     p.postAccept,
		"POST /shops/{shop}/transfers/{id}/stop":       p.postStop,
		"GET /visit/{tenant}":                          p.getVisit,
		"POST /visit/{tenant}":                         p.postVisit,
		"POST /visit/{tenant}/end":                     p.postEndVisit,
		"GET /me":                                      p.getMe,
		"POST /me/export":                              p.postExport,
		"POST /me/letters":                             p.postLetters,
		"GET /me/delete":                               p.getDelete,
		"POST /me/delete":                              p.postDelete,
	} {
		mux.Handle(pattern, web.LimitBody(maxForm, p.o.Page(h)))
	}
}

// seat is an owner at a shop's page.
type seat struct {
	Session access.Session
	Person  access.Person
	Shop    access.Shop
}

// by names the owner in the audit log.
func (s seat) by() audit.Actor { return audit.Actor{Kind: audit.ActorPerson, ID: s.Person.ID} }

// owner gives the owner of the shop that a request names, whom WeChat named just now.
func (p *People) owner(r *http.Request) (seat, error) { return p.sit(r, access.Owner) }

func (p *People) sit(r *http.Request, role access.Role) (seat, error) {
	s, person, err := p.o.Login.RequireProved(r, role, r.PathValue("shop"))
	if err != nil {
		return seat{}, err
	}
	shop, err := p.o.Store.Shop(r.Context(), r.PathValue("shop"))
	return seat{s, person, shop}, err
}

// owns tells whether somebody's roles make them an owner of a place.
func owns(members []access.Member, tenant, shop string, now time.Time) bool {
	_, ok := ownsUntil(members, tenant, shop, now)
	return ok
}

// ownsUntil tells when somebody's ownership of a place ends, zero for never, and
// whether they have one.
func ownsUntil(members []access.Member, tenant, shop string, now time.Time) (end time.Time, ok bool) {
	for _, m := range members {
		if !m.Active(now) || m.Role != access.Owner || m.TenantID != tenant || m.ShopID != "" && m.ShopID != shop {
			continue
		}
		if !ok || outlasts(m.Until, end) {
			end, ok = m.Until, true
		}
	}
	return end, ok
}

// back leads to the page of a shop after a change.
func back(w http.ResponseWriter, r *http.Request, shop string) error {
	http.Redirect(w, r, ui.URL(r.Context(), "/shops/"+shop), http.StatusSeeOther)
	return nil
}
