package grant

import (
	"errors"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// Effects is everything that follows from one decision. A store applies all of
// it in one transaction, or nothing.
type Effects struct {
	At          time.Time
	Settle      *Settlement
	Authorise   *Authorisation
	Revoke      []Revocation
	Forget      []Forgetting // after Revoke
	Login       *Login
	Open        *Opening // before Authorise, which may name its shop
	Ticket      *Ticket
	Authorizers []Authorizer
	Purchases   []access.Purchase // each replaces the one of the same app, service, shop and spec, unless that was seen later
	Events      []Event
	EndSessions []access.SessionFilter
	Notices     []notice.Notice
	Audit       []audit.Entry
}

// Settlement ends a lease. It is refused with [ErrLost] when Term is not the
// grant's newest or From is not its generation.
type Settlement struct {
	GrantID string
	Term    int64
	From    int64   // the generation that was kept when the claim was made
	Tokens  *Tokens // new tokens of generation From+1; nil keeps the old ones
	State   State
	Cause   Cause
	ErrCode int
	DueAt   time.Time // zero: never by itself
	Attempt int
	Proved  time.Time // as in Grant; a settle that learned nothing repeats what was there
	Doubts  int
	// Kills is what a revoked grant owes from now on, never more than before. Of any
	// other it is what was owed when the claim was made: what somebody asked for
	// since then has the grant looked at again at once.
	Kills int
	// Killed is how many of them WeChat answered under this lease, of a grant that is
	// not revoked.
	Killed int
	// Routine settles share one audit entry for each batch. The others bring
	// their own in Effects.Audit.
	Routine bool
}

// Authorisation makes a grant, or gives an existing one new tokens or a new
// start. For a user grant (App, OpenID, Scope) decides whether it exists, for an
// isv grant (App, Authorizer), for a self grant ShopID, for a component grant
// App. From is the generation that it replaces, 0 for a
// grant that has none; another generation is refused with [ErrLost].
type Authorisation struct {
	GrantID  string // of the existing grant, or a new id
	Kind     Kind
	App      string
	ShopID   string
	PersonID string
	OpenID   string
	Scope    string
	// Authorizer is as in [Grant].
	Authorizer string
	From       int64
	Tokens     *Tokens // nil: the keeper fetches them (self and component grants)
	DueAt      time.Time
}

// Revocation ends a grant. Its tokens are deleted.
type Revocation struct {
	GrantID string
	Cause   Cause
	// State is the state that it ends in: Revoked when empty, NeedsOwner when the
	// shop withdrew at WeChat and may authorise again there.
	State State
	// Kill has the tokens ended at WeChat too, by [Kills] forced refreshes of a
	// self grant. Until the last is spent the grant stays due, without tokens.
	Kill bool
}

// Forgetting deletes what WeChat told of a person: the openid, with the grants that
// hold it and the sessions and consents of its app, and name and face. Of a person whom
// no other app names all sessions and consents go. The person stays as our random id, with their roles. A
// person that nobody knows is forgotten already.
type Forgetting struct {
	App    string // our app id
	OpenID string
	// FaceOnly leaves everything but name and face: the next login takes those anew.
	FaceOnly bool
}

// Kills is how many forced refreshes end every token of a shop that may be
// alive: the first replaces the kept one, the second whatever came of a refresh
// that was under way. WeChat wants 30 seconds between them.
const Kills = 2

// Login is what a successful callback changes besides the grant.
type Login struct {
	StateHash []byte // the callback that this finishes; see Callback
	NewPerson string // id of the person to make, or empty
	Identity  access.Identity
	Session   access.Session
	Consent   *access.Consent
	// Take is the invitation that the person takes, with the code they are
	// shown.
	Take *Take
}

// Take binds an open invitation to a person.
type Take struct {
	InvitationID string
	PersonID     string
	Code         string // four digits
}

// Callback is the durable record that a state and a code were used. It is
// written before the code is exchanged, so that no crash and no second request
// can exchange it twice.
type Callback struct {
	App       string
	StateHash []byte
	CodeHash  []byte
	At        time.Time
	SessionID string // the session it led to; empty when it led to none
}

// Errors of transitions.
var (
	// ErrLost says that somebody else wrote first. Nothing was changed; read
	// again and decide again.
	ErrLost = errors.New("grant: another holder wrote first; read the grant again")
	// ErrLeased says that somebody else holds the lease.
	ErrLeased = errors.New("grant: another holder is refreshing it; wait for its result")
	// ErrNotFound says that there is no such grant.
	ErrNotFound = errors.New("grant: not found")
)
