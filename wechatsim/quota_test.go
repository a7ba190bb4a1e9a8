package wechatsim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechatsim"
)

const listPath = "/channels/ec/product/list/get"

// limited is a rig whose product list has this limit.
func limited(t *testing.T, l wechatsim.Limit) *rig {
	l.Path = listPath
	return newRig(t, world(func(w *wechatsim.World) { w.Limits = []wechatsim.Limit{l} }))
}

// own posts to a call of /cgi-bin/ with the shop's token.
func (g *rig) own(name, body string) reply {
	g.t.Helper()
	return g.post("/cgi-bin/"+name+"?access_token="+g.stable(false).str("access_token"), body)
}

// usedOf is what quota/get tells about the product list.
func (g *rig) usedOf() string {
	g.t.Helper()
	return g.own("openapi/quota/get", `{"cgi_path":"`+listPath+`"}`).obj("quota").str("used")
}

func TestSecondLimit(t *testing.T) {
	g := limited(t, wechatsim.Limit{PerSecond: 2})
	for _, want := range []string{"0", "0", "44990"} {
		g.wantCode(g.shop("product/list/get", "{}"), want)
	}
	if got := g.usedOf(); got != "2" {
		t.Errorf("used %s: a refused call was counted", got)
	}
	g.Advance(time.Second)
	g.wantCode(g.shop("product/list/get", "{}"), "0")
}

func TestLimitsOfOneApp(t *testing.T) {
	g := newRig(t, platformWorld(func(w *wechatsim.World) {
		w.Limits = []wechatsim.Limit{{Path: infoPath, AppID: shopID, Daily: 1}, {Path: infoPath, Daily: 2}}
	}))
	g.wantCode(g.shop("basics/info/get", ""), "0")
	g.wantCode(g.shop("basics/info/get", ""), "45009")
	other := g.cgi(marketShop, "sandbox-secret-shop-000000000002").str("access_token")
	for _, want := range []string{"0", "0", "45009"} {
		g.wantCode(g.get(infoPath, "access_token", other), want)
	}
}

func TestComponentLimit(t *testing.T) {
	g := platformRig(t, calm)
	g.must(g.SetLimit(wechatsim.Limit{Path: infoPath, ComponentPerMinute: 1}))
	cat := g.cat(component)
	g.granted(shopID)
	token := g.aat(cat, shopID)
	g.wantCode(g.get(infoPath, "access_token", token), "0")
	g.wantCode(g.get(infoPath, "access_token", token), "45011")
	g.wantCode(g.shop("basics/info/get", ""), "0") // the shop's own calls go on
	got := g.post("/cgi-bin/openapi/quota/get?access_token="+token, `{"cgi_path":"`+infoPath+`"}`)
	if got.obj("quota").str("used") != "2" || got.obj("component_rate_limit").str("call_count") != "1" || got.obj("component_rate_limit").str("refresh_second") != "60" {
		t.Errorf("a component's calls are not the shop's: %v", got)
	}
	g.Advance(time.Minute)
	g.wantCode(g.get(infoPath, "access_token", token), "0")
}

func TestQuotaClear(t *testing.T) {
	g := limited(t, wechatsim.Limit{Daily: 1})
	g.wantCode(g.shop("product/list/get", "{}"), "0")
	g.wantCode(g.shop("product/list/get", "{}"), "45009")
	g.wantCode(g.own("openapi/quota/clear", `{"cgi_path":"`+listPath+`"}`), "0")
	g.wantCode(g.shop("product/list/get", "{}"), "0")
	for body, want := range map[string]string{
		`{"cgi_path":"channels/ec/order/get"}`:      "76003",
		`{"cgi_path":"/channels/ec/none"}`:          "76021",
		`{"cgi_path":"/cgi-bin/stable_token"}`:      "76022",
		`{"cgi_path":"/shop/ec/basics/img/upload"}`: "76022",
		`{"cgi_path":1}`:                            "47001",
		"":                                          "44002",
	} {
		g.wantCode(g.own("openapi/quota/clear", body), want)
	}
	for range 49 {
		g.wantCode(g.own("openapi/quota/clear", `{"cgi_path":"`+listPath+`"}`), "0")
	}
	g.wantCode(g.own("openapi/quota/clear", `{"cgi_path":"`+listPath+`"}`), "48006")
	g.Advance(24 * time.Hour)
	g.wantCode(g.own("openapi/quota/clear", `{"cgi_path":"`+listPath+`"}`), "0")
}

func TestClearQuota(t *testing.T) {
	g := limited(t, wechatsim.Limit{Daily: 1})
	secret := `{"appid":"` + shopID + `","appsecret":"` + wechatsim.DefaultShopSecret + `"}`
	query := "/cgi-bin/clear_quota/v2?appid=" + shopID + "&appsecret=" + wechatsim.DefaultShopSecret
	g.wantCode(g.own("clear_quota", `{"appid":"`+service+`"}`), "40013")
	g.wantCode(g.post("/cgi-bin/clear_quota/v2", `{"appid":"`+shopID+`"}`), "41004")
	g.wantCode(g.post("/cgi-bin/clear_quota/v2", strings.Replace(secret, "000000000001", "x", 1)), "40125")
	for n := range 10 {
		g.wantCode(g.shop("product/list/get", "{}"), "0")
		g.wantCode(g.shop("product/list/get", "{}"), "45009")
		switch n % 3 {
		case 0:
			g.wantCode(g.own("clear_quota", `{"appid":"`+shopID+`"}`), "0")
		case 1:
			g.wantCode(g.post("/cgi-bin/clear_quota/v2", secret), "0")
		default:
			g.wantCode(g.post(query, ""), "0")
		}
	}
	g.wantCode(g.own("clear_quota", `{"appid":"`+shopID+`"}`), "48006")
	g.wantCode(g.post("/cgi-bin/clear_quota/v2", secret), "48006")
}

func TestComponentClearsQuota(t *testing.T) {
	g := platformRig(t, calm)
	body := func(appid, secret string) string {
		return jsonBody("appid", appid, "component_appid", component, "appsecret", secret)
	}
	const path = "/cgi-bin/component/clear_quota/v2"
	g.wantCode(g.post(path, body(shopID, wechatsim.DefaultComponentSecret)), "61003")
	g.granted(shopID)
	g.must(g.SetUsed(shopID, infoPath, 5))
	g.wantCode(g.post(path, body(shopID, wechatsim.DefaultComponentSecret)), "0")
	got := g.own("openapi/quota/get", `{"cgi_path":"`+infoPath+`"}`)
	if got.obj("quota").str("used") != "0" {
		t.Errorf("after the clear: %v", got)
	}
	g.wantCode(g.post(path, body(shopID, "wrong")), "40125")
	g.wantCode(g.post(path, body("", wechatsim.DefaultComponentSecret)), "41002")
}

func TestQuotaByControl(t *testing.T) {
	g := newRig(t)
	control := func(path, body string, want int) {
		t.Helper()
		if w := g.request(http.MethodPost, path, body); w.Code != want {
			t.Errorf("%s %s: HTTP %d %s", path, body, w.Code, w.Body)
		}
	}
	control("/sim/limits", `{"path":"`+listPath+`","daily":5}`, 200)
	control("/sim/limits", `{"path":"`+listPath+`","daily":7}`, 200)
	control("/sim/limits", `{"path":"product","daily":-1}`, 422)
	control("/sim/used", `{"appid":"`+shopID+`","path":"`+listPath+`","calls":6}`, 200)
	control("/sim/used", `{"appid":"wx00000000000000ff","path":"`+listPath+`","calls":6}`, 404)
	control("/sim/used", `{"appid":"`+shopID+`","path":"/none","calls":6}`, 422)
	g.wantCode(g.shop("product/list/get", "{}"), "0")
	g.wantCode(g.shop("product/list/get", "{}"), "45009")
	if got := decode(t, g.request(http.MethodGet, "/sim/limits", "").Body.Bytes()).list("limits"); len(got) != 1 {
		t.Errorf("limits %v, want one", got)
	}
}

func TestRIDGet(t *testing.T) {
	g := newRig(t)
	failed := g.shop("product/get", `{"product_id":"1"}`)
	text := failed.str("errmsg")
	rid := text[strings.LastIndex(text, " ")+1:]
	got := g.own("openapi/rid/get", `{"rid":"`+rid+`"}`)
	token := g.stable(false).str("access_token")
	request := got.obj("request")
	if request.str("request_url") != "access_token="+token || request.str("request_body") != `{"product_id":"1"}` ||
		!strings.Contains(request.str("response_body"), rid) || request.str("invoke_time") != fmt.Sprint(start.Unix()) {
		t.Errorf("the call is not echoed with all that was in it: %v", got)
	}
	other := g.cgi(service, serviceSecret).str("access_token")
	g.wantCode(g.post("/cgi-bin/openapi/rid/get?access_token="+other, `{"rid":"`+rid+`"}`), "76003")
	g.wantCode(g.own("openapi/rid/get", `{"rid":"61725984-6126f6f9-040f19c4"}`), "76001")
	g.wantCode(g.own("openapi/rid/get", `{"rid":"none"}`), "76002")
	g.Advance(8 * 24 * time.Hour)
	g.wantCode(g.own("openapi/rid/get", `{"rid":"`+rid+`"}`), "76001")
}

func TestCallbackCheck(t *testing.T) {
	g := newRig(t)
	g.wantCode(g.own("callback/check", `{"action":"all"}`), "40201")
	g.must(g.SetApp(shopID, func(a *wechatsim.App) {
		a.Push = &wechatsim.PushSettings{URL: "https://shop.example.com/push", Token: "sandboxtoken1", EncodingAESKey: strings.Repeat("a", 42) + "A"}
	}))
	for body, want := range map[string]string{
		`{"action":"trace"}`: "40202", `{"action":"all","check_operator":"NOBODY"}`: "40203", `{"action":"all"}`: "",
	} {
		g.wantCode(g.own("callback/check", body), want)
	}
	got := g.own("callback/check", `{"action":"dns","check_operator":"CAP"}`)
	if len(got.list("dns")) != 1 || got["ping"] != nil {
		t.Errorf("dns only: %v", got)
	}
	if ips := g.get("/cgi-bin/get_api_domain_ip", "access_token", g.stable(false).str("access_token")).list("ip_list"); len(ips) == 0 {
		t.Error("no address of the API")
	}
}
