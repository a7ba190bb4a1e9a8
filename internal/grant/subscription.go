package grant

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// Subscription is what a client wants to hear of its shops, and where it is sent
// to. Everything up to Cursor is over: taken, given up, or held back with its shop.
type Subscription struct {
	ID     string
	Client string
	URL    string
	// Events are names, or beginnings of names with a * behind them.
	Events []string
	// AllowPrivate lets URL be in a private network. Only an operator says so.
	AllowPrivate bool
	// Secret is what bodies are signed with, sealed with SecretVersion. Previous
	// is the one before, of the version before; bodies are signed with it too
	// until PreviousEnds.
	Secret        []byte
	SecretVersion int64
	Previous      []byte
	PreviousEnds  time.Time
	State         SubscriptionState
	Why           string // why it is off; machine readable
	Cursor        int64  // the id of an event
	// Failures counts pauses in a row: nothing was taken before any of them.
	Failures   int
	PauseUntil time.Time // nothing is sent before
	CreatedAt  time.Time
}

// NewSubscription is a subscription that somebody wants; its fields are those of
// [Subscription].
type NewSubscription struct {
	Client       string
	URL          string
	Events       []string
	AllowPrivate bool
}

// SubscriptionState says whether a subscription sends.
type SubscriptionState string

// The states of a subscription.
const (
	SubscriptionOn  SubscriptionState = "on"
	SubscriptionOff SubscriptionState = "off" // the receiver said that it is gone; what comes meanwhile is sent when it is on again
)

// ErrTooMany says that a client has as many subscriptions as it may have.
var ErrTooMany = errors.New("grant: the client has as many subscriptions as it may have; remove one first")

// Wants tells whether a name is subscribed to.
func (s Subscription) Wants(name string) bool { return NameIn(s.Events, name) }

// NameIn tells whether one of the patterns, as in [Subscription], is of the name.
func NameIn(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		beginning, open := strings.CutSuffix(p, "*")
		return p == name || open && strings.HasPrefix(name, beginning)
	})
}

// HeldShop is a shop of a subscription whose events wait behind one that was not
// taken. Other shops go on.
type HeldShop struct {
	ShopID  string
	EventID int64 // where the shop goes on
	Attempt int   // failed ones, of that event
	DueAt   time.Time
	Reason  string // of the last
}

// DeadLetter is an event that was given up for one subscription.
type DeadLetter struct {
	Event   Event
	Attempt int
	Reason  string
	At      time.Time // when it was given up
	AgainAt time.Time // when it is sent once more; zero: not
}

// DueSubscription is one that somebody may send to now.
type DueSubscription struct {
	Subscription Subscription // its id, client, events and cursor
	// Waiting says that held shops or dead letters are due. Without it there are only
	// events behind the cursor.
	Waiting bool
}

// RelayRequest asks for the right to send to one subscription.
type RelayRequest struct {
	SubscriptionID string
	Owner          string
	Now            time.Time
	For            time.Duration // length of the lease
	Again          int           // how many dead letters at most
	// Revision is the directory's for which the client's shops are known already.
	Revision int64
}

// RelayClaim is the right to send to one subscription for a bounded time. Nobody
// else sends to it meanwhile.
type RelayClaim struct {
	Subscription Subscription
	Client       access.Client // as it is now; its shops only if Revision is not the one asked with
	Revision     int64         // of the directory
	Term         int64         // 0: somebody else sends, or nothing may be sent
	Held         []HeldShop
	Again        []DeadLetter // that are to be sent once more
}

// RelaySettlement ends a claim with what came of it. It is refused with [ErrLost]
// when another term began meanwhile.
type RelaySettlement struct {
	SubscriptionID string
	Term           int64
	At             time.Time
	Cursor         int64
	Hold           []HeldShop // each replaces what was kept of its shop
	Free           []string
	Bury           []DeadLetter // each replaces what was kept of its event
	Dig            []int64      // events of dead letters that were taken after all
	Failures       int
	PauseUntil     time.Time
	// Wake says that the receiver is back: what is held is due now.
	Wake    bool
	Off     string // why it is switched off; empty: it is not
	Notices []notice.Notice
	Audit   []audit.Entry
}

// Invalid is what is wrong with something that a caller wrote, in fixed words.
type Invalid struct {
	EN, ZH string
}

// Error gives the English words.
func (i *Invalid) Error() string { return i.EN }
