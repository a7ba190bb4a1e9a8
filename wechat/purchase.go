package wechat

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// MaxServiceBuyers is how many buyers one page of [Client.ServiceBuyerList]
// may hold.
const MaxServiceBuyers = 10

// Purchase is a service that somebody bought.
type Purchase struct {
	Buyer
	ServiceID ID
	// Specs are what was bought of it.
	//
	// An empty list is no proof that nothing was bought: WeChat answers a token
	// of the wrong kind so, and some trial buyers. Never lock a merchant out
	// because of it; compare with [Client.PaidOrders].
	Specs []PaidSpec
}

// PaidSpec is how long one specification (规格) of a service is paid for.
// Packages with the same specification add up.
type PaidSpec struct {
	SpecID string
	// PaidUntil is zero when it was not told.
	PaidUntil time.Time
}

// PaidUntil returns the latest end of all specifications, zero when none was
// told.
func (p *Purchase) PaidUntil() time.Time {
	var latest time.Time
	for _, s := range p.Specs {
		if s.PaidUntil.After(latest) {
			latest = s.PaidUntil
		}
	}
	return latest
}

// ServiceBuyer is the answer of [Client.ServiceBuyer].
type ServiceBuyer struct {
	Meta
	Purchase
}

// ServiceBuyer asks until when somebody has paid for a service:
// /doc/oplatform/partner/service_market/interface/value_added/servicemarket_get_service_buyer.
// Mind what [Purchase.Specs] says about an empty answer.
func (c *Client) ServiceBuyer(ctx context.Context, token ComponentToken, service ID, buyer Buyer) (*ServiceBuyer, error) {
	number, ok := service.number()
	w, err := c.platformPost(pathServiceBuyer, token, nil, serviceBuyerBody{
		AppID: buyer.AppID, ServiceID: number, BuyerType: buyer.kind(), OpenID: buyer.OpenID,
	})
	if err != nil {
		return nil, err
	}
	if !ok || buyer.kind() == 0 {
		return nil, w.refuse("a service id in digits, and either appid or openid, are needed")
	}
	return answerOf(ctx, c, w, func(o object, meta Meta) (*ServiceBuyer, error) {
		return readServiceBuyer(o, meta, Purchase{Buyer: buyer, ServiceID: ID(number)})
	})
}

// serviceBuyerBody is the body of three calls. WeChat wants the service as a
// number, which Go writes without loss.
type serviceBuyerBody struct {
	AppID     string      `json:"appid"`
	ServiceID json.Number `json:"service_id"`
	BuyerType int         `json:"buyer_type"`
	OpenID    string      `json:"openid"`
}

// readServiceBuyer takes a missing buyer for an empty list, which is what
// WeChat says in other words at other times.
func readServiceBuyer(o object, meta Meta, asked Purchase) (*ServiceBuyer, error) {
	buyer := o.object("buyer")
	if buyer == nil && !isEmpty(o["buyer"]) {
		return nil, fmt.Errorf("%w: buyer is not an object", ErrMalformed)
	}
	got, err := readPurchase(buyer)
	if err != nil {
		return nil, err
	}
	if differs(got.AppID, asked.AppID) || differs(got.OpenID, asked.OpenID) || differs(string(got.ServiceID), string(asked.ServiceID)) {
		return nil, errOtherAccount
	}
	asked.Specs = got.Specs
	return &ServiceBuyer{Meta: meta, Purchase: asked}, nil
}

// readPurchase reads a buyer's row.
func readPurchase(o object) (Purchase, error) {
	rows, _, err := o.objects("spec_list")
	if err != nil {
		return Purchase{}, err
	}
	p := Purchase{Buyer: Buyer{AppID: o.text("appid"), OpenID: o.text("openid")}, ServiceID: o.id("service_id")}
	for _, row := range rows {
		spec := PaidSpec{SpecID: row.text("specification_id"), PaidUntil: row.moment("expire_time")}
		if spec != (PaidSpec{}) {
			p.Specs = append(p.Specs, spec)
		}
	}
	return p, nil
}

// ServiceBuyerPage is one page of a service's buyers.
type ServiceBuyerPage struct {
	Meta
	Buyers []Purchase
	// Total is how many buyers there are, 0 when WeChat did not tell.
	Total int
	// Skipped counts entries that name no buyer.
	Skipped int
}

// Rows returns how many entries the page had. The next page begins that much
// further.
func (p *ServiceBuyerPage) Rows() int { return len(p.Buyers) + p.Skipped }

// ServiceBuyerList returns shops and mini programs that bought a service, at
// most [MaxServiceBuyers], from offset on:
// /doc/oplatform/partner/service_market/interface/value_added/servicemarket_get_service_buyer_list.
// An empty list is no proof, see [Purchase.Specs].
func (c *Client) ServiceBuyerList(ctx context.Context, token ComponentToken, service ID, offset, limit int) (*ServiceBuyerPage, error) {
	number, ok := service.number()
	w, err := c.platformPost(pathServiceBuyerList, token, nil, serviceBuyerListBody{
		ServiceID: number, Offset: offset, Limit: limit, BuyerType: buyerAccount,
	})
	if err != nil {
		return nil, err
	}
	if !ok || offset < 0 || limit < 1 || limit > MaxServiceBuyers {
		return nil, w.refuse("a service id in digits, an offset from 0 and a limit of 1 to %d are needed", MaxServiceBuyers)
	}
	return answerOf(ctx, c, w, readServiceBuyerPage)
}

type serviceBuyerListBody struct {
	ServiceID json.Number `json:"service_id"`
	Offset    int         `json:"offset"`
	Limit     int         `json:"limit"`
	BuyerType int         `json:"buyer_type"`
}

func readServiceBuyerPage(o object, meta Meta) (*ServiceBuyerPage, error) {
	rows, skipped, err := o.objects("buyer_list")
	if err != nil {
		return nil, err
	}
	total, err := o.integer("count")
	if err != nil || total < 0 {
		total = 0
	}
	p := &ServiceBuyerPage{Meta: meta, Total: int(total), Skipped: skipped}
	for _, row := range rows {
		buyer, err := readPurchase(row)
		if err != nil || buyer.Buyer.kind() == 0 {
			p.Skipped++
			continue
		}
		p.Buyers = append(p.Buyers, buyer)
	}
	return p, nil
}

// PaidOrder is an order of the service market.
type PaidOrder struct {
	OrderID   ID // exceeds 2^53
	ServiceID ID
	SpecID    string
	// EffectiveAt and ExpiresAt are when the order's time runs, zero when not
	// told.
	EffectiveAt, ExpiresAt time.Time
	// TotalFen is what was paid, in fen (分).
	TotalFen int64
}

// PaidOrderPage is one page of a buyer's orders.
type PaidOrderPage struct {
	Meta
	Orders []PaidOrder
	// Skipped counts entries without an order id.
	Skipped int
}

// Rows returns how many entries the page had. The next page begins that much
// further; a page without rows is behind the end.
func (p *PaidOrderPage) Rows() int { return len(p.Orders) + p.Skipped }

// PaidOrders returns the orders that a buyer paid, from offset on:
// /doc/oplatform/partner/service_market/interface/value_added/servicemarket_get_paid_order_list.
// An empty service asks for the orders of all services. WeChat publishes no
// largest limit; its page shows 20. An empty list is no proof, see
// [Purchase.Specs].
func (c *Client) PaidOrders(ctx context.Context, token ComponentToken, service ID, buyer Buyer, offset, limit int) (*PaidOrderPage, error) {
	number, ok := service.number()
	w, err := c.platformPost(pathPaidOrders, token, nil, paidOrdersBody{
		serviceBuyerBody: serviceBuyerBody{AppID: buyer.AppID, ServiceID: number, BuyerType: buyer.kind(), OpenID: buyer.OpenID},
		Offset:           offset, Limit: limit,
	})
	if err != nil {
		return nil, err
	}
	if !ok && service != "" || buyer.kind() == 0 || offset < 0 || limit < 1 {
		return nil, w.refuse("a service id in digits or none, either appid or openid, an offset from 0 and a limit from 1 are needed")
	}
	return answerOf(ctx, c, w, readPaidOrders)
}

type paidOrdersBody struct {
	serviceBuyerBody
	Offset int `json:"offset"`
	Limit  int `json:"limit"`
}

// readPaidOrders leaves out the buyer's phone number, which some orders hold.
func readPaidOrders(o object, meta Meta) (*PaidOrderPage, error) {
	rows, skipped, err := o.objects("order_list")
	if err != nil {
		return nil, err
	}
	p := &PaidOrderPage{Meta: meta, Skipped: skipped}
	for _, row := range rows {
		order := PaidOrder{
			OrderID: row.id("order_id"), ServiceID: row.id("service_id"), SpecID: row.text("specification_id"),
			EffectiveAt: row.moment("effective_time"), ExpiresAt: row.moment("expire_time"),
		}
		if order.OrderID == "" {
			p.Skipped++
			continue
		}
		if order.TotalFen, err = row.integer("total_price"); err != nil {
			order.TotalFen = 0
		}
		p.Orders = append(p.Orders, order)
	}
	return p, nil
}
