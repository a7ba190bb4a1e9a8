package wechatsim

import (
	"strconv"
	"time"
)

// phoneRoutes are the calls on virtual numbers (虚拟号), which ring at a buyer
// without saying who that is.
var phoneRoutes = map[string]route{
	"/channels/ec/order/virtualnumber/delay":      post(orderSets, (*Sim).phoneDelay),
	"/channels/ec/order/virtualnumber/applyagain": post(orderSets, (*Sim).phoneAgain),
	"/channels/ec/aftersale/applyvirtualtelnum":   post(orderSets, (*Sim).phoneOfAftersale),
}

// The pages say that a number can be kept longer in its last seven days, and
// that one of an after-sale lives 30 days from its beginning. How long the one
// of an order lives, and how often it can be kept longer, is the emulator's.
const (
	phoneLife = 30 * 24 * time.Hour
	phoneLate = 7 * 24 * time.Hour
	maxDelays = 3
)

// virtualNumber is a number with its end.
type virtualNumber struct {
	number, extension string
	ends              time.Time
	delays            int
	again             bool
}

func (n *virtualNumber) wire() object {
	return object{"virtual_tel_number", n.number, "virtual_tel_expire_time", n.ends.Unix()}
}

// newNumber derives a number from what it is for.
func newNumber(what string, ends time.Time) *virtualNumber {
	d, _ := strconv.ParseUint(Digest(what)[:8], 16, 64)
	return &virtualNumber{number: "1300000" + strconv.FormatUint(1000+d%9000, 10), extension: strconv.FormatUint(1000+d/9000%9000, 10), ends: ends}
}

// virtual is the number of a paid order, nil if the order has none.
func (o *order) virtual() *virtualNumber {
	if o.paid.IsZero() || o.status == orderUnpaid || o.status == orderCancelled {
		return nil
	}
	if o.phone == nil {
		o.phone = newNumber("order "+o.idString(), o.paid.Add(phoneLife))
	}
	return o.phone
}

// phoneDelay serves POST /channels/ec/order/virtualnumber/delay. The caller says
// how often the number was kept longer before, so that a call that is sent twice
// counts once.
func (s *Sim) phoneDelay(c *call, sh *shop) answer {
	var in struct {
		Times int `json:"has_delay_times"`
	}
	o, bad := s.orderOf(c, sh, &in)
	if bad != 0 {
		return s.fail(c, bad)
	}
	n := o.virtual()
	switch {
	case n == nil || n.delays == maxDelays || !c.now.Before(n.ends) || c.now.Before(n.ends.Add(-phoneLate)):
		return s.fail(c, 10020008)
	case in.Times != n.delays:
		return s.fail(c, 10020051)
	}
	n.delays++
	n.ends = n.ends.Add(phoneLife)
	return s.reply(c, "expiration", n.ends.Unix(), "available_extend_num", maxDelays-n.delays)
}

// phoneAgain serves POST /channels/ec/order/virtualnumber/applyagain: once, and
// only when the first number is over.
func (s *Sim) phoneAgain(c *call, sh *shop) answer {
	o, bad := s.orderOf(c, sh, nil)
	if bad != 0 {
		return s.fail(c, bad)
	}
	n := o.virtual()
	if n == nil || n.again || c.now.Before(n.ends) {
		return s.fail(c, 10020008)
	}
	o.phone = newNumber("order again "+o.idString(), c.now.Add(phoneLife))
	o.phone.again = true
	return s.reply(c, "virtual_number", o.phone.number, "extension", o.phone.extension, "apply_quota", 0)
}

// phoneOfAftersale serves POST /channels/ec/aftersale/applyvirtualtelnum. Asking
// again gives the same number.
func (s *Sim) phoneOfAftersale(c *call, sh *shop) answer {
	o, bad := s.aftersaleOf(c, sh, &struct{}{})
	switch {
	case bad == 10020051:
		return s.invalidArgs(c, "after_sale_order_id: expecting a value")
	case bad != 0:
		return s.fail(c, bad)
	case o.aftersale.over():
		return s.fail(c, 10020265)
	case c.now.Sub(o.aftersale.created) > phoneLife:
		return s.fail(c, 10020264)
	}
	a := o.aftersale
	if a.phone == nil {
		a.phone = newNumber("after-sale "+a.id, a.created.Add(phoneLife))
	}
	return s.reply(c, a.phone.wire()...)
}
