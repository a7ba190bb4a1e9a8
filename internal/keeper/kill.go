package keeper

import (
	"context"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// A revocation deletes the tokens here; WeChat would still take them until they
// end. One that kills has them ended there too: forced refreshes, each of which
// ends the token before it. Two are needed, because a refresh that was under way
// may bring a token after the first. What they bring is dropped unread.
//
// Only self grants owe any. WeChat forces no other kind of token, and a platform
// cannot withdraw from an account: what was given out before lives to its end.
//
// What is owed stands in the row, and goes down only when WeChat has answered.
// After a crash or a lost answer one more is spent than needed, never one less.

// killGap is how long after an answer the next forced refresh is sent: longer
// than WeChat's 30 seconds, inside which it silently would not refresh.
const killGap = adminGap

// kill spends one of the forced refreshes that a revoked grant owes.
func (a *attempt) kill(ctx context.Context) error {
	var err error
	if a.key, err = a.appSecret(); err != nil {
		return a.notKilled(ctx, reaction{do: stop, cause: grant.CauseUnreadable}, &Failure{Err: err})
	}
	if a.claim.Grant.Attempt > 0 {
		// The last try failed. Find out without force whether WeChat answers this
		// app by now: an outage must not use up the day's forced refreshes.
		if _, err = a.askOnce(ctx, false); err != nil {
			f := asFailure(err)
			return a.notKilled(ctx, reactTo(grant.Self, f), f)
		}
	}
	if !a.room(a.k.now()) {
		return a.release(ctx, notYet(a.claim.Grant.ID, a.k.opt.Tick, errTrustOver))
	}
	at, why := a.spend(ctx, ByOperator, killReason)
	if why != nil {
		return a.killLater(ctx, at, why)
	}
	if _, err = a.askOnce(ctx, true); err != nil {
		f := asFailure(err)
		return a.notKilled(ctx, reactTo(grant.Self, f), f)
	}
	return a.killed(ctx)
}

func (a *attempt) appSecret() (secret.Value, error) {
	app := a.claim.App
	return a.k.opt.Vault.Open(app.Secret, vault.AppSecret(app.ID, app.SecretVersion))
}

// killed settles one forced refresh that WeChat has answered.
func (a *attempt) killed(ctx context.Context) error {
	now, g := a.k.now(), a.claim.Grant
	e := a.unchanged(now)
	s := e.Settle
	s.Kills, s.Attempt, s.ErrCode = g.Kills-1, 0, 0
	d := a.who()
	d["left"] = strconv.Itoa(s.Kills)
	e.Audit = []audit.Entry{a.killEntry(now, audit.Done, killReason, d)}
	if s.DueAt = now.Add(killGap); s.Kills == 0 {
		s.DueAt = time.Time{}
		e.Notices = a.notice(now, notice.GrantKilled, a.who())
	}
	return a.settle(ctx, e)
}

// killLater waits for the ledger. The row says until when.
func (a *attempt) killLater(ctx context.Context, at time.Time, why error) error {
	now := a.k.now()
	e := a.unchanged(now)
	e.Settle.DueAt = at
	if at.Sub(now) > worthTelling && a.claim.Grant.Cause != grant.CauseForcesSpent {
		e.Settle.Cause = grant.CauseForcesSpent
		d := a.who()
		d["cause"], d["next"] = grant.CauseForcesSpent, at.UTC().Format(time.RFC3339)
		e.Notices = a.notice(now, notice.GrantNotKilled, d)
		e.Audit = []audit.Entry{a.killEntry(now, audit.Failed, grant.CauseForcesSpent, d)}
	}
	a.k.opt.Logger.Info("forced refresh of a revoked grant waits", "grant", a.claim.Grant.ID, "next", at, "why", why)
	return a.settle(ctx, e)
}

// worthTelling is how long the ledger may hold a kill back without a word.
const worthTelling = 10 * time.Minute

// notKilled settles a forced refresh that WeChat did not grant, or whose answer
// is lost: it is still owed. The plan is that of any failure, and what only an
// operator can mend is told once.
func (a *attempt) notKilled(ctx context.Context, r reaction, f *Failure) error {
	now, g := a.k.now(), a.claim.Grant
	as := g
	as.State = grant.Active
	if g.ErrCode == f.Code && g.Cause == r.cause && r.do == stop {
		as.State = grant.Stopped // told already
	}
	v := judge(as, r, f, now, a.leaseUntil(), a.k.opt.Jitter)
	if v.due.IsZero() {
		v.due = stopAt(now, v.attempt, 0, a.k.opt.Jitter)
	}
	e := a.unchanged(now)
	s := e.Settle
	s.Cause, s.ErrCode, s.Attempt, s.DueAt = v.cause, f.Code, v.attempt, later(v.due, now.Add(killWait(v.attempt)))
	e.Audit = []audit.Entry{a.killEntry(now, v.outcome, v.cause, a.details(v))}
	if passing(r) && !r.tell {
		v.tell = v.attempt == killTell
	}
	if v.tell {
		e.Notices = a.notice(now, notice.GrantNotKilled, a.details(v))
	}
	a.k.opt.Logger.Warn("tokens of a revoked grant not ended at WeChat", "grant", g.ID, "cause", v.cause,
		"errcode", v.code, "next", s.DueAt, "err", f.Err)
	return a.settle(ctx, e)
}

// killTell is the number of failures in a row that may pass by themselves after
// which a human is told: whoever revokes with kill waits for it.
const killTell = 3

// killWait is the shortest wait after the nth failure in a row: about one
// minute, doubled up to 21. It is longer than the plan's, since a try costs one of
// the day's forced refreshes when WeChat answers the one without force.
func killWait(n int) time.Duration { return killGap << min(max(n, 1), 5) }

func (a *attempt) killEntry(now time.Time, o audit.Outcome, reason string, d map[string]string) audit.Entry {
	d["term"] = strconv.FormatInt(a.claim.Grant.Lease.Term, 10)
	return audit.Entry{
		At: now, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "grant.kill",
		Subject: subject(a.claim.Grant), Outcome: o, Reason: reason, Details: d,
	}
}
