package provider

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// Why somebody who comes from the market cannot enter yet, or at all.
var (
	// ErrSettingUp says that the shop is being adopted: ask again in a moment.
	ErrSettingUp = errors.New("provider: the shop is still being set up; try again in a moment")
	// ErrNoShop says that the account is no shop.
	ErrNoShop = errors.New("provider: the account is no WeChat Store; enter with the account of the shop that bought the service")
	// ErrWithdrawn says that the shop withdrew at WeChat, and that WeChat says so
	// when it is asked.
	ErrWithdrawn = errors.New("provider: the shop withdrew its authorisation at WeChat; have its owner authorise the service again")
	// ErrEnded says that an administrator revoked the shop's grant.
	ErrEnded = errors.New("provider: the shop's grant was revoked here; have its owner withdraw and authorise again, or ask the administrator")
)

// Enter gives the shop of an account that WeChat has just named, and adopts it
// now if it is not here: an account that had authorised the platform before sends
// no event when it buys. It waits for a few seconds at most; the adoption goes on
// behind [ErrSettingUp]. Other errors are [ErrNoShop], [ErrWithdrawn], [ErrEnded] and
// those of the store. WeChat is asked about an account once a minute at most, however
// often somebody tries to enter.
func (p *Provider) Enter(ctx context.Context, app, appID string) (access.Shop, error) {
	k, err := p.known(ctx, access.App{ID: app}, appID)
	if err != nil {
		return access.Shop{}, err
	}
	if k.grant.State == grant.Revoked && !k.reopenedByOwner() {
		return access.Shop{}, ErrEnded
	}
	if !k.here() {
		if err := p.lookNow(ctx, k); err != nil {
			return access.Shop{}, err
		}
	}
	shop, err := p.o.Directory.ShopByAppID(ctx, appID)
	if errors.Is(err, access.ErrNotFound) {
		return access.Shop{}, ErrSettingUp
	}
	if err != nil {
		return access.Shop{}, fmt.Errorf("provider: find a shop: %w", err)
	}
	return shop, nil
}

// here says that nothing need be done to let somebody into the shop, or that
// another system does it still.
func (k known) here() bool {
	return k.grant.State.Elsewhere() || k.row.State == grant.AuthorizerKept && (k.grant.State == grant.Active || k.grant.State == grant.Stopped)
}

// lookNow adopts an account now, unless that was tried for somebody else moments ago.
func (p *Provider) lookNow(ctx context.Context, k known) error {
	key := k.row.App + " " + k.row.AppID
	if err := p.looks.begin(key, p.o.Now()); err != nil {
		return err
	}
	err := p.adoptNow(ctx, k)
	answer := errors.Is(err, ErrSettingUp) || errors.Is(err, ErrNoShop) || errors.Is(err, ErrWithdrawn)
	p.looks.end(key, err, answer)
	return err
}

// adoptNow claims an authoriser by name and adopts it. The adoption outlives the
// caller, the wait for it does not.
func (p *Provider) adoptNow(ctx context.Context, k known) error {
	now, row := p.o.Now(), k.row
	row.State, row.DueAt = k.reopened(), now.Add(p.o.Hold)
	err := p.o.Store.Authorise(ctx, grant.Effects{At: now, Authorizers: []grant.Authorizer{row}})
	if errors.Is(err, grant.ErrLost) {
		return ErrSettingUp // somebody else is at it
	}
	if err != nil {
		return fmt.Errorf("provider: claim an authoriser: %w", err)
	}
	row.Version++
	done := make(chan struct{})
	p.wg.Go(func() {
		defer close(done)
		p.adoptSafely(context.WithoutCancel(ctx), row)
	})
	timer := time.NewTimer(p.o.Wait)
	defer timer.Stop()
	select {
	case <-done:
		return p.adopted(ctx, row)
	case <-timer.C:
	case <-ctx.Done():
	}
	return ErrSettingUp
}

// adopted says how an adoption ended.
func (p *Provider) adopted(ctx context.Context, row grant.Authorizer) error {
	k, err := p.known(ctx, access.App{ID: row.App}, row.AppID)
	switch {
	case err != nil:
		return err
	case k.row.State == grant.AuthorizerForeign:
		return ErrNoShop
	case k.here():
		return nil
	case k.gone():
		return ErrWithdrawn
	}
	return ErrSettingUp
}

// gone tells whether the account withdrew, has not authorised the platform since as
// far as events tell, and WeChat does not know it either.
func (k known) gone() bool {
	return refutes(k.grant) && !k.row.EventAt.After(k.grant.UpdatedAt) && k.row.Cause == causeOf(notAuthorised)
}
