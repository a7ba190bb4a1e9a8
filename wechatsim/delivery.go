package wechatsim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// courier is a company that carries parcels.
type courier struct {
	ID   string `json:"delivery_id"`
	Name string `json:"delivery_name"`
}

// couriers are the largest of the companies on the official list.
var couriers = []courier{{"SF", "顺丰速运"}, {"YTO", "圆通速递"}, {"ZTO", "中通快递"}, {"STO", "申通快递"}, {"YUNDA", "韵达速递"},
	{"JTSD", "极兔快递"}, {"JD", "京东快递"}, {"EMS", "中国邮政"}, {"DBKD", "德邦快递"}}

// Ways of delivery: delivery/send takes the first two, delivery/compensation the
// first and the last.
const (
	byCourier = 1
	virtually = 3
	byOwnCar  = 6
)

// otherCourier is what the pages say to write for a company that is not listed.
const otherCourier = "OTHER"

func knownCourier(id string) bool { return id == otherCourier || courierName(id) != "" }

// courierName is empty for a company that is not listed.
func courierName(id string) string {
	if i := slices.IndexFunc(couriers, func(k courier) bool { return k.ID == id }); i >= 0 {
		return couriers[i].Name
	}
	return ""
}

// deliveryCompanies serves both lists of companies; the newer one also takes
// ewaybill_only, which all of these support.
func (s *Sim) deliveryCompanies(c *call, _ *shop) answer {
	return s.reply(c, "company_list", couriers)
}

// parcelIn is a parcel in a request.
type parcelIn struct {
	Courier   string `json:"delivery_id"`
	WaybillID string `json:"waybill_id"`
	Type      int    `json:"deliver_type"`
	Products  []struct {
		ProductID idText `json:"product_id"`
		SkuID     idText `json:"sku_id"`
		Count     int    `json:"product_cnt"`
	} `json:"product_infos"`
}

// parcelsOf reads an order in one of some states, and the parcels of the request; refused
// is the answer if there are none such.
func (s *Sim) parcelsOf(c *call, sh *shop, states ...int) (o *order, parcels []parcelIn, refused *answer) {
	var in struct {
		Parcels []parcelIn `json:"delivery_list"`
	}
	o, bad := s.orderOf(c, sh, &in)
	switch {
	case bad != 0:
		return nil, nil, new(s.fail(c, bad))
	case !slices.Contains(states, o.status):
		return nil, nil, new(s.fail(c, 10020008))
	case len(in.Parcels) == 0:
		return nil, nil, new(s.invalidArgs(c, "delivery_list: expecting a list"))
	}
	return o, in.Parcels, nil
}

// packAll takes the goods of parcels from what is left; refused is the answer if one of
// them cannot be sent.
func (s *Sim) packAll(c *call, parcels []parcelIn, left map[stockKey]int) (sent []parcel, refused *answer) {
	for i := range parcels {
		if fault := parcels[i].fault(i, byCourier, virtually); fault != "" {
			return nil, new(s.invalidArgs(c, fault))
		}
		p, ok := parcels[i].pack(left, c.now)
		if !ok {
			return nil, new(s.fail(c, 10020051))
		}
		sent = append(sent, p)
	}
	return sent, nil
}

// deliverySend serves POST /channels/ec/order/delivery/send. An order may go in
// several parcels and several calls.
func (s *Sim) deliverySend(c *call, sh *shop) answer {
	o, parcels, refused := s.parcelsOf(c, sh, orderToShip, orderPartly)
	if refused != nil {
		return *refused
	}
	left := o.unsent()
	sent, refused := s.packAll(c, parcels, left)
	if refused != nil {
		return *refused
	}
	o.sent, o.updated, o.status = slices.Concat(o.sent, sent), c.now, orderToReceive
	finished := 1
	if len(left) > 0 {
		o.status, finished = orderPartly, 0
	}
	s.tellOrder(sh, "channels_ec_order_deliver", object{"order_id", json.Number(o.idString()), "finish_delivery", finished})
	return s.ok(c, okay)
}

// unsent is what of an order is in no parcel yet. An order that was partly
// shipped from the start has sent nothing that is known.
func (o *order) unsent() map[stockKey]int {
	left := map[stockKey]int{}
	for _, l := range o.lines {
		left[stockKey{l.ProductID, l.SkuID}] += l.SkuCnt
	}
	for _, p := range o.sent {
		for _, l := range p.Products {
			left[stockKey{l.ProductID, l.SkuID}] -= l.Count
		}
	}
	for key, n := range left {
		if n <= 0 {
			delete(left, key)
		}
	}
	return left
}

// fault names the first field of the i-th parcel that is missing. ways are the
// ways of delivery that the call takes.
func (p *parcelIn) fault(i int, ways ...int) string {
	at := fmt.Sprintf("delivery_list[%d].", i)
	for j, l := range p.Products {
		if l.ProductID == "" || l.ProductID == "0" {
			return fmt.Sprintf("product_id: expecting %sproduct_infos[%d].product_id > 0, actually 0", at, j)
		}
	}
	switch {
	case !slices.Contains(ways, p.Type):
		return "deliver_type: expecting " + at + "deliver_type in " + strings.Trim(strings.ReplaceAll(fmt.Sprint(ways), " ", ", "), "[]")
	case len(p.Products) == 0:
		return "product_infos: expecting " + at + "product_infos"
	case p.Type != virtually && p.WaybillID == "":
		return "waybill_id: expecting " + at + "waybill_id"
	case p.Type != virtually && p.Courier == "", p.Type == byCourier && !knownCourier(p.Courier):
		return "delivery_id: unknown " + at + "delivery_id"
	}
	return ""
}

// pack takes the goods of a parcel from what is left; ok is false if there are
// not so many.
func (p *parcelIn) pack(left map[stockKey]int, now time.Time) (out parcel, ok bool) {
	out = parcel{WaybillID: p.WaybillID, Courier: p.Courier, Time: now.Unix(), Type: p.Type}
	for _, l := range p.Products {
		key := stockKey{string(l.ProductID), string(l.SkuID)}
		if l.Count < 1 || l.Count > left[key] {
			return parcel{}, false
		}
		if left[key] -= l.Count; left[key] == 0 {
			delete(left, key)
		}
		out.Products = append(out.Products, parcelLine{key.productID, key.skuID, l.Count})
	}
	return out, true
}

// invalidArgs is 40097 with the field that is wrong, as order calls name it.
func (s *Sim) invalidArgs(c *call, what string) answer {
	return s.failText(c, 40097, "invalid args, "+what)
}

// deliveryUpdate serves POST /channels/ec/order/deliveryinfo/update: other
// waybills for what was sent.
func (s *Sim) deliveryUpdate(c *call, sh *shop) answer {
	o, parcels, refused := s.parcelsOf(c, sh, orderToReceive, orderPartly)
	if refused != nil {
		return *refused
	}
	again := *o
	again.sent = nil
	left := again.unsent()
	sent, refused := s.packAll(c, parcels, left)
	if refused != nil {
		return *refused
	}
	if o.status == orderToReceive && len(left) > 0 {
		return s.fail(c, 10020051)
	}
	o.sent, o.updated = sent, c.now
	return s.ok(c, okay)
}
