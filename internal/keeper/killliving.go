package keeper

import (
	"context"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// The kill switch ends every token of a shop that is out, of whoever fetched it, while
// the shop goes on being served: forced refreshes as after a revocation, but what
// they bring is kept. What is owed stands in the row, so that a crash between them goes
// on with the next; each is in the ledger before it is sent.

// killAsked is the reason of a kill that somebody asked for.
const killAsked = "asked_for"

// killLiving spends one of the forced refreshes that an active grant owes. What the
// ledger does not give yet waits, and the plan goes on.
func (a *attempt) killLiving(ctx context.Context, kept secret.Value) (Token, error) {
	if a.claim.Grant.Attempt > 0 {
		// Find out without force whether WeChat answers by now: an outage must not use
		// up the day's forced refreshes.
		return a.renew(ctx, kept)
	}
	if !a.room(a.k.now()) {
		return Token{}, a.release(ctx, notYet(a.claim.Grant.ID, a.k.opt.Tick, errTrustOver))
	}
	if at, why := a.spend(ctx, ByOperator, killAsked); why != nil {
		return a.killLivingLater(ctx, kept, at, why)
	}
	asked := a.k.now()
	ans, err := a.askOnce(ctx, true)
	if err != nil {
		return a.refused(ctx, kept, asFailure(err))
	}
	if a.same = ans.Access.Equal(kept); !a.same {
		a.ended = 1 // the same one says that somebody else forced within WeChat's 30 seconds
	}
	return a.keep(ctx, ans, kept, asked)
}

// landed counts a forced refresh whose answer was lost: WeChat names another token
// than the one before it.
func (a *attempt) landed() {
	if g := a.claim.Grant; g.Kills > 0 && g.Cause == grant.CauseUnknown {
		a.ended = 1
	}
}

// killLivingLater waits for the ledger, or renews if it is time to.
func (a *attempt) killLivingLater(ctx context.Context, kept secret.Value, at time.Time, why error) (Token, error) {
	g, now := a.claim.Grant, a.k.now()
	if left := g.Tokens.AccessExpires.Sub(now); kept.IsZero() || left <= renewals[grant.Self].before {
		return a.renew(ctx, kept)
	}
	a.k.opt.Logger.Info("forced refresh that is owed waits", "grant", g.ID, "next", at, "why", why)
	due := g.Tokens.AccessExpires.Add(-renewals[grant.Self].before)
	if at.Before(due) {
		due = at
	}
	e := a.unchanged(now)
	e.Settle.DueAt = due
	if err := a.settle(ctx, e); err != nil {
		return Token{}, err
	}
	return a.k.tokenOf(g, now)
}

// oweOn plans the next forced refresh that an active grant owes, and writes down the
// one that is over.
func (a *attempt) oweOn(e *grant.Effects, v verdict, now time.Time) {
	left := a.claim.Grant.Kills - a.ended
	if a.ended > 0 {
		d := a.who()
		d["left"] = strconv.Itoa(left)
		e.Audit = append(e.Audit, a.killEntry(now, audit.Done, killAsked, d))
	}
	if at := now.Add(killGap); left > 0 && v.outcome == audit.Done && e.Settle.DueAt.After(at) {
		e.Settle.DueAt = at
	}
}
