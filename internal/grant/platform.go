package grant

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
)

// Ticket is a component_verify_ticket, which WeChat pushes to a third-party
// platform every ten minutes. The platform's token is asked for with it. Each
// lives [TicketLife]; the newest and the one before are kept.
type Ticket struct {
	App       string
	CreatedAt time.Time // WeChat's CreateTime; pushes come late and twice, so it alone decides which is newer
	Value     []byte    // sealed for its app and CreatedAt
	SeenAt    time.Time
}

// TicketLife is how long a ticket can be used:
// developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/api/Before_Develop/component_verify_ticket.
const TicketLife = 12 * time.Hour

// Authorizer is an account that authorised a third-party platform, and what is
// still to be found out about it. It is written by whoever decides about it; the
// keeper keeps its tokens in the grant (App, AppID).
type Authorizer struct {
	App   string // our id of the platform
	AppID string // WeChat's id of the account
	// Version counts writes. A write names the version that it replaces, 0 for a
	// new row, and is refused with [ErrLost] if another is kept by then.
	Version int64
	State   AuthorizerState
	Account Account
	Name    string
	ShopID  string  // of a shop that was opened for it
	Sets    []int64 // permission sets (权限集) as last told, sorted
	// EventAt is the CreateTime of the newest event that was applied. An older
	// one changes nothing.
	EventAt time.Time
	// Code is the authorization code of that event, sealed, until it is used or
	// CodeEnds.
	Code     []byte
	CodeEnds time.Time
	// DueAt is when somebody must look at it: to use Code, to find what an event
	// did not tell, or to try again. Zero: not by itself.
	DueAt   time.Time
	Attempt int
	Cause   Cause // why the last try failed; machine readable
	// CheckedAt is when WeChat last told what the account is.
	CheckedAt time.Time
}

// AuthorizerState says how an authoriser stands to the platform.
type AuthorizerState string

// The states of an authoriser.
const (
	AuthorizerNew       AuthorizerState = "new"       // heard of; its tokens are not here yet
	AuthorizerKept      AuthorizerState = "kept"      // authorised, with a grant
	AuthorizerForeign   AuthorizerState = "foreign"   // authorised, but no shop: kept in mind, not used
	AuthorizerWithdrawn AuthorizerState = "withdrawn" // ended at WeChat
)

// Account is the kind of a WeChat account.
type Account string

// The kinds of account that we tell apart.
const (
	AccountUnknown Account = ""
	AccountShop    Account = "shop"  // 微信小店: WeChat tells its store_info
	AccountOther   Account = "other" // 公众号, 小程序, 视频号, 带货助手
	// AccountLinked is no shop, and authorised the platform by a [Link] that was
	// made here: it is kept like a shop.
	AccountLinked Account = "linked"
)

// Opening makes the tenant and the shop of an account that authorised a platform
// and that nobody declared. What is there already stays as it is.
type Opening struct {
	Tenant access.Tenant
	Shop   access.Shop
}

// Push is one push of WeChat as decided: what follows from it, if it was not seen
// before.
type Push struct {
	App     string
	Digest  []byte    // of the decrypted bytes; (App, Digest) is seen once
	At      time.Time // when it arrived
	Effects Effects
}

// ErrSeen says that a push was recorded before. Nothing was changed.
var ErrSeen = errors.New("grant: this push was recorded before")

// Event is what clients may hear of: a push of WeChat about a shop, or something
// that happened here. Its body holds no credential.
type Event struct {
	// ID orders the events: a later one has a larger one, and what is readable
	// has no gap that is filled later. The store gives it.
	ID     int64
	App    string // our id of the app that it came through; empty for our own
	ShopID string
	AppID  string    // WeChat's id of the shop; empty for our own
	Name   string    // WeChat's Event, or ours with a dot in it, e.g. "grant.healed"
	At     time.Time // WeChat's CreateTime, or when it happened
	SeenAt time.Time
	Body   json.RawMessage
	Client string // the one client that may hear it; empty: all that hold the shop
}
