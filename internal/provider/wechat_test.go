package provider

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/sqlitetest"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

// real is a provider on a real database, over the wire to the emulator.
type real struct {
	*world
	sim   *wechattest.Server
	store *sqlstore.Store
}

func newReal(t *testing.T) *real {
	sw := wechatsim.StrictSwitches()
	sim := wechattest.New(t, &wechattest.Options{World: wechatsim.PlatformWorld(), Switches: &sw, Now: func() time.Time { return start }})
	client, err := wechat.New(wechat.Config{Hosts: wechat.Hosts{Open: sim.URL, API: []string{sim.URL}, MP: sim.URL},
		Transport: sim.Client.Transport, Timeout: 5 * time.Second, Now: sim.Now})
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(t.Context(), sqlitetest.Path(t), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	over := WeChat{Client: func(access.App) (*wechat.Client, error) { return client, nil }}
	r := &real{sim: sim, store: db}
	r.world = newWorld(t, func(o *Options) { o.Store, o.Directory, o.Platform, o.Market = db, db, over, over })
	r.declare(client)
	return r
}

// declare makes the platform here, and gives the keeper its token.
func (r *real) declare(client *wechat.Client) {
	r.t.Helper()
	ctx := r.t.Context()
	app := access.App{ID: "market", Kind: access.Component, AppID: wechatsim.DefaultComponent, Name: "掌上订单", SecretVersion: 1,
		Services: []access.Service{{ID: "erp", ServiceID: itoa(int(wechatsim.DefaultService)), Name: "订单管家", Role: access.Operator}}}
	var err error
	app.Secret, err = plainVault{}.Seal(secret.FromString(wechatsim.DefaultComponentSecret), vault.AppSecret("market", 1))
	r.must(err)
	r.must(r.store.Declare(ctx, access.Declaration{At: start, Apps: []access.App{app}}))
	r.app, err = r.store.App(ctx, "market")
	r.must(err)
	ticket, err := r.sim.IssueTicket(app.AppID)
	r.must(err)
	g, err := client.ComponentToken(ctx, app.AppID, secret.FromString(wechatsim.DefaultComponentSecret), wechat.Ticket{Value: secret.FromString(ticket)})
	r.must(err)
	r.keeper.token = g.Token.Value
}

// settle adopts what is due.
func (r *real) settle() {
	r.t.Helper()
	rows, err := r.store.DueAuthorizers(r.t.Context(), grant.ClaimRequest{Now: r.now, For: time.Minute, Limit: 10})
	r.must(err)
	for _, row := range rows {
		r.must(r.p.adopt(r.t.Context(), row))
	}
}

// TestOverTheWire: a purchase whose push is lost, on a real database and over the
// wire: found on the list, adopted, withdrawn, and found to be gone.
func TestOverTheWire(t *testing.T) {
	r := newReal(t)
	shop := wechatsim.DefaultMarketShop
	if _, err := r.sim.Buy(shop, wechatsim.DefaultService, ""); err != nil {
		t.Fatal(err)
	}
	if _, found := r.reconcile(false); found[shop] != grant.FoundUnknown {
		t.Fatalf("found %v", found)
	}
	r.settle()
	g, err := r.store.AuthorizerGrant(t.Context(), "market", shop)
	r.must(err)
	if g.State != grant.Active || g.ShopID != shop || g.Tokens.Generation != 1 || len(g.Tokens.Refresh) == 0 {
		t.Errorf("grant %+v", g)
	}
	opened, err := r.store.ShopByAppID(t.Context(), shop)
	r.must(err)
	if diff := cmp.Diff(access.Shop{ID: shop, TenantID: shop, App: "market", AppID: shop, Name: "蓝天文具二店"}, opened); diff != "" {
		t.Error(diff)
	}
	bought, err := r.store.Purchases(t.Context(), "market", shop)
	r.must(err)
	if len(bought) != 1 || bought[0].Service != "erp" || !bought[0].PaidUntil.After(start) {
		t.Errorf("bought %+v", bought)
	}
	if entered, err := r.p.Enter(t.Context(), "market", shop); err != nil || entered.ID != shop {
		t.Errorf("entered %+v, %v", entered, err)
	}
	if _, found := r.reconcile(false); len(found) > 0 {
		t.Errorf("afterwards %v", found)
	}
	on, err := r.p.o.Platform.StartTickets(t.Context(), r.app, secret.FromString(wechatsim.DefaultComponentSecret))
	if err != nil || !on {
		t.Errorf("tickets are pushed: %t, %v", on, err)
	}
}

// TestOverTheWireRefuses: errcodes arrive as such.
func TestOverTheWireRefuses(t *testing.T) {
	r := newReal(t)
	token, err := r.keeper.ComponentToken(t.Context(), "market")
	r.must(err)
	if _, err := r.p.o.Platform.Info(t.Context(), r.app, token.Value, wechatsim.DefaultMarketShop); codeOf(err) != notAuthorised {
		t.Errorf("info of a stranger: %v", err)
	}
	if _, err := r.p.o.Platform.Exchange(t.Context(), r.app, token.Value, secret.FromString("no-code")); codeOf(err) != 61009 {
		t.Errorf("an unknown code: %v", err)
	}
	page, err := r.p.o.Platform.List(t.Context(), r.app, token.Value, 0, wechat.MaxAuthorizers)
	if err != nil || page.Total+page.Rows > 0 {
		t.Errorf("an empty list: %+v, %v", page, err)
	}
	if paid, err := r.p.o.Market.Bought(t.Context(), r.app, token.Value, itoa(int(wechatsim.DefaultService)), wechatsim.DefaultMarketShop); err != nil || len(paid) > 0 {
		t.Errorf("bought by a stranger: %+v, %v", paid, err)
	}
	if _, err := r.p.o.Market.Orders(t.Context(), r.app, token.Value, itoa(int(wechatsim.DefaultService)), wechatsim.DefaultMarketShop); err != nil {
		t.Errorf("orders of a stranger: %v", err)
	}
}
