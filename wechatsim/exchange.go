package wechatsim

import "slices"

// exchangeRoutes are the calls on goods that go both ways, and on talks about
// an after-sale.
var exchangeRoutes = map[string]route{
	"/channels/ec/aftersale/acceptexchangereship":    post(orderSets, (*Sim).exchangeShip),
	"/channels/ec/aftersale/rejectexchangereship":    post(orderSets, (*Sim).exchangeRefuse),
	"/channels/ec/aftersale/merchantupdateaftersale": post(orderSets, (*Sim).aftersaleTalk),
}

// Words of the pages for what is wrong with a call on an after-sale.
const (
	badAftersaleField = 9700224
	wrongKindForCall  = 10021041
)

// exchange is what of an after-sale is about other goods: which the buyer wants,
// and how the shop sent them.
type exchange struct {
	sku              skuDoc
	courier, waybill string
}

// newExchange wants another sku of the same product, or the same again if there
// is none.
func (sh *shop) newExchange(l *orderLine) *exchange {
	x := &exchange{sku: skuDoc{SkuID: l.SkuID, SalePrice: l.SalePrice}}
	if p := sh.find(idText(l.ProductID)); p != nil {
		skus := p.newest().Skus
		if i := slices.IndexFunc(skus, func(k skuDoc) bool { return k.SkuID != l.SkuID }); i >= 0 {
			x.sku = skus[i]
		}
	}
	return x
}

// exchangeOf reads the body into more and finds an exchange whose old goods are
// on their way back or here.
func (s *Sim) exchangeOf(c *call, sh *shop, more any) (*order, int) {
	o, bad := s.aftersaleOf(c, sh, more)
	switch {
	case bad == 10020051:
		return nil, badAftersaleField
	case bad != 0:
		return nil, bad
	case o.aftersale.kind != typeExchange:
		return nil, wrongKindForCall
	case o.aftersale.status != returnOnTheWay:
		return nil, 10020001
	}
	return o, 0
}

// exchangeShip serves POST /channels/ec/aftersale/acceptexchangereship: the old
// goods came, the new ones go.
func (s *Sim) exchangeShip(c *call, sh *shop) answer {
	var in struct {
		Waybill string `json:"waybill_id"`
		Courier string `json:"delivery_id"`
	}
	bad := s.decode(c, &in)
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case in.Waybill == "" || !knownCourier(in.Courier):
		return s.fail(c, badAftersaleField)
	}
	o, bad := s.exchangeOf(c, sh, &struct{}{})
	if bad != 0 {
		return s.fail(c, bad)
	}
	o.aftersale.exchange.courier, o.aftersale.exchange.waybill = in.Courier, in.Waybill
	return s.moveAftersale(c, sh, o, exchangeSent)
}

// exchangeRefuse serves POST /channels/ec/aftersale/rejectexchangereship. The
// pages want neither reason nor pictures.
func (s *Sim) exchangeRefuse(c *call, sh *shop) answer {
	var in struct {
		Reason string   `json:"reject_reason"`
		Type   int      `json:"reject_reason_type"`
		Proofs []string `json:"reject_certificates"`
	}
	o, bad := s.exchangeOf(c, sh, &in)
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case !sh.knownMedia(in.Proofs):
		return s.fail(c, 40007)
	}
	o.aftersale.refusal = in.Reason
	return s.moveAftersale(c, sh, o, exchangeKept)
}

// knownMedia tells whether all of these files were uploaded.
func (sh *shop) knownMedia(ids []string) bool {
	return !slices.ContainsFunc(ids, func(id string) bool { return sh.desk().media.get(idText(id)) == nil })
}

// Ways of a talk about an after-sale.
const (
	talkCancel = 1 // both agreed: the buyer may withdraw
	talkProof  = 2 // the buyer shall look again and prove
	talkChange = 3 // another kind or amount
)

// talkReasons are the first of the reasons on the page: the way each belongs to,
// and whether it wants pictures.
var talkReasons = map[int]struct {
	way      int
	pictures bool
}{6: {talkChange, true}, 7: {talkProof, true}, 8: {talkChange, false}, 9: {talkCancel, true}, 10: {talkChange, true}, 11: {talkChange, true}}

// talkKinds are the kinds of after-sale that a talk may lead to.
var talkKinds = map[int]string{1: typeRefund, 2: typeReturn}

// talk is what the shop proposes to the buyer, and waits for an answer to.
type talk struct {
	Type   int      `json:"type"`
	Amount *int64   `json:"amount"` // fen
	Desc   string   `json:"merchant_update_desc"`
	Reason int      `json:"update_reason_type"`
	Way    int      `json:"merchant_update_type"`
	Media  []string `json:"media_ids"`
}

// ok tells whether the fields of a talk are there and fit each other.
func (t *talk) ok() bool {
	reason, known := talkReasons[t.Reason]
	switch {
	case talkKinds[t.Type] == "", t.Desc == "", t.Reason <= 0, t.Way < talkCancel, t.Way > talkChange:
		return false
	case t.Amount == nil || *t.Amount < 1:
		return false
	}
	return !known || reason.way == t.Way && (!reason.pictures || len(t.Media) > 0)
}

// aftersaleTalk serves POST /channels/ec/aftersale/merchantupdateaftersale. The
// after-sale then waits for the buyer.
func (s *Sim) aftersaleTalk(c *call, sh *shop) answer {
	var in talk
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	if !in.ok() {
		return s.fail(c, badAftersaleField)
	}
	o, bad := s.aftersaleOf(c, sh, &struct{}{})
	switch {
	case bad == 10020051:
		return s.fail(c, badAftersaleField)
	case bad != 0:
		return s.fail(c, bad)
	case *in.Amount > o.aftersale.line.SalePrice*int64(o.aftersale.line.SkuCnt):
		return s.fail(c, badAftersaleField)
	case !sh.knownMedia(in.Media):
		return s.fail(c, 40007)
	case o.aftersale.status != refundAsked:
		return s.fail(c, 10020001)
	}
	o.aftersale.talk = &in
	return s.moveAftersale(c, sh, o, talkAwaited)
}

// talkDetail is a talk as getaftersaleorder shows it.
func (a *afterSale) talkDetail() object {
	numbers := map[string]int{typeRefund: 1, typeReturn: 2, typeExchange: 3}
	return object{"merchant_update_type", a.talk.Way, "update_reason_type", a.talk.Reason, "merchant_update_desc", a.talk.Desc,
		"old_after_sale_type", numbers[a.kind], "new_after_sale_type", a.talk.Type,
		"old_after_sale_amount", a.amount, "new_after_sale_amount", *a.talk.Amount, "media_ids", orEmpty(a.talk.Media)}
}

// agree is the buyer's yes. Money goes at once, as the page says; goods to be
// sent back still want the shop's address.
func (a *afterSale) agree() (status string) {
	t := a.talk
	if t.Way == talkCancel {
		return userCancelled
	}
	if t.Way == talkProof {
		return refundAsked
	}
	a.kind, a.amount, a.exchange = talkKinds[t.Type], *t.Amount, nil
	if a.kind == typeRefund {
		return refundDone
	}
	return refundAsked
}

// answerTalk gives the buyer's answer to what the shop proposed.
func (s *Sim) answerTalk(sh *shop, o *order, yes bool) bool {
	a := o.aftersale
	if a == nil || a.status != talkAwaited {
		return false
	}
	status := refundAsked
	if yes {
		status = a.agree()
	}
	a.talk = nil
	s.setAftersale(sh, o, status)
	return true
}

// receiveExchange is the end of an exchange.
func (s *Sim) receiveExchange(sh *shop, o *order) bool {
	if o.aftersale == nil || o.aftersale.status != exchangeSent {
		return false
	}
	s.setAftersale(sh, o, exchangeDone)
	return true
}
