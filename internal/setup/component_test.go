package setup_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/setup"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

func pushKeys(token, letter string) access.PushKeys {
	return access.PushKeys{Token: secret.FromString(token), AESKey: secret.FromString(strings.Repeat(letter, 43))}
}

// platform is a manifest with a third-party platform and a shop of it.
func platform() setup.Manifest {
	return setup.Manifest{
		Apps: []setup.App{{ID: "platform", Kind: access.Component, AppID: "wx00000000000000d1", Secret: secret.FromString("component-secret"),
			Push:     pushKeys("token1", "A"),
			Services: []access.Service{{ID: "erp", ServiceID: "12345678901234567890", Name: "进销存"}, {ID: "bill", ServiceID: "7", Role: access.Viewer}}}},
		Tenants: []access.Tenant{{ID: "lantian", Name: "蓝天文具"}},
		Shops:   []setup.Shop{{ID: "lantian", Tenant: "lantian", Name: "蓝天文具店", AppID: "wx00000000000000c1", App: "platform"}},
	}
}

// TestAnotherPlatformIsSaid: whoever changes a platform's appid is told what ends.
func TestAnotherPlatformIsSaid(t *testing.T) {
	r := newRig(t)
	m := platform()
	for _, c := range r.apply(t, m, setup.Options{}).Changes {
		if c.Warning != "" {
			t.Errorf("a new one warns: %+v", c)
		}
	}
	m.Apps[0].Name = "服务商"
	if c := r.apply(t, m, setup.Options{}).Changes; len(c) != 1 || c[0].Warning != "" {
		t.Errorf("another name: %+v", c)
	}
	m.Apps[0].AppID = "wx00000000000000d2"
	c := r.apply(t, m, setup.Options{DryRun: true}).Changes
	if len(c) != 1 || !strings.Contains(c[0].Warning, "must authorise again") {
		t.Errorf("another appid: %+v", c)
	}
}

func TestComponentIsDeclared(t *testing.T) {
	r := newRig(t)
	r.apply(t, platform(), setup.Options{})
	app := r.dir.apps["platform"]
	want := []access.Service{{ID: "bill", ServiceID: "7", Role: access.Viewer}, {ID: "erp", ServiceID: "12345678901234567890", Name: "进销存", Role: access.Operator}}
	if diff := cmp.Diff(want, app.Services); diff != "" {
		t.Error(diff)
	}
	if app.Scope != "" || app.CallbackHost != "zhanggui.example.com" {
		t.Errorf("scope %q, callback host %q", app.Scope, app.CallbackHost)
	}
	if shop := r.dir.shops["lantian"]; shop.App != "platform" || shop.AppID != "wx00000000000000c1" {
		t.Errorf("shop %+v", shop)
	}
	if _, there := r.dir.apps["shop-lantian"]; there {
		t.Error("a shop without a secret has an app of its own")
	}
	if changes := r.apply(t, platform(), setup.Options{}).Changes; len(changes) != 0 {
		t.Errorf("the same again changes %v", changes)
	}
}

// TestPushKeysRotate: pushes that are on their way when the keys change still open.
func TestPushKeysRotate(t *testing.T) {
	r := newRig(t)
	m := platform()
	r.apply(t, m, setup.Options{})
	m.Apps[0].Push = pushKeys("token2", "B")
	if diff := cmp.Diff([]string{"change app platform push"}, ops(r.apply(t, m, setup.Options{}))); diff != "" {
		t.Error(diff)
	}
	push := r.dir.apps["platform"].Push
	for _, k := range []struct {
		sealed  []byte
		version int64
		want    access.PushKeys
	}{{push.Keys, push.Version, pushKeys("token2", "B")}, {push.Previous, push.PreviousVersion, pushKeys("token1", "A")}} {
		plain, err := r.vault.Open(k.sealed, vault.PushKeys("platform", k.version))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := access.UnpackPushKeys(plain); err != nil || !got.Equal(k.want) {
			t.Errorf("version %d holds other keys, %v", k.version, err)
		}
	}
	m.Apps[0].Push = access.PushKeys{}
	if changes := r.apply(t, m, setup.Options{}).Changes; len(changes) != 0 {
		t.Errorf("no keys change %v", changes)
	}
}

func TestShopMovesBetweenKeys(t *testing.T) {
	r := newRig(t)
	m := platform()
	r.apply(t, m, setup.Options{})
	m.Shops[0].App = ""
	if _, err := r.Apply(t.Context(), m, operator, setup.Options{}); err == nil || !strings.Contains(err.Error(), "needs its secret") {
		t.Errorf("without a secret: %v", err)
	}
	m.Shops[0].Secret = secret.FromString("shop-secret")
	if diff := cmp.Diff([]string{"change shop lantian secret,app"}, ops(r.apply(t, m, setup.Options{}))); diff != "" {
		t.Error(diff)
	}
	if shop := r.dir.shops["lantian"]; shop.App != "shop-lantian" {
		t.Errorf("shop %+v", shop)
	}
	m.Shops[0].App, m.Shops[0].Secret = "platform", secret.Value{}
	if diff := cmp.Diff([]string{"change shop lantian app"}, ops(r.apply(t, m, setup.Options{}))); diff != "" {
		t.Error(diff)
	}
	if _, there := r.dir.apps["shop-lantian"]; !there {
		t.Error("the way back is gone: the shop's own app was removed")
	}
}

// TestShopGetsItsOwnKey: a shop that is there already is not created once more when it
// gets a key of its own beside the platform's.
func TestShopGetsItsOwnKey(t *testing.T) {
	r := newRig(t)
	m := platform()
	r.apply(t, m, setup.Options{})
	m.Shops[0].Secret, m.Shops[0].Push = secret.FromString("shop-secret"), pushKeys("token3", "C")
	if diff := cmp.Diff([]string{"change shop lantian secret,push"}, ops(r.apply(t, m, setup.Options{}))); diff != "" {
		t.Error(diff)
	}
	if changes := r.apply(t, m, setup.Options{}).Changes; len(changes) != 0 {
		t.Errorf("the same again changes %v", changes)
	}
}

// TestPruneSparesWhoOpenedThemselves: nobody declared the shops that authorised the
// platform, and removing one revokes its grant.
func TestPruneSparesWhoOpenedThemselves(t *testing.T) {
	r := newRig(t)
	m := platform()
	r.apply(t, m, setup.Options{})
	m.Shops, m.Tenants = nil, nil
	if changes := r.apply(t, m, setup.Options{Prune: true}).Changes; len(changes) != 0 {
		t.Errorf("pruning removes %v", changes)
	}
}

func TestOddPlatforms(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*setup.Manifest)
		want   string
	}{
		"an owner by luck":    {func(m *setup.Manifest) { m.Apps[0].Services[0].Role = access.Owner }, "services[0].role"},
		"no number":           {func(m *setup.Manifest) { m.Apps[0].Services[0].ServiceID = "1e3" }, "service_id is not the number"},
		"a service twice":     {func(m *setup.Manifest) { m.Apps[0].Services[0].ServiceID = "7" }, "service_id is used twice"},
		"a slug twice":        {func(m *setup.Manifest) { m.Apps[0].Services[0].ID = "bill" }, "services[1].id is used twice"},
		"a scope":             {func(m *setup.Manifest) { m.Apps[0].Scope = "snsapi_base" }, "does not fit a component"},
		"services of a login": {func(m *setup.Manifest) { m.Apps[0].Kind = access.ServiceAccount }, "belong to a component"},
		"no such component":   {func(m *setup.Manifest) { m.Shops[0].App = "nobody" }, "names a component that does not exist"},
		"half a pair":         {func(m *setup.Manifest) { m.Apps[0].Push.AESKey = secret.FromString("short") }, "is not an EncodingAESKey"},
		"an odd token":        {func(m *setup.Manifest) { m.Apps[0].Push.Token = secret.FromString("a b c") }, "is not a token"},
		"two shops, one appid": {func(m *setup.Manifest) {
			m.Shops = append(m.Shops, setup.Shop{ID: "copy", Tenant: "lantian", AppID: "wx00000000000000c1", App: "platform"})
		}, "is used twice"},
	} {
		t.Run(name, func(t *testing.T) {
			m := platform()
			c.change(&m)
			_, err := newRig(t).Apply(t.Context(), m, operator, setup.Options{})
			if _, ok := errors.AsType[*setup.InvalidError](err); !ok || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
