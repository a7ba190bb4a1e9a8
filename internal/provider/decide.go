package provider

import (
	"context"
	"errors"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat/event"
)

// Refusals of pushes. Nothing may follow from such a push.
var (
	// ErrOtherPlatform says that the push speaks of another platform than the one
	// whose keys opened it.
	ErrOtherPlatform = errors.New("provider: the push is about another third-party platform; check which event URL it was sent to")
	// ErrFuture says that the push is dated far in the future. Taking it would have
	// every later event ignored as older.
	ErrFuture = errors.New("provider: the push is dated in the future; check this server's clock")
)

// ahead is how far in the future an event may be dated: clocks differ.
const ahead = time.Hour

// Decide tells what follows from a push about the platform app itself that arrived
// at a time: the ticket is kept, an authoriser is noted or withdrawn. An InfoType
// that is not known leads to nothing.
//
// The effects name the versions of rows that they rest on. If they are refused
// with [grant.ErrLost], decide again. Errors are those of package event,
// [ErrOtherPlatform], [ErrFuture], and those of the store.
func (p *Provider) Decide(ctx context.Context, app access.App, e event.Event, at time.Time) (grant.Effects, error) {
	if e.Time().After(at.Add(ahead)) {
		return grant.Effects{}, ErrFuture
	}
	switch e.Name {
	case event.NameTicket:
		return p.decideTicket(ctx, app, e, at)
	case event.NameAuthorized, event.NameUpdateAuthorized:
		return p.decideAuthorized(ctx, app, e, at)
	case event.NameUnauthorized:
		return p.decideUnauthorized(ctx, app, e, at)
	}
	return grant.Effects{At: at}, nil
}

// decideAuthorized notes that an account authorised the platform, or changed what
// it granted: it is looked at as soon as the note is written.
func (p *Provider) decideAuthorized(ctx context.Context, app access.App, e event.Event, at time.Time) (grant.Effects, error) {
	out := grant.Effects{At: at}
	a, err := e.Authorization()
	if err != nil {
		return out, err
	}
	if a.ComponentAppID != app.AppID {
		return out, ErrOtherPlatform
	}
	k, err := p.known(ctx, app, a.AuthorizerAppID)
	if err != nil {
		return out, err
	}
	if !k.row.EventAt.Before(e.Time()) || k.stays(a.Updated, e.Time()) {
		return out, nil
	}
	row := k.row
	row.EventAt = e.Time()
	if row.Code, row.CodeEnds, err = p.sealCode(row, a, at); err != nil {
		return out, err
	}
	row.State, row.DueAt, row.Attempt, row.Cause = k.reopened(), at, 0, ""
	out.Authorizers = []grant.Authorizer{row}
	out.Audit = entry(at, "authorizer.authorized", row, nil)
	return out, nil
}

// reopened is the state of an authoriser that authorised the platform.
func (k known) reopened() grant.AuthorizerState {
	if k.row.State == "" || k.row.State == grant.AuthorizerWithdrawn || k.grant.State == grant.Revoked {
		return grant.AuthorizerNew
	}
	return k.row.State
}

// stays tells whether the grant was revoked here and the event does not bring it
// back. Only a new authorisation does: an update says that the old one was never
// withdrawn at WeChat.
func (k known) stays(updated bool, when time.Time) bool {
	if k.grant.State != grant.Revoked || k.reopenedByOwner() {
		return false
	}
	return updated || !when.After(k.grant.UpdatedAt)
}

// reopenedByOwner tells whether an authorisation newer than the revocation of the
// grant is noted already.
func (k known) reopenedByOwner() bool {
	return k.row.State == grant.AuthorizerNew && k.row.EventAt.After(k.grant.UpdatedAt)
}

// decideUnauthorized ends what an account granted.
func (p *Provider) decideUnauthorized(ctx context.Context, app access.App, e event.Event, at time.Time) (grant.Effects, error) {
	w, err := e.Withdrawal()
	if err != nil {
		return grant.Effects{At: at}, err
	}
	if w.ComponentAppID != app.AppID {
		return grant.Effects{At: at}, ErrOtherPlatform
	}
	k, err := p.known(ctx, app, w.AuthorizerAppID)
	if err != nil {
		return grant.Effects{At: at}, err
	}
	when := e.Time()
	if k.row.EventAt.After(when) || k.row.State == grant.AuthorizerWithdrawn && k.row.EventAt.Equal(when) {
		return grant.Effects{At: at}, nil
	}
	k.row.EventAt = when
	return k.withdraw(at, "event"), nil
}
