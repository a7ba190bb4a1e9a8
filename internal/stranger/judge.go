package stranger

import (
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
)

// Level is how much a death says.
type Level string

// The levels.
const (
	Innocent Level = "innocent" // something else explains it
	Unknown  Level = "unknown"  // nothing speaks of somebody else
	Likely   Level = "likely"   // somebody else is a guess
	Proven   Level = "proven"   // no request of ours explains it
)

// Reason says why, for programs; its words are in words.go.
type Reason string

// The reasons.
const (
	ReasonStranger  Reason = "made_by_somebody_else"
	ReasonClock     Reason = "clock_unsure"
	ReasonLife      Reason = "life_unsure"
	ReasonRotated   Reason = "refresh_replaced"
	ReasonComponent Reason = "component_replaced"
	ReasonOurs      Reason = "our_forced_refresh"
	ReasonNatural   Reason = "near_its_end"
	ReasonOurAsk    Reason = "made_for_our_request"
	ReasonUnsettled Reason = "our_request_open"
	ReasonNamed     Reason = "still_named"
	ReasonRefused   Reason = "wechat_refuses"
	ReasonNoAnswer  Reason = "no_answer"
	ReasonOddLife   Reason = "odd_life"
	ReasonAccount   Reason = "account_token"
)

// FullLife is how long a new stable token lives.
const FullLife = 2 * time.Hour

// The margins of a judgement. Each is on the side of not accusing.
const (
	lifeSlack   = 5 * time.Second  // under FullLife, that still counts as full
	afterQuiet  = 2 * time.Minute  // a request of before may reach WeChat so late
	beforeBegin = 30 * time.Second // our own request, and clocks of replicas
	naturalEnd  = 6 * time.Minute  // in which WeChat replaces a token by itself; it says five
	forceBefore = 10 * time.Minute // a forced refresh in the ledger may reach WeChat so late
	forceAfter  = time.Minute
)

// Known is what is known beside a death.
type Known struct {
	Forces []grant.Force // of the grant, since a day at least
	Steady time.Time     // since when the clock ran steadily and was right; zero: it is not
}

// Record is a judged death.
type Record struct {
	At         time.Time `json:"at"`
	Generation int64     `json:"generation"`
	Level      Level     `json:"level"`
	Reason     Reason    `json:"reason"`
	Probed     bool      `json:"probed"`         // WeChat refused the token in a read of ours
	Code       int       `json:"code,omitempty"` // with which WeChat refused to name a token
	// QuietFrom and QuietTo are between which nobody here asked WeChat for a token.
	QuietFrom time.Time `json:"quiet_from,omitzero"`
	QuietTo   time.Time `json:"quiet_to,omitzero"`
	// MadeFrom and MadeTo are between which the token was made that WeChat names now.
	MadeFrom time.Time `json:"made_from,omitzero"`
	MadeTo   time.Time `json:"made_to,omitzero"`
	End      time.Time `json:"end"` // when the dead token should have ended
}

// Judge says what a death means.
func Judge(d grant.Death, k Known) Record {
	r := Record{At: d.Seen, Generation: d.Generation, Probed: d.Probed, Code: d.Code, QuietFrom: d.Quiet, QuietTo: d.Begin, End: d.End}
	switch {
	case d.Rotated:
		return r.because(Likely, ReasonRotated)
	case d.Kind == grant.Component:
		return r.because(Likely, ReasonComponent)
	case d.Kind != grant.Self:
		return r.because(Unknown, ReasonAccount)
	case d.Code != 0:
		return r.because(Unknown, ReasonRefused)
	case d.Asked.IsZero() || d.Life <= 0:
		return r.because(Unknown, ReasonNoAnswer)
	case d.Same:
		return r.because(Unknown, ReasonNamed)
	case d.Life > FullLife:
		return r.because(Unknown, ReasonOddLife)
	}
	// WeChat counts whole seconds, from when it has the request.
	r.MadeFrom = d.Asked.Add(d.Life - FullLife)
	r.MadeTo = r.MadeFrom.Add(d.Took + time.Second)
	return r.byTime(d, k)
}

// byTime compares when the token was made with what was done here.
func (r Record) byTime(d grant.Death, k Known) Record {
	switch {
	case forced(k.Forces, r.MadeFrom.Add(-forceBefore), r.MadeTo.Add(forceAfter)):
		return r.because(Innocent, ReasonOurs)
	case r.MadeTo.After(d.Begin.Add(-beforeBegin)):
		return r.because(Unknown, ReasonOurAsk)
	case r.MadeTo.After(d.End.Add(-naturalEnd)):
		return r.because(Innocent, ReasonNatural)
	case d.Quiet.IsZero() || r.MadeFrom.Before(d.Quiet.Add(afterQuiet)):
		return r.because(Unknown, ReasonUnsettled)
	case k.Steady.IsZero() || k.Steady.After(d.Quiet):
		return r.because(Likely, ReasonClock)
	case d.Full < FullLife-lifeSlack:
		return r.because(Likely, ReasonLife)
	}
	return r.because(Proven, ReasonStranger)
}

func (r Record) because(l Level, why Reason) Record {
	r.Level, r.Reason = l, why
	return r
}

// forced tells whether one of our forced refreshes was spent between two times.
func forced(all []grant.Force, from, to time.Time) bool {
	for _, f := range all {
		if !f.At.Before(from) && !f.At.After(to) {
			return true
		}
	}
	return false
}
