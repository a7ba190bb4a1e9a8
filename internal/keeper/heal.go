package keeper

import (
	"context"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// An account's refresh token lives until the account withdraws. When WeChat
// refuses it, more often it was lost or replaced here than withdrawn there, and
// WeChat itself names the one that holds. So no refusal ends a grant: WeChat is
// asked what it knows of the authorisation, and the table cures says what that
// leads to.

// looked is what WeChat says about an authorisation.
type looked int

const (
	lookedGone    looked = iota // nothing speaks of one
	lookedSame                  // there is one, with the refresh token that is kept
	lookedNone                  // there is one, and no refresh token was named
	lookedAnother               // there is one, with another refresh token
)

// cure is one row: the errcode that refused the kept refresh token, 0 when none
// is kept, and what WeChat says then.
type cure struct {
	code int
	says looked
	then reaction
}

// anyCode is any of the errcodes that are looked up, in the table of cures.
const anyCode = -1

// keepAnother is not a failure: the refresh token is kept and asked with.
var keepAnother = reaction{do: again, cause: grant.CauseFound}

// cures say what follows from what WeChat says. The first row that fits counts.
var cures = []cure{
	// errcode   WeChat says    what follows
	{anyCode, lookedAnother, keepAnother},
	{anyCode, lookedGone, reaction{do: dead, cause: grant.CauseUnauthorized}},
	{61003, lookedSame, reaction{do: again, cause: grant.CauseUnconfirmed}}, // it has said 61003 for hours and been wrong
	{61003, lookedNone, reaction{do: again, cause: grant.CauseUnconfirmed}},
	{anyCode, lookedSame, reaction{do: dead, cause: grant.CauseInvalid}},
	{anyCode, lookedNone, reaction{do: dead, cause: grant.CauseInvalid}},
}

func cureFor(code int, says looked) reaction {
	for _, c := range cures {
		if c.says == says && (c.code == anyCode || c.code == code) {
			return c.then
		}
	}
	return reaction{do: again, cause: grant.CauseOddCode}
}

// heal asks WeChat what holds after it refused the refresh token with f, or when
// none is kept.
func (a *attempt) heal(ctx context.Context, kept secret.Value, f *Failure) (Token, error) {
	refresh, says, err := a.lookUp(ctx)
	if err != nil {
		f = asFailure(err)
		r := reactTo(grant.ISV, f)
		if r.do == dead { // nothing that is said here ends a grant
			r = reaction{do: again, cause: grant.CauseOddCode}
		}
		return a.fail(ctx, r, f)
	}
	r := cureFor(f.Code, says)
	a.k.opt.Logger.Info("refused authorisation looked up", "grant", a.claim.Grant.ID, "errcode", f.Code, "cause", r.cause)
	if r != keepAnother {
		return a.fail(ctx, r, f)
	}
	if !a.key.IsZero() {
		a.rotated(f)
	}
	return a.keepRefresh(ctx, kept, refresh, f)
}

// lookUp asks what WeChat knows of the authorisation. It leaves room to settle.
func (a *attempt) lookUp(ctx context.Context) (refresh secret.Value, says looked, err error) {
	ctx, cancel := a.leavingRoom(ctx, a.k.opt.Margin)
	defer cancel()
	start := a.k.now()
	refresh, authorised, err := a.k.opt.Platform.FindRefresh(ctx, a.claim.App, a.platform.Value, a.claim.Grant.Authorizer)
	a.heard(err, start)
	switch {
	case !authorised:
		return refresh, lookedGone, err
	case refresh.IsZero():
		return refresh, lookedNone, err
	case refresh.Equal(a.key):
		return refresh, lookedSame, err
	}
	return refresh, lookedAnother, err
}

// keepRefresh keeps a refresh token that was looked up. It is durable before it is
// used, so this lease ends and the next one asks with it, at once. When WeChat
// refuses what it named, that goes on by the plan.
//
// The access token stays as long as it lives, unless somebody has just reported
// it.
func (a *attempt) keepRefresh(ctx context.Context, kept, refresh secret.Value, f *Failure) (Token, error) {
	g, now := a.claim.Grant, a.k.now()
	if a.want.rejected != 0 || !now.Before(g.Tokens.AccessExpires) {
		kept = secret.Value{}
	}
	tokens, err := a.seal(ctx, Answer{Access: kept, Refresh: refresh}, g.Tokens.AccessExpires)
	if err != nil {
		return a.fail(ctx, reaction{do: stop, cause: grant.CauseUnsealed}, &Failure{Err: err})
	}
	a.k.opt.Step(StepSeal)
	if g.Cause == grant.CauseFound {
		return a.failWith(ctx, keepAnother, f, &tokens)
	}
	e := a.unchanged(now)
	e.Settle.Tokens, e.Settle.Cause, e.Settle.DueAt = &tokens, grant.CauseFound, now
	v := verdict{outcome: audit.Done, cause: grant.CauseFound, code: f.Code, rid: f.RID}
	e.Audit = []audit.Entry{a.entry(v, &tokens, now)}
	if err := a.settle(ctx, e); err != nil {
		return Token{}, err
	}
	return a.k.renew(ctx, g.ID, want{demand: a.want.demand, kicked: true})
}
