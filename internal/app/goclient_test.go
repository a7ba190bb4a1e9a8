package app_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"testing"

	"github.com/zhanggui/zhanggui"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
	"github.com/zhanggui/zhanggui/wechat/shop"
)

// TestGoClient: the Go client's ways to a shop meet the real server: its own calls,
// a program that was written to call WeChat, and an administrator's lists.
func TestGoClient(t *testing.T) {
	r := newRig(t, nil)
	r.declare()
	c, err := zhanggui.New(r.base, secret.FromString(r.key), zhanggui.WithTransport(r.http.Transport))
	if err != nil {
		t.Fatal(err)
	}
	t.Run("own calls", func(t *testing.T) { goClientCalls(t, c) })
	t.Run("a program for WeChat", func(t *testing.T) { goClientTransport(t, c) })
	t.Run("events", func(t *testing.T) { goClientEvents(t, c) })
	t.Run("administrator", func(t *testing.T) { goClientAdmin(t, r) })
	t.Run("example", func(t *testing.T) { goClientExample(t, r) })
}

func goClientCalls(t *testing.T, c *zhanggui.Client) {
	var out struct{ Info struct{ Nickname string } }
	a, err := c.Shop(shopID).Get(t.Context(), "/channels/ec/basics/info/get", nil)
	if err == nil {
		err = a.Decode(&out)
	}
	if err != nil || out.Info.Nickname == "" || a.Attempt != 1 || a.Request == "" {
		t.Errorf("%+v, %+v, %v", a, out, err)
	}
	for name, err := range map[string]error{
		"shop-not-held": func() error {
			_, err := c.Shop("nobody").Get(t.Context(), "/channels/ec/basics/info/get", nil)
			return err
		}(),
		"path-closed": func() error { _, err := c.Shop(shopID).Get(t.Context(), "/cgi-bin/token", nil); return err }(),
	} {
		if e, ok := errors.AsType[*zhanggui.Error](err); !ok || e.Code != name || e.NextZH == "" || e.Request == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.Token(t.Context(), shopID); err == nil {
		t.Error("a client without the right took the token")
	}
}

// goClientTransport runs the typed calls as if they went to WeChat: with a token of
// their own, which is a word.
func goClientTransport(t *testing.T, c *zhanggui.Client) {
	direct, err := wechat.New(wechat.Config{Transport: c.Transport(shopID, nil)})
	if err != nil {
		t.Fatal(err)
	}
	token, err := direct.StableToken(t.Context(), "wx00000000000000c1", secret.FromString("any"), false)
	if err != nil {
		t.Fatal(err)
	}
	api := shop.New(direct, shop.TokenFunc(func(ctx context.Context) (wechat.ShopToken, error) { return token.Token, nil }))
	info, err := api.Info(t.Context())
	if err != nil || info.Name == "" {
		t.Errorf("%+v, %v", info, err)
	}
	if _, err := api.Order(t.Context(), "1"); !errors.As(err, new(*wechat.Error)) {
		t.Errorf("an order that is not there: %v", err)
	}
	program := &http.Client{Transport: c.Transport(shopID, nil)}
	if res, err := program.Get("https://store.weixin.qq.com/"); err == nil {
		t.Errorf("another host answered %s", res.Status)
	}
}

func goClientEvents(t *testing.T, c *zhanggui.Client) {
	all, err := zhanggui.All(c.Events(t.Context(), zhanggui.EventQuery{Shop: shopID}))
	if err != nil {
		t.Errorf("%v, %v", all, err)
	}
	s, err := c.Subscribe(t.Context(), "https://erp.example.com/hook", "grant.*")
	if err != nil || s.Secret.IsZero() {
		t.Fatalf("%+v, %v", s, err)
	}
	if _, err := zhanggui.NewWebhook(nil, s.Secret); err != nil {
		t.Error(err)
	}
	if list, err := zhanggui.All(c.Subscriptions(t.Context())); err != nil || len(list) != 1 || list[0].ID != s.ID {
		t.Errorf("%+v, %v", list, err)
	}
	if err := c.Unsubscribe(t.Context(), s.ID); err != nil {
		t.Error(err)
	}
}

// goClientExample runs the program of examples/goclient.
func goClientExample(t *testing.T, r *rig) {
	cmd := exec.CommandContext(t.Context(), "go", "run", "../../examples/goclient", shopID)
	cmd.Env = append(os.Environ(), "ZHANGGUI_URL="+r.base, "ZHANGGUI_KEY="+r.key)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, line := range []string{`shop: \S+ \(request \w+\)`, `orders of the last day: \d+`, `as an SDK: 200 OK, errcode 0`, `events kept: \d+`} {
		if !regexp.MustCompile("(?m)^" + line + "$").Match(out) {
			t.Errorf("no line %s in:\n%s", line, out)
		}
	}
}

func goClientAdmin(t *testing.T, r *rig) {
	var made struct{ Key string }
	r.ask("POST", "/v1/admins", map[string]any{"name": "test"}, &made)
	a, err := zhanggui.NewAdmin(r.base, secret.FromString(made.Key), zhanggui.WithTransport(r.http.Transport))
	if err != nil {
		t.Fatal(err)
	}
	shops, err := zhanggui.All(a.Shops(t.Context()))
	if err != nil || len(shops) != 1 || shops[0].ID != shopID || shops[0].Grant == nil {
		t.Errorf("%+v, %v", shops, err)
	}
	head, err := a.AuditHead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	records, err := zhanggui.All(a.Audit(t.Context(), -1))
	if err != nil || int64(len(records)) < head.Size {
		t.Errorf("%d records of %d, %v", len(records), head.Size, err)
	}
	key, err := a.CreateClient(t.Context(), zhanggui.NewClient{ID: "second", Shops: []string{shopID}, Mode: "read"})
	if err != nil || key.IsZero() {
		t.Errorf("a new client: %v, %v", key, err)
	}
	if taken, err := a.RevokeClient(t.Context(), "second"); err != nil || len(taken) > 0 {
		t.Errorf("%v, %v", taken, err)
	}
	goClientDirectory(t, a)
}

// goClientDirectory makes, changes and removes a tenant with a shop.
func goClientDirectory(t *testing.T, a *zhanggui.Admin) {
	ctx := t.Context()
	if _, err := a.CreateTenant(ctx, zhanggui.Tenant{ID: "silk", Name: "丝"}); err != nil {
		t.Fatal(err)
	}
	made, err := a.CreateShop(ctx, zhanggui.NewShop{ID: "silk", Tenant: "silk", Name: "丝绸店", AppID: "wx00000000000000d1",
		Secrets: zhanggui.Secrets{Secret: secret.FromString("sandbox-secret-shop-000000000009")}})
	if err != nil || made.Grant == nil {
		t.Fatalf("%+v, %v", made, err)
	}
	changed, err := a.ChangeShop(ctx, "silk", zhanggui.ShopChange{Name: new("新丝绸店")})
	if err != nil || changed.Name != "新丝绸店" || changed.AppID != made.AppID {
		t.Errorf("%+v, %v", changed, err)
	}
	if e, ok := errors.AsType[*zhanggui.Error](a.RemoveTenant(ctx, "silk")); !ok || e.Code != "in-use" || len(e.Problems) != 1 {
		t.Errorf("a tenant with a shop: %v", e)
	}
	if err := errors.Join(a.RemoveShop(ctx, "silk"), a.RemoveTenant(ctx, "silk")); err != nil {
		t.Error(err)
	}
	if e, ok := errors.AsType[*zhanggui.Error](a.RemoveTenant(ctx, "silk")); !ok || e.Status != http.StatusNotFound {
		t.Errorf("once more: %v", e)
	}
}
