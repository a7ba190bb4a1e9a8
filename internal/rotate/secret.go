package rotate

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// secretForm is what an AppSecret can be. WeChat's pages show 32 hexadecimal digits
// and promise nothing.
var secretForm = regexp.MustCompile(`^[!-~]{1,128}$`)

// Take takes the new AppSecret, proves it at WeChat and cuts over to it. A secret that
// WeChat refuses changes nothing and is a [*Refusal]. When WeChat cannot be asked the
// secret is kept, and proved as soon as it can be: the rotation is taken then.
func (a *Assistant) Take(ctx context.Context, by audit.Actor, id string, plain secret.Value) (access.Rotation, error) {
	r, err := a.live(ctx, id, access.RotationWaits, access.RotationTaken)
	if err != nil {
		return r, err
	}
	app, err := a.o.Directory.App(ctx, r.Subject)
	if err != nil {
		return r, err
	}
	if !secretForm.Match(plain.Reveal()) {
		return r, oddForm(r.Kind)
	}
	if app.SecretVersion != r.Version {
		return r, changedElsewhere(r)
	}
	// A kept secret that does not open is what a new one mends.
	if now, err := a.secretOf(app); err == nil && now.Equal(plain) {
		return r, sameSecret()
	}
	err = a.prove(ctx, app, plain, by)
	refused, isRefused := errors.AsType[*Refused](err)
	switch {
	case isRefused:
		return r, wrongSecret(refused, a.ownerOf(ctx, app.ID, plain))
	case err != nil && !errors.Is(err, ErrUnprovable):
		a.o.Log.Warn("the new AppSecret could not be proved; it is kept, and proved as soon as WeChat can be asked", "rotation", r.ID, "app", app.ID, "err", err)
		return a.keep(ctx, by, id, plain)
	}
	return a.cutOver(ctx, by, id, plain)
}

// prove has WeChat take the secret once.
func (a *Assistant) prove(ctx context.Context, app access.App, plain secret.Value, by audit.Actor) error {
	_, ok, err := a.grantOf(ctx, app)
	if err != nil {
		return err
	}
	if !ok {
		return a.o.WeChat.Prove(ctx, app, plain)
	}
	_, err = a.renew(ctx, app, plain, false, by)
	return err
}

// secretOf opens the secret that is in use.
func (a *Assistant) secretOf(app access.App) (secret.Value, error) {
	return a.o.Vault.Open(app.Secret, vault.AppSecret(app.ID, app.SecretVersion))
}

// maxApps bounds the look for whose secret a wrong one is.
const maxApps = 10_000

// ownerOf finds the other app whose secret this is; empty when it is none's.
func (a *Assistant) ownerOf(ctx context.Context, not string, plain secret.Value) string {
	apps, err := a.o.Directory.Apps(ctx)
	if err != nil {
		return ""
	}
	for _, app := range apps[:min(len(apps), maxApps)] {
		if app.ID == not || len(app.Secret) == 0 {
			continue
		}
		if other, err := a.secretOf(app); err == nil && other.Equal(plain) {
			return app.ID
		}
	}
	return ""
}

// keep stores the new secret beside the one that is in use.
func (a *Assistant) keep(ctx context.Context, by audit.Actor, id string, plain secret.Value) (access.Rotation, error) {
	return a.change(ctx, by, func() (r access.Rotation, s step, err error) {
		if r, err = a.live(ctx, id, access.RotationWaits, access.RotationTaken); err != nil {
			return r, s, err
		}
		r.State, r.DueAt, r.Why = access.RotationTaken, a.o.Now().Add(waitFor), ""
		r.Next, err = a.o.Vault.Seal(plain, vault.RotationNext(r.ID))
		return r, step{action: "rotation.take"}, err
	})
}

// cutOver puts the new secret into use and keeps the one before. The store gives the
// grants of the app a new start with it.
func (a *Assistant) cutOver(ctx context.Context, by audit.Actor, id string, plain secret.Value) (access.Rotation, error) {
	return a.change(ctx, by, func() (r access.Rotation, s step, err error) {
		if r, err = a.live(ctx, id, access.RotationWaits, access.RotationTaken); err != nil {
			return r, s, err
		}
		app, err := a.o.Directory.App(ctx, r.Subject)
		if err != nil {
			return r, s, err
		}
		if app.SecretVersion != r.Version {
			return r, s, changedElsewhere(r)
		}
		r.State, r.DueAt, r.Next, r.Why = access.RotationOverlap, a.o.Now().Add(keepFor), nil, ""
		r.NewSeen = a.o.Now() // the proof
		if before, err := a.secretOf(app); err == nil {
			if r.Previous, err = a.o.Vault.Seal(before, vault.RotationPrevious(r.ID)); err != nil {
				return r, s, err
			}
			r.Replaced = access.ReplacedSecret(a.o.Vault.MAC, app.ID, before)
		}
		app, err = a.with(app, plain)
		r.Version = app.SecretVersion
		return r, step{action: "rotation.cutover", d: access.Declaration{Apps: []access.App{app}}}, err
	})
}

// with gives an app another secret.
func (a *Assistant) with(app access.App, plain secret.Value) (access.App, error) {
	var err error
	app.SecretVersion++
	if app.Secret, err = a.o.Vault.Seal(plain, vault.AppSecret(app.ID, app.SecretVersion)); err != nil {
		return app, fmt.Errorf("rotate: seal the secret of app %s: %w", app.ID, err)
	}
	return app, nil
}

// backToSecret puts the secret before into use again, once WeChat took it.
func (a *Assistant) backToSecret(ctx context.Context, by audit.Actor, r access.Rotation) (access.Rotation, error) {
	before, err := a.o.Vault.Open(r.Previous, vault.RotationPrevious(r.ID))
	if err != nil {
		return r, noWayBack(err)
	}
	app, err := a.o.Directory.App(ctx, r.Subject)
	if err != nil {
		return r, err
	}
	if err := a.prove(ctx, app, before, by); err != nil && !errors.Is(err, ErrUnprovable) {
		if refused, ok := errors.AsType[*Refused](err); ok {
			return r, noWayBack(refused)
		}
		return r, err
	}
	return a.change(ctx, by, func() (now access.Rotation, s step, err error) {
		if now, err = a.live(ctx, r.ID, access.RotationOverlap); err != nil {
			return now, s, err
		}
		app, err := a.o.Directory.App(ctx, now.Subject)
		if err != nil {
			return now, s, err
		}
		if app.SecretVersion != now.Version {
			return now, s, changedElsewhere(now)
		}
		now.State, now.Previous, now.DueAt, now.Replaced = access.RotationBack, nil, never, nil
		app, err = a.with(app, before)
		return now, step{action: "rotation.back", d: access.Declaration{Apps: []access.App{app}}}, err
	})
}

// OtherSecret gives the secret of an app beside the one in use, while it is rotated:
// the new one, or the one before. waits says that the new one is not proved yet, so
// that a refusal of the one in use is no reason to give up.
func (a *Assistant) OtherSecret(ctx context.Context, app string) (other secret.Value, waits bool, err error) {
	all, err := a.o.Store.LiveRotations(ctx)
	if err != nil {
		return secret.Value{}, false, err
	}
	for _, r := range all {
		switch {
		case r.Subject != app || !r.Kind.OfSecret():
		case r.State == access.RotationTaken:
			other, err = a.o.Vault.Open(r.Next, vault.RotationNext(r.ID))
			return other, true, err
		case r.State == access.RotationWaits:
			return secret.Value{}, true, nil
		case len(r.Previous) > 0:
			other, err = a.o.Vault.Open(r.Previous, vault.RotationPrevious(r.ID))
			return other, false, err
		}
	}
	return secret.Value{}, false, nil
}
