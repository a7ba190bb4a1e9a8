package keeper

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
)

// Run refreshes what is due until ctx ends, then waits for the refreshes under
// way to settle, which takes a lease's length at most. It returns the cause of
// ctx's end.
func (k *Keeper) Run(ctx context.Context) error {
	l := &loop{k: k, free: make(chan struct{}, k.opt.Workers)}
	ticker := time.NewTicker(k.opt.Tick)
	defer ticker.Stop()
	for {
		l.budget = k.opt.PerTick
		k.kickAgain()
		l.kicks(ctx)
		l.claim(ctx)
		if !l.untilTick(ctx, ticker.C) {
			break
		}
	}
	l.wg.Wait()
	k.flights.drain()
	return context.Cause(ctx)
}

// loop is the state of one Run.
type loop struct {
	k      *Keeper
	wg     sync.WaitGroup
	free   chan struct{} // holds one item for each worker at work
	budget int           // claims left in this tick
	more   bool          // the last claim brought all that was asked for
}

// untilTick works on kicks and on what is left of the tick's budget. It
// reports false when ctx ended.
func (l *loop) untilTick(ctx context.Context, tick <-chan time.Time) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick:
			return ctx.Err() == nil
		case <-l.k.wake:
			l.kicks(ctx)
			if l.more {
				l.claim(ctx)
			}
		}
	}
}

// claim takes as many due grants as workers are free and the budget allows.
func (l *loop) claim(ctx context.Context) {
	n := min(cap(l.free)-len(l.free), l.budget)
	if n <= 0 {
		return
	}
	begin := l.k.now()
	claims, err := l.k.claimDue(ctx, grant.ClaimRequest{
		Owner: l.k.opt.Owner, Now: begin, For: l.k.opt.Lease, Limit: n,
	})
	if err != nil && ctx.Err() == nil {
		l.k.opt.Logger.Error("due grants not claimed; next try at the next tick", "err", err)
	}
	l.more = len(claims) == n
	l.budget -= len(claims)
	for _, c := range claims {
		l.work(func() { l.k.attemptSafely(ctx, c, begin, want{}) })
	}
}

// work runs f with a worker; there is a free one.
func (l *loop) work(f func()) {
	l.free <- struct{}{}
	l.wg.Go(func() {
		defer l.k.wakeUp()
		defer func() { <-l.free }()
		f()
	})
}

// kicks refreshes the grants that were kicked, as far as workers are free.
func (l *loop) kicks(ctx context.Context) {
	for _, id := range l.k.takeKicks(cap(l.free) - len(l.free)) {
		l.work(func() { l.k.kick(ctx, id) })
	}
}

func (k *Keeper) claimDue(ctx context.Context, r grant.ClaimRequest) ([]grant.Claim, error) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	claims, err := k.opt.Store.ClaimDue(ctx, r)
	k.health.store(err, k.now())
	return claims, err
}

// Kick has a grant looked at at once, whatever its plan: an operator mended
// something. Only a request that may still be under way is waited for. It
// needs a running [Keeper.Run].
func (k *Keeper) Kick(grantID string) {
	k.mu.Lock()
	k.kicked[grantID] = true
	k.mu.Unlock()
	k.wakeUp()
}

func (k *Keeper) wakeUp() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// takeKicks removes up to n kicked grants and returns them.
func (k *Keeper) takeKicks(n int) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var ids []string
	for id := range k.kicked {
		if len(ids) >= n {
			break
		}
		ids = append(ids, id)
		delete(k.kicked, id)
	}
	return ids
}

// kick refreshes one grant. When somebody else is at it, it is kicked again at
// the next tick: they may be using what was just mended in its old form.
func (k *Keeper) kick(ctx context.Context, id string) {
	g, err := k.opt.Store.Grant(ctx, id)
	if err != nil {
		k.opt.Logger.Error("kicked grant not read; it is looked at by its plan", "grant", id, "err", err)
		return
	}
	if g.Cause == causeUnknown && k.now().Before(g.DueAt) {
		return // its plan looks at it as soon as that is safe
	}
	_, err = k.renew(ctx, id, want{})
	if errors.Is(err, grant.ErrLeased) {
		k.mu.Lock()
		k.leased = append(k.leased, id)
		k.mu.Unlock()
	}
}

// kickAgain puts back the kicks that met another holder.
func (k *Keeper) kickAgain() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range k.leased {
		k.kicked[id] = true
	}
	k.leased = nil
}

// renew claims a grant and refreshes it.
func (k *Keeper) renew(ctx context.Context, grantID string, w want) (Token, error) {
	begin := k.now()
	c, err := k.opt.Store.Claim(ctx, grantID, grant.ClaimRequest{
		Owner: k.opt.Owner, Now: begin, For: k.opt.Lease, Limit: 1,
	})
	if errors.Is(err, grant.ErrLeased) || errors.Is(err, grant.ErrNotFound) {
		return Token{}, err
	}
	k.health.store(err, k.now())
	if err != nil {
		return Token{}, notYet(grantID, k.opt.Tick, err)
	}
	return k.attemptSafely(ctx, c, begin, w)
}

// attemptSafely is attempt, with a panic turned into an error: the lease ends
// by itself and the next holder learns that it was not settled.
func (k *Keeper) attemptSafely(ctx context.Context, c grant.Claim, begin time.Time, w want) (tok Token, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = notYet(c.Grant.ID, k.opt.Lease, panicked(k.opt.Logger, p))
		}
	}()
	return k.attempt(ctx, c, begin, w)
}

// markBusy says that this process refreshes a grant, until the returned
// function is called.
func (k *Keeper) markBusy(grantID string) func() {
	done := make(chan struct{})
	k.mu.Lock()
	k.busy[grantID] = done
	k.mu.Unlock()
	return func() {
		k.mu.Lock()
		if k.busy[grantID] == done {
			delete(k.busy, grantID)
		}
		k.mu.Unlock()
		close(done)
	}
}

// holderPoll is how often the store is asked for the result of a holder in
// another process.
const holderPoll = 200 * time.Millisecond

// awaitHolder waits for whoever holds the lease: for its end in this process,
// or for a moment. It reports false when ctx ended.
func (k *Keeper) awaitHolder(ctx context.Context, grantID string) bool {
	k.mu.Lock()
	done := k.busy[grantID] // nil when it is another process: never ready
	k.mu.Unlock()
	t := time.NewTimer(holderPoll)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	case <-ctx.Done():
		return false
	}
	return true
}
