package stranger

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
)

// mostRecords bounds what is kept of one grant; older deaths are counted.
const mostRecords = 20

// Remission is how long nothing must happen before it counts as over.
const Remission = 24 * time.Hour

// Evidence is what is known of one grant.
type Evidence struct {
	ShopID  string     `json:"shop,omitempty"`
	App     string     `json:"app"`
	Kind    grant.Kind `json:"kind"`
	First   time.Time  `json:"first"`
	Last    time.Time  `json:"last"`
	Deaths  int        `json:"deaths"`
	Records []Record   `json:"records"` // the newest last
	Counts  []Count    `json:"counts,omitempty"`
	// Counted is when WeChat was last asked for its counts.
	Counted time.Time `json:"counted,omitzero"`
	Told    bool      `json:"told,omitempty"` // a human knows
}

// Count is WeChat's count of today's requests to a path beside ours.
type Count struct {
	Path string    `json:"path"`
	At   time.Time `json:"at"`
	Used int64     `json:"used"` // as WeChat says
	Ours int64     `json:"ours"` // as was counted here, to about a quarter of a minute
}

// More says that WeChat counts more than ours by more than ours may be wrong: what a
// server counted last before it was killed, and what is asked while a secret is tried.
func (c Count) More() bool { return c.Used > c.Ours+10+c.Ours/20 }

// read decodes a row. One that cannot be read begins anew: it is made of our own
// values only.
func read(s grant.Suspect) (Evidence, error) {
	var e Evidence
	if len(s.Evidence) == 0 {
		return e, nil
	}
	if err := json.Unmarshal(s.Evidence, &e); err != nil {
		return Evidence{}, fmt.Errorf("stranger: what is known of grant %s cannot be read: %w", s.GrantID, err)
	}
	return e, nil
}

// add takes in one more death.
func (e *Evidence) add(d grant.Death, r Record) {
	if e.Deaths == 0 {
		e.First = r.At
	}
	e.ShopID, e.App, e.Kind, e.Last = d.ShopID, d.App, d.Kind, r.At
	e.Deaths++
	e.Records = append(e.Records, r)
	if extra := len(e.Records) - mostRecords; extra > 0 {
		e.Records = e.Records[extra:]
	}
}

// Accuses gives the strongest record of the last day that a human is to know of, and
// whether there is one: something proven, or the second guess.
func (e Evidence) Accuses(now time.Time) (Record, bool) {
	guesses, last := 0, Record{}
	for _, r := range e.Records {
		if now.Sub(r.At) >= Remission {
			continue
		}
		switch r.Level {
		case Proven:
			last = r
		case Likely:
			if guesses++; last.Level != Proven {
				last = r
			}
		}
	}
	return last, last.Level == Proven || guesses >= 2
}

// Verdict is the strongest level of the last day.
func (e Evidence) Verdict(now time.Time) Level {
	rank := map[Level]int{Innocent: 1, Unknown: 2, Likely: 3, Proven: 4}
	best := Level("")
	for _, r := range e.Records {
		if now.Sub(r.At) < Remission && rank[r.Level] > rank[best] {
			best = r.Level
		}
	}
	return best
}

// Suspected gives the evidence of all grants of which something of the last day is
// proven or a guess, by grant.
func (w *Watch) Suspected(ctx context.Context) ([]Evidence, error) {
	rows, err := w.o.Store.Suspects(ctx)
	if err != nil {
		return nil, err
	}
	now := w.o.Now()
	var all []Evidence
	for _, row := range rows {
		if now.Sub(row.LastAt) >= Remission {
			continue
		}
		e, err := read(row)
		if v := e.Verdict(now); err == nil && (v == Proven || v == Likely) {
			all = append(all, e)
		}
	}
	return all, nil
}
