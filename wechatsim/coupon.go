package wechatsim

import (
	"encoding/json"
	"slices"
	"time"
	"unicode/utf8"
)

// couponRoutes are the calls on coupons (优惠券).
var couponRoutes = map[string]route{
	"/channels/ec/coupon/create":               post(couponSets, (*Sim).couponCreate),
	"/channels/ec/coupon/update":               post(couponSets, (*Sim).couponUpdate),
	"/channels/ec/coupon/update_status":        post(couponSets, (*Sim).couponStatus),
	"/channels/ec/coupon/get":                  post(couponSets, (*Sim).couponGet),
	"/channels/ec/coupon/get_list":             post(couponSets, (*Sim).couponList),
	"/channels/ec/coupon/get_user_coupon":      post(couponSets, (*Sim).userCouponGet),
	"/channels/ec/coupon/get_user_coupon_list": post(couponSets, (*Sim).userCouponList),
}

var couponSets = []int{132}

// States of a coupon. What is invalid or deleted stays so; lists may ask for the
// expired and the invalid together.
const (
	couponDraft   = 1
	couponValid   = 2
	couponExpired = 3
	couponInvalid = 4
	couponDeleted = 5

	couponOver = 200
)

const firstCoupon = 10_000_000_000_000_001

type coupon struct {
	id               string
	kind, status     int
	created, updated time.Time
	content          couponContent
	given            int64
}

func (k *coupon) state(now time.Time) int {
	if k.status == couponValid && now.Unix() > k.content.Receive.End {
		return couponExpired
	}
	return k.status
}

// in tells whether a list of this status holds the coupon.
func (k *coupon) in(status int, now time.Time) bool {
	state := k.state(now)
	over := state == couponExpired || state == couponInvalid
	return state != couponDeleted && (status == 0 || status == state || status == couponOver && over)
}

// couponContent is what the merchant says about a coupon.
type couponContent struct {
	Name     string `json:"name"`
	Promote  any    `json:"promote_info"`
	Discount struct {
		Condition struct {
			ProductCnt   int64    `json:"product_cnt,omitempty"`
			ProductPrice int64    `json:"product_price,omitempty"` // fen
			ProductIDs   []idText `json:"product_ids,omitempty"`
		} `json:"discount_condition"`
		Num int64 `json:"discount_num,omitempty"` // 5000 is half the price
		Fee int64 `json:"discount_fee,omitempty"` // fen
	} `json:"discount_info"`
	Receive struct {
		Start int64 `json:"start_time"`
		End   int64 `json:"end_time"`
		Limit int64 `json:"limit_num_one_person"`
		Total int64 `json:"total_num"`
	} `json:"receive_info"`
	Valid struct {
		Type  int   `json:"valid_type"`
		Days  int   `json:"valid_day_num,omitempty"`
		Start int64 `json:"start_time,omitempty"`
		End   int64 `json:"end_time,omitempty"`
	} `json:"valid_info"`
	Ext json.RawMessage `json:"ext_info,omitempty"`
}

type couponIn struct {
	ID   idText `json:"coupon_id"`
	Type int    `json:"type"`
	couponContent
}

// Kinds of coupon: for goods (1 to 4) and for the whole shop (101 to 104); in
// each of them by condition, from an amount on, a discount, and money off.
func (in *couponIn) ok() bool {
	d := in.Discount
	sort := in.Type
	if sort > 100 {
		sort -= 100
	} else if len(d.Condition.ProductIDs) == 0 {
		return false
	}
	percent := d.Num >= 1000 && d.Num <= 10000 && d.Num%100 == 0
	money := d.Fee > 0 && d.Fee <= 20000
	switch sort {
	case 1:
		percent = percent && d.Condition.ProductCnt > 0
	case 2:
		money = money && d.Condition.ProductPrice > d.Fee
	case 3, 4:
	default:
		return false
	}
	chars := utf8.RuneCountInString(in.Name)
	return chars > 0 && chars <= 10 && (sort%2 == 1 && percent || sort%2 == 0 && money) && in.Receive.Total > 0 && in.Receive.End > in.Receive.Start
}

// couponCreate serves POST /channels/ec/coupon/create.
func (s *Sim) couponCreate(c *call, sh *shop) answer {
	var in couponIn
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	if !in.ok() {
		return s.fail(c, 10020051)
	}
	k := &coupon{kind: in.Type, status: couponDraft, created: c.now, updated: c.now, content: in.couponContent}
	k.id = sh.desk().coupons.number(firstCoupon, k)
	return s.reply(c, "data", object{"coupon_id", k.id, "create_time", c.now.Unix()})
}

// couponUpdate serves POST /channels/ec/coupon/update. The kind stays.
func (s *Sim) couponUpdate(c *call, sh *shop) answer {
	var in couponIn
	k, bad := s.couponOf(c, sh, &in)
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case !in.ok() || in.Type != k.kind:
		return s.fail(c, 10020051)
	case k.status == couponInvalid:
		return s.fail(c, 10021001)
	}
	k.content, k.updated = in.couponContent, c.now
	return s.reply(c, "data", object{"coupon_id", k.id, "update_time", c.now.Unix()})
}

// couponStatus serves POST /channels/ec/coupon/update_status.
func (s *Sim) couponStatus(c *call, sh *shop) answer {
	var in struct {
		Status int `json:"status"`
	}
	k, bad := s.couponOf(c, sh, &in)
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case !slices.Contains([]int{couponValid, couponInvalid, couponDeleted}, in.Status):
		return s.fail(c, 10020051)
	case k.status == couponInvalid && in.Status == couponValid:
		return s.fail(c, 10021001)
	}
	k.status, k.updated = in.Status, c.now
	return s.ok(c, okay)
}

// couponOf reads the body into more and finds the coupon.
func (s *Sim) couponOf(c *call, sh *shop, more any) (*coupon, int) {
	var in struct {
		ID idText `json:"coupon_id"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return nil, bad
	}
	if bad := s.decode(c, more); bad != 0 {
		return nil, bad
	}
	if in.ID == "" {
		return nil, 10020051
	}
	k := sh.desk().coupons.get(in.ID)
	if k == nil || k.status == couponDeleted {
		return nil, 10021037
	}
	return k, 0
}

// couponGet serves POST /channels/ec/coupon/get.
func (s *Sim) couponGet(c *call, sh *shop) answer {
	k, bad := s.couponOf(c, sh, &struct{}{})
	if bad != 0 {
		return s.fail(c, bad)
	}
	return s.reply(c, "coupon", object{"coupon_id", k.id, "type", k.kind, "status", k.state(c.now), "create_time", k.created.Unix(),
		"update_time", k.updated.Unix(), "coupon_info", k.content,
		"stock_info", object{"issued_num", k.content.Receive.Total - k.given, "receive_num", k.given, "used_num", 0}})
}

// couponList serves POST /channels/ec/coupon/get_list.
func (s *Sim) couponList(c *call, sh *shop) answer {
	var in struct {
		Status int `json:"status"`
		pageIn
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	if bad := in.check(); bad != 0 {
		return s.fail(c, bad)
	}
	k := &sh.desk().coupons
	all := []object{}
	for _, id := range k.ids {
		if k.byID[id].in(in.Status, c.now) {
			all = append(all, object{"coupon_id", wireID(id, s.sw.CouponIDsAsNumbers)})
		}
	}
	return s.reply(c, "coupons", in.cut(all), "total_num", len(all), "page_ctx", in.context())
}
