package grant

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
)

// Kind says which credential a grant holds.
type Kind string

// The kinds of grant.
const (
	Self      Kind = "self"      // a shop's own AppID and AppSecret
	User      Kind = "user"      // a person's access and refresh token
	ISV       Kind = "isv"       // what a shop authorised a third-party platform to
	Component Kind = "component" // a third-party platform itself: AppSecret and ticket
)

// State says whether a grant yields tokens; see the package comment.
type State string

// The states of a grant.
const (
	Active     State = "active"
	Stopped    State = "stopped"     // an operator must mend something; Cause says what
	NeedsOwner State = "needs_owner" // the owner must authorise again
	Revoked    State = "revoked"     // ended here, by somebody
	// Held grants are kept for the day on which another system hands them over:
	// nobody asks WeChat with them, and nobody is served.
	Held State = "held"
	// Followed grants are another system's to renew too, and are served with the
	// access tokens that it keeps.
	Followed State = "followed"
)

// Elsewhere tells whether another system renews the grant: nobody here asks
// WeChat for tokens with it.
func (s State) Elsewhere() bool { return s == Held || s == Followed }

// Tokens is what a grant keeps of WeChat's answer, sealed. The zero Tokens is
// a grant that never had one.
type Tokens struct {
	Generation    int64 // of these tokens; 0 when there are none
	Access        []byte
	AccessExpires time.Time
	Refresh       []byte // user and isv grants
	// RefreshIssued is when the code was exchanged. It never moves on a
	// refresh: the 30 days are not renewable.
	RefreshIssued  time.Time
	RefreshExpires time.Time
}

// Digest names exactly these tokens. It stands in the audit log beside the
// settle that wrote them, so that an old row put back is noticed.
func (t Tokens) Digest() string {
	h := sha256.New()
	for _, part := range [][]byte{
		binary.BigEndian.AppendUint64(nil, uint64(t.Generation)),
		t.Access, millis(t.AccessExpires), t.Refresh, millis(t.RefreshIssued), millis(t.RefreshExpires),
	} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func millis(t time.Time) []byte {
	if t.IsZero() {
		return nil
	}
	return binary.BigEndian.AppendUint64(nil, uint64(t.UnixMilli()))
}

// Lease is the right to refresh one grant until a time. Terms of one grant
// count up and are never used twice.
type Lease struct {
	Owner string // names the process
	Term  int64
	Until time.Time
}

// Grant is one durable authorisation as it is stored.
type Grant struct {
	ID     string
	Kind   Kind
	App    string // our app id
	ShopID string // self and isv grants
	// Authorizer is WeChat's id of the account that authorised the platform App;
	// isv grants.
	Authorizer string
	PersonID   string // user grants
	OpenID     string // user grants
	Scope      string // user grants
	State      State
	Cause      Cause // why it is not active, or why the last try failed; machine readable
	ErrCode    int   // WeChat's, of the last failure; 0 when there was none
	Tokens     Tokens
	DueAt      time.Time // when the keeper looks at it next; zero: never
	Attempt    int       // failures in a row
	Lease      Lease     // the newest; see Settled
	// SettledTerm is the newest term that was settled. A smaller number than
	// Lease.Term with the lease over means that an outcome is unknown.
	SettledTerm int64
	Proved      time.Time // when WeChat last took the kept token, as far as was written down; zero: never
	Doubts      int       // definite refusals since then
	Used        time.Time // the last use that was written down; kept only where unused grants may sleep
	Kills       int       // forced refreshes that are still owed to end all tokens at WeChat, see [Kills]
	CreatedAt   time.Time
	UpdatedAt   time.Time
	SettledAt   time.Time // when the last lease was settled; zero: not known
}

// Claim is a grant that the caller alone may refresh until Lease.Until.
type Claim struct {
	Grant Grant
	App   access.App // with its sealed secret
	// Unsettled says that the term before this one ended without a settle: a
	// request may have been sent and its answer lost.
	Unsettled bool
}

// ClaimRequest asks for the right to refresh.
type ClaimRequest struct {
	Owner string
	Now   time.Time
	For   time.Duration // length of the lease
	Limit int           // how many grants at most; ignored when one is named
}

// Force is one forced refresh in the ledger.
type Force struct {
	At time.Time
	By string // who spent it, e.g. "client:erp"
}

// Filter picks grants. Fields that are set must all match; the zero Filter
// picks every grant.
type Filter struct {
	PersonID string
	ShopID   string
	Kind     Kind
	State    State
}
