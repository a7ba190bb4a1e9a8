package access

import (
	"errors"
	"slices"
	"time"
)

// Errors of changes among members.
var (
	// ErrLastOwner says that nobody would own the tenant or the shop afterwards.
	ErrLastOwner = errors.New("access: nobody would be its owner for good; make somebody else an owner first, or transfer it")
	// ErrTransferGone says that a transfer is done, stopped, over, or not due yet.
	ErrTransferGone = errors.New("access: the transfer is done, stopped, over or not due yet; look at it again, or begin another")
)

// Orphans tells whether a change of members would take the last owner from a
// tenant or a shop. An owner who stays only until a date, or who cannot log in
// any more, does not count; so leave the latter out of both lists.
func Orphans(before, after []Member, now time.Time) bool {
	return slices.ContainsFunc(before, func(m Member) bool {
		return m.owns(now) && !slices.ContainsFunc(after, func(n Member) bool {
			return n.owns(now) && n.TenantID == m.TenantID && (n.ShopID == "" || n.ShopID == m.ShopID)
		})
	})
}

// owns tells whether the membership is an ownership without an end.
func (m Member) owns(now time.Time) bool {
	return m.Role == Owner && m.Until.IsZero() && m.Active(now)
}

// SamePlace tells whether two memberships are one person's role in one place.
func (m Member) SamePlace(n Member) bool {
	return m.TenantID == n.TenantID && m.ShopID == n.ShopID && m.PersonID == n.PersonID
}

// ByPerson begins what names the maker of an invitation or a key, when that is a
// person. Their id follows.
const ByPerson = "person:"

// Departure is the end of a person's role with all that goes with it. What it
// names was shown to whoever decides: the store refuses one that is not complete
// any more with [ErrStale].
type Departure struct {
	Member      Member
	Sessions    int          // live ones of the person, which end; shown only
	Clients     []Client     // with live keys that the person made
	Invitations []Invitation // that the person made and that can still be used
}

// Covers tells whether d names everything that more does.
func (d Departure) Covers(more Departure) bool {
	for _, c := range more.Clients {
		if !slices.ContainsFunc(d.Clients, func(have Client) bool { return have.ID == c.ID }) {
			return false
		}
	}
	for _, i := range more.Invitations {
		if !slices.ContainsFunc(d.Invitations, func(have Invitation) bool { return have.ID == i.ID }) {
			return false
		}
	}
	return true
}

// TransferState is where a transfer of ownership stands.
type TransferState string

// The states of a transfer. An offer waits for the new owner's yes, a notice for
// its time.
//
//	offered ──accept──► done      noticed ──its time──► done
//	   └──withdrawn, refused, over──► stopped ◄──an owner──┘
const (
	TransferOffered TransferState = "offered"
	TransferNoticed TransferState = "noticed"
	TransferDone    TransferState = "done"
	TransferStopped TransferState = "stopped"
)

// How long a transfer takes.
const (
	OfferLife      = 24 * time.Hour // an offer can be accepted so long
	TransferNotice = 24 * time.Hour // owners can stop the server's transfer so long
)

// Transfer hands the ownership of a tenant, or of one shop, to another person.
type Transfer struct {
	ID        string
	TenantID  string
	ShopID    string // empty: the whole tenant
	From      string // person who stops being an owner; empty: nobody does
	To        string // person
	By        string // who began it, as "person:…", "admin:…" or "operator"
	State     TransferState
	CreatedAt time.Time
	DueAt     time.Time // when an offer is over, or a notice is carried out
	EndedAt   time.Time // zero while it waits
}

// Open tells whether the transfer still waits at now.
func (t Transfer) Open(now time.Time) bool {
	return t.State == TransferNoticed || t.State == TransferOffered && now.Before(t.DueAt)
}

// StaffKind is what somebody of the provider may do. Nobody of them is a member of
// a tenant.
type StaffKind string

// The kinds of staff. The empty kind is [StaffAdmin]: administrators of before.
const (
	StaffAdmin   StaffKind = "admin"   // everything
	StaffSupport StaffKind = "support" // reads everything, changes nothing
	StaffAuditor StaffKind = "auditor" // reads the audit log and reports
)

// Valid tells whether k is one of the kinds.
func (k StaffKind) Valid() bool { return k == StaffAdmin || k == StaffSupport || k == StaffAuditor }

// VisitLife is how long staff may look at a tenant before they must give their
// reason anew.
const VisitLife = time.Hour

// Visit is staff's entering of a tenant. The tenant's owners see it.
type Visit struct {
	ID       string
	AdminID  string
	TenantID string
	Reason   string // in the words of whoever enters
	At       time.Time
	EndsAt   time.Time
}

// Live tells whether the visit goes on at now.
func (v Visit) Live(now time.Time) bool { return now.Before(v.EndsAt) }

// NewVisit makes a visit that begins now.
func NewVisit(admin, tenant, reason string, now time.Time) Visit {
	return Visit{ID: NewID("v"), AdminID: admin, TenantID: tenant, Reason: reason, At: now, EndsAt: now.Add(VisitLife)}
}

// Remap says that WeChat calls somebody by another openid from now on, because
// their app moved to another account.
type Remap struct{ Old, New string }

// Remapped is what a batch of remaps does, or would do.
type Remapped struct {
	Moved   int      // identities that have the new openid
	Already int      // that had it before
	Unknown []string // old openids that nobody is known by
	// Collisions are new openids that somebody else is known by, or that stand
	// twice in the batch: nothing is done while there is one.
	Collisions []string
}

// PersonData is everything that is kept of one person.
type PersonData struct {
	Person      Person
	Since       time.Time
	Identities  []Identity
	Sessions    []Session
	Consents    []Consent
	Invitations []Invitation // that they made or took
	Transfers   []Transfer
}

// NewStaff makes somebody of the provider who logs in through the company, and has
// no key: its hash is of one that nobody knows. subject is what the company's server
// calls them, for ever.
func NewStaff(name, subject string, kind StaffKind, now time.Time) Administrator {
	_, hash := NewKey(AdminKeyPrefix)
	return Administrator{ID: NewID("a"), Name: name, Kind: kind, Subject: subject, KeyHash: hash, CreatedAt: now}
}
