package proof

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// entry is one line of the audit log.
type entry struct {
	Seq   int64     `json:"-"`
	At    time.Time `json:"at"`
	Actor struct {
		Kind string `json:"kind"`
		ID   string `json:"id"`
	} `json:"actor"`
	Action  string            `json:"action"`
	Subject string            `json:"subject"`
	Outcome string            `json:"outcome"`
	Reason  string            `json:"reason"`
	Details map[string]string `json:"details"`
}

// readAudit decodes the entries. One that does not decode stays empty; that its
// leaf is another one is found by whoever checks the log.
func (e *evidence) readAudit() error {
	for _, r := range e.rows.entries {
		var x entry
		if json.Unmarshal(r.data, &x) != nil {
			x = entry{}
		}
		x.Seq = r.seq
		e.audit = append(e.audit, x)
	}
	return nil
}

// done tells whether the entry says that action was done to subject; an empty
// subject stands for any.
func (x entry) done(action, subject string) bool {
	return x.Action == action && x.Outcome == "done" && (subject == "" || x.Subject == subject)
}

// entryOf gives the first entry that fits.
func (e *evidence) entryOf(fits func(entry) bool) (entry, bool) { return first(e.audit, fits) }

// refusal gives the first refusal for a reason.
func (e *evidence) refusal(action, reason string) (entry, bool) {
	return e.entryOf(func(x entry) bool { return x.Action == action && x.Outcome == "refused" && x.Reason == reason })
}

// logins gives the entries of finished logins.
func (e *evidence) logins() []entry {
	var all []entry
	for _, x := range e.audit {
		if x.done("login", "") {
			all = append(all, x)
		}
	}
	return all
}

// session is the id of the session that a login began.
func (x entry) session() string { return strings.TrimPrefix(x.Subject, "session:") }

// kept is what one entry says of the tokens of one grant.
type kept struct {
	entry      entry
	generation int64
	digest     string // "none" when there are no tokens any more
}

// history gives everything that the audit log says of the tokens of a grant.
func (e *evidence) history(grant string) []kept {
	var all []kept
	for _, x := range e.audit {
		if k, ok := x.keeps(grant); ok {
			all = append(all, k)
		}
	}
	return all
}

// keeps reads "generation digest" in the details of an entry. An entry about
// one grant alone has the two in fields of their own.
func (x entry) keeps(grant string) (kept, bool) {
	k := kept{entry: x}
	if _, err := fmt.Sscanf(x.Details[grant], "%d %s", &k.generation, &k.digest); err == nil {
		return k, true
	}
	if x.Subject == "grant:"+grant && x.Details["digest"] != "" {
		_, err := fmt.Sscan(x.Details["generation"], &k.generation)
		k.digest = x.Details["digest"]
		return k, err == nil
	}
	return kept{}, false
}
