package catalogue

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/zhanggui/zhanggui/internal/spell"
)

// Group is a family of paths that a client may be granted as a whole. Groups are
// few: they are metric labels too.
type Group struct {
	Name   string // as written in manifests
	ZH, EN string // what the paths are about
}

// credentials is the group of the paths that nobody may call.
const credentials = "credentials"

// groups is every group by name. Their order is that of [Bits].
var groups = []Group{
	{"aftersale", "售后、纠纷与保障单", "After-sales, disputes and guarantees"},
	{"agency", "推客带货机构", "Promotion agencies: their shops, sharers, products and links"},
	{"category", "类目与品牌资质", "Categories and brand certificates"},
	{"compass", "罗盘数据", "Statistics of shops and channels"},
	{credentials, "凭据与共享配额(不开放)", "Credentials and shared quotas; for nobody"},
	{"delivery", "发货、电子面单、运费与地址", "Shipping, waybills, freight templates and addresses"},
	{"funds", "资金查询", "Balances and flows, read only"},
	{"league", "优选联盟", "The shop's own league products and promoters"},
	{"market", "服务市场", "The service market"},
	{"media", "图片、视频与文件", "Pictures, videos and files"},
	{"member", "会员", "Members and their points"},
	{"operations", "接口额度与网络检测", "API quotas and network checks"},
	{"order", "订单与礼物单", "Orders and gift orders"},
	{"product", "商品", "Products"},
	{"promotion", "优惠券、赠品与限时抢购", "Coupons, gifts and limited discounts"},
	{"service", "客服与企业微信", "Customer service and WeCom"},
	{"stock", "库存与区域仓", "Stock and warehouses"},
	{"store", "店铺信息与主页", "The shop's own page and details"},
	{"subsidy", "国补发票", "Invoices of subsidised orders"},
	{"supply", "代发与供货商", "Drop shipping and suppliers"},
	{"talent", "带货达人", "Talents: commissions and showcases"},
	{"voucher", "团购优惠与核销", "Group-buy vouchers and their use"},
}

// Groups lists every group by name.
func Groups() []Group { return slices.Clone(groups) }

// Grantable lists the names of the groups that a client can be granted.
func Grantable() []string {
	var names []string
	for _, g := range groups {
		if g.Name != credentials {
			names = append(names, g.Name)
		}
	}
	return names
}

// Bits is a set of groups.
type Bits uint64

// GroupBits gives the set of the groups with these names. An unknown name is an
// error, as is the group of the closed paths.
func GroupBits(names []string) (Bits, error) {
	var set Bits
	for _, name := range names {
		bit, ok := groupBit(name)
		if !ok || name == credentials {
			return 0, fmt.Errorf("catalogue: there is no group %q to grant; write one of %s", clip(name), strings.Join(Grantable(), ", "))
		}
		set |= bit
	}
	return set, nil
}

func groupBit(name string) (Bits, bool) {
	i, ok := slices.BinarySearchFunc(groups, name, func(g Group, name string) int { return cmp.Compare(g.Name, name) })
	return 1 << i, ok
}

// NearestGroup gives the group that name is most likely a slip of, or "".
func NearestGroup(name string) string {
	best, near := 3, ""
	for _, g := range Grantable() {
		if len(name) > 2*len(g) {
			continue
		}
		if d := spell.Distance(strings.ToLower(name), g); d < best {
			best, near = d, g
		}
	}
	return near
}

// clip keeps what is quoted in an error short.
func clip(s string) string { return s[:min(len(s), 64)] }

// bitIndex gives the place of the one group in set.
func bitIndex(set Bits) int { return bits.TrailingZeros64(uint64(set)) }
