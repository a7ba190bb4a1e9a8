package wechatsim

import "encoding/json"

// dayEvent makes one event. Fields and their types are those of the pages
// under developers.weixin.qq.com/doc/store/shop/notify: some ids are numbers
// and some are strings, and that is not a mistake here.
type dayEvent func(g *dayGenerator, about string) (string, pushObject)

// orderStages are the stages of an order that is not cancelled; about is its id.
var orderStages = []dayEvent{
	func(_ *dayGenerator, id string) (string, pushObject) {
		return "channels_ec_order_new", in("order_info", "order_id", json.Number(id))
	},
	func(g *dayGenerator, id string) (string, pushObject) {
		return "channels_ec_order_pay", in("order_info", "order_id", id, "pay_time", g.clock())
	},
	func(_ *dayGenerator, id string) (string, pushObject) {
		return "channels_ec_order_wait_shipping", in("order_info", "order_id", id)
	},
	func(_ *dayGenerator, id string) (string, pushObject) {
		return "channels_ec_order_deliver", in("order_info", "order_id", json.Number(id), "finish_delivery", json.Number("1"))
	},
	func(g *dayGenerator, id string) (string, pushObject) {
		return "channels_ec_order_confirm", in("order_info", "order_id", id, "confirm_type", g.number(1, 3))
	},
	func(g *dayGenerator, id string) (string, pushObject) {
		return "channels_ec_order_settle", in("order_info", "order_id", id, "settle_time", g.clock())
	},
}

// otherEvents are everything else that happens to a shop; about is its appid.
var otherEvents = []dayEvent{
	func(g *dayGenerator, _ string) (string, pushObject) {
		return "channels_ec_order_ext_info_update", in("order_info", "order_id", g.numericID(), "type", g.number(1, 4))
	},
	func(g *dayGenerator, _ string) (string, pushObject) {
		return "product_spu_audit", in("ProductSpuAudit", "product_id", g.id(), "status", g.number(2, 5), "reason", g.pick("", "标题<过长> & \"不合规\"", "]]>"),
			"audit_info", `{"audit_result":[{"reason":"ok"}]}`, "product_type", json.Number("1"))
	},
	func(g *dayGenerator, _ string) (string, pushObject) {
		return "product_spu_listing", in("ProductSpuListing", "product_id", g.id(), "status", json.Number(g.pick("5", "11", "13", "14", "15", "20")),
			"reason", "", "product_type", json.Number("1"))
	},
	func(g *dayGenerator, _ string) (string, pushObject) {
		return "product_spu_update", in("ProductSpuUpdate", "product_id", g.id(), "status", g.number(0, 4), "reason", "")
	},
	func(g *dayGenerator, _ string) (string, pushObject) {
		return "product_category_audit", in("ProductCategoryAudit", "audit_id", g.id(), "status", g.pick("2", "3"), "reason", "")
	},
	func(g *dayGenerator, _ string) (string, pushObject) {
		return "channels_ec_brand", in("BrandEvent", "brand_id", g.id(), "audit_id", g.id(), "status", g.number(1, 4), "reason", "")
	},
	func(g *dayGenerator, _ string) (string, pushObject) {
		return "channels_ec_aftersale_update", in("finder_shop_aftersale_status_update", "status", g.pick("USER_CANCELD", "MERCHANT_PROCESSING", "MERCHANT_REFUND_SUCCESS"),
			"after_sale_order_id", g.id(), "order_id", g.id())
	},
	func(g *dayGenerator, _ string) (string, pushObject) {
		return "channels_ec_present_aftersale_update", in("finder_shop_present_aftersale_status_update", "status", "MERCHANT_REFUND_SUCCESS",
			"after_sale_order_id", g.id(), "order_id", g.id())
	},
	func(g *dayGenerator, _ string) (string, pushObject) {
		return "channels_ec_complaint_update", in("finder_shop_complaint", "complaint_status", g.number(100, 104), "after_sale_order_id", g.id(),
			"complaint_id", g.id(), "order_id", g.id())
	},
	func(g *dayGenerator, _ string) (string, pushObject) {
		return "channels_ec_guarantee_update", in("finder_shop_guarantee_status_update", "status", g.number(1, 4), "guarantee_order_id", g.id(),
			"order_id", g.id())
	},
	func(*dayGenerator, string) (string, pushObject) {
		return "channels_ec_acct_notify", in("account_info", "event", json.Number("1"))
	},
	func(g *dayGenerator, _ string) (string, pushObject) {
		return "channels_ec_withdraw_notify", in("withdraw_info", "withdraw_id", g.id(), "event", g.number(1, 5))
	},
	func(g *dayGenerator, _ string) (string, pushObject) {
		return "qrcode_status", in("qrcode_info", "ticket", "demo-"+g.id(), "status", g.number(1, 5), "scan_user_type", g.number(0, 2))
	},
	func(g *dayGenerator, _ string) (string, pushObject) {
		return "channels_ec_coupon_receive", in("receive_info", "coupon_id", g.id(), "user_coupon_id", g.id(), "receive_time", g.clock())
	},
	func(g *dayGenerator, _ string) (string, pushObject) {
		return "channels_ec_coupon_create", in("coupon_info", "coupon_id", g.id(), "create_time", g.clock())
	},
	func(g *dayGenerator, _ string) (string, pushObject) {
		return "channels_ec_coupon_delete", in("coupon_info", "coupon_id", g.id(), "delete_time", g.clock())
	},
	func(g *dayGenerator, _ string) (string, pushObject) {
		return "channels_ec_coupon_expire", in("coupon_info", "coupon_id", g.id(), "expire_time", g.clock())
	},
	func(g *dayGenerator, _ string) (string, pushObject) {
		return "channels_ec_coupon_info_change", in("coupon_info", "coupon_id", g.id(), "change_time", g.clock())
	},
	func(g *dayGenerator, _ string) (string, pushObject) {
		return "channels_ec_coupon_invalid", in("coupon_info", "coupon_id", g.id(), "invalid_time", g.clock())
	},
	func(g *dayGenerator, _ string) (string, pushObject) {
		return "channels_ec_user_coupon_expire", in("user_coupon_info", "coupon_id", g.id(), "user_coupon_id", g.id(), "expire_time", g.clock())
	},
	func(g *dayGenerator, _ string) (string, pushObject) {
		return "channels_ec_user_coupon_use", in("use_info", "coupon_id", g.id(), "user_coupon_id", g.id(),
			"order_id", g.id(), "use_time", g.clock())
	},
	func(_ *dayGenerator, shop string) (string, pushObject) {
		return "set_shop_nickname", flat("appid", shop, "old_nickname", "旧名字", "new_nickname", "新<名字>&")
	},
	func(g *dayGenerator, shop string) (string, pushObject) {
		return "channels_ec_change_status", flat("appid", shop, "change_timestamp", json.Number(g.clock()),
			"old_status", "open_finished", "new_status", "closing")
	},
	func(g *dayGenerator, _ string) (string, pushObject) {
		return "ewaybill_push_path", in("waybill_info", "ewaybill_order_id", g.numericID(), "waybill_id", g.id(),
			"update_time", json.Number(g.clock()), "status", g.number(1, 9), "desc", "快件已揽收")
	},
	func(g *dayGenerator, _ string) (string, pushObject) {
		return "channels_ec_stock_no_enough", in("channels_ec_stock_no_enough", "product_id", g.id(), "sku_id", g.id(),
			"remaining_stock_amount", g.number(0, 20), "remaining_code_amount", g.number(0, 20))
	},
	func(g *dayGenerator, _ string) (string, pushObject) {
		change := func(path, name, content string) any {
			return flat("chinese_name", name, "cgi_path", path, "doc_url", "https://developers.weixin.qq.com/doc/store/shop/API/order", "change_content", content)
		}
		return "api_diff", flat("changelog_url", "https://developers.weixin.qq.com/doc/store/shop/changelog.html", "api_changes",
			[]any{change("/channels/ec/order/get", "获取订单详情", "更新接口：新增字段。"), change("/channels/ec/product/get", "获取商品", "更新接口：字段改为必填。")},
			"change_time", json.Number(g.clock()))
	},
}
