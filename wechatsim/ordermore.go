package wechatsim

// orderRoutes are the calls on orders beyond the first three, and on their
// delivery.
var orderRoutes = map[string]route{
	"/channels/ec/order/merchantnotes/update":        post(orderSets, (*Sim).orderNotes),
	"/channels/ec/order/price/update":                post(orderSets, (*Sim).orderPrice),
	"/channels/ec/order/address/update":              post(orderSets, (*Sim).orderAddress),
	"/channels/ec/order/addressmodify/accept":        post(orderSets, (*Sim).orderAddressAccept),
	"/channels/ec/order/addressmodify/reject":        post(orderSets, (*Sim).orderAddressReject),
	"/channels/ec/order/sensitiveinfo/decode":        post(orderSets, (*Sim).orderDecode),
	"/channels/ec/order/delivery/send":               post(orderSets, (*Sim).deliverySend),
	"/channels/ec/order/delivery/compensation":       post(orderSets, (*Sim).deliveryResend),
	"/channels/ec/order/deliveryinfo/update":         post(orderSets, (*Sim).deliveryUpdate),
	"/channels/ec/order/deliverycompanylist/get":     post(orderSets, (*Sim).deliveryCompanies),
	"/channels/ec/order/deliverycompanylist/new/get": post([]int{131, 192}, (*Sim).deliveryCompanies),
}

// orderNotes serves POST /channels/ec/order/merchantnotes/update.
func (s *Sim) orderNotes(c *call, sh *shop) answer {
	var in struct {
		Notes string `json:"merchant_notes"`
	}
	o, bad := s.orderOf(c, sh, &in)
	if bad != 0 {
		return s.fail(c, bad)
	}
	o.shopsNotes = in.Notes
	return s.ok(c, okay)
}

// maxRepriced is how often the price of an unpaid order may change.
const maxRepriced = 50

type priceChange struct {
	ProductID idText `json:"product_id"`
	SkuID     idText `json:"sku_id"`
	Price     int64  `json:"change_price"` // of all pieces together
}

// orderPrice serves POST /channels/ec/order/price/update: for unpaid orders, and
// downwards only. Each change replaces the one before.
func (s *Sim) orderPrice(c *call, sh *shop) answer {
	var in struct {
		ChangeExpress bool          `json:"change_express"`
		ExpressFee    int64         `json:"express_fee"`
		Changes       []priceChange `json:"change_order_infos"`
	}
	o, bad := s.orderOf(c, sh, &in)
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case o.status != orderUnpaid || o.repriced >= maxRepriced:
		return s.fail(c, 10020008)
	case in.ExpressFee < 0 || in.ExpressFee > usualFreight:
		return s.fail(c, 10020051)
	}
	prices := map[string]int64{}
	for _, change := range in.Changes {
		l := o.line(change.ProductID, change.SkuID)
		switch {
		case l == nil:
			return s.fail(c, 10020052)
		case change.Price <= 0 || change.Price > l.SalePrice*int64(l.SkuCnt):
			return s.fail(c, 10020051)
		}
		prices[l.SkuID] = change.Price
	}
	o.prices, o.freight = prices, usualFreight
	if in.ChangeExpress {
		o.freight = in.ExpressFee
	}
	o.repriced++
	o.updated = c.now
	return s.ok(c, okay)
}

func (o *order) line(product, sku idText) *orderLine {
	for i := range o.lines {
		if o.lines[i].ProductID == string(product) && o.lines[i].SkuID == string(sku) {
			return &o.lines[i]
		}
	}
	return nil
}

// orderAddress serves POST /channels/ec/order/address/update.
func (s *Sim) orderAddress(c *call, sh *shop) answer {
	var in struct {
		Address *addressInfo `json:"user_address"`
	}
	o, bad := s.orderOf(c, sh, &in)
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case in.Address == nil || in.Address.UserName == "" || in.Address.Tel == "" || in.Address.Detail == "":
		return s.fail(c, 10020051)
	case !o.notYetSent():
		return s.fail(c, 10020008)
	}
	o.moved, o.updated = in.Address, c.now
	return s.ok(c, okay)
}

func (o *order) notYetSent() bool { return o.status == orderUnpaid || o.status == orderToShip }

// orderAddressAccept serves POST /channels/ec/order/addressmodify/accept.
func (s *Sim) orderAddressAccept(c *call, sh *shop) answer {
	return s.orderAddressDecision(c, sh, func(o *order) { o.moved = o.wanted })
}

// orderAddressReject serves POST /channels/ec/order/addressmodify/reject.
func (s *Sim) orderAddressReject(c *call, sh *shop) answer {
	return s.orderAddressDecision(c, sh, func(*order) {})
}

func (s *Sim) orderAddressDecision(c *call, sh *shop, decide func(*order)) answer {
	o, bad := s.orderOf(c, sh, nil)
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case o.wanted == nil || !o.notYetSent():
		return s.fail(c, 10020008)
	}
	decide(o)
	o.wanted, o.updated = nil, c.now
	return s.ok(c, okay)
}

// orderDecode serves POST /channels/ec/order/sensitiveinfo/decode: the receiver
// in plain.
func (s *Sim) orderDecode(c *call, sh *shop) answer {
	o, bad := s.orderOf(c, sh, nil)
	if bad != 0 {
		return s.fail(c, bad)
	}
	return s.reply(c, "address_info", o.receiver(), "virtual_number_info", struct{}{})
}
