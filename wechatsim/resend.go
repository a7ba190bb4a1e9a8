package wechatsim

import "time"

// maxResent is how often goods of an order may be sent again.
const maxResent = 10

// Reasons to send again: forgotten, in parts, broken, or a gift, which need not
// be of the order.
const (
	resentForgotten = 1
	resentGift      = 4
)

// deliveryResend serves POST /channels/ec/order/delivery/compensation: goods that
// follow an order which was sent. They change no number of what is left to send.
func (s *Sim) deliveryResend(c *call, sh *shop) answer {
	var in struct {
		Parcels []parcelIn `json:"delivery_list"`
		Reason  int        `json:"reason"`
	}
	bad := s.decode(c, &in)
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case in.Reason < resentForgotten || in.Reason > resentGift:
		return s.invalidArgs(c, "reason: expecting reason in 1, 2, 3, 4")
	case len(in.Parcels) == 0:
		return s.invalidArgs(c, "delivery_list: expecting a list")
	}
	o, bad := s.orderOf(c, sh, nil)
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case o.status != orderPartly && o.status != orderToReceive && o.status != orderDone || o.resends == maxResent:
		return s.fail(c, 10020008)
	}
	var again []parcel
	for i := range in.Parcels {
		if fault := in.Parcels[i].fault(i, byCourier, byOwnCar); fault != "" {
			return s.invalidArgs(c, fault)
		}
		p, ok := in.Parcels[i].repack(sh, o, in.Reason == resentGift, c.now)
		if !ok {
			return s.fail(c, 10020051)
		}
		again = append(again, p)
	}
	o.resends++
	o.sent = o.parcels() // their time must not follow the change
	o.resent, o.updated = append(o.resent, again...), c.now
	return s.ok(c, okay)
}

// repack makes a parcel of goods of the order, or of any of the shop's as a gift.
func (p *parcelIn) repack(sh *shop, o *order, gift bool, now time.Time) (parcel, bool) {
	most := map[stockKey]int{}
	for _, l := range o.lines {
		most[stockKey{l.ProductID, l.SkuID}] += l.SkuCnt
	}
	for _, l := range p.Products {
		if k := sh.find(l.ProductID); gift && k != nil {
			most[stockKey{string(l.ProductID), string(l.SkuID)}] = int(min(k.stock[string(l.SkuID)], 1<<30))
		}
	}
	return p.pack(most, now)
}
