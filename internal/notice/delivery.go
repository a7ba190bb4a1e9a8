package notice

import (
	"fmt"
	"strings"
	"time"
)

// State says how far the sending of one notice to one channel is.
type State string

// The states of a delivery.
const (
	Pending State = "pending" // not sent, or not known to be
	Sent    State = "sent"    // the channel took it
	Failed  State = "failed"  // given up; Reason says why
)

// ReasonGone is why deliveries to a channel failed that was removed.
const ReasonGone = "channel removed"

// Delivery is one notice on its way to one channel.
type Delivery struct {
	NoticeID int64
	Channel  string
	State    State
	Attempt  int       // how often it was tried
	Due      time.Time // of the next attempt, while pending
	Done     time.Time // when it was sent or given up
	Reason   string    // why the last attempt failed, in a few fixed words
}

// Record is a notice with its deliveries.
type Record struct {
	ID     int64
	Notice Notice
	// Over is when the last delivery was done; zero while one is pending.
	Over       time.Time
	Deliveries []Delivery
}

// MessageID is how receivers tell a notice that they got before. It is the same
// for every attempt and every channel; the time in it keeps the notices of
// another database apart.
func MessageID(id int64, at time.Time) string {
	return fmt.Sprintf("n_%d_%d", id, at.UnixMilli())
}

// Request asks for what is due to one channel.
type Request struct {
	Channel string
	Owner   string // of the lease
	Now     time.Time
	For     time.Duration
	Limit   int
}

// Claim is the right to send to one channel for a bounded time. Nobody else
// sends to it meanwhile. Items are in the order of their notices.
type Claim struct {
	Channel string
	Term    int64
	Items   []Item
}

// Item is a claimed delivery.
type Item struct {
	ID      int64 // of the notice
	Message       // what to send; its own ID is [Message.ID]
	Attempt int   // attempts before this one
	// Reason is why the last attempt failed, and [LeftOf] it who is still to get the
	// message.
	Reason string
}

// Settlement ends a claim with what became of its items. Those that are not named
// stay as they were.
type Settlement struct {
	Channel string
	Term    int64
	At      time.Time
	Results []Result
}

// Result is what one attempt, or the decision not to try yet, came to.
type Result struct {
	ID      int64
	From    int // the attempts that were read with the claim
	Attempt int // attempts by now
	State   State
	Due     time.Time // of the next attempt, if pending
	Reason  string
	// Partly says that the place takes messages, and what is pending is owed to some of
	// its receivers.
	Partly bool
}

// WithLeft adds to a reason which of a channel's receivers are still to get a message.
func WithLeft(reason string, left []string) string {
	if len(left) == 0 {
		return reason
	}
	return reason + " [" + strings.Join(left, " ") + "]"
}

// LeftOf gives what [WithLeft] added; none: everybody is to get it.
func LeftOf(reason string) []string {
	open := strings.LastIndexByte(reason, '[')
	if open < 0 || !strings.HasSuffix(reason, "]") {
		return nil
	}
	return strings.Fields(reason[open+1 : len(reason)-1])
}

// Tried is what one channel made of a test.
type Tried struct {
	Channel string
	Taken   bool
	Reason  string // why it was not taken
	Took    time.Duration
}
