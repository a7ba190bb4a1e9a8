package keeper

import (
	"context"
	"errors"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Secrets knows of AppSecrets that are on their way from one to the next. WeChat
// ends the old one the moment somebody resets it, and the new one is entered here by
// hand: in between nothing is wrong that the keeper should give up for.
type Secrets interface {
	// OtherSecret gives the secret of an app beside the one that is in use: the new
	// one that is not in use yet, or the one before. waits says that the new one is
	// still to come.
	OtherSecret(ctx context.Context, app string) (other secret.Value, waits bool, err error)
}

// noSecrets is for those who know of no other ones.
type noSecrets struct{}

func (noSecrets) OtherSecret(context.Context, string) (secret.Value, bool, error) {
	return secret.Value{}, false, nil
}

// awaitsSecret is what a refused AppSecret leads to while the new one is on its way.
// Who rotates it tells.
var awaitsSecret = reaction{do: again, cause: grant.CauseAwaitsSecret, quiet: true}

// takeOther finds out whether there is another AppSecret to ask with, and else what
// the refusal of this one leads to.
func (a *attempt) takeOther(ctx context.Context, r reaction) (reaction, bool) {
	other, waits, err := a.k.opt.Secrets.OtherSecret(ctx, a.claim.App.ID)
	if err != nil {
		a.k.opt.Logger.Warn("rotation of the AppSecret not read; it is looked at again with the next try", "app", a.claim.App.ID, "err", err)
	}
	if waits {
		r = awaitsSecret
	}
	if other.IsZero() || other.Equal(a.key) {
		return r, false
	}
	a.key = other
	a.lastWord = r
	return r, true
}

// ErrRefusedTrial says that WeChat refused a secret on trial as not the app's: the
// [*Failure] beside it has the errcode. Who is refused for another reason, such as an
// address that is not listed, has not learned anything about the secret.
var ErrRefusedTrial = errors.New("keeper: WeChat refuses this secret; enter the one that WeChat shows")

// failedTrial leaves the grant as it is: it does not use the secret that WeChat did
// not take.
func (a *attempt) failedTrial(ctx context.Context, r reaction, f *Failure) (Token, error) {
	if r.first == otherSecret {
		f.Err = errors.Join(ErrRefusedTrial, f.Err)
	}
	return Token{}, a.release(ctx, f)
}

// Renewal asks for a token ahead of its plan.
type Renewal struct {
	// Secret is asked with instead of the kept AppSecret, zero for that one. When
	// WeChat refuses it the grant stays as it is, and the error is a [*Failure].
	Secret secret.Value
	// Fresh has a stable token replaced that still lives. It costs one of the forced
	// refreshes of the day, and ends the token for every program that has it.
	Fresh bool
	By    string // who spends a forced refresh; see [ByAdmin]
}

// Renew asks WeChat for the token of a self or component grant now, and keeps what it
// answers. It waits for a refresh that is under way. A stable token that still lives
// comes again, unless a fresh one is wanted.
func (k *Keeper) Renew(ctx context.Context, grantID string, r Renewal) (Token, error) {
	w := want{kicked: true, trial: r.Secret, fresh: r.Fresh, by: r.By}
	for {
		g, err := k.opt.Store.Grant(ctx, grantID)
		if err != nil {
			return Token{}, err
		}
		if finished(g) || g.State == grant.Revoked || hasRefresh(g.Kind) {
			return Token{}, refusal(g, k.now(), nil)
		}
		tok, err := k.renew(ctx, grantID, w)
		if !errors.Is(err, grant.ErrLeased) {
			return tok, err
		}
		if !k.awaitHolder(ctx, grantID) {
			return Token{}, notYet(grantID, k.opt.Tick, context.Cause(ctx))
		}
	}
}
