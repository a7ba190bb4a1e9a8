package wechatsim

import (
	"encoding/json"
	"strconv"
	"time"
)

// stockNumbers is the stock of one sku on the wire.
type stockNumbers struct {
	Normal     int64            `json:"normal_stock_num"`
	Limited    int64            `json:"limited_discount_stock_num"`
	Warehouses []warehouseStock `json:"warehouse_stocks"`
	Finder     int64            `json:"finder_total_num"`
	Total      int64            `json:"total_stock_num"`
}

// stockOfSku adds up a sku's stock in the shop and in its warehouses. What a
// discount holds is told apart.
func (sh *shop) stockOfSku(p *product, sku string, now time.Time) stockNumbers {
	limited := min(sh.discountOf(p, now).stock(sku), p.stock[sku])
	out := stockNumbers{Normal: p.stock[sku] - limited, Limited: limited, Total: p.stock[sku], Warehouses: []warehouseStock{}}
	d := sh.desk()
	for _, id := range d.warehouses.ids {
		if num, there := d.warehouses.byID[id].stock[stockKey{p.idString(), sku}]; there {
			out.Warehouses = append(out.Warehouses, warehouseStock{OutWarehouseID: id, Num: num})
			out.Total += num
		}
	}
	return out
}

// stockBatchGet serves POST /channels/ec/product/stock/batchget.
func (s *Sim) stockBatchGet(c *call, sh *shop) answer {
	var in struct {
		ProductIDs []idText `json:"product_id"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	if len(in.ProductIDs) == 0 {
		return s.fail(c, 10020051)
	}
	type skuStock struct {
		SkuID string `json:"sku_id"`
		stockNumbers
	}
	type spuStock struct {
		ProductID string     `json:"product_id"`
		Skus      []skuStock `json:"sku_stock"`
	}
	out := []spuStock{}
	for _, id := range in.ProductIDs {
		p := sh.find(id)
		if p == nil {
			return s.fail(c, 10020052)
		}
		one := spuStock{ProductID: p.idString(), Skus: []skuStock{}}
		for _, k := range p.newest().Skus {
			one.Skus = append(one.Skus, skuStock{k.SkuID, sh.stockOfSku(p, k.SkuID, c.now)})
		}
		out = append(out, one)
	}
	return s.reply(c, "data", object{"spu_stock_list", out})
}

// stockChange is one line of a sku's history.
type stockChange struct {
	productID, skuID string
	at               time.Time
	from, to         int64
}

// maxStockChanges bounds the history of a shop.
const maxStockChanges = 1000

func (sh *shop) noteStock(p *product, sku string, from, to int64, now time.Time) {
	d := sh.desk()
	if len(d.flow) == maxStockChanges {
		d.flow = d.flow[1:]
	}
	d.flow = append(d.flow, stockChange{p.idString(), sku, now, from, to})
}

// The kinds of change in a history. The pages list many more.
const (
	flowIn  = 1
	flowOut = 2
)

// stockFlow serves POST /channels/ec/product/stock/getflow, newest change last.
func (s *Sim) stockFlow(c *call, sh *shop) answer {
	var in struct {
		ProductID idText `json:"product_id"`
		SkuID     idText `json:"sku_id"`
		StockType int    `json:"stock_type"`
		Begin     int64  `json:"begin_time"`
		End       int64  `json:"end_time"`
		PageSize  int    `json:"page_size"`
		NextKey   string `json:"next_key"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	if in.ProductID == "" || in.SkuID == "" || in.Begin <= 0 || in.End < in.Begin {
		return s.fail(c, 10020051)
	}
	d := sh.desk()
	var at []string // places in the history
	for i, f := range d.flow {
		if f.productID == string(in.ProductID) && f.skuID == string(in.SkuID) && in.Begin <= f.at.Unix() && f.at.Unix() <= in.End {
			at = append(at, strconv.Itoa(i))
		}
	}
	key, size := in.NextKey, in.PageSize
	in.NextKey, in.PageSize = "", 0
	page, next, _, ok := s.page(at, "flow "+string(encode(in)), key, size, 100)
	if !ok {
		return s.fail(c, 10020051)
	}
	lines := []object{}
	for _, place := range page {
		i, _ := strconv.Atoi(place)
		lines = append(lines, d.flow[i].line())
	}
	return s.reply(c, "data", object{"stock_flow_info_list", lines, "next_key", next})
}

func (f *stockChange) line() object {
	kind, amount := flowIn, f.to-f.from
	if amount < 0 {
		kind, amount = flowOut, -amount
	}
	return object{"amount", amount, "beginning_amount", f.from, "ending_amount", f.to, "stock_sub_type", 0, "op_type", kind,
		"update_time", f.at.Unix(), "ext_info", struct{}{}}
}

// stockRate counts the updates of one sku in one second.
type stockRate struct {
	second int64
	n      int
}

// tooOften tells whether a sku is updated more often than the switch allows.
func (s *Sim) tooOften(sh *shop, sku string, now time.Time) bool {
	if s.sw.StockUpdatesPerSecond == 0 {
		return false
	}
	d := sh.desk()
	if d.rates == nil {
		d.rates = map[string]stockRate{}
	}
	r := d.rates[sku]
	if r.second != now.Unix() {
		r = stockRate{second: now.Unix()}
	}
	r.n++
	d.rates[sku] = r
	return r.n > s.sw.StockUpdatesPerSecond
}

// wireID is an id that an answer writes as a string or, if numbers is set, as a
// number.
func wireID(id string, numbers bool) json.RawMessage {
	if numbers {
		return json.RawMessage(id)
	}
	return encode(id)
}
