package keeper

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
)

// settle writes an attempt's effects. It returns nil only when they are
// durable.
//
// A settle that failed may have landed: the database was told to commit and
// the answer was lost. So it is repeated while the lease is trusted, which is
// harmless because the store compares term and generation, and a repeat that
// is refused looks whether the winner was this settle itself. A credential that
// the store could not take until then goes to the spool.
func (a *attempt) settle(ctx context.Context, e grant.Effects) error {
	for n := 0; ; n++ {
		err := a.k.settler.settle(ctx, e, n > 0)
		if errors.Is(err, grant.ErrLost) {
			return a.lost(ctx, e, n > 0)
		}
		if err == nil {
			a.k.opt.Step(StepSettle)
			return nil
		}
		if !pause(ctx, pauseFor(n+1)) {
			return a.spool(ctx, e, fmt.Errorf("settle: %w", err))
		}
	}
}

// SpooledMessage is what the log says of a grant whose token is on the disk of this
// server, with its generation, until the database takes it.
const SpooledMessage = "a new token is kept here until the database takes it"

// spool keeps a credential in this place when the store cannot take it. Without
// a spool, and for what holds none, the settle has failed with err.
func (a *attempt) spool(ctx context.Context, e grant.Effects, err error) error {
	id, log := e.Settle.GrantID, a.k.opt.Logger
	if e.Settle.Tokens == nil || a.k.opt.Spool == nil {
		return notYet(id, a.k.opt.Lease, err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	if lost := a.k.opt.Spool.Spool(ctx, e); lost != nil {
		log.Error("a new token could be kept nowhere and is not used; mend the database or the disk",
			"grant", id, "generation", e.Settle.Tokens.Generation, "err", lost)
		return notYet(id, a.k.opt.Lease, errors.Join(err, lost))
	}
	a.k.health.spooled(a.k.now())
	log.Warn(SpooledMessage, "grant", id, "generation", e.Settle.Tokens.Generation)
	return nil
}

// lost decides what a refused settle means. With repeated, an earlier try may
// have been the one that won.
func (a *attempt) lost(ctx context.Context, e grant.Effects, repeated bool) error {
	err := notYet(e.Settle.GrantID, a.k.opt.Tick, grant.ErrLost)
	if !repeated {
		return err
	}
	g, readErr := a.k.opt.Store.Grant(ctx, e.Settle.GrantID)
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	if landed(g, e.Settle) {
		return nil
	}
	return err
}

// landed says whether g shows that this settlement was applied.
func landed(g grant.Grant, s *grant.Settlement) bool {
	if s.Tokens != nil {
		return g.Tokens.Digest() == s.Tokens.Digest()
	}
	return g.Lease.Term == s.Term && g.SettledTerm == s.Term && g.Tokens.Generation == s.From && g.State == s.State
}

// gather is how long the first settle of a batch waits for company. A commit
// costs about as much.
const gather = 2 * time.Millisecond

// mostSettles is how many settles one transaction takes.
const mostSettles = 128

// settleTimeout bounds one settle transaction.
const settleTimeout = 5 * time.Second

// settler puts settles that are ready at about the same time into one
// transaction. It needs no goroutine of its own: the first to come waits a
// moment and writes for all. What comes while a batch is written gathers in the
// next one, so that batches get larger the busier the store is.
type settler struct {
	store interface {
		Settle(ctx context.Context, batch []grant.Effects) ([]error, error)
	}
	observe func(batch int, took time.Duration, err error)
	now     func() time.Time
	health  *health

	writing chan struct{} // holds an item while a batch is written

	mu   sync.Mutex
	open *batch
}

// batch is one transaction; errs and err are readable once done is closed.
type batch struct {
	effects []grant.Effects
	full    chan struct{}
	done    chan struct{}
	errs    []error
	err     error
}

// settle returns when e is durable or refused. With alone it shares no
// transaction, so that one that cannot be written does not spoil others.
func (s *settler) settle(ctx context.Context, e grant.Effects, alone bool) error {
	if alone {
		b := &batch{effects: []grant.Effects{e}}
		s.write(ctx, b)
		return b.result(0)
	}
	b, i := s.join(e)
	if i == 0 {
		// Detached: this goroutine writes for others too.
		s.lead(context.WithoutCancel(ctx), b)
	}
	select {
	case <-b.done:
		return b.result(i)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// join adds e to the open batch and returns its place in it.
func (s *settler) join(e grant.Effects) (*batch, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = &batch{full: make(chan struct{}), done: make(chan struct{})}
	}
	b := s.open
	b.effects = append(b.effects, e)
	if len(b.effects) == mostSettles {
		s.open = nil
		close(b.full)
	}
	return b, len(b.effects) - 1
}

// lead waits for company, closes the batch and writes it.
func (s *settler) lead(ctx context.Context, b *batch) {
	defer close(b.done)
	t := time.NewTimer(gather)
	defer t.Stop()
	select {
	case <-t.C:
	case <-b.full:
	}
	s.writing <- struct{}{}
	defer func() { <-s.writing }()
	s.mu.Lock()
	if s.open == b {
		s.open = nil
	}
	s.mu.Unlock()
	s.write(ctx, b)
}

func (s *settler) write(ctx context.Context, b *batch) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	b.err = errUnfinished // stays if the store panics
	start := s.now()
	b.errs, b.err = s.store.Settle(ctx, b.effects)
	s.observe(len(b.effects), s.now().Sub(start), b.err)
	s.health.settled(b.err, s.now())
}

var errUnfinished = errors.New("keeper: the settle did not finish; it is repeated")

// result gives the outcome of the ith item.
func (b *batch) result(i int) error {
	if b.err != nil || i >= len(b.errs) {
		return b.err
	}
	return b.errs[i]
}
