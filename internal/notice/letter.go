package notice

import "time"

// Letter is a message to an owner in WeChat: of one kind of fact, for all shops that
// they own together. It names our ids alone; how WeChat knows the person stays in the
// rows that are deleted with them.
type Letter struct {
	ID       string
	PersonID string
	Kind     Kind
	ShopID   string // one of those that it is about
	Shops    int    // how many they are
	App      string // whose message it is
	State    LetterState
	Reason   string // why it was not sent, as a slug or an errcode
	At       time.Time
}

// LetterState says what became of a letter.
type LetterState string

// The states of a letter.
const (
	LetterSending LetterState = "sending" // on its way; also when the server died meanwhile
	LetterSent    LetterState = "sent"    // WeChat took it
	LetterRefused LetterState = "refused" // the person wants none: does not follow, or did not agree
	LetterFailed  LetterState = "failed"  // the app cannot send it as it is set up
	LetterDelayed LetterState = "delayed" // WeChat was away or busy; another one is made later
)

// Outgoing is a letter with whom it is for, which is kept nowhere else.
type Outgoing struct {
	Letter
	OpenID string
}

// LetterEvery is how long after a letter the next one of its kind may leave.
const LetterEvery = 24 * time.Hour
