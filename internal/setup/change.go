package setup

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
)

// ErrExists says that there is one with this id already.
var ErrExists = errors.New("setup: one with this id exists; change it, or choose another id")

// tries is how often one change is planned anew because somebody else changed the
// directory meanwhile. A manifest is planned once: it was decided on by what a dry
// run showed.
const tries = 4

// alone makes one change to what is kept, with the errors of [Setup.Apply].
func (s *Setup) alone(ctx context.Context, change func(kept) (Result, error)) (res Result, err error) {
	for range tries {
		var kept kept
		if kept, err = s.read(ctx); err != nil {
			return Result{}, err
		}
		if res, err = change(kept); !errors.Is(err, access.ErrStale) {
			break
		}
	}
	return res, err
}

// Create makes what m names, and nothing when any of it is there already
// ([ErrExists]). Members have no ids of their own: they are made or changed.
func (s *Setup) Create(ctx context.Context, m Manifest, by audit.Actor) (Result, error) {
	return s.alone(ctx, func(k kept) (Result, error) {
		if k.knows(m) {
			return Result{}, ErrExists
		}
		return s.apply(ctx, k, m, by, Options{})
	})
}

// knows tells whether anything that a manifest names is there.
func (k kept) knows(m Manifest) bool {
	return slices.ContainsFunc(m.Apps, func(a App) bool { return k.apps[a.ID].ID != "" }) ||
		slices.ContainsFunc(m.Tenants, func(t access.Tenant) bool { return k.tenants[t.ID].ID != "" }) ||
		slices.ContainsFunc(m.Shops, func(s Shop) bool { return k.shops[s.ID].ID != "" }) ||
		slices.ContainsFunc(m.Clients, func(c Client) bool { return k.clients[c.ID].ID != "" }) ||
		slices.ContainsFunc(m.Channels, func(c Channel) bool { return k.channels[c.Name].Name != "" })
}

// ChangeApp changes one app, as a manifest that names it alone would. It returns
// [access.ErrNotFound] for one that is not there, an [*InvalidError] when change
// refuses or makes what cannot be applied, and [access.ErrStale] when others change
// the directory without an end; in all cases nothing was changed. A shop's own app is
// changed with the shop. A secret that a rotation replaced is taken: who changes one
// app means it.
func (s *Setup) ChangeApp(ctx context.Context, id string, change func(*App) error, by audit.Actor) (Result, error) {
	return s.alone(ctx, func(k kept) (Result, error) {
		was, known := k.apps[id]
		switch {
		case !known:
			return Result{}, access.ErrNotFound
		case was.Kind == access.ShopApp:
			return Result{}, refused("app", id, errShopsOwn)
		}
		a := App{ID: was.ID, Kind: was.Kind, AppID: was.AppID, Name: was.Name, CallbackHost: was.CallbackHost, VerifyName: was.VerifyName, VerifyBody: was.VerifyBody,
			Scope: was.Scope, Egress: was.Egress, APIHosts: was.APIHosts, Services: was.Services, OwnerMessage: was.OwnerMessage}
		if err := change(&a); err != nil {
			return Result{}, refused("app", id, err)
		}
		return s.apply(ctx, k, Manifest{Apps: []App{a}}, by, Options{OldSecrets: true})
	})
}

var errShopsOwn = errors.New("it is a shop's own; change the shop")

// ChangeTenant is [Setup.ChangeApp] for a tenant.
func (s *Setup) ChangeTenant(ctx context.Context, id string, change func(*access.Tenant) error, by audit.Actor) (Result, error) {
	return s.alone(ctx, func(k kept) (Result, error) {
		t, known := k.tenants[id]
		if !known {
			return Result{}, access.ErrNotFound
		}
		if err := change(&t); err != nil {
			return Result{}, refused("tenant", id, err)
		}
		return s.apply(ctx, k, Manifest{Tenants: []access.Tenant{t}}, by, Options{})
	})
}

// ChangeShop is [Setup.ChangeApp] for a shop. Whose key serves it is changed by
// [Setup.Move].
func (s *Setup) ChangeShop(ctx context.Context, id string, change func(*Shop) error, by audit.Actor) (Result, error) {
	return s.alone(ctx, func(k kept) (Result, error) {
		was, known := k.shops[id]
		if !known {
			return Result{}, access.ErrNotFound
		}
		own := k.apps[shopAppPrefix+id] // none when only a platform ever served it
		shop := Shop{ID: was.ID, Tenant: was.TenantID, Name: was.Name, AppID: was.AppID, RevokeOnWithdraw: was.RevokeOnWithdraw, Egress: own.Egress, APIHosts: own.APIHosts}
		if was.App != shopAppPrefix+id {
			shop.App = was.App
		}
		if err := change(&shop); err != nil {
			return Result{}, refused("shop", id, err)
		}
		return s.apply(ctx, k, Manifest{Shops: []Shop{shop}}, by, Options{OldSecrets: true})
	})
}

// ChangeClient is [Setup.ChangeApp] for a client.
func (s *Setup) ChangeClient(ctx context.Context, id string, change func(*Client) error, by audit.Actor) (Result, error) {
	return s.alone(ctx, func(k kept) (Result, error) {
		was, known := k.clients[id]
		if !known {
			return Result{}, access.ErrNotFound
		}
		c := Client{ID: was.ID, Name: was.Name, Shops: was.Shops, Mode: was.Mode, Expires: was.ExpiresAt, Rights: was.Rights}
		if err := change(&c); err != nil {
			return Result{}, refused("client", id, err)
		}
		return s.apply(ctx, k, Manifest{Clients: []Client{c}}, by, Options{})
	})
}

func refused(kind, id string, err error) error {
	return &InvalidError{Problems: []string{fmt.Sprintf("%s %q: %v", kind, id, err)}}
}

// RemoveApp removes one app, as pruning a manifest that names everything else would.
// It returns [access.ErrNotFound] for one that is not there, an
// [*access.InUseError] when something needs it, and [access.ErrStale] as ChangeApp
// does. What only the app gave a meaning to goes with it.
func (s *Setup) RemoveApp(ctx context.Context, id string, by audit.Actor) (Result, error) {
	return s.alone(ctx, func(k kept) (Result, error) {
		return s.remove(ctx, k, access.Removal{Apps: []string{id}}, k.apps[id].ID, k.needsApp(id), by)
	})
}

// RemoveTenant is [Setup.RemoveApp] for a tenant. Its roles and invitations go with it.
func (s *Setup) RemoveTenant(ctx context.Context, id string, by audit.Actor) (Result, error) {
	return s.alone(ctx, func(k kept) (Result, error) {
		return s.remove(ctx, k, access.Removal{Tenants: []string{id}}, k.tenants[id].ID, k.needsTenant(id), by)
	})
}

// RemoveShop is [Setup.RemoveApp] for a shop. Its grants are revoked, and its own app,
// roles and invitations go with it.
func (s *Setup) RemoveShop(ctx context.Context, id string, by audit.Actor) (Result, error) {
	return s.alone(ctx, func(k kept) (Result, error) {
		r := access.Removal{Shops: []string{id}}
		if _, own := k.apps[shopAppPrefix+id]; own {
			r.Apps = []string{shopAppPrefix + id}
		}
		return s.remove(ctx, k, r, k.shops[id].ID, k.needsShop(id), by)
	})
}

// remove plans the removal of what is known and not needed.
func (s *Setup) remove(ctx context.Context, k kept, r access.Removal, known string, needed error, by audit.Actor) (Result, error) {
	if known == "" {
		return Result{}, access.ErrNotFound
	}
	if needed != nil {
		return Result{}, needed
	}
	p := plan{kept: k, now: s.now()}
	p.remove(r)
	return Result{Changes: p.changes}, s.dir.Declare(ctx, p.declaration(), p.entries(by)...)
}

// needsApp says which shops need an app. The store knows of the grants.
func (k kept) needsApp(id string) error {
	return access.InUse(fmt.Sprintf("app %q", id), "shop", k.shops.where(func(_ string, s access.Shop) bool {
		return s.App == id || shopAppPrefix+s.ID == id
	}))
}

func (k kept) needsTenant(id string) error {
	return access.InUse(fmt.Sprintf("tenant %q", id), "shop", k.shops.where(func(_ string, s access.Shop) bool { return s.TenantID == id }))
}

func (k kept) needsShop(id string) error {
	return access.InUse(fmt.Sprintf("shop %q", id), "client", k.clients.where(func(_ string, c access.Client) bool {
		return c.RevokedAt.IsZero() && slices.Contains(c.Shops, id)
	}))
}
