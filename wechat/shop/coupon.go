package shop

import (
	"context"
	"iter"
)

const (
	pathCoupons      = "/channels/ec/coupon/get_list"
	pathCoupon       = "/channels/ec/coupon/get"
	pathCouponAdd    = "/channels/ec/coupon/create"
	pathCouponUpdate = "/channels/ec/coupon/update"
	pathCouponStatus = "/channels/ec/coupon/update_status"
	pathUserCoupons  = "/channels/ec/coupon/get_user_coupon_list"
	pathUserCoupon   = "/channels/ec/coupon/get_user_coupon"
)

// CouponType is what a coupon is good for. Those from 101 on are for the whole
// shop, those below for named goods.
type CouponType int

// The kinds of coupons.
const (
	ProductDiscountFrom CouponType = 1 // a share, from so many pieces
	ProductOffFrom      CouponType = 2 // an amount, from a price
	ProductDiscount     CouponType = 3
	ProductOff          CouponType = 4
	ShopDiscountFrom    CouponType = 101
	ShopOffFrom         CouponType = 102
	ShopDiscount        CouponType = 103
	ShopOff             CouponType = 104
)

// UnmarshalJSON takes what [Int] takes.
func (t *CouponType) UnmarshalJSON(b []byte) error { return readInt(b, t) }

// CouponInput is a coupon to write. WeChat bounds its use: not below 20 % of a price,
// at most ¥200 off.
type CouponInput struct {
	// ID names the coupon for an update; AddCoupon leaves it out.
	ID       ID              `json:"coupon_id,omitzero"`
	Type     CouponType      `json:"type"`
	Name     string          `json:"name"` // up to 10 Chinese characters
	Promote  CouponPromote   `json:"promote_info"`
	Discount CouponDiscount  `json:"discount_info,omitzero"`
	Receive  CouponReceive   `json:"receive_info"`
	Valid    CouponValid     `json:"valid_info,omitzero"`
	Extra    CouponExtra     `json:"ext_info,omitzero"`
	Auto     CouponAutoValid `json:"auto_valid_info,omitzero"`
}

// CouponPromote says where customers get a coupon.
type CouponPromote struct {
	Type Int `json:"promote_type"` // 1 in the shop, 9 for members, 10 for new members
}

// CouponDiscount is what a coupon is worth: Share or Off.
type CouponDiscount struct {
	Condition CouponCondition `json:"discount_condition,omitzero"`
	// Share of the price in ten-thousandths: 5000 is half. In steps of 100,
	// from 2000 to 10000.
	Share Int `json:"discount_num,omitzero"`
	Off   Fen `json:"discount_fee,omitzero"`
}

// CouponCondition says from when on a coupon counts. Pieces and Price exclude
// each other.
type CouponCondition struct {
	Pieces   Int  `json:"product_cnt,omitzero"`
	Price    Fen  `json:"product_price,omitzero"`
	Products []ID `json:"product_ids,omitzero"` // up to 2000, for coupons on goods
}

// CouponReceive says when and how often customers take a coupon.
type CouponReceive struct {
	Start     Time `json:"start_time,omitzero"`
	End       Time `json:"end_time,omitzero"`
	PerPerson Int  `json:"limit_num_one_person,omitzero"`
	Total     Int  `json:"total_num,omitzero"`
}

// CouponValid says when a coupon counts: from Start to End with Type 1, so many
// Days from when it was taken with Type 2.
type CouponValid struct {
	Type  Int  `json:"valid_type"`
	Days  Int  `json:"valid_day_num,omitzero"`
	Start Time `json:"start_time,omitzero"`
	End   Time `json:"end_time,omitzero"`
}

// CouponExtra is what else belongs to a coupon.
type CouponExtra struct {
	JumpProductID ID     `json:"jump_product_id,omitzero"` // shown after taking
	Notes         string `json:"notes,omitzero"`
	ValidAt       Time   `json:"valid_time,omitzero"`
	InvalidAt     Time   `json:"invalid_time,omitzero"`
}

// CouponAutoValid lets a coupon begin by itself when customers may take it.
type CouponAutoValid struct {
	On Bit `json:"auto_valid_type"`
}

// Coupon is a coupon as WeChat tells it.
type Coupon struct {
	ID        ID          `json:"coupon_id"`
	Type      CouponType  `json:"type"`
	Status    Int         `json:"status"`
	CreatedAt Time        `json:"create_time,omitzero"`
	UpdatedAt Time        `json:"update_time,omitzero"`
	Info      CouponInfo  `json:"coupon_info"`
	Stock     CouponStock `json:"stock_info,omitzero"`
}

// CouponInfo is what a coupon says.
type CouponInfo struct {
	Name     string          `json:"name"`
	Promote  CouponPromote   `json:"promote_info,omitzero"`
	Discount CouponDiscount  `json:"discount_info,omitzero"`
	Receive  CouponReceive   `json:"receive_info,omitzero"`
	Valid    CouponValid     `json:"valid_info,omitzero"`
	Extra    CouponExtra     `json:"ext_info,omitzero"`
	Auto     CouponAutoValid `json:"auto_valid_info,omitzero"`
}

// CouponStock counts coupons.
type CouponStock struct {
	Issued Int `json:"issued_num"`
	Taken  Int `json:"receive_num"`
	Used   Int `json:"used_num"`
}

// couponID is the body of the call that names a coupon.
type couponID struct {
	ID ID `json:"coupon_id"`
}

// writeCoupon sends a coupon and returns its id.
func (c *Client) writeCoupon(ctx context.Context, path string, in CouponInput) (ID, error) {
	res, err := Call[struct {
		Data couponID `json:"data"`
	}](ctx, c, path, in)
	return res.Data.ID, err
}

// AddCoupon makes a coupon and returns its id. Customers get it once its
// status says so: see [Client.SetCouponStatus].
//
// Set 132. /doc/store/shop/API/coupon/api_createcoupon
func (c *Client) AddCoupon(ctx context.Context, in CouponInput) (ID, error) {
	in.ID = ""
	return c.writeCoupon(ctx, pathCouponAdd, in)
}

// UpdateCoupon replaces the coupon with in.ID.
//
// Set 132. /doc/store/shop/API/coupon/api_updatecoupon
func (c *Client) UpdateCoupon(ctx context.Context, in CouponInput) error {
	_, err := c.writeCoupon(ctx, pathCouponUpdate, in)
	return err
}

// SetCouponStatus moves a coupon through its life; the page names the states.
//
// Set 132. /doc/store/shop/API/coupon/api_updatecouponstatus
func (c *Client) SetCouponStatus(ctx context.Context, id ID, status int) error {
	return post(ctx, c, pathCouponStatus, struct {
		couponID
		Status int `json:"status"`
	}{couponID{id}, status})
}

// Coupon reads a coupon.
//
// Set 132. /doc/store/shop/API/coupon/api_getcoupon
func (c *Client) Coupon(ctx context.Context, id ID) (*Coupon, error) {
	res, err := Call[struct {
		Coupon *Coupon `json:"coupon"`
	}](ctx, c, pathCoupon, couponID{id})
	if err == nil && res.Coupon == nil {
		err = missing(pathCoupon, "coupon")
	}
	return res.Coupon, err
}

// couponPageSize is how many coupons come with one call; WeChat allows 200.
const couponPageSize = 200

// couponPage is the body of the lists of coupons: page numbers from 1, with a
// context from the page before.
type couponPage struct {
	OpenID   string `json:"openid,omitzero"`
	Status   *int   `json:"status,omitzero"`
	Page     int    `json:"page"`
	PageSize int    `json:"page_size"`
	Context  string `json:"page_ctx,omitzero"`
}

// Coupons lists the ids of coupons; status nil means any.
//
// Set 132. /doc/store/shop/API/coupon/api_getcouponlist
func (c *Client) Coupons(ctx context.Context, status *int) iter.Seq2[ID, error] {
	type answer struct {
		List    []couponID `json:"coupons"`
		Total   Int        `json:"total_num"`
		Context string     `json:"page_ctx"`
	}
	return walkNumbers(func(number int, context string) (numbered[ID], error) {
		res, err := Call[answer](ctx, c, pathCoupons, couponPage{"", status, number, couponPageSize, context})
		ids := make([]ID, len(res.List))
		for i, item := range res.List {
			ids[i] = item.ID
		}
		return numbered[ID]{ids, res.Total, res.Context}, err
	})
}

// UserCouponRef names a coupon in a customer's hands.
type UserCouponRef struct {
	ID       ID `json:"user_coupon_id"`
	CouponID ID `json:"coupon_id,omitzero"`
}

// UserCoupons lists the coupons of a customer; status nil means any.
//
// Set 132. /doc/store/shop/API/coupon/api_getusercouponlist
func (c *Client) UserCoupons(ctx context.Context, openid string, status *int) iter.Seq2[UserCouponRef, error] {
	type answer struct {
		List    []UserCouponRef `json:"user_coupon_list"`
		Total   Int             `json:"total_num"`
		Context string          `json:"page_ctx"`
	}
	return walkNumbers(func(number int, context string) (numbered[UserCouponRef], error) {
		res, err := Call[answer](ctx, c, pathUserCoupons, couponPage{openid, status, number, couponPageSize, context})
		return numbered[UserCouponRef]{res.List, res.Total, res.Context}, err
	})
}

// UserCoupon is a coupon in a customer's hands.
type UserCoupon struct {
	UserCouponRef
	Status    Int             `json:"status"`
	CreatedAt Time            `json:"create_time,omitzero"`
	UpdatedAt Time            `json:"update_time,omitzero"`
	Start     Time            `json:"start_time,omitzero"`
	End       Time            `json:"end_time,omitzero"`
	Extra     UserCouponExtra `json:"ext_info,omitzero"`
	OrderID   ID              `json:"order_id,omitzero"`
	Off       Fen             `json:"discount_fee,omitzero"`
}

// UserCouponExtra is what else is known of it.
type UserCouponExtra struct {
	UsedAt Time `json:"use_time,omitzero"`
}

// UserCoupon reads a coupon in a customer's hands.
//
// Set 132. /doc/store/shop/API/coupon/api_getusercoupon
func (c *Client) UserCoupon(ctx context.Context, openid string, id ID) (*UserCoupon, error) {
	res, err := Call[struct {
		OpenID  string      `json:"openid"`
		UnionID string      `json:"unionid"`
		Coupon  *UserCoupon `json:"user_coupon"`
	}](ctx, c, pathUserCoupon, struct {
		OpenID string `json:"openid"`
		ID     ID     `json:"user_coupon_id"`
	}{openid, id})
	if err == nil && res.Coupon == nil {
		err = missing(pathUserCoupon, "user_coupon")
	}
	return res.Coupon, err
}
