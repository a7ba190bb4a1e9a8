package app

import (
	"context"
	"errors"

	"github.com/zhanggui/zhanggui/internal/dropin"
	"github.com/zhanggui/zhanggui/internal/gateway"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/keeper"
)

// tokens lends the keeper's tokens to the gateway, and its reasons in the
// gateway's words. by names who pays for a forced refresh.
type tokens struct {
	keeper *keeper.Keeper
	by     func(client string) string
}

// Token implements gateway.Tokens.
func (t tokens) Token(ctx context.Context, shop string) (gateway.Token, error) {
	return lend(t.keeper.Token(ctx, shop))
}

// Report implements gateway.Tokens.
func (t tokens) Report(ctx context.Context, c gateway.Complaint) (gateway.Token, error) {
	return lend(t.keeper.Report(ctx, keeper.Complaint{
		Shop: c.Shop, Generation: c.Generation, ErrCode: c.ErrCode, By: t.by(c.Client),
	}))
}

// Proved implements gateway.Tokens.
func (t tokens) Proved(shop string, generation int64) { t.keeper.Proved(shop, generation) }

func byOperator(string) string { return keeper.ByOperator }

func lend(t keeper.Token, err error) (gateway.Token, error) {
	if err == nil {
		return gateway.Token{Value: t.Value, Generation: t.Generation}, nil
	}
	ke, ok := errors.AsType[*keeper.Error](err)
	if !ok {
		return gateway.Token{}, err
	}
	if ke.Cause == grant.CauseUnreadable {
		return gateway.Token{}, &gateway.TokenError{Reason: gateway.ErrUnreadable, RetryAfter: ke.RetryAfter, Err: err}
	}
	for reason, word := range map[error]error{
		keeper.ErrUnknownShop: gateway.ErrNoShop,
		keeper.ErrRevoked:     gateway.ErrRevoked,
		keeper.ErrNeedsOwner:  gateway.ErrNeedsOwner,
		keeper.ErrHeld:        gateway.ErrHeld,
		keeper.ErrFollowed:    gateway.ErrFollows,
		keeper.ErrStopped:     gateway.ErrStopped,
		keeper.ErrNotYet:      gateway.ErrNotYet,
	} {
		if errors.Is(ke.Reason, reason) {
			return gateway.Token{}, &gateway.TokenError{Reason: word, ErrCode: ke.ErrCode, RetryAfter: ke.RetryAfter, Err: err}
		}
	}
	return gateway.Token{}, err
}

// exportable lends the keeper's tokens to programs that may take them away.
type exportable struct{ keeper *keeper.Keeper }

// Token implements dropin.Tokens.
func (e exportable) Token(ctx context.Context, shop string) (dropin.Token, error) {
	t, err := e.keeper.Token(ctx, shop)
	if err != nil {
		return dropin.Token{}, noToken(err)
	}
	return dropin.Token{Value: t.Value, Generation: t.Generation, Ends: t.Expires}, nil
}

// movers lends the keeper to whoever moves shops between keys.
type movers struct{ *keeper.Keeper }

// Ready implements setup.Tokens.
func (m movers) Ready(ctx context.Context, grantID string) error {
	_, err := m.UserToken(ctx, grantID)
	return err
}

// Moved implements setup.Tokens.
func (m movers) Moved(shopID string) { m.ForgetShop(shopID) }
