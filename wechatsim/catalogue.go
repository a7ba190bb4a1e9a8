package wechatsim

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"time"
)

// shop is a WeChat Store with its goods and orders.
type shop struct {
	*Shop
	products    []*product
	orders      []*order
	lastProduct uint64
	lastSku     uint64
	bare        bool // goods and orders are not made yet
	kept        *desk
}

// Ids start above 2^53 and are odd, so that a program that puts them through
// a float64 loses them.
const (
	firstProduct = 10_000_000_000_000_001
	firstSku     = 20_000_000_000_000_001
	firstOrder   = 3_700_000_000_000_000_001
)

// newShop makes a shop's goods and orders from the seed. The same seed, appid,
// counts and epoch give the same shop; the epoch only moves the times.
func newShop(w *World, cfg *Shop) *shop {
	h := fnv.New64a()
	_, _ = h.Write([]byte(cfg.AppID))
	g := &generator{rnd: rand.New(rand.NewPCG(w.Seed, h.Sum64())), seed: w.Seed, epoch: w.Epoch}
	sh := &shop{Shop: cfg, lastProduct: firstProduct, lastSku: firstSku}
	for range max(0, cfg.Products) {
		sh.products = append(sh.products, g.product(sh))
	}
	if len(sh.products) == 0 {
		return sh
	}
	n := max(0, cfg.Orders)
	for i := range n {
		// Spread over the 30 days before the epoch, oldest first.
		at := g.epoch.Add(-30 * 24 * time.Hour * time.Duration(n-i) / time.Duration(n+1)).Truncate(time.Second)
		sh.orders = append(sh.orders, g.order(sh, i, at))
	}
	return sh
}

// generator turns random numbers into goods and orders.
type generator struct {
	rnd   *rand.Rand
	seed  uint64
	epoch time.Time
}

var (
	goodsMakes  = []string{"蓝天", "小鹿", "知行", "青竹", "云朵", "晨读"}
	goodsNames  = []string{"中性笔 0.5mm", "活页笔记本 A5", "水彩画笔套装", "便利贴 76×76", "2B 铅笔 12 支", "修正带 6m", "文件收纳盒", "圆规尺子套装", "荧光笔 6 色", "美工刀"}
	goodsColors = []string{"天空蓝", "象牙白", "石墨黑"}
)

func pick[T any](g *generator, list []T) T { return list[g.rnd.IntN(len(list))] }

func (g *generator) product(sh *shop) *product {
	sh.lastProduct += 2
	p := &product{id: sh.lastProduct, status: statusListed, edit: editApproved, stock: map[string]int64{}}
	name := pick(g, goodsMakes) + " " + pick(g, goodsNames)
	d := &productDoc{
		ProductID: p.idString(), OutProductID: "sku-" + strconv.FormatUint(p.id%100000, 10),
		Title: name + " 学生办公文具", ShortTitle: name,
		DescInfo: descInfo{Imgs: []string{picture(sh, p.id, 9)}, Desc: "沙箱商品 <b>& 示例</b>"},
		Cats:     []catID{}, CatsV2: []catID{{"10000111"}, {"10000113"}, {"6091"}},
		Attrs: []attr{{"品牌", "蓝天"}}, ExpressInfo: expressInfo{TemplateID: "47428464001", Weight: 100},
		SpuCode: "SPU" + strconv.FormatUint(p.id%10000, 10), BrandID: "2100000000",
		ExtraService: extraService{SevenDayReturn: 1}, AfterSaleInfo: afterSaleInfo{AddressID: 123345},
		Quas: []qualityProof{},
	}
	for i := range 3 {
		d.HeadImgs = append(d.HeadImgs, picture(sh, p.id, i))
	}
	price := int64(100 + g.rnd.IntN(4900))
	for i := range 1 + g.rnd.IntN(len(goodsColors)) {
		d.Skus = append(d.Skus, g.sku(sh, p, goodsColors[i], price+int64(i)*50))
	}
	p.live = d
	if g.rnd.IntN(8) == 0 {
		p.status = statusDelisted
	}
	return p
}

func (g *generator) sku(sh *shop, p *product, color string, price int64) skuDoc {
	sh.lastSku += 2
	id := strconv.FormatUint(sh.lastSku, 10)
	p.stock[id] = int64(g.rnd.IntN(500))
	return skuDoc{SkuID: id, ThumbImg: picture(sh, p.id, 0), SalePrice: price, SkuCode: "C" + id[len(id)-4:],
		SkuAttrs: []attr{{"颜色", color}}}
}

func picture(sh *shop, id uint64, n int) string {
	return fmt.Sprintf("https://mmecimage.cn/p/%s/%d-%d", sh.AppID, id, n)
}

// orderStatuses is how often each status occurs among generated orders.
var orderStatuses = []int{10, 20, 20, 20, 21, 30, 30, 100, 100, 100, 100, 250}

func (g *generator) order(sh *shop, i int, at time.Time) *order {
	o := &order{id: firstOrder + uint64(i)*4096*2, created: at, status: pick(g, orderStatuses)}
	o.updated = at.Add(time.Duration(1+g.rnd.IntN(40)) * time.Minute)
	if o.status == 10 {
		o.updated = at
	} else {
		o.paid = at.Add(time.Duration(5+g.rnd.IntN(50)) * time.Second)
	}
	buyer := g.rnd.IntN(25)
	o.openid = "o_buyer_" + derive(g.seed, "buyer", sh.AppID, strconv.Itoa(buyer))[:20]
	o.unionid = "u_buyer_" + derive(g.seed, "buyer-union", strconv.Itoa(buyer))[:20]
	o.name = pick(g, []string{"张", "王", "李", "赵", "陈", "欧阳"}) + pick(g, []string{"小明", "芳", "建国", "一诺"})
	o.tel = fmt.Sprintf("1380000%04d", g.rnd.IntN(10000))
	o.street = fmt.Sprintf("示例路%d号%d室", 1+g.rnd.IntN(200), 101+g.rnd.IntN(900))
	o.customerNotes = pick(g, []string{"", "", "请尽快发货", "需要发票"})
	for range 1 + g.rnd.IntN(3) {
		o.lines = append(o.lines, g.orderLine(sh))
	}
	o.freight = usualFreight
	if o.status == orderDone && g.rnd.IntN(10) == 0 {
		o.aftersale = newAfterSale(o, refundDone, o.updated)
	}
	return o
}

func (g *generator) orderLine(sh *shop) orderLine {
	p := pick(g, sh.products)
	k := pick(g, p.live.Skus)
	return orderLine{ProductID: p.idString(), SkuID: k.SkuID, SkuCnt: 1 + g.rnd.IntN(3), Title: p.live.Title,
		ThumbImg: k.ThumbImg, SalePrice: k.SalePrice, MarketPrice: k.SalePrice, SkuAttrs: k.SkuAttrs, code: k.SkuCode}
}

// CatalogueDigest is a digest of a shop's present goods and orders. It is the
// same for the same seed, appid, counts and epoch as long as nobody changes
// anything; "" if there is no such shop.
func (s *Sim) CatalogueDigest(appid string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.account(appid)
	sh := s.shops[appid]
	if sh == nil {
		return ""
	}
	s.furnish(sh)
	h := fnv.New128a()
	for _, p := range sh.products {
		_, _ = h.Write(encode([]any{p.shown(p.live), p.shown(p.draft)}))
	}
	for _, o := range sh.orders {
		_, _ = h.Write(encode(s.orderDoc(sh, o)))
	}
	sum := h.Sum(nil)
	return fmt.Sprintf("%016x%016x", binary.BigEndian.Uint64(sum), binary.BigEndian.Uint64(sum[8:]))
}
