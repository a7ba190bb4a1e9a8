package shop

import "context"

const (
	pathPhoneAgain     = "/channels/ec/order/virtualnumber/applyagain"
	pathPhoneDelay     = "/channels/ec/order/virtualnumber/delay"
	pathPhoneAfterSale = "/channels/ec/aftersale/applyvirtualtelnum"
)

// NewNumber is a virtual number that was asked for again.
type NewNumber struct {
	Number    string `json:"virtual_number"`
	Extension string `json:"extension,omitzero"`
	Left      Int    `json:"apply_quota"` // how often one may ask again
}

// RenewNumber asks for another virtual number of an order whose number has
// expired. WeChat grants it once.
//
// Set 131. /doc/store/shop/API/channels-shop-order/api_applyvirtualnumberagain
func (c *Client) RenewNumber(ctx context.Context, order ID) (*NewNumber, error) {
	res, err := Call[NewNumber](ctx, c, pathPhoneAgain, orderID{order})
	if err == nil && res.Number == "" {
		err = missing(pathPhoneAgain, "virtual_number")
	}
	if err != nil {
		return nil, err
	}
	return &res, nil
}

// Extension is how long a virtual number lives on.
type Extension struct {
	ExpiresAt Time `json:"expiration"`
	Left      Int  `json:"available_extend_num"` // how often one may extend
}

// ExtendNumber lets the virtual number of an order live on, in the seven days
// before it expires. extended is how often that was done: [OrderPhone].Extended.
//
// Set 131. /doc/store/shop/API/channels-shop-order/api_delayvirtualnumber
func (c *Client) ExtendNumber(ctx context.Context, order ID, extended int) (*Extension, error) {
	res, err := Call[Extension](ctx, c, pathPhoneDelay, struct {
		ID       ID  `json:"order_id"`
		Extended int `json:"has_delay_times"`
	}{order, extended})
	if err != nil {
		return nil, err
	}
	return &res, nil
}

// AfterSaleNumber returns a virtual number of the customer of an after-sale. It
// lives for 30 days at most, and ends with the after-sale.
//
// Set 131. /doc/store/shop/API/channels-shop-aftersale/api_applyvirtualtelnum
func (c *Client) AfterSaleNumber(ctx context.Context, id ID) (*VirtualPhone, error) {
	res, err := Call[VirtualPhone](ctx, c, pathPhoneAfterSale, afterSaleID{id})
	if err == nil && res.Number == "" {
		err = missing(pathPhoneAfterSale, "virtual_tel_number")
	}
	if err != nil {
		return nil, err
	}
	return &res, nil
}
