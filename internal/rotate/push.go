package rotate

import (
	"context"
	"crypto/rand"
	"fmt"
	"regexp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Forms of push keys: developers.weixin.qq.com/doc/store/shop/dev_before/message_push.
var pushForms = map[access.RotationKind]*regexp.Regexp{
	access.RotatePushToken: regexp.MustCompile(`^[A-Za-z0-9]{3,32}$`),
	access.RotateAESKey:    regexp.MustCompile(`^[A-Za-z0-9]{43}$`),
}

// made gives a random push token or AES key. Its letters and digits hold more than
// 120 bits, or 200.
func made(kind access.RotationKind) secret.Value {
	text := rand.Text() + rand.Text()
	if kind == access.RotatePushToken {
		return secret.FromString(text[:26])
	}
	return secret.FromString(text[:43])
}

// beginPush has pushes opened with the new one as well.
func (a *Assistant) beginPush(ctx context.Context, by audit.Actor, s Start) (Begun, error) {
	b := Begun{}
	plain := s.New
	if plain.IsZero() {
		plain = made(s.Kind)
		b.Made = plain
	} else if !pushForms[s.Kind].Match(plain.Reveal()) {
		return Begun{}, oddForm(s.Kind)
	}
	r := a.fresh(by, s.Kind, s.Subject, access.RotationOverlap)
	var err error
	b.Rotation, err = a.change(ctx, by, func() (access.Rotation, step, error) {
		app, err := a.pushApp(ctx, s)
		if err == nil {
			err = a.alone(ctx, s.Kind, app.ID)
		}
		if err != nil {
			return r, step{}, err
		}
		r.Subject = app.ID
		app, err = a.pushWith(app, s.Kind, plain)
		r.Version = app.Push.Version
		return r, step{action: "rotation.begin", d: access.Declaration{Apps: []access.App{app}}}, err
	})
	return b, err
}

// pushApp finds the app whose push keys are meant.
func (a *Assistant) pushApp(ctx context.Context, s Start) (access.App, error) {
	app, err := a.o.Directory.App(ctx, s.Subject)
	if err != nil {
		if own, ownErr := a.o.Directory.App(ctx, shopApp+s.Subject); ownErr == nil {
			app, err = own, nil
		}
	}
	if err == nil && len(app.Push.Keys) == 0 {
		err = wrongKind(s.Kind, s.Subject)
	}
	return app, err
}

// pushWith gives an app a new token or AES key; the pair before stays beside it.
func (a *Assistant) pushWith(app access.App, kind access.RotationKind, plain secret.Value) (access.App, error) {
	keys, err := a.openPush(app.ID, app.Push.Keys, app.Push.Version)
	if err != nil {
		return app, err
	}
	was := keys
	if kind == access.RotatePushToken {
		keys.Token = plain
	} else {
		keys.AESKey = plain
	}
	if keys.Equal(was) {
		return app, sameSecret()
	}
	return a.putPush(app, keys)
}

func (a *Assistant) openPush(app string, sealed []byte, version int64) (access.PushKeys, error) {
	packed, err := a.o.Vault.Open(sealed, vault.PushKeys(app, version))
	if err != nil {
		return access.PushKeys{}, fmt.Errorf("rotate: open the push keys of app %s: %w", app, err)
	}
	return access.UnpackPushKeys(packed)
}

// putPush makes keys the current ones, and the current ones those before.
func (a *Assistant) putPush(app access.App, keys access.PushKeys) (access.App, error) {
	p := access.Push{Version: app.Push.Version + 1, Previous: app.Push.Keys, PreviousVersion: app.Push.Version}
	sealed, err := a.o.Vault.Seal(keys.Pack(), vault.PushKeys(app.ID, p.Version))
	if err != nil {
		return app, fmt.Errorf("rotate: seal the push keys of app %s: %w", app.ID, err)
	}
	p.Keys = sealed
	app.Push = p
	return app, nil
}

// pushOf reads the app of a rotation of push keys, if its keys are still those that the
// rotation made.
func (a *Assistant) pushOf(ctx context.Context, r access.Rotation) (access.App, error) {
	app, err := a.o.Directory.App(ctx, r.Subject)
	if err == nil && app.Push.Version != r.Version {
		err = changedElsewhere(r)
	}
	return app, err
}

// dropPush deletes the pair before.
func (a *Assistant) dropPush(ctx context.Context, r access.Rotation, force bool) (access.Declaration, error) {
	app, err := a.pushOf(ctx, r)
	if err != nil {
		return access.Declaration{}, err
	}
	if r.NewSeen.IsZero() && !force {
		return access.Declaration{}, notSeen(r)
	}
	app.Push.Previous, app.Push.PreviousVersion = nil, 0
	return access.Declaration{Apps: []access.App{app}}, nil
}

// backToPush makes the pair before the current one. What WeChat may have been told by
// now stays beside it. Push keys that were changed by other means stay as they are.
func (a *Assistant) backToPush(ctx context.Context, r access.Rotation) (access.Declaration, error) {
	app, err := a.o.Directory.App(ctx, r.Subject)
	if err != nil || app.Push.Version != r.Version || len(app.Push.Previous) == 0 {
		return access.Declaration{}, err
	}
	before, err := a.openPush(app.ID, app.Push.Previous, app.Push.PreviousVersion)
	if err != nil {
		return access.Declaration{}, err
	}
	app, err = a.putPush(app, before)
	return access.Declaration{Apps: []access.App{app}}, err
}
