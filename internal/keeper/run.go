package keeper

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/trace"
)

// Run refreshes what is due until ctx ends, then waits for the refreshes under
// way to settle, which takes a lease's length at most. It returns the cause of
// ctx's end.
func (k *Keeper) Run(ctx context.Context) error {
	l := &loop{k: k, free: make(chan struct{}, k.opt.Workers), batch: min(k.opt.Batch, max(1, k.opt.Workers/2))}
	ticker := time.NewTicker(k.opt.Tick)
	defer ticker.Stop()
	for {
		k.readWall()
		k.kickAgain()
		k.touch(ctx)
		l.kicks(ctx)
		l.more = true
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
	k       *Keeper
	wg      sync.WaitGroup
	free    chan struct{} // holds one item for each worker at work
	batch   int           // claims in one transaction
	more    bool          // there may be more that is due now
	failing bool          // the last claim failed, and that was said
}

// untilTick claims and works on kicks. It reports false when ctx ended.
func (l *loop) untilTick(ctx context.Context, tick <-chan time.Time) bool {
	soon := time.NewTimer(l.claim(ctx))
	defer soon.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick:
			return ctx.Err() == nil
		case <-soon.C:
		case <-l.k.wake:
		}
		l.kicks(ctx)
		soon.Reset(l.claim(ctx))
	}
}

// idle is how long the loop sleeps when nothing but the tick or a worker can
// bring work.
const idle = time.Hour

// tellClaims says once that due grants cannot be claimed, and once that they can
// be again: an outage of the store lasts for many ticks.
func (l *loop) tellClaims(err error) {
	if err != nil {
		l.k.opt.Logger.Error("due grants not claimed; the next tick tries again, until it can", "err", err)
		return
	}
	l.k.opt.Logger.Info("due grants are claimed again")
}

// claim takes due grants in batches while workers are free for a whole batch,
// the pace allows as many, and WeChat can be reached: what cannot start is not
// claimed, so no lease runs out in a queue. It says when to come back, should
// no worker call before.
func (l *loop) claim(ctx context.Context) time.Duration {
	for l.more && ctx.Err() == nil {
		n, wait := l.room(ctx)
		if n == 0 {
			return wait
		}
		begin := l.k.now()
		claims, err := l.k.claimDue(ctx, grant.ClaimRequest{
			Owner: l.k.opt.Owner, Now: begin, For: l.k.opt.Lease, Limit: n,
		})
		if failing := err != nil; failing != l.failing && ctx.Err() == nil {
			l.failing = failing
			l.tellClaims(err)
		}
		l.k.pace.started(begin, len(claims))
		l.more = len(claims) == n
		for _, c := range claims {
			l.work(func() { l.k.attemptSafely(ctx, c, begin, want{}) })
		}
	}
	return idle
}

// room is how many grants may be claimed now, or how long to wait before
// asking again.
func (l *loop) room(ctx context.Context) (n int, wait time.Duration) {
	now := l.k.now()
	if all, wait := l.k.gates.shut(now); all {
		return l.probe(ctx, wait)
	}
	if cap(l.free)-len(l.free) < l.batch {
		return 0, idle // a worker that is done wakes the loop
	}
	return l.k.pace.room(now, l.batch)
}

// probe lets one grant through a shut gate when it is time. If none is due, one
// of those that failed serves.
func (l *loop) probe(ctx context.Context, wait time.Duration) (int, time.Duration) {
	if n := min(strangers, l.batch); wait > 0 && cap(l.free)-len(l.free) >= n && l.k.gates.mayLook(l.k.now()) {
		return n, 0
	}
	if wait > 0 || len(l.free) > 0 {
		return 0, max(min(wait, strangerEvery), leastRetry)
	}
	l.more = false
	l.work(func() { l.k.probeGate(ctx) })
	return 0, idle
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

// kicks refreshes the grants that were kicked, with half of the workers at
// most, so that the schedule goes on.
func (l *loop) kicks(ctx context.Context) {
	n := min(cap(l.free)-len(l.free), max(1, cap(l.free)/2-len(l.free)))
	for id, w := range l.k.takeKicks(n) {
		l.work(func() { l.k.kick(ctx, id, w) })
	}
}

// probeGate looks for a grant to find out with whether WeChat is back: the one
// that is due first, else one that failed.
func (k *Keeper) probeGate(ctx context.Context) {
	begin := k.now()
	claims, err := k.claimDue(ctx, grant.ClaimRequest{Owner: k.opt.Owner, Now: begin, For: k.opt.Lease, Limit: 1})
	if err != nil {
		return
	}
	if len(claims) == 1 {
		_, _ = k.attemptSafely(ctx, claims[0], begin, want{})
	} else if id, ok := k.gates.anyFailed(); ok {
		k.kick(ctx, id, want{woken: true})
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
	k.kicked[grantID] = want{kicked: true}
	k.mu.Unlock()
	k.wakeUp()
}

// wakeGrant has a grant looked at at once if it still failed. What somebody
// said about it counts for more.
func (k *Keeper) wakeGrant(id string) {
	k.mu.Lock()
	if _, said := k.kicked[id]; !said {
		k.kicked[id] = want{woken: true}
	}
	k.mu.Unlock()
	k.wakeUp()
}

// healthy says that nothing failed and that its time has not come.
func healthy(g grant.Grant, now time.Time) bool { return g.Attempt == 0 && now.Before(g.DueAt) }

// finished says that WeChat is not asked about a grant any more.
func finished(g grant.Grant) bool {
	return g.State == grant.NeedsOwner || g.State.Elsewhere() || g.State == grant.Revoked && g.Kills == 0
}

func (k *Keeper) wakeUp() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// takeKicks removes up to n kicked grants and returns them.
func (k *Keeper) takeKicks(n int) map[string]want {
	k.mu.Lock()
	defer k.mu.Unlock()
	kicks := map[string]want{}
	for id, w := range k.kicked {
		if len(kicks) >= n {
			break
		}
		kicks[id] = w
		delete(k.kicked, id)
	}
	return kicks
}

// take removes up to n members of a set and returns them.
func take(set map[string]bool, n int) []string {
	var ids []string
	for id := range set {
		if len(ids) >= n {
			break
		}
		ids = append(ids, id)
		delete(set, id)
	}
	return ids
}

// kick refreshes one grant. When somebody else is at it, it is kicked again at
// the next tick: they may be using what was just mended in its old form.
func (k *Keeper) kick(ctx context.Context, id string, w want) {
	g, err := k.opt.Store.Grant(ctx, id)
	if errors.Is(err, grant.ErrNotFound) || err == nil && finished(g) {
		k.gates.forget(id) // nobody can find out with it whether WeChat is back
		return
	}
	if err != nil {
		k.opt.Logger.Error("kicked grant not read; it is looked at by its plan", "grant", id, "err", err)
		return
	}
	if g.Cause == grant.CauseUnknown && k.now().Before(g.DueAt) {
		return // its plan looks at it as soon as that is safe
	}
	if w.woken && healthy(g, k.now()) {
		k.gates.forget(id)
		return
	}
	_, err = k.renew(ctx, id, w)
	if errors.Is(err, grant.ErrLeased) {
		k.mu.Lock()
		k.leased[id] = w
		k.mu.Unlock()
	}
}

// kickAgain puts back the kicks that met another holder.
func (k *Keeper) kickAgain() {
	k.mu.Lock()
	defer k.mu.Unlock()
	maps.Copy(k.kicked, k.leased)
	clear(k.leased)
}

// renew claims a grant and refreshes it. Nothing is claimed for a request that
// a shut gate would not let through.
func (k *Keeper) renew(ctx context.Context, grantID string, w want) (Token, error) {
	begin := k.now()
	if wait := k.gates.refuses(grantID, begin); wait > 0 {
		return Token{}, notYet(grantID, wait, errShut)
	}
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
	ctx, span := k.opt.Tracer.Begin(ctx, "refresh", trace.Internal)
	defer func() { endSpan(span, c.Grant.Kind, err) }()
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
