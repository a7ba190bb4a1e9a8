package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

// What the platform's console and our manifest agree on.
const (
	platformID  = "platform"
	serviceID   = "orders"
	pushToken   = "demotoken1"
	pushAESKey  = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
	marketShop  = wechatsim.DefaultMarketShop
	marketShops = "/v1/shops"
)

// newPlatformRig is a server with a third-party platform, as its console and its
// market listing say.
func newPlatformRig(t *testing.T) *rig {
	t.Helper()
	r := newRigIn(t, wechatsim.PlatformWorld())
	r.start(nil)
	r.declarePlatform()
	return r
}

// declarePlatform tells the platform to us, and us to the platform.
func (r *rig) declarePlatform() {
	r.t.Helper()
	r.apply(adminapi.Manifest{
		Apps: []adminapi.ManifestApp{{ID: platformID, Kind: "component", AppID: wechatsim.DefaultComponent, Secret: wechatsim.DefaultComponentSecret,
			CallbackHost: strings.TrimPrefix(r.root, "http://"),
			ManifestPush: adminapi.ManifestPush{PushToken: pushToken, PushAESKey: pushAESKey},
			Services:     []adminapi.ManifestService{{ID: serviceID, ServiceID: fmt.Sprint(wechatsim.DefaultService), Name: "订单管家"}}}},
	})
	r.must(r.sim.SetApp(wechatsim.DefaultComponent, func(a *wechatsim.App) {
		a.Services[0].URL = r.base + "/market/callback/" + platformID + "/" + serviceID
	}))
	r.must(r.sim.SetPush(r.t.Context(), wechatsim.DefaultComponent, wechatsim.PushSettings{
		AuthURL: r.base + "/wechat/push/" + platformID + "/auth", EventURL: r.base + "/wechat/push/" + platformID + "/event/$APPID$",
		Token: pushToken, EncodingAESKey: pushAESKey,
	}))
	r.deliver() // the first ticket
	r.await("the platform's token", func() bool { return r.grant("component").Generation > 0 })
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) deliver() {
	r.t.Helper()
	r.sim.Deliver(r.t.Context())
}

// buy lets the market's shop buy the service.
func (r *rig) buy() {
	r.t.Helper()
	_, err := r.sim.Buy(marketShop, wechatsim.DefaultService, "")
	r.must(err)
}

// shopOf gives the shop with WeChat's appid, or an empty one.
func (r *rig) shopOf(appID string) adminapi.ShopView {
	r.t.Helper()
	var all struct{ Items []adminapi.ShopView }
	r.ask("GET", marketShops, nil, &all)
	for _, s := range all.Items {
		if s.ID == appID {
			return s
		}
	}
	return adminapi.ShopView{}
}

// awaitShop waits until the shop's token is here.
func (r *rig) awaitShop() {
	r.t.Helper()
	r.await("the shop's token", func() bool {
		g := r.shopOf(marketShop).Grant
		return g != nil && g.State == "active" && g.AccessExpires != nil
	})
}

// client makes a client of a shop and gives its key.
func (r *rig) client(shop string) string {
	r.t.Helper()
	return r.apply(adminapi.Manifest{Clients: []adminapi.ManifestClient{{ID: "market-erp", Shops: []string{shop}, Mode: "write"}}}).Keys["market-erp"]
}

func (r *rig) basics(shop, key string) (int, string) {
	r.t.Helper()
	return r.get(r.base+"/wx/"+shop+"/channels/ec/basics/info/get", key)
}

// useService clicks 去使用 as somebody of the shop, in a browser.
func (b *browser) useService() page {
	b.r.t.Helper()
	target, err := b.r.sim.OpenService(b.r.t.Context(), marketShop, wechatsim.DefaultService)
	b.r.must(err)
	return b.follow(b.open(target))
}

// TestMarketStory: a shop nobody declared buys a service, is adopted without a
// word from its owner, is opened from the market after one question, is called,
// and is out when it withdraws.
func TestMarketStory(t *testing.T) {
	r := newPlatformRig(t)
	r.buy()
	r.deliver()
	r.awaitShop()
	key := r.client(marketShop)
	r.await("a call on behalf of the shop", func() bool { // WeChat refuses the first calls after an authorisation
		status, body := r.basics(marketShop, key)
		return status == http.StatusOK && strings.Contains(body, "蓝天文具二店")
	})

	pc := r.browser("Mozilla/5.0 (Windows NT 10.0)")
	asked := pc.useService()
	if strings.Contains(asked.url, "code=") || !strings.Contains(asked.body, "蓝天文具二店") {
		t.Fatalf("%s (%d) does not ask: %s", asked.url, asked.status, asked.body)
	}
	if p := pc.open(r.base + "/"); strings.Contains(p.body, "蓝天文具二店") {
		t.Error("in before the question was answered")
	}
	in := pc.follow(pc.submit(asked, "/market/", nil))
	if in.status != http.StatusOK || !strings.Contains(in.body, "蓝天文具二店") {
		t.Fatalf("%s (%d): %s", in.url, in.status, in.body)
	}
	again := pc.useService()
	if _, _, found := strings.Cut(again.url, "/market/"); found {
		t.Errorf("a browser that was in the shop is asked again: %s", again.url)
	}

	r.must(r.sim.WithdrawGrant(wechatsim.DefaultComponent, marketShop))
	r.deliver()
	r.await("the end of the calls", func() bool { status, _ := r.basics(marketShop, key); return status != http.StatusOK })
	if p := pc.open(r.base + "/"); strings.Contains(p.body, "蓝天文具二店") {
		t.Error("still in after the shop withdrew")
	}
}

// TestLostPushIsHealed: WeChat's event never comes, and the comparison with its
// list finds the shop.
func TestLostPushIsHealed(t *testing.T) {
	r := newPlatformRig(t)
	_, err := r.sim.AddPushFault(wechatsim.PushFault{Kind: wechatsim.PushLose, Name: "authorized"})
	r.must(err)
	r.buy()
	r.deliver()
	if r.shopOf(marketShop).ID != "" {
		t.Fatal("the event came")
	}
	r.ask("POST", "/v1/apps/"+platformID+"/reconcile", map[string]any{}, nil)
	r.awaitShop()
}

// TestEntryAdopts: somebody comes from the market before anything else told of
// their shop.
func TestEntryAdopts(t *testing.T) {
	r := newPlatformRig(t)
	_, err := r.sim.AddPushFault(wechatsim.PushFault{Kind: wechatsim.PushLose, Name: "authorized"})
	r.must(err)
	r.buy()
	r.deliver()
	pc := r.browser("Mozilla/5.0 (Windows NT 10.0)")
	if p := pc.useService(); !strings.Contains(p.body, "蓝天文具二店") {
		t.Fatalf("%s (%d): %s", p.url, p.status, p.body)
	}
	r.awaitShop()
}

// TestDeclaredOnly: with the settings for it, a shop that nobody declared is not opened,
// one that somebody declares is, and is told which permission set it lacks.
func TestDeclaredOnly(t *testing.T) {
	r := newRigIn(t, wechatsim.PlatformWorld())
	r.start(map[string]string{"platforms.declared_only": "true", "platforms.sets": "129,9999"})
	r.declarePlatform()
	r.buy()
	r.deliver()
	pc := r.browser("Mozilla/5.0 (Windows NT 10.0)")
	if p := pc.useService(); strings.Contains(p.body, "蓝天文具二店") || r.shopOf(marketShop).ID != "" {
		t.Fatalf("it opened: %s (%d): %s", p.url, p.status, p.body)
	}
	r.apply(adminapi.Manifest{
		Tenants: []adminapi.ManifestTenant{{ID: "second", Name: "蓝天文具"}},
		Shops:   []adminapi.ManifestShop{{ID: "second", Tenant: "second", Name: "蓝天文具二店", AppID: marketShop, App: platformID}},
	})
	r.await("the declared shop's token", func() bool {
		g := r.shopOf("second").Grant
		return g != nil && g.State == "active" && g.AccessExpires != nil
	})
	if _, told := r.say("GET", "/v1/notices", nil); !strings.Contains(string(told), "9999") {
		t.Errorf("nobody is told of the set that is missing: %s", told)
	}
}

// TestRefreshTokenIsHealed: the event of a new authorisation is lost, the kept
// refresh token is dead, and the next renewal finds the one that counts.
func TestRefreshTokenIsHealed(t *testing.T) {
	r := newPlatformRig(t)
	r.buy()
	r.deliver()
	r.awaitShop()
	key := r.client(marketShop)
	_, err := r.sim.AddPushFault(wechatsim.PushFault{Kind: wechatsim.PushLose, Name: "*authorized", Count: -1})
	if err != nil {
		_, err = r.sim.AddPushFault(wechatsim.PushFault{Kind: wechatsim.PushLose, Count: -1})
	}
	r.must(err)
	r.must(r.sim.Reauthorize(wechatsim.DefaultComponent, marketShop, []int{129, 131}))
	r.sim.Advance(111 * time.Minute)
	r.await("a call with a healed token", func() bool { status, _ := r.basics(marketShop, key); return status == http.StatusOK })
}

// TestShopMoves: a shop is served by its own key, then by the platform's, and back;
// calls go on all the while, and the program notices nothing.
func TestShopMoves(t *testing.T) {
	r := newPlatformRig(t)
	own := adminapi.Manifest{Tenants: []adminapi.ManifestTenant{{ID: "second", Name: "蓝天文具"}},
		Shops: []adminapi.ManifestShop{{ID: "second", Tenant: "second", Name: "蓝天文具二店", AppID: marketShop, Secret: "sandbox-secret-shop-000000000002"}}}
	r.apply(own)
	key := r.client("second")
	r.await("a call with the shop's own key", func() bool { status, _ := r.basics("second", key); return status == http.StatusOK })
	status, problem := r.say("POST", "/v1/shops/second/move", map[string]string{"to": "isv"})
	if status != http.StatusConflict || !strings.Contains(string(problem), "has not authorised") {
		t.Fatalf("moved to a platform it never authorised: %d %s", status, problem)
	}
	r.buy()
	r.deliver()
	r.await("what the shop authorised", func() bool { return r.grant("isv").AccessExpires != nil })
	if r.grant("isv").Shop != "second" {
		t.Fatalf("the platform's grant is of shop %q", r.grant("isv").Shop)
	}
	for _, step := range []struct{ to, app, kind string }{{"isv", platformID, "authorizer"}, {"self", "shop-second", "stable"}, {"isv", platformID, "authorizer"}} {
		var moved adminapi.ShopView
		r.ask("POST", "/v1/shops/second/move", map[string]string{"to": step.to}, &moved)
		if moved.App != step.app {
			t.Errorf("to %s: served by %s", step.to, moved.App)
		}
		r.await("a call after the move to "+step.to, func() bool {
			before := r.lastSeq()
			status, body := r.basics("second", key)
			if status != http.StatusOK {
				t.Fatalf("a call failed after the move: %d %s", status, body)
			}
			return strings.Contains(body, "蓝天文具二店") && r.tokenKindSince(before) == step.kind
		})
	}
}

// tokenKindSince is the kind of token that the last shop call carried.
func (r *rig) tokenKindSince(seq int64) (kind string) {
	for _, e := range r.sim.Ledger() {
		if e.Seq > seq && e.Path == "/channels/ec/basics/info/get" {
			kind = e.TokenKind
		}
	}
	return kind
}

// TestBothDialectsSoundAlike: a shop that develops for itself is told in JSON with
// ids as numbers, a platform's shop in XML; programs hear the same of both.
func TestBothDialectsSoundAlike(t *testing.T) {
	r := newPlatformRig(t)
	m := adminapi.Manifest{Tenants: []adminapi.ManifestTenant{{ID: tenantID, Name: "蓝天文具"}},
		Shops: []adminapi.ManifestShop{{ID: shopID, Tenant: tenantID, Name: "蓝天文具店", AppID: wechattest.Shop, Secret: wechattest.ShopSecret,
			ManifestPush: adminapi.ManifestPush{PushToken: pushToken, PushAESKey: strings.Repeat("k", 43)}}}}
	r.apply(m)
	r.must(r.sim.SetPush(t.Context(), wechattest.Shop, wechatsim.PushSettings{
		URL: r.base + "/wechat/push/shop-" + shopID + "/event/" + wechattest.Shop, Token: pushToken, EncodingAESKey: strings.Repeat("k", 43),
	}))
	r.buy()
	r.deliver()
	r.awaitShop()
	key := r.apply(adminapi.Manifest{Clients: []adminapi.ManifestClient{{ID: "all", Shops: []string{shopID, marketShop}, Mode: "read"}}}).Keys["all"]
	for _, appID := range []string{wechattest.Shop, marketShop} {
		r.must(r.sim.PushShop(appID, "channels_ec_order_new", []byte(`{"order_info":{"order_id":3705115058471208928}}`)))
	}
	r.deliver()
	status, body := r.get(r.base+"/v1/events?events=channels_ec_*", key)
	var heard struct {
		Items []struct {
			Type, Shop, AppID string
			Data              json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(body), &heard); err != nil || status != http.StatusOK || len(heard.Items) != 2 {
		t.Fatalf("pulled: %d %s, %v", status, body, err)
	}
	if diff := cmp.Diff(string(heard.Items[0].Data), string(heard.Items[1].Data)); diff != "" || !strings.Contains(body, `"order_id":"3705115058471208928"`) {
		t.Errorf("the two differ: %s\n%s", diff, body)
	}
	if heard.Items[0].AppID == heard.Items[1].AppID || heard.Items[0].Type != "channels_ec_order_new" {
		t.Errorf("heard %s", body)
	}
}

// TestStartOfPlatforms: a revoked platform comes back by its secret, what a shop
// granted it does not.
func TestStartOfPlatforms(t *testing.T) {
	r := newPlatformRig(t)
	r.buy()
	r.deliver()
	r.awaitShop()
	for _, kind := range []string{"isv", "component"} {
		r.ask("POST", "/v1/grants/"+r.grant(kind).ID+"/revoke", map[string]string{"cause": "test"}, nil)
	}
	status, problem := r.say("POST", "/v1/grants/"+r.grant("isv").ID+"/start", nil)
	if status != http.StatusUnprocessableEntity || !strings.Contains(string(problem), "authorise again") {
		t.Errorf("a shop's grant was started without the shop: %d %s", status, problem)
	}
	r.ask("POST", "/v1/grants/"+r.grant("component").ID+"/start", nil, nil)
	r.await("the platform's token", func() bool { g := r.grant("component"); return g.State == "active" && g.AccessExpires != nil })
}
