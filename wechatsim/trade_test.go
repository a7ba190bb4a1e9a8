package wechatsim_test

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechatsim"
)

func (g *rig) order(id string) reply {
	g.t.Helper()
	return g.shop("order/get", `{"order_id":"`+id+`"}`).obj("order")
}

func (g *rig) act(id, act string) {
	g.t.Helper()
	g.must(g.BuyerActs(shopID, id, act))
}

// lines are the goods of an order as delivery_list wants them.
func lines(o reply) (list []string, count int) {
	for _, v := range o.obj("order_detail").list("product_infos") {
		l := reply(v.(map[string]any))
		list = append(list, fmt.Sprintf(`{"product_id":%q,"sku_id":%q,"product_cnt":%s}`, l.str("product_id"), l.str("sku_id"), l.str("sku_cnt")))
	}
	return list, len(list)
}

func send(id string, goods ...string) string {
	return fmt.Sprintf(`{"order_id":%q,"delivery_list":[{"delivery_id":"SF","waybill_id":"SF123","deliver_type":1,"product_infos":[%s]}]}`, id, strings.Join(goods, ","))
}

func TestDeliveryMovesTheOrder(t *testing.T) {
	g := newRig(t)
	g.Advance(time.Hour)
	id := ""
	var goods []string
	for _, candidate := range g.orders(`,"status":20`) {
		if list, n := lines(g.order(candidate)); n > 1 {
			id, goods = candidate, list
		}
	}
	if id == "" {
		t.Fatal("no order of several goods")
	}
	g.story(step{"order/delivery/send", send(id, goods[0]), "0"})
	if o := g.order(id); o.str("status") != "21" || o.str("update_time") != fmt.Sprint(start.Unix()+3600) {
		t.Errorf("after the first parcel: %v", o)
	}
	g.story(
		step{"order/delivery/send", send(id, goods[0]), "10020051"}, // already sent
		step{"order/delivery/send", send(id, goods[1:]...), "0"},
		step{"order/delivery/send", send(id, goods[1]), "10020008"},
	)
	o := g.order(id)
	delivery := o.obj("order_detail").obj("delivery_info")
	if o.str("status") != "30" || len(delivery.list("delivery_product_info")) != 2 || delivery.str("ship_done_time") == "" {
		t.Errorf("all is sent: %v", o)
	}
	g.story(
		step{"order/deliveryinfo/update", strings.Replace(send(id, goods...), "SF123", "SF456", 1), "0"},
		step{"order/deliveryinfo/update", send(id, goods[0]), "10020051"},
	)
	g.act(id, wechatsim.BuyerConfirms)
	if got := g.order(id); got.str("status") != "100" || !strings.Contains(fmt.Sprint(got), "SF456") {
		t.Errorf("confirmed: %v", got)
	}
}

func TestDeliveryRefusals(t *testing.T) {
	g := newRig(t)
	id := g.firstOrder(20)
	goods, _ := lines(g.order(id))
	whole := send(id, goods...)
	for name, tt := range map[string]struct{ body, want string }{
		"no product":     {strings.Replace(whole, `"product_id"`, `"x"`, 1), "40097"},
		"no goods":       {send(id), "40097"},
		"unknown sku":    {send(id, `{"product_id":"1","sku_id":"2","product_cnt":1}`), "10020051"},
		"too many":       {strings.Replace(whole, `"product_cnt":`, `"product_cnt":9`, 1), "10020051"},
		"none":           {strings.Replace(whole, `"product_cnt":`, `"product_cnt":0.0,"x":`, 1), "47001"},
		"no waybill":     {strings.Replace(whole, "SF123", "", 1), "40097"},
		"unknown bearer": {strings.Replace(whole, `"delivery_id":"SF"`, `"delivery_id":"HORSE"`, 1), "40097"},
		"unknown way":    {strings.Replace(whole, `"deliver_type":1`, `"deliver_type":2`, 1), "40097"},
		"no list":        {`{"order_id":"` + id + `"}`, "40097"},
		"no order":       {send("1", goods...), "10020052"},
		"no id":          {`{}`, "10020051"},
		"unpaid":         {send(g.firstOrder(10), goods...), "10020008"},
	} {
		if got := g.shop("order/delivery/send", tt.body); got.code() != tt.want {
			t.Errorf("%s: %v, want %s", name, got, tt.want)
		}
	}
	text := g.shop("order/delivery/send", strings.Replace(whole, `"product_id"`, `"x"`, 1)).str("errmsg")
	if !strings.HasPrefix(text, "invalid args, product_id: expecting delivery_list[0].product_infos[0].product_id > 0, actually 0") {
		t.Errorf("text %q", text)
	}
	if o := g.order(id); o.str("status") != "20" {
		t.Errorf("a refused delivery moved the order: %v", o)
	}
	g.story(step{"order/delivery/send", strings.NewReplacer(`"deliver_type":1`, `"deliver_type":3`, "SF123", "", `"SF"`, `""`).Replace(whole), "0"})
}

func TestCourierLists(t *testing.T) {
	g := newRig(t)
	for _, path := range []string{"order/deliverycompanylist/get", "order/deliverycompanylist/new/get"} {
		list := g.shop(path, `{"ewaybill_only":false}`).list("company_list")
		if len(list) < 5 || reply(list[0].(map[string]any)).str("delivery_id") != "SF" {
			t.Errorf("%s: %v", path, list)
		}
	}
}

func TestOrderPrice(t *testing.T) {
	g := newRig(t)
	id := g.firstOrder(10)
	o := g.order(id)
	l := reply(o.obj("order_detail").list("product_infos")[0].(map[string]any))
	change := func(price, express string) string {
		return fmt.Sprintf(`{"order_id":%q,"change_express":true,"express_fee":%s,"change_order_infos":[{"product_id":%q,"sku_id":%q,"change_price":%s}]}`,
			id, express, l.str("product_id"), l.str("sku_id"), price)
	}
	g.story(
		step{"order/price/update", change("99999999", "0"), "10020051"},
		step{"order/price/update", change("0", "0"), "10020051"},
		step{"order/price/update", change("1", "501"), "10020051"},
		step{"order/price/update", strings.Replace(change("1", "0"), l.str("sku_id"), "1", 1), "10020052"},
		step{"order/price/update", change("1", "0"), "0"},
	)
	price := g.order(id).obj("order_detail").obj("price_info")
	number := func(field string) int { n, _ := strconv.Atoi(price.str(field)); return n }
	if price.str("freight") != "0" || number("change_down_price") == 0 || number("order_price")+number("change_down_price") != number("product_price") {
		t.Errorf("price: %v", price)
	}
	g.act(id, wechatsim.BuyerPays)
	g.story(step{"order/price/update", change("1", "0"), "10020008"})
	if o := g.order(id); o.str("status") != "20" || o.obj("order_detail").obj("pay_info").str("pay_time") != fmt.Sprint(start.Unix()) {
		t.Errorf("paid: %v", o)
	}
}

func TestOrderNotesAndAddress(t *testing.T) {
	g := newRig(t)
	id := g.firstOrder(20)
	with := func(more string) string { return `{"order_id":"` + id + `"` + more + `}` }
	address := `,"user_address":{"user_name":"赵六","province_name":"广东省","city_name":"深圳市","county_name":"南山区","detail_info":"示例街1号","tel_number":"13900001234"}`
	g.story(
		step{"order/merchantnotes/update", with(`,"merchant_notes":"加急"`), "0"},
		step{"order/address/update", with(address), "0"},
		step{"order/address/update", with(""), "10020051"},
		step{"order/addressmodify/accept", with(""), "10020008"},
		step{"order/addressmodify/reject", with(""), "10020008"},
	)
	if got := g.shop("order/search", `{"search_condition":{"merchant_notes":"加急"},"page_size":10}`).list("orders"); len(got) != 1 {
		t.Errorf("found by the notes: %v", got)
	}
	shown := g.order(id).obj("order_detail").obj("delivery_info").obj("address_info")
	plain := g.shop("order/sensitiveinfo/decode", with("")).obj("address_info")
	if shown.str("user_name") != "赵**" || shown.str("tel_number") != "139****1234" || plain.str("user_name") != "赵六" || plain.str("tel_number") != "13900001234" {
		t.Errorf("shown %v, plain %v", shown, plain)
	}
	g.act(id, wechatsim.BuyerMoves)
	g.story(step{"order/addressmodify/accept", with(""), "0"})
	if got := g.shop("order/sensitiveinfo/decode", with("")).obj("address_info"); got.str("county_name") != "白云区" {
		t.Errorf("moved to %v", got)
	}
	g.act(id, wechatsim.BuyerMoves)
	g.story(step{"order/addressmodify/reject", with(""), "0"})
	id = g.firstOrder(30)
	g.story(step{"order/address/update", with(address), "10020008"})
}

// aftersales lists the after-sales of this day.
func (g *rig) aftersales(extra string) []any {
	g.t.Helper()
	now := g.Now().Unix()
	got := g.shop("aftersale/getaftersalelist", fmt.Sprintf(`{"begin_update_time":%d,"end_update_time":%d%s}`, now-86400, now, extra))
	g.wantCode(got, "0")
	return got.list("after_sale_order_id_list")
}

func TestRefund(t *testing.T) {
	g := newRig(t)
	id := g.firstOrder(20)
	g.act(id, wechatsim.BuyerWantsRefund)
	list := g.aftersales("")
	if len(list) != 1 {
		t.Fatalf("after-sales: %v", list)
	}
	with := func(more string) string { return fmt.Sprintf(`{"after_sale_order_id":%q%s}`, list[0], more) }
	a := g.shop("aftersale/getaftersaleorder", with("")).obj("after_sale_order")
	if a.str("status") != "MERCHANT_PROCESSING" || a.str("order_id") != id || a.str("type") != "REFUND" || a.obj("refund_info").str("amount") == "0" || a.str("openid") == "" {
		t.Errorf("after-sale: %v", a)
	}
	g.story(
		step{"aftersale/rejectapply", with(""), "10020051"},
		step{"aftersale/rejectapply", with(`,"reject_reason":"已发货"`), "0"},
		step{"aftersale/acceptapply", with(""), "10020001"},
	)
	if a := g.shop("aftersale/getaftersaleorder", with("")).obj("after_sale_order"); a.str("status") != "MERCHANT_REJECT_REFUND" || a.obj("merchant_upload_info").str("reject_reason") != "已发货" {
		t.Errorf("refused: %v", a)
	}
	g.act(id, wechatsim.BuyerWantsRefund)
	g.story(step{"aftersale/acceptapply", with(""), "0"})
	if got := g.order(id).obj("aftersale_detail").list("aftersale_order_list"); reply(got[0].(map[string]any)).str("status") != "13" {
		t.Errorf("the order shows %v", got)
	}
}

func TestReturn(t *testing.T) {
	g := newRig(t)
	id := g.firstOrder(30)
	g.act(id, wechatsim.BuyerWantsReturn)
	with := func(more string) string {
		return fmt.Sprintf(`{"after_sale_order_id":%q%s}`, g.aftersales("")[0], more)
	}
	status := func() string {
		return g.shop("aftersale/getaftersaleorder", with("")).obj("after_sale_order").str("status")
	}
	g.story(
		step{"aftersale/acceptapply", with(""), "10020051"},
		step{"aftersale/acceptapply", with(`,"address_id":"5"`), "10020051"},
		step{"aftersale/acceptapply", with(`,"address_id":123345`), "0"},
		step{"aftersale/acceptapply", with(""), "10020001"},
		step{"aftersale/rejectapply", with(`,"reject_reason":"x"`), "10020001"},
	)
	if status() != "USER_WAIT_RETURN" {
		t.Errorf("status %s", status())
	}
	g.act(id, wechatsim.BuyerSendsBack)
	g.story(step{"aftersale/acceptapply", with(""), "0"})
	if status() != "MERCHANT_RETURN_SUCCESS" {
		t.Errorf("status %s", status())
	}
}

func TestRefundCertificate(t *testing.T) {
	g := newRig(t)
	id := g.firstOrder(20)
	g.act(id, wechatsim.BuyerWantsRefund)
	with := func(more string) string {
		return fmt.Sprintf(`{"after_sale_order_id":%q%s}`, g.aftersales("")[0], more)
	}
	media := g.sendFile("/shop/ec/basics/img/upload", "&height=1&width=1", "media", png).obj("pic_file").str("media_id")
	proof := fmt.Sprintf(`,"refund_certificates":[%q],"desc":"银行转账"`, media)
	g.story(
		step{"aftersale/uploadrefundcertificate", with(""), "10020051"},
		step{"aftersale/uploadrefundcertificate", with(strings.Replace(proof, media, "none", 1)), "40007"},
		step{"aftersale/uploadrefundcertificate", with(proof), "0"},
	)
	if a := g.shop("aftersale/getaftersaleorder", with("")).obj("after_sale_order"); len(a.obj("merchant_upload_info").list("refund_certificates")) != 1 {
		t.Errorf("after-sale: %v", a)
	}
	g.story(
		step{"aftersale/acceptapply", with(""), "0"},
		step{"aftersale/uploadrefundcertificate", with(proof), "10020001"},
	)
}

func TestAftersaleListRefusals(t *testing.T) {
	g := newRig(t)
	for body, want := range map[string]string{
		`{}`: "10020004",
		`{"begin_create_time":1700000000,"end_create_time":1700086401}`:                  "10020004",
		`{"begin_create_time":1700000000,"end_create_time":1600000000}`:                  "10020004",
		`{"begin_create_time":1700000000}`:                                               "10020004",
		`{"begin_create_time":1700000000,"end_create_time":1700086400}`:                  "0",
		`{"begin_create_time":1700000000,"end_create_time":1700086400,"next_key":"eHh"}`: "10020051",
	} {
		if got := g.shop("aftersale/getaftersalelist", body); got.code() != want {
			t.Errorf("%s: %v, want %s", body, got, want)
		}
	}
	g.story(
		step{"aftersale/getaftersaleorder", "{}", "10020051"},
		step{"aftersale/getaftersaleorder", `{"after_sale_order_id":"1"}`, "10020000"},
	)
	if reasons := g.shop("aftersale/reason/get", "{}").list("reason_list"); len(reasons) != 3 {
		t.Errorf("reasons: %v", reasons)
	}
	if reasons := g.shop("aftersale/rejectreason/get", "{}").list("reason_list"); len(reasons) == 0 {
		t.Error("no reasons to refuse")
	}
}

func TestBuyerActsAtTheWrongMoment(t *testing.T) {
	g := newRig(t)
	for act, status := range map[string]int{
		wechatsim.BuyerPays: 20, wechatsim.BuyerCancels: 30, wechatsim.BuyerConfirms: 20, wechatsim.BuyerWantsRefund: 10,
		wechatsim.BuyerWantsReturn: 250, wechatsim.BuyerSendsBack: 30, wechatsim.BuyerMoves: 100,
	} {
		if err := g.BuyerActs(shopID, g.firstOrder(status), act); !errors.Is(err, wechatsim.ErrWrongMoment) {
			t.Errorf("%s at %d: %v", act, status, err)
		}
	}
	for _, path := range []string{"/sim/shops/wx00000000000000ff/orders/1/pay", "/sim/shops/" + shopID + "/orders/1/pay", "/sim/shops/" + shopID + "/orders/" + g.firstOrder(10) + "/dance"} {
		if w := g.request(http.MethodPost, path, ""); w.Code == http.StatusOK {
			t.Errorf("%s: HTTP %d", path, w.Code)
		}
	}
	id := g.firstOrder(10)
	if w := g.request(http.MethodPost, "/sim/shops/"+shopID+"/orders/"+id+"/cancel", ""); w.Code != http.StatusOK || g.order(id).str("status") != "250" {
		t.Errorf("cancel: HTTP %d %s", w.Code, w.Body)
	}
}
