package wechatsim_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/wechatsim"
)

const (
	component   = wechatsim.DefaultComponent
	other       = wechatsim.OtherComponent
	marketShop  = wechatsim.DefaultMarketShop
	miniProgram = wechatsim.DefaultMiniProgram
	serviceID   = wechatsim.DefaultService
)

func platformWorld(change ...func(*wechatsim.World)) func(*wechatsim.Options) {
	return func(o *wechatsim.Options) {
		o.World = wechatsim.PlatformWorld()
		for _, f := range change {
			f(o.World)
		}
	}
}

// calm is the strict set without the refusals that come right after a grant.
func calm(sw *wechatsim.Switches) { sw.FreshGrantRefusals = 0 }

func (g *rig) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

// platformRig is an emulator of [wechatsim.PlatformWorld].
func platformRig(t *testing.T, change ...func(*wechatsim.Switches)) *rig {
	t.Helper()
	g := newRig(t, platformWorld())
	for _, f := range change {
		g.must(g.SetSwitches(f))
	}
	return g
}

func componentSecret(appid string) string {
	if appid == other {
		return wechatsim.OtherComponentSecret
	}
	return wechatsim.DefaultComponentSecret
}

// cat gets a new component token with a new ticket.
func (g *rig) cat(appid string) string {
	g.t.Helper()
	ticket, err := g.IssueTicket(appid)
	g.must(err)
	got := g.post("/cgi-bin/component/api_component_token", jsonBody("component_appid", appid,
		"component_appsecret", componentSecret(appid), "component_verify_ticket", ticket))
	if got.str("component_access_token") == "" || got.str("expires_in") != "7200" || got.code() != "" {
		g.t.Fatalf("no component token: %v", got)
	}
	return got.str("component_access_token")
}

// jsonBody makes an object of strings from key, value pairs.
func jsonBody(kv ...string) string {
	parts := []string{}
	for i := 0; i < len(kv); i += 2 {
		parts = append(parts, fmt.Sprintf("%q:%q", kv[i], kv[i+1]))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// platform calls a component API with a token.
func (g *rig) platform(name, token, body string) reply {
	g.t.Helper()
	return g.post("/cgi-bin/component/"+name+"?access_token="+token, body)
}

func (g *rig) authorizerToken(cat, account, refresh string) reply {
	g.t.Helper()
	return g.platform("api_authorizer_token", cat, jsonBody("component_appid", component, "authorizer_appid", account, "authorizer_refresh_token", refresh))
}

// granted lets a shop buy the service, and returns its grant.
func (g *rig) granted(account string) wechatsim.Grant {
	g.t.Helper()
	if _, err := g.Buy(account, serviceID, ""); err != nil {
		g.t.Fatal(err)
	}
	grant, err := g.Grant(component, account)
	g.must(err)
	return grant
}

// aat is a fresh token of an account that authorised the component.
func (g *rig) aat(cat, account string) string {
	g.t.Helper()
	grant, err := g.Grant(component, account)
	g.must(err)
	got := g.authorizerToken(cat, account, grant.RefreshToken)
	if got.str("authorizer_access_token") == "" {
		g.t.Fatalf("no authorizer token: %v", got)
	}
	return got.str("authorizer_access_token")
}

func TestComponentToken(t *testing.T) {
	g := platformRig(t)
	first, err := g.IssueTicket(component)
	g.must(err)
	second, _ := g.IssueTicket(component)
	third, _ := g.IssueTicket(component)
	foreign, _ := g.IssueTicket(other)
	secret := wechatsim.DefaultComponentSecret
	ask := func(appid, secret, ticket string) reply {
		return g.post("/cgi-bin/component/api_component_token",
			jsonBody("component_appid", appid, "component_appsecret", secret, "component_verify_ticket", ticket))
	}
	tests := []struct{ name, appid, secret, ticket, want string }{
		{"newest ticket", component, secret, third, ""},
		{"previous ticket", component, secret, second, ""},
		{"the one before", component, secret, first, "61005"},
		{"ticket of another component", component, secret, foreign, "61006"},
		{"no ticket", component, secret, "", "61006"},
		{"wrong secret", component, "x", third, "40125"},
		{"no secret", component, "", third, "41004"},
		{"no appid", "", secret, third, "41018"},
		{"unknown appid", "wx00000000000000ff", secret, third, "40013"},
		{"a shop's appid", shopID, wechatsim.DefaultShopSecret, third, "40013"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { (&rig{t: t, Sim: g.Sim}).wantCode(ask(tt.appid, tt.secret, tt.ticket), tt.want) })
	}
	g.Advance(12 * time.Hour)
	g.wantCode(ask(component, secret, third), "61005")
}

func TestComponentTokenEndsItsPredecessor(t *testing.T) {
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		g := newRig(t, platformWorld(), with(sw))
		old := g.cat(component)
		g.cat(component)
		want := ""
		if sw.ComponentTokenEndsPrevious {
			want = "40001"
		}
		g.wantCode(g.platform("api_create_preauthcode", old, jsonBody("component_appid", component)), want)
		g.Advance(2 * time.Hour)
		if want == "" {
			g.wantCode(g.platform("api_create_preauthcode", old, jsonBody("component_appid", component)), "42001")
		}
	})
}

func TestStartPushTicket(t *testing.T) {
	g := platformRig(t)
	ask := func(field, appid, secret string) reply {
		return g.post("/cgi-bin/component/api_start_push_ticket", jsonBody("component_appid", appid, field, secret))
	}
	if got := ask("component_secret", component, wechatsim.DefaultComponentSecret); got.code() != "0" || got.str("errmsg") != "in a normal state" {
		t.Errorf("push was on: %v", got)
	}
	g.wantCode(ask("component_appsecret", component, wechatsim.DefaultComponentSecret), "41004") // the name of the sibling call
	g.wantCode(ask("component_secret", shopID, wechatsim.DefaultShopSecret), "40013")
	g.wantCode(ask("component_secret", component, "x"), "40125")
}

func TestComponentTokenSpellings(t *testing.T) {
	g := platformRig(t)
	cat, body := g.cat(component), jsonBody("component_appid", component)
	for _, tt := range []struct{ sw, param, want string }{
		{"access_token", "access_token", ""},
		{"access_token", "component_access_token", "41001"},
		{"component_access_token", "access_token", "41001"},
		{"component_access_token", "component_access_token", ""},
		{"both", "access_token", ""},
		{"both", "component_access_token", ""},
	} {
		g.must(g.SetSwitches(func(sw *wechatsim.Switches) { sw.ComponentTokenParameter = tt.sw }))
		got := g.post("/cgi-bin/component/api_create_preauthcode?"+tt.param+"="+cat, body)
		if got.code() != tt.want {
			t.Errorf("switch %s, parameter %s: errcode %q, want %q", tt.sw, tt.param, got.code(), tt.want)
		}
	}
}

// TestPlatformCallsWantTheRightToken tries every call with every other sort of token.
func TestPlatformCallsWantTheRightToken(t *testing.T) {
	g := platformRig(t, calm)
	cat := g.cat(component)
	g.granted(marketShop)
	body := jsonBody("component_appid", component)
	for _, name := range []string{"api_create_preauthcode", "api_query_auth", "api_authorizer_token", "api_get_authorizer_info", "api_get_authorizer_list"} {
		g.wantCode(g.platform(name, g.stable(false).str("access_token"), body), "61014")
		g.wantCode(g.platform(name, g.aat(cat, marketShop), body), "61014")
		g.wantCode(g.platform(name, "", body), "41001")
		g.wantCode(g.platform(name, "junk", body), "40014")
		g.wantCode(g.platform(name, strings.Repeat("SIM_", 20), body), "40001")
		g.wantCode(g.platform(name, g.cat(other), body), "40013") // another component's token for our appid
		g.wantCode(g.platform(name, cat, `{}`), "41018")
		g.wantCode(g.platform(name, cat, ``), "44002")
		for _, junk := range []string{`[]`, `1`, `"x"`, `{`, `{"component_appid":1}`, `{"component_appid":{}}`, `{} {}`} {
			g.wantCode(g.platform(name, cat, junk), "47001")
		}
		g.wantCode(g.get("/cgi-bin/component/"+name, "access_token", cat), "43002")
	}
}

func TestPlatformBodiesOfWrongTypes(t *testing.T) {
	g := platformRig(t)
	cat := g.cat(component)
	head := `{"component_appid":"` + component + `",`
	for path, fields := range map[string][]string{
		"/cgi-bin/component/api_query_auth":                 {"authorization_code"},
		"/cgi-bin/component/api_authorizer_token":           {"authorizer_appid", "authorizer_refresh_token"},
		"/cgi-bin/component/api_get_authorizer_info":        {"authorizer_appid"},
		"/wxa/servicemarket/service/login_auth":             {"code"},
		"/wxa/servicemarket/service/get_service_buyer":      {"appid", "openid"},
		"/wxa/servicemarket/service/get_service_buyer_list": {"appid"},
		"/wxa/servicemarket/get_paid_order_list":            {"appid"},
		"/product/service/check_auth":                       {"code"},
	} {
		for _, field := range fields {
			for _, v := range []string{`1`, `true`, `[]`, `{}`, `1.5`} {
				if got := g.post(path+"?access_token="+cat, head+`"`+field+`":`+v+`}`); got.code() != "47001" {
					t.Errorf("%s %s=%s: errcode %q, want 47001", path, field, v, got.code())
				}
			}
		}
	}
	for _, body := range []string{`"count":"500"`, `"count":1.5`, `"offset":"0"`, `"offset":[]`} {
		g.wantCode(g.platform("api_get_authorizer_list", cat, head+body+`}`), "47001")
	}
	for _, body := range []string{`{"service_id":1.5}`, `{"service_id":{}}`, `{"service_id":-1}`, `{"buyer_type":"1"}`, `{"limit":"9"}`} {
		g.wantCode(g.post("/wxa/servicemarket/service/get_service_buyer?access_token="+cat, body), "47001")
	}
}

func TestRefreshTokenRotation(t *testing.T) {
	g := platformRig(t, calm)
	cat := g.cat(component)
	first := g.granted(marketShop).RefreshToken
	got := g.authorizerToken(cat, marketShop, first)
	second := got.str("authorizer_refresh_token")
	if second == first || second == "" || got.str("expires_in") != "7200" {
		t.Fatalf("no new refresh token: %v", got)
	}
	// A lost answer: the old one is sent again and gives the same new one.
	if again := g.authorizerToken(cat, marketShop, first); again.str("authorizer_refresh_token") != second {
		t.Errorf("the old refresh token within 5 minutes: %v", again)
	}
	g.Advance(5 * time.Minute)
	g.wantCode(g.authorizerToken(cat, marketShop, first), "61023")
	third := g.authorizerToken(cat, marketShop, second).str("authorizer_refresh_token")
	g.wantCode(g.authorizerToken(cat, marketShop, first), "61023")
	if third == second {
		t.Error("the third is the second")
	}

	g.must(g.SetSwitches(func(sw *wechatsim.Switches) { sw.AuthorizerRefreshTokenRotates = false }))
	if same := g.authorizerToken(cat, marketShop, third).str("authorizer_refresh_token"); same != third {
		t.Error("it rotated with the switch off")
	}
}

func TestAuthorizerTokenErrors(t *testing.T) {
	g := platformRig(t, calm)
	cat := g.cat(component)
	art := func() string { return g.granted(marketShop).RefreshToken }
	g.wantCode(g.authorizerToken(cat, marketShop, "x"), "61003")
	g.wantCode(g.authorizerToken(cat, "", "x"), "41002")
	g.wantCode(g.authorizerToken(cat, marketShop, art()), "")
	g.wantCode(g.authorizerToken(cat, marketShop, ""), "61023")
	g.wantCode(g.authorizerToken(cat, marketShop, "refreshtoken@@@junk"), "61023")
	for status, want := range map[int]string{14: "61003", 16: "50002", 19: "50002", 18: "", 1: ""} {
		grant, _ := g.Grant(component, marketShop)
		g.must(g.SetAccountStatus(marketShop, status))
		g.wantCode(g.authorizerToken(cat, marketShop, grant.RefreshToken), want)
		info := g.platform("api_get_authorizer_info", cat, jsonBody("component_appid", component, "authorizer_appid", marketShop))
		if got := info.obj("authorizer_info").str("account_status"); got != fmt.Sprint(status) {
			t.Errorf("account_status %s, want %d", got, status)
		}
	}
	g.must(g.SetAccountStatus(marketShop, 1))
	g.must(g.ChangeAccountPassword(marketShop))
	g.wantCode(g.authorizerToken(cat, marketShop, art()), "42007")
	g.must(g.Reauthorize(component, marketShop, nil))
	g.wantCode(g.authorizerToken(cat, marketShop, art()), "")
	g.must(g.WithdrawGrant(component, marketShop))
	g.wantCode(g.authorizerToken(cat, marketShop, "x"), "61003")
	g.wantCode(g.platform("api_get_authorizer_info", cat, jsonBody("component_appid", component, "authorizer_appid", marketShop)), "61003")
}

func TestFreshGrantIsRefusedAtFirst(t *testing.T) {
	g := platformRig(t)
	cat := g.cat(component)
	grant := g.granted(marketShop)
	g.wantCode(g.authorizerToken(cat, marketShop, grant.RefreshToken), "61003")
	token := g.authorizerToken(cat, marketShop, grant.RefreshToken).str("authorizer_access_token")
	path := "/channels/ec/basics/info/get"
	g.wantCode(g.get(path, "access_token", token), "61007")
	if got := g.get(path, "access_token", token); got.obj("info").str("nickname") != "蓝天文具二店" {
		t.Errorf("the second try: %v", got)
	}
}

func TestQueryAuthErrors(t *testing.T) {
	g := platformRig(t, calm)
	cat := g.cat(component)
	query := func(code string) reply {
		return g.platform("api_query_auth", cat, jsonBody("component_appid", component, "authorization_code", code))
	}
	link := func() string {
		_, code := g.linkGrant(cat, "3", service)
		return code
	}
	g.wantCode(query(""), "61009")
	g.wantCode(query("queryauthcode@@@junk"), "61009")
	code := link()
	got := query(code).obj("authorization_info")
	if got.str("authorizer_appid") != service || got.str("authorizer_access_token") == "" || got.str("authorizer_refresh_token") == "" || len(got.list("func_info")) != 3 {
		t.Errorf("authorization_info %v", got)
	}
	g.wantCode(query(code), "61009")
	late := link()
	g.Advance(time.Hour)
	g.wantCode(query(late), "61010")
	withdrawn := link()
	g.must(g.WithdrawGrant(component, service))
	g.wantCode(query(withdrawn), "61009")

	g.granted(marketShop)
	entry, err := g.OpenService(t.Context(), marketShop, serviceID)
	g.must(err)
	g.wantCode(query(queryOf(t, entry).Get("code")), "61009") // the market's code is none of these

	g.must(g.SetSwitches(func(sw *wechatsim.Switches) { sw.AuthCodeReusable = true }))
	code = link()
	g.wantCode(query(code), "")
	g.wantCode(query(code), "")
}

func queryOf(t testing.TB, link string) url.Values {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func TestComponentAllowlist(t *testing.T) {
	g := platformRig(t, calm)
	cat := g.cat(component)
	g.granted(marketShop)
	token := g.aat(cat, marketShop)
	g.must(g.SetApp(component, func(a *wechatsim.App) { a.IPAllowlist = []string{"203.0.113.0/25"} }))
	body := jsonBody("component_appid", component, "component_secret", wechatsim.DefaultComponentSecret)
	g.wantCode(g.post("/cgi-bin/component/api_start_push_ticket", body), "61004")
	g.wantCode(g.platform("api_create_preauthcode", cat, jsonBody("component_appid", component)), "61004")
	g.wantCode(g.get("/channels/ec/basics/info/get", "access_token", token), "61004")
	g.wantCode(g.get("/cgi-bin/getcallbackip", "access_token", token), "61004")
	r := httptest.NewRequest(http.MethodGet, "/channels/ec/basics/info/get?access_token="+token, nil)
	r.RemoteAddr = "203.0.113.7:9"
	w, _ := g.do(r)
	g.wantCode(decode(t, w.Body.Bytes()), "0")
}

func TestOtherTokenCalls(t *testing.T) {
	g := platformRig(t, calm)
	cat := g.cat(component)
	g.wantCode(g.get("/cgi-bin/token", "grant_type", "client_credential", "appid", component, "secret", wechatsim.DefaultComponentSecret), "61024")
	if got := g.get("/cgi-bin/getcallbackip", "access_token", cat); len(got.list("ip_list")) == 0 {
		t.Errorf("callback addresses: %v", got)
	}
	g.wantCode(g.get("/cgi-bin/getcallbackip"), "41001")
	quota := g.post("/cgi-bin/openapi/quota/get?access_token="+cat, `{"cgi_path":"/cgi-bin/component/api_authorizer_token"}`)
	if quota.obj("quota").str("used") != "0" {
		t.Errorf("quota %v", quota)
	}
}

func TestAuthURLEditEndsRefreshTokens(t *testing.T) {
	g := platformRig(t, calm)
	cat := g.cat(component)
	grant := g.granted(marketShop)
	edit := func(u string) {
		g.must(g.SetApp(component, func(a *wechatsim.App) {
			a.Push = &wechatsim.PushSettings{AuthURL: u, Token: "AAAAA", EncodingAESKey: strings.Repeat("A", 43)}
		}))
	}
	edit("http://isv.localhost/auth")
	g.wantCode(g.authorizerToken(cat, marketShop, grant.RefreshToken), "61023")
	after, _ := g.Grant(component, marketShop)
	edit("http://isv.localhost/auth") // no change
	g.wantCode(g.authorizerToken(cat, marketShop, after.RefreshToken), "")
	g.must(g.SetSwitches(func(sw *wechatsim.Switches) { sw.AuthURLEditEndsRefreshTokens = false }))
	after, _ = g.Grant(component, marketShop)
	edit("http://isv.localhost/moved")
	g.wantCode(g.authorizerToken(cat, marketShop, after.RefreshToken), "")
}

// TestPlatformLedgerHidesSecrets looks for every secret of the story in what the ledger shows.
func TestPlatformLedgerHidesSecrets(t *testing.T) {
	g := newRig(t, platformWorld(), func(o *wechatsim.Options) { o.KeepRaw = false })
	g.must(g.SetSwitches(calm))
	cat := g.cat(component)
	grant := g.granted(marketShop)
	token := g.aat(cat, marketShop)
	g.get("/channels/ec/basics/info/get", "access_token", token)
	callback, code := g.linkGrant(cat, "1", service)
	seen := map[string]bool{}
	for _, e := range g.Ledger() {
		line := fmt.Sprintf("%+v", e)
		for _, secret := range []string{cat, grant.RefreshToken, token, code, wechatsim.DefaultComponentSecret, queryOf(t, callback).Get("auth_code"), "preauthcode@@@"} {
			if strings.Contains(line, secret) {
				t.Errorf("%s shows a secret: %s", e.Path, line)
			}
		}
		switch e.Path {
		case "/channels/ec/basics/info/get":
			seen["behalf"] = e.AppID == marketShop && e.Component == component && e.TokenKind == "authorizer" && e.Token == wechatsim.Digest(token)
		case "/cgi-bin/component/api_authorizer_token":
			seen["refresh"] = e.AppID == component && e.Account == marketShop && e.TokenKind == "component" && e.Token == wechatsim.Digest(cat)
		case "/cgi-bin/component/api_component_token":
			seen["cat"] = e.AppID == component
		}
	}
	want := map[string]bool{"behalf": true, "refresh": true, "cat": true}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("who (-want +got):\n%s", diff)
	}
}

func TestFaultMeetsOneAccountOfAComponent(t *testing.T) {
	g := platformRig(t, calm)
	cat := g.cat(component)
	a, b := g.granted(marketShop), g.granted(shopID)
	_, err := g.AddFault(wechatsim.Fault{Path: "/cgi-bin/component/api_authorizer_token", Kind: wechatsim.FaultErrcode, ErrCode: 61003, AppID: marketShop})
	g.must(err)
	g.wantCode(g.authorizerToken(cat, shopID, b.RefreshToken), "")
	g.wantCode(g.authorizerToken(cat, marketShop, a.RefreshToken), "61003")
	g.wantCode(g.authorizerToken(cat, marketShop, a.RefreshToken), "")
}

func TestKillComponentTokens(t *testing.T) {
	g := platformRig(t, calm)
	cat := g.cat(component)
	g.granted(marketShop)
	token := g.aat(cat, marketShop)
	if n := g.KillTokens(component, "component"); n != 1 {
		t.Errorf("%d component tokens killed", n)
	}
	if n := g.KillTokens(marketShop, "authorizer"); n != 1 {
		t.Errorf("%d authorizer tokens killed", n)
	}
	g.wantCode(g.platform("api_create_preauthcode", cat, `{}`), "40001")
	g.wantCode(g.get("/channels/ec/basics/info/get", "access_token", token), "40001")
}

func TestPlatformSwitchesRefuseOtherValues(t *testing.T) {
	g := platformRig(t)
	for name, change := range map[string]func(*wechatsim.Switches){
		"parameter": func(sw *wechatsim.Switches) { sw.ComponentTokenParameter = "token" },
		"code":      func(sw *wechatsim.Switches) { sw.SetNotGrantedCode = 1 },
		"life":      func(sw *wechatsim.Switches) { sw.MarketCodeLife = 0 },
		"preauth":   func(sw *wechatsim.Switches) { sw.PreAuthCodeLife = 0 },
		"overlap":   func(sw *wechatsim.Switches) { sw.AuthorizerTokenOverlap = -1 },
		"refusals":  func(sw *wechatsim.Switches) { sw.FreshGrantRefusals = -1 },
		"omits":     func(sw *wechatsim.Switches) { sw.ListOmitsRefreshToken = -1 },
	} {
		if g.SetSwitches(change) == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// FuzzPlatformBody sends any body to every call of a component. The answer is
// always one JSON object.
func FuzzPlatformBody(f *testing.F) {
	paths := []string{}
	for _, name := range []string{"api_component_token", "api_start_push_ticket", "api_create_preauthcode", "api_query_auth",
		"api_authorizer_token", "api_get_authorizer_info", "api_get_authorizer_list"} {
		paths = append(paths, "/cgi-bin/component/"+name)
	}
	paths = append(paths, "/wxa/servicemarket/service/login_auth", "/wxa/servicemarket/service/get_service_buyer",
		"/wxa/servicemarket/service/get_service_buyer_list", "/wxa/servicemarket/get_paid_order_list", "/product/service/check_auth")
	f.Add([]byte(`{"component_appid":"wx00000000000000d1","offset":0,"count":500}`))
	f.Add([]byte(`{"component_appid":"wx00000000000000d1","authorizer_appid":"wx00000000000000c2","authorizer_refresh_token":"refreshtoken@@@"}`))
	f.Add([]byte(`{"appid":"wx00000000000000c2","service_id":3403799157105049601,"buyer_type":1,"offset":0,"limit":10}`))
	f.Add([]byte(`{"service_id":"18446744073709551616","limit":9223372036854775807,"offset":9223372036854775807}`))
	f.Add([]byte(`{"component_appid":"wx00000000000000d1","offset":9223372036854775807,"count":500}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		g := platformRig(t, calm)
		cat := g.cat(component)
		g.granted(marketShop)
		for _, p := range paths {
			if got := g.post(p+"?access_token="+cat, string(body)); len(slices.Collect(maps.Keys(got))) == 0 {
				t.Errorf("%s: an empty answer", p)
			}
		}
	})
}
