package setup_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/setup"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// TestOneThing: one app, tenant, shop or client is made, changed and removed as a
// manifest would.
func TestOneThing(t *testing.T) {
	r := newRig(t)
	ctx, m := t.Context(), manifest()
	did := func(want []string) func(setup.Result, error) {
		return func(res setup.Result, err error) {
			t.Helper()
			if diff := cmp.Diff(want, ops(res)); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		}
	}
	did([]string{"create tenant lantian"})(r.Create(ctx, setup.Manifest{Tenants: m.Tenants}, operator))
	did([]string{"create shop lantian"})(r.Create(ctx, setup.Manifest{Shops: m.Shops}, operator))
	did([]string{"create app fuwuhao"})(r.Create(ctx, setup.Manifest{Apps: m.Apps}, operator))
	did([]string{"create client erp"})(r.Create(ctx, setup.Manifest{Clients: m.Clients}, operator))
	for _, again := range []setup.Manifest{{Apps: m.Apps}, {Tenants: m.Tenants}, {Shops: m.Shops}, {Clients: m.Clients}} {
		if _, err := r.Create(ctx, again, operator); !errors.Is(err, setup.ErrExists) {
			t.Errorf("made twice: %v", err)
		}
	}
	did([]string{"change app fuwuhao name"})(r.ChangeApp(ctx, "fuwuhao", func(a *setup.App) error { a.Name = "新"; return nil }, operator))
	did([]string{"change shop lantian secret,revoke_shop_on_withdraw"})(r.ChangeShop(ctx, "lantian", func(s *setup.Shop) error {
		s.Secret, s.RevokeOnWithdraw = secret.FromString("another"), true
		return nil
	}, operator))
	did(nil)(r.ChangeShop(ctx, "lantian", func(*setup.Shop) error { return nil }, operator))
	did([]string{"change tenant lantian name"})(r.ChangeTenant(ctx, "lantian", func(n *access.Tenant) error { n.Name = "新"; return nil }, operator))

	for what, err := range map[string]error{
		"client \"erp\"":   second(r.RemoveShop(ctx, "lantian", operator)),
		"shop \"lantian\"": errors.Join(second(r.RemoveTenant(ctx, "lantian", operator)), second(r.RemoveApp(ctx, "shop-lantian", operator))),
	} {
		if needed, ok := errors.AsType[*access.InUseError](err); !ok || !cmp.Equal(needed.By, []string{what}) || !errors.Is(err, access.ErrUsed) {
			t.Errorf("needed by %s: %v", what, err)
		}
	}
	r.dir.clients = map[string]access.Client{}
	did([]string{"remove shop lantian", "remove app shop-lantian"})(r.RemoveShop(ctx, "lantian", operator))
	did([]string{"remove tenant lantian"})(r.RemoveTenant(ctx, "lantian", operator))
	did([]string{"remove app fuwuhao"})(r.RemoveApp(ctx, "fuwuhao", operator))
	for _, err := range []error{
		second(r.RemoveShop(ctx, "lantian", operator)), second(r.RemoveTenant(ctx, "lantian", operator)), second(r.RemoveApp(ctx, "fuwuhao", operator)),
		second(r.ChangeShop(ctx, "lantian", nil, operator)), second(r.ChangeTenant(ctx, "lantian", nil, operator)), second(r.ChangeApp(ctx, "fuwuhao", nil, operator)),
	} {
		if !errors.Is(err, access.ErrNotFound) {
			t.Errorf("of what is not there: %v", err)
		}
	}
	if n := len(r.dir.entries); n != 11 {
		t.Errorf("%d entries for 11 changes", n)
	}
}

func second[T any](_ T, err error) error { return err }

// TestOneThingIsPlannedAnew: somebody else's change in between is no reason to fail,
// and is kept.
func TestOneThingIsPlannedAnew(t *testing.T) {
	r := newRig(t)
	r.apply(t, manifest(), setup.Options{})
	r.dir.between = func(d *directory) {
		d.revision++
		d.tenants["lantian"] = access.Tenant{ID: "lantian", Name: "别人"}
	}
	_, err := r.ChangeShop(t.Context(), "lantian", func(s *setup.Shop) error { s.Name = "新"; return nil }, operator)
	if err != nil || r.dir.shops["lantian"].Name != "新" || r.dir.tenants["lantian"].Name != "别人" {
		t.Errorf("%v: %+v, %+v", err, r.dir.shops["lantian"], r.dir.tenants["lantian"])
	}
	changed := 0
	_, err = r.ChangeShop(t.Context(), "lantian", func(s *setup.Shop) error {
		s.Name = "新新"
		changed++
		r.dir.revision++ // the plan is old before it is carried out
		return nil
	}, operator)
	if !errors.Is(err, access.ErrStale) || changed < 2 || changed > 10 || r.dir.shops["lantian"].Name != "新" {
		t.Errorf("others change it without an end: %v after %d plans", err, changed)
	}
}

// TestOneThingIsRefused: what cannot be is told with its place.
func TestOneThingIsRefused(t *testing.T) {
	r := newRig(t)
	r.apply(t, manifest(), setup.Options{})
	no := errors.New("not like this")
	for _, err := range []error{
		second(r.ChangeApp(t.Context(), "shop-lantian", func(*setup.App) error { return nil }, operator)),
		second(r.ChangeApp(t.Context(), "fuwuhao", func(*setup.App) error { return no }, operator)),
		second(r.ChangeShop(t.Context(), "lantian", func(*setup.Shop) error { return no }, operator)),
		second(r.ChangeTenant(t.Context(), "lantian", func(*access.Tenant) error { return no }, operator)),
		second(r.ChangeShop(t.Context(), "lantian", func(s *setup.Shop) error { s.Tenant = "nobody"; return nil }, operator)),
	} {
		if invalid, ok := errors.AsType[*setup.InvalidError](err); !ok || len(invalid.Problems) != 1 {
			t.Errorf("%v", err)
		}
	}
	if r.dir.revision != 1 {
		t.Errorf("revision %d: something was changed", r.dir.revision)
	}
}
