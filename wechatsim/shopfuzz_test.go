package wechatsim_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/wechatsim"
)

// FuzzShopBodies sends any body to any call of the shop API: the answer is
// HTTP 200 with one JSON object, and nothing panics.
func FuzzShopBodies(f *testing.F) {
	calls := wechatsim.ShopCalls()
	for i := range calls {
		f.Add(uint(i), "application/json", `{"product_id":10000000000000003,"order_id":"1","page_size":1,"page":1,"limit":1}`)
	}
	f.Add(uint(0), "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"media\"; filename=\"a\"\r\n\r\nx\r\n--b--\r\n")
	f.Fuzz(func(t *testing.T, n uint, contentType, body string) {
		g := newRig(t)
		call := calls[n%uint(len(calls))]
		target := call.Path + "?height=1&width=1&access_token=" + g.stable(false).str("access_token")
		r := httptest.NewRequest(call.Method, target, strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		w, _ := g.do(r)
		var object map[string]json.RawMessage
		if err := json.Unmarshal(w.Body.Bytes(), &object); err != nil || w.Code != http.StatusOK {
			t.Errorf("%s %q: HTTP %d %q", call.Path, body, w.Code, w.Body)
		}
	})
}
