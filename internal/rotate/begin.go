package rotate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Start is a rotation that is wanted.
type Start struct {
	Kind    access.RotationKind
	Subject string // id of an app; for an app-secret also of a shop with its own key; of a client
	// New is the new push token or AES key; zero has one made, which is shown once.
	New secret.Value
	// Fresh has the token of a shop replaced although it lives, so that there are two
	// hours. It costs one of the 20 forced refreshes of a day and ends the token for
	// all programs that have it.
	Fresh bool
	Until time.Time // when a client's first key ends by itself; zero: when somebody says so
}

// Begun is a rotation that began.
type Begun struct {
	access.Rotation
	// Made is a client's new key, or a push token or AES key that was made: shown once.
	Made secret.Value
	// TokenEnds is how long the kept token lives; zero when the secret brings none.
	TokenEnds time.Time
	// Trouble says why no token was had with the old secret; nil when one was.
	Trouble error
}

// Begin begins a rotation. A [*Refusal] says why not.
func (a *Assistant) Begin(ctx context.Context, by audit.Actor, s Start) (Begun, error) {
	switch s.Kind {
	case access.RotateAppSecret, access.RotateComponentSecret:
		return a.beginSecret(ctx, by, s)
	case access.RotatePushToken, access.RotateAESKey:
		return a.beginPush(ctx, by, s)
	case access.RotateClient:
		return a.beginClient(ctx, by, s)
	}
	return Begun{}, unknownKind()
}

// fresh is a rotation that begins now.
func (a *Assistant) fresh(by audit.Actor, kind access.RotationKind, subject string, state access.RotationState) access.Rotation {
	now := a.o.Now()
	return access.Rotation{ID: access.NewID("rot"), Kind: kind, Subject: subject, State: state, By: actorName(by), BegunAt: now, ChangedAt: now}
}

// beginSecret says that the secret is about to change, then has a token asked for
// while the old one works. In this order a reset that came first stops no grant.
func (a *Assistant) beginSecret(ctx context.Context, by audit.Actor, s Start) (Begun, error) {
	app, err := a.secretApp(ctx, s)
	if err != nil {
		return Begun{}, err
	}
	r := a.fresh(by, s.Kind, app.ID, access.RotationWaits)
	r, err = a.change(ctx, by, func() (access.Rotation, step, error) {
		app, err := a.secretApp(ctx, s)
		if err == nil {
			err = a.alone(ctx, s.Kind, app.ID)
		}
		r.Version, r.DueAt = app.SecretVersion, a.o.Now().Add(waitFor)
		return r, step{action: "rotation.begin"}, err
	})
	if err != nil {
		return Begun{}, err
	}
	b := Begun{Rotation: r}
	b.TokenEnds, b.Trouble = a.renew(ctx, app, secret.Value{}, s.Fresh, by)
	return b, nil
}

// Renew asks once more for a token with the old secret, while the rotation waits for
// the new one. fresh is as in [Start].
func (a *Assistant) Renew(ctx context.Context, by audit.Actor, id string, fresh bool) (Begun, error) {
	r, err := a.live(ctx, id, access.RotationWaits)
	if err != nil {
		return Begun{}, err
	}
	app, err := a.o.Directory.App(ctx, r.Subject)
	if err != nil {
		return Begun{}, err
	}
	b := Begun{Rotation: r}
	b.TokenEnds, b.Trouble = a.renew(ctx, app, secret.Value{}, fresh, by)
	return b, nil
}

// shopApp begins the ids of the apps that shops have of their own.
const shopApp = "shop-"

// secretApp finds the app whose secret is meant.
func (a *Assistant) secretApp(ctx context.Context, s Start) (access.App, error) {
	app, err := a.o.Directory.App(ctx, s.Subject)
	if errors.Is(err, access.ErrNotFound) && s.Kind == access.RotateAppSecret {
		app, err = a.o.Directory.App(ctx, shopApp+s.Subject)
	}
	if err != nil {
		return app, err
	}
	if len(app.Secret) == 0 || (app.Kind == access.Component) != (s.Kind == access.RotateComponentSecret) {
		return app, wrongKind(s.Kind, s.Subject)
	}
	return app, nil
}

// grantOf gives the grant whose token is asked for with an app's secret; none for an
// app that only logs people in.
func (a *Assistant) grantOf(ctx context.Context, app access.App) (g grant.Grant, ok bool, err error) {
	switch app.Kind {
	case access.Component:
		g, err = a.o.Grants.ComponentGrant(ctx, app.ID)
		if errors.Is(err, grant.ErrNotFound) {
			return g, false, nil
		}
		return g, err == nil && renews(g), err
	case access.ShopApp:
		all, err := a.o.Grants.Grants(ctx, grant.Filter{ShopID: strings.TrimPrefix(app.ID, shopApp), Kind: grant.Self})
		for _, g := range all {
			if g.App == app.ID && renews(g) {
				return g, true, err
			}
		}
		return g, false, err
	}
	return g, false, nil
}

// renews tells whether the keeper asks for tokens of a grant.
func renews(g grant.Grant) bool { return g.State == grant.Active || g.State == grant.Stopped }

// renew asks for the token that rests on an app's secret, with plain unless that is
// zero. Without a grant it asks nothing.
func (a *Assistant) renew(ctx context.Context, app access.App, plain secret.Value, fresh bool, by audit.Actor) (ends time.Time, err error) {
	g, ok, err := a.grantOf(ctx, app)
	if err != nil || !ok {
		return time.Time{}, err
	}
	ends, err = a.o.WeChat.Renew(ctx, g.ID, plain, fresh && app.Kind == access.ShopApp, by)
	if err != nil {
		if a.o.Now().Before(g.Tokens.AccessExpires) {
			ends = g.Tokens.AccessExpires
		}
		return ends, fmt.Errorf("rotate: %w", err)
	}
	return ends, nil
}
