package rotate_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/keeper"
	"github.com/zhanggui/zhanggui/internal/rotate"
	"github.com/zhanggui/zhanggui/internal/setup"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/sqlitetest"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

// Ids and secrets of the emulated world.
const (
	shopAppID  = "wx00000000000000c1"
	shopSecret = "sandbox-secret-shop-000000000001"
	token      = "demotoken1"
	aesKey     = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
)

var operator = audit.Actor{Kind: audit.ActorOperator}

// world is a store with a shop, the keeper that renews its token, the assistant, and
// the emulated WeChat.
type world struct {
	t      *testing.T
	sim    *wechattest.Server
	client *wechat.Client
	store  *sqlstore.Store
	vault  *vault.Vault
	keeper *keeper.Keeper
	rotate *rotate.Assistant
	away   bool         // WeChat cannot be asked by the assistant
	asked  int          // how often the assistant asked about a secret while it could not
	shown  secret.Value // what WeChat showed at the last reset
	breaks string       // how the next declaration fails; empty: not
	// meanwhile happens once, after WeChat was asked about a secret and before
	// anything follows from it.
	meanwhile func()
}

// newWorld makes one. Everything is inside of a bubble where the test is.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, sim: wechattest.NewPipe(t, nil)}
	var err error
	hosts := wechat.Hosts{Open: w.sim.URL, API: []string{w.sim.URL}, MP: w.sim.URL}
	w.client, err = wechat.New(wechat.Config{Hosts: hosts, Transport: w.sim.Client.Transport})
	w.must(err)
	w.store, err = sqlite.Open(t.Context(), sqlitetest.Path(t), sqlite.Options{})
	w.must(err)
	t.Cleanup(func() {
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
	kek, err := vault.FileKEK(filepath.Join(t.TempDir(), "master.key"), true)
	w.must(err)
	w.vault, _, err = vault.Create(t.Context(), kek)
	w.must(err)
	w.keeper = keeper.New(keeper.Options{Store: w.store, Components: w.store, Ledger: w.store, Vault: w.vault, Owner: "one", Secrets: secrets{w}, Tick: 20 * time.Second, Recheck: -1,
		Platform: keeper.WeChat{Client: func(access.App) (*wechat.Client, error) { return w.client, nil }}})
	w.rotate = w.assistant()
	m := setup.Manifest{
		Tenants: []access.Tenant{{ID: "lantian", Name: "蓝天文具"}},
		Shops: []setup.Shop{{ID: "lantian", Tenant: "lantian", AppID: shopAppID, Name: "蓝天文具店", Secret: secret.FromString(shopSecret),
			Push: access.PushKeys{Token: secret.FromString(token), AESKey: secret.FromString(aesKey)}}},
		Clients: []setup.Client{{ID: "erp", Shops: []string{"lantian"}, Mode: access.Read}},
		Apps: []setup.App{{ID: "fuwuhao", Kind: access.ServiceAccount, AppID: "wx00000000000000a1", CallbackHost: "zhanggui.example.com",
			Secret: secret.FromString("sandbox-secret-service-account-1")}},
	}
	_, err = setup.New(w.store, w.vault, time.Now, config.Rules{PublicHost: "zhanggui.example.com"}).Apply(t.Context(), m, operator, setup.Options{})
	w.must(err)
	return w
}

// assistant is one more replica's.
func (w *world) assistant() *rotate.Assistant {
	return rotate.New(rotate.Options{Directory: breaking{w.store, w}, Store: w.store, Grants: w.store, Vault: w.vault, WeChat: calls{w}, Now: time.Now})
}

// secrets asks the assistant, which is made after the keeper.
type secrets struct{ w *world }

func (s secrets) OtherSecret(ctx context.Context, app string) (secret.Value, bool, error) {
	return s.w.rotate.OtherSecret(ctx, app)
}

var errAway = errors.New("WeChat does not answer")

// calls implements rotate.WeChat.
type calls struct{ w *world }

func (c calls) Renew(ctx context.Context, id string, plain secret.Value, fresh bool, _ audit.Actor) (time.Time, error) {
	if c.w.away {
		c.w.asked++
		return time.Time{}, errAway
	}
	tok, err := c.w.keeper.Renew(ctx, id, keeper.Renewal{Secret: plain, Fresh: fresh, By: keeper.ByOperator})
	if f := c.w.meanwhile; f != nil {
		c.w.meanwhile = nil
		f()
	}
	if f, ok := errors.AsType[*keeper.Failure](err); ok && errors.Is(err, keeper.ErrRefusedTrial) {
		return time.Time{}, &rotate.Refused{Code: f.Code, Err: err}
	}
	return tok.Expires, err
}

func (c calls) Prove(ctx context.Context, app access.App, plain secret.Value) error {
	if c.w.away {
		c.w.asked++
		return errAway
	}
	_, err := c.w.client.StableToken(ctx, app.AppID, plain, false)
	if e, ok := errors.AsType[*wechat.Error](err); ok && e.Code == 40125 {
		return &rotate.Refused{Code: e.Code, Err: err}
	}
	return err
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// begin begins a rotation that must.
func (w *world) begin(s rotate.Start) rotate.Begun {
	w.t.Helper()
	b, err := w.rotate.Begin(w.t.Context(), operator, s)
	w.must(err)
	return b
}

// reset resets the secret of an app at WeChat.
func (w *world) reset(appid string) secret.Value {
	w.t.Helper()
	s, err := w.sim.ResetSecret(appid)
	w.must(err)
	return secret.FromString(s)
}

// grant is the shop's.
func (w *world) grant() grant.Grant {
	w.t.Helper()
	g, err := w.store.ShopGrant(w.t.Context(), "lantian")
	w.must(err)
	return g
}

// stands wants a rotation in a state.
func (w *world) stands(id string, want access.RotationState) access.Rotation {
	w.t.Helper()
	r, err := w.store.Rotation(w.t.Context(), id)
	w.must(err)
	if r.State != want {
		w.t.Fatalf("the rotation is %s (%s), want %s", r.State, r.Why, want)
	}
	return r
}

// refuses wants a refusal by its word, and nothing in the log.
func (w *world) refuses(code string, err error) {
	w.t.Helper()
	no, ok := errors.AsType[*rotate.Refusal](err)
	if !ok || no.Code != code || no.EN == "" || no.ZH == "" || no.NextEN == "" || no.NextZH == "" {
		w.t.Fatalf("refused with %v, want %s in both languages", err, code)
	}
}

// look lets the assistant look as Run does.
func (w *world) look() {
	w.t.Helper()
	w.must(w.rotate.Look(w.t.Context()))
}

// call calls the shop once with the kept token, and reports a refusal as the gateway
// does.
func (w *world) call() error {
	ctx := w.t.Context()
	tok, err := w.keeper.Token(ctx, "lantian")
	if err != nil {
		return err
	}
	for range 2 {
		r := wechat.Request{Method: "GET", Path: "/channels/ec/basics/info/get", Token: wechat.ShopToken{Value: tok.Value}}
		_, err = w.client.CallJSON(ctx, r, nil, nil)
		e, ok := errors.AsType[*wechat.Error](err)
		if !ok || e.Code != 40001 {
			return err
		}
		if tok, err = w.keeper.Report(ctx, keeper.Complaint{Shop: "lantian", Generation: tok.Generation, ErrCode: e.Code, By: keeper.ByClient("erp")}); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	return err
}

// appOfSim is an app as the emulator knows it.
type appOfSim = wechatsim.App
