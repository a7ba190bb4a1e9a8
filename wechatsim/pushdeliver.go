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

// try sends one push once, and once more for each replay. It returns how many
// requests that took.
func (s *Sim) try(ctx context.Context, p *push) int {
	s.mu.Lock()
	target := s.pushURL(p)
	if target == "" {
		s.recordPush(p, PushEntry{Note: "dropped: no URL is set any more"})
		s.mu.Unlock()
		return 0
	}
	if ctx.Err() != nil {
		s.enqueue(p)
		s.mu.Unlock()
		return 0
	}
	e := s.envelopeOf(p)
	f := s.takePushFault(p, tryingFaults)
	times, fault := 0, ""
	if f != nil {
		fault = string(f.Kind)
		if f.Kind == PushReplay {
			times = f.Times
		}
		f = new(*f) // it may meet the next push while this one is composed
	}
	timeout := s.sw.PushTimeout.Std()
	s.mu.Unlock()

	r := p.compose(target, e, f)
	a := s.send(ctx, r, timeout)
	if a.err != nil && ctx.Err() != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.enqueue(p) // nobody knows whether it arrived, so it comes again
		return 1
	}
	p.tries++
	again := make([]pushAnswer, times)
	for i := range again {
		again[i] = s.send(ctx, r, timeout)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.judged(p, target, a, fault)
	for _, b := range again {
		replayed := b.entry(p, target)
		replayed.Fault = fault
		s.recordPush(p, replayed)
	}
	return 1 + times
}

// envelopeOf is the envelope of the next try: a new one, or that of the first.
func (s *Sim) envelopeOf(p *push) envelope {
	if p.stamp.nonce == "" || s.sw.PushSignedAnew {
		p.stamp = newEnvelope(s.Now())
	}
	return p.stamp
}
