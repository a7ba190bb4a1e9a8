package shop_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/shop"
)

func TestErrorsAreWeChats(t *testing.T) {
	c := answering(t, `{"errcode":"10020052","errmsg":"product not found `+token+` rid: 1a1a1a1a-2b2b2b2b-3c3c3c3c"}`)
	_, err := c.Product(t.Context(), "1", shop.VersionLive)
	e, ok := errors.AsType[*wechat.Error](err)
	if !ok || e.Code != 10020052 || e.RID != "1a1a1a1a-2b2b2b2b-3c3c3c3c" || wechat.OutcomeOf(err) != wechat.OutcomeAnswered {
		t.Errorf("%+v", err)
	}
	if strings.Contains(err.Error(), "bait") {
		t.Errorf("the token shows in %v", err)
	}
}

// TestAnAnswerWithoutWhatItIsFor is malformed, and never a zero value that
// looks like a success.
func TestAnAnswerWithoutWhatItIsFor(t *testing.T) {
	c := answering(t, `{"errcode":0,"errmsg":"ok"}`)
	for _, name := range []string{
		"info", "image", "video_start", "product_quota", "stock", "order", "order_receiver", "aftersale", "address", "freight", "warehouse",
		"coupon", "user_coupon", "bank_account", "flow", "brand", "phone_renew", "phone_aftersale",
	} {
		_, err := find(t, name)(t.Context(), c)
		if !errors.Is(err, wechat.ErrMalformed) || !strings.Contains(err.Error(), "is missing") || wechat.OutcomeOf(err) != wechat.OutcomeUnknown {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEveryCallReturnsItsError: no call takes an errcode for a success.
func TestEveryCallReturnsItsError(t *testing.T) {
	c := answering(t, `{"errcode":48001,"errmsg":"api unauthorized"}`)
	for _, family := range families {
		for name, f := range family {
			_, err := f(t.Context(), c)
			if e, ok := errors.AsType[*wechat.Error](err); !ok || e.Code != 48001 {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// find returns the call with a name.
func find(t *testing.T, name string) call {
	t.Helper()
	for _, family := range families {
		if f := family[name]; f != nil {
			return f
		}
	}
	t.Fatalf("no call is named %s", name)
	return nil
}

// TestAnAnswerOfAnotherShape is an error that does not say that nothing
// happened.
func TestAnAnswerOfAnotherShape(t *testing.T) {
	for _, body := range []string{`{"data":[]}`, `{"data":{"product_id":{}}}`, `[]`, `<html>`, ``, `{"data":`} {
		_, err := answering(t, body).AddProduct(t.Context(), shirt())
		if !errors.Is(err, wechat.ErrMalformed) || wechat.OutcomeOf(err) != wechat.OutcomeUnknown {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestWithoutATokenNothingIsSent(t *testing.T) {
	fault := errors.New("the keeper sleeps")
	c := shop.New(wire(t, func(r *http.Request) (*http.Response, error) {
		t.Error("a request was sent")
		return answer(r, 200, "", `{}`), nil
	}), shop.TokenFunc(func(context.Context) (wechat.ShopToken, error) { return wechat.ShopToken{}, fault }))
	if _, err := c.Info(t.Context()); !errors.Is(err, fault) || !strings.Contains(err.Error(), "/channels/ec/basics/info/get") {
		t.Error(err)
	}
	if _, _, err := c.Media(t.Context(), "m"); !errors.Is(err, fault) {
		t.Error(err)
	}
	empty := shop.New(wire(t, nil), shop.TokenFunc(func(context.Context) (wechat.ShopToken, error) { return wechat.ShopToken{}, nil }))
	if _, err := empty.Info(t.Context()); wechat.OutcomeOf(err) != wechat.OutcomeNotSent {
		t.Error(err)
	}
}

func TestCallsWithoutATokenSource(t *testing.T) {
	c := shop.New(wire(t, func(r *http.Request) (*http.Response, error) {
		if r.URL.RawQuery != "" {
			t.Errorf("query %s", r.URL.RawQuery)
		}
		return answer(r, 200, "", `{"available_amount":1}`), nil
	}), nil)
	if b, err := c.Balance(t.Context()); err != nil || b.Available != 1 {
		t.Errorf("%v, %v", b, err)
	}
}

func TestCallTakesAnyPath(t *testing.T) {
	var got request
	c := direct(t, func(r *http.Request) (*http.Response, error) {
		got = seen(t, r)
		return answer(r, 200, "", `{"errcode":0,"count":"12","more":{"x":1}}`), nil
	})
	type favorites struct {
		Count shop.Int `json:"count"`
	}
	res, err := shop.Call[favorites](t.Context(), c, "/channels/ec/favorites/count/get", map[string]string{"a": "<b>"})
	if err != nil || res.Count != 12 || got.Method != http.MethodPost || string(got.Body) != `{"a":"<b>"}` {
		t.Errorf("%+v, %v, %+v", res, err, got)
	}
	res, err = shop.Get[favorites](t.Context(), c, "/channels/ec/qic/inspect/config/get", url.Values{"x": {"1&2"}})
	if err != nil || res.Count != 12 || got.Method != http.MethodGet || got.Query != "x=1%262" || got.Body != nil {
		t.Errorf("%+v, %v, %+v", res, err, got)
	}
	for _, path := range []string{"", "channels/ec/x", "/channels/../x", "/channels/ec/x?access_token=1"} {
		if _, err := shop.Call[favorites](t.Context(), c, path, struct{}{}); wechat.OutcomeOf(err) != wechat.OutcomeNotSent {
			t.Errorf("%q: %v", path, err)
		}
	}
}

// TestLongAnswersAreRead: the tree of categories is longer than other answers.
func TestLongAnswersAreRead(t *testing.T) {
	path := `{"cat_and_qua":[{"cat":{"cat_id":1,"name":"` + strings.Repeat("类", 1000) + `"}}]}`
	trees, err := answering(t, `{"errcode":0,"cats_v2":[`+strings.Repeat(path+",", 1000)+path+`]}`).Categories(t.Context())
	if err != nil || len(trees.New) != 1001 {
		t.Error(err)
	}
}

// TestARequestThatCannotBeWritten is refused before it is sent.
func TestARequestThatCannotBeWritten(t *testing.T) {
	p := shirt()
	p.BrandID = "no brand"
	if _, err := answering(t, `{}`).AddProduct(t.Context(), p); wechat.OutcomeOf(err) != wechat.OutcomeNotSent {
		t.Error(err)
	}
}
