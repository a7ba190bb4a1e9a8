package wechatsim_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechatsim"
)

const (
	oneProduct = "10000000000000003"
	oneSku     = "20000000000000003"
	only       = `{"product_id":"` + oneProduct + `"}`
	skuIDs     = `"product_id":"` + oneProduct + `","sku_id":"` + oneSku + `"`
)

func (g *rig) live(id string) reply {
	g.t.Helper()
	return g.shop("product/get", `{"product_id":"`+id+`"}`).obj("product")
}

func TestAuditFreeChangesTheLiveVersion(t *testing.T) {
	g := newRig(t)
	free := func(body string) string { return `{"product_id":"` + oneProduct + `",` + body + `}` }
	g.story(
		step{"product/auditfree", free(`"skus":[{"sku_id":"` + oneSku + `","sale_price":1}]`), "0"},
		step{"product/auditfree", free(`"skus":[{"sku_id":"` + oneSku + `","sale_price":0}]`), "10020039"},
		step{"product/auditfree", free(`"skus":[{"sku_id":"7","sale_price":5}]`), "10020052"},
		step{"product/auditfree", free(`"express_info":{"template_id":"9","weight":5}`), "0"},
		step{"product/auditfree", `{"product_id":"1"}`, "10020052"},
		step{"product/auditfree", `{}`, "10020051"},
	)
	p := g.live(oneProduct)
	sku, _ := p.list("skus")[0].(map[string]any)
	if p.str("edit_status") != "4" || reply(sku).str("sale_price") != "1" || p.obj("express_info").str("template_id") != "9" {
		t.Errorf("after auditfree: %v", p)
	}
	draft := g.shop("product/add", product("")).obj("data").str("product_id")
	g.wantCode(g.shop("product/auditfree", `{"product_id":"`+draft+`"}`), "10020065")
}

func TestAuditCancel(t *testing.T) {
	g := newRig(t)
	id := g.shop("product/add", product(`,"listing":1`)).obj("data").str("product_id")
	body := `{"product_id":"` + id + `"}`
	g.story(
		step{"product/delete", body, "10020047"},
		step{"product/auditfree", body, "10020065"},
		step{"product/audit/cancel", body, "0"},
		step{"product/audit/cancel", body, "10020051"},
		step{"product/update", product(`,"product_id":"` + id + `"`), "0"},
	)
	g.Advance(time.Hour)
	if draft := g.shop("product/get", `{"product_id":"`+id+`","data_type":2}`).obj("edit_product"); draft.str("edit_status") != "1" {
		t.Errorf("the cancelled review went on: %v", draft)
	}
}

func TestProductDelete(t *testing.T) {
	g := newRig(t)
	g.story(step{"product/delete", only, "0"})
	if p := g.live(oneProduct); p.str("status") != "6" {
		t.Errorf("not in the recycle bin: %v", p)
	}
	g.story(
		step{"product/listing", only, "10020052"},
		step{"product/delisting", only, "10020065"},
		step{"product/delete", only, "0"},
		step{"product/get", only, "10020052"},
		step{"product/delete", only, "10020052"},
	)
	if left := g.walk("product/list/get", "product_ids", `{"page_size":30,"next_key":%q}`); len(left) != 47 {
		t.Errorf("%d goods are listed, want 47", len(left))
	}
	if gone := g.walk("product/list/get", "product_ids", `{"status":9,"page_size":30,"next_key":%q}`); len(gone) != 1 {
		t.Errorf("%d goods were deleted for good", len(gone))
	}
}

func TestReviewsRunOut(t *testing.T) {
	g := newRig(t, world(func(w *wechatsim.World) { w.Shops[0].Reviews = 1 }))
	quota := func() string { return g.shop("product/getauditquota", "{}").obj("audit_quota").str("avail_quota") }
	if quota() != "1" {
		t.Errorf("quota %s at first", quota())
	}
	g.shop("product/add", product(`,"listing":1`))
	id := g.shop("product/add", strings.Replace(product(`,"listing":1`), "mine-1", "mine-2", 1)).obj("data").str("product_id")
	g.Advance(time.Hour)
	edit := func() string {
		return g.shop("product/get", `{"product_id":"`+id+`","data_type":2}`).obj("edit_product").str("edit_status")
	}
	if quota() != "0" || edit() != "72" {
		t.Errorf("quota %s, edit_status %s; want 0 and 72", quota(), edit())
	}
	g.Advance(24 * time.Hour)
	g.story(step{"product/listing", `{"product_id":"` + id + `"}`, "0"})
	if edit() != "2" {
		t.Errorf("the next day: edit_status %s", edit())
	}
}

func TestReviewsPerHour(t *testing.T) {
	g := newRig(t, world(func(w *wechatsim.World) { w.Shops[0].ReviewsPerHour = 1 }))
	g.story(
		step{"product/add", product(`,"listing":1`), "0"},
		step{"product/add", strings.Replace(product(`,"listing":1`), "mine-1", "mine-2", 1), "1002001"},
	)
	g.Advance(time.Hour)
	g.story(step{"product/add", strings.Replace(product(`,"listing":1`), "mine-1", "mine-3", 1), "0"})
}

func TestNoNewGoodsWhileTheShopCloses(t *testing.T) {
	g := newRig(t)
	g.must(g.SetShopStatus(shopID, "closing"))
	g.story(
		step{"product/add", product(""), "10020041"},
		step{"product/listing", only, "10020041"},
		step{"product/update", strings.Replace(product(`,"product_id":"`+oneProduct+`"`), `"out_product_id":"mine-1",`, "", 1), "10020041"},
	)
}

func TestContradictoryShapesOfGoods(t *testing.T) {
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		g := newRig(t, with(sw))
		_, number := g.shop("product/add", product("")).obj("data")["product_id"].(json.Number)
		_, numberInGet := g.live(oneProduct)["product_id"].(json.Number)
		if number == sw.ProductIDsSwapped || numberInGet != sw.ProductIDsSwapped {
			t.Errorf("add number=%t, get number=%t, switch %t", number, numberInGet, sw.ProductIDsSwapped)
		}
		id := g.shop("product/add", product(`,"product_qua_infos":[{"qua_id":1111488,"qua_url":["u"]}]`)).obj("data").str("product_id")
		proofs := g.shop("product/get", `{"product_id":"`+id+`","data_type":2}`).obj("edit_product").list("product_qua_infos")
		_, quaNumber := proofs[0].(map[string]any)["qua_id"].(json.Number)
		if quaNumber != sw.ProductIDsSwapped {
			t.Errorf("qua_id number=%t, switch %t", quaNumber, sw.ProductIDsSwapped)
		}
		_, truth := g.shop("product/getauditquota", "{}").obj("audit_quota")["block_status"].(bool)
		if truth != sw.BlockStatusAsBool {
			t.Errorf("block_status bool=%t, switch %t", truth, sw.BlockStatusAsBool)
		}
	})
}

func TestStockFlowAndBatch(t *testing.T) {
	g := newRig(t)
	update := func(change string) step { return step{"product/stock/update", "{" + skuIDs + "," + change + "}", "0"} }
	g.story(update(`"diff_type":3,"num":10`), update(`"diff_type":1,"num":5`), update(`"diff_type":2,"num":7`))
	flow := func(size int, key string) reply {
		return g.shop("product/stock/getflow", fmt.Sprintf(`{%s,"stock_type":0,"begin_time":%d,"end_time":%d,"page_size":%d,"next_key":%q}`,
			skuIDs, start.Unix()-1, start.Unix()+1, size, key)).obj("data")
	}
	first := flow(2, "")
	second := flow(2, first.str("next_key"))
	line, _ := second.list("stock_flow_info_list")[0].(map[string]any)
	if len(first.list("stock_flow_info_list")) != 2 || reply(line).str("amount") != "7" || reply(line).str("beginning_amount") != "15" || reply(line).str("ending_amount") != "8" {
		t.Errorf("flow: %v, then %v", first, second)
	}
	batch := g.shop("product/stock/batchget", `{"product_id":["`+oneProduct+`"]}`).obj("data").list("spu_stock_list")
	one, _ := batch[0].(map[string]any)
	sku, _ := reply(one).list("sku_stock")[0].(map[string]any)
	if reply(one).str("product_id") != oneProduct || reply(sku).str("sku_id") != oneSku || reply(sku).str("total_stock_num") != "8" {
		t.Errorf("batch: %v", batch)
	}
	g.story(
		step{"product/stock/batchget", "{}", "10020051"},
		step{"product/stock/batchget", `{"product_id":["1"]}`, "10020052"},
		step{"product/stock/getflow", "{" + skuIDs + "}", "10020051"},
	)
}

func TestStockIsUpdatedTooOften(t *testing.T) {
	g := newRig(t)
	g.must(g.SetSwitches(func(sw *wechatsim.Switches) { sw.StockUpdatesPerSecond = 2 }))
	update := step{"product/stock/update", "{" + skuIDs + `,"diff_type":1,"num":1}`, "0"}
	refused := update
	refused.want = "10020112"
	g.story(update, update, refused)
	g.Advance(time.Second)
	g.story(update)
}

func TestWarehouses(t *testing.T) {
	g := newRig(t)
	const where = `{"address_id1":440000000,"address_id2":440100000,"address_id3":440111000,"address_id4":0}`
	g.story(
		step{"warehouse/create", `{"out_warehouse_id":"a","name":"东仓","intro":"x","cover_locations":[` + where + `]}`, "0"},
		step{"warehouse/create", `{"out_warehouse_id":"a","name":"again"}`, "10020206"},
		step{"warehouse/create", `{"out_warehouse_id":"b","name":"西仓"}`, "0"},
		step{"warehouse/create", `{"name":"no id"}`, "10020051"},
		step{"warehouse/create", `{"out_warehouse_id":"c","name":"x","cover_locations":[{"address_id1":7}]}`, "10020203"},
		step{"warehouse/coverlocations/add", `{"out_warehouse_id":"b","cover_locations":[` + where + `,` + where + `]}`, "0"},
		step{"warehouse/coverlocations/add", `{"out_warehouse_id":"none","cover_locations":[` + where + `]}`, "10020202"},
		step{"warehouse/detail/update", `{"out_warehouse_id":"b","name":"北仓"}`, "0"},
	)
	if w := g.shop("warehouse/get", `{"out_warehouse_id":"b"}`).obj("data"); w.str("name") != "北仓" || len(w.list("cover_locations")) != 1 {
		t.Errorf("warehouse b: %v", w)
	}
	sort := func() string {
		return fmt.Sprint(g.shop("warehouse/address/prioritysort/get", where).obj("data").list("priority_sort"))
	}
	if sort() != "[a b]" {
		t.Errorf("by age: %s", sort())
	}
	set := func(order string) string { return strings.TrimSuffix(where, "}") + `,"priority_sort":` + order + `}` }
	g.story(
		step{"warehouse/address/prioritysort/set", set(`["b","a"]`), "0"},
		step{"warehouse/address/prioritysort/set", set(`["b","b"]`), "10020206"},
		step{"warehouse/address/prioritysort/set", set(`["z"]`), "10020202"},
		step{"warehouse/address/prioritysort/set", `{"priority_sort":[]}`, "10020203"},
	)
	if sort() != "[b a]" {
		t.Errorf("as set: %s", sort())
	}
	g.story(step{"warehouse/coverlocations/del", `{"out_warehouse_id":"b","cover_locations":[` + where + `]}`, "0"})
	first := g.shop("warehouse/list/get", `{"page_size":1}`).obj("data")
	second := g.shop("warehouse/list/get", `{"page_size":1,"next_key":"`+first.str("next_key")+`"}`).obj("data")
	if fmt.Sprint(first.list("out_warehouse_ids"), second.list("out_warehouse_ids")) != "[a] [b]" {
		t.Errorf("pages: %v %v", first, second)
	}
	g.story(step{"warehouse/list/get", `{"page_size":11}`, "10020051"})
}

func TestWarehouseStock(t *testing.T) {
	g := newRig(t)
	in := func(more string) string { return `{"out_warehouse_id":"a",` + skuIDs + more + `}` }
	g.story(
		step{"warehouse/create", `{"out_warehouse_id":"a","name":"东仓"}`, "0"},
		step{"product/stock/update", "{" + skuIDs + `,"diff_type":3,"num":4}`, "0"},
		step{"warehouse/stock/update", in(`,"diff_type":1,"num":6`), "0"},
		step{"warehouse/stock/update", in(`,"diff_type":2,"num":7`), "10020219"},
		step{"warehouse/stock/update", strings.Replace(in(`,"diff_type":1,"num":6`), `"a"`, `"z"`, 1), "10020202"},
	)
	if n := g.shop("warehouse/stock/get", in("")).str("num"); n != "6" {
		t.Errorf("in the warehouse: %s", n)
	}
	data := g.shop("product/stock/get", "{"+skuIDs+"}").obj("data")
	if data.str("normal_stock_num") != "4" || data.str("total_stock_num") != "10" || len(data.list("warehouse_stocks")) != 1 {
		t.Errorf("stock: %v", data)
	}
}
