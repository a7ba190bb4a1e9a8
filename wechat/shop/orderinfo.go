package shop

// Order is an order as WeChat tells it. UnionID is there when the shop is
// bound to an open-platform account.
type Order struct {
	ID           ID              `json:"order_id"`
	Status       OrderStatus     `json:"status"`
	CreatedAt    Time            `json:"create_time,omitzero"`
	UpdatedAt    Time            `json:"update_time,omitzero"`
	OpenID       string          `json:"openid,omitzero"`
	UnionID      string          `json:"unionid,omitzero"`
	Detail       OrderDetail     `json:"order_detail,omitzero"`
	AfterSale    OrderAfterSales `json:"aftersale_detail,omitzero"`
	Present      Flag            `json:"is_present,omitzero"`
	PresentNote  string          `json:"present_note,omitzero"`
	GiverOpenID  string          `json:"present_giver_openid,omitzero"`
	GiverUnionID string          `json:"present_giver_unionid,omitzero"`
}

// OrderDetail is what an order is about.
type OrderDetail struct {
	Items       []OrderItem   `json:"product_infos,omitzero"`
	Pay         OrderPay      `json:"pay_info,omitzero"`
	Price       OrderAmounts  `json:"price_info,omitzero"`
	Delivery    OrderDelivery `json:"delivery_info,omitzero"`
	Coupon      OrderCoupon   `json:"coupon_info,omitzero"`
	Extra       OrderExtra    `json:"ext_info,omitzero"`
	Commissions []Commission  `json:"commission_infos,omitzero"`
	Settle      OrderSettle   `json:"settle_info,omitzero"`
}

// OrderItem is one sku of an order. Prices are of one piece unless a comment
// says otherwise.
type OrderItem struct {
	ProductID    ID     `json:"product_id"`
	SkuID        ID     `json:"sku_id"`
	OutProductID string `json:"out_product_id,omitzero"`
	OutSkuID     string `json:"out_sku_id,omitzero"`
	UniqueID     ID     `json:"product_unique_id,omitzero"` // of this line, for good
	Title        string `json:"title,omitzero"`
	Thumb        string `json:"thumb_img,omitzero"`
	Code         string `json:"sku_code,omitzero"`
	Count        Int    `json:"sku_cnt"`
	InAfterSale  Int    `json:"on_aftersale_sku_cnt,omitzero"`
	AfterSaled   Int    `json:"finish_aftersale_sku_cnt,omitzero"`
	Price        Fen    `json:"sale_price,omitzero"`
	MarketPrice  Fen    `json:"market_price,omitzero"`
	// RealPrice is what was paid for all pieces together.
	RealPrice        Fen           `json:"real_price,omitzero"`
	Discounted       Flag          `json:"is_discounted,omitzero"`
	EstimatePrice    Fen           `json:"estimate_price,omitzero"` // after discounts, if Discounted
	Changed          Flag          `json:"is_change_price,omitzero"`
	ChangedPrice     Fen           `json:"change_price,omitzero"` // if Changed
	MerchantDiscount Fen           `json:"merchant_discounted_price,omitzero"`
	TalentDiscount   Fen           `json:"finder_discounted_price,omitzero"`
	VIPDiscount      Fen           `json:"vip_discounted_price,omitzero"`
	Attrs            []Attr        `json:"sku_attrs,omitzero"`
	WarehouseID      string        `json:"out_warehouse_id,omitzero"`
	SkuDelivery      *SkuDelivery  `json:"sku_deliver_info,omitzero"`
	ShipBy           Time          `json:"delivery_deadline,omitzero"`
	Gift             Flag          `json:"is_free_gift,omitzero"`
	Coupons          []OrderCoupon `json:"order_product_coupon_info_list,omitzero"`
}

// OrderPay is how an order was paid.
type OrderPay struct {
	PrepayID      string `json:"prepay_id,omitzero"`
	TransactionID ID     `json:"transaction_id,omitzero"`
	PrepaidAt     Time   `json:"prepay_time,omitzero"`
	PaidAt        Time   `json:"pay_time,omitzero"`
	Method        Int    `json:"payment_method,omitzero"` // 1 WeChat Pay
}

// OrderAmounts is what an order costs.
type OrderAmounts struct {
	Products         Fen  `json:"product_price"`
	Order            Fen  `json:"order_price"` // what the customer pays
	Freight          Fen  `json:"freight,omitzero"`
	Discount         Fen  `json:"discounted_price,omitzero"`
	Discounted       Flag `json:"is_discounted,omitzero"`
	Original         Fen  `json:"original_order_price,omitzero"`
	Estimate         Fen  `json:"estimate_product_price,omitzero"`
	ChangedDown      Fen  `json:"change_down_price,omitzero"`
	ChangedFreight   Fen  `json:"change_freight,omitzero"`
	FreightChanged   Flag `json:"is_change_freight,omitzero"`
	PointsUsed       Flag `json:"use_deduction,omitzero"`
	Points           Fen  `json:"deduction_price,omitzero"`
	MerchantReceives Fen  `json:"merchant_receieve_price,omitzero"` // WeChat's spelling
	MerchantDiscount Fen  `json:"merchant_discounted_price,omitzero"`
	TalentDiscount   Fen  `json:"finder_discounted_price,omitzero"`
	VIPDiscount      Fen  `json:"vip_discounted_price,omitzero"`
}

// OrderDelivery is how an order reaches the customer.
type OrderDelivery struct {
	Address OrderAddress  `json:"address_info,omitzero"`
	Parcels []OrderParcel `json:"delivery_product_info,omitzero"`
	Shipped Time          `json:"ship_done_time,omitzero"`
	Deliver DeliverMethod `json:"deliver_method,omitzero"`
}

// OrderAddress is where an order goes. What names a person is masked.
type OrderAddress struct {
	Address
	VirtualOrderPhone string     `json:"virtual_order_tel_number,omitzero"`
	Phone             OrderPhone `json:"tel_number_ext_info,omitzero"`
	VirtualPhone      Bit        `json:"use_tel_number,omitzero"`
	Hash              string     `json:"hash_code,omitzero"` // the same for the same address in this shop
}

// OrderPhone is the phone number of a receiver, masked or virtual.
type OrderPhone struct {
	Masked    string `json:"real_tel_number,omitzero"`
	Virtual   string `json:"virtual_tel_number,omitzero"`
	ExpiresAt Time   `json:"virtual_tel_expire_time,omitzero"`
	Extended  Int    `json:"has_delay_times,omitzero"` // see [Client.ExtendNumber]
	Fetched   Int    `json:"get_virtual_tel_cnt,omitzero"`
}

// OrderParcel is a parcel of an order.
type OrderParcel struct {
	WaybillID   string       `json:"waybill_id,omitzero"`
	CompanyID   string       `json:"delivery_id,omitzero"`
	CompanyName string       `json:"delivery_name,omitzero"`
	SentAt      Time         `json:"delivery_time,omitzero"`
	Type        DeliverType  `json:"deliver_type,omitzero"`
	Items       []ParcelItem `json:"product_infos,omitzero"`
}

// OrderCoupon is a coupon that an order used.
type OrderCoupon struct {
	UserCouponID ID  `json:"user_coupon_id,omitzero"`
	CouponID     ID  `json:"coupon_id,omitzero"`
	Type         Int `json:"coupon_type,omitzero"`
	Discount     Fen `json:"discounted_price,omitzero"`
}

// OrderExtra is what else is known of an order.
type OrderExtra struct {
	CustomerNotes string `json:"customer_notes,omitzero"`
	MerchantNotes string `json:"merchant_notes,omitzero"`
	ReceivedAt    Time   `json:"confirm_receipt_time,omitzero"`
	FinderID      string `json:"finder_id,omitzero"`
	LiveID        ID     `json:"live_id,omitzero"`
	Scene         Int    `json:"order_scene,omitzero"`
}

// Commission is what somebody earns by an item.
type Commission struct {
	SkuID        ID     `json:"sku_id"`
	Name         string `json:"nickname,omitzero"`
	Type         Int    `json:"type"`   // 0 talent, 1 head supplier
	Status       Int    `json:"status"` // 1 not settled, 2 settled
	Amount       Fen    `json:"amount"`
	FinderID     string `json:"finder_id,omitzero"`
	OpenFinderID string `json:"openfinderid,omitzero"`
	TalentID     string `json:"talent_id,omitzero"`
}

// OrderSettle is what WeChat keeps of an order.
type OrderSettle struct {
	Fee          Fen  `json:"commission_fee,omitzero"`
	PredictedFee Fen  `json:"predict_commission_fee,omitzero"`
	SettledAt    Time `json:"settle_time,omitzero"`
}

// OrderAfterSales are the after-sales of an order.
type OrderAfterSales struct {
	List    []OrderAfterSale `json:"aftersale_order_list,omitzero"`
	Ongoing Int              `json:"on_aftersale_order_cnt,omitzero"`
}

// OrderAfterSale names an after-sale of an order. Status is a number here and a
// text at the after-sale itself: 13 is a finished refund.
type OrderAfterSale struct {
	ID     ID  `json:"aftersale_order_id"`
	Status Int `json:"status,omitzero"`
}
