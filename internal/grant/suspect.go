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
