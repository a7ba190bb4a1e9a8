package balance

import (
	"fmt"
	"slices"
	"time"
)

// term is one term of a grant and what came of it.
type term struct {
	n        int64
	replica  int
	claimed  time.Time
	until    time.Time // the end of its lease
	settled  time.Time // zero: never
	replaced time.Time // when the next one was given out; zero: never
	renewed  bool      // settled with tokens of the next generation
	brought  int64     // the generation, if it renewed
	cause    string    // as settled
	state    string
	unknown  bool // the audit log says so
	requests []Request
	replayed *Request // settled without asking: what another term of its replica asked for and spooled
}

// over tells whether the term had ended at a time, one way or the other.
func (t *term) over(at time.Time) bool {
	return !t.settled.IsZero() && at.After(t.settled) || !t.replaced.IsZero() && at.After(t.replaced)
}

// story is what the witness saw of one grant.
type story struct {
	grant    string
	lease    time.Duration // how long a lease must be; 0: as its row says
	user     bool
	terms    []*term
	homeless []Request // under no term
	begun    time.Time // when its first token came from elsewhere; zero: it had none
	problems []string
}

func (s *story) problem(format string, args ...any) {
	s.problems = append(s.problems, "grant "+s.grant+": "+fmt.Sprintf(format, args...))
}

// leaseSlack forgives what lies between two readings of one clock.
const leaseSlack = 50 * time.Millisecond

// tell follows the changes of a grant's row.
func tell(grant string, lease time.Duration, changes []Change) *story {
	s := &story{grant: grant, lease: lease}
	for i, c := range changes {
		if i == 0 {
			s.begin(c)
			continue
		}
		s.follow(changes[i-1], c)
		switch was := changes[i-1]; {
		case c.Generation == was.Generation || c.Settled != was.Settled:
		case c.User && c.Term == 0:
			s.begun = c.At // the login's own tokens
		default:
			s.mustSettle(c, changes[i+1:])
		}
	}
	return s
}

// begin takes the first change that was seen.
func (s *story) begin(c Change) {
	s.user = c.User
	if c.Generation > 0 {
		s.begun = c.At
	}
	if c.Term > 0 {
		s.terms = append(s.terms, s.newTerm(c))
		if c.Settled == c.Term {
			s.terms[0].settled = c.At
		}
	}
}

// follow compares two rows that followed each other.
func (s *story) follow(was, is Change) {
	switch {
	case is.Term == was.Term+1:
		s.claim(was, is)
	case is.Term != was.Term:
		s.problem("after term %d came term %d", was.Term, is.Term)
	}
	if is.Settled != was.Settled {
		s.settle(was, is)
	}
	switch {
	case is.Generation < was.Generation:
		s.problem("generation %d went back to %d", was.Generation, is.Generation)
	case is.Generation > was.Generation+1:
		s.problem("after generation %d came generation %d", was.Generation, is.Generation)
	case is.Generation == was.Generation && is.Tokens != was.Tokens:
		s.problem("the tokens of generation %d were changed", is.Generation)
	case is.Generation > was.Generation && len(s.terms) > 0:
		last := s.terms[len(s.terms)-1]
		last.renewed, last.brought = true, is.Generation
	}
}

func (s *story) claim(was, is Change) {
	if !s.rightful(is) {
		s.problem("term %d has a lease of %v, not of %v", is.Term, is.Until.Sub(is.At), s.lease)
	}
	if n := len(s.terms); n > 0 {
		last := s.terms[n-1]
		if left := last.until.Sub(is.At); was.Term > was.Settled && left > leaseSlack {
			s.problem("term %d was given out while term %d had %v left", is.Term, was.Term, left)
		}
		last.replaced = is.At
	}
	s.terms = append(s.terms, s.newTerm(is))
}

// rightful says whether a lease is as long as it must be: it was counted from some
// moment of the statement that gave it out.
func (s *story) rightful(c Change) bool {
	from := c.Until.Add(-s.lease)
	return s.lease == 0 || !from.Before(c.Began.Add(-leaseSlack)) && !from.After(c.At.Add(leaseSlack))
}

// newTerm is the term that a row gives out. Where the length of leases is known, a row
// that says something else is not believed.
func (s *story) newTerm(c Change) *term {
	t := &term{n: c.Term, replica: c.Replica, claimed: c.At, until: c.Until}
	if !s.rightful(c) {
		t.until = c.At.Add(s.lease)
	}
	return t
}

func (s *story) settle(was, is Change) {
	if is.Settled != is.Term || is.Settled < was.Settled {
		s.problem("term %d was settled when term %d was the newest", is.Settled, is.Term)
	}
	if len(s.terms) == 0 {
		return
	}
	last := s.terms[len(s.terms)-1]
	last.settled, last.cause, last.state = is.At, is.Cause, is.State
}

// mustSettle wants tokens to come with a settle: the next write to the row, in
// the same transaction.
func (s *story) mustSettle(c Change, rest []Change) {
	if len(rest) == 0 || rest[0].Settled == c.Settled || rest[0].Settled != c.Term || rest[0].Term != c.Term || rest[0].Generation != c.Generation {
		s.problem("generation %d came without a settle", c.Generation)
	}
}

// attach gives each request to its term.
func (s *story) attach(requests []Request) {
	for _, r := range requests {
		if t := s.home(r); t != nil {
			t.requests = append(t.requests, r)
		} else {
			s.homeless = append(s.homeless, r)
		}
	}
}

// keepOnDisk notes which answers were spooled, and finds the terms under which they
// went into the database, where those are not the terms that asked: somebody else
// had claimed the grant meanwhile, and renewed nothing.
func (s *story) keepOnDisk(all []Spooled) {
	for _, d := range all {
		asked, r := s.spooledBy(d)
		if r == nil {
			s.problem("replica %d spooled generation %d at %s, and the emulator had given it nothing", d.Replica, d.Generation, clock(d.At))
			continue
		}
		r.spooled = d.At
		for _, t := range s.terms {
			if t.n > asked.n && t.replica == d.Replica && len(t.requests) == 0 && t.renewed && t.brought == d.Generation && t.settled.After(d.At) {
				t.replayed = r
			}
		}
	}
}

// spooledBy is the newest answer that a replica can have spooled, and its term.
func (s *story) spooledBy(d Spooled) (*term, *Request) {
	for _, t := range slices.Backward(s.terms) {
		for i := range slices.Backward(t.requests) {
			if r := &t.requests[i]; r.Replica == d.Replica && r.Given != "" && r.At.Before(d.At) {
				return t, r
			}
		}
	}
	return nil, nil
}

// brings is the request whose answer a term settled; nil if it settled none.
func (t *term) brings() *Request {
	switch {
	case !t.renewed || t.settled.IsZero():
		return nil
	case len(t.requests) > 0:
		return &t.requests[len(t.requests)-1]
	}
	return t.replayed
}

// roundSlack forgives that the database rounds to milliseconds. A request comes
// after the claim was committed, so there is nothing else to forgive.
const roundSlack = 2 * time.Millisecond

// home is the newest term that the request's replica held when it came.
func (s *story) home(r Request) *term {
	for _, t := range slices.Backward(s.terms) {
		if t.replica == r.Replica && !t.claimed.After(r.At.Add(roundSlack)) {
			return t
		}
	}
	return nil
}
