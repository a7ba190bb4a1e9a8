package access

import (
	"errors"
	"time"
)

// RequestKept is how long the answer to a request with a key is kept.
const RequestKept = 24 * time.Hour

// Request is one that makes something and carries a key of its sender's, so that
// sending it again makes nothing twice.
type Request struct {
	ID     []byte    // digest of the sender and the key
	Digest []byte    // of what is asked for
	At     time.Time // when it came first
	Until  time.Time // an answer that is not there by then will not come any more

	Status int    // of the answer; 0: there is none yet
	Kind   string // the answer's content type
	Answer []byte // sealed: what is made may have a key of its own, shown once
}

// Errors of requests with keys.
var (
	// ErrKeyReused says that the key came before, with another request.
	ErrKeyReused = errors.New("the key belongs to another request")
	// ErrInFlight says that the same request is being answered right now.
	ErrInFlight = errors.New("the same request is being answered")
	// ErrOutcomeUnknown says that whoever answered the same request never said what
	// came of it.
	ErrOutcomeUnknown = errors.New("nobody knows what came of the same request")
)

// Mark is a place in a list that is ordered by time, then by id.
type Mark struct {
	At time.Time
	ID string
}
