package access

import (
	"errors"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// InvitationState is where an invitation stands; see the package comment.
type InvitationState string

// The states of an invitation.
const (
	InvitationOpen      InvitationState = "open"
	InvitationTaken     InvitationState = "taken"
	InvitationConfirmed InvitationState = "confirmed"
	InvitationDead      InvitationState = "dead"
)

// InvitationLife is how long an invitation can be taken and confirmed.
const InvitationLife = 30 * time.Minute

// MaxCodeTries is how many wrong codes kill a taken invitation.
const MaxCodeTries = 3

// Invitation lets one person become a member.
type Invitation struct {
	ID        string // public
	TokenHash []byte // SHA-256 of the token in the link
	TenantID  string
	ShopID    string // empty: the whole tenant
	Role      Role
	InvitedBy string // "admin:…", "person:…", "operator", or ByMarket and a session that claims the shop
	CreatedAt time.Time
	ExpiresAt time.Time
	State     InvitationState
	PersonID  string // who took it
	Code      string // four digits, shown to the taker only
	Tries     int    // wrong codes so far
	// MemberUntil is when the role ends that the invitation gives; zero: never.
	MemberUntil time.Time
}

// ByMarket begins InvitedBy of a claim: somebody whom the service market sent
// into a shop asks to become its owner. The id of their session follows.
const ByMarket = "market:"

// Claim tells whether the invitation is somebody's claim of a shop rather than
// another's offer.
func (i Invitation) Claim() bool { return strings.HasPrefix(i.InvitedBy, ByMarket) }

// Usable tells whether the invitation can still be taken at now.
func (i Invitation) Usable(now time.Time) bool {
	return i.State == InvitationOpen && now.Before(i.ExpiresAt)
}

// Confirmable tells whether the one who took the invitation can become a member
// at now.
func (i Invitation) Confirmable(now time.Time) bool {
	return i.State == InvitationTaken && now.Before(i.ExpiresAt)
}

// Errors of invitations.
var (
	ErrInvitationGone = errors.New("access: the invitation is used, withdrawn or expired; ask for a new one")
	ErrWrongCode      = errors.New("access: the code is not the one shown to the person invited; ask them to read it again")
	ErrNotFree        = errors.New("access: the shop has an owner, or its tenant another shop; an owner or an administrator confirms the claim")
)

// NewInvitation makes an open invitation and the token of its link. by names
// the inviter as "kind:id".
func NewInvitation(tenant, shop string, role Role, by string, now time.Time) (Invitation, secret.Value) {
	token, hash := NewKey(InvitePrefix)
	return Invitation{ID: NewID("i"), TokenHash: hash, TenantID: tenant, ShopID: shop, Role: role, InvitedBy: by,
		CreatedAt: now, ExpiresAt: now.Add(InvitationLife), State: InvitationOpen}, token
}
