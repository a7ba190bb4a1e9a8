package grant

import "time"

// Reconciliation is what a comparison of a third-party platform's authorisers
// here with WeChat's own list found.
type Reconciliation struct {
	App    string
	At     time.Time
	DryRun bool // nothing was written
	// Complete says that the whole list was seen. Only then does an account that
	// is not on it count as missing.
	Complete bool
	Total    int // accounts, as WeChat counts them
	Listed   int // accounts seen on the list
	Kept     int // accounts here that have a grant or are no shop
	// Counts are the differences by kind, all of them.
	Counts map[Difference]int
	// Found are the first [MaxFound] differences.
	Found []Found
}

// MaxFound is how many differences a [Reconciliation] tells one by one.
const MaxFound = 1000

// Found is one account that is not as WeChat's list says.
type Found struct {
	AppID  string // WeChat's id of the account
	ShopID string // empty when there is no shop for it
	What   Difference
}

// Difference is a kind of [Found].
type Difference string

// The kinds of difference. Those that lead to something are adopted or ended by
// the run that found them, or soon after it.
const (
	// FoundUnknown is listed and was never heard of: its push was lost. It is
	// adopted.
	FoundUnknown Difference = "unknown"
	// FoundReturned is listed and was withdrawn: it authorised again. It is
	// adopted.
	FoundReturned Difference = "returned"
	// FoundLost is listed, and the refresh token here is gone or another one. It is
	// adopted again.
	FoundLost Difference = "lost"
	// FoundUnchanged is listed with the very refresh token that WeChat refuses:
	// only its owner can mend that.
	FoundUnchanged Difference = "unchanged"
	// FoundRevoked is listed, and its grant was revoked here. It stays revoked.
	FoundRevoked Difference = "revoked"
	// FoundWithdrawn is not listed, and WeChat confirms that it did not authorise
	// the platform. It is withdrawn.
	FoundWithdrawn Difference = "withdrawn"
	// FoundUnclear is not listed, and WeChat does not confirm it. It stays.
	FoundUnclear Difference = "unclear"
)

// Note counts a difference, and keeps it while there is room.
func (r *Reconciliation) Note(f Found) {
	if r.Counts == nil {
		r.Counts = map[Difference]int{}
	}
	r.Counts[f.What]++
	if len(r.Found) < MaxFound {
		r.Found = append(r.Found, f)
	}
}
