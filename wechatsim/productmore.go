package wechatsim

import (
	"slices"
	"time"
)

// productRoutes are the calls on goods beyond the first six.
var productRoutes = map[string]route{
	"/channels/ec/product/audit/cancel":   post(goodsSets, (*Sim).productAuditCancel),
	"/channels/ec/product/auditfree":      post(goodsSets, (*Sim).productAuditFree),
	"/channels/ec/product/delete":         post(goodsSets, (*Sim).productDelete),
	"/channels/ec/product/getauditquota":  post(goodsSets, (*Sim).productAuditQuota),
	"/channels/ec/product/stock/batchget": post(goodsSets, (*Sim).stockBatchGet),
	"/channels/ec/product/stock/getflow":  post([]int{129, 192}, (*Sim).stockFlow),
}

const (
	statusDeleted = 9  // for good
	editExhausted = 72 // the day's reviews are used up
)

// reviews counts what a shop sent into review on a day and in a clock hour.
type reviews struct {
	day      string
	used     int
	hour     int64
	thisHour int
}

// reviewsOn is the count of the day and the hour of now.
func (sh *shop) reviewsOn(now time.Time) *reviews {
	r := &sh.desk().reviews
	if day := dayOf(now); r.day != day {
		r.day, r.used = day, 0
	}
	if hour := now.Unix() / 3600; r.hour != hour {
		r.hour, r.thisHour = hour, 0
	}
	return r
}

// productAuditQuota serves POST /channels/ec/product/getauditquota.
func (s *Sim) productAuditQuota(c *call, sh *shop) answer {
	left := max(0, sh.Reviews-sh.reviewsOn(c.now).used)
	var blocked any = 0
	if s.sw.BlockStatusAsBool {
		blocked = false
	}
	return s.reply(c, "audit_quota", object{"block_status", blocked, "avail_quota", left, "total_quota", sh.Reviews, "unlimited_type", 0,
		"audit_total_quota", sh.Reviews, "audit_total_remaining", left, "new_product_total_quota", sh.Reviews, "new_product_remaining", left})
}

// productAuditCancel serves POST /channels/ec/product/audit/cancel: the draft
// leaves the review and can be edited again.
func (s *Sim) productAuditCancel(c *call, sh *shop) answer {
	p, bad := s.productOf(c, sh)
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case p.edit != editReview:
		return s.fail(c, 10020051)
	}
	p.edit = editEditing
	return s.ok(c, okay)
}

// productDelete serves POST /channels/ec/product/delete: into the recycle bin
// first, and for good from there. What was never listed is gone at once.
func (s *Sim) productDelete(c *call, sh *shop) answer {
	p, bad := s.productOf(c, sh)
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case p.edit == editReview:
		return s.fail(c, 10020047)
	case p.live == nil || p.status == statusRecycled:
		p.status = statusDeleted
	default:
		p.status = statusRecycled
	}
	return s.ok(c, okay)
}

// productAuditFree serves POST /channels/ec/product/auditfree: it changes what
// customers see, without a review.
func (s *Sim) productAuditFree(c *call, sh *shop) answer {
	var in struct {
		ProductID idText `json:"product_id"`
		Skus      []struct {
			SkuID     idText `json:"sku_id"`
			SalePrice *int64 `json:"sale_price"`
			Delete    flag   `json:"is_delete"`
		} `json:"skus"`
		Express *expressInfo `json:"express_info"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	p := sh.find(in.ProductID)
	switch {
	case in.ProductID == "":
		return s.fail(c, 10020051)
	case p == nil:
		return s.fail(c, 10020052)
	case p.live == nil:
		return s.fail(c, 10020065)
	case p.edit == editReview:
		return s.fail(c, 10020049)
	}
	next := *p.live
	next.Skus = slices.Clone(next.Skus)
	for _, k := range in.Skus {
		i := slices.IndexFunc(next.Skus, func(have skuDoc) bool { return have.SkuID == string(k.SkuID) })
		switch {
		case i < 0:
			return s.fail(c, 10020052)
		case bool(k.Delete):
			next.Skus = slices.Delete(next.Skus, i, i+1)
		case k.SalePrice != nil && *k.SalePrice <= 0:
			return s.fail(c, 10020039)
		case k.SalePrice != nil:
			next.Skus[i].SalePrice = *k.SalePrice
		}
	}
	if len(next.Skus) == 0 {
		return s.fail(c, 10020013)
	}
	if in.Express != nil {
		next.ExpressInfo = *in.Express
	}
	*p.live = next
	return s.ok(c, okay)
}
