package shop

import (
	"context"
	"iter"
)

const (
	pathDiscounts      = "/channels/ec/product/limiteddiscounttask/list/get"
	pathDiscountAdd    = "/channels/ec/product/limiteddiscounttask/add"
	pathDiscountStop   = "/channels/ec/product/limiteddiscounttask/stop"
	pathDiscountDelete = "/channels/ec/product/limiteddiscounttask/delete"
)

// DiscountStatus is where a flash sale (限时抢购) is.
type DiscountStatus int

// The states of flash sales.
const (
	DiscountPlanned DiscountStatus = 0
	DiscountRunning DiscountStatus = 1
	DiscountEnded   DiscountStatus = 2
)

var discountStatusNames = map[DiscountStatus]string{
	DiscountPlanned: "planned", DiscountRunning: "running", DiscountEnded: "ended",
}

// String returns a short lower-case name.
func (s DiscountStatus) String() string { return nameOf(discountStatusNames, s) }

// UnmarshalJSON takes what [Int] takes.
func (s *DiscountStatus) UnmarshalJSON(b []byte) error { return readInt(b, s) }

// Discount is a flash sale of one product. A product has one at a time that has
// not ended.
type Discount struct {
	ID        ID             `json:"task_id,omitzero"`
	ProductID ID             `json:"product_id"`
	Status    DiscountStatus `json:"status,omitzero"`
	CreatedAt Time           `json:"create_time,omitzero"`
	Start     Time           `json:"start_time"` // within a year
	End       Time           `json:"end_time"`
	Skus      []DiscountSku  `json:"limited_discount_skus"`
}

// DiscountSku is what a sku costs in a flash sale, and how much of its stock goes
// into it.
type DiscountSku struct {
	SkuID ID  `json:"sku_id"`
	Price Fen `json:"sale_price"`
	Stock Int `json:"sale_stock"`
}

// Discounts lists the shop's flash sales; status nil means any.
//
// Set 129. /doc/store/shop/API/channels-shop-product/limiteddiscounttask/api_getlimiteddiscounttasklist
func (c *Client) Discounts(ctx context.Context, status *DiscountStatus) iter.Seq2[Discount, error] {
	type body struct {
		Status   *DiscountStatus `json:"status,omitzero"`
		PageSize int             `json:"page_size"`
		NextKey  string          `json:"next_key,omitzero"`
	}
	type answer struct {
		Tasks   []Discount `json:"limited_discount_tasks"`
		NextKey string     `json:"next_key"`
		Total   Int        `json:"total_num"`
	}
	return walk(func(cursor string, _ int) (page[Discount], error) {
		return each(ctx, c, pathDiscounts, body{status, 50, cursor}, func(a answer) page[Discount] {
			return untilEmpty(a.Tasks, a.NextKey)
		})
	})
}

// discountID is the body of the calls that name a flash sale, and the answer of the
// one that makes one.
type discountID struct {
	ID ID `json:"task_id"`
}

// AddDiscount plans a flash sale and returns its id. Product, times and skus of d
// are sent.
//
// Set 129. /doc/store/shop/API/channels-shop-product/limiteddiscounttask/api_addlimiteddiscounttask
func (c *Client) AddDiscount(ctx context.Context, d Discount) (ID, error) {
	d = Discount{ProductID: d.ProductID, Start: d.Start, End: d.End, Skus: d.Skus}
	res, err := Call[discountID](ctx, c, pathDiscountAdd, d)
	return res.ID, err
}

// StopDiscount ends a flash sale, for good.
//
// Set 129. /doc/store/shop/API/channels-shop-product/limiteddiscounttask/api_stoplimiteddiscounttask
func (c *Client) StopDiscount(ctx context.Context, id ID) error {
	return post(ctx, c, pathDiscountStop, discountID{id})
}

// DeleteDiscount deletes a flash sale that has ended; 10020077 says that it has
// not.
//
// Set 129. /doc/store/shop/API/channels-shop-product/limiteddiscounttask/api_deletelimiteddiscounttask
func (c *Client) DeleteDiscount(ctx context.Context, id ID) error {
	return post(ctx, c, pathDiscountDelete, discountID{id})
}
