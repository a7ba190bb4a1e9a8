package login

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat/event"
)

// causeCancelled is why a grant ended whose person closed the WeChat account.
const causeCancelled = "account_closed"

// lateBy is how much older than the person's newest login a withdrawal must be to
// be passed over. It comes up to a day late, and must not end what the person
// agreed to after it; within the time that clocks may differ it ends too much
// rather than too little.
const lateBy = 5 * time.Minute

// DecidePush says what follows when WeChat pushes to app that a person withdrew
// something, closed the account, or got another name and picture. It is for service
// accounts and websites; other events, other apps' people and strangers change
// nothing. The errors are [event.ErrIncomplete] and those of the store.
//
//	user_authorization_revoke         the person's grants of the app, shops that
//	                                  say so and every session end; name and face
//	                                  are deleted, whichever item it was
//	user_authorization_cancellation   the same, and the openid is deleted, with
//	                                  sessions and consents
//	user_info_modified                name and face are deleted; the next login
//	                                  takes them anew
func (l *Login) DecidePush(ctx context.Context, app access.App, e event.Event, at time.Time) (grant.Effects, error) {
	nothing := grant.Effects{At: at}
	c, err := e.UserChange()
	if errors.Is(err, event.ErrOtherEvent) {
		return nothing, nil
	}
	if err != nil || c.OpenID == "" || c.AppID != "" && c.AppID != app.AppID {
		return nothing, err
	}
	id, err := l.o.Store.Identity(ctx, app.ID, c.OpenID)
	if errors.Is(err, access.ErrNotFound) {
		return nothing, nil
	}
	if err != nil {
		return nothing, err
	}
	forget := grant.Forgetting{App: app.ID, OpenID: c.OpenID, FaceOnly: true}
	switch {
	case c.Name == event.NameUserCancelled:
		forget.FaceOnly = false
		return l.leaves(ctx, e.Name, causeCancelled, id, forget, at)
	case c.Name == event.NameUserRevoked:
		if happened := e.Time(); !happened.IsZero() && id.SeenAt.After(happened.Add(lateBy)) {
			return nothing, nil
		}
		return l.leaves(ctx, e.Name, causeWithdrawn, id, forget, at)
	}
	nothing.Forget = []grant.Forgetting{forget}
	nothing.Audit = []audit.Entry{{
		At: at, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "profile.forget", Subject: "person:" + id.PersonID,
		Outcome: audit.Done, Reason: e.Name,
	}}
	return nothing, nil
}

// leaves is what ends with a person's word to WeChat about one app.
func (l *Login) leaves(ctx context.Context, name, cause string, id access.Identity, forget grant.Forgetting, at time.Time) (grant.Effects, error) {
	p, err := l.o.Store.Person(ctx, id.PersonID)
	if err != nil {
		return grant.Effects{}, err
	}
	grants, err := l.o.Store.Grants(ctx, grant.Filter{PersonID: p.ID, Kind: grant.User})
	if err != nil {
		return grant.Effects{}, err
	}
	grants = slices.DeleteFunc(grants, func(g grant.Grant) bool { return g.App != id.App || g.OpenID != id.OpenID })
	effects, err := l.ending(ctx, at, audit.Actor{Kind: audit.ActorPerson, ID: p.ID}, p, cause, grants)
	if err != nil {
		return grant.Effects{}, err
	}
	effects.Forget = []grant.Forgetting{forget}
	effects.Audit[0].Reason = name
	return effects, nil
}
