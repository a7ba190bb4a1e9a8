package shop_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
	"github.com/zhanggui/zhanggui/wechat/shop"
)

const clientKey = "zgc_bait-client-key-5Tn"

// through is a client that calls through a gateway, which is rt.
func through(t *testing.T, rt roundTrip) *shop.Client {
	t.Helper()
	c, err := shop.NewGateway(shop.GatewayConfig{
		URL: "https://zhanggui.example.com/", Shop: "lantian", Key: secret.FromString(clientKey), Transport: rt,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestGatewayCalls(t *testing.T) {
	c := through(t, func(r *http.Request) (*http.Response, error) {
		if r.URL.String() != "https://zhanggui.example.com/wx/lantian/channels/ec/order/get" || r.Header.Get("Authorization") != "Bearer "+clientKey {
			t.Errorf("%s %v", r.URL, r.Header)
		}
		return answer(r, 200, "application/json", `{"errcode":0,"order":{"order_id":"37","status":20}}`), nil
	})
	if o, err := c.Order(t.Context(), "37"); err != nil || o.Status != shop.OrderToShip {
		t.Errorf("%+v, %v", o, err)
	}
}

const refusal = `{"type":"urn:zhanggui:problem:token-later","title":"Service Unavailable","status":503,"detail":"d","code":"token-later",
	"cause":"No token right now.","cause_zh":"暂无令牌。","next":"Come back later.","next_zh":"请稍后重试。","instance":"urn:zhanggui:request:r1"}`

// refusing is a gateway that refuses with a problem document.
func refusing(status int, kind, body string) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		res := answer(r, status, kind, body)
		res.Header.Set("Retry-After", "7")
		return res, nil
	}
}

func TestGatewayRefusalsSayWhy(t *testing.T) {
	c := through(t, refusing(503, "application/problem+json", refusal))
	_, err := c.Info(t.Context())
	e, ok := errors.AsType[*shop.GatewayError](err)
	if !ok {
		t.Fatalf("%T %v", err, err)
	}
	if e.Status != 503 || e.Code != "token-later" || e.CauseZH != "暂无令牌。" || e.NextZH != "请稍后重试。" || e.Request != "r1" || e.RetryAfter != 7*time.Second {
		t.Errorf("%+v", e)
	}
	if !strings.Contains(err.Error(), "No token right now. Come back later.") || strings.Contains(err.Error(), "bait") {
		t.Error(err)
	}
	if inner, ok := errors.AsType[*wechat.Error](err); !ok || inner.HTTPStatus != 503 || wechat.OutcomeOf(err) != wechat.OutcomeUnknown {
		t.Errorf("%+v", inner)
	}
	if _, _, err := c.Media(t.Context(), "m"); !errors.As(err, new(*shop.GatewayError)) {
		t.Errorf("media: %v", err)
	}
	if _, err := through(t, refusing(403, "application/problem+json; charset=utf-8", refusal)).Info(t.Context()); wechat.OutcomeOf(err) != wechat.OutcomeAnswered {
		t.Errorf("403: %v", err)
	}
}

// TestGatewayErrcodesAreWeChats: what WeChat said passes as it is.
func TestGatewayErrcodesAreWeChats(t *testing.T) {
	_, err := through(t, refusing(200, "application/json", `{"errcode":45009,"errmsg":"quota"}`)).Info(t.Context())
	if e, ok := errors.AsType[*wechat.Error](err); !ok || e.Code != 45009 || errors.As(err, new(*shop.GatewayError)) {
		t.Error(err)
	}
}

// TestOddRefusals: what is no whole problem document of a gateway stays an error
// of the call.
func TestOddRefusals(t *testing.T) {
	for name, rt := range map[string]roundTrip{
		"a proxy's page":  refusing(502, "text/html", "<html>"),
		"cut":             refusing(503, "application/problem+json", refusal[:40]),
		"another program": refusing(503, "application/problem+json", `{"type":"about:blank","title":"no"}`),
		"no kind":         refusing(503, "", refusal),
		"broken": func(r *http.Request) (*http.Response, error) {
			res := answer(r, 503, "application/problem+json", "")
			res.Body = io.NopCloser(io.MultiReader(strings.NewReader(refusal[:40]), bad{errors.New("cable cut")}))
			return res, nil
		},
		"unreachable": func(*http.Request) (*http.Response, error) { return nil, errors.New("no route") },
	} {
		_, err := through(t, rt).Info(t.Context())
		if _, ok := errors.AsType[*wechat.Error](err); !ok || errors.As(err, new(*shop.GatewayError)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestALongProblemIsReadOn: the bytes of an answer are all there, however much of
// them was looked at.
func TestALongProblemIsReadOn(t *testing.T) {
	long := `{"filler":"` + strings.Repeat("x", 100<<10) + `"}`
	res, err := shop.Call[struct {
		Filler string `json:"filler"`
	}](t.Context(), through(t, refusing(200, "application/problem+json", long)), "/channels/ec/x", struct{}{})
	if err != nil || len(res.Filler) != 100<<10 {
		t.Errorf("%d bytes, %v", len(res.Filler), err)
	}
}

func TestGatewaySettings(t *testing.T) {
	good := shop.GatewayConfig{URL: "https://zhanggui.example.com", Shop: "lantian", Key: secret.FromString(clientKey)}
	if _, err := shop.NewGateway(good); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*shop.GatewayConfig){
		"short id":   func(c *shop.GatewayConfig) { c.Shop = "a/../b" },
		"appid":      func(c *shop.GatewayConfig) { c.Shop = "" },
		"client key": func(c *shop.GatewayConfig) { c.Key = secret.Value{} },
		"http":       func(c *shop.GatewayConfig) { c.URL = "zhanggui.example.com" },
	} {
		cfg := good
		change(&cfg)
		if _, err := shop.NewGateway(cfg); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "bait") {
			t.Errorf("%s: %v", want, err)
		}
	}
}
