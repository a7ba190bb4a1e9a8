package wechatsim

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// order is one order of a shop. The receiver is kept in plain and shown masked.
type order struct {
	id                        uint64
	status                    int
	created, updated, paid    time.Time
	openid, unionid           string
	name, tel, street         string
	customerNotes, shopsNotes string
	lines                     []orderLine
	aftersale                 *afterSale // one at most

	moved, wanted *addressInfo     // where the shop sends it instead; where the buyer asks for it
	sent          []parcel         // by delivery/send; see parcels for the others
	prices        map[string]int64 // a sku's new price in all, once the shop changed it
	repriced      int
	freight       int64

	resent  []parcel // beside those that were owed
	resends int
	phone   *virtualNumber // see virtual
}

// Statuses of an order that calls change.
const (
	orderUnpaid    = 10
	orderToShip    = 20
	orderPartly    = 21
	orderToReceive = 30
	orderDone      = 100
	orderCancelled = 250
)

const usualFreight = 500 // fen

// orderLine is one kind of goods in an order, as it is on the wire.
type orderLine struct {
	ProductID   string `json:"product_id"`
	SkuID       string `json:"sku_id"`
	SkuCnt      int    `json:"sku_cnt"`
	OnAftersale int    `json:"on_aftersale_sku_cnt"`
	Finished    int    `json:"finish_aftersale_sku_cnt"`
	Title       string `json:"title"`
	ThumbImg    string `json:"thumb_img"`
	SalePrice   int64  `json:"sale_price"`
	MarketPrice int64  `json:"market_price"`
	SkuAttrs    []attr `json:"sku_attrs"`

	code string
}

func (o *order) idString() string { return strconv.FormatUint(o.id, 10) }

const (
	maxOrderRange = 7 * 24 * 60 * 60 // seconds
	maxOrderPage  = 100
)

// timeRange is a closed range of unix seconds.
type timeRange struct {
	Start int64 `json:"start_time"`
	End   int64 `json:"end_time"`
}

func (r *timeRange) ok() bool { return r.within(maxOrderRange) }

func (r *timeRange) within(seconds int64) bool {
	return r == nil || r.Start > 0 && r.End >= r.Start && r.End-r.Start <= seconds
}

func (r *timeRange) has(t time.Time) bool {
	return r == nil || r.Start <= t.Unix() && t.Unix() <= r.End
}

// orderList serves POST /channels/ec/order/list/get.
func (s *Sim) orderList(c *call, sh *shop) answer {
	var in struct {
		Created  *timeRange `json:"create_time_range"`
		Updated  *timeRange `json:"update_time_range"`
		Status   *int       `json:"status"`
		OpenID   string     `json:"openid"`
		PageSize int        `json:"page_size"`
		NextKey  string     `json:"next_key"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	missing := in.Created == nil && in.Updated == nil
	if s.sw.OrderListNeedsBothRanges {
		missing = in.Created == nil || in.Updated == nil
	}
	if missing || !in.Created.ok() || !in.Updated.ok() {
		return s.fail(c, 10020051)
	}
	ids := sh.orderIDs(func(o *order) bool {
		return in.Created.has(o.created) && in.Updated.has(o.updated) &&
			(in.Status == nil || *in.Status == o.status) && (in.OpenID == "" || in.OpenID == o.openid)
	})
	key, size := in.NextKey, in.PageSize
	in.NextKey, in.PageSize = "", 0 // the rest is what the key belongs to
	page, next, more, ok := s.page(ids, "list "+string(encode(in)), key, size, maxOrderPage)
	if !ok {
		return s.fail(c, 10020051)
	}
	return s.ok(c, struct {
		okHead
		IDs     []string `json:"order_id_list"`
		NextKey string   `json:"next_key"`
		HasMore bool     `json:"has_more"`
	}{okay, page, next, more})
}

// orderIDs lists the ids of the orders that fit, newest first.
func (sh *shop) orderIDs(fits func(*order) bool) []string {
	ids := []string{}
	for i := len(sh.orders) - 1; i >= 0; i-- {
		if o := sh.orders[i]; fits(o) {
			ids = append(ids, o.idString())
		}
	}
	return ids
}

// searchCondition is what order/search looks for; all that is given must fit.
type searchCondition struct {
	Title         string `json:"title"`
	SkuCode       string `json:"sku_code"`
	UserName      string `json:"user_name"`
	TelLast4      string `json:"tel_number_last4"`
	TelNumber     string `json:"tel_number"` // retired: its last four digits count
	OrderID       idText `json:"order_id"`
	MerchantNotes string `json:"merchant_notes"`
	CustomerNotes string `json:"customer_notes"`
}

func (q *searchCondition) fits(o *order) bool {
	last4 := q.TelLast4
	if last4 == "" && q.TelNumber != "" {
		last4 = q.TelNumber[max(0, len(q.TelNumber)-4):]
	}
	return strings.HasSuffix(o.tel, last4) &&
		(q.OrderID == "" || string(q.OrderID) == o.idString()) &&
		(q.UserName == "" || q.UserName == o.name) &&
		strings.Contains(o.customerNotes, q.CustomerNotes) && strings.Contains(o.shopsNotes, q.MerchantNotes) &&
		o.hasLine(func(l orderLine) bool {
			return strings.Contains(l.Title, q.Title) && (q.SkuCode == "" || q.SkuCode == l.code)
		})
}

func (o *order) hasLine(fits func(orderLine) bool) bool {
	return slices.ContainsFunc(o.lines, fits)
}

// orderSearch serves POST /channels/ec/order/search.
func (s *Sim) orderSearch(c *call, sh *shop) answer {
	var in struct {
		Condition searchCondition `json:"search_condition"`
		Aftersale *int            `json:"on_aftersale_order_exist"`
		Status    *int            `json:"status"`
		PageSize  int             `json:"page_size"`
		NextKey   string          `json:"next_key"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	if in.Condition == (searchCondition{}) {
		return s.fail(c, 10020051)
	}
	ids := sh.orderIDs(func(o *order) bool {
		return in.Condition.fits(o) && (in.Status == nil || *in.Status == o.status) &&
			(in.Aftersale == nil || (*in.Aftersale == 1) == (o.aftersale != nil))
	})
	key, size := in.NextKey, in.PageSize
	in.NextKey, in.PageSize = "", 0
	page, next, more, ok := s.page(ids, "search "+string(encode(in)), key, size, maxOrderPage)
	if !ok {
		return s.fail(c, 10020051)
	}
	return s.ok(c, map[string]any{"errcode": 0, "errmsg": "ok", s.sw.OrderSearchField: page, "has_more": more, "next_key": next})
}

// orderGet serves POST /channels/ec/order/get.
func (s *Sim) orderGet(c *call, sh *shop) answer {
	o, bad := s.orderOf(c, sh, nil)
	if bad != 0 {
		return s.fail(c, bad)
	}
	return s.reply(c, "order", s.orderDoc(sh, o))
}

// orderOf reads the body into more, if there is more than an order_id, and
// finds the order.
func (s *Sim) orderOf(c *call, sh *shop, more any) (*order, int) {
	var in struct {
		OrderID idText `json:"order_id"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return nil, bad
	}
	if more != nil {
		if bad := s.decode(c, more); bad != 0 {
			return nil, bad
		}
	}
	if in.OrderID == "" {
		return nil, 10020051
	}
	if o := sh.findOrder(string(in.OrderID)); o != nil {
		return o, 0
	}
	return nil, 10020052
}

func (sh *shop) findOrder(id string) *order {
	for _, o := range sh.orders {
		if o.idString() == id {
			return o
		}
	}
	return nil
}

// orderDoc is an order on the wire.
type orderDoc struct {
	OrderID    json.RawMessage `json:"order_id"`
	Status     int             `json:"status"`
	CreateTime int64           `json:"create_time"`
	UpdateTime int64           `json:"update_time"`
	OpenID     string          `json:"openid"`
	UnionID    string          `json:"unionid,omitempty"`
	Detail     orderDetail     `json:"order_detail"`
	Aftersale  aftersaleDetail `json:"aftersale_detail"`
}

type orderDetail struct {
	Products []orderLine  `json:"product_infos"`
	Pay      payInfo      `json:"pay_info"`
	Price    priceInfo    `json:"price_info"`
	Delivery deliveryInfo `json:"delivery_info"`
	Coupon   couponInfo   `json:"coupon_info"`
	Ext      extInfo      `json:"ext_info"`
	Sharer   struct{}     `json:"sharer_info"`
	Settle   settleInfo   `json:"settle_info"`
	Sharers  []any        `json:"sku_sharer_infos"`
}

type payInfo struct {
	PrepayID      string `json:"prepay_id"`
	TransactionID string `json:"transaction_id,omitempty"`
	PrepayTime    int64  `json:"prepay_time"`
	PayTime       int64  `json:"pay_time,omitempty"`
	Method        int    `json:"payment_method"`
}

type priceInfo struct {
	Product    int64 `json:"product_price"`
	Order      int64 `json:"order_price"`
	Freight    int64 `json:"freight"`
	Discounted int64 `json:"discounted_price"`
	Is         bool  `json:"is_discounted"`
	Down       int64 `json:"change_down_price,omitempty"`
}

type deliveryInfo struct {
	Address  phonedAddress `json:"address_info"`
	Parcels  []parcel      `json:"delivery_product_info"`
	ShipDone int64         `json:"ship_done_time,omitempty"`
	Method   int           `json:"deliver_method"`
}

// phonedAddress is the receiver's address in an order, with the number that
// rings there.
type phonedAddress struct {
	addressInfo
	UseTel int    `json:"use_tel_number"`
	Phone  object `json:"tel_number_ext_info,omitempty"`
}

type addressInfo struct {
	UserName   string `json:"user_name"`
	PostalCode string `json:"postal_code"`
	Province   string `json:"province_name"`
	City       string `json:"city_name"`
	County     string `json:"county_name"`
	Detail     string `json:"detail_info"`
	Tel        string `json:"tel_number"`
}

type parcel struct {
	WaybillID string       `json:"waybill_id"`
	Courier   string       `json:"delivery_id"`
	Time      int64        `json:"delivery_time"`
	Type      int          `json:"deliver_type"`
	Products  []parcelLine `json:"product_infos"`
}

type parcelLine struct {
	ProductID string `json:"product_id"`
	SkuID     string `json:"sku_id"`
	Count     int    `json:"product_cnt"`
}

type couponInfo struct {
	UserCouponID string `json:"user_coupon_id,omitempty"`
}

type extInfo struct {
	CustomerNotes string `json:"customer_notes"`
	MerchantNotes string `json:"merchant_notes"`
	FinderID      string `json:"finder_id,omitempty"`
	LiveID        string `json:"live_id,omitempty"`
	Scene         int    `json:"order_scene"`
}

type settleInfo struct {
	Commission int64 `json:"commission_fee"`
	Predicted  int64 `json:"predict_commission_fee"`
}

type aftersaleDetail struct {
	Orders []aftersaleOrder `json:"aftersale_order_list"`
	Count  int              `json:"on_aftersale_order_cnt"`
}

type aftersaleOrder struct {
	ID     string `json:"aftersale_order_id"`
	Status int    `json:"status"`
}

func (s *Sim) orderDoc(sh *shop, o *order) orderDoc {
	id := encode(o.idString())
	if s.sw.OrderIDAsNumber {
		id = []byte(o.idString())
	}
	d := orderDoc{OrderID: id, Status: o.status, CreateTime: o.created.Unix(), UpdateTime: o.updated.Unix(),
		OpenID: o.openid, Detail: o.detail(), Aftersale: aftersaleDetail{Orders: []aftersaleOrder{}}}
	if a := s.apps[sh.AppID]; a != nil && a.OpenPlatform != "" {
		d.UnionID = o.unionid
	}
	if o.aftersale != nil {
		d.Aftersale = aftersaleDetail{Orders: []aftersaleOrder{{ID: o.aftersale.id, Status: aftersaleNumbers[o.aftersale.status]}}, Count: 1}
	}
	return d
}

func (o *order) detail() orderDetail {
	goods, paid := o.amounts()
	d := orderDetail{
		Products: o.lines,
		Pay:      payInfo{PrepayID: "prepay" + o.idString(), PrepayTime: o.created.Unix(), Method: 1},
		Price:    priceInfo{Product: goods, Order: paid + o.freight, Freight: o.freight, Down: goods - paid},
		Delivery: deliveryInfo{Address: o.phoned(), Parcels: slices.Concat(o.parcels(), o.resent)},
		Ext:      extInfo{CustomerNotes: o.customerNotes, MerchantNotes: o.shopsNotes, Scene: 2},
		Settle:   settleInfo{Predicted: goods / 20},
		Sharers:  []any{},
	}
	if !o.paid.IsZero() {
		d.Pay.TransactionID, d.Pay.PayTime = "42"+o.idString(), o.paid.Unix()
	}
	if o.status == orderToReceive || o.status == orderDone {
		owed := o.parcels()
		d.Delivery.ShipDone = owed[len(owed)-1].Time
	}
	return d
}

// amounts is what the goods cost by their prices, and after the shop's changes.
func (o *order) amounts() (goods, paid int64) {
	for _, l := range o.lines {
		total := l.SalePrice * int64(l.SkuCnt)
		goods += total
		if changed, is := o.prices[l.SkuID]; is {
			total = changed
		}
		paid += total
	}
	return goods, paid
}

// receiver is the address in plain.
func (o *order) receiver() addressInfo {
	if o.moved != nil {
		return *o.moved
	}
	return addressInfo{UserName: o.name, PostalCode: "510000", Province: "广东省", City: "广州市", County: "海珠区", Detail: o.street, Tel: o.tel}
}

// address is masked, as WeChat shows it.
func (o *order) address() addressInfo {
	a := o.receiver()
	_, size := utf8.DecodeRuneInString(a.UserName)
	a.UserName, a.Detail = a.UserName[:size]+"**", "****"
	a.Tel = a.Tel[:min(3, len(a.Tel))] + "****" + a.Tel[max(0, len(a.Tel)-4):]
	return a
}

func (o *order) phoned() phonedAddress {
	out := phonedAddress{addressInfo: o.address()}
	if n := o.virtual(); n != nil {
		out.UseTel = 1
		out.Phone = append(object{"real_tel_number", out.Tel, "has_delay_times", n.delays, "get_virtual_tel_cnt", 0}, n.wire()...)
	}
	return out
}

// parcels are those the shop sent, and one for an order that was on its way or
// done from the start.
func (o *order) parcels() []parcel {
	if len(o.sent) > 0 || o.status != orderToReceive && o.status != orderDone {
		return orEmpty(o.sent)
	}
	p := parcel{WaybillID: "SF" + o.idString()[:13], Courier: "SF", Time: o.updated.Unix(), Type: 1}
	for _, l := range o.lines {
		p.Products = append(p.Products, parcelLine{l.ProductID, l.SkuID, l.SkuCnt})
	}
	return []parcel{p}
}
