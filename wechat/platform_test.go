package wechat_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

func TestPlatformSecretsDoNotPrint(t *testing.T) {
	v := secret.FromString("bait-secret")
	for _, x := range []any{
		wechat.Ticket{Value: v}, wechat.PreAuthCode{Value: v}, wechat.AuthorizationCode{Value: v}, wechat.MarketCode{Value: v},
		wechat.AuthorizerRefreshToken{Value: v},
		&wechat.ComponentGrant{Token: wechat.ComponentToken{Value: v}},
		wechat.PreAuth{Code: wechat.PreAuthCode{Value: v}},
		&wechat.AuthorizerGrant{Token: wechat.ShopToken{Value: v}, Refresh: wechat.AuthorizerRefreshToken{Value: v}},
		wechat.AuthorizerInfo{Refresh: wechat.AuthorizerRefreshToken{Value: v}},
		wechat.AuthorizerPage{Authorizers: []wechat.ListedAuthorizer{{Refresh: wechat.AuthorizerRefreshToken{Value: v}}}},
		wechat.ComponentLinkRequest{PreAuthCode: wechat.PreAuthCode{Value: v}},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%q"} {
			noBait(t, fmt.Sprintf(verb, x))
		}
		b, _ := json.Marshal(x)
		noBait(t, string(b))
	}
}

func TestNothingIsSentForAPlatformWithoutArguments(t *testing.T) {
	c := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
		t.Error("a request was sent")
		return nil, io.ErrUnexpectedEOF
	}))
	ctx, key := t.Context(), secret.FromString(appSecret)
	ticket := wechat.Ticket{Value: secret.FromString(ticketText)}
	refresh := wechat.AuthorizerRefreshToken{Value: secret.FromString(authorizerKey)}
	code := wechat.AuthorizationCode{Value: secret.FromString(authCode)}
	shopBuyer, none := wechat.Buyer{AppID: appID}, wechat.ComponentToken{}
	for name, call := range map[string]func() error{
		"component token without appid":  func() error { _, err := c.ComponentToken(ctx, "", key, ticket); return err },
		"component token without secret": func() error { _, err := c.ComponentToken(ctx, componentAppID, secret.Value{}, ticket); return err },
		"component token without ticket": func() error { _, err := c.ComponentToken(ctx, componentAppID, key, wechat.Ticket{}); return err },
		"push without secret":            func() error { _, err := c.StartPushTicket(ctx, componentAppID, secret.Value{}); return err },
		"push without appid":             func() error { _, err := c.StartPushTicket(ctx, "", key); return err },
		"pre-auth without token":         func() error { _, err := c.PreAuthCode(ctx, none, componentAppID); return err },
		"pre-auth without appid":         func() error { _, err := c.PreAuthCode(ctx, platform(), ""); return err },
		"query without token":            func() error { _, err := c.QueryAuth(ctx, none, componentAppID, code); return err },
		"query without appid":            func() error { _, err := c.QueryAuth(ctx, platform(), "", code); return err },
		"query without code": func() error {
			_, err := c.QueryAuth(ctx, platform(), componentAppID, wechat.AuthorizationCode{})
			return err
		},
		"refresh without token": func() error { _, err := c.RefreshAuthorizer(ctx, none, componentAppID, appID, refresh); return err },
		"refresh of nobody":     func() error { _, err := c.RefreshAuthorizer(ctx, platform(), componentAppID, "", refresh); return err },
		"refresh with nothing": func() error {
			_, err := c.RefreshAuthorizer(ctx, platform(), componentAppID, appID, wechat.AuthorizerRefreshToken{})
			return err
		},
		"info without token":        func() error { _, err := c.AuthorizerInfo(ctx, none, componentAppID, appID); return err },
		"info of nobody":            func() error { _, err := c.AuthorizerInfo(ctx, platform(), componentAppID, ""); return err },
		"list without token":        func() error { _, err := c.AuthorizerList(ctx, none, componentAppID, 0, 1); return err },
		"list from before the list": func() error { _, err := c.AuthorizerList(ctx, platform(), componentAppID, -1, 1); return err },
		"list of nothing":           func() error { _, err := c.AuthorizerList(ctx, platform(), componentAppID, 0, 0); return err },
		"list of too many":          func() error { _, err := c.AuthorizerList(ctx, platform(), componentAppID, 0, 501); return err },
		"login without token":       func() error { _, err := c.ServiceLogin(ctx, none, wechat.MarketCode{Value: key}); return err },
		"login without code":        func() error { _, err := c.ServiceLogin(ctx, platform(), wechat.MarketCode{}); return err },
		"old login without code":    func() error { _, err := c.CheckServiceAuth(ctx, platform(), wechat.MarketCode{}); return err },
		"buyer of no service":       func() error { _, err := c.ServiceBuyer(ctx, platform(), "", shopBuyer); return err },
		"buyer of a word":           func() error { _, err := c.ServiceBuyer(ctx, platform(), "12a", shopBuyer); return err },
		"buyer nobody":              func() error { _, err := c.ServiceBuyer(ctx, platform(), serviceID, wechat.Buyer{}); return err },
		"buyer twice": func() error {
			_, err := c.ServiceBuyer(ctx, platform(), serviceID, wechat.Buyer{AppID: appID, OpenID: openID})
			return err
		},
		"buyer without token":    func() error { _, err := c.ServiceBuyer(ctx, none, serviceID, shopBuyer); return err },
		"buyers of no service":   func() error { _, err := c.ServiceBuyerList(ctx, platform(), "", 0, 1); return err },
		"buyers, eleven":         func() error { _, err := c.ServiceBuyerList(ctx, platform(), serviceID, 0, 11); return err },
		"buyers without token":   func() error { _, err := c.ServiceBuyerList(ctx, none, serviceID, 0, 1); return err },
		"orders of a word":       func() error { _, err := c.PaidOrders(ctx, platform(), "-1", shopBuyer, 0, 1); return err },
		"orders of nobody":       func() error { _, err := c.PaidOrders(ctx, platform(), "", wechat.Buyer{}, 0, 1); return err },
		"orders, none":           func() error { _, err := c.PaidOrders(ctx, platform(), "", shopBuyer, 0, 0); return err },
		"orders without token":   func() error { _, err := c.PaidOrders(ctx, none, "", shopBuyer, 0, 1); return err },
		"addresses for nobody":   func() error { _, err := c.CallbackIPs(ctx, nil); return err },
		"addresses for a person": func() error { _, err := c.CallbackIPs(ctx, wechat.UserToken{Value: key}); return err },
		"addresses, empty token": func() error { _, err := c.CallbackIPs(ctx, none); return err },
	} {
		err := call()
		e, ok := errors.AsType[*wechat.Error](err)
		if !ok || e.Outcome != wechat.OutcomeNotSent || e.Class() != wechat.ClassCaller {
			t.Errorf("%s: error %v", name, err)
			continue
		}
		noBait(t, err.Error())
	}
}

// recorder is a transport that keeps the last request and gives one answer.
type recorder struct {
	answer string
	url    string
	body   []byte
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.url, r.body = req.URL.String(), nil
	if req.Body != nil {
		r.body, _ = io.ReadAll(req.Body)
	}
	return answering(200, "", strings.NewReader(r.answer))(req)
}

// What a platform sends, to the byte.
func TestBodiesOfPlatformCalls(t *testing.T) {
	for path, want := range map[string]string{
		"/cgi-bin/component/api_component_token":            `{"component_appid":"wx00000000000000c0","component_appsecret":"` + appSecret + `","component_verify_ticket":"` + ticketText + `"}`,
		"/cgi-bin/component/api_start_push_ticket":          `{"component_appid":"wx00000000000000c0","component_secret":"` + appSecret + `"}`,
		"/cgi-bin/component/api_create_preauthcode":         `{"component_appid":"wx00000000000000c0"}`,
		"/cgi-bin/component/api_query_auth":                 `{"component_appid":"wx00000000000000c0","authorization_code":"` + authCode + `"}`,
		"/cgi-bin/component/api_authorizer_token":           `{"component_appid":"wx00000000000000c0","authorizer_appid":"wx00000000000000a1","authorizer_refresh_token":"` + authorizerKey + `"}`,
		"/cgi-bin/component/api_get_authorizer_info":        `{"component_appid":"wx00000000000000c0","authorizer_appid":"wx00000000000000a1"}`,
		"/cgi-bin/component/api_get_authorizer_list":        `{"component_appid":"wx00000000000000c0","offset":0,"count":500}`,
		"/wxa/servicemarket/service/login_auth":             `{"code":"` + marketCode + `"}`,
		"/product/service/check_auth":                       `{"code":"` + marketCode + `"}`,
		"/wxa/servicemarket/service/get_service_buyer":      `{"appid":"wx00000000000000a1","service_id":1234567890123,"buyer_type":1,"openid":""}`,
		"/wxa/servicemarket/service/get_service_buyer_list": `{"service_id":1234567890123,"offset":0,"limit":10,"buyer_type":1}`,
		"/wxa/servicemarket/get_paid_order_list":            `{"appid":"wx00000000000000a1","service_id":1234567890123,"buyer_type":1,"openid":"","offset":0,"limit":10}`,
		"/cgi-bin/getcallbackip":                            ``,
	} {
		r := &recorder{answer: `{"errcode":40013,"errmsg":"invalid appid"}`}
		_, err := ask(t, newClient(t, r), path)
		if wechat.OutcomeOf(err) != wechat.OutcomeAnswered {
			t.Errorf("%s: %v", path, err)
		}
		if got := string(r.body); got != want {
			t.Errorf("%s sent\n%s, want\n%s", path, got, want)
		}
	}
}

func TestIdsTravelWithoutLoss(t *testing.T) {
	r := &recorder{answer: `{"errcode":0,"buyer":{"service_id":18446744073709551615,"spec_list":[]}}`}
	b, err := newClient(t, r).ServiceBuyer(t.Context(), platform(), "18446744073709551615", wechat.Buyer{OpenID: openID})
	if err != nil || b.ServiceID != "18446744073709551615" || b.OpenID != openID || len(b.Specs) != 0 || !b.PaidUntil().IsZero() {
		t.Errorf("got %+v, %v", b, err)
	}
	if want := `{"appid":"","service_id":18446744073709551615,"buyer_type":2,"openid":"` + openID + `"}`; string(r.body) != want {
		t.Errorf("sent %s, want %s", r.body, want)
	}
	if _, err := newClient(t, r).PaidOrders(t.Context(), platform(), "", wechat.Buyer{AppID: appID}, 20, 5); err != nil {
		t.Error(err)
	}
	if want := `{"appid":"wx00000000000000a1","service_id":0,"buyer_type":1,"openid":"","offset":20,"limit":5}`; string(r.body) != want {
		t.Errorf("sent %s, want %s", r.body, want)
	}
}

// Newer pages call a platform's token access_token, older ones
// component_access_token.
func TestSpellingOfThePlatformsToken(t *testing.T) {
	for _, old := range []bool{false, true} {
		r := &recorder{answer: `{"errcode":-1}`}
		c, err := wechat.New(wechat.Config{Transport: r, OldComponentQuery: old})
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range platformPaths() {
			want := "access_token=" + componentToken
			switch {
			case strings.HasSuffix(path, "api_component_token"), strings.HasSuffix(path, "api_start_push_ticket"):
				want = ""
			case path == "/cgi-bin/getcallbackip":
				want = "access_token=" + shopToken
			case old || path == "/product/service/check_auth":
				want = "component_access_token=" + componentToken
			}
			if _, err := ask(t, c, path); err == nil {
				t.Errorf("%s: no error", path)
			}
			if _, query, _ := strings.Cut(r.url, "?"); query != want {
				t.Errorf("old %v: %s went to %s, want the query %q", old, path, r.url, want)
			}
		}
	}
}

func TestCallbackAddressesForAPlatform(t *testing.T) {
	r := &recorder{answer: `{"ip_list":["203.0.113.0/24"]}`}
	s, err := newClient(t, r).CallbackIPs(t.Context(), platform())
	if err != nil || len(s.Prefixes) != 1 || !strings.HasSuffix(r.url, "/cgi-bin/getcallbackip?access_token="+componentToken) {
		t.Errorf("%+v, %v, asked %s", s, err, r.url)
	}
}

// A full page of the longest refresh tokens is about 300 KB.
func TestAFullPageOfAuthorizers(t *testing.T) {
	var b bytes.Buffer
	b.WriteString(`{"total_count":100000,"list":[`)
	for i := range wechat.MaxAuthorizers {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"authorizer_appid":"wx%016x","refresh_token":"refreshtoken@@@%s%04d","auth_time":%d}`,
			i, strings.Repeat("x", 512), i, 1558000607+i)
	}
	b.WriteString(`]}`)
	if b.Len() < 300_000 {
		t.Fatalf("the page has %d bytes only", b.Len())
	}
	p, err := newClient(t, answering(200, "", &b)).AuthorizerList(t.Context(), platform(), componentAppID, 99_500, 500)
	if err != nil {
		t.Fatal(err)
	}
	last := p.Authorizers[499]
	if p.Total != 100_000 || p.Rows() != 500 || p.Skipped != 0 || last.AppID != "wx00000000000001f3" ||
		!strings.HasSuffix(last.Refresh.RevealString(), "x0499") || last.AuthorisedAt.Unix() != 1558001106 {
		t.Errorf("total %d, %d rows, last %s %v", p.Total, p.Rows(), last.AppID, last.AuthorisedAt)
	}
}

// Whatever a lost answer was about, nobody may believe that it failed.
func TestALostAnswerOfAPlatformCallIsUnknown(t *testing.T) {
	for _, path := range platformPaths() {
		for name, body := range map[string]string{
			"half": `{"errcode":0,"errmsg":"o`, "page": `<!DOCTYPE html><html><body>系统繁忙</body></html>`, "nothing": "",
		} {
			_, err := ask(t, newClient(t, answering(200, "text/html", strings.NewReader(body))), path)
			if wechat.OutcomeOf(err) != wechat.OutcomeUnknown || !errors.Is(err, wechat.ErrMalformed) {
				t.Errorf("%s, %s: outcome %v, %v", path, name, wechat.OutcomeOf(err), err)
			}
		}
	}
}

// Members of every type at every place: no panic, and nothing but a
// malformed answer or a success without the odd value.
func TestOddTypesInPlatformAnswers(t *testing.T) {
	odd := []string{`null`, `true`, `-1`, `1e400`, `""`, `"x"`, `[]`, `[null]`, `{}`, `{"id":{}}`, `[[[]]]`}
	for _, v := range loadVectors[answerVector](t, "platform_answers.json") {
		var members map[string]json.RawMessage
		if v.Want == nil || json.Unmarshal(v.bytes(t), &members) != nil {
			continue
		}
		for key := range members {
			for _, value := range odd {
				body := replaceMember(t, members, key, value)
				_, err := ask(t, newClient(t, answering(200, "", bytes.NewReader(body))), v.Endpoint)
				if e, ok := errors.AsType[*wechat.Error](err); err != nil && (!ok || e.Code == 0 && !errors.Is(err, wechat.ErrMalformed)) {
					t.Errorf("%s with %s = %s: %v", v.Name, key, value, err)
				}
			}
		}
	}
}

func replaceMember(t *testing.T, members map[string]json.RawMessage, key, value string) []byte {
	t.Helper()
	parts := []string{}
	for k, raw := range members {
		if k == key {
			raw = json.RawMessage(value)
		}
		parts = append(parts, fmt.Sprintf("%q:%s", k, raw))
	}
	return []byte("{" + strings.Join(parts, ",") + "}")
}

func TestNamesOfAccountsAreStable(t *testing.T) {
	got := []string{
		wechat.AccountShop.String(), wechat.AccountUnknown.String(), wechat.AccountKind(99).String(),
		wechat.StatusFrozen.String(), wechat.AccountStatus(77).String(),
		wechat.KindQueryAuth.String(), wechat.KindAuthorizerRefresh.String(), wechat.KindMarketLogin.String(),
	}
	want := []string{"shop", "unknown", "account(99)", "frozen", "status(77)", "query-auth", "authorizer-refresh", "market-login"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
