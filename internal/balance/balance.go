package balance

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// StaleAfter is how long after the settle of a newer token an older one may
// still be used: replicas hear of each other within half a second.
const StaleAfter = time.Second

// Balance is the judgement on a run. Problems says everything that does not
// hold; the counts beside it are for people.
type Balance struct {
	Asked   int `json:"asked"`   // token requests in the emulator's ledger
	Due     int `json:"due"`     // terms that asked because it was time
	Died    int `json:"died"`    // terms that asked because the token had been ended
	Unknown int `json:"unknown"` // terms of which the audit log says so
	Absent  int `json:"absent"`  // unknown terms of which no request is in the ledger
	Late    int `json:"late"`    // requests that came after their term was over; part of Asked
	Renewed int `json:"renewed"` // settles that brought a new generation
	Refused int `json:"refused"` // terms that were answered and brought nothing; part of Due and Died

	Lost       int `json:"lost"`        // grants that do not keep what the emulator honours
	Stale      int `json:"stale"`       // stale answers
	StaleBlind int `json:"stale_blind"` // the same, by replicas that could not know
	Early      int `json:"early"`       // uses of a token before it was durable

	Calls      int `json:"calls"`
	Failed     int `json:"failed"`      // calls that did not bring what was wanted
	FailedCalm int `json:"failed_calm"` // of them, those when nothing was broken
	Wrong      int `json:"wrong"`       // answers of another shop

	Problems []string `json:"problems"`
}

// OK tells whether everything held.
func (b *Balance) OK() bool { return len(b.Problems) == 0 }

func (b *Balance) problem(format string, args ...any) {
	b.Problems = append(b.Problems, fmt.Sprintf(format, args...))
}

// Judge weighs a run.
func Judge(h History) Balance {
	b := Balance{Asked: len(h.Requests), Problems: slices.Clone(h.Problems)}
	stories := map[string]*story{}
	var lease time.Duration
	if h.Timed {
		lease = h.Lease
	}
	for grant, changes := range group(h.Changes, func(c Change) string { return c.Grant }) {
		stories[grant] = tell(grant, lease, changes)
	}
	requests := group(h.Requests, func(r Request) string { return r.Grant })
	deaths := group(h.Deaths, func(d Death) string { return d.Grant })
	unknown := group(h.Unknown, func(u Unknown) string { return u.Grant })
	spooled := group(h.Spooled, func(s Spooled) string { return s.Grant })
	for grant, list := range requests {
		if stories[grant] == nil {
			b.problem("%d requests for a token of %q, which is no grant", len(list), grant)
		}
	}
	for _, grant := range sorted(stories) {
		s := stories[grant]
		s.attach(requests[grant])
		s.keepOnDisk(spooled[grant])
		b.note(s, unknown[grant])
		b.weigh(s, h.Life, deaths[grant])
		b.Problems = append(b.Problems, s.problems...)
	}
	b.uses(h.Uses, stories)
	b.kept(h.Kept)
	b.calls(h, stories, deaths)
	if b.Asked > b.Due+b.Died+b.Unknown {
		b.problem("asked %d > due %d + died %d + unknown %d", b.Asked, b.Due, b.Died, b.Unknown)
	}
	return b
}

// note marks the terms of which the audit log says that nobody knows.
func (b *Balance) note(s *story, unknown []Unknown) {
	for _, u := range unknown {
		i := slices.IndexFunc(s.terms, func(t *term) bool { return t.n == u.Term })
		switch {
		case i < 0:
			s.problem("the audit log calls term %d unknown, which nobody held", u.Term)
		case s.terms[i].unknown:
			s.problem("the audit log calls term %d unknown twice", u.Term)
		default:
			s.terms[i].unknown = true
			b.Unknown++
		}
	}
}

// weigh counts what the terms of a grant came to, and holds the requests
// against it.
func (b *Balance) weigh(s *story, life time.Duration, deaths []Death) {
	var kept keeping
	if !s.begun.IsZero() {
		kept = keeping{since: s.begun, asked: s.begun, ends: s.begun.Add(life)}
	}
	for _, r := range s.homeless {
		s.problem("replica %d asked at %s without a term", r.Replica, clock(r.At))
	}
	for _, t := range s.terms {
		for _, r := range t.requests {
			if t.over(r.At) {
				b.Late++
			}
		}
		if t.renewed {
			b.Renewed++
		}
		b.term(s, t, &kept, deaths)
	}
}

// term counts one term.
func (b *Balance) term(s *story, t *term, kept *keeping, deaths []Death) {
	if len(t.requests) > 1 {
		s.problem("term %d asked %d times", t.n, len(t.requests))
	}
	if t.unknown && t.renewed {
		s.problem("the audit log calls term %d unknown, which renewed", t.n)
	}
	if t.unknown {
		if len(t.requests) == 0 {
			b.Absent++
		}
		return
	}
	if t.settled.IsZero() {
		s.problem("term %d of replica %d ended without a settle, and the audit log does not say so", t.n, t.replica)
		return
	}
	if len(t.requests) == 0 {
		switch {
		case t.replayed != nil:
			kept.answered(*t.replayed, true)
		case t.renewed:
			s.problem("term %d renewed without asking", t.n)
		}
		return // looked again, and had nothing to do; or nothing could be sent
	}
	b.asked(s, t, kept, deaths)
}

// asked counts a term that asked and was settled.
func (b *Balance) asked(s *story, t *term, kept *keeping, deaths []Death) {
	r := t.requests[0]
	if t.cause == "outcome_unknown" {
		s.problem("term %d does not know its outcome, and the audit log does not say so", t.n)
	}
	if t.cause == "not_sent" {
		s.problem("term %d says that nothing was sent, and the emulator got it", t.n)
	}
	switch kept.need(r.At, deaths) {
	case due:
		b.Due++
	case died:
		b.Died++
	default:
		s.problem("term %d of replica %d asked at %s, when nothing called for it: the token lived until %s", t.n, t.replica, clock(r.At), clock(kept.ends))
	}
	switch {
	case t.cause != "":
		b.Refused++
	case r.Given == "":
		s.problem("term %d was settled as done, and the emulator gave nothing", t.n)
	default:
		kept.answered(r, t.renewed)
	}
}

// uses looks for tokens that were used before they were durable.
func (b *Balance) uses(uses []Use, stories map[string]*story) {
	durable := map[string]time.Time{} // zero: given, and never durable
	from := func(token string, at time.Time) {
		if was := durable[token]; token != "" && (was.IsZero() || !at.IsZero() && at.Before(was)) {
			durable[token] = at
		}
	}
	for _, s := range stories {
		for _, t := range s.terms {
			for _, r := range t.requests {
				from(r.Given, r.spooled)
				if t.renewed {
					from(r.Given, t.settled)
				}
			}
		}
	}
	for _, u := range uses {
		if at, given := durable[u.Token]; given && (at.IsZero() || u.At.Before(at)) {
			b.Early++
			b.problem("token %s was used at %s, before it was durable", u.Token, clock(u.At))
		}
	}
}

// kept looks at what there is at the end.
func (b *Balance) kept(all []Kept) {
	if len(all) == 0 {
		b.problem("nothing is kept at the end")
	}
	for _, k := range all {
		switch {
		case k.State != "active":
			b.Lost++
			b.problem("grant %s: lost: it ended %s (%s)", k.Grant, k.State, k.Cause)
		case k.Trouble != "":
			b.Lost++
			b.problem("grant %s: lost: %s", k.Grant, k.Trouble)
		}
	}
}

// calls looks at what programs got.
func (b *Balance) calls(h History, stories map[string]*story, deaths map[string][]Death) {
	durable := map[string][]held{}
	for grant, s := range stories {
		durable[grant] = s.durable(deaths[grant])
	}
	for _, c := range h.Calls {
		b.Calls++
		if c.Wrong {
			b.Wrong++
			b.problem("a call for grant %s through replica %d at %s got the answer of another shop", c.Grant, c.Replica, clock(c.From))
		}
		if !c.ok() {
			b.Failed++
			if !h.Calm.IsZero() && !c.From.Before(h.Calm) {
				b.FailedCalm++
				b.problem("a call for grant %s through replica %d failed at %s, in the calm: status %d, errcode %d", c.Grant, c.Replica, clock(c.From), c.Status, c.ErrCode)
			}
		}
		if stale(c, durable[c.Grant]) {
			if blind(h.Blind, c) {
				b.StaleBlind++
			} else {
				b.Stale++
			}
		}
	}
}

// stale tells whether a call was refused for its token although a newer one was
// there to be used.
func stale(c Call, durable []held) bool {
	if c.ErrCode != 40001 && c.ErrCode != 40014 && c.ErrCode != 42001 {
		return false
	}
	newest := held{}
	for _, d := range durable {
		if !d.from.After(c.From.Add(-StaleAfter)) {
			newest = d
		}
	}
	return !newest.from.IsZero() && newest.ends.After(c.To)
}

// blind tells whether the replica of a call could not know what others did.
func blind(all []Blind, c Call) bool {
	return slices.ContainsFunc(all, func(x Blind) bool {
		return x.Replica == c.Replica && x.From.Before(c.To) && x.To.After(c.From.Add(-StaleAfter))
	})
}

func group[T any](all []T, key func(T) string) map[string][]T {
	m := map[string][]T{}
	for _, x := range all {
		m[key(x)] = append(m[key(x)], x)
	}
	return m
}

func sorted[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, cmp.Compare)
	return keys
}

func clock(t time.Time) string { return t.Format("15:04:05.000") }
