package wechatsim

import (
	"slices"
	"time"
)

// aftersaleRoutes are the calls on what buyers send back or want back.
var aftersaleRoutes = map[string]route{
	"/channels/ec/aftersale/getaftersalelist":  post(orderSets, (*Sim).aftersaleList),
	"/channels/ec/aftersale/getaftersaleorder": post(orderSets, (*Sim).aftersaleGet),
	"/channels/ec/aftersale/acceptapply":       post(orderSets, (*Sim).aftersaleAccept),
	"/channels/ec/aftersale/rejectapply":       post(orderSets, (*Sim).aftersaleReject),
	"/channels/ec/aftersale/reason/get":        post(orderSets, (*Sim).aftersaleReasons),
	"/channels/ec/aftersale/rejectreason/get":  post(orderSets, (*Sim).rejectReasons),

	"/channels/ec/aftersale/uploadrefundcertificate": post(orderSets, (*Sim).aftersaleProof),
}

// States of an after-sale that the emulator knows.
const (
	refundAsked    = "MERCHANT_PROCESSING"
	refundRefused  = "MERCHANT_REJECT_REFUND"
	returnRefused  = "MERCHANT_REJECT_RETURN"
	returnAwaited  = "USER_WAIT_RETURN"
	returnOnTheWay = "MERCHANT_WAIT_RECEIPT"
	refundDone     = "MERCHANT_REFUND_SUCCESS"
	returnDone     = "MERCHANT_RETURN_SUCCESS"

	exchangeRefused = "MERCHANT_REJECT_EXCHANGE"
	exchangeKept    = "MERCHANT_REJECT_RESHIP" // the old goods came, the new ones do not go
	exchangeSent    = "USER_WAIT_RECEIPT"
	exchangeDone    = "MERCHANT_EXCHANGE_SUCCESS"

	talkAwaited   = "USER_WAIT_CONFIRM_UPDATE"
	userCancelled = "USER_CANCELD" // the pages' spelling
)

// aftersaleNumbers are what an order shows for a state. The states of exchanges
// and talks have no published number; an order shows 0 for them.
var aftersaleNumbers = map[string]int{userCancelled: 1, refundAsked: 2, refundRefused: 4, returnRefused: 5, returnAwaited: 6,
	returnOnTheWay: 8, refundDone: 13, returnDone: 14}

// refusals are the states after which a buyer may ask again, or complain.
var refusals = []string{refundRefused, returnRefused, exchangeRefused, exchangeKept}

// refusedAs is how a refusal is called, by the kind of after-sale.
var refusedAs = map[string]string{typeRefund: refundRefused, typeReturn: returnRefused, typeExchange: exchangeRefused}

// Types of an after-sale: the money only, goods against money, goods against
// goods.
const (
	typeRefund   = "REFUND"
	typeReturn   = "RETURN"
	typeExchange = "EXCHANGE"
)

// afterSale is what a buyer asked for after paying. It is asked for, refused or
// accepted; goods are then awaited, on their way and received.
type afterSale struct {
	id, status, kind string
	created, updated time.Time
	line             orderLine
	amount           int64
	refusal          string
	waybill          string
	proofs           []string
	exchange         *exchange // nil unless of typeExchange
	talk             *talk     // nil unless it waits for the buyer's answer
	complaint        string    // the id of the dispute about it, if there is one
	phone            *virtualNumber
}

// over tells whether nothing can happen to the after-sale any more.
func (a *afterSale) over() bool {
	return slices.Contains([]string{refundDone, returnDone, exchangeDone, userCancelled}, a.status)
}

// newAfterSale is about the first line of an order, at its full price.
func newAfterSale(o *order, status string, at time.Time) *afterSale {
	l := o.lines[0]
	return &afterSale{id: "2" + o.idString()[1:], status: status, kind: typeRefund, created: at, updated: at, line: l,
		amount: l.SalePrice * int64(l.SkuCnt)}
}

const (
	maxAftersaleRange = 24 * 60 * 60 // seconds
	aftersalePage     = 20
)

// aftersaleList serves POST /channels/ec/aftersale/getaftersalelist.
func (s *Sim) aftersaleList(c *call, sh *shop) answer {
	var in struct {
		BeginCreate int64  `json:"begin_create_time"`
		EndCreate   int64  `json:"end_create_time"`
		BeginUpdate int64  `json:"begin_update_time"`
		EndUpdate   int64  `json:"end_update_time"`
		NextKey     string `json:"next_key"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	created, updated := dayRange(in.BeginCreate, in.EndCreate), dayRange(in.BeginUpdate, in.EndUpdate)
	if created == nil && updated == nil || !created.within(maxAftersaleRange) || !updated.within(maxAftersaleRange) {
		return s.fail(c, 10020004)
	}
	ids := []string{}
	for _, o := range slices.Backward(sh.orders) {
		if a := o.aftersale; a != nil && created.has(a.created) && updated.has(a.updated) {
			ids = append(ids, a.id)
		}
	}
	key := in.NextKey
	in.NextKey = ""
	page, next, more, ok := s.page(ids, "after-sales "+string(encode(in)), key, aftersalePage, aftersalePage)
	if !ok {
		return s.fail(c, 10020051)
	}
	return s.reply(c, "after_sale_order_id_list", page, "has_more", more, "next_key", next)
}

// dayRange is nil if neither end is given.
func dayRange(begin, end int64) *timeRange {
	if begin == 0 && end == 0 {
		return nil
	}
	return &timeRange{Start: begin, End: end}
}

// aftersaleOf reads the body into more and finds the after-sale with its order.
func (s *Sim) aftersaleOf(c *call, sh *shop, more any) (*order, int) {
	var in struct {
		ID idText `json:"after_sale_order_id"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return nil, bad
	}
	if bad := s.decode(c, more); bad != 0 {
		return nil, bad
	}
	if in.ID == "" {
		return nil, 10020051
	}
	for _, o := range sh.orders {
		if o.aftersale != nil && o.aftersale.id == string(in.ID) {
			return o, 0
		}
	}
	return nil, 10020000
}

// aftersaleGet serves POST /channels/ec/aftersale/getaftersaleorder.
func (s *Sim) aftersaleGet(c *call, sh *shop) answer {
	o, bad := s.aftersaleOf(c, sh, &struct{}{})
	if bad != 0 {
		return s.fail(c, bad)
	}
	a := o.aftersale
	unionid := ""
	if app := s.apps[sh.AppID]; app != nil && app.OpenPlatform != "" {
		unionid = o.unionid
	}
	fields := object{
		"after_sale_order_id", a.id, "status", a.status, "openid", o.openid, "unionid", unionid,
		"product_info", object{"product_id", a.line.ProductID, "sku_id", a.line.SkuID, "count", a.line.SkuCnt},
		"details", object{"desc", "", "receive_product", false, "prove_imgs", []string{}, "tel_number", ""},
		"refund_info", object{"amount", a.amount},
		"return_info", object{"waybill_id", a.waybill, "delivery_id", "", "delivery_name", ""},
		"merchant_upload_info", object{"reject_reason", a.refusal, "refund_certificates", orEmpty(a.proofs)},
		"create_time", a.created.Unix(), "update_time", a.updated.Unix(), "reason", "10000000",
		"refund_resp", object{"code", "", "ret", 0, "message", ""}, "type", a.kind, "order_id", o.idString()}
	return s.reply(c, "after_sale_order", append(fields, a.more(o)...))
}

// more is what only some after-sales show.
func (a *afterSale) more(o *order) (out object) {
	if x := a.exchange; x != nil {
		out = append(out, "exchange_product_info", object{"product_id", a.line.ProductID, "old_sku_id", a.line.SkuID, "new_sku_id", x.sku.SkuID,
			"product_cnt", a.line.SkuCnt, "old_sku_price", a.line.SalePrice, "new_sku_price", x.sku.SalePrice},
			"exchange_delivery_info", object{"waybill_id", x.waybill, "delivery_id", x.courier, "delivery_name", courierName(x.courier), "address_info", o.address()})
	}
	if a.talk != nil {
		out = append(out, "merchant_update_detail", a.talkDetail())
	}
	if a.complaint != "" {
		out = append(out, "complaint_id", a.complaint)
	}
	if a.phone != nil {
		out = append(out, "virtual_tel_num_info", a.phone.wire())
	}
	return out
}

// aftersaleAccept serves POST /channels/ec/aftersale/acceptapply. Goods that are
// to come back want the address to which they go. When those of an exchange have
// come, acceptexchangereship goes on.
func (s *Sim) aftersaleAccept(c *call, sh *shop) answer {
	var in struct {
		AddressID idText `json:"address_id"`
	}
	o, bad := s.aftersaleOf(c, sh, &in)
	if bad != 0 {
		return s.fail(c, bad)
	}
	a := o.aftersale
	switch {
	case a.status == refundAsked && a.kind == typeRefund:
		return s.moveAftersale(c, sh, o, refundDone)
	case a.status == refundAsked && !s.knownAddress(sh, in.AddressID):
		return s.fail(c, 10020051)
	case a.status == refundAsked:
		return s.moveAftersale(c, sh, o, returnAwaited)
	case a.status == returnOnTheWay && a.kind == typeExchange:
		return s.fail(c, wrongKindForCall)
	case a.status == returnOnTheWay:
		return s.moveAftersale(c, sh, o, returnDone)
	}
	return s.fail(c, 10020001)
}

// aftersaleReject serves POST /channels/ec/aftersale/rejectapply.
func (s *Sim) aftersaleReject(c *call, sh *shop) answer {
	var in struct {
		Reason string `json:"reject_reason"`
		Type   int    `json:"reject_reason_type"`
	}
	o, bad := s.aftersaleOf(c, sh, &in)
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case in.Reason == "" && in.Type == 0:
		return s.fail(c, 10020051)
	case o.aftersale.status != refundAsked && o.aftersale.status != returnOnTheWay:
		return s.fail(c, 10020001)
	case o.aftersale.status == returnOnTheWay && o.aftersale.kind == typeExchange:
		return s.fail(c, wrongKindForCall)
	}
	o.aftersale.refusal = in.Reason
	return s.moveAftersale(c, sh, o, refusedAs[o.aftersale.kind])
}

// aftersaleProof serves POST /channels/ec/aftersale/uploadrefundcertificate:
// pictures, by their media_id, of a refund that was made outside.
func (s *Sim) aftersaleProof(c *call, sh *shop) answer {
	var in struct {
		Proofs []string `json:"refund_certificates"`
		Desc   string   `json:"desc"`
	}
	o, bad := s.aftersaleOf(c, sh, &in)
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case len(in.Proofs) == 0 || in.Desc == "":
		return s.fail(c, 10020051)
	case o.aftersale.over():
		return s.fail(c, 10020001)
	case !sh.knownMedia(in.Proofs):
		return s.fail(c, 40007)
	}
	o.aftersale.proofs, o.aftersale.updated = in.Proofs, c.now
	return s.ok(c, okay)
}

// aftersaleReasons serves POST /channels/ec/aftersale/reason/get.
func (s *Sim) aftersaleReasons(c *call, _ *shop) answer {
	type reason struct {
		Reason string `json:"reason"`
		Text   string `json:"reason_text"`
	}
	return s.reply(c, "reason_list", []reason{{"10000002", "拍错/多拍"}, {"10000001", "缺货"}, {"10000000", "不想要了"}})
}

// moveAftersale gives an after-sale its next state and tells who listens.
func (s *Sim) moveAftersale(c *call, sh *shop, o *order, status string) answer {
	s.setAftersale(sh, o, status)
	return s.ok(c, okay)
}

func (s *Sim) setAftersale(sh *shop, o *order, status string) {
	o.aftersale.status, o.aftersale.updated, o.updated = status, s.Now(), s.Now()
	s.emitShop(sh.AppID, "channels_ec_aftersale_update", map[string]any{"finder_shop_aftersale_status_update": object{
		"status", status, "after_sale_order_id", o.aftersale.id, "order_id", o.idString()}})
}

// rejectReasons serves POST /channels/ec/aftersale/rejectreason/get.
func (s *Sim) rejectReasons(c *call, _ *shop) answer {
	return s.reply(c, "reason_list", []object{
		{"reject_reason_type", 6, "reject_reason_type_text", "已协商取消申请", "reject_reason", "已与您协商一致，先取消这次售后", "reject_scene", 1},
		{"reject_reason_type", 4, "reject_reason_type_text", "包裹已发出", "reject_reason", "包裹在申请售后时已经发出", "reject_scene", 4},
	})
}
