package keeper

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Why no token is handed out. Test with [errors.Is]; the details are in
// [*Error].
var (
	// ErrNeedsOwner says that only the owner's new authorisation helps.
	ErrNeedsOwner = errors.New("the owner must authorise again; send them an invitation link")
	// ErrRevoked says that somebody ended the grant here.
	ErrRevoked = errors.New("the grant was revoked; authorise the shop again to use it")
	// ErrStopped says that an operator must mend a setting; Cause and ErrCode
	// say which.
	ErrStopped = errors.New("an operator must mend a setting; see the cause, then run doctor")
	// ErrHeld says that another system still renews the grant.
	ErrHeld = errors.New("another system renews the grant; take it over with: zhanggui grant mode")
	// ErrFollowed says that the other system that renews the grant does not give a
	// token that is of use.
	ErrFollowed = errors.New("another system renews the grant and gives no usable token; look there, or take the grant over with: zhanggui grant mode")
	// ErrUnknownShop says that there is no such shop or grant.
	ErrUnknownShop = errors.New("no grant is kept under this name; declare the shop first")
	// ErrNotYet says that a token may come later: WeChat or the database could
	// not answer, or a limit must pass. RetryAfter says how long.
	ErrNotYet = errors.New("no token can be had right now; repeat after the given time")
)

// Error says why there is no token for one grant. It wraps one of the
// sentinels above, and the cause below it if there is one.
type Error struct {
	Reason     error         // one of the sentinels
	GrantID    string        // empty for an unknown shop
	Cause      string        // machine readable, e.g. "ip_not_listed"; may be empty
	ErrCode    int           // WeChat's errcode, 0 when there was none
	RetryAfter time.Duration // set for ErrNotYet, ErrStopped and ErrFollowed: when it is looked at again
	Err        error         // what went wrong below; may be nil
}

// Error returns one line that ends with what to do next.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("keeper: ")
	if e.GrantID != "" {
		fmt.Fprintf(&b, "grant %s: ", e.GrantID)
	}
	if e.Cause != "" {
		fmt.Fprintf(&b, "%s: ", e.Cause)
	}
	if e.ErrCode != 0 {
		fmt.Fprintf(&b, "errcode %d: ", e.ErrCode)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, "%v: ", e.Err)
	}
	b.WriteString(e.Reason.Error())
	return b.String()
}

// Unwrap returns the reason and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Reason}
	}
	return []error{e.Reason, e.Err}
}

// notYet wraps a failure of the store or of a lease.
func notYet(grantID string, after time.Duration, err error) error {
	return &Error{Reason: ErrNotYet, GrantID: grantID, RetryAfter: after, Err: err}
}
