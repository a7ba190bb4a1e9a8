package wechatsim

import (
	"fmt"
	"net/http"
	"time"
)

// States of a coupon in somebody's hands.
const (
	userCouponValid   = 100
	userCouponExpired = 101
)

const firstUserCoupon = 30_000_000_000_000_001

// userCoupon is a coupon that a buyer took.
type userCoupon struct {
	id, coupon, openid string
	at                 time.Time
	start, end         int64
}

func (u *userCoupon) state(now time.Time) int {
	if u.end > 0 && now.Unix() > u.end {
		return userCouponExpired
	}
	return userCouponValid
}

// GiveCoupon lets a buyer take one of a shop's coupons that are valid, and
// returns the id of what the buyer has then. The shop hears of it.
func (s *Sim) GiveCoupon(appid, couponID, openid string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.account(appid)
	sh := s.shops[appid]
	if sh == nil {
		return "", fmt.Errorf("shop %q: %w", appid, ErrNoApp)
	}
	d := sh.desk()
	k, now := d.coupons.get(idText(couponID)), s.Now()
	if k == nil || k.state(now) != couponValid || k.given >= k.content.Receive.Total || openid == "" {
		return "", fmt.Errorf("coupon %q of shop %s cannot be taken: make it valid with coupon/update_status, and name an openid", couponID, appid)
	}
	k.given++
	u := &userCoupon{coupon: k.id, openid: openid, at: now, start: now.Unix(), end: now.AddDate(0, 0, k.content.Valid.Days).Unix()}
	if k.content.Valid.Type == 1 {
		u.start, u.end = k.content.Valid.Start, k.content.Valid.End
	}
	u.id = d.userCoupons.number(firstUserCoupon, u)
	s.emitShop(appid, "channels_ec_coupon_receive", map[string]any{"receive_info": object{
		"coupon_id", k.id, "user_coupon_id", u.id, "receive_time", now.Unix()}})
	return u.id, nil
}

// serveGiveCoupon serves POST /sim/shops/{appid}/coupons/{coupon}/give.
func (s *Sim) serveGiveCoupon(w http.ResponseWriter, r *http.Request) {
	var in struct {
		OpenID string `json:"openid"`
	}
	err := readControl(r, &in)
	id := ""
	if err == nil {
		id, err = s.GiveCoupon(r.PathValue("appid"), r.PathValue("coupon"), in.OpenID)
	}
	answerControl(w, map[string]string{"user_coupon_id": id}, err)
}

// userCouponList serves POST /channels/ec/coupon/get_user_coupon_list.
func (s *Sim) userCouponList(c *call, sh *shop) answer {
	var in struct {
		OpenID string `json:"openid"`
		Status int    `json:"status"`
		pageIn
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	if in.OpenID == "" {
		return s.fail(c, 40003)
	}
	if bad := in.check(); bad != 0 {
		return s.fail(c, bad)
	}
	d := sh.desk()
	all := []object{}
	for _, id := range d.userCoupons.ids {
		if u := d.userCoupons.byID[id]; u.openid == in.OpenID && (in.Status == 0 || in.Status == u.state(c.now)) {
			all = append(all, object{"user_coupon_id", u.id, "coupon_id", u.coupon})
		}
	}
	return s.reply(c, "user_coupon_list", in.cut(all), "total_num", len(all), "page_ctx", in.context())
}

// userCouponGet serves POST /channels/ec/coupon/get_user_coupon.
func (s *Sim) userCouponGet(c *call, sh *shop) answer {
	var in struct {
		ID     idText `json:"user_coupon_id"`
		OpenID string `json:"openid"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	u := sh.desk().userCoupons.get(in.ID)
	switch {
	case in.OpenID == "":
		return s.fail(c, 40003)
	case u == nil || u.openid != in.OpenID:
		return s.fail(c, 10021037)
	}
	one := object{"user_coupon_id", u.id, "coupon_id", u.coupon, "status", u.state(c.now), "create_time", u.at.Unix(),
		"update_time", u.at.Unix(), "start_time", u.start, "end_time", u.end, "ext_info", struct{}{}}
	return s.reply(c, "openid", u.openid, "user_coupon_list", []object{one})
}

// pageIn pages by number. The context of the answer before says which page that
// was: nobody may go more than ten pages away from it.
type pageIn struct {
	Page     int    `json:"page"`
	PageSize int    `json:"page_size"`
	Context  string `json:"page_ctx"`
}

const maxPageStep = 10

func (in *pageIn) check() int {
	if in.Page < 1 || in.PageSize < 1 || in.PageSize > 200 {
		return 10020051
	}
	last, ok := 0, true
	if in.Context != "" {
		last, ok = openKey(in.Context, "page")
	}
	if !ok || max(in.Page-last, last-in.Page) > maxPageStep {
		return 10021036
	}
	return 0
}

func (in *pageIn) cut(list []object) []object {
	return window(list, (in.Page-1)*in.PageSize, in.PageSize)
}

func (in *pageIn) context() string { return sealKey("page", in.Page) }
