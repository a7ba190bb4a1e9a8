package grant

import (
	"encoding/json"
	"time"
)

// Suspect is a grant of which a token died although it should live, with what is
// known of it.
type Suspect struct {
	GrantID  string
	LastAt   time.Time       // of the last death
	Evidence json.RawMessage // package stranger reads and writes it
}

// Death is a kept token that WeChat refused, or did not name any more, long before its
// end, with what the same attempt learned of it. Nothing was asked for the sake of it:
// times are of this process's clock, and what is not known is zero.
type Death struct {
	GrantID    string
	ShopID     string
	App        string // our id of the app
	Kind       Kind
	Generation int64     // of the dead token
	End        time.Time // when it should have died

	Seen   time.Time // when it was found dead
	Probed bool      // WeChat refused it in a read of ours; else it only named another one

	// Quiet is since when nobody here asked WeChat for a token of the grant, until
	// Begin: the leases between are settled. Zero: one ended without a word, and what
	// came of its request is not known.
	Quiet time.Time
	Begin time.Time // of the lease

	Asked time.Time     // when WeChat was asked without force
	Took  time.Duration // that request
	Life  time.Duration // what WeChat said is left of the token that it named; 0: it named none
	Same  bool          // that was the dead token
	Full  time.Duration // the longest life that this process ever saw WeChat give a self grant
	Code  int           // of WeChat's refusal, when it named none
	// Rotated says that the refresh token of an isv grant was replaced, and not here.
	Rotated bool
}
