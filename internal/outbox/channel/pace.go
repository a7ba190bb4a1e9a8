package channel

import (
	"sync"
	"time"
)

// limit is how many messages a place takes in a time.
type limit struct {
	n   int
	per time.Duration
}

// pace keeps a place's limits. It remembers the times of the last messages, no more
// than the widest limit needs. It is one server's view: what several servers send
// through one robot, the robot counts, and says so with an error that is obeyed.
type pace struct {
	now    func() time.Time
	limits []limit

	mu   sync.Mutex
	sent []time.Time // the last ones, in order
	held time.Time   // the place asked for quiet until then
}

func newPace(now func() time.Time, limits ...limit) *pace { return &pace{now: now, limits: limits} }

// wait is how long nothing may be sent; 0: something may be sent now.
func (p *pace) wait() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	wait := max(0, p.held.Sub(now))
	for _, l := range p.limits {
		if len(p.sent) >= l.n {
			wait = max(wait, p.sent[len(p.sent)-l.n].Add(l.per).Sub(now))
		}
	}
	return wait
}

// took counts a message that is sent now.
func (p *pace) took() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, p.now())
	most := 0
	for _, l := range p.limits {
		most = max(most, l.n)
	}
	p.sent = p.sent[max(0, len(p.sent)-most):]
}

// hold keeps quiet for a while, because the place asked for it.
func (p *pace) hold(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := p.now().Add(d); until.After(p.held) {
		p.held = until
	}
}
