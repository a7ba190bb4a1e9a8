package shop

import "context"

const (
	pathSend       = "/channels/ec/order/delivery/send"
	pathSendMore   = "/channels/ec/order/delivery/compensation"
	pathSendUpdate = "/channels/ec/order/deliveryinfo/update"
	pathCompanies  = "/channels/ec/order/deliverycompanylist/new/get"
)

// OtherCompany is the id of a courier that WeChat does not list.
const OtherCompany = "OTHER"

// DeliverType is how a parcel goes.
type DeliverType int

// The ways a parcel goes.
const (
	ByCourier DeliverType = 1
	Virtual   DeliverType = 3 // nothing is sent; for orders that need no courier
	ByOwnCar  DeliverType = 6 // 自建物流, for [Client.SendMore] only
)

// UnmarshalJSON takes what [Int] takes.
func (t *DeliverType) UnmarshalJSON(b []byte) error { return readInt(b, t) }

// Parcel is a parcel to send.
type Parcel struct {
	CompanyID string       `json:"delivery_id,omitzero"` // from [Client.DeliveryCompanies], or [OtherCompany]
	WaybillID string       `json:"waybill_id,omitzero"`
	Type      DeliverType  `json:"deliver_type"`
	Items     []ParcelItem `json:"product_infos"`
}

// ParcelItem is what is in a parcel.
type ParcelItem struct {
	ProductID ID  `json:"product_id"`
	SkuID     ID  `json:"sku_id"`
	Count     Int `json:"product_cnt"`
}

// shipment is the body of the calls about the parcels of an order.
type shipment struct {
	ID      ID       `json:"order_id"`
	Parcels []Parcel `json:"delivery_list"`
}

// Send tells that parcels of an order are on their way. The order moves to 21 while
// something is missing, and to 30 with the last.
//
// Set 131. /doc/store/shop/API/channels-shop-delivery/delivery/api_senddelivery
func (c *Client) Send(ctx context.Context, id ID, parcels ...Parcel) error {
	return post(ctx, c, pathSend, shipment{id, parcels})
}

// MoreReason is why goods follow an order that was sent.
type MoreReason int

// The reasons to send more.
const (
	MoreForgotten MoreReason = 1
	MoreInParts   MoreReason = 2
	MoreBroken    MoreReason = 3
	MoreGift      MoreReason = 4
)

// SendMore tells of further parcels of an order that was sent, at most ten times.
// Each has a courier and a waybill, or goes [ByOwnCar].
//
// Set 131. /doc/store/shop/API/channels-shop-delivery/delivery/api_delivery_compensation
func (c *Client) SendMore(ctx context.Context, id ID, reason MoreReason, parcels ...Parcel) error {
	return post(ctx, c, pathSendMore, struct {
		shipment
		Reason MoreReason `json:"reason"`
	}{shipment{id, parcels}, reason})
}

// CorrectParcels replaces what was told of an order's parcels, such as a wrong
// waybill number.
//
// Set 131. /doc/store/shop/API/channels-shop-order/api_changedeliveryinfo
func (c *Client) CorrectParcels(ctx context.Context, id ID, parcels ...Parcel) error {
	return post(ctx, c, pathSendUpdate, shipment{id, parcels})
}

// DeliveryCompany is a courier.
type DeliveryCompany struct {
	ID   string `json:"delivery_id"`
	Name string `json:"delivery_name"`
}

// DeliveryCompanies lists the couriers that WeChat knows.
//
// Set 131. /doc/store/shop/API/channels-shop-delivery/delivery/api_getdeliverycompanylistnew
func (c *Client) DeliveryCompanies(ctx context.Context) ([]DeliveryCompany, error) {
	res, err := Call[struct {
		List []DeliveryCompany `json:"company_list"`
	}](ctx, c, pathCompanies, none{})
	return res.List, err
}
