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
	var refused []int64
	m := ServiceMarket{
		Client: platformWith(t, wire, time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)).Client,
		Token: func(_ context.Context, app string) (secret.Value, int64, error) {
			if app != "isv" {
				return secret.Value{}, 0, none
			}
			return secret.FromString("CAT"), 7, nil
		},
		Refused: func(_ context.Context, _ string, generation int64) { refused = append(refused, generation) },
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
	if len(refused) != 0 {
		t.Error("an unknown code is taken for a bad token")
	}
	wire.body = `{"errcode":40001,"errmsg":"invalid credential"}`
	if _, err = m.ServiceLogin(t.Context(), access.App{ID: "isv"}, secret.FromString("cnaw2")); err == nil || len(wire.asked) != 3 || len(refused) != 1 || refused[0] != 7 {
		t.Errorf("a refused token: %v after %d requests, told of %v", err, len(wire.asked), refused)
	}
	if _, err := m.ServiceLogin(t.Context(), access.App{ID: "other"}, secret.FromString("cnaw1")); !errors.Is(err, none) || len(wire.asked) != 3 {
		t.Errorf("without a token: %v after %d requests", err, len(wire.asked))
	}
	m.Client = func(access.App) (*wechat.Client, error) { return nil, none }
	if _, err := m.ServiceLogin(t.Context(), access.App{ID: "isv"}, secret.FromString("cnaw1")); !errors.Is(err, none) {
		t.Errorf("without a client: %v", err)
	}
}
