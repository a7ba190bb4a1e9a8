package wechatsim

import (
	"strconv"
	"time"
)

// marketBody is what the calls of the service market take. The pages write ids
// as numbers; strings are read as well.
type marketBody struct {
	Code      string `json:"code"`
	AppID     string `json:"appid"`
	OpenID    string `json:"openid"`
	ServiceID idText `json:"service_id"`
	BuyerType int    `json:"buyer_type"`
	Offset    int    `json:"offset"`
	Limit     int    `json:"limit"`
}

const (
	buyerAccount = 1 // a mini program or a shop
	buyerPerson  = 2 // a WeChat user; the emulator has none that buys
)

// marketIn reads a body of the market. wrong means that the caller's token is
// none of a component, which these calls do not complain about.
func (s *Sim) marketIn(c *call) (in marketBody, wrong bool, bad int) {
	bad = s.decode(c, &in)
	if in.BuyerType == 0 {
		in.BuyerType = buyerAccount
	}
	wrong = c.tokenKind != kindComponent
	if bad == 0 && wrong && !s.sw.MarketWrongTokenEmpty {
		bad = 48001
	}
	return in, wrong, bad
}

func (in *marketBody) service() uint64 {
	n, err := strconv.ParseUint(string(in.ServiceID), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// marketID writes an id as a number, as the pages show it, or as a string.
func (s *Sim) marketID(id uint64) any {
	if s.sw.MarketIDsAsStrings {
		return strconv.FormatUint(id, 10)
	}
	return id
}

// loginAuth serves POST /wxa/servicemarket/service/login_auth. Whatever is
// wrong with the code or with the kind of token is 10001.
func (s *Sim) loginAuth(c *call, p *app) answer {
	var in struct {
		Code string `json:"code"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	k := s.platformCodes[in.Code]
	if c.tokenKind != kindComponent || k == nil || k.kind != codeMarket || k.component != p.AppID || k.used || !c.now.Before(k.ends) {
		return s.fail(c, 10001)
	}
	k.used = !s.sw.MarketCodeReusable
	return s.ok(c, struct {
		okHead
		OrderID   any    `json:"order_id"`
		OpenID    string `json:"openid"`
		AppID     string `json:"appid"`
		ServiceID any    `json:"service_id"`
		SKUID     string `json:"sku_id"`
		SpecID    string `json:"spec_id"`
	}{okay, s.marketID(k.order.id), "", k.order.buyer, s.marketID(k.order.service), k.order.spec.SKUID, k.order.spec.SpecID})
}

// checkAuth serves POST /product/service/check_auth, the exchange of the old
// 小商店. To it every code of a shop is unknown.
func (s *Sim) checkAuth(c *call, _ *app) answer {
	var in struct {
		Code string `json:"code"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	return s.fail(c, 1)
}

type specExpiry struct {
	SpecID  string `json:"specification_id"`
	Expires int64  `json:"expire_time"`
}

type buyerDoc struct {
	AppID     string       `json:"appid"`
	ServiceID any          `json:"service_id"`
	Specs     []specExpiry `json:"spec_list"`
}

// buyerDoc sums up a buyer's orders: per spec id the last end. Trials may be
// missing.
func (s *Sim) buyerDoc(p *app, buyer string, service uint64) buyerDoc {
	out := buyerDoc{AppID: buyer, ServiceID: s.marketID(service), Specs: []specExpiry{}}
	ends, names := map[string]time.Time{}, []string{}
	for _, o := range s.ordersOf(p, buyer, service) {
		if o.spec.Price == 0 && s.sw.TrialBuyersMissing {
			continue
		}
		if _, seen := ends[o.spec.SpecID]; !seen {
			names = append(names, o.spec.SpecID)
		}
		if o.expires.After(ends[o.spec.SpecID]) {
			ends[o.spec.SpecID] = o.expires
		}
	}
	for _, name := range names {
		out.Specs = append(out.Specs, specExpiry{name, ends[name].Unix()})
	}
	return out
}

// serviceBuyer serves POST /wxa/servicemarket/service/get_service_buyer.
func (s *Sim) serviceBuyer(c *call, p *app) answer {
	in, wrong, bad := s.marketIn(c)
	if bad != 0 {
		return s.fail(c, bad)
	}
	out := buyerDoc{ServiceID: s.marketID(0), Specs: []specExpiry{}}
	if !wrong && in.BuyerType == buyerAccount {
		if in.AppID == "" || in.service() == 0 {
			return s.fail(c, 40035)
		}
		out = s.buyerDoc(p, in.AppID, in.service())
	}
	return s.ok(c, struct {
		okHead
		Buyer buyerDoc `json:"buyer"`
	}{okay, out})
}

const maxBuyers = 10

// serviceBuyerList serves POST /wxa/servicemarket/service/get_service_buyer_list.
func (s *Sim) serviceBuyerList(c *call, p *app) answer {
	in, wrong, bad := s.marketIn(c)
	if bad != 0 {
		return s.fail(c, bad)
	}
	if in.Limit < 1 || in.Limit > maxBuyers || in.Offset < 0 {
		return s.fail(c, 40035)
	}
	list, total := []buyerDoc{}, 0
	if !wrong && in.BuyerType == buyerAccount {
		all := p.platform.buyers[in.service()]
		total = len(all)
		for _, buyer := range window(all, in.Offset, in.Limit) {
			list = append(list, s.buyerDoc(p, buyer, in.service()))
		}
	}
	return s.ok(c, struct {
		okHead
		Buyers []buyerDoc `json:"buyer_list"`
		Count  int        `json:"count"`
	}{okay, list, total})
}

type paidOrder struct {
	OrderID   any    `json:"order_id"`
	Effective int64  `json:"effective_time"`
	Expires   int64  `json:"expire_time"`
	SpecID    string `json:"specification_id"`
	ServiceID any    `json:"service_id"`
	Price     int64  `json:"total_price"` // fen
}

// paidOrderList serves POST /wxa/servicemarket/get_paid_order_list. Without a
// service it lists the orders of all services of the component.
func (s *Sim) paidOrderList(c *call, p *app) answer {
	in, wrong, bad := s.marketIn(c)
	if bad != 0 {
		return s.fail(c, bad)
	}
	if in.Limit < 1 || in.Offset < 0 || in.BuyerType == buyerAccount && in.AppID == "" {
		return s.fail(c, 40035)
	}
	list := []paidOrder{}
	if !wrong && in.BuyerType == buyerAccount {
		for _, o := range window(s.ordersOf(p, in.AppID, in.service()), in.Offset, in.Limit) {
			list = append(list, paidOrder{s.marketID(o.id), o.effective.Unix(), o.expires.Unix(), o.spec.SpecID, s.marketID(o.service), o.spec.Price})
		}
	}
	return s.ok(c, struct {
		okHead
		Orders []paidOrder `json:"order_list"`
	}{okay, list})
}
