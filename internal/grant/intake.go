package grant

import (
	"errors"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
)

// Intake is one account of a third-party platform whose refresh token another
// system kept until now.
type Intake struct {
	Open *Opening // makes its shop; nil: the shop is there
	// Authorise is of an isv grant, with tokens. Its shop is the account's.
	Authorise  Authorisation
	Authorizer Authorizer
	// State is what the grant begins as: [Active], [Held] or [Followed]. Empty:
	// active.
	State State
}

// Standing is what is kept about one account of a third-party platform. What is
// not kept is zero.
type Standing struct {
	AppID      string
	Authorizer Authorizer
	Grant      Grant
	// Shop is the shop with this appid, or else the one whose id was asked for,
	// which is another account's then.
	Shop   access.Shop
	Tenant access.Tenant // of the shop
}

// AccountKey names an account, and the id that its shop is to have.
type AccountKey struct {
	AppID  string
	ShopID string // may be empty
}

// Handover moves isv grants between [Active], [Held] and [Followed], and a
// platform's own grant between the first two.
type Handover struct {
	At       time.Time
	GrantIDs []string
	To       State // active ones are due at At
	By       audit.Actor
}

// ErrShopTaken says that the shop of this id is another account's.
var ErrShopTaken = errors.New("grant: another account's shop has this id; choose another")
