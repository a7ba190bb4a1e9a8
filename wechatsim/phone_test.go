package wechatsim_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechatsim"
)

const (
	delayNumber = "order/virtualnumber/delay"
	againNumber = "order/virtualnumber/applyagain"
	saleNumber  = "aftersale/applyvirtualtelnum"
	sendAgain   = "order/delivery/compensation"
	schemeOf    = "product/scheme/get"
)

// phone is the virtual number that an order shows.
func (g *rig) phone(order string) (ext reply, ends time.Time) {
	g.t.Helper()
	to := g.order(order).obj("order_detail").obj("delivery_info").obj("address_info")
	ext = to.obj("tel_number_ext_info")
	unix, _ := strconv.ParseInt(ext.str("virtual_tel_expire_time"), 10, 64)
	if to.str("use_tel_number") != "1" || ext.str("virtual_tel_number") == "" || unix == 0 {
		g.t.Fatalf("no virtual number: %v", to)
	}
	return ext, time.Unix(unix, 0)
}

func TestVirtualNumberLives(t *testing.T) {
	g := newRig(t)
	id := g.firstOrder(20)
	with := func(more string) string { return fmt.Sprintf(`{"order_id":%q%s}`, id, more) }
	before, ends := g.phone(id)
	g.story(
		step{delayNumber, with(""), "10020008"}, // more than seven days before the end
		step{againNumber, with(""), "10020008"},
		step{delayNumber, "{}", "10020051"},
		step{againNumber, `{"order_id":"1"}`, "10020052"},
		step{delayNumber, with(`,"has_delay_times":"0"`), "47001"},
	)
	for i := range 3 {
		g.Advance(ends.Sub(g.Now()) - 7*24*time.Hour)
		g.story(step{delayNumber, with(fmt.Sprintf(`,"has_delay_times":%d`, i+1)), "10020051"})
		got := g.shop(delayNumber, with(fmt.Sprintf(`,"has_delay_times":%d`, i)))
		ext, later := g.phone(id)
		if !later.After(ends) || got.str("expiration") != ext.str("virtual_tel_expire_time") || got.str("available_extend_num") != strconv.Itoa(2-i) || ext.str("has_delay_times") != strconv.Itoa(i+1) {
			t.Errorf("delay %d: %v, then %v", i+1, got, ext)
		}
		g.story(step{delayNumber, with(fmt.Sprintf(`,"has_delay_times":%d`, i)), "10020008"})
		ends = later
	}
	g.Advance(ends.Sub(g.Now()))
	g.story(step{delayNumber, with(`,"has_delay_times":3`), "10020008"})
	got := g.shop(againNumber, with(""))
	if got.str("virtual_number") == before.str("virtual_tel_number") || len(got.str("extension")) != 4 || got.str("apply_quota") != "0" {
		t.Errorf("again: %v", got)
	}
	_, ends = g.phone(id)
	g.Advance(ends.Sub(g.Now()))
	g.story(step{againNumber, with(""), "10020008"})
	g.story(step{delayNumber, `{"order_id":"` + g.unpaid() + `"}`, "10020008"}, step{againNumber, `{"order_id":"` + g.unpaid() + `"}`, "10020008"})
}

// unpaid is an order that was never paid.
func (g *rig) unpaid() string { return g.firstOrder(10) }

func TestVirtualNumberOfAnAftersale(t *testing.T) {
	a := newRig(t).sale(20, wechatsim.BuyerWantsRefund)
	first := a.shop(saleNumber, a.with(""))
	if again := a.shop(saleNumber, a.with("")); first.str("virtual_tel_number") == "" || again.str("virtual_tel_number") != first.str("virtual_tel_number") ||
		again.str("virtual_tel_expire_time") != fmt.Sprint(start.AddDate(0, 0, 30).Unix()) {
		t.Errorf("numbers %v and %v", first, again)
	}
	if got := a.show().obj("virtual_tel_num_info"); got.str("virtual_tel_number") != first.str("virtual_tel_number") {
		t.Errorf("shown: %v", got)
	}
	a.story(
		step{saleNumber, "{}", "40097"},
		step{saleNumber, `{"after_sale_order_id":"1"}`, "10020000"},
	)
	a.Advance(30*24*time.Hour + time.Second)
	a.story(
		step{saleNumber, a.with(""), "10020264"},
		step{"aftersale/acceptapply", a.with(""), "0"},
		step{saleNumber, a.with(""), "10020265"},
	)
}

func TestGoodsAreSentAgain(t *testing.T) {
	g := newRig(t)
	id := g.firstOrder(30)
	before := g.order(id).obj("order_detail").obj("delivery_info")
	goods, _ := lines(g.order(id))
	again := strings.Replace(send(id, goods[0]), "{", `{"reason":1,`, 1)
	for name, tt := range map[string]struct{ body, want string }{
		"no reason":      {send(id, goods[0]), "40097"},
		"fifth reason":   {strings.Replace(again, `"reason":1`, `"reason":5`, 1), "40097"},
		"no goods":       {strings.Replace(send(id), "{", `{"reason":1,`, 1), "40097"},
		"no list":        {fmt.Sprintf(`{"order_id":%q,"reason":1}`, id), "40097"},
		"no waybill":     {strings.Replace(again, "SF123", "", 1), "40097"},
		"without bearer": {strings.Replace(again, `"deliver_type":1`, `"deliver_type":3`, 1), "40097"},
		"too many":       {strings.Replace(again, `"product_cnt":`, `"product_cnt":9`, 1), "10020051"},
		"other goods":    {strings.Replace(again, goods[0], `{"product_id":"1","sku_id":"2","product_cnt":1}`, 1), "10020051"},
		"unknown order":  {strings.Replace(again, id, "1", 1), "10020052"},
		"not sent yet":   {strings.Replace(again, id, g.firstOrder(20), 1), "10020008"},
	} {
		if got := g.shop(sendAgain, tt.body); got.code() != tt.want {
			t.Errorf("%s: %v, want %s", name, got, tt.want)
		}
	}
	own := strings.NewReplacer(`"deliver_type":1`, `"deliver_type":6`, `"SF"`, `"van"`).Replace(again)
	g.story(step{sendAgain, own, "0"}, step{sendAgain, strings.Replace(again, `"SF"`, `"OTHER"`, 1), "0"})
	product, sku, _ := g.dear()
	gift := strings.NewReplacer(`"reason":1`, `"reason":4`, goods[0], fmt.Sprintf(`{"product_id":%q,"sku_id":%q,"product_cnt":1}`, product, sku)).Replace(again)
	for range 8 {
		g.story(step{sendAgain, gift, "0"})
	}
	g.story(step{sendAgain, gift, "10020008"})
	after := g.order(id).obj("order_detail").obj("delivery_info")
	if len(after.list("delivery_product_info")) != len(before.list("delivery_product_info"))+10 || after.str("ship_done_time") != before.str("ship_done_time") {
		t.Errorf("delivery %v, before %v", after, before)
	}
}

func TestProductScheme(t *testing.T) {
	const mobile, loose = "wx00000000000000f1", "wx00000000000000f2"
	g := newRig(t, world(func(w *wechatsim.World) {
		w.Apps = append(w.Apps, wechatsim.App{AppID: mobile, Secret: "s", Kind: wechatsim.MobileApp, Name: "手机应用", OpenPlatform: "op1"},
			wechatsim.App{AppID: loose, Secret: "s", Kind: wechatsim.MobileApp, Name: "未绑定"})
	}))
	product, _, _ := g.dear()
	with := func(from string, expire int) string {
		return fmt.Sprintf(`{"product_id":%q,"from_appid":%q,"expire":%d}`, product, from, expire)
	}
	got := g.shop(schemeOf, with(mobile, 100))
	if !strings.HasPrefix(got.str("openlink"), "weixin://dl/business/?st=") {
		t.Errorf("scheme: %v", got)
	}
	g.story(
		step{schemeOf, with("", 100), "10020051"},
		step{schemeOf, with(mobile, 0), "10020051"},
		step{schemeOf, with(loose, 100), "10020256"},
		step{schemeOf, with(service, 100), "10020256"},
		step{schemeOf, with("wx00000000000000f9", 100), "10020256"},
		step{schemeOf, strings.Replace(with(mobile, 100), product, "1", 1), "10020052"},
		step{schemeOf, strings.Replace(with(mobile, 100), "100}", `"100"}`, 1), "47001"},
		step{"product/delisting", `{"product_id":"` + product + `"}`, "0"},
		step{schemeOf, with(mobile, 100), "10020065"},
	)
}

func TestBrandsAppliedFor(t *testing.T) {
	g := newRig(t)
	states := map[string]string{"0": "3", "1": "1", "2": "1", "3": "1", "6": "0"}
	for status, want := range states {
		if got := g.shop("brand/list/get", `{"page_size":10,"status":`+status+`}`); got.str("total_num") != want || strconv.Itoa(len(got.list("brands"))) != want {
			t.Errorf("status %s: %v, want %s", status, got, want)
		}
	}
	first := g.shop("brand/list/get", `{"page_size":2}`)
	rest := g.shop("brand/list/get", fmt.Sprintf(`{"page_size":2,"next_key":%q}`, first.str("next_key")))
	if len(first.list("brands")) != 2 || len(rest.list("brands")) != 1 {
		t.Errorf("pages: %v and %v", first, rest)
	}
	refused := g.shop("brand/get", `{"brand_id":"2100000002"}`).obj("brand")
	if refused.str("status") != "2" || refused.obj("audit_result").str("reject_reason") == "" {
		t.Errorf("refused: %v", refused)
	}
	g.story(
		step{"brand/get", "{}", "10020055"},
		step{"brand/get", `{"brand_id":"2100000009"}`, "10020052"},
		step{"brand/list/get", `{"page_size":51}`, "10020055"},
		step{"brand/list/get", `{"status":7}`, "10020055"},
		step{"brand/list/get", `{"status":"3"}`, "47001"},
	)
	granted := g.shop("category/list/get", "").list("list")
	if len(granted) != 1 || reply(granted[0].(map[string]any)).str("cat_id") != "6091" {
		t.Errorf("granted categories: %v", granted)
	}
}
