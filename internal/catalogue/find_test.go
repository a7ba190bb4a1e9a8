package catalogue_test

import (
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/catalogue"
)

func TestFind(t *testing.T) {
	c := catalogue.Default()
	for part, want := range map[string]string{
		"/channels/ec/order/get":   "/channels/ec/order/get",
		"/shop/ec/order/get":       "/channels/ec/order/get", // WeChat answers both trees
		"order/get":                "/channels/ec/order/get", // and not ewaybill/biz/order/get
		"Order/Get/":               "/channels/ec/order/get",
		"ewaybill/biz/order/get":   "/channels/ec/logistics/ewaybill/biz/order/get",
		"basics/info/get":          "/channels/ec/basics/info/get",
		"getaftersaleorder":        "/channels/ec/aftersale/getaftersaleorder",
		"":                         "",
		"/":                        "",
		"nothing/like/it":          "",
		strings.Repeat("a", 1<<16): "",
		"order/list/get":           "/channels/ec/order/list/get",
	} {
		found := c.Find(part)
		if want == "" && len(found) == 0 {
			continue
		}
		if len(found) != 1 || found[0].Path != want {
			var paths []string
			for _, e := range found {
				paths = append(paths, e.Path)
			}
			t.Errorf("%.40s: %v, want %s", part, paths, want)
		}
	}
	if found := c.Find("aftersale"); len(found) < 5 {
		t.Errorf("only %d paths have aftersale in them", len(found))
	}
	for _, e := range c.Find("token") {
		if e.Closed() {
			t.Errorf("%s is for nobody", e.Path)
		}
	}
}
