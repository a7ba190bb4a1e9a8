package wechatsim

import (
	"slices"
	"time"
)

// discountRoutes are the calls on flash sales (限时抢购).
var discountRoutes = map[string]route{
	"/channels/ec/product/limiteddiscounttask/add":      post(goodsSets, (*Sim).discountAdd),
	"/channels/ec/product/limiteddiscounttask/list/get": post(goodsSets, (*Sim).discountList),
	"/channels/ec/product/limiteddiscounttask/stop":     post(goodsSets, (*Sim).discountStop),
	"/channels/ec/product/limiteddiscounttask/delete":   post(goodsSets, (*Sim).discountDelete),
}

// States of a flash sale. What is over stays so.
const (
	discountToCome  = 0
	discountRunning = 1
	discountOver    = 2
)

const (
	firstDiscount    = 60_000_000_000_000_001
	maxDiscountAhead = 365 * 24 * time.Hour
	maxDiscountTime  = 24 * time.Hour
	discountSlack    = 10 * time.Minute // a start may lie so far back

	minDiscountPrice = 1000 // fen: goods must cost more, and become so much cheaper
)

// discount is one product at other prices for a while.
type discount struct {
	id, productID       string
	created, start, end time.Time
	skus                []discountSku
}

// discountSku is a sku of a discount, the same in requests and answers.
type discountSku struct {
	SkuID idText `json:"sku_id"`
	Price int64  `json:"sale_price"` // fen
	Stock int64  `json:"sale_stock"`
}

func (d *discount) state(now time.Time) int {
	switch {
	case !now.Before(d.end):
		return discountOver
	case now.Before(d.start):
		return discountToCome
	}
	return discountRunning
}

// discountAdd serves POST /channels/ec/product/limiteddiscounttask/add. A product
// has one that is not over, at most.
func (s *Sim) discountAdd(c *call, sh *shop) answer {
	var in struct {
		ProductID idText        `json:"product_id"`
		Start     int64         `json:"start_time"`
		End       int64         `json:"end_time"`
		Skus      []discountSku `json:"limited_discount_skus"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	d := &discount{created: c.now, start: time.Unix(in.Start, 0), end: time.Unix(in.End, 0), skus: in.Skus}
	p := sh.find(in.ProductID)
	switch {
	case in.ProductID == "" || len(in.Skus) == 0 || in.Start <= 0 || in.End <= 0:
		return s.fail(c, 10020051)
	case p == nil:
		return s.fail(c, 10020052)
	case !d.inTime(c.now):
		return s.fail(c, 10020051)
	case p.live == nil || p.status != statusListed:
		return s.fail(c, 10020065)
	case sh.discountOf(p, c.now) != nil:
		return s.fail(c, 10020077)
	}
	if bad := d.check(p); bad != 0 {
		return s.fail(c, bad)
	}
	d.productID = p.idString()
	d.id = sh.desk().discounts.number(firstDiscount, d)
	return s.reply(c, "task_id", d.id)
}

// inTime checks beginning and end against each other and the clock.
func (d *discount) inTime(now time.Time) bool {
	return !d.start.Before(now.Add(-discountSlack)) && d.end.After(now) && d.end.After(d.start) &&
		d.end.Sub(d.start) <= maxDiscountTime && !d.end.After(now.Add(maxDiscountAhead))
}

// check is the errcode for prices and numbers, 0 if all may be sold so. A price
// is 10 to 85 percent of the usual one.
func (d *discount) check(p *product) int {
	seen := map[idText]bool{}
	for _, k := range d.skus {
		i := slices.IndexFunc(p.live.Skus, func(have skuDoc) bool { return have.SkuID == string(k.SkuID) })
		if k.SkuID != "" && i < 0 {
			return 10020052
		}
		if k.SkuID == "" || seen[k.SkuID] {
			return 10020051
		}
		seen[k.SkuID] = true
		usual := p.live.Skus[i].SalePrice
		cheaper := usual > minDiscountPrice && usual-k.Price >= minDiscountPrice && k.Price*100 >= usual*10 && k.Price*100 <= usual*85
		if !cheaper || k.Stock < 1 || k.Stock > p.stock[string(k.SkuID)] {
			return 10020051
		}
	}
	return 0
}

// discountOf is the discount of a product that is not over.
func (sh *shop) discountOf(p *product, now time.Time) *discount {
	k := &sh.desk().discounts
	for _, id := range k.ids {
		if d := k.byID[id]; d.productID == p.idString() && d.state(now) != discountOver {
			return d
		}
	}
	return nil
}

// stock is how many pieces of a sku the discount holds.
func (d *discount) stock(sku string) int64 {
	if d != nil {
		for _, k := range d.skus {
			if string(k.SkuID) == sku {
				return k.Stock
			}
		}
	}
	return 0
}

// discountList serves POST /channels/ec/product/limiteddiscounttask/list/get.
func (s *Sim) discountList(c *call, sh *shop) answer {
	var in struct {
		Status   *int   `json:"status"`
		PageSize *int   `json:"page_size"`
		NextKey  string `json:"next_key"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	if in.Status != nil && (*in.Status < discountToCome || *in.Status > discountOver) {
		return s.fail(c, 10020051)
	}
	k := &sh.desk().discounts
	ids := slices.DeleteFunc(slices.Clone(k.ids), func(id string) bool { return in.Status != nil && k.byID[id].state(c.now) != *in.Status })
	size := 10
	if in.PageSize != nil {
		size = *in.PageSize
	}
	page, next, _, ok := s.page(ids, "discounts "+string(encode(in.Status)), in.NextKey, size, 50)
	if !ok {
		return s.fail(c, 10020051)
	}
	tasks := []object{}
	for _, id := range page {
		d := k.byID[id]
		tasks = append(tasks, object{"task_id", id, "product_id", d.productID, "status", d.state(c.now), "create_time", d.created.Unix(),
			"start_time", d.start.Unix(), "end_time", d.end.Unix(), "limited_discount_skus", d.skus})
	}
	return s.reply(c, "limited_discount_tasks", tasks, "next_key", next, "total_num", len(ids))
}

// discountIn reads a body that holds a task_id only.
func (s *Sim) discountIn(c *call, sh *shop) (*discount, int) {
	var in struct {
		ID idText `json:"task_id"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return nil, bad
	}
	if in.ID == "" {
		return nil, 10020051
	}
	d := sh.desk().discounts.get(in.ID)
	if d == nil {
		return nil, 10020076
	}
	return d, 0
}

// discountStop serves POST /channels/ec/product/limiteddiscounttask/stop.
func (s *Sim) discountStop(c *call, sh *shop) answer {
	d, bad := s.discountIn(c, sh)
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case d.state(c.now) == discountOver:
		return s.fail(c, 10020077)
	}
	d.end = c.now
	return s.ok(c, okay)
}

// discountDelete serves POST /channels/ec/product/limiteddiscounttask/delete, for
// what is over.
func (s *Sim) discountDelete(c *call, sh *shop) answer {
	d, bad := s.discountIn(c, sh)
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case d.state(c.now) != discountOver:
		return s.fail(c, 10020077)
	}
	sh.desk().discounts.drop(d.id)
	return s.ok(c, okay)
}
