package notice

import (
	"cmp"
	"slices"
	"time"
)

// Severity says how much a message matters.
type Severity string

// The severities, the least first.
const (
	Info     Severity = "info"     // good to know; nobody needs to do anything
	Warning  Severity = "warning"  // somebody should look at it in working hours
	Critical Severity = "critical" // somebody must act now, at night too
)

// Severities lists them, the least first.
func Severities() []Severity { return []Severity{Info, Warning, Critical} }

// AtLeast tells whether s matters as much as o. An unknown severity, as a newer
// version may have written it, matters most: nobody misses it.
func (s Severity) AtLeast(o Severity) bool {
	all := Severities()
	i := slices.Index(all, s)
	return i < 0 || i >= slices.Index(all, o)
}

// Phase says where in the life of an alert a message stands.
type Phase string

// The phases.
const (
	Raised   Phase = "raised"   // it began; also an event that is told by itself
	Grown    Phase = "grown"    // it concerns much more than was told
	Reminded Phase = "reminded" // it is still open
	Over     Phase = "over"     // it is over
)

// MaxSubjects is how many subjects a message names; Count tells how many facts
// there are.
const MaxSubjects = 10

// Message is what a channel is given to send: a notice, and what is known of the
// alert that it belongs to. It holds no secret. Names of shops and people are not
// in it; a channel that writes them takes them for text of strangers.
type Message struct {
	// ID is the same at every attempt and for every channel; see [MessageID].
	ID string
	// Notice is the fact that the message is about: the first of an alert that is
	// raised, the last of one that has grown, what ended one that is over.
	Notice   Notice
	Phase    Phase
	Severity Severity
	// Alert is the alert's id, the same in all its messages; 0 for an event that is
	// told by itself.
	Alert int64
	// About is the kind of the alert. It differs from the notice's in a message
	// that says that it is over.
	About Kind
	// Count is how many facts the alert has counted so far, at least 1.
	Count int
	// Since is when the alert began.
	Since time.Time
	// Subjects are the first that the alert is about, at most [MaxSubjects].
	Subjects []string
	// Shop and Tenant are set when all that the alert is about belongs to one.
	Shop, Tenant string
	// Runbook is the address of the page that says what to do; empty if there is
	// none.
	Runbook string
	// Direct is the server that sends it past a store that fails, in words that people
	// know it by; empty: the store owes it.
	Direct string
}

// Cause is the kind of what the message is about in the end: of one that says that
// something is over, the kind of what began it.
func (m Message) Cause() Kind {
	about := cmp.Or(m.About, m.Notice.Kind)
	if was := Kind(m.Notice.Details[DetailWas]); about == AlertOver && was != "" {
		return was
	}
	return about
}
