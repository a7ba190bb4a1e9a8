package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// TestRadarPage: what a push said is text; only WeChat's documentation is a link, and
// only staff that reads everything sees it.
func TestRadarPage(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	changes := []grant.APIChange{
		{ID: "ch_1", Path: "/channels/ec/order/get", Name: "获取订单详情", Content: "<b>更新</b>", At: epoch, SeenAt: epoch, Clients: []string{"erp"},
			DocURL: "https://developers.weixin.qq.com/doc/store", LogURL: "javascript:alert(1)"},
		{ID: "ch_2", Path: `/x"><script>`, At: epoch, SeenAt: epoch, DocURL: "https://developers.weixin.qq.com.example.com/"},
	}
	if err := r.store.RecordAPIChanges(t.Context(), 0, 1, changes, grant.Effects{At: epoch}); err != nil {
		t.Fatal(err)
	}
	r.asAdmin()
	body := r.get("/radar", "en").Body.String()
	for _, want := range []string{"/channels/ec/order/get", "获取订单详情", "&lt;b&gt;更新", `href="https://developers.weixin.qq.com/doc/store"`, "erp", "javascript:alert(1)"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, bad := range []string{"<script>", "<b>", `href="javascript`, `href="https://developers.weixin.qq.com.example.com`} {
		if strings.Contains(body, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	if one := r.get("/radar?path=/channels/ec/order/get", "zh-CN").Body.String(); !strings.Contains(one, "获取订单详情") || strings.Contains(one, "example.com/") {
		t.Error("of one path: not the page that was asked for")
	}
	if odd := r.get("/radar?path=%00%0a%e2%80%ae/x", "en").Body.String(); strings.ContainsAny(odd, "\x00\u202e") || !strings.Contains(odd, "/x") {
		t.Error("the page repeats what is no text")
	}
	r.as(access.StaffAuditor)
	if rec := r.get("/radar", "en"); rec.Code != http.StatusForbidden {
		t.Errorf("an auditor: %d", rec.Code)
	}
}
