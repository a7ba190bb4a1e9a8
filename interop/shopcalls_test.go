package interop_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
	"github.com/zhanggui/zhanggui/wechattest"
)

// recorded is a request that the typed client writes, from its own tests.
type recorded struct {
	Method, Path, Query string
	Body                json.RawMessage
}

// refusals is what the emulator answers, by errcode, to requests that name things which
// are not in its world. That it looks for them shows that it understood the rest. No
// call is 40066: the emulator has them all.
var refusals = map[int][]string{
	10020000: {"aftersale", "aftersale_accept", "aftersale_accept_refund", "aftersale_exchange", "aftersale_exchange_reject", "aftersale_proof",
		"aftersale_reject", "aftersale_update", "phone_aftersale"},
	10020051: {"areas", "product_add"},
	10020052: {"address_update", "brand", "discount_add", "flow", "order", "order_address", "order_address_accept", "order_address_reject", "order_notes", "order_price",
		"order_price_only", "order_receiver", "phone_extend", "phone_renew", "product", "product_cancel_audit", "product_delete", "product_delisting", "product_h5url",
		"product_listing", "product_now", "product_qrcode", "product_scheme", "product_taglink", "product_update", "send", "send_correct", "send_more", "send_virtual",
		"stock", "stock_update", "stocks", "warehouse_move", "warehouse_stock", "withdrawal"},
	10020055: {"video_finish", "video_part"},
	10020076: {"discount_delete", "discount_stop"},
	10020202: {"warehouse", "warehouse_priority_set"},
	10021037: {"coupon", "coupon_status", "coupon_update", "user_coupon"},
	10021500: {"complaint", "complaint_note", "complaint_proof"},
	// The files keep the parts of a form, not its bytes.
	47001: {"image", "qualification"},
}

// TestShopRequestsAreUnderstood sends every request that the typed client writes to
// the emulator, which other hands wrote from the same pages.
func TestShopRequestsAreUnderstood(t *testing.T) {
	srv := wechattest.New(t, nil)
	c, err := wechat.New(wechat.Config{Hosts: wechat.Hosts{API: []string{srv.URL}}})
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.StableToken(t.Context(), wechattest.Shop, secret.FromString(wechattest.ShopSecret), false)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../wechat/shop/testdata/calls/*.json")
	if err != nil || len(files) < 90 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		want := 0
		for code, names := range refusals {
			if slices.Contains(names, name) {
				want = code
			}
		}
		answer := replay(t, srv, token.Token, read(t, file))
		var verdict struct{ Errcode int }
		if err := json.Unmarshal(answer, &verdict); err != nil || verdict.Errcode != want {
			t.Errorf("%s: want %d, the emulator answers %s", name, want, answer)
		}
	}
}

func read(t *testing.T, file string) recorded {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rec struct{ Request recorded }
	if err := json.Unmarshal(raw, &rec); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return rec.Request
}

func replay(t *testing.T, srv *wechattest.Server, token wechat.ShopToken, r recorded) []byte {
	t.Helper()
	url := fmt.Sprintf("%s%s?access_token=%s&%s", srv.URL, r.Path, token.Value.RevealString(), r.Query)
	req, err := http.NewRequestWithContext(t.Context(), r.Method, url, bytes.NewReader(r.Body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := srv.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}
