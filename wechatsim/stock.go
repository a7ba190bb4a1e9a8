package wechatsim

// stockIn is the body of both stock calls.
type stockIn struct {
	ProductID idText `json:"product_id"`
	SkuID     idText `json:"sku_id"`
	DiffType  int    `json:"diff_type"`
	Num       int64  `json:"num"`
}

// stockOf reads the body and finds the sku.
func (s *Sim) stockOf(c *call, sh *shop) (in stockIn, p *product, bad int) {
	if bad = s.decode(c, &in); bad != 0 {
		return in, nil, bad
	}
	if in.ProductID == "" || in.SkuID == "" {
		return in, nil, 10020051
	}
	if p = sh.find(in.ProductID); p == nil {
		return in, nil, 10020052
	}
	if _, own := p.stock[string(in.SkuID)]; !own {
		return in, nil, 10020052
	}
	return in, p, 0
}

type warehouseStock struct {
	OutWarehouseID string `json:"out_warehouse_id"`
	Num            int64  `json:"num"`
}

// stockGet serves POST /channels/ec/product/stock/get.
func (s *Sim) stockGet(c *call, sh *shop) answer {
	in, p, bad := s.stockOf(c, sh)
	if bad != 0 {
		return s.fail(c, bad)
	}
	data := sh.stockOfSku(p, string(in.SkuID), c.now)
	if s.sw.OmitErrcodeOnSuccess {
		return s.ok(c, object{"data", data})
	}
	return s.ok(c, object{"errcode", 0, "data", data}) // the sample has no errmsg
}

// stockUpdate serves POST /channels/ec/product/stock/update. Adding and
// subtracting are not idempotent: sent twice they count twice.
func (s *Sim) stockUpdate(c *call, sh *shop) answer {
	in, p, bad := s.stockOf(c, sh)
	if bad != 0 {
		return s.fail(c, bad)
	}
	next, bad := in.apply(p, p.stock[string(in.SkuID)])
	if bad != 0 {
		return s.fail(c, bad)
	}
	sku := string(in.SkuID)
	if s.tooOften(sh, sku, c.now) {
		return s.fail(c, 10020112)
	}
	sh.noteStock(p, sku, p.stock[sku], next, c.now)
	p.stock[sku] = next
	return s.ok(c, okay)
}

// apply computes the new stock, or the errcode that refuses the change.
func (in *stockIn) apply(p *product, have int64) (next int64, bad int) {
	switch {
	case in.DiffType < 1 || in.DiffType > 3:
		return 0, 10020091
	case p.live == nil && p.edit != editReview:
		return 0, 10020289
	case p.edit == editReview:
		return 0, 10020217
	case in.Num < 0 || in.Num > 1_000_000_000:
		return 0, 10020051
	case in.Num == 0 && in.DiffType != 3:
		return 0, 10020218
	case in.DiffType == 2 && in.Num > have:
		return 0, 10020219
	}
	switch in.DiffType {
	case 1:
		return have + in.Num, 0
	case 2:
		return have - in.Num, 0
	}
	return in.Num, 0
}
