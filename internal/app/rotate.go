package app

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/keeper"
	"github.com/zhanggui/zhanggui/internal/rotate"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// connectRotation connects what leads rotations. It asks WeChat through the keeper,
// which is made after it: the keeper asks it for the other secrets of apps.
func (a *App) connectRotation() {
	a.keyUses.now = a.o.Now
	a.store.uses = &a.keyUses
	a.rotate = rotate.New(rotate.Options{
		Directory: a.store, Store: a.store, Grants: a.store, Vault: a.keys(), WeChat: secretCalls{a}, Now: a.o.Now, Log: a.o.Log,
	})
}

// secretCalls implements rotate.WeChat with the keeper and the clients of the app.
type secretCalls struct{ a *App }

// Renew implements rotate.WeChat.
func (s secretCalls) Renew(ctx context.Context, grantID string, plain secret.Value, fresh bool, by audit.Actor) (time.Time, error) {
	spender := keeper.ByOperator
	if by.Kind == audit.ActorAdmin {
		spender = keeper.ByAdmin(by.ID)
	}
	tok, err := s.a.keeper.Renew(ctx, grantID, keeper.Renewal{Secret: plain, Fresh: fresh, By: spender})
	if f, ok := errors.AsType[*keeper.Failure](err); ok && errors.Is(err, keeper.ErrRefusedTrial) {
		return time.Time{}, &rotate.Refused{Code: f.Code, Err: err}
	}
	return tok.Expires, err
}

// Prove implements rotate.WeChat with an ordinary stable token, which service
// accounts, mini programs and shops have: the one that lives comes again.
func (s secretCalls) Prove(ctx context.Context, app access.App, plain secret.Value) error {
	if app.Kind == access.Website || app.Kind == access.Component {
		return rotate.ErrUnprovable
	}
	err := s.a.stable(ctx, app, plain)
	e, ok := errors.AsType[*wechat.Error](err)
	if ok && (e.Code == 40001 || e.Code == 40125) { // others, as of an address that is not listed, say nothing about the secret
		return &rotate.Refused{Code: e.Code, Err: err}
	}
	return err
}

// rotations is what operators may do with rotations. A key's last use is written down
// before somebody decides by it.
type rotations struct {
	*rotate.Assistant
	a *App
}

// Finish implements adminapi.Rotations.
func (r rotations) Finish(ctx context.Context, by audit.Actor, id string, force bool) (access.Rotation, error) {
	if err := r.a.keyUses.flush(ctx, r.a.store); err != nil {
		return access.Rotation{}, err
	}
	return r.Assistant.Finish(ctx, by, id, force)
}

// keyUsesEvery is how often last uses of keys are written down.
const keyUsesEvery = time.Minute

// keyUses remembers when keys of clients were used last, until that is written down.
// Whoever calls has their key looked up once in a second at most, and each time it is
// noted here: the way of a call itself does nothing for it.
type keyUses struct {
	now func() time.Time

	mu   sync.Mutex
	used map[string]time.Time // by the hash
}

// note notes the use of a key that is there; it passes on what was found.
func (k *keyUses) note(c access.Client, hash []byte, err error) (access.Client, error) {
	if err != nil || k == nil || !c.Live(k.now()) {
		return c, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.used == nil {
		k.used = map[string]time.Time{}
	}
	k.used[string(hash)] = k.now()
	return c, nil
}

// flush writes down what was noted.
func (k *keyUses) flush(ctx context.Context, s *store) error {
	k.mu.Lock()
	used := k.used
	k.used = nil
	k.mu.Unlock()
	if len(used) == 0 {
		return nil
	}
	err := s.replica.check()
	if err == nil {
		err = s.TouchKeys(ctx, used)
	}
	if err != nil {
		k.giveBack(used)
	}
	return err
}

func (k *keyUses) giveBack(used map[string]time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	maps.Copy(used, k.used)
	k.used = used
}

// run writes down every minute, and once more at the end.
func (k *keyUses) run(ctx context.Context, s *store, log *slog.Logger) {
	tick := time.NewTicker(keyUsesEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			_ = k.flush(context.WithoutCancel(ctx), s) // the next use is written down by the next server
			return
		case <-tick.C:
		}
		if err := k.flush(ctx, s); err != nil && ctx.Err() == nil {
			log.Warn("the last uses of keys were not written down; they are in a minute", "error", err)
		}
	}
}
