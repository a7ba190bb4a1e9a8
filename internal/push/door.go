package push

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/msgcrypt"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// door is an app that takes pushes, with what opens them.
type door struct {
	app  access.App
	keys *msgcrypt.Keyring
}

// errNoDoor is for an app that is unknown or has no push keys. Both look the same
// from outside.
var errNoDoor = errors.New("push: no app of this id takes pushes; look at its id and its push settings")

// door finds the app of a request's address and checks that the address can be
// one of its own. Only a platform has an authorisation URL and hears of accounts
// other than itself.
func (p *Receiver) door(ctx context.Context, r *http.Request) (door, error) {
	d, err := p.doors.get(ctx, r.PathValue("app"))
	if err != nil {
		return door{}, err
	}
	if d.app.Kind != access.Component && r.PathValue("appid") != d.app.AppID {
		return d, errURL
	}
	return d, nil
}

func (p *Receiver) loadDoor(ctx context.Context, id string) (door, error) {
	app, err := p.o.Store.App(ctx, id)
	if errors.Is(err, access.ErrNotFound) || err == nil && len(app.Push.Keys) == 0 {
		return door{}, errNoDoor
	}
	if err != nil {
		return door{}, err
	}
	keys, err := p.keyring(app)
	if err != nil {
		return door{}, fmt.Errorf("push: keys of app %s: %w", id, err)
	}
	return door{app: app, keys: keys}, nil
}

// keyring opens the current keys and those before.
func (p *Receiver) keyring(app access.App) (*msgcrypt.Keyring, error) {
	var tokens, aesKeys []secret.Value
	for _, k := range []struct {
		sealed  []byte
		version int64
	}{{app.Push.Keys, app.Push.Version}, {app.Push.Previous, app.Push.PreviousVersion}} {
		if len(k.sealed) == 0 {
			continue
		}
		packed, err := p.o.Vault.Open(k.sealed, vault.PushKeys(app.ID, k.version))
		if err != nil {
			return nil, err
		}
		keys, err := access.UnpackPushKeys(packed)
		if err != nil {
			return nil, err
		}
		tokens, aesKeys = append(tokens, keys.Token), append(aesKeys, keys.AESKey)
	}
	return msgcrypt.NewKeyring(tokens, aesKeys, app.AppID)
}
