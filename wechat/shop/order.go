package shop

import (
	"context"
	"iter"
	"time"
)

const (
	pathOrders        = "/channels/ec/order/list/get"
	pathOrder         = "/channels/ec/order/get"
	pathOrderSearch   = "/channels/ec/order/search"
	pathOrderPrice    = "/channels/ec/order/price/update"
	pathOrderNotes    = "/channels/ec/order/merchantnotes/update"
	pathOrderAddress  = "/channels/ec/order/address/update"
	pathAddressAccept = "/channels/ec/order/addressmodify/accept"
	pathAddressReject = "/channels/ec/order/addressmodify/reject"
	pathDecode        = "/channels/ec/order/sensitiveinfo/decode"
)

// OrderStatus is where an order is in its life.
type OrderStatus int

// The states of orders.
const (
	OrderUnpaid        OrderStatus = 10
	OrderToShip        OrderStatus = 20
	OrderPartlyShipped OrderStatus = 21
	OrderToReceive     OrderStatus = 30
	OrderDone          OrderStatus = 100
	OrderCancelling    OrderStatus = 190
	OrderRefunded      OrderStatus = 200 // cancelled after after-sales of all its goods
	OrderCancelled     OrderStatus = 250 // unpaid, by the customer or by time
)

var orderStatusNames = map[OrderStatus]string{
	OrderUnpaid: "unpaid", OrderToShip: "to-ship", OrderPartlyShipped: "partly-shipped", OrderToReceive: "to-receive",
	OrderDone: "done", OrderCancelling: "cancelling", OrderRefunded: "refunded", OrderCancelled: "cancelled",
}

// String returns a short lower-case name.
func (s OrderStatus) String() string { return nameOf(orderStatusNames, s) }

// UnmarshalJSON takes what [Int] takes.
func (s *OrderStatus) UnmarshalJSON(b []byte) error { return readInt(b, s) }

// orderWindow is the widest range of times that a list of orders takes.
const orderWindow = 7 * 24 * time.Hour

// OrderQuery narrows [Client.Orders]. One of the ranges is needed; with both
// neither may be longer than 7 days.
type OrderQuery struct {
	Created Range
	// Updated counts from what happened last: paid, shipped, settled.
	Updated  Range
	Status   OrderStatus // 0 for any
	OpenID   string      // of one customer
	PageSize int         // up to 100, the default
}

// Orders lists the ids of orders. A single range longer than 7 days is read
// window by window, and an order whose time lies on a seam comes twice. Orders that
// change while the list is read move in a list by Updated: let the next range begin a
// little before this one ended.
//
// Set 131. /doc/store/shop/API/channels-shop-order/api_getorderlist
func (c *Client) Orders(ctx context.Context, q OrderQuery) iter.Seq2[ID, error] {
	switch {
	case q.Updated.IsZero() && !q.Created.IsZero():
		return inWindows(q.Created, orderWindow, func(w Range) iter.Seq2[ID, error] { return c.orders(ctx, q, w, Range{}) })
	case q.Created.IsZero() && !q.Updated.IsZero():
		return inWindows(q.Updated, orderWindow, func(w Range) iter.Seq2[ID, error] { return c.orders(ctx, q, Range{}, w) })
	case q.Created.IsZero():
		return func(yield func(ID, error) bool) { yield("", errRange) }
	}
	return c.orders(ctx, q, q.Created, q.Updated)
}

func (c *Client) orders(ctx context.Context, q OrderQuery, created, updated Range) iter.Seq2[ID, error] {
	type body struct {
		Created  *span       `json:"create_time_range,omitzero"`
		Updated  *span       `json:"update_time_range,omitzero"`
		Status   OrderStatus `json:"status,omitzero"`
		OpenID   string      `json:"openid,omitzero"`
		PageSize int         `json:"page_size"`
		NextKey  string      `json:"next_key"`
	}
	type answer struct {
		IDs     []ID   `json:"order_id_list"`
		NextKey string `json:"next_key"`
		More    Flag   `json:"has_more"`
	}
	return walk(func(cursor string, _ int) (page[ID], error) {
		b := body{spanOf(created), spanOf(updated), q.Status, q.OpenID, orDefault(q.PageSize, 100), cursor}
		return each(ctx, c, pathOrders, b, func(a answer) page[ID] {
			return page[ID]{items: a.IDs, next: a.NextKey, more: bool(a.More)}
		})
	})
}

// OrderSearch is what to look for. One of the texts is needed.
type OrderSearch struct {
	Title         string
	SkuCode       string
	UserName      string
	PhoneLast4    string // the last four digits; whole numbers are not searched any more
	OrderID       ID
	MerchantNotes string
	CustomerNotes string
	// AfterSale, if not nil, says whether the orders must have an after-sale
	// that is under way, or must have none.
	AfterSale *Bit
	Status    OrderStatus // 0 for any
	PageSize  int         // up to 100, the default
}

type searchCondition struct {
	Title         string `json:"title,omitzero"`
	SkuCode       string `json:"sku_code,omitzero"`
	UserName      string `json:"user_name,omitzero"`
	PhoneLast4    string `json:"tel_number_last4,omitzero"`
	OrderID       ID     `json:"order_id,omitzero"`
	MerchantNotes string `json:"merchant_notes,omitzero"`
	CustomerNotes string `json:"customer_notes,omitzero"`
}

func (s OrderSearch) condition() searchCondition {
	return searchCondition{s.Title, s.SkuCode, s.UserName, s.PhoneLast4, s.OrderID, s.MerchantNotes, s.CustomerNotes}
}

// SearchOrders lists the ids of the orders that match.
//
// Set 131. /doc/store/shop/API/channels-shop-order/api_searchorder
func (c *Client) SearchOrders(ctx context.Context, s OrderSearch) iter.Seq2[ID, error] {
	type body struct {
		Condition searchCondition `json:"search_condition"`
		AfterSale *Bit            `json:"on_aftersale_order_exist,omitzero"`
		Status    OrderStatus     `json:"status,omitzero"`
		PageSize  int             `json:"page_size"`
		NextKey   string          `json:"next_key"`
	}
	// The page's table and its sample name the list differently.
	type answer struct {
		IDs     []ID   `json:"orders"`
		Others  []ID   `json:"order_id_list"`
		NextKey string `json:"next_key"`
		More    Flag   `json:"has_more"`
	}
	return walk(func(cursor string, _ int) (page[ID], error) {
		b := body{s.condition(), s.AfterSale, s.Status, orDefault(s.PageSize, 100), cursor}
		return each(ctx, c, pathOrderSearch, b, func(a answer) page[ID] {
			return page[ID]{items: append(a.IDs, a.Others...), next: a.NextKey, more: bool(a.More)}
		})
	})
}

// orderID is the body of the calls that name an order.
type orderID struct {
	ID ID `json:"order_id"`
}

// Order reads an order. The receiver's data is masked: see [Client.Receiver].
//
// Set 131. /doc/store/shop/API/channels-shop-order/api_getorder
func (c *Client) Order(ctx context.Context, id ID) (*Order, error) {
	res, err := Call[struct {
		Order *Order `json:"order"`
	}](ctx, c, pathOrder, orderID{id})
	if err == nil && res.Order == nil {
		err = missing(pathOrder, "order")
	}
	return res.Order, err
}

// Receiver is who gets a parcel, in plain text.
type Receiver struct {
	Address Address       `json:"address_info"`
	Virtual VirtualNumber `json:"virtual_number_info,omitzero"`
}

// VirtualNumber is a phone number that forwards to the customer for a while.
type VirtualNumber struct {
	Number    string `json:"virtual_number,omitzero"`
	Extension string `json:"extension,omitzero"`
	ExpiresAt Time   `json:"expiration,omitzero"`
}

// Receiver decodes the receiver of an order: name, address, phone. It is
// personal data: WeChat counts the calls, with about 30 free ones a day, and so should
// you. Do not log the answer.
//
// Set 131. /doc/store/shop/API/channels-shop-order/api_decodesensitiveinfo
func (c *Client) Receiver(ctx context.Context, id ID) (*Receiver, error) {
	res, err := Call[struct {
		Address *Address      `json:"address_info"`
		Virtual VirtualNumber `json:"virtual_number_info"`
	}](ctx, c, pathDecode, orderID{id})
	if err != nil {
		return nil, err
	}
	if res.Address == nil {
		return nil, missing(pathDecode, "address_info")
	}
	return &Receiver{Address: *res.Address, Virtual: res.Virtual}, nil
}

// OrderPrice sets prices of an order that is not paid yet.
type OrderPrice struct {
	OrderID ID
	// Freight is the new price of delivery; nil leaves it.
	Freight *Fen
	Items   []ItemPrice
}

// ItemPrice is the new price of one item of an order, for all its pieces
// together.
type ItemPrice struct {
	ProductID ID  `json:"product_id"`
	SkuID     ID  `json:"sku_id"`
	Price     Fen `json:"change_price"`
}

// SetOrderPrice changes what an unpaid order costs.
//
// Set 131. /doc/store/shop/API/channels-shop-order/api_changeorderprice
func (c *Client) SetOrderPrice(ctx context.Context, p OrderPrice) error {
	return post(ctx, c, pathOrderPrice, struct {
		ID      ID          `json:"order_id"`
		Change  bool        `json:"change_express"`
		Freight *Fen        `json:"express_fee,omitzero"`
		Items   []ItemPrice `json:"change_order_infos,omitzero"`
	}{p.OrderID, p.Freight != nil, p.Freight, p.Items})
}

// SetOrderNotes replaces the merchant's notes on an order; customers do not see
// them.
//
// Set 131. /doc/store/shop/API/channels-shop-order/api_changemerchantnotes
func (c *Client) SetOrderNotes(ctx context.Context, id ID, notes string) error {
	return post(ctx, c, pathOrderNotes, struct {
		ID    ID     `json:"order_id"`
		Notes string `json:"merchant_notes"`
	}{id, notes})
}

// SetOrderAddress asks to change where an order goes. It goes there once the
// customer agreed.
//
// Set 131. /doc/store/shop/API/channels-shop-order/api_changeorderaddress
func (c *Client) SetOrderAddress(ctx context.Context, id ID, a Address) error {
	return post(ctx, c, pathOrderAddress, struct {
		ID      ID      `json:"order_id"`
		Address Address `json:"user_address"`
	}{id, a})
}

// AcceptAddressChange agrees to the address that the customer asked for.
//
// Set 131. /doc/store/shop/API/channels-shop-order/api_acceptorderaddressmodifyapply
func (c *Client) AcceptAddressChange(ctx context.Context, id ID) error {
	return post(ctx, c, pathAddressAccept, orderID{id})
}

// RejectAddressChange refuses the address that the customer asked for.
//
// Set 131. /doc/store/shop/API/channels-shop-order/api_rejectorderaddressmodifyapply
func (c *Client) RejectAddressChange(ctx context.Context, id ID) error {
	return post(ctx, c, pathAddressReject, orderID{id})
}
