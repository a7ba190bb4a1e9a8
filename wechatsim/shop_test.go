package wechatsim_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/wechatsim"
)

func TestShopInfo(t *testing.T) {
	g := newRig(t)
	got := g.shop("basics/info/get", "")
	want := []string{"headimg_url", "is_local_life", "nickname", "open_timestamp", "status", "subject_type", "username"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got.obj("info")))); diff != "" {
		t.Errorf("fields of info (-want +got):\n%s", diff)
	}
	if i := got.obj("info"); i.str("nickname") != "蓝天文具店" || i.str("status") != "open_finished" {
		t.Errorf("info %v", i)
	}
}

func TestCatalogueIsStable(t *testing.T) {
	at := func(seed uint64, epoch time.Time) string {
		return newRig(t, world(func(w *wechatsim.World) { w.Seed, w.Epoch = seed, epoch })).CatalogueDigest(shopID)
	}
	epoch := time.Date(2026, 3, 2, 0, 0, 0, 0, time.FixedZone("CST", 8*3600))
	// Frozen: people write ids of the generated goods into their own tests.
	const golden = "843360cc154770935964469df277b9c2"
	if got := at(1, epoch); got != golden {
		t.Errorf("seed 1 gives %s, want %s: the generator changed, and with it other people's tests", got, golden)
	}
	if at(2, epoch) == at(1, epoch) {
		t.Error("another seed gives the same catalogue")
	}
	if at(1, epoch.AddDate(0, 0, 1)) == at(1, epoch) {
		t.Error("another epoch gives the same times")
	}
	if got := newRig(t).CatalogueDigest("wx00000000000000ff"); got != "" {
		t.Errorf("digest %q of no shop", got)
	}
}

// walk pages through a list and returns the ids.
func (g *rig) walk(path, field, body string) (ids []string) {
	g.t.Helper()
	key := ""
	for range 100 {
		got := g.shop(path, fmt.Sprintf(body, key))
		g.wantCode(got, "0")
		page := got.list(field)
		for _, id := range page {
			ids = append(ids, id.(string))
		}
		if key = got.str("next_key"); key == "" || len(page) == 0 {
			return ids
		}
	}
	g.t.Fatal("the list does not end")
	return nil
}

func TestProductList(t *testing.T) {
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		g := newRig(t, with(sw))
		all := g.walk("product/list/get", "product_ids", `{"page_size":7,"next_key":%q}`)
		if len(all) != 48 || len(slices.Compact(slices.Sorted(slices.Values(all)))) != 48 {
			t.Errorf("%d ids, want 48 different ones", len(all))
		}
		for _, id := range all {
			if n, err := strconv.ParseUint(id, 10, 64); err != nil || n <= 1<<53 || n%2 == 0 {
				t.Fatalf("id %s is not an odd number above 2^53", id)
			}
		}
		listed := g.walk("product/list/get", "product_ids", `{"page_size":30,"status":5,"next_key":%q}`)
		delisted := g.walk("product/list/get", "product_ids", `{"page_size":30,"status":11,"next_key":%q}`)
		if len(listed) == 0 || len(delisted) == 0 || len(listed)+len(delisted) != 48 {
			t.Errorf("%d listed and %d delisted", len(listed), len(delisted))
		}
	})
}

func TestProductListPages(t *testing.T) {
	g := newRig(t)
	if got := g.shop("product/list/get", "{}"); len(got.list("product_ids")) != 10 || got.str("total_num") != "48" {
		t.Errorf("default page %v", got)
	}
	for _, size := range []int{0, -1, 31} {
		g.wantCode(g.shop("product/list/get", fmt.Sprintf(`{"page_size":%d}`, size)), "10020051")
	}
	key := g.shop("product/list/get", `{"status":5}`).str("next_key")
	g.wantCode(g.shop("product/list/get", fmt.Sprintf(`{"status":11,"next_key":%q}`, key)), "10020051")
	g.wantCode(g.shop("product/list/get", `{"next_key":"made up"}`), "10020051")
	g.wantCode(g.shop("product/list/get", `{"page_size":"10"}`), "47001")
}

func TestLastPageKey(t *testing.T) {
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		g := newRig(t, with(sw), func(o *wechatsim.Options) {
			o.World = wechatsim.DefaultWorld()
			o.World.Shops[0].Products = 3
		})
		got := g.shop("product/list/get", "{}")
		if (got.str("next_key") != "") != sw.LastPageNextKey {
			t.Errorf("last page has next_key %q, switch %t", got.str("next_key"), sw.LastPageNextKey)
		}
	})
}

const newProduct = `{"title":"测试用的笔记本","short_title":"笔记本","head_imgs":["https://mmecimage.cn/p/a/1","https://mmecimage.cn/p/a/2","https://mmecimage.cn/p/a/3"],
"desc_info":{"imgs":[],"desc":"x"},"deliver_method":0,"cats_v2":[{"cat_id":"10000111"}],"attrs":[],"express_info":{"template_id":"1","weight":1},
"brand_id":2100000000,"out_product_id":"mine-1","after_sale_info":{"after_sale_address_id":1},
"skus":[{"thumb_img":"https://mmecimage.cn/p/a/1","sale_price":1300,"stock_num":9,"sku_code":"N1","sku_attrs":[]}]%s}`

func product(extra string) string { return fmt.Sprintf(newProduct, extra) }

func TestProductAddAnswersANumber(t *testing.T) {
	g := newRig(t)
	got := g.shop("product/add", product(""))
	id, ok := got.obj("data")["product_id"].(json.Number)
	if !ok {
		t.Fatalf("product_id is no JSON number: %v", got)
	}
	if f, _ := id.Float64(); strconv.FormatFloat(f, 'f', 0, 64) == id.String() {
		t.Errorf("product_id %s survives a float64; it should not", id)
	}
	if want := "2026-03-02 10:00:00"; got.obj("data").str("create_time") != want {
		t.Errorf("create_time %q, want %q", got.obj("data").str("create_time"), want)
	}
	draft := g.shop("product/get", fmt.Sprintf(`{"product_id":%q,"data_type":2}`, id))
	if p := draft.obj("edit_product"); p.str("product_id") != id.String() || p.str("title") != "测试用的笔记本" || p.str("status") != "0" || p.str("edit_status") != "1" {
		t.Errorf("draft %v", p)
	}
	for _, known := range g.walk("product/list/get", "product_ids", `{"page_size":30,"next_key":%q}`) {
		if known == id.String() {
			t.Error("a draft that was never listed is in the list")
		}
	}
}

func TestProductLifecycle(t *testing.T) {
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		g := newRig(t, with(sw))
		id := g.shop("product/add", product("")).obj("data").str("product_id")
		only := fmt.Sprintf(`{"product_id":%q}`, id)
		get := func(kind int) reply {
			return g.shop("product/get", fmt.Sprintf(`{"product_id":%q,"data_type":%d}`, id, kind))
		}
		sku := get(2).obj("edit_product").list("skus")[0].(map[string]any)["sku_id"].(string)
		stock := fmt.Sprintf(`{"product_id":%q,"sku_id":%q,"diff_type":1,"num":1}`, id, sku)

		g.wantCode(g.shop("product/stock/update", stock), "10020289")
		g.wantCode(g.shop("product/delisting", only), "10020065")
		g.wantCode(g.shop("product/listing", only), "0")
		if sw.ReviewTakes > 0 {
			if got := get(3); got.obj("edit_product").str("edit_status") != "2" || got.obj("product") != nil {
				t.Errorf("in review: %v", got)
			}
			g.wantCode(g.shop("product/listing", only), "10020047")
			g.wantCode(g.shop("product/delisting", only), "10020049")
			g.wantCode(g.shop("product/stock/update", stock), "10020217")
			g.wantCode(g.shop("product/update", product(`,"product_id":"`+id+`"`)), "10020049")
			g.Advance(sw.ReviewTakes.Std())
		}
		if p := get(1).obj("product"); p.str("status") != "5" || p.str("edit_status") != "4" || p.str("min_price") != "1300" {
			t.Errorf("after review: %v", p)
		}
		got := g.shop("product/update", product(`,"product_id":"`+id+`"`))
		if _, has := got["errmsg"]; got.code() != "0" || got.obj("data").str("product_id") != id || has {
			t.Errorf("update answers %v, want the sample's shape without errmsg", got)
		}
		if p := get(1).obj("product"); p.str("edit_status") != "1" {
			t.Errorf("an update did not become a draft: %v", p)
		}
		g.wantCode(g.shop("product/delisting", only), "0")
		if p := get(1).obj("product"); p.str("status") != "11" {
			t.Errorf("after delisting: %v", p)
		}
	})
}

func TestDelistedGoodsComeBackWithoutReview(t *testing.T) {
	g := newRig(t)
	const body = `{"product_id":"10000000000000005"}`
	for _, path := range []string{"product/listing", "product/delisting", "product/listing"} {
		g.wantCode(g.shop(path, body), "0")
	}
	if p := g.shop("product/get", body).obj("product"); p.str("status") != "5" {
		t.Errorf("listed again: %v", p)
	}
	g.wantCode(g.shop("product/listing", `{"product_id":"1"}`), "10020052")
	g.wantCode(g.shop("product/delisting", `{}`), "10020051")
	g.wantCode(g.shop("product/listing", `{"product_id":true}`), "47001")
}

func TestUpdateDoesNotTouchTheLiveVersion(t *testing.T) {
	g := newRig(t)
	const id = "10000000000000003"
	before := g.shop("product/get", `{"product_id":"`+id+`"}`).obj("product")
	body := strings.Replace(product(`,"product_id":`+id), `"out_product_id":"mine-1",`, "", 1)
	g.wantCode(g.shop("product/update", body), "0")
	after := g.shop("product/get", `{"product_id":`+id+`,"data_type":3}`)
	if after.obj("product").str("title") != before.str("title") || after.obj("edit_product").str("title") != "测试用的笔记本" {
		t.Errorf("live %q, draft %q", after.obj("product").str("title"), after.obj("edit_product").str("title"))
	}
	g.wantCode(g.shop("product/update", product(`,"product_id":`+id)), "10020051") // out_product_id is immutable
	g.wantCode(g.shop("product/update", strings.Replace(body, "10000111", "5", 1)), "10020017")
	g.wantCode(g.shop("product/update", strings.Replace(body, `"sale_price"`, `"sku_id":"5","sale_price"`, 1)), "10020052")
	g.wantCode(g.shop("product/update", product("")), "10020051")
	g.wantCode(g.shop("product/update", product(`,"product_id":"5"`)), "10020052")
}

func TestProductAddRefusals(t *testing.T) {
	tests := []struct{ name, old, new, want string }{
		{"no title", "测试用的笔记本", "", "10020020"},
		{"title of 4", "测试用的笔记本", "测试用的", "10020042"},
		{"title of 61", "测试用的笔记本", strings.Repeat("字", 61), "10020021"},
		{"short title of 21", `"short_title":"笔记本"`, `"short_title":"` + strings.Repeat("字", 21) + `"`, "10020051"},
		{"foreign picture", "https://mmecimage.cn/p/a/2", "https://example.com/2", "10020035"},
		{"two pictures", `,"https://mmecimage.cn/p/a/3"]`, "]", "10020051"},
		{"no pictures", `"head_imgs"`, `"other"`, "10020022"},
		{"no category", `"cats_v2"`, `"other"`, "10020017"},
		{"no skus", `"skus"`, `"other"`, "10020013"},
		{"no freight template", `"template_id":"1",`, "", "10020019"},
		{"no after-sale address", `"after_sale_address_id":1`, "", "10020051"},
		{"price 0", "1300", "0", "10020039"},
		{"price below 0", "1300", "-1", "10020051"},
		{"long out_product_id", "mine-1", strings.Repeat("m", 129), "10020051"},
		{"price as text", "1300", `"1300"`, "47001"},
		{"listing as text", `"attrs":[]`, `"listing":"yes"`, "47001"},
	}
	g := newRig(t)
	for _, tt := range tests {
		body := strings.Replace(product(""), tt.old, tt.new, 1)
		if body == product("") {
			t.Fatalf("%s: the body is unchanged", tt.name)
		}
		if got := g.shop("product/add", body); got.code() != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, got, tt.want)
		}
	}
}

func TestProductAddWithListing(t *testing.T) {
	for _, yes := range []string{"1", "true"} {
		g := newRig(t)
		id := g.shop("product/add", product(`,"listing":`+yes)).obj("data").str("product_id")
		g.Advance(time.Minute)
		if p := g.shop("product/get", `{"product_id":"`+id+`"}`).obj("product"); p.str("status") != "5" {
			t.Errorf("listing %s: %v", yes, p)
		}
	}
}

func TestProductGetRefusals(t *testing.T) {
	g := newRig(t)
	for body, want := range map[string]string{
		`{}`:                                   "10020051",
		`{"product_id":"1"}`:                   "10020052",
		`{"product_id":"1","data_type":4}`:     "10020051",
		`{"product_id":1.5}`:                   "47001",
		`{"product_id":null}`:                  "10020051",
		`{"product_id":"10000000000000004"}`:   "10020052",
		`{"product_id":10000000000000003}`:     "0",
		`{"product_id":"10000000000000003"}`:   "0",
		`{"product_id":{"a":1},"data_type":1}`: "47001",
	} {
		if got := g.shop("product/get", body); got.code() != want {
			t.Errorf("%s: %v, want %s", body, got, want)
		}
	}
}

func TestStock(t *testing.T) {
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		g := newRig(t, with(sw))
		const ids = `"product_id":"10000000000000003","sku_id":"20000000000000003"`
		get := func() string { return g.shop("product/stock/get", "{"+ids+"}").obj("data").str("normal_stock_num") }
		_, has := g.shop("product/stock/get", "{"+ids+"}")["errcode"]
		if has == sw.OmitErrcodeOnSuccess {
			t.Errorf("errcode present=%t, switch omit=%t", has, sw.OmitErrcodeOnSuccess)
		}
		tests := []struct{ change, want, stock string }{
			{`"diff_type":3,"num":10`, "0", "10"},
			{`"diff_type":1,"num":5`, "0", "15"},
			{`"diff_type":1,"num":5`, "0", "20"}, // not idempotent
			{`"diff_type":2,"num":20`, "0", "0"},
			{`"diff_type":2,"num":1`, "10020219", "0"},
			{`"diff_type":1,"num":0`, "10020218", "0"},
			{`"diff_type":3,"num":0`, "0", "0"},
			{`"diff_type":4,"num":1`, "10020091", "0"},
			{`"num":1`, "10020091", "0"},
			{`"diff_type":1,"num":-1`, "10020051", "0"},
		}
		for _, tt := range tests {
			got := g.shop("product/stock/update", "{"+ids+","+tt.change+"}")
			if got.code() != tt.want || get() != tt.stock {
				t.Errorf("%s: %v, stock %s; want %s, %s", tt.change, got, get(), tt.want, tt.stock)
			}
		}
		g.wantCode(g.shop("product/stock/get", `{"product_id":"10000000000000003"}`), "10020051")
		g.wantCode(g.shop("product/stock/get", `{"product_id":"10000000000000003","sku_id":"1"}`), "10020052")
		g.wantCode(g.shop("product/stock/get", `{"product_id":"1","sku_id":"1"}`), "10020052")
	})
}

func TestOrderList(t *testing.T) {
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		g := newRig(t, with(sw))
		seen := map[string]bool{}
		for day := 35; day > 0; day -= 7 {
			from := start.AddDate(0, 0, -day).Unix()
			for _, id := range g.walk("order/list/get", "order_id_list",
				fmt.Sprintf(`{"create_time_range":{"start_time":%d,"end_time":%d},"page_size":9,"next_key":%%q}`, from, from+7*86400-1)) {
				if seen[id] {
					t.Errorf("order %s came twice", id)
				}
				seen[id] = true
			}
		}
		if len(seen) != 120 {
			t.Errorf("%d orders in 35 days, want 120", len(seen))
		}
	})
}

func TestOrderListRefusals(t *testing.T) {
	now := start.Unix()
	week := func(field string, length int64) string {
		return fmt.Sprintf(`%q:{"start_time":%d,"end_time":%d}`, field, now-length, now)
	}
	tests := []struct{ name, body, want string }{
		{"week", "{" + week("create_time_range", 7*86400) + `,"page_size":10}`, "0"},
		{"week of updates", "{" + week("update_time_range", 7*86400) + `,"page_size":100}`, "0"},
		{"more than a week", "{" + week("create_time_range", 7*86400+1) + `,"page_size":10}`, "10020051"},
		{"backwards", "{" + week("create_time_range", -1) + `,"page_size":10}`, "10020051"},
		{"no range", `{"page_size":10}`, "10020051"},
		{"no page size", "{" + week("create_time_range", 60) + "}", "10020051"},
		{"page size 101", "{" + week("create_time_range", 60) + `,"page_size":101}`, "10020051"},
		{"foreign key", "{" + week("create_time_range", 60) + `,"page_size":10,"next_key":"eA"}`, "10020051"},
	}
	g := newRig(t)
	for _, tt := range tests {
		if got := g.shop("order/list/get", tt.body); got.code() != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, got, tt.want)
		}
	}
	if err := g.SetSwitches(func(sw *wechatsim.Switches) { sw.OrderListNeedsBothRanges = true }); err != nil {
		t.Fatal(err)
	}
	g.wantCode(g.shop("order/list/get", tests[0].body), "10020051")
	g.wantCode(g.shop("order/list/get", "{"+week("create_time_range", 60)+","+week("update_time_range", 60)+`,"page_size":1}`), "0")
}

// orders returns ids of the last week.
func (g *rig) orders(extra string) []string {
	g.t.Helper()
	return g.walk("order/list/get", "order_id_list", fmt.Sprintf(`{"create_time_range":{"start_time":%d,"end_time":%d},"page_size":100%s,"next_key":%%q}`,
		start.Unix()-7*86400, start.Unix(), extra))
}

func TestOrderGet(t *testing.T) {
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		g := newRig(t, with(sw))
		ids := g.orders(`,"status":30`)
		if len(ids) == 0 {
			t.Fatal("no order is on its way")
		}
		o := g.shop("order/get", fmt.Sprintf(`{"order_id":%q,"encode_sensitive_info":true}`, ids[0])).obj("order")
		if _, number := o["order_id"].(json.Number); number != sw.OrderIDAsNumber || o.str("order_id") != ids[0] {
			t.Errorf("order_id %v, number=%t, switch %t", o["order_id"], number, sw.OrderIDAsNumber)
		}
		address := o.obj("order_detail").obj("delivery_info").obj("address_info")
		if !strings.HasSuffix(address.str("user_name"), "**") || !strings.Contains(address.str("tel_number"), "****") || address.str("detail_info") != "****" {
			t.Errorf("the receiver is not masked: %v", address)
		}
		if o.str("openid") == "" || o.str("unionid") == "" {
			t.Errorf("ids of the buyer: %v", o)
		}
		if len(o.obj("order_detail").obj("delivery_info").list("delivery_product_info")) != 1 {
			t.Error("an order on its way has no parcel")
		}
	})
}

func TestOrderGetUnboundShopHasNoUnionID(t *testing.T) {
	g := newRig(t, world(func(w *wechatsim.World) { w.Apps[2].OpenPlatform = "" }))
	o := g.shop("order/get", fmt.Sprintf(`{"order_id":%q}`, g.orders("")[0])).obj("order")
	if _, has := o["unionid"]; has {
		t.Errorf("unionid %v", o["unionid"])
	}
	g.wantCode(g.shop("order/get", `{}`), "10020051")
	g.wantCode(g.shop("order/get", `{"order_id":"1"}`), "10020052")
}

func TestOrderSearch(t *testing.T) {
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		g := newRig(t, with(sw))
		id := g.orders("")[0]
		tests := []struct {
			name, body string
			want       int // -1: at least one
		}{
			{"by id", fmt.Sprintf(`{"search_condition":{"order_id":%q},"page_size":10}`, id), 1},
			{"by number", fmt.Sprintf(`{"search_condition":{"order_id":%s},"page_size":10}`, id), 1},
			{"by title", `{"search_condition":{"title":"学生办公文具"},"page_size":10}`, 10},
			{"by notes", `{"search_condition":{"customer_notes":"发票"},"page_size":100}`, -1},
			{"by status too", `{"search_condition":{"title":"文具"},"status":10,"page_size":100}`, -1},
			{"no such phone", `{"search_condition":{"tel_number_last4":"xxxx"},"page_size":10}`, 0},
			{"no such sku", `{"search_condition":{"sku_code":"none"},"page_size":10}`, 0},
			{"no such receiver", `{"search_condition":{"user_name":"无"},"page_size":10}`, 0},
			{"no such retired phone", `{"search_condition":{"tel_number":"13800000xxxx"},"page_size":10}`, 0},
			{"in after-sale", `{"search_condition":{"title":"文具"},"on_aftersale_order_exist":1,"page_size":100}`, -1},
		}
		for _, tt := range tests {
			got := g.shop("order/search", tt.body)
			ids, has := got[sw.OrderSearchField].([]any)
			if got.code() != "0" || !has || tt.want >= 0 && len(ids) != tt.want || tt.want < 0 && len(ids) == 0 {
				t.Errorf("%s: %v, want %d", tt.name, got, tt.want)
			}
		}
		g.wantCode(g.shop("order/search", `{"search_condition":{},"page_size":10}`), "10020051")
		g.wantCode(g.shop("order/search", `{"search_condition":{"title":"x"}}`), "10020051")
	})
}
