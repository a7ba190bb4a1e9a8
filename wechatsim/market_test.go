package wechatsim_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechatsim"
)

// market calls a service-market API with a token.
func (g *rig) market(name, token, body string) reply {
	g.t.Helper()
	return g.post("/wxa/servicemarket/"+name+"?access_token="+token, body)
}

// linkGrant lets an account authorise the component by a PC link, and returns the callback and its code.
func (g *rig) linkGrant(cat, authType, account string) (callback, code string) {
	g.t.Helper()
	callback, err := g.VisitGrant(g.t.Context(), account, g.grantLink(cat, "auth_type="+authType), wechatsim.Agree)
	g.must(err)
	return callback, queryOf(g.t, callback).Get("auth_code")
}

func (g *rig) preAuth(cat string) string {
	g.t.Helper()
	got := g.platform("api_create_preauthcode", cat, jsonBody("component_appid", component))
	if got.str("pre_auth_code") == "" {
		g.t.Fatalf("no pre_auth_code: %v", got)
	}
	return got.str("pre_auth_code")
}

func (g *rig) grantLink(cat, more string) string {
	g.t.Helper()
	return "http://mp.localhost/cgi-bin/componentloginpage?component_appid=" + component + "&pre_auth_code=" + url.QueryEscape(g.preAuth(cat)) +
		"&redirect_uri=" + url.QueryEscape("https://"+domain+"/bound?tie=1") + "&" + more
}

// TestMarketStory is the whole of it: buy, come in, exchange, look what is paid for.
func TestMarketStory(t *testing.T) {
	g := platformRig(t, calm)
	bought, err := g.Buy(marketShop, serviceID, "915673")
	g.must(err)
	if !bought.Authorized || bought.OrderID <= 1<<53 || bought.Expires != start.AddDate(0, 0, 365) {
		t.Errorf("purchase %+v", bought)
	}
	cat := g.cat(component)
	entry, err := g.OpenService(t.Context(), marketShop, serviceID)
	g.must(err)
	head, code, _ := strings.Cut(entry, "?code=")
	if head != "http://isv.localhost/market/callback" || len(queryOf(t, entry)) != 1 {
		t.Errorf("entry %s", entry)
	}
	body := jsonBody("code", code)
	got := g.market("service/login_auth", cat, body)
	if got.code() != "0" || got.str("appid") != marketShop || got.str("spec_id") != "standard" || got.str("sku_id") != "915673" ||
		got.str("order_id") != fmt.Sprint(bought.OrderID) || got.str("service_id") != fmt.Sprint(serviceID) || got["openid"] != "" {
		t.Errorf("login_auth: %v", got)
	}
	if _, isString := got["order_id"].(string); isString {
		t.Error("order_id is a string")
	}
	g.wantCode(g.market("service/login_auth", cat, body), "10001") // once only

	buyer := fmt.Sprintf(`{"appid":%q,"service_id":%d,"buyer_type":1}`, marketShop, serviceID)
	spec := g.market("service/get_service_buyer", cat, buyer).obj("buyer").list("spec_list")
	if len(spec) != 1 || reply(spec[0].(map[string]any)).str("expire_time") != fmt.Sprint(bought.Expires.Unix()) {
		t.Errorf("spec_list %v", spec)
	}

	// A renewal counts from the end of what is paid, and authorises nobody anew.
	again, err := g.Buy(marketShop, serviceID, "915673")
	g.must(err)
	if again.Authorized || again.Expires != start.AddDate(0, 0, 730) || again.OrderID == bought.OrderID {
		t.Errorf("renewal %+v", again)
	}
	orders := g.market("get_paid_order_list", cat, fmt.Sprintf(`{"appid":%q,"offset":0,"limit":10,"buyer_type":1}`, marketShop)).list("order_list")
	if len(orders) != 2 || reply(orders[1].(map[string]any)).str("total_price") != "19900" {
		t.Errorf("orders %v", orders)
	}
	list := g.market("service/get_service_buyer_list", cat, fmt.Sprintf(`{"service_id":%d,"offset":0,"limit":10}`, serviceID))
	if list.str("count") != "1" || len(list.list("buyer_list")) != 1 {
		t.Errorf("buyers %v", list)
	}
}

func TestLoginAuthRefuses(t *testing.T) {
	g := platformRig(t, calm)
	g.granted(marketShop)
	cat := g.cat(component)
	enter := func() string {
		entry, err := g.OpenService(t.Context(), marketShop, serviceID)
		g.must(err)
		return jsonBody("code", queryOf(t, entry).Get("code"))
	}
	home := g.get("/cgi-bin/token", "grant_type", "client_credential", "appid", wechatsim.DefaultMarketHome, "secret", wechatsim.DefaultMarketHomeSecret).str("access_token")
	g.wantCode(g.market("service/login_auth", home, enter()), "10001")
	g.wantCode(g.market("service/login_auth", g.cat(other), enter()), "10001")
	g.wantCode(g.market("service/login_auth", g.aat(cat, marketShop), enter()), "10001")
	g.wantCode(g.market("service/login_auth", cat, `{}`), "10001")
	g.wantCode(g.market("service/login_auth", "", `{}`), "41001")
	late := enter()
	g.Advance(5 * time.Minute)
	g.wantCode(g.market("service/login_auth", cat, late), "10001")
	_, auth := g.linkGrant(cat, "1", service)
	g.wantCode(g.market("service/login_auth", cat, jsonBody("code", auth)), "10001")
	g.wantCode(g.post("/product/service/check_auth?access_token="+cat, enter()), "1")
	g.wantCode(g.post("/product/service/check_auth?access_token="+home, enter()), "61014")

	g.must(g.SetSwitches(func(sw *wechatsim.Switches) { sw.MarketCodeReusable, sw.MarketIDsAsStrings = true, true }))
	code := enter()
	for range 2 {
		got := g.market("service/login_auth", cat, code)
		if id, isString := got["service_id"].(string); !isString || id != fmt.Sprint(serviceID) {
			t.Errorf("with ids as strings: %v", got)
		}
	}
}

func TestMarketListsWithTheWrongToken(t *testing.T) {
	g := platformRig(t, calm)
	_, err := g.Buy(marketShop, serviceID, "915673")
	g.must(err)
	home := g.get("/cgi-bin/token", "grant_type", "client_credential", "appid", wechatsim.DefaultMarketHome, "secret", wechatsim.DefaultMarketHomeSecret).str("access_token")
	calls := map[string]string{"service/get_service_buyer": "buyer", "service/get_service_buyer_list": "buyer_list", "get_paid_order_list": "order_list"}
	body := fmt.Sprintf(`{"appid":%q,"service_id":%d,"offset":0,"limit":10}`, marketShop, serviceID)
	for name, field := range calls {
		got := g.market(name, home, body)
		if got.code() != "0" || len(got.list(field)) != 0 || len(got.obj("buyer").list("spec_list")) != 0 {
			t.Errorf("%s: %v, want an empty success", name, got)
		}
	}
	g.must(g.SetSwitches(func(sw *wechatsim.Switches) { sw.MarketWrongTokenEmpty = false }))
	for name := range calls {
		g.wantCode(g.market(name, home, body), "48001")
	}
}

func TestMarketListLimits(t *testing.T) {
	g := platformRig(t)
	cat := g.cat(component)
	for _, body := range []string{`{"service_id":1,"limit":11}`, `{"service_id":1,"limit":0}`, `{"service_id":1,"limit":5,"offset":-1}`} {
		g.wantCode(g.market("service/get_service_buyer_list", cat, body), "40035")
	}
	g.wantCode(g.market("service/get_service_buyer", cat, `{"service_id":1}`), "40035")
	g.wantCode(g.market("service/get_service_buyer", cat, `{"appid":"wx00000000000000c2"}`), "40035")
	g.wantCode(g.market("get_paid_order_list", cat, `{"limit":5}`), "40035")
	g.wantCode(g.market("get_paid_order_list", cat, `{"appid":"wx00000000000000c2"}`), "40035")
	g.wantCode(g.market("get_paid_order_list", cat, `{"buyer_type":2,"openid":"o_demo_owner_0001","limit":5}`), "0")
}

func TestTrialBuyersMayBeMissing(t *testing.T) {
	g := platformRig(t)
	g.granted(marketShop) // the first package is the trial
	cat := g.cat(component)
	ask := func() []any {
		return g.market("service/get_service_buyer", cat, fmt.Sprintf(`{"appid":%q,"service_id":%d}`, marketShop, serviceID)).obj("buyer").list("spec_list")
	}
	if got := ask(); len(got) != 0 {
		t.Errorf("spec_list %v of a trial", got)
	}
	g.must(g.SetSwitches(func(sw *wechatsim.Switches) { sw.TrialBuyersMissing = false }))
	if got := ask(); len(got) != 1 {
		t.Errorf("spec_list %v", got)
	}
}

func TestBuyRefuses(t *testing.T) {
	g := platformRig(t)
	for _, tt := range []struct {
		name, account, spec string
		service             uint64
		want                error
	}{
		{"unknown service", marketShop, "", 1, wechatsim.ErrNoService},
		{"unknown package", marketShop, "gold", serviceID, wechatsim.ErrNoService},
		{"unknown account", "wx00000000000000ff", "", serviceID, wechatsim.ErrNoApp},
		{"a service account", service, "", serviceID, nil},
	} {
		_, err := g.Buy(tt.account, tt.service, tt.spec)
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if _, err := g.OpenService(t.Context(), marketShop, serviceID); err == nil {
		t.Error("a service that was not bought was opened")
	}
	g.must(g.SetApp(component, func(a *wechatsim.App) { a.Published = new(false) }))
	if _, err := g.Buy(marketShop, serviceID, ""); err == nil {
		t.Error("an unpublished component was authorised")
	}
	g.must(g.SetApp(component, func(a *wechatsim.App) { a.TestList = []string{marketShop} }))
	if _, err := g.Buy(marketShop, serviceID, ""); err != nil {
		t.Errorf("from the test list: %v", err)
	}
	g.must(g.SetAccountStatus(shopID, 19))
	if _, err := g.Buy(shopID, serviceID, ""); err == nil {
		t.Error("a frozen shop bought")
	}
}

// TestMarketPages presses the buttons as a browser does.
func TestMarketPages(t *testing.T) {
	g := platformRig(t)
	page := g.request(http.MethodGet, "/market/?appid="+marketShop, "").Body.String()
	if !strings.Contains(page, "订单管家") || !strings.Contains(page, "店小账") || strings.Contains(page, "去使用") {
		t.Errorf("market page before the purchase:\n%s", page)
	}
	form := url.Values{"appid": {marketShop}, "service_id": {fmt.Sprint(serviceID)}, "spec_id": {"915673"}}
	w := g.request(http.MethodPost, "/market/buy", form.Encode())
	if w.Code != http.StatusSeeOther {
		t.Fatalf("buy: HTTP %d %s", w.Code, w.Body)
	}
	page = g.request(http.MethodGet, w.Header().Get("Location"), "").Body.String()
	if !strings.Contains(page, "去使用") || !strings.Contains(page, "withdraw") {
		t.Errorf("market page after the purchase:\n%s", page)
	}
	w = g.request(http.MethodGet, "/market/use?"+form.Encode(), "")
	if w.Code != http.StatusFound || !strings.HasPrefix(w.Header().Get("Location"), "http://isv.localhost/market/callback?code=") {
		t.Errorf("use: HTTP %d to %q", w.Code, w.Header().Get("Location"))
	}
	for _, bad := range []string{"/market/use?service_id=x", "/market/use?service_id=1", "/market/nothing"} {
		if page := g.request(http.MethodGet, bad, "").Body.String(); !strings.Contains(page, "data-errcode") {
			t.Errorf("%s: %s", bad, page)
		}
	}
	for _, bad := range []string{"", "service_id=1", "appid=x&service_id=" + fmt.Sprint(serviceID)} {
		if page := g.request(http.MethodPost, "/market/buy", bad).Body.String(); !strings.Contains(page, "data-errcode") {
			t.Errorf("buy %q: %s", bad, page)
		}
	}
	press := func(path, fields string) {
		t.Helper()
		r := httptest.NewRequest(http.MethodPost, path+"?form", strings.NewReader("back="+url.QueryEscape("/market/?appid="+marketShop)+"&"+fields))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		back, _ := g.do(r)
		if back.Code != http.StatusSeeOther || back.Header().Get("Location") != "/market/?appid="+marketShop {
			t.Errorf("%s: HTTP %d to %q", path, back.Code, back.Header().Get("Location"))
		}
	}
	own := "/sim/components/" + component + "/accounts/" + marketShop
	press(own+"/reauthorize", "set=129&set=131")
	if grant, _ := g.Grant(component, marketShop); !slices.Equal(grant.Sets, []int{129, 131}) {
		t.Errorf("sets %v after two boxes were ticked", grant.Sets)
	}
	press("/sim/accounts/"+marketShop+"/account-status", "account_status=19")
	if page := g.request(http.MethodGet, "/market/?appid="+marketShop, "").Body.String(); !strings.Contains(page, `class="yes" name="account_status" value="19"`) {
		t.Error("the page does not show that the account is frozen")
	}
	press("/sim/accounts/"+marketShop+"/change-password", "")
	press(own+"/withdraw", "")
	if _, err := g.Grant(component, marketShop); !errors.Is(err, wechatsim.ErrNotGranted) {
		t.Errorf("after withdrawing: %v", err)
	}
	host := httptest.NewRecorder()
	g.MarketHost().ServeHTTP(host, httptest.NewRequest(http.MethodGet, "/market/", nil))
	if !strings.Contains(host.Body.String(), `data-page="market"`) {
		t.Error("the market's own host shows another page")
	}
}

func TestGrantLink(t *testing.T) {
	g := platformRig(t)
	cat := g.cat(component)
	callback, code := g.linkGrant(cat, "1", service)
	q := queryOf(t, callback)
	if !strings.HasPrefix(callback, "https://"+domain+"/bound?") || q.Get("tie") != "1" || code == "" || q.Get("expires_in") != "600" {
		t.Errorf("callback %s", callback)
	}
	_, err := g.VisitGrant(t.Context(), service, g.grantLink(cat, "auth_type=1"), wechatsim.Refuse)
	if !errors.Is(err, wechatsim.ErrNoCallback) {
		t.Errorf("refused: %v", err)
	}
	_, err = g.VisitGrant(t.Context(), service, g.grantLink(cat, "auth_type=1"), wechatsim.Leave)
	if !errors.Is(err, wechatsim.ErrNoCallback) {
		t.Errorf("left: %v", err)
	}
	_, err = g.VisitGrant(t.Context(), miniProgram, g.grantLink(cat, "auth_type=2&category_id_list=129"), wechatsim.Agree)
	g.must(err)
	if grant, _ := g.Grant(component, miniProgram); len(grant.Sets) != 1 {
		t.Errorf("sets %v, want those of category_id_list", grant.Sets)
	}
	// biz_appid overrides auth_type.
	if _, err = g.VisitGrant(t.Context(), service, g.grantLink(cat, "auth_type=2&biz_appid="+service), wechatsim.Agree); err != nil {
		t.Errorf("biz_appid: %v", err)
	}
}

// TestNoLinkForAShop: whatever the link says, a shop is not offered.
func TestNoLinkForAShop(t *testing.T) {
	g := platformRig(t)
	cat := g.cat(component)
	for _, more := range []string{"auth_type=1", "auth_type=2", "auth_type=3", "auth_type=4", "auth_type=5", "auth_type=6", "auth_type=8", "", "biz_appid=" + shopID} {
		_, err := g.VisitGrant(t.Context(), shopID, g.grantLink(cat, more), wechatsim.Agree)
		if _, ok := errors.AsType[*wechatsim.PageError](err); !ok {
			t.Errorf("%s: %v", more, err)
		}
	}
}

func TestGrantLinkErrors(t *testing.T) {
	g := platformRig(t)
	cat := g.cat(component)
	base := func(code, redirect string) string {
		return "http://mp.localhost/cgi-bin/componentloginpage?component_appid=" + component + "&pre_auth_code=" + url.QueryEscape(code) + "&redirect_uri=" + url.QueryEscape(redirect)
	}
	good := "https://" + domain + "/bound"
	expired := g.preAuth(cat)
	g.Advance(10 * time.Minute)
	fresh := g.preAuth(cat)
	tests := map[string]string{
		"unknown component":  "http://mp.localhost/cgi-bin/componentloginpage?component_appid=" + shopID + "&pre_auth_code=" + url.QueryEscape(fresh),
		"no code":            base("", good),
		"expired code":       base(expired, good),
		"wrong domain":       base(fresh, "https://elsewhere.example.com/bound"),
		"no redirect":        base(fresh, ""),
		"unknown type":       base(fresh, good) + "&auth_type=7",
		"foreign set":        base(fresh, good) + "&category_id_list=99",
		"junk set":           base(fresh, good) + "&category_id_list=129%7Cx",
		"unlisted account":   base(fresh, good) + "&auth_type=5",
		"phone, no action":   strings.Replace(base(fresh, good), "cgi-bin/componentloginpage", "wxaopen/safe/bindcomponent", 1) + "#wechat_redirect",
		"phone, no fragment": strings.Replace(base(fresh, good), "cgi-bin/componentloginpage", "safe/bindcomponent", 1) + "&action=bindcomponent",
		"no such page":       "http://mp.localhost/elsewhere",
	}
	for name, link := range tests {
		if _, err := g.VisitGrant(t.Context(), service, link, wechatsim.Agree); err == nil {
			t.Errorf("%s: it worked", name)
		}
	}
	for _, path := range []string{"wxaopen/safe/bindcomponent", "safe/bindcomponent"} {
		link := strings.Replace(base(fresh, "http://127.0.0.1:1/bound"), "cgi-bin/componentloginpage", path, 1) + "&action=bindcomponent&no_scan=1&auth_type=1#wechat_redirect"
		if _, err := g.VisitGrant(t.Context(), service, link, wechatsim.Agree); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	// Outside WeChat's browser the phone's page asks to be opened in it.
	w := g.request(http.MethodGet, "/wxaopen/safe/bindcomponent?action=bindcomponent&component_appid="+component+"&pre_auth_code="+url.QueryEscape(fresh)+"&redirect_uri="+url.QueryEscape(good), "")
	if !strings.Contains(w.Body.String(), `data-page="outside"`) {
		t.Errorf("outside WeChat: %s", w.Body)
	}
	for _, body := range []string{"", "ticket=x&decision=agree"} {
		if w := g.request(http.MethodPost, "/cgi-bin/componentloginpage/decide", body); !strings.Contains(w.Body.String(), "data-errcode") {
			t.Errorf("a decision without a page: %s", w.Body)
		}
	}
	if w := g.request(http.MethodPost, "/cgi-bin/componentloginpage", ""); !strings.Contains(w.Body.String(), "data-errcode") {
		t.Error("the page took a POST")
	}
}

func TestPlatformControls(t *testing.T) {
	g := platformRig(t)
	buy := fmt.Sprintf(`{"appid":%q,"service_id":%d,"spec_id":"915673"}`, marketShop, serviceID)
	if got := g.post("/sim/market/buy", buy); got["authorized"] != true || got.str("order_id") == "" {
		t.Errorf("buy: %v", got)
	}
	if got := g.post("/sim/market/use", buy); !strings.Contains(got.str("url"), "?code=") {
		t.Errorf("use: %v", got)
	}
	at := "/sim/components/" + component
	if got := g.post(at+"/ticket", ""); !strings.HasPrefix(got.str("ticket"), "ticket@@@") {
		t.Errorf("ticket: %v", got)
	}
	if got := g.get(at); got.str("accounts") != "1" || got.str("buyers") != "1" || len(got.list("tickets")) != 1 || got["tickets_on"] != true {
		t.Errorf("component: %v", got)
	}
	if got := g.get(at + "/accounts"); got.str("total") != "1" || len(got.list("accounts")) != 1 {
		t.Errorf("accounts: %v", got)
	}
	if got := g.get(at+"/accounts", "offset", "1", "limit", "1"); len(got.list("accounts")) != 0 {
		t.Errorf("accounts from 1: %v", got)
	}
	one := at + "/accounts/" + marketShop
	for _, step := range []struct{ path, body, want string }{
		{one + "/reauthorize", `{"permission_sets":[129]}`, "ok"},
		{one + "/reauthorize", `{"permission_sets":["129"]}`, "error"},
		{one + "/sing", ``, "error"},
		{"/sim/accounts/" + marketShop + "/account-status", `{"account_status":19}`, "ok"},
		{"/sim/accounts/" + marketShop + "/account-status", `{"account_status":2}`, "error"},
		{"/sim/accounts/" + marketShop + "/account-status", ``, "error"},
		{"/sim/accounts/" + marketShop + "/account-status", `{"account_status":"19"}`, "error"},
		{one + "/reauthorize?form", ``, "error"}, // the account is frozen
		{"/sim/accounts/" + marketShop + "/shop-status", `{"status":"closing"}`, "ok"},
		{"/sim/accounts/" + marketShop + "/shop-status", `{"status":"asleep"}`, "error"},
		{"/sim/accounts/" + service + "/shop-status", `{"status":"closing"}`, "error"},
		{"/sim/accounts/" + marketShop + "/change-password", ``, "ok"},
		{"/sim/accounts/wx00000000000000ff/change-password", ``, "error"},
		{"/sim/accounts/" + marketShop + "/sing", ``, "error"},
		{one + "/withdraw", ``, "ok"},
		{one + "/withdraw", ``, "error"},
		{"/sim/market/buy", `{"appid":1}`, "error"},
		{"/sim/components/wx00000000000000ff/ticket", ``, "error"},
		{"/sim/visit/grant", `{"account":"` + service + `","url":"http://mp.localhost/x","decision":"agree"}`, "error"},
	} {
		if got := g.post(step.path, step.body); got[step.want] == nil {
			t.Errorf("%s %s: %v, want %s", step.path, step.body, got, step.want)
		}
	}
	if got := g.get(one); got["error"] == nil {
		t.Errorf("a withdrawn account: %v", got)
	}
	for _, bad := range []string{"-1", "x"} {
		if got := g.get(at+"/accounts", "limit", bad); got["error"] == nil {
			t.Errorf("limit %s: %v", bad, got)
		}
	}
	visit := fmt.Sprintf(`{"account":%q,"url":%q,"decision":"agree"}`, service, g.grantLink(g.cat(component), "auth_type=1"))
	if got := g.post("/sim/visit/grant", visit); len(got.list("callbacks")) != 1 {
		t.Errorf("visit: %v", got)
	}
}

func TestPlatformWorldMistakes(t *testing.T) {
	const bad = `{
  "apps": [
    {"appid":"wx00000000000000d1","secret":"s","kind":"component","permission_sets":[129,129,0],"push":{"url":"http://a.example.com/x","auth_url":"ftp://x","token":"a b","encoding_aes_key":"short"},
     "services":[{"name":"x","url":"nowhere","specs":[{"days":0}]},{"service_id":7,"url":"http://a.example.com/x"}]},
    {"appid":"wx00000000000000d2","secret":"s","kind":"component","services":[{"service_id":7,"url":"http://a.example.com/x"}],"push":{"auth_url":"http://a.example.com/x"}},
    {"appid":"wx00000000000000c1","secret":"s","kind":"shop","permission_sets":[129],"account_status":3,"push":{"event_url":"http://a.example.com/x"}},
    {"appid":"wx00000000000000e1","secret":"s","kind":"mini_program","callback_domain":"a.example.com"}
  ],
  "grants": [{"component":"wx00000000000000c1","appid":"wx00000000000000d1"},{"component":"wx00000000000000d1","appid":"wx00000000000000c1"},{"component":"wx00000000000000d1","appid":"wx00000000000000c1"}],
  "crowd": {"component":"wx00000000000000c1","shops":0}
}`
	_, err := wechatsim.LoadWorld(strings.NewReader(bad))
	if err == nil {
		t.Fatal("it was read")
	}
	for _, path := range []string{
		"$.apps[0].permission_sets[1]", "$.apps[0].permission_sets[2]", "$.apps[0].push.url", "$.apps[0].push.auth_url", "$.apps[0].push.token",
		"$.apps[0].push.encoding_aes_key", "$.apps[0].services[0].service_id", "$.apps[0].services[0].url", "$.apps[0].services[0].specs[0]",
		"$.apps[1].services[0].service_id", "$.apps[1].push ", "$.apps[2] ", "$.apps[2].account_status", "$.apps[2].push.event_url",
		"$.apps[3].callback_domain", "$.grants[0].component", "$.grants[0].appid", "$.grants[2] ", "$.crowd.component", "$.crowd.shops",
	} {
		if !strings.Contains(err.Error(), path) {
			t.Errorf("no problem at %s; have %v", path, err)
		}
	}
}
