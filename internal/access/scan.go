package access

import "time"

// ScanState is what became of a QR code of ours.
type ScanState string

// The states of a scan. A code that nobody answered has none: it is kept nowhere.
const (
	ScanApproved ScanState = "approved" // waits for the PC that shows the code
	ScanRefused  ScanState = "refused"  // the person said no, or picked a wrong number
	ScanTaken    ScanState = "taken"    // the PC has its session
)

// Scan is what a person answered on the phone to a QR code that a PC shows:
//
//	(nothing) ──the right number──► approved ──the PC asks──► taken
//	    └──no, or a wrong number──► refused
//
// It is answered once and taken once.
type Scan struct {
	ID       []byte // digest of what the code says
	State    ScanState
	PersonID string
	// SessionID is the session in which it was answered. When that ends first, an
	// approval is worth nothing.
	SessionID string
	At        time.Time
	Until     time.Time // when an approval that was not taken is worth nothing
}
