package audit

import (
	"encoding/json"
	"fmt"
	"time"
)

// Actor says who did something, by an id of ours: never an openid, a name or
// an address, so that a person can be deleted while the log stays whole.
type Actor struct {
	Kind string `json:"kind"` // one of the Actor… constants
	ID   string `json:"id,omitempty"`
}

// The kinds of actor.
const (
	ActorSystem   = "system"   // the keeper and other work nobody asked for
	ActorAdmin    = "admin"    // an administrator; ID is the administrator's id
	ActorPerson   = "person"   // a person logged in; ID is our random person id
	ActorShop     = "shop"     // somebody whom the service market sent; ID is the shop, nobody knows the human
	ActorClient   = "client"   // a program with a client key; ID is the client's id
	ActorStranger = "stranger" // somebody we do not know; ID is an address prefix digest
	ActorOperator = "operator" // the person at the server, over the admin socket
)

// Outcome says how an action ended.
type Outcome string

// The outcomes of an action.
const (
	Done    Outcome = "done"
	Refused Outcome = "refused"
	Failed  Outcome = "failed"
	Unknown Outcome = "unknown" // asked, and no answer came
)

// Entry is one line of the audit log. It is written in the transaction of the
// change it records. Subject and Details hold ids of ours, error codes and
// counts, never personal data and never a secret.
type Entry struct {
	At      time.Time         `json:"at"`
	Actor   Actor             `json:"actor"`
	Action  string            `json:"action"`            // dotted, e.g. "grant.settle"
	Subject string            `json:"subject,omitempty"` // e.g. "grant:g_x", "shop:lantian"
	Outcome Outcome           `json:"outcome"`
	Reason  string            `json:"reason,omitempty"` // short, machine readable
	Details map[string]string `json:"details,omitempty"`
	Count   int64             `json:"count,omitempty"` // how many alike this entry stands for; 0 means 1
}

// Encode gives the bytes that become the Merkle tree leaf. They are stored as
// they are and never made again, so their form may grow without breaking old
// leaves: keys sorted, times in UTC with milliseconds.
func (e Entry) Encode() ([]byte, error) {
	e.At = e.At.UTC().Truncate(time.Millisecond)
	b, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("audit: encode entry %q: %w", e.Action, err)
	}
	return b, nil
}

// Decode reads what [Entry.Encode] wrote.
func Decode(b []byte) (Entry, error) {
	var e Entry
	if err := json.Unmarshal(b, &e); err != nil {
		return Entry{}, fmt.Errorf("audit: decode entry: %w", err)
	}
	return e, nil
}
