package wechatsim

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// pushLook is how often [Sim.RunPushes] looks, in real time.
const pushLook = 200 * time.Millisecond

// Deliver sends every push that is due by the emulator's clock, tickets
// included, and what becomes due by the answers (the first retries follow at
// once). It returns how many requests it sent. Nothing else sends pushes: call
// it after [Sim.Advance], or let [Sim.RunPushes] call it. It is safe for
// concurrent use; a second call waits for the first. When ctx ends, what was
// not sent stays due.
func (s *Sim) Deliver(ctx context.Context) int {
	s.delivering.Lock()
	defer s.delivering.Unlock()
	sent := 0
	for ctx.Err() == nil {
		s.mu.Lock()
		s.dueTickets()
		due := s.takeDue(s.Now())
		workers := s.sw.PushParallel
		s.mu.Unlock()
		if len(due) == 0 {
			break
		}
		sent += s.deliverAll(ctx, due, workers)
	}
	return sent
}

// RunPushes calls [Sim.Deliver] five times a second until ctx ends. The look
// is paced by real time; what is due is decided by the emulator's.
func (s *Sim) RunPushes(ctx context.Context) {
	t := time.NewTicker(pushLook)
	defer t.Stop()
	for {
		s.Deliver(ctx)
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// deliverAll sends due in order, some of them at a time.
func (s *Sim) deliverAll(ctx context.Context, due []*push, workers int) int {
	var sent, next atomic.Int64
	var wg sync.WaitGroup
	for range min(workers, len(due)) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(due)); i = next.Add(1) - 1 {
				sent.Add(int64(s.try(ctx, due[i])))
			}
		})
	}
	wg.Wait()
	return int(sent.Load())
}

// attempt is one try of a push.
type attempt struct {
	p       *push
	target  string
	stamp   envelope
	fault   *PushFault
	timeout time.Duration
}

// try sends one push once. It returns how many requests that took.
func (s *Sim) try(ctx context.Context, p *push) int {
	at, ok := s.begun(ctx, p)
	if !ok {
		return 0
	}
	r := p.replayed
	if r == nil {
		r = new(p.compose(at.target, at.stamp, at.fault))
	}
	a := s.send(ctx, *r, at.timeout)
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.err != nil && ctx.Err() != nil {
		s.enqueue(p) // nobody knows whether it arrived, so it comes again
		return 1
	}
	s.judged(at, a)
	if at.fault != nil && at.fault.Kind == PushReplay {
		s.replay(p, r, at.fault)
	}
	return 1
}

// begun decides under the lock all that a try needs. It is not ok if there is
// nothing to send, or no time left.
func (s *Sim) begun(ctx context.Context, p *push) (attempt, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := attempt{p: p, target: s.pushURL(p), timeout: s.sw.PushTimeout.Std()}
	switch {
	case at.target == "":
		s.recordPush(p, PushEntry{Note: "dropped: no URL is set any more"})
		return at, false
	case ctx.Err() != nil:
		s.enqueue(p)
		return at, false
	case p.replayed != nil:
		return at, true
	}
	at.stamp = s.envelopeOf(p)
	if f := s.takePushFault(p, tryingFaults); f != nil {
		at.fault = new(*f) // it may meet the next push while this one is composed
	}
	return at, true
}

// replay queues the very request r again, as somebody does who has recorded it.
func (s *Sim) replay(p *push, r *wireRequest, f *PushFault) {
	for range f.Times {
		again := *p
		again.replayed, again.fault, again.due = r, string(f.Kind), s.Now().Add(f.Hold.Std())
		s.enqueue(&again)
	}
}

// envelopeOf is the envelope of the next try: a new one, or that of the first.
func (s *Sim) envelopeOf(p *push) envelope {
	if p.stamp.nonce == "" || s.sw.PushSignedAnew {
		p.stamp = newEnvelope(s.Now())
	}
	return p.stamp
}
