package keeper

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// want is why a refresh is made. The zero want is the schedule's.
type want struct {
	demand   bool         // somebody waits for a token: look again whether it is there by now
	kicked   bool         // somebody said that it is worth a look now
	woken    bool         // a gate opened: look again whether it still failed, another replica may have been quicker
	rejected int64        // the generation that WeChat refused, 0 for none
	by       string       // who says so; see [Complaint]
	trial    secret.Value // an AppSecret to ask with instead of the kept one
	fresh    bool         // a stable token that lives is to be replaced
}

// scheduled says that nothing but the plan wants it.
func (w want) scheduled() bool { return !w.demand && !w.kicked && !w.woken && w.rejected == 0 }

// attempt is one refresh under one lease.
type attempt struct {
	k     *Keeper
	claim grant.Claim
	want  want
	begin time.Time // before the claim was asked for
	trust time.Time // until when the lease is believed in
	epoch uint64    // of the memory when the attempt began

	way    route // to WeChat
	ticket bool  // it finds out whether WeChat can be reached again

	key      secret.Value    // what the request is made with: an AppSecret, or a refresh token
	tickets  []secret.Value  // of a platform, the one to ask with first
	platform Token           // the platform's token, for the grant of an account
	lastWord reaction        // to a refused AppSecret, when the other one is refused too
	tried    map[remedy]bool // so that each is tried once

	proof proof // of the token that is kept
	next  move  // what the report led to; the schedule's attempts have none
	same  bool  // WeChat gave out the token that is kept
	spent error // why no forced refresh was spent

	death *grant.Death // of the kept token; nil: it lives, as far as is known
	ended int          // forced refreshes that were owed and that WeChat answered
}

// leaseUntil is when the lease is certainly over.
func (a *attempt) leaseUntil() time.Time { return a.begin.Add(a.k.opt.Lease) }

// attempt refreshes a claimed grant, settles, and gives the token that is kept
// afterwards. begin is from before the claim. It is bounded by the lease and
// by nothing that the caller does.
func (k *Keeper) attempt(ctx context.Context, c grant.Claim, begin time.Time, w want) (Token, error) {
	a := &attempt{
		k: k, claim: c, want: w, begin: begin, epoch: k.epoch.Load(), way: routeOf(c.App),
		trust: begin.Add(k.opt.Lease - k.opt.Margin), proof: proof{at: c.Grant.Proved, doubts: c.Grant.Doubts},
	}
	defer k.markBusy(c.Grant.ID)()
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), a.trust.Sub(k.now()), errTrustOver)
	defer cancel()
	k.opt.Step(StepClaim)
	defer a.testify()
	return a.run(ctx)
}

var errTrustOver = errors.New("keeper: the lease is nearly over; somebody else may claim the grant soon")

// run is the whole of a refresh; see the package comment.
func (a *attempt) run(ctx context.Context) (Token, error) {
	now, g := a.k.now(), a.claim.Grant
	if !a.room(now) {
		return Token{}, a.release(ctx, notYet(g.ID, a.k.opt.Tick, errTrustOver))
	}
	if a.want.demand {
		// Got the lease? Look again: its last holder may have done the work.
		if tok, ok, err := a.k.answer(g, a.want, now); ok || err != nil {
			return tok, a.release(ctx, err)
		}
	}
	if a.want.woken && healthy(g, now) {
		return Token{}, a.release(ctx, nil)
	}
	if end := refreshEnd(g.Tokens); g.Kind == grant.User && !end.IsZero() && !now.Before(end) {
		return a.fail(ctx, reaction{do: dead, cause: grant.CauseEnded}, &Failure{})
	}
	if a.sleepy(now) {
		return a.sleep(ctx, now)
	}
	if wait := a.admit(now); wait > 0 {
		return a.putOff(ctx, now, wait)
	}
	defer a.giveBack()
	return a.refresh(ctx)
}

// refresh does what the lease was taken for.
func (a *attempt) refresh(ctx context.Context) (Token, error) {
	if a.claim.Grant.State == grant.Revoked {
		return Token{}, a.kill(ctx)
	}
	kept, err := a.open()
	if err != nil {
		return a.fail(ctx, reaction{do: stop, cause: grant.CauseUnreadable}, &Failure{Err: err})
	}
	if a.claim.Grant.Kills > 0 && a.want.rejected == 0 {
		return a.killLiving(ctx, kept)
	}
	if a.want.rejected != 0 {
		a.next = a.onReport(ctx, kept)
		if a.next == moveLeave {
			return a.leave(ctx)
		}
	} else {
		a.prove(ctx, kept)
	}
	if a.want.fresh {
		a.next = moveForce
	}
	return a.renew(ctx, kept)
}

// renew asks WeChat and keeps what it answers. A probe before it may have used
// up the room.
func (a *attempt) renew(ctx context.Context, kept secret.Value) (Token, error) {
	g := a.claim.Grant
	if lack, err := a.equip(ctx); err != nil {
		return a.unequipped(ctx, lack, err)
	}
	asked := a.k.now()
	if !a.room(asked) {
		return Token{}, a.release(ctx, notYet(g.ID, a.k.opt.Tick, errTrustOver))
	}
	if g.Kind == grant.ISV && a.key.IsZero() {
		return a.heal(ctx, kept, &Failure{Outcome: wechat.OutcomeNotSent, Err: errNoRefresh})
	}
	ans, err := a.ask(ctx, kept, &asked)
	if err != nil {
		return a.refused(ctx, kept, asFailure(err))
	}
	return a.keep(ctx, ans, kept, asked)
}

// room tells whether there is time to ask and to settle while the lease is
// trusted.
func (a *attempt) room(now time.Time) bool { return a.trust.Sub(now) >= a.k.opt.Ask+a.k.opt.Margin }

// open takes the key that the request needs: the AppSecret of a self or component
// grant, the refresh token of a user or isv grant. It gives the kept access
// token, empty if there is none or it cannot be read.
func (a *attempt) open() (kept secret.Value, err error) {
	g := a.claim.Grant
	switch {
	case !a.want.trial.IsZero():
		a.key = a.want.trial
	case !hasRefresh(g.Kind):
		a.key, err = a.appSecret()
	case g.Kind == grant.User || len(g.Tokens.Refresh) > 0: // an account's may have to be looked up
		a.key, err = a.k.opt.Vault.Open(g.Tokens.Refresh, vault.GrantRefresh(g.ID, string(g.Kind), g.Tokens.Generation))
	}
	if err != nil {
		return kept, err
	}
	if g.Tokens.Generation > 0 {
		kept, _ = a.k.openAccess(g) // unreadable: the new token is another one then
	}
	return kept, nil
}

// hasRefresh says whether grants of a kind keep a refresh token.
func hasRefresh(kind grant.Kind) bool { return kind == grant.User || kind == grant.ISV }

func (k *Keeper) openAccess(g grant.Grant) (secret.Value, error) {
	return k.opt.Vault.Open(g.Tokens.Access, vault.GrantAccess(g.ID, string(g.Kind), g.Tokens.Generation))
}

// ask sends the request, and a forced one after it when the answer is a token
// that was proved dead. asked becomes the start of the request that brought
// the answer.
func (a *attempt) ask(ctx context.Context, kept secret.Value, asked *time.Time) (Answer, error) {
	ans, err := a.askOnce(ctx, false)
	if err != nil {
		a.unnamed(err, *asked)
		return ans, err
	}
	a.same = ans.Access.Equal(kept)
	if a.named(ans, kept, *asked); !a.same {
		return ans, nil
	}
	if a.next != moveForce || !a.mayForce(ctx) {
		return ans, nil
	}
	*asked = a.k.now()
	forced, err := a.askOnce(ctx, true)
	if err == nil {
		a.same = forced.Access.Equal(kept)
	}
	return forced, err
}

// askOnce sends one request, bounded by its own deadline inside the lease.
func (a *attempt) askOnce(ctx context.Context, force bool) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, a.k.opt.Ask)
	defer cancel()
	start := a.k.now()
	ans, err := a.send(ctx, a.key, force)
	if err == nil {
		err = a.check(ans)
	}
	a.k.opt.Step(StepAsk)
	a.heard(err, start)
	return ans, err
}

func (a *attempt) send(ctx context.Context, key secret.Value, force bool) (Answer, error) {
	switch a.claim.Grant.Kind {
	case grant.User:
		return a.k.opt.Platform.RefreshUser(ctx, a.claim.App, key)
	case grant.Component:
		return a.k.opt.Platform.Component(ctx, a.claim.App, key, a.tickets[0])
	case grant.ISV:
		return a.k.opt.Platform.RefreshAuthorizer(ctx, a.claim.App, a.platform.Value, a.claim.Grant.Authorizer, key)
	}
	return a.k.opt.Platform.Stable(ctx, a.claim.App, key, force)
}

// check refuses an answer that cannot be kept.
func (a *attempt) check(ans Answer) error {
	if ans.Access.IsZero() || ans.ExpiresIn <= 0 {
		return &Failure{Outcome: wechat.OutcomeAnswered, Err: wechat.ErrMalformed}
	}
	if g := a.claim.Grant; ans.OpenID != "" && g.Kind == grant.User && ans.OpenID != g.OpenID {
		return &Failure{Outcome: wechat.OutcomeAnswered, Err: errStranger}
	}
	return nil
}

var errStranger = errors.New("keeper: the answer belongs to another person; nothing was kept, check the app's settings")

// longestLife is the longest life that is believed. WeChat documents two
// hours; renewing earlier than needed is harmless, later is not.
const longestLife = 2 * time.Hour

// sameEnd is how far two ends of one token may lie apart: WeChat answers in
// whole seconds, and requests take time.
const sameEnd = 15 * time.Second

// keep seals an answer and settles it. Nothing uses the answer before it is
// durable.
func (a *attempt) keep(ctx context.Context, ans Answer, kept secret.Value, asked time.Time) (Token, error) {
	g := a.claim.Grant
	end := asked.Add(min(ans.ExpiresIn, longestLife))
	lives := asked.Before(g.Tokens.AccessExpires)
	if a.same && lives && g.Kind == grant.Self && within(g.Tokens.AccessExpires, end, sameEnd) {
		// Nothing new to keep. What is learned is when to ask again.
		return a.succeed(ctx, nil, kept, end)
	}
	tokens, err := a.seal(ctx, ans, end)
	if err != nil {
		return a.fail(ctx, reaction{do: stop, cause: grant.CauseUnsealed}, &Failure{Err: err})
	}
	a.k.opt.Step(StepSeal)
	return a.succeed(ctx, &tokens, ans.Access, end)
}

// seal makes the next generation of tokens. It tries again for a moment: the
// answer may hold a refresh token that WeChat will not give out twice.
func (a *attempt) seal(ctx context.Context, ans Answer, end time.Time) (grant.Tokens, error) {
	for n := 1; ; n++ {
		t, err := a.sealOnce(ans, end)
		if err == nil || n == sealTries || !pause(ctx, pauseFor(n)) {
			return t, err
		}
	}
}

const sealTries = 4

func (a *attempt) sealOnce(ans Answer, end time.Time) (grant.Tokens, error) {
	g, v := a.claim.Grant, a.k.opt.Vault
	t := g.Tokens
	t.Generation++
	t.AccessExpires = end
	var err error
	if ans.Access.IsZero() {
		t.Access, t.AccessExpires = nil, time.Time{}
	} else if t.Access, err = v.Seal(ans.Access, vault.GrantAccess(g.ID, string(g.Kind), t.Generation)); err != nil {
		return t, err
	}
	if !hasRefresh(g.Kind) {
		return t, nil
	}
	// The refresh token is sealed again even if it is the old one: its place
	// names the generation.
	refresh := ans.Refresh
	if refresh.IsZero() {
		refresh = a.key
	}
	t.Refresh, err = v.Seal(refresh, vault.GrantRefresh(g.ID, string(g.Kind), t.Generation))
	return t, err
}

// succeed settles a token and puts it into memory. A nil tokens keeps the old
// ones.
func (a *attempt) succeed(ctx context.Context, tokens *grant.Tokens, value secret.Value, end time.Time) (Token, error) {
	g, now := a.claim.Grant, a.k.now()
	kept := g.Tokens
	if tokens != nil {
		kept = *tokens
	}
	v := verdict{
		outcome: audit.Done, state: grant.Active,
		due: notAfter(renewAt(g.Kind, now, end, a.k.opt.Jitter), now, kept),
	}
	if err := a.settle(ctx, a.effects(v, tokens, now)); err != nil {
		return Token{}, err
	}
	tok := Token{Value: value, Generation: kept.Generation, Expires: end, GrantID: g.ID}
	a.k.hold(g, tok, a.epoch)
	if g.Kind == grant.Component {
		a.k.platformCame(g.App)
	}
	if a.want.rejected != 0 {
		return a.replaced(tok)
	}
	return tok, nil
}

// fail settles a failure. The error says what the grant is now.
func (a *attempt) fail(ctx context.Context, r reaction, f *Failure) (Token, error) {
	return a.failWith(ctx, r, f, nil)
}

// failWith is fail, with tokens that are to be kept all the same.
func (a *attempt) failWith(ctx context.Context, r reaction, f *Failure, tokens *grant.Tokens) (Token, error) {
	g, now := a.claim.Grant, a.k.now()
	v := judge(g, r, f, now, a.leaseUntil(), a.k.opt.Jitter)
	level := slog.LevelWarn
	if r.quiet {
		level = slog.LevelDebug
	}
	a.k.opt.Logger.Log(ctx, level, "refresh failed", "grant", g.ID, "cause", v.cause, "errcode", v.code,
		"rid", v.rid, "attempt", v.attempt, "next", v.due, "err", f.Err)
	if err := a.settle(ctx, a.effects(v, tokens, now)); err != nil {
		return Token{}, err
	}
	g.State, g.Cause, g.ErrCode, g.DueAt, g.Attempt = v.state, v.cause, v.code, v.due, v.attempt
	return Token{}, refusal(g, now, f.Err)
}

func within(a, b time.Time, d time.Duration) bool { return a.Sub(b).Abs() <= d }

// pauseFor gives the short waits of tries under a lease: 50 ms, doubled.
func pauseFor(n int) time.Duration { return 25 * time.Millisecond << min(n, 6) }

// pause waits for d and reports whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
