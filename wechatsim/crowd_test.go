package wechatsim_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/zhanggui/zhanggui/wechatsim"
)

func crowdRig(t testing.TB, size int) *rig {
	t.Helper()
	g := newRig(t, platformWorld(func(w *wechatsim.World) {
		w.Crowd = &wechatsim.Crowd{Component: component, Shops: size}
		w.Grants = []wechatsim.WorldGrant{{Component: component, AppID: marketShop, Sets: []int{131}}}
	}), func(o *wechatsim.Options) { o.KeepRaw = false })
	return g
}

// TestCrowd reads all pages of a great list, and treats one of its shops as any other.
func TestCrowd(t *testing.T) {
	const crowdSize = 10_000
	g := crowdRig(t, crowdSize)
	cat := g.cat(component)
	page := func(offset int) reply {
		return g.platform("api_get_authorizer_list", cat, fmt.Sprintf(`{"component_appid":%q,"offset":%d,"count":500}`, component, offset))
	}
	seen := map[string]bool{}
	for offset := 0; offset <= crowdSize; offset += 500 {
		for _, r := range page(offset).list("list") {
			seen[r.(map[string]any)["authorizer_appid"].(string)] = true
		}
	}
	if len(seen) != crowdSize+1 || !seen[marketShop] || !seen[wechatsim.CrowdAppID(crowdSize)] {
		t.Errorf("%d accounts in the list", len(seen))
	}

	shop := wechatsim.CrowdAppID(4711)
	grant, err := g.Grant(component, shop)
	g.must(err)
	token := g.authorizerToken(cat, shop, grant.RefreshToken).str("authorizer_access_token")
	if got := g.get("/channels/ec/basics/info/get", "access_token", token); got.obj("info").str("nickname") != "示例小店 1267" {
		t.Errorf("a shop of the crowd: %v", got)
	}
	if got := g.post("/channels/ec/product/list/get?access_token="+token, `{"page_size":10}`); len(got.list("product_ids")) == 0 {
		t.Errorf("its products: %v", got)
	}
	if g.CatalogueDigest(shop) == "" || g.CatalogueDigest(wechatsim.CrowdAppID(3)) == g.CatalogueDigest(shop) {
		t.Error("the goods of two shops of the crowd are the same, or there are none")
	}
	entry, err := g.OpenService(t.Context(), shop, serviceID)
	g.must(err)
	login := g.market("service/login_auth", cat, jsonBody("code", queryOf(t, entry).Get("code")))
	orders := g.market("get_paid_order_list", cat, fmt.Sprintf(`{"appid":%q,"limit":5}`, shop)).list("order_list")
	if login.str("appid") != shop || len(orders) != 1 || reply(orders[0].(map[string]any)).str("order_id") != login.str("order_id") {
		t.Errorf("login %v, orders %v", login, orders)
	}
	renewed, err := g.Buy(shop, serviceID, "")
	if err != nil || renewed.Authorized {
		t.Errorf("renewal %+v, %v", renewed, err)
	}
	buyers := g.market("service/get_service_buyer_list", cat, fmt.Sprintf(`{"service_id":%d,"offset":%d,"limit":10}`, serviceID, crowdSize-3))
	if buyers.str("count") != fmt.Sprint(crowdSize) || len(buyers.list("buyer_list")) != 3 {
		t.Errorf("buyers: %v", buyers)
	}
	g.must(g.WithdrawGrant(component, shop))
	if got := page(0).str("total_count"); got != fmt.Sprint(crowdSize) {
		t.Errorf("total_count %s after one withdrew", got)
	}
	for _, id := range []string{wechatsim.CrowdAppID(0), wechatsim.CrowdAppID(crowdSize + 1), "wxcc0000000000000A", "wxcc1"} {
		if err := g.ChangeAccountPassword(id); err == nil {
			t.Errorf("%s is in the crowd", id)
		}
	}
}

// BenchmarkCrowdWorld makes a world of 100,000 authorised shops.
func BenchmarkCrowdWorld(b *testing.B) {
	for b.Loop() {
		crowdRig(b, 100_000)
	}
}

// BenchmarkAuthorizerListPage reads the last page of 100,000 accounts.
func BenchmarkAuthorizerListPage(b *testing.B) {
	g := crowdRig(b, 100_000)
	cat := g.cat(component)
	body := fmt.Sprintf(`{"component_appid":%q,"offset":%d,"count":500}`, component, 100_000-500)
	for b.Loop() {
		g.request(http.MethodPost, "/cgi-bin/component/api_get_authorizer_list?access_token="+cat, body)
	}
}
