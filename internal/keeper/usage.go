package keeper

import (
	"context"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// touchEvery is how old the use that is written down gets before another one
// is, for one grant and replica.
const touchEvery = 12 * time.Hour

// noteUse remembers to write down that g is used now. It is called whenever a
// caller's want leads to the row, which a token in use does at least once in
// its life.
func (k *Keeper) noteUse(g grant.Grant) {
	if k.opt.SleepAfter <= 0 || k.now().Sub(g.Used) < touchEvery {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.used[g.ID] = true
}

// mostTouched bounds the uses that one tick writes down; the rest waits.
const mostTouched = 1000

// touch writes down the uses since the last tick. What fails is noted again by
// the next use.
func (k *Keeper) touch(ctx context.Context) {
	ids := k.takeUsed(mostTouched)
	if len(ids) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	if err := k.opt.Store.Touch(ctx, k.now(), ids...); err != nil {
		k.opt.Logger.Warn("uses not written down; the next use does it", "grants", len(ids), "err", err)
	}
}

// takeUsed removes up to n grants from the uses to write down and returns them.
func (k *Keeper) takeUsed(n int) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return take(k.used, n)
}

// sleepy tells whether the schedule may let the grant sleep. One whose use was
// never written down counts as used now: the option may be new. One
// in trouble stays awake until it heals: sleep would say that it did.
func (a *attempt) sleepy(now time.Time) bool {
	g, after := a.claim.Grant, a.k.opt.SleepAfter
	if after <= 0 || !a.want.scheduled() || g.State != grant.Active || g.Attempt > 0 || g.Kills > 0 {
		return false
	}
	if g.Used.IsZero() || a.k.usedHere(g) {
		a.k.noteUse(g)
		return false
	}
	return now.Sub(g.Used) >= after
}

// usedHere says that this process handed out the kept token since it was put
// into memory. Such a use leads to no row.
func (k *Keeper) usedHere(g grant.Grant) bool {
	h := k.sourceOf(g).table.ofGrant(g.ID)
	return h != nil && h.has(used)
}

// sleep settles without asking. What is left in the plan are the reminders of a
// person's grant and the end of its refresh token.
func (a *attempt) sleep(ctx context.Context, now time.Time) (Token, error) {
	g := a.claim.Grant
	v := verdict{outcome: audit.Done, state: grant.Active, cause: grant.CauseAsleep, due: notAfter(time.Time{}, now, g.Tokens)}
	return Token{}, a.settle(ctx, a.effects(v, nil, now))
}
