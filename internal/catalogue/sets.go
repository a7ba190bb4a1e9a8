package catalogue

import "strconv"

// Set is a permission set (权限集): what an account grants to a third-party
// platform as a whole.
type Set struct {
	ID     int64
	ZH, EN string
}

// sets are the permission sets that shop paths ask for, as
// developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/product/miniprogram_authority
// and the pages of the paths tell of them.
var sets = []Set{
	{3, "账号服务", "account service"},
	{17, "获取小程序码", "mini program codes"},
	{85, "自定义版交易组件", "custom trade component"},
	{129, "商品与店铺信息", "products and shop details"},
	{130, "物流", "logistics"},
	{131, "订单与售后", "orders and after-sales"},
	{132, "优惠券", "coupons"},
	{133, "橱窗", "showcase"},
	{138, "资金", "funds"},
	{141, "优选联盟", "league"},
	{159, "电子面单", "waybills"},
	{164, "团购核销", "vouchers"},
	{175, "店铺罗盘", "shop statistics"},
	{176, "达人罗盘", "talent statistics"},
	{185, "小程序会员", "mini program members"},
	{189, "达人橱窗", "talent showcase"},
	{190, "达人佣金单", "talent commissions"},
	{192, "供货商", "suppliers"},
}

// SetOf gives the permission set with this id. One that is not known is named by
// its number.
func SetOf(id int64) Set {
	for _, s := range sets {
		if s.ID == id {
			return s
		}
	}
	number := strconv.FormatInt(id, 10)
	return Set{ID: id, ZH: "权限集 " + number, EN: "permission set " + number}
}
