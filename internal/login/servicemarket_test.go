package login

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// The market's answer arrives as a login reads it, ids exact beyond 2^53.
func TestServiceMarket(t *testing.T) {
	wire := &answering{body: `{"errcode":0,"errmsg":"ok","order_id":3359339022749466625,"openid":"","appid":"wx00000000000000e1",
		"service_id":1234567890123,"sku_id":"915673","spec_id":"standard"}`}
	none := errors.New("no way out")
	m := ServiceMarket{
		Client: platformWith(t, wire, time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)).Client,
		Token: func(_ context.Context, app string) (secret.Value, error) {
			if app != "isv" {
				return secret.Value{}, none
			}
			return secret.FromString("CAT"), nil
		},
	}
	got, err := m.ServiceLogin(t.Context(), access.App{ID: "isv"}, secret.FromString("cnaw1"))
	must(t, err)
	if want := (Jump{AppID: lantianID, ServiceID: "1234567890123", Spec: "standard", OrderID: "3359339022749466625"}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if u := wire.asked[0]; u.Path != "/wxa/servicemarket/service/login_auth" || u.Query().Get("access_token") != "CAT" {
		t.Errorf("asked %s", u.Path)
	}
	wire.body = `{"errcode":10001,"errmsg":"code不存在 rid: 6000-aaaa"}`
	_, err = m.ServiceLogin(t.Context(), access.App{ID: "isv"}, secret.FromString("cnaw1"))
	if we, ok := errors.AsType[*wechat.Error](err); !ok || we.Code != noSuchCode || len(wire.asked) != 2 {
		t.Errorf("%v after %d requests", err, len(wire.asked))
	}
	if _, err := m.ServiceLogin(t.Context(), access.App{ID: "other"}, secret.FromString("cnaw1")); !errors.Is(err, none) || len(wire.asked) != 2 {
		t.Errorf("without a token: %v after %d requests", err, len(wire.asked))
	}
	m.Client = func(access.App) (*wechat.Client, error) { return nil, none }
	if _, err := m.ServiceLogin(t.Context(), access.App{ID: "isv"}, secret.FromString("cnaw1")); !errors.Is(err, none) {
		t.Errorf("without a client: %v", err)
	}
}
