package wechatsim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechatsim"
)

const newAddress = `{"address_detail":{"name":"仓管","address_info":{"user_name":"仓管","province_name":"广东省","city_name":"广州市","county_name":"白云区","detail_info":"2号","tel_number":"13800000002"},"recv_addr":true%s}}`

func TestAddresses(t *testing.T) {
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		g := newRig(t, with(sw))
		id := g.shop("merchant/address/add", fmt.Sprintf(newAddress, "")).str("address_id")
		list := g.shop("merchant/address/list", `{"offset":0,"limit":10}`)
		if _, has := list["errcode"]; has == sw.OmitErrcodeOnSuccess || fmt.Sprint(list.list("address_id_list")) != "[123345 "+id+"]" {
			t.Errorf("list: %v", list)
		}
		g.story(
			step{"merchant/address/update", fmt.Sprintf(newAddress, `,"remark":"后门","address_id":`+id), "0"},
			step{"merchant/address/update", fmt.Sprintf(newAddress, `,"address_id":"5"`), "10020052"},
			step{"merchant/address/add", `{"address_detail":{"name":"x"}}`, "10020051"},
			step{"merchant/address/add", `{}`, "10020051"},
			step{"merchant/address/list", `{"offset":-1,"limit":1}`, "10020051"},
			step{"merchant/address/list", `{"offset":0}`, "10020051"},
			step{"merchant/address/list", `{"offset":99,"limit":1}`, "0"},
		)
		a := g.shop("merchant/address/get", `{"address_id":"`+id+`"}`).obj("address_detail")
		if a.str("remark") != "后门" || a.str("address_id") != id || a["recv_addr"] != true {
			t.Errorf("address: %v", a)
		}
		g.story(
			step{"merchant/address/delete", `{"address_id":"` + id + `"}`, "0"},
			step{"merchant/address/get", `{"address_id":"` + id + `"}`, "10020052"},
			step{"merchant/address/delete", `{}`, "10020051"},
		)
	})
}

func TestFreightTemplates(t *testing.T) {
	g := newRig(t)
	const body = `{"freight_template":{"name":"大件","valuation_type":"WEIGHT","delivery_type":"EXPRESS","shipping_method":"NO_FREE","mine":{"kept":[1]}%s}}`
	id := g.shop("merchant/addfreighttemplate", fmt.Sprintf(body, "")).str("template_id")
	list := fmt.Sprint(g.shop("merchant/getfreighttemplatelist", `{"offset":0,"limit":10}`).list("template_id_list"))
	if list != "[47428464001 "+id+"]" {
		t.Errorf("list: %s", list)
	}
	g.story(
		step{"merchant/updatefreighttemplate", fmt.Sprintf(body, `,"send_time":"x","template_id":"`+id+`"`), "0"},
		step{"merchant/updatefreighttemplate", fmt.Sprintf(body, ""), "10020005"},
		step{"merchant/getfreighttemplatedetail", `{"template_id":"1"}`, "10020005"},
		step{"merchant/addfreighttemplate", strings.Replace(fmt.Sprintf(body, ""), "WEIGHT", "MOOD", 1), "10020051"},
		step{"merchant/addfreighttemplate", strings.Replace(fmt.Sprintf(body, ""), "大件", "", 1), "10020051"},
		step{"merchant/addfreighttemplate", `{"freight_template":[]}`, "47001"},
	)
	f := g.shop("merchant/getfreighttemplatedetail", `{"template_id":"`+id+`"}`).obj("freight_template")
	if f.str("template_id") != id || f.str("send_time") != "x" || f.obj("mine") == nil || f.str("create_time") != fmt.Sprint(start.Unix()) {
		t.Errorf("template: %v", f)
	}
	g.wantCode(g.shop("merchant/getfreighttemplatedetail", `{"template_id":"47428464001"}`), "0")
}

const newCoupon = `{"type":102,"name":"满十减一","promote_info":{"promote_type":1},"discount_info":{"discount_condition":{"product_price":1000},"discount_fee":100},
"receive_info":{"start_time":1772400000,"end_time":1772500000,"limit_num_one_person":1,"total_num":50},"valid_info":{"valid_type":2,"valid_day_num":7}%s}`

func TestCoupons(t *testing.T) {
	g := newRig(t)
	body := fmt.Sprintf(newCoupon, "")
	var ids []string
	for range 3 {
		ids = append(ids, g.shop("coupon/create", body).obj("data").str("coupon_id"))
	}
	with := func(more string) string { return `{"coupon_id":"` + ids[0] + `"` + more + `}` }
	g.story(
		step{"coupon/update", strings.Replace(fmt.Sprintf(newCoupon, `,"coupon_id":"`+ids[0]+`"`), "满十减一", "满十减二", 1), "0"},
		step{"coupon/update", strings.Replace(fmt.Sprintf(newCoupon, `,"coupon_id":"`+ids[0]+`"`), "102", "104", 1), "10020051"},
		step{"coupon/update_status", with(`,"status":2`), "0"},
		step{"coupon/update_status", with(`,"status":3`), "10020051"},
	)
	k := g.shop("coupon/get", with("")).obj("coupon")
	if k.str("status") != "2" || k.obj("coupon_info").str("name") != "满十减二" || k.obj("stock_info").str("issued_num") != "50" {
		t.Errorf("coupon: %v", k)
	}
	page := g.shop("coupon/get_list", `{"page":2,"page_size":2}`)
	if len(page.list("coupons")) != 1 || page.str("total_num") != "3" || page.str("page_ctx") == "" {
		t.Errorf("page 2: %v", page)
	}
	if valid := g.shop("coupon/get_list", `{"status":2,"page":1,"page_size":10,"page_ctx":"`+page.str("page_ctx")+`"}`); valid.str("total_num") != "1" {
		t.Errorf("valid ones: %v", valid)
	}
	g.story(
		step{"coupon/get_list", `{"page":0,"page_size":10}`, "10020051"},
		step{"coupon/update_status", with(`,"status":4`), "0"},
		step{"coupon/update_status", with(`,"status":2`), "10021001"},
		step{"coupon/update", fmt.Sprintf(newCoupon, `,"coupon_id":"`+ids[0]+`"`), "10021001"},
		step{"coupon/update_status", with(`,"status":5`), "0"},
		step{"coupon/get", with(""), "10021037"},
		step{"coupon/get_list", `{"page":12,"page_size":10}`, "10021036"},
		step{"coupon/get_list", `{"page":1,"page_size":10,"page_ctx":"made up"}`, "10021036"},
		step{"coupon/get", "{}", "10020051"},
	)
	for name, change := range map[string][2]string{
		"long name": {"满十减一", "满十减一满十减一满十减"}, "unknown type": {"102", "105"}, "no goods": {"102", "2"},
		"no money": {`"discount_fee":100`, `"discount_fee":0`}, "too much": {`"discount_fee":100`, `"discount_fee":20001`}, "none to give": {`"total_num":50`, `"total_num":0`},
	} {
		if got := g.shop("coupon/create", strings.Replace(body, change[0], change[1], 1)); got.code() != "10020051" {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestCouponsOfBuyers(t *testing.T) {
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		g := newRig(t, with(sw))
		id := g.shop("coupon/create", strings.Replace(fmt.Sprintf(newCoupon, ""), `"total_num":50`, `"total_num":1`, 1)).obj("data").str("coupon_id")
		if _, err := g.GiveCoupon(shopID, id, "o_buyer_1"); err == nil {
			t.Error("a draft was given away")
		}
		g.story(step{"coupon/update_status", `{"coupon_id":"` + id + `","status":2}`, "0"})
		path := "/sim/shops/" + shopID + "/coupons/" + id + "/give"
		mine := decode(t, g.request(http.MethodPost, path, `{"openid":"o_buyer_1"}`).Body.Bytes()).str("user_coupon_id")
		if w := g.request(http.MethodPost, path, `{"openid":"o_buyer_2"}`); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("a second one of one: HTTP %d", w.Code)
		}
		list := g.shop("coupon/get_user_coupon_list", `{"openid":"o_buyer_1","status":100,"page":1,"page_size":10,"page_ctx":""}`)
		if list.str("total_num") != "1" {
			t.Errorf("list: %v", list)
		}
		g.Advance(8 * 24 * time.Hour)
		got := g.shop("coupon/get_user_coupon", `{"openid":"o_buyer_1","user_coupon_id":"`+mine+`"}`)
		if one := reply(got.list("user_coupon_list")[0].(map[string]any)); one.str("status") != "101" || one.str("coupon_id") != id {
			t.Errorf("after a week: %v", got)
		}
		over := g.shop("coupon/get_list", `{"status":200,"page":1,"page_size":10}`)
		_, number := reply(over.list("coupons")[0].(map[string]any))["coupon_id"].(json.Number)
		if over.str("total_num") != "1" || number != sw.CouponIDsAsNumbers {
			t.Errorf("those that are over: %v, switch %t", over, sw.CouponIDsAsNumbers)
		}
		g.story(
			step{"coupon/get_user_coupon", `{"openid":"o_buyer_2","user_coupon_id":"` + mine + `"}`, "10021037"},
			step{"coupon/get_user_coupon", `{"user_coupon_id":"` + mine + `"}`, "40003"},
			step{"coupon/get_user_coupon_list", `{"page":1,"page_size":10}`, "40003"},
			step{"coupon/get_user_coupon_list", `{"openid":"o","page":1,"page_size":0}`, "10020051"},
		)
	})
}

func TestLinks(t *testing.T) {
	g := newRig(t)
	onSale := fmt.Sprintf(`{"product_id":%q}`, g.shop("product/list/get", `{"status":5}`).list("product_ids")[0])
	for _, kind := range []string{"h5url", "taglink", "qrcode"} {
		got := g.shop("product/"+kind+"/get", onSale).str("product_" + kind)
		again := g.shop("product/"+kind+"/get", onSale).str("product_" + kind)
		if got == "" || got != again {
			t.Errorf("product %s: %q, then %q", kind, got, again)
		}
		g.story(step{"product/" + kind + "/get", only, "10020065"}) // it is not on sale
		if got := g.shop("basics/shop/"+kind+"/get", `{"qrcode_type":1}`).str("shop_" + kind); got == "" {
			t.Errorf("no shop %s", kind)
		}
	}
	g.story(step{"basics/shop/qrcode/get", `{"qrcode_type":4}`, "10020051"})
}

func TestFunds(t *testing.T) {
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		g := newRig(t, with(sw))
		balance := g.shop("funds/getbalance", "{}")
		if _, has := balance["errcode"]; has == sw.OmitErrcodeOnSuccess || balance.str("available_amount") == "0" || balance.str("pending_amount") == "0" {
			t.Errorf("balance: %v", balance)
		}
		ids := g.walk("funds/getfundsflowlist", "flow_ids", fmt.Sprintf(`{"page":1,"page_size":20,"start_time":%d,"end_time":%d,"next_key":%%q}`, start.AddDate(0, 0, -40).Unix(), start.Unix()))
		if len(ids) < 50 {
			t.Errorf("%d flows", len(ids))
		}
		flow := g.shop("funds/getfundsflowdetail", `{"flow_id":"`+ids[0]+`"}`).obj("funds_flow")
		if flow.str("amount") == "" || flow.str("flow_type") != "1" || len(flow.str("bookkeeping_time")) != len("2026-03-02 10:00:00") {
			t.Errorf("flow: %v", flow)
		}
		second := g.shop("funds/getfundsflowlist", fmt.Sprintf(`{"page":2,"page_size":20,"start_time":%d,"end_time":%d}`, start.AddDate(0, 0, -40).Unix(), start.Unix()))
		if second.list("flow_ids")[0] != ids[20] {
			t.Errorf("page 2 by number begins with %v, want %s", second.list("flow_ids")[0], ids[20])
		}
		g.story(
			step{"funds/getfundsflowlist", `{"page":0,"page_size":20}`, "10020051"},
			step{"funds/getfundsflowdetail", `{"flow_id":"1"}`, "10020052"},
			step{"funds/submitwithdraw", `{"amount":0}`, "10020051"},
			step{"funds/submitwithdraw", `{"amount":99999999999}`, "10020051"},
			step{"funds/submitwithdraw", `{"amount":100,"remark":"周结"}`, "0"},
			step{"funds/getwithdrawdetail", `{"withdraw_id":"1"}`, "10020052"},
			step{"funds/getwithdrawlist", `{"page_num":1}`, "10020051"},
		)
		list := g.shop("funds/getwithdrawlist", `{"page_num":1,"page_size":10}`)
		if list.str("total_num") != "1" {
			t.Fatalf("withdrawals: %v", list)
		}
		w := g.shop("funds/getwithdrawdetail", fmt.Sprintf(`{"withdraw_id":%q}`, list.list("withdraw_ids")[0]))
		if w.str("amount") != "100" || w.str("remark") != "周结" {
			t.Errorf("withdrawal: %v", w)
		}
		if g.shop("funds/getbankacct", "{}").obj("account_info").str("account_number") == "" {
			t.Error("no bank account")
		}
		g.story(
			step{"funds/setbankacct", `{"account_info":{"bank_account_type":"ACCOUNT_TYPE_PRIVATE","account_bank":"另一银行"}}`, "10020051"},
			step{"funds/setbankacct", `{"account_info":{"bank_account_type":"ACCOUNT_TYPE_PRIVATE","account_bank":"另一银行","bank_address_code":"100000","account_number":"62"}}`, "0"},
		)
		if a := g.shop("funds/getbankacct", "{}").obj("account_info"); a.str("account_bank") != "另一银行" {
			t.Errorf("account: %v", a)
		}
	})
}

func TestCategoriesAndBrands(t *testing.T) {
	g := newRig(t)
	token := "?access_token=" + g.stable(false).str("access_token")
	older := decode(t, g.request(http.MethodGet, "/channels/ec/category/all"+token, "").Body.Bytes())
	newer := g.post("/shop/ec/category/all"+token, "{}")
	if len(older.list("cats")) == 0 || len(newer.list("cats_v2")) == 0 {
		t.Errorf("categories: %v, %v", older, newer)
	}
	for _, prefix := range []string{"/shop/ec/", "/channels/ec/"} {
		detail := g.post(prefix+"category/detail"+token, `{"cat_id":6091}`)
		if detail.obj("info").str("id") != "6091" || len(detail.obj("attr").list("product_attr_list")) == 0 {
			t.Errorf("%s: %v", prefix, detail)
		}
		g.wantCode(g.post(prefix+"category/detail"+token, `{"cat_id":"1"}`), "10020017")
		g.wantCode(g.post(prefix+"brand/all"+token, `{"page_size":51}`), "10020055")
	}
	valid := g.shop("brand/valid/list/get", "{}")
	if valid.str("total_num") != "1" || reply(valid.list("brands")[0].(map[string]any)).str("brand_id") != "2100000000" {
		t.Errorf("valid brands: %v", valid)
	}
	g.story(step{"brand/valid/list/get", `{"page_size":51}`, "10020055"})
	key, n := "", 0
	for range 10 {
		got := g.post("/shop/ec/brand/all"+token, fmt.Sprintf(`{"page_size":50,"next_key":%q}`, key))
		n += len(got.list("brands"))
		if key = got.str("next_key"); got["continue_flag"] == false {
			break
		}
	}
	if n != 120 {
		t.Errorf("%d brands, want 120", n)
	}
}
