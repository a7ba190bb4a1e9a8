package keeper

import (
	"context"
	"errors"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
)

var errPaced = errors.New("WeChat told this app to slow down; the limit passes by itself")

// admit asks the gate and the pace. It says how long the request has to wait;
// 0 lets it go.
func (a *attempt) admit(now time.Time) (wait time.Duration) {
	g := a.claim.Grant
	known := g.ID
	if all, _ := a.k.gates.shut(now); all && a.want.scheduled() {
		known = "" // it comes back by its plan: many that are woken at once pass by the pace
	}
	if a.ticket, wait = a.k.gates.pass(a.way, known, now); wait > 0 {
		return wait
	}
	if wait = a.k.pace.start(g.App, g.Kind, a.want.demand, now); wait > 0 {
		a.giveBack()
		return wait
	}
	if !a.want.scheduled() {
		a.k.pace.started(now, 1) // the schedule's are counted when they are claimed
	}
	return 0
}

// giveBack returns the gate's ticket if there is one.
func (a *attempt) giveBack() {
	if a.ticket {
		a.ticket = false
		a.k.gates.leave(a.way)
	}
}

// putOff settles a claim that may not start yet. Who waits for a token is told
// when; the schedule writes down the time.
func (a *attempt) putOff(ctx context.Context, now time.Time, wait time.Duration) (Token, error) {
	g, why := a.claim.Grant, errPaced
	if a.k.gates.holds(a.way) {
		why = errShut
	}
	err := notYet(g.ID, wait, why)
	if !a.want.scheduled() {
		return Token{}, a.release(ctx, err)
	}
	e := a.unchanged(now)
	e.Settle.DueAt = now.Add(wait)
	e.Notices = a.reminders(now) // the plan moves past them
	return Token{}, errors.Join(err, a.settle(ctx, e))
}

// release gives the lease back and changes nothing else. It returns err, or
// why the lease could not be given back.
func (a *attempt) release(ctx context.Context, err error) error {
	if lost := a.settle(ctx, a.unchanged(a.k.now())); lost != nil {
		a.k.opt.Logger.Warn("lease not given back; it ends by itself", "grant", a.claim.Grant.ID, "err", lost)
	}
	return err
}

// unchanged is a settle that keeps everything as it is.
func (a *attempt) unchanged(now time.Time) grant.Effects {
	g := a.claim.Grant
	return grant.Effects{At: now, Settle: &grant.Settlement{
		GrantID: g.ID, Term: g.Lease.Term, From: g.Tokens.Generation, State: g.State, Cause: g.Cause, ErrCode: g.ErrCode,
		DueAt: g.DueAt, Attempt: g.Attempt, Proved: a.proof.at, Doubts: a.proof.doubts, Kills: g.Kills,
	}}
}

// heard tells everybody who counts requests how one ended: metrics, health,
// the gate and the pace.
func (a *attempt) heard(err error, start time.Time) {
	g, now := a.claim.Grant, a.k.now()
	var r reaction
	if err != nil {
		r = reactTo(g.Kind, asFailure(err))
	}
	a.k.opt.Observer.Asked(g.Kind, g.App, r.cause, now.Sub(start))
	a.k.health.platform(err, r.cause, now)
	if r.do == limit {
		a.k.pace.close(g.App, now.Add(min(time.Minute, r.per.next(now, a.k.opt.Jitter).Sub(now))))
	}
	if err != nil && unreachable[r.cause] {
		a.unheard(r.cause, now)
		return
	}
	a.ticket = false
	wake := a.k.gates.answered(a.way)
	for _, id := range wake {
		a.k.wakeGrant(id)
	}
	if len(wake) > 0 {
		a.k.opt.Logger.Info("WeChat answers again", "woken", len(wake))
	}
}

// unheard tells the gate of a request that WeChat did not answer.
func (a *attempt) unheard(cause grant.Cause, now time.Time) {
	shut := a.k.gates.unreachable(a.way, a.claim.Grant.ID, cause, a.ticket, now)
	a.ticket = false
	if shut {
		a.k.opt.Logger.Warn("WeChat cannot be reached; one refresh at a time tries it until it answers", "cause", cause)
	}
}
