package login

import (
	"context"
	"net/netip"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Store is the storage that a login needs. Every writing method is one
// transaction with its audit entries.
type Store interface {
	Directory
	Callbacks
	Grants
	Identities
	Sessions
	Administrators
	Invitations
	Scans
}

// Directory reads what the operator declared.
type Directory interface {
	App(ctx context.Context, id string) (access.App, error)
	Apps(ctx context.Context) ([]access.App, error)
	Shop(ctx context.Context, id string) (access.Shop, error)
	Shops(ctx context.Context) ([]access.Shop, error)
	Tenant(ctx context.Context, id string) (access.Tenant, error)
	Members(ctx context.Context, tenantID string) ([]access.Member, error)
}

// Callbacks is the durable part of a login.
type Callbacks interface {
	// UseState records that a state and a code are used. It answers with the
	// earlier record and [access.ErrUsed] when one of them was used before.
	UseState(ctx context.Context, c grant.Callback, e ...audit.Entry) (*grant.Callback, error)
	// StateUsed tells whether a state was recorded as used.
	StateUsed(ctx context.Context, stateHash []byte) (bool, error)
	// Login applies a successful callback. Without an identity and a grant it
	// only starts the session of somebody whom the market sent. It refuses with [grant.ErrLost] or
	// [access.ErrStale] when somebody else wrote first, and with
	// [access.ErrInvitationGone] when the invitation cannot be taken any more.
	Login(ctx context.Context, e grant.Effects) error
	// ObserveTime remembers now and returns the highest time ever seen.
	ObserveTime(ctx context.Context, now time.Time) (highest time.Time, err error)
}

// Invitations is how a person becomes a member. A claim of a shop is one, too.
type Invitations interface {
	InvitationByToken(ctx context.Context, hash []byte) (access.Invitation, error)
	Invitation(ctx context.Context, id string) (access.Invitation, error)
	CreateInvitation(ctx context.Context, i access.Invitation, e ...audit.Entry) error
	// ConfirmClaim makes the person who took a claim the owner of the shop, with
	// what follows from it, unless the shop is not free at that moment.
	ConfirmClaim(ctx context.Context, id, shopID, personID string, now time.Time, e grant.Effects) error
}

// Grants reads and ends grants.
type Grants interface {
	UserGrant(ctx context.Context, app, openid, scope string) (grant.Grant, error)
	ShopGrant(ctx context.Context, shopID string) (grant.Grant, error)
	Grants(ctx context.Context, f grant.Filter) ([]grant.Grant, error)
	Revoke(ctx context.Context, e grant.Effects) error
}

// Identities says who somebody is.
type Identities interface {
	Identity(ctx context.Context, app, openid string) (access.Identity, error)
	IdentitiesByUnionID(ctx context.Context, unionid string) ([]access.Identity, error)
	LinkIdentity(ctx context.Context, app, openid, toPerson, session string, e ...audit.Entry) error
	SaveProfile(ctx context.Context, p access.Profile) error
	Person(ctx context.Context, id string) (access.Person, error)
}

// Sessions keeps logins.
type Sessions interface {
	// SessionByToken gives a session, ended or not, or [access.ErrNotFound].
	SessionByToken(ctx context.Context, hash []byte) (access.Session, error)
	Sessions(ctx context.Context, f access.SessionFilter) ([]access.Session, error)
	StartSession(ctx context.Context, s access.Session, e ...audit.Entry) error
	EndSessions(ctx context.Context, e grant.Effects) (int, error)
}

// Live says who a token is of.
type Live interface {
	// ByToken gives a live session and who has it, or [access.ErrNotFound]. Neither
	// may be changed.
	ByToken(ctx context.Context, hash []byte) (access.Session, access.Person, error)
	// Used notes a use. It does not fail.
	Used(id string, at time.Time, from netip.Addr)
	// Rotate gives the browser another token if that is due.
	Rotate(ctx context.Context, s access.Session, p access.Person, hash []byte) (token secret.Value, ok bool, err error)
	// Strange ends a session whose browser runs on quite another system than at the
	// login, and tells whether it did.
	Strange(ctx context.Context, s access.Session, system string) (bool, error)
}

// Administrators keeps those who run the server.
type Administrators interface {
	AdminByKey(ctx context.Context, hash []byte) (access.Administrator, error)
	// CreateAdmin uses up the set-up link with this hash: [access.ErrUsed] or
	// [access.ErrNotFound] when there is none to use.
	CreateAdmin(ctx context.Context, a access.Administrator, setupHash []byte, e ...audit.Entry) error
}

// Platform is WeChat as a login needs it. [WeChat] is the real one.
type Platform interface {
	// AuthorizeURL gives the address of door 1, QRConnectURL that of door 2.
	AuthorizeURL(app access.App, redirectURI, state string) (string, error)
	QRConnectURL(app access.App, redirectURI, state string) (string, error)
	// ExchangeCode asks once and never repeats. Its errors are read with
	// wechat.OutcomeOf.
	ExchangeCode(ctx context.Context, app access.App, appSecret, code secret.Value) (Answer, error)
	UserInfo(ctx context.Context, app access.App, token secret.Value, openid string) (access.Profile, error)
}

// Answer is what WeChat said about a code.
type Answer struct {
	Access, Refresh secret.Value
	AccessExpires   time.Time // counted from the start of the request
	OpenID          string
	UnionID         string // often empty
	Scope           string // as answered; may be empty or a list with commas
	Snapshot        bool   // a virtual user of WeChat's snapshot page: nobody
}

// Tally records refusals. It caps what a flood can write: strangers become
// one entry for each reason, address prefix and minute, and known callers one
// with a count. It fills in the stranger's id from the address. It must not
// block and does not fail.
type Tally interface {
	Refused(ctx context.Context, e audit.Entry, from netip.Addr)
}
