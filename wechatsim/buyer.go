package wechatsim

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Acts of a buyer, for [Sim.BuyerActs].
const (
	// BuyerPays an unpaid order.
	BuyerPays = "pay"
	// BuyerCancels an unpaid order.
	BuyerCancels = "cancel"
	// BuyerConfirms an order that is on its way.
	BuyerConfirms = "confirm"
	// BuyerWantsRefund of the first line of a paid order.
	BuyerWantsRefund = "refund"
	// BuyerWantsReturn of the first line of a paid order.
	BuyerWantsReturn = "return"
	// BuyerWantsExchange of the first line of a paid order for another sku.
	BuyerWantsExchange = "exchange"
	// BuyerSendsBack what the shop agreed to take back.
	BuyerSendsBack = "send-back"
	// BuyerMoves asks for another address of an order that is not sent yet.
	BuyerMoves = "move"
	// BuyerReceives what the shop sent in exchange.
	BuyerReceives = "receive"
	// BuyerAgrees to what the shop proposed by merchantupdateaftersale.
	BuyerAgrees = "agree"
	// BuyerDeclines what the shop proposed by merchantupdateaftersale.
	BuyerDeclines = "decline"
	// BuyerComplains to WeChat's service desk of a refusal in the last seven days.
	BuyerComplains = "complain"
	// DeskWantsProof is no buyer's act: the service desk asks the shop for proof in
	// a dispute.
	DeskWantsProof = "want-proof"
)

// ErrWrongMoment is returned when an order is not in a state for an act.
var ErrWrongMoment = errors.New("the order is not in a state for this: look at its status")

// BuyerActs plays the buyer of an order. The shop hears of it by the events
// that WeChat documents.
func (s *Sim) BuyerActs(appid, orderID, act string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.account(appid)
	sh := s.shops[appid]
	if sh == nil {
		return fmt.Errorf("shop %q: %w", appid, ErrNoApp)
	}
	s.furnish(sh)
	o := sh.findOrder(orderID)
	play := buyerActs[act]
	switch {
	case o == nil:
		return fmt.Errorf("order %q of shop %s does not exist: take an id of order/list/get", orderID, appid)
	case play == nil:
		return fmt.Errorf("unknown act %q: use one of %s", act, strings.Join(slices.Sorted(maps.Keys(buyerActs)), ", "))
	case !play(s, sh, o):
		return fmt.Errorf("%s order %s at status %d: %w", act, orderID, o.status, ErrWrongMoment)
	}
	o.updated = s.Now()
	return nil
}

// buyerActs are the acts by name. Each reports whether its moment was right.
var buyerActs = map[string]func(*Sim, *shop, *order) bool{
	BuyerPays: func(s *Sim, sh *shop, o *order) bool {
		if o.status != orderUnpaid {
			return false
		}
		o.status, o.paid = orderToShip, s.Now()
		s.tellOrder(sh, "channels_ec_order_pay", object{"order_id", o.idString(), "pay_time", strconv.FormatInt(o.paid.Unix(), 10)})
		return true
	},
	BuyerCancels: func(s *Sim, sh *shop, o *order) bool {
		if o.status != orderUnpaid {
			return false
		}
		o.status = orderCancelled
		s.tellOrder(sh, "channels_ec_order_cancel", object{"order_id", o.idString(), "cancel_type", 1})
		return true
	},
	BuyerConfirms: func(s *Sim, sh *shop, o *order) bool {
		if o.status != orderToReceive {
			return false
		}
		o.sent = o.parcels()
		o.status = orderDone
		s.tellOrder(sh, "channels_ec_order_confirm", object{"order_id", o.idString(), "confirm_type", 1})
		return true
	},
	BuyerWantsRefund:   func(s *Sim, sh *shop, o *order) bool { return s.askBack(sh, o, typeRefund) },
	BuyerWantsReturn:   func(s *Sim, sh *shop, o *order) bool { return s.askBack(sh, o, typeReturn) },
	BuyerWantsExchange: func(s *Sim, sh *shop, o *order) bool { return s.askBack(sh, o, typeExchange) },
	BuyerReceives:      (*Sim).receiveExchange,
	BuyerAgrees:        func(s *Sim, sh *shop, o *order) bool { return s.answerTalk(sh, o, true) },
	BuyerDeclines:      func(s *Sim, sh *shop, o *order) bool { return s.answerTalk(sh, o, false) },
	BuyerComplains:     (*Sim).complain,
	DeskWantsProof:     (*Sim).wantProof,
	BuyerSendsBack: func(s *Sim, sh *shop, o *order) bool {
		if o.aftersale == nil || o.aftersale.status != returnAwaited {
			return false
		}
		o.aftersale.waybill = "SF" + o.aftersale.id[:13]
		s.setAftersale(sh, o, returnOnTheWay)
		return true
	},
	BuyerMoves: func(_ *Sim, _ *shop, o *order) bool {
		if !o.notYetSent() {
			return false
		}
		to := o.receiver()
		to.County, to.Detail = "白云区", "示例大道8号"
		o.wanted = &to
		return true
	},
}

// tellOrder emits an event about an order.
func (s *Sim) tellOrder(sh *shop, event string, info object) {
	s.emitShop(sh.AppID, event, map[string]any{"order_info": info})
}

// askBack begins an after-sale. An order has one at a time; a refused one may
// be followed by another.
func (s *Sim) askBack(sh *shop, o *order, kind string) bool {
	paid := slices.Contains([]int{orderToShip, orderPartly, orderToReceive, orderDone}, o.status)
	again := o.aftersale == nil || o.aftersale.status == userCancelled || slices.Contains(refusals, o.aftersale.status)
	if !paid || !again {
		return false
	}
	o.aftersale = newAfterSale(o, refundAsked, s.Now())
	o.aftersale.kind = kind
	if kind == typeExchange {
		o.aftersale.exchange = sh.newExchange(&o.lines[0])
	}
	s.setAftersale(sh, o, refundAsked)
	return true
}

// serveBuyer serves POST /sim/shops/{appid}/orders/{order}/{act}.
func (s *Sim) serveBuyer(w http.ResponseWriter, r *http.Request) {
	answerControl(w, done, s.BuyerActs(r.PathValue("appid"), r.PathValue("order"), r.PathValue("act")))
}
