package gateway

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
	"github.com/zhanggui/zhanggui/wechat/shop"
)

// TestTheTypedClientCalls: what package shop sends and expects is what the
// gateway takes and gives.
func TestTheTypedClientCalls(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		if !strings.HasPrefix(req.URL.Query().Get("access_token"), bait) {
			t.Errorf("no token in the call of %s", req.URL.Path)
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		switch req.URL.Path {
		case readPath:
			io.WriteString(w, `{"errcode":0,"order":{"order_id":3704612354559743232,"status":20}}`)
		case "/shop/ec/basics/img/upload":
			if !strings.Contains(string(body), "PNG") || req.URL.Query().Get("resp_type") != "1" {
				t.Errorf("upload of %q with %s", body, req.URL.RawQuery)
			}
			io.WriteString(w, `{"errcode":0,"pic_file":{"img_url":"https://mmecimage.cn/p/a"}}`)
		case "/channels/ec/basics/media/get":
			w.Header().Set("Content-Type", "image/jpeg")
			io.WriteString(w, "JPEG")
		default:
			io.WriteString(w, `{"errcode":10020112,"errmsg":"slow down"}`)
		}
	})
	c := typedClient(t, r, "lantian", writeKey)
	if o, err := c.Order(t.Context(), "3704612354559743232"); err != nil || o.Status != shop.OrderToShip {
		t.Errorf("%+v, %v", o, err)
	}
	picture := shop.File{Name: "a.png", Body: strings.NewReader("PNG"), Size: 3}
	if image, err := c.UploadImage(t.Context(), shop.UseURL, picture, 1, 1); err != nil || image.URL == "" {
		t.Errorf("%+v, %v", image, err)
	}
	media, _, err := c.Media(t.Context(), "m")
	if err != nil {
		t.Fatal(err)
	}
	defer media.Close()
	if b, err := io.ReadAll(media); string(b) != "JPEG" {
		t.Errorf("%q, %v", b, err)
	}
	err = c.UpdateStock(t.Context(), shop.StockChange{ProductID: "1", SkuID: "2", StockStep: shop.StockStep{Op: shop.StockAdd, Count: 1}})
	if e, ok := errors.AsType[*wechat.Error](err); !ok || e.Code != 10020112 || errors.As(err, new(*shop.GatewayError)) {
		t.Errorf("%v", err)
	}
}

// TestTheTypedClientUnderstandsRefusals: the gateway's words reach the program.
func TestTheTypedClientUnderstandsRefusals(t *testing.T) {
	r := newRig(t, func(http.ResponseWriter, *http.Request) { t.Error("a refused call went to WeChat") })
	for name, test := range map[string]struct {
		shop, key string
		status    int
	}{
		"a key that reads": {"lantian", readKey, http.StatusForbidden},
		"another's shop":   {"lantian", otherKey, http.StatusForbidden},
		"no key of ours":   {"lantian", "zgc_NOBODY", http.StatusUnauthorized},
	} {
		err := typedClient(t, r, test.shop, test.key).SetOrderNotes(t.Context(), "37", "n")
		e, ok := errors.AsType[*shop.GatewayError](err)
		if !ok || e.Status != test.status || e.Code == "" || e.Cause == "" || e.CauseZH == "" || e.Next == "" || e.NextZH == "" || e.Request == "" {
			t.Errorf("%s: %+v (%v)", name, e, err)
		}
		if wechat.OutcomeOf(err) != wechat.OutcomeAnswered || strings.Contains(err.Error(), test.key) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// typedClient calls a shop through the gateway with a key.
func typedClient(t *testing.T, r *rig, name, key string) *shop.Client {
	t.Helper()
	c, err := shop.NewGateway(shop.GatewayConfig{
		URL: r.front.URL, Shop: name, Key: secret.FromString(key), Transport: r.client.Transport,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
