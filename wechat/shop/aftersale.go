package shop

import (
	"context"
	"iter"
	"time"
)

const (
	pathAfterSales       = "/channels/ec/aftersale/getaftersalelist"
	pathAfterSale        = "/channels/ec/aftersale/getaftersaleorder"
	pathAfterSaleAccept  = "/channels/ec/aftersale/acceptapply"
	pathAfterSaleReject  = "/channels/ec/aftersale/rejectapply"
	pathAfterSaleUpdate  = "/channels/ec/aftersale/merchantupdateaftersale"
	pathExchangeAccept   = "/channels/ec/aftersale/acceptexchangereship"
	pathExchangeReject   = "/channels/ec/aftersale/rejectexchangereship"
	pathRefundProof      = "/channels/ec/aftersale/uploadrefundcertificate"
	pathAfterSaleReasons = "/channels/ec/aftersale/reason/get"
	pathRejectReasons    = "/channels/ec/aftersale/rejectreason/get"
)

// AfterSaleStatus is where an after-sale is. WeChat writes it as a text; the
// names are WeChat's, with its spelling.
type AfterSaleStatus string

// The states of after-sales.
const (
	AfterSaleCancelled       AfterSaleStatus = "USER_CANCELD"
	AfterSaleProcessing      AfterSaleStatus = "MERCHANT_PROCESSING"
	AfterSaleRefundRejected  AfterSaleStatus = "MERCHANT_REJECT_REFUND"
	AfterSaleReturnRejected  AfterSaleStatus = "MERCHANT_REJECT_RETURN"
	AfterSaleWaitReturn      AfterSaleStatus = "USER_WAIT_RETURN"
	AfterSaleReturnClosed    AfterSaleStatus = "RETURN_CLOSED"
	AfterSaleWaitReceipt     AfterSaleStatus = "MERCHANT_WAIT_RECEIPT"
	AfterSaleOverdue         AfterSaleStatus = "MERCHANT_OVERDUE_REFUND"
	AfterSaleRefunded        AfterSaleStatus = "MERCHANT_REFUND_SUCCESS"
	AfterSaleReturnedRefund  AfterSaleStatus = "MERCHANT_RETURN_SUCCESS"
	AfterSalePlatformRefunds AfterSaleStatus = "PLATFORM_REFUNDING"
	AfterSalePlatformFailed  AfterSaleStatus = "PLATFORM_REFUND_FAIL"
	AfterSaleWaitConfirm     AfterSaleStatus = "USER_WAIT_CONFIRM"
	AfterSaleWaitAnswer      AfterSaleStatus = "USER_WAIT_CONFIRM_UPDATE" // to [Client.NegotiateAfterSale]

	AfterSaleExchangeRejected AfterSaleStatus = "MERCHANT_REJECT_EXCHANGE"
	AfterSaleReshipRejected   AfterSaleStatus = "MERCHANT_REJECT_RESHIP" // by [Client.RejectExchange]
	AfterSaleReshipped        AfterSaleStatus = "USER_WAIT_RECEIPT"      // by [Client.ShipExchange]
	AfterSaleExchanged        AfterSaleStatus = "MERCHANT_EXCHANGE_SUCCESS"
)

// UnmarshalJSON takes a text, or a number as its digits.
func (s *AfterSaleStatus) UnmarshalJSON(b []byte) error { return readText(b, s) }

// AfterSaleType is what the customer asks for.
type AfterSaleType string

// The kinds of after-sales.
const (
	AfterSaleRefund   AfterSaleType = "REFUND"
	AfterSaleReturn   AfterSaleType = "RETURN" // goods back, then refund
	AfterSaleExchange AfterSaleType = "EXCHANGE"
)

// UnmarshalJSON takes a text, or a number as its digits.
func (t *AfterSaleType) UnmarshalJSON(b []byte) error { return readText(b, t) }

// afterSaleWindow is the widest range of times that a list of after-sales takes.
const afterSaleWindow = 24 * time.Hour

// AfterSaleQuery narrows [Client.AfterSales]: exactly one of the ranges.
type AfterSaleQuery struct{ Created, Updated Range }

// AfterSales lists the ids of after-sales. A range longer than 24 hours is read
// window by window; then an after-sale whose time lies on a seam comes twice.
//
// Set 131. /doc/store/shop/API/channels-shop-aftersale/api_getaftersalelist
func (c *Client) AfterSales(ctx context.Context, q AfterSaleQuery) iter.Seq2[ID, error] {
	r, byUpdate := q.Created, q.Created.IsZero()
	if byUpdate {
		r = q.Updated
	}
	if r.IsZero() || !byUpdate && !q.Updated.IsZero() {
		return func(yield func(ID, error) bool) { yield("", errRange) }
	}
	return inWindows(r, afterSaleWindow, func(w Range) iter.Seq2[ID, error] { return c.afterSales(ctx, w, byUpdate) })
}

// afterSaleTimes is the body of the list: one pair of times.
type afterSaleTimes struct {
	CreateBegin Time   `json:"begin_create_time,omitzero"`
	CreateEnd   Time   `json:"end_create_time,omitzero"`
	UpdateBegin Time   `json:"begin_update_time,omitzero"`
	UpdateEnd   Time   `json:"end_update_time,omitzero"`
	NextKey     string `json:"next_key,omitzero"`
}

func (c *Client) afterSales(ctx context.Context, r Range, byUpdate bool) iter.Seq2[ID, error] {
	type answer struct {
		IDs     []ID   `json:"after_sale_order_id_list"`
		NextKey string `json:"next_key"`
		More    Flag   `json:"has_more"`
	}
	return walk(func(cursor string, _ int) (page[ID], error) {
		b := afterSaleTimes{CreateBegin: At(r.From), CreateEnd: At(r.To), NextKey: cursor}
		if byUpdate {
			b = afterSaleTimes{UpdateBegin: At(r.From), UpdateEnd: At(r.To), NextKey: cursor}
		}
		return each(ctx, c, pathAfterSales, b, func(a answer) page[ID] {
			return page[ID]{items: a.IDs, next: a.NextKey, more: bool(a.More)}
		})
	})
}

// AfterSale is an after-sale as WeChat tells it.
type AfterSale struct {
	ID          ID                 `json:"after_sale_order_id"`
	OrderID     ID                 `json:"order_id"`
	Status      AfterSaleStatus    `json:"status"`
	Type        AfterSaleType      `json:"type"`
	OpenID      string             `json:"openid,omitzero"`
	UnionID     string             `json:"unionid,omitzero"`
	Item        AfterSaleItem      `json:"product_info,omitzero"`
	Details     AfterSaleDetails   `json:"details,omitzero"`
	Refund      AfterSaleMoney     `json:"refund_info,omitzero"`
	Return      AfterSaleParcel    `json:"return_info,omitzero"`
	Merchant    AfterSaleMerchant  `json:"merchant_upload_info,omitzero"`
	Reason      AfterSaleReasonID  `json:"reason,omitzero"`
	ReasonText  string             `json:"reason_text,omitzero"`
	RefundReply AfterSaleRefundErr `json:"refund_resp,omitzero"`
	ComplaintID ID                 `json:"complaint_id,omitzero"`
	Phone       VirtualPhone       `json:"virtual_tel_num_info,omitzero"` // see [Client.AfterSaleNumber]
	Exchange    ExchangeItem       `json:"exchange_product_info,omitzero"`
	Reship      ExchangeParcel     `json:"exchange_delivery_info,omitzero"`
	Proposal    AfterSaleProposal  `json:"merchant_update_detail,omitzero"` // while it waits for an answer
	// SecondsLeft is how long the merchant may still decide; there is none in
	// other states.
	SecondsLeft Int  `json:"deadline,omitzero"`
	CreatedAt   Time `json:"create_time,omitzero"`
	UpdatedAt   Time `json:"update_time,omitzero"`
}

// AfterSaleItem is what an after-sale is about.
type AfterSaleItem struct {
	ProductID ID   `json:"product_id"`
	SkuID     ID   `json:"sku_id"`
	Count     Int  `json:"count"`
	Fast      Flag `json:"fast_refund,omitzero"` // refunded at once (极速退款)
}

// AfterSaleDetails is what the customer says. Pictures are read with
// [Client.Media].
type AfterSaleDetails struct {
	Text        string   `json:"desc,omitzero"`
	Received    Flag     `json:"receive_product,omitzero"`
	CancelledAt Time     `json:"cancel_time,omitzero"`
	Images      []string `json:"prove_imgs,omitzero"`
	MediaIDs    []string `json:"media_id_list,omitzero"`
	Phone       string   `json:"tel_number,omitzero"`
}

// AfterSaleMoney is what goes back.
type AfterSaleMoney struct {
	Amount Fen `json:"amount"`
	Reason Int `json:"refund_reason,omitzero"`
}

// AfterSaleParcel is how goods come back.
type AfterSaleParcel struct {
	WaybillID   string `json:"waybill_id,omitzero"`
	CompanyID   string `json:"delivery_id,omitzero"`
	CompanyName string `json:"delivery_name,omitzero"`
}

// ExchangeItem is which goods go for which.
type ExchangeItem struct {
	ProductID ID  `json:"product_id"`
	OldSkuID  ID  `json:"old_sku_id"`
	NewSkuID  ID  `json:"new_sku_id"`
	Count     Int `json:"product_cnt"`
	OldPrice  Fen `json:"old_sku_price,omitzero"`
	NewPrice  Fen `json:"new_sku_price,omitzero"`
}

// ExchangeParcel is how the new goods of an exchange go, and where to.
type ExchangeParcel struct {
	AfterSaleParcel
	To Address `json:"address_info,omitzero"` // masked
}

// AfterSaleProposal is what the merchant proposed. Types are 1 refund, 2 return
// and refund, 3 exchange.
type AfterSaleProposal struct {
	Kind      Int      `json:"merchant_update_type"`
	Reason    Int      `json:"update_reason_type"`
	Text      string   `json:"merchant_update_desc"`
	OldType   Int      `json:"old_after_sale_type"`
	NewType   Int      `json:"new_after_sale_type"`
	OldAmount Fen      `json:"old_after_sale_amount"`
	NewAmount Fen      `json:"new_after_sale_amount"`
	MediaIDs  []string `json:"media_ids,omitzero"`
}

// AfterSaleMerchant is what the merchant said.
type AfterSaleMerchant struct {
	RejectReason string   `json:"reject_reason,omitzero"`
	Proofs       []string `json:"refund_certificates,omitzero"`
}

// AfterSaleReasonID names a reason: a text in old answers, a number in new
// ones.
type AfterSaleReasonID string

// UnmarshalJSON takes a text, or a number as its digits.
func (r *AfterSaleReasonID) UnmarshalJSON(b []byte) error { return readText(b, r) }

// AfterSaleRefundErr is why a refund failed.
type AfterSaleRefundErr struct {
	Code    string `json:"code,omitzero"`
	Ret     Int    `json:"ret,omitzero"`
	Message string `json:"message,omitzero"`
}

// afterSaleID is the body of the calls that name an after-sale.
type afterSaleID struct {
	ID ID `json:"after_sale_order_id"`
}

// AfterSale reads an after-sale.
//
// Set 131. /doc/store/shop/API/channels-shop-aftersale/api_getaftersaleorder
func (c *Client) AfterSale(ctx context.Context, id ID) (*AfterSale, error) {
	res, err := Call[struct {
		Order *AfterSale `json:"after_sale_order"`
	}](ctx, c, pathAfterSale, afterSaleID{id})
	if err == nil && res.Order == nil {
		err = missing(pathAfterSale, "after_sale_order")
	}
	return res.Order, err
}

// AcceptStep says to what a merchant agrees.
type AcceptStep int

// The steps of a return. A refund has one step only.
const (
	AcceptNext    AcceptStep = 0 // whatever is next
	AcceptReturn  AcceptStep = 1 // the customer may send the goods
	AcceptReceipt AcceptStep = 2 // the goods came: refund
)

// AcceptAfterSale agrees to an after-sale: money may flow. address is where
// goods shall come back to, empty for a refund without return.
//
// Set 131. /doc/store/shop/API/channels-shop-aftersale/api_acceptapply
func (c *Client) AcceptAfterSale(ctx context.Context, id ID, step AcceptStep, address ID) error {
	return post(ctx, c, pathAfterSaleAccept, struct {
		afterSaleID
		Address ID         `json:"address_id,omitzero"`
		Step    AcceptStep `json:"accept_type,omitzero"`
	}{afterSaleID{id}, address, step})
}

// RejectAfterSale refuses an after-sale for a reason of [Client.RejectReasons]; text
// may be empty. 10021068 asks to negotiate first.
//
// Set 131. /doc/store/shop/API/channels-shop-aftersale/api_rejectapply
func (c *Client) RejectAfterSale(ctx context.Context, id ID, reason int, text string) error {
	return post(ctx, c, pathAfterSaleReject, rejection{afterSaleID{id}, text, reason, nil})
}

// rejection is the body of both refusals.
type rejection struct {
	afterSaleID
	Text   string   `json:"reject_reason,omitzero"`
	Reason int      `json:"reject_reason_type"`
	Proofs []string `json:"reject_certificates,omitzero"`
}

// Negotiation is what a merchant proposes instead. WeChat wants all of it;
// pictures if the reason does, as its page lists.
type Negotiation struct {
	ID       ID       `json:"after_sale_order_id"`
	Type     int      `json:"type"` // 1 refund, 2 return and refund
	Amount   Fen      `json:"amount"`
	Text     string   `json:"merchant_update_desc"`
	Reason   int      `json:"update_reason_type"`
	Kind     int      `json:"merchant_update_type"` // 1 please cancel, 2 please prove, 3 change the request
	MediaIDs []string `json:"media_ids,omitzero"`   // uploaded with [UseMediaID]
}

// NegotiateAfterSale proposes a change of an after-sale to the customer.
//
// Set 131. /doc/store/shop/API/channels-shop-aftersale/api_merchantupdateaftersale
func (c *Client) NegotiateAfterSale(ctx context.Context, n Negotiation) error {
	return post(ctx, c, pathAfterSaleUpdate, n)
}

// ShipExchange tells that the new goods of an exchange are on their way.
//
// Set 131. /doc/store/shop/API/channels-shop-aftersale/api_acceptexchangereship
func (c *Client) ShipExchange(ctx context.Context, id ID, company, waybill string) error {
	return post(ctx, c, pathExchangeAccept, struct {
		afterSaleID
		Waybill string `json:"waybill_id"`
		Company string `json:"delivery_id"`
	}{afterSaleID{id}, waybill, company})
}

// RejectExchange refuses to send the new goods of an exchange, for a reason of
// [Client.RejectReasons]; proofs are media ids.
//
// Set 131. /doc/store/shop/API/channels-shop-aftersale/api_rejectexchangereship
func (c *Client) RejectExchange(ctx context.Context, id ID, reason int, text string, proofs ...string) error {
	return post(ctx, c, pathExchangeReject, rejection{afterSaleID{id}, text, reason, proofs})
}

// ProveRefund shows pictures (media ids) of a refund that was made elsewhere.
//
// Set 131. /doc/store/shop/API/channels-shop-aftersale/api_uploadrefundcertificate
func (c *Client) ProveRefund(ctx context.Context, id ID, text string, proofs ...string) error {
	return post(ctx, c, pathRefundProof, struct {
		afterSaleID
		Text   string   `json:"desc,omitzero"`
		Proofs []string `json:"refund_certificates"`
	}{afterSaleID{id}, text, proofs})
}

// AfterSaleReason is a reason that customers may give.
type AfterSaleReason struct {
	ID   AfterSaleReasonID `json:"reason"`
	Text string            `json:"reason_text"`
}

// AfterSaleReasons lists the reasons that customers may give.
//
// Set 131. /doc/store/shop/API/channels-shop-aftersale/api_getaftersalereason
func (c *Client) AfterSaleReasons(ctx context.Context) ([]AfterSaleReason, error) {
	res, err := Call[struct {
		List []AfterSaleReason `json:"reason_list"`
	}](ctx, c, pathAfterSaleReasons, none{})
	return res.List, err
}

// RejectReason is a reason that merchants may give.
type RejectReason struct {
	ID    Int    `json:"reject_reason_type"`
	Name  string `json:"reject_reason_type_text"`
	Text  string `json:"reject_reason"` // what WeChat says when you say nothing
	Scene Int    `json:"reject_scene"`  // 1 refund, 4 return, 5 exchange, 6 sending the new goods
}

// RejectReasons lists the reasons that merchants may give.
//
// Set 131. /doc/store/shop/API/channels-shop-aftersale/api_getaftersalerejectreason
func (c *Client) RejectReasons(ctx context.Context) ([]RejectReason, error) {
	res, err := Call[struct {
		List []RejectReason `json:"reason_list"`
	}](ctx, c, pathRejectReasons, none{})
	return res.List, err
}
