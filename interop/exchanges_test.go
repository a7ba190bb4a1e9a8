package interop_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/wechatsim"
)

type exchangeVector struct {
	Name      string            `json:"name"`
	Method    string            `json:"method"`
	Path      string            `json:"path"`
	Query     []string          `json:"query"`
	Body      map[string]string `json:"body"`
	Constants map[string]string `json:"constants"`
	Token     string            `json:"token"`
	Answer    map[string]string `json:"answer"`
	Optional  map[string]string `json:"optional"`
	Note      string            `json:"note"`
}

const (
	noSmallShops = "the emulator has no 小商店, whose codes this call was for; to every other code it answers 1"
	noPlatforms  = "the emulator's third-party platforms log nobody in on behalf of a service account"
)

// notInTheEmulator are the exchanges that it does not implement, each with the
// reason. It answers them 40066, which the test checks: an entry here cannot
// outlive its reason.
var notInTheEmulator = map[string]string{
	"market_check_auth":       noSmallShops,
	"component_exchange_code": noPlatforms,
	"component_refresh_user":  noPlatforms,
}

// mayBeMissing are the parts of a request that WeChat's pages call optional.
var mayBeMissing = map[string][]string{
	"user_info":    {"lang"},
	"stable_token": {"force_refresh"},
	"product_list": {"status", "page_size", "next_key"},
	"product_get":  {"data_type"},
	"order_list":   {"next_key"},
	"order_search": {"next_key"},

	"callback_check": {"check_operator"},
	// What the market leaves to a default of its own.
	"authorizer_list": {"offset"},
	"market_buyer":    {"openid", "buyer_type"},
	"market_buyers":   {"service_id", "offset", "buyer_type"}, // of all services
	"market_orders":   {"service_id", "openid", "offset", "buyer_type"},
}

func TestExchangeVectorsInTheEmulator(t *testing.T) {
	seen := map[string]bool{}
	vectors := slices.Concat(loadVectors[exchangeVector](t, "exchanges.json"), loadVectors[exchangeVector](t, "platform_exchanges.json"))
	for _, v := range vectors {
		seen[v.Name] = true
		t.Run(v.Name, func(t *testing.T) {
			if why, ok := notInTheEmulator[v.Name]; ok {
				v.checkAbsent(t, why)
				return
			}
			v.checkSuccess(t)
			v.checkMethod(t)
			v.checkParts(t)
		})
	}
	for name, why := range notInTheEmulator {
		if !seen[name] {
			t.Errorf("no vector is called %q (%s)", name, why)
		}
	}
}

// exchange is a vector's request with values that work.
type exchange struct {
	bench  *bench
	values map[string]any
}

// prepare makes an emulator and the values that the vector's request needs.
func (v *exchangeVector) prepare(t *testing.T) exchange {
	t.Helper()
	b := newBench(t, wechatsim.PlatformWorld(), vectorSwitches())
	// Values of a success, by the names of query keys and body members.
	values := map[string]any{
		"status": 5, "page_size": 10, "next_key": "", "data_type": 1, "diff_type": 1, "num": 1,
		"force_refresh": false, "cgi_path": "/channels/ec/order/get", "search_condition": map[string]any{"title": "笔"},
		"update_time_range": map[string]any{"start_time": start.AddDate(0, 0, -6).Unix(), "end_time": start.Unix()},
	}
	switch {
	case v.Token == "component" || strings.HasPrefix(v.Path, "/cgi-bin/component/"):
		maps.Copy(values, b.platformValues(v.Path))
	case v.Token == "shop":
		maps.Copy(values, b.shopValues())
	case strings.HasSuffix(v.Path, "/jscode2session"):
		maps.Copy(values, b.miniValues())
	case strings.HasPrefix(v.Path, "/sns/"):
		maps.Copy(values, b.userValues(v.Name))
	default:
		values["appid"], values["secret"] = wechatsim.DefaultShop, wechatsim.DefaultShopSecret
	}
	for key, value := range v.Constants {
		values[key] = value
	}
	return exchange{b, values}
}

// userValues logs the owner in. The exchange of a code gets one that is unused.
func (b *bench) userValues(name string) map[string]any {
	b.t.Helper()
	values := map[string]any{"appid": wechatsim.DefaultServiceAccount, "secret": wechatsim.DefaultServiceSecret,
		"code": b.callback("owner", "snsapi_userinfo").Get("code")}
	if name == "exchange_code" {
		return values
	}
	w := b.request(http.MethodGet, "/sns/oauth2/access_token", url.Values{"appid": {wechatsim.DefaultServiceAccount},
		"secret": {wechatsim.DefaultServiceSecret}, "code": {values["code"].(string)}, "grant_type": {"authorization_code"}}.Encode(), "")
	maps.Copy(values, decodeAnswer(b.t, w))
	return values
}

// miniValues has a mini program that authorised a platform, and the code of the
// owner who opened it.
func (b *bench) miniValues() map[string]any {
	b.t.Helper()
	token := b.componentToken(b.ticket())
	b.authorise(token)
	code, err := b.MiniLogin("owner", wechatsim.DefaultMiniProgram)
	b.must(err)
	return map[string]any{"appid": wechatsim.DefaultMiniProgram, "secret": wechatsim.DefaultMiniSecret, "js_code": code,
		"component_appid": component, "component_access_token": token}
}

// platformValues gives a platform its ticket and token, lets a shop buy its
// service and open it, and lets another account authorise it by a link.
func (b *bench) platformValues(path string) map[string]any {
	b.t.Helper()
	ticket := b.ticket()
	values := map[string]any{"component_appid": component, "component_appsecret": wechatsim.DefaultComponentSecret,
		"component_secret": wechatsim.DefaultComponentSecret, "component_verify_ticket": ticket, "authorizer_appid": marketShop,
		"appid": marketShop, "service_id": wechatsim.DefaultService, "buyer_type": 1, "openid": "", "offset": 0, "limit": 10, "count": 100}
	if strings.HasSuffix(path, "/api_component_token") || strings.HasSuffix(path, "/api_start_push_ticket") {
		return values
	}
	token := b.componentToken(ticket)
	values["access_token"], values["component_access_token"] = token, token
	_, err := b.Buy(marketShop, wechatsim.DefaultService, "standard")
	b.must(err)
	jump, err := b.OpenService(b.t.Context(), marketShop, wechatsim.DefaultService)
	b.must(err)
	values["code"] = queryOf(b.t, jump).Get("code")
	values["authorization_code"] = b.authorise(token)
	grants, _, err := b.Grants(component, 0, 10)
	b.must(err)
	for _, g := range grants {
		if g.AppID == marketShop {
			values["authorizer_refresh_token"] = g.RefreshToken
		}
	}
	return values
}

func (b *bench) componentToken(ticket string) string {
	b.t.Helper()
	return fmt.Sprint(decodeAnswer(b.t, b.askComponent(ticket, wechatsim.DefaultComponentSecret))["component_access_token"])
}

// authorise has an account that links are made for authorise the platform, and
// gives the code that came back.
func (b *bench) authorise(token string) string {
	b.t.Helper()
	w := b.request(http.MethodPost, "/cgi-bin/component/api_create_preauthcode", "access_token="+token, fmt.Sprintf(`{"component_appid":%q}`, component))
	link := "https://mp.weixin.qq.com/cgi-bin/componentloginpage?" + url.Values{"component_appid": {component},
		"pre_auth_code": {fmt.Sprint(decodeAnswer(b.t, w)["pre_auth_code"])}, "auth_type": {"6"},
		"redirect_uri": {"https://" + wechatsim.DefaultDomain + "/back"}}.Encode()
	back, err := b.VisitGrant(b.t.Context(), wechatsim.DefaultMiniProgram, link, wechatsim.Agree)
	b.must(err)
	return queryOf(b.t, back).Get("auth_code")
}

func queryOf(t *testing.T, raw string) url.Values {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// shopValues fetches a shop token and the ids of something that exists.
func (b *bench) shopValues() map[string]any {
	b.t.Helper()
	token := decodeAnswer(b.t, b.request(http.MethodPost, "/cgi-bin/stable_token", "", `{"grant_type":"client_credential","appid":"`+
		wechatsim.DefaultShop+`","secret":"`+wechatsim.DefaultShopSecret+`"}`))["access_token"]
	query := "access_token=" + fmt.Sprint(token)
	products := decodeAnswer(b.t, b.request(http.MethodPost, "/channels/ec/product/list/get", query, `{"status":5}`))
	product := products["product_ids"].([]any)[0]
	doc := decodeAnswer(b.t, b.request(http.MethodPost, "/channels/ec/product/get", query, `{"product_id":"`+product.(string)+`"}`))
	sku := doc["product"].(map[string]any)["skus"].([]any)[0].(map[string]any)["sku_id"]
	orders := decodeAnswer(b.t, b.request(http.MethodPost, "/channels/ec/order/search", query, `{"search_condition":{"title":"笔"},"page_size":1}`))
	failed := decodeAnswer(b.t, b.request(http.MethodPost, "/channels/ec/product/get", query, `{"product_id":"1"}`))["errmsg"].(string)
	b.must(b.SetApp(wechatsim.DefaultShop, func(a *wechatsim.App) {
		a.Push = &wechatsim.PushSettings{URL: "https://shop.example.com/push", Token: "sandboxtoken1", EncodingAESKey: strings.Repeat("a", 42) + "A"}
	}))
	return map[string]any{"access_token": token, "product_id": product, "sku_id": sku, "order_id": orders["orders"].([]any)[0],
		"appid": wechatsim.DefaultShop, "rid": failed[strings.LastIndex(failed, " ")+1:], "action": "all", "check_operator": "DEFAULT"}
}

// send sends the vector's request, without one part if its name is given.
func (v *exchangeVector) send(t *testing.T, x exchange, method, without string) *httptest.ResponseRecorder {
	t.Helper()
	var query []string
	for _, key := range v.Query {
		if key != without {
			query = append(query, key+"="+url.QueryEscape(fmt.Sprint(x.values[key])))
		}
	}
	var body string
	if v.Body != nil {
		body = v.body(t, x, without)
	}
	return x.bench.request(method, v.Path, strings.Join(query, "&"), body)
}

func (v *exchangeVector) body(t *testing.T, x exchange, without string) string {
	t.Helper()
	members := map[string]any{}
	for key, kind := range v.Body {
		value, ok := x.values[key]
		if !ok {
			t.Fatalf("the test knows no value for the member %s; add one to prepare", key)
		}
		if key == without {
			continue
		}
		members[key] = value
		if got := typeName(plain(t, value)); got != kind && kind != "id" {
			t.Fatalf("the test sends %s as %s, the vector says %s", key, got, kind)
		}
	}
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// checkSuccess wants every required member with its type. The answers that
// carry credentials may hold nothing else.
func (v *exchangeVector) checkSuccess(t *testing.T) {
	t.Helper()
	w := v.send(t, v.prepare(t), v.Method, "")
	got := decodeAnswer(t, w)
	if w.Code != http.StatusOK || errcodeOf(got) != 0 {
		t.Fatalf("HTTP %d, %s", w.Code, w.Body)
	}
	for key, kind := range v.Answer {
		if value, ok := got[key]; !ok || !isKind(value, kind) {
			t.Errorf("%s is %T (there: %t), want %s", key, value, ok, kind)
		}
	}
	for key, value := range got {
		kind, known := v.Optional[key]
		if known && !isKind(value, kind) {
			t.Errorf("%s is %T, want %s", key, value, kind)
		}
		if _, required := v.Answer[key]; !known && !required && v.Token != "shop" && (v.Token != "component" || key != "errcode" && key != "errmsg") {
			t.Errorf("the answer holds %s, which no page shows", key)
		}
	}
}

func (v *exchangeVector) checkMethod(t *testing.T) {
	t.Helper()
	other, want := http.MethodPost, 43001
	if v.Method == http.MethodPost {
		other, want = http.MethodGet, 43002
	}
	if got := errcodeOf(decodeAnswer(t, v.send(t, v.prepare(t), other, ""))); got != want {
		t.Errorf("%s answers %d, want %d", other, got, want)
	}
}

// checkParts leaves out one part of the request after the other: what the page
// calls required must be refused, the rest must not.
func (v *exchangeVector) checkParts(t *testing.T) {
	t.Helper()
	for _, part := range slices.Concat(v.Query, slices.Collect(maps.Keys(v.Body))) {
		got := errcodeOf(decodeAnswer(t, v.send(t, v.prepare(t), v.Method, part)))
		optional := slices.Contains(mayBeMissing[v.Name], part)
		if optional != (got == 0) {
			t.Errorf("without %s it answers %d (optional: %t)", part, got, optional)
		}
	}
	for key := range v.Constants {
		if slices.Contains(mayBeMissing[v.Name], key) {
			continue // its values are checked with the optional ones
		}
		x := v.prepare(t)
		x.values[key] = "wrong"
		if got := errcodeOf(decodeAnswer(t, v.send(t, x, v.Method, ""))); got != 40002 {
			t.Errorf("with a wrong %s it answers %d, want 40002", key, got)
		}
	}
}

func (v *exchangeVector) checkAbsent(t *testing.T, why string) {
	t.Helper()
	if why == noSmallShops {
		if got := errcodeOf(decodeAnswer(t, v.send(t, v.prepare(t), v.Method, ""))); got != 1 {
			t.Errorf("it answers %d to a shop's code", got)
		}
		return
	}
	b := newBench(t, nil, vectorSwitches())
	if got := errcodeOf(decodeAnswer(t, b.request(v.Method, v.Path, "access_token=x", "{}"))); got != 40066 {
		t.Errorf("it answers %d: the emulator does know %s; take it out of notInTheEmulator", got, v.Path)
	}
}

// decodeAnswer reads an answer as JSON, keeping numbers as written.
func decodeAnswer(t *testing.T, w *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(w.Body.Bytes()))
	dec.UseNumber()
	var out map[string]any
	if err := dec.Decode(&out); err != nil {
		t.Fatalf("HTTP %d, %s: %v", w.Code, w.Body, err)
	}
	return out
}

// errcodeOf returns the errcode, 0 if there is none, MinInt if it is no number.
func errcodeOf(answer map[string]any) int {
	switch v := answer["errcode"].(type) {
	case nil:
		return 0
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return int(n)
		}
	}
	return math.MinInt
}

// plain turns a Go value into what it is after a trip through JSON.
func plain(t *testing.T, value any) any {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func isKind(value any, kind string) bool {
	got := typeName(value)
	return got == kind || kind == "id" && (got == "number" || got == "string")
}

func typeName(value any) string {
	switch value.(type) {
	case string:
		return "string"
	case float64, json.Number:
		return "number"
	case bool:
		return "bool"
	case map[string]any:
		return "object"
	case []any:
		return "array"
	}
	return "null"
}
