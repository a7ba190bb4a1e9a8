package wechatsim

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

var errFlag = errors.New("write true, false, 1 or 0")

// States of a product on the wire.
const (
	statusNever    = 0 // never listed
	statusListed   = 5
	statusRecycled = 6
	statusDelisted = 11

	editNone     = 0
	editEditing  = 1
	editReview   = 2
	editApproved = 4
)

// product is one of a shop's goods. What customers see is live; what the
// merchant edits is draft, and review carries the draft over.
type product struct {
	id        uint64
	live      *productDoc // nil if never listed
	draft     *productDoc // nil if nothing was edited since
	status    int
	edit      int
	reviewEnd time.Time
	stock     map[string]int64 // by sku_id
}

func (p *product) idString() string { return strconv.FormatUint(p.id, 10) }

// settle finishes the reviews that are due.
func (sh *shop) settle(now time.Time) {
	for _, p := range sh.products {
		if p.edit == editReview && !now.Before(p.reviewEnd) {
			p.live, p.draft = p.draft, nil
			p.status, p.edit = statusListed, editApproved
		}
	}
}

// closing is the errcode for new goods in a shop that closes.
func (sh *shop) closing() int {
	if sh.Status == "closing" || sh.Status == "close_finished" {
		return 10020041
	}
	return 0
}

// newest is the draft, or what customers see if there is none.
func (p *product) newest() *productDoc { return cmp.Or(p.draft, p.live) }

// find returns the product with the id, nil if there is none or it was deleted
// for good.
func (sh *shop) find(id idText) *product {
	for _, p := range sh.products {
		if p.idString() == string(id) && p.status != statusDeleted {
			return p
		}
	}
	return nil
}

// shown completes a document with the state and stock of now.
func (p *product) shown(d *productDoc) *productDoc {
	if d == nil {
		return nil
	}
	out := *d
	out.Status, out.EditStatus = p.status, p.edit
	out.Skus = slices.Clone(d.Skus)
	for i := range out.Skus {
		out.Skus[i].StockNum = p.stock[out.Skus[i].SkuID]
		if i == 0 || out.Skus[i].SalePrice < out.MinPrice {
			out.MinPrice = out.Skus[i].SalePrice
		}
	}
	return &out
}

// productList serves POST /channels/ec/product/list/get.
func (s *Sim) productList(c *call, sh *shop) answer {
	var in struct {
		Status   *int   `json:"status"`
		PageSize *int   `json:"page_size"`
		NextKey  string `json:"next_key"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	size := 10
	if in.PageSize != nil {
		size = *in.PageSize
	}
	all := sh.listProducts(in.Status)
	filter := "all"
	if in.Status != nil {
		filter = strconv.Itoa(*in.Status)
	}
	page, next, _, ok := s.page(all, "product "+filter, in.NextKey, size, 30)
	if !ok {
		return s.fail(c, 10020051)
	}
	return s.ok(c, struct {
		okHead
		ProductIDs []string `json:"product_ids"`
		NextKey    string   `json:"next_key"`
		TotalNum   int      `json:"total_num"`
	}{okay, page, next, len(all)})
}

// listProducts lists ids by status. Without one: everything except drafts that
// were never listed and the recycle bin.
func (sh *shop) listProducts(status *int) []string {
	ids := []string{}
	for _, p := range sh.products {
		hidden := p.status == statusNever || p.status == statusRecycled || p.status == statusDeleted
		if status == nil && !hidden || status != nil && p.status == *status {
			ids = append(ids, p.idString())
		}
	}
	return ids
}

// productGet serves POST /channels/ec/product/get.
func (s *Sim) productGet(c *call, sh *shop) answer {
	var in struct {
		ProductID idText `json:"product_id"`
		DataType  *int   `json:"data_type"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	kind := 1
	if in.DataType != nil {
		kind = *in.DataType
	}
	p := sh.find(in.ProductID)
	switch {
	case in.ProductID == "" || kind < 1 || kind > 3:
		return s.fail(c, 10020051)
	case p == nil:
		return s.fail(c, 10020052)
	}
	out := struct {
		okHead
		Product     any      `json:"product,omitempty"`
		EditProduct any      `json:"edit_product,omitempty"`
		SaleLimit   struct{} `json:"sale_limit_info"`
		InfoScore   struct{} `json:"info_score"`
		CmpPrice    struct{} `json:"cmp_price_info"`
		Audit       struct{} `json:"audit_info"`
	}{okHead: okay}
	if kind != 2 {
		out.Product = s.wireProduct(p, p.live)
	}
	if kind != 1 {
		out.EditProduct = s.wireProduct(p, p.newest())
	}
	return s.ok(c, out)
}

// wireProduct is a document as product/get shows it, nil if there is none.
func (s *Sim) wireProduct(p *product, d *productDoc) any {
	switch {
	case d == nil:
		return nil
	case !s.sw.ProductIDsSwapped:
		return p.shown(d)
	}
	type proof struct {
		QuaID  json.RawMessage `json:"qua_id"`
		QuaURL []string        `json:"qua_url"`
	}
	proofs := []proof{}
	for _, q := range d.Quas {
		proofs = append(proofs, proof{wireID(string(q.QuaID), true), q.QuaURL})
	}
	return struct {
		ProductID json.RawMessage `json:"product_id"`
		*productDoc
		Quas []proof `json:"product_qua_infos"`
	}{wireID(p.idString(), true), p.shown(d), proofs}
}

// productAdd serves POST /channels/ec/product/add. Its answer is the odd one
// out: product_id is a JSON number above 2^53.
func (s *Sim) productAdd(c *call, sh *shop) answer {
	var in productIn
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	if bad := cmp.Or(sh.closing(), in.check()); bad != 0 {
		return s.fail(c, bad)
	}
	sh.lastProduct += 2 // odd ids only: a float64 cannot hold them
	p := &product{id: sh.lastProduct, edit: editEditing, stock: map[string]int64{}}
	p.draft = sh.document(p, &in)
	sh.products = append(sh.products, p)
	if in.Listing {
		// Over the hourly limit the product is made all the same, as a draft.
		if bad := s.review(sh, p, c.now); bad != 0 {
			return s.fail(c, bad)
		}
	}
	return s.reply(c, "data", object{"product_id", wireID(p.idString(), !s.sw.ProductIDsSwapped), "create_time", stamp(c.now)})
}

// productUpdate serves POST /channels/ec/product/update. It touches the draft
// only; listing and review make it live.
func (s *Sim) productUpdate(c *call, sh *shop) answer {
	var in productIn
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	if in.ProductID == "" {
		return s.fail(c, 10020051)
	}
	p := sh.find(in.ProductID)
	if p == nil {
		return s.fail(c, 10020052)
	}
	if p.edit == editReview {
		return s.fail(c, 10020049)
	}
	if bad := cmp.Or(sh.closing(), in.check(), p.frozen(&in)); bad != 0 {
		return s.fail(c, bad)
	}
	p.draft, p.edit = sh.document(p, &in), editEditing
	if in.Listing {
		if bad := s.review(sh, p, c.now); bad != 0 {
			return s.fail(c, bad)
		}
	}
	type data struct {
		ProductID  string `json:"product_id"`
		UpdateTime string `json:"update_time"`
	}
	return s.ok(c, struct { // the sample has no errmsg
		ErrCode int  `json:"errcode"`
		Data    data `json:"data"`
	}{0, data{p.idString(), stamp(c.now)}})
}

// frozen refuses to change what cannot be changed: the out_product_id, the
// first category once listed, and skus that are not the product's.
func (p *product) frozen(in *productIn) int {
	old := cmp.Or(p.live, p.draft)
	if in.OutProductID != "" && in.OutProductID != old.OutProductID {
		return 10020051
	}
	if p.live != nil && len(in.CatsV2) > 0 && in.CatsV2[0] != p.live.CatsV2[0] {
		return 10020017
	}
	for _, k := range in.Skus {
		if _, own := p.stock[string(k.SkuID)]; k.SkuID != "" && !own {
			return 10020052
		}
	}
	return 0
}

// review sends the draft into review, or returns the errcode of the hourly
// limit. Once the day's reviews are used up the draft stays where it is, and
// only its edit_status tells so.
func (s *Sim) review(sh *shop, p *product, now time.Time) int {
	r := sh.reviewsOn(now)
	if sh.ReviewsPerHour > 0 && r.thisHour >= sh.ReviewsPerHour {
		return 1002001
	}
	if r.used >= sh.Reviews {
		p.edit = editExhausted
		return 0
	}
	r.used++
	r.thisHour++
	p.edit, p.reviewEnd = editReview, now.Add(s.sw.ReviewTakes.Std())
	return 0
}

// productListing serves POST /channels/ec/product/listing.
func (s *Sim) productListing(c *call, sh *shop) answer {
	p, bad := s.productOf(c, sh)
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case sh.closing() != 0:
		return s.fail(c, sh.closing())
	case p.edit == editReview:
		return s.fail(c, 10020047)
	case p.status == statusRecycled:
		return s.fail(c, 10020052)
	case p.draft != nil:
		if bad := s.review(sh, p, c.now); bad != 0 {
			return s.fail(c, bad)
		}
	case p.live != nil:
		p.status = statusListed
	}
	return s.ok(c, okay)
}

// productDelisting serves POST /channels/ec/product/delisting.
func (s *Sim) productDelisting(c *call, sh *shop) answer {
	p, bad := s.productOf(c, sh)
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case p.edit == editReview:
		return s.fail(c, 10020049)
	case p.status != statusListed:
		return s.fail(c, 10020065)
	}
	p.status = statusDelisted
	return s.ok(c, okay)
}

// productOf reads a body that holds a product_id only.
func (s *Sim) productOf(c *call, sh *shop) (p *product, bad int) {
	var in struct {
		ProductID idText `json:"product_id"`
	}
	if bad = s.decode(c, &in); bad != 0 {
		return nil, bad
	}
	if in.ProductID == "" {
		return nil, 10020051
	}
	if p = sh.find(in.ProductID); p == nil {
		return nil, 10020052
	}
	return p, 0
}

// check is the errcode for a product's content, 0 if it can be kept.
func (in *productIn) check() int {
	chars := utf8.RuneCountInString
	switch {
	case in.Title == "":
		return 10020020
	case chars(in.Title) < 5:
		return 10020042
	case chars(in.Title) > 60:
		return 10020021
	case len(in.HeadImgs) == 0:
		return 10020022
	case len(in.CatsV2) == 0 && len(in.Cats) == 0:
		return 10020017
	case len(in.Skus) == 0 || len(in.Skus) > 500:
		return 10020013
	case in.DeliverMethod == 0 && in.ExpressInfo.TemplateID == "":
		return 10020019
	case len(in.CatsV2) == 0, chars(in.ShortTitle) > 20, len(in.HeadImgs) < 3, len(in.HeadImgs) > 9,
		len(in.OutProductID) > 128, in.AfterSaleInfo.AddressID == 0:
		return 10020051
	}
	return cmp.Or(checkPictures(in.HeadImgs), checkPictures(in.DescInfo.Imgs), checkSkus(in.Skus))
}

func checkPictures(urls []string) int {
	for _, u := range urls {
		if !strings.HasPrefix(u, "https://mmecimage.cn/p/") {
			return 10020035
		}
	}
	return 0
}

func checkSkus(skus []skuIn) int {
	for _, k := range skus {
		switch {
		case k.SalePrice == 0:
			return 10020039
		case k.SalePrice < 0 || k.StockNum < 0:
			return 10020051
		case k.ThumbImg != "" && checkPictures([]string{k.ThumbImg}) != 0:
			return 10020035
		}
	}
	return 0
}

// document turns a request into a document, and gives ids to new skus.
func (sh *shop) document(p *product, in *productIn) *productDoc {
	d := &productDoc{
		ProductID: p.idString(), OutProductID: in.OutProductID, Title: in.Title, ShortTitle: in.ShortTitle,
		HeadImgs: in.HeadImgs, DescInfo: in.DescInfo, DeliverMethod: in.DeliverMethod,
		Cats: orEmpty(in.Cats), CatsV2: in.CatsV2, Attrs: orEmpty(in.Attrs), ExpressInfo: in.ExpressInfo,
		SpuCode: in.SpuCode, BrandID: string(in.BrandID), ExtraService: in.ExtraService,
		AfterSaleInfo: in.AfterSaleInfo, Quas: orEmpty(in.Quas),
	}
	if old := cmp.Or(p.live, p.draft); old != nil {
		d.OutProductID = old.OutProductID
	}
	d.DescInfo.Imgs = orEmpty(d.DescInfo.Imgs)
	for _, k := range in.Skus {
		id := string(k.SkuID)
		if id == "" {
			sh.lastSku += 2
			id = strconv.FormatUint(sh.lastSku, 10)
			p.stock[id] = k.StockNum
		}
		d.Skus = append(d.Skus, skuDoc{SkuID: id, OutSkuID: k.OutSkuID, ThumbImg: k.ThumbImg, SalePrice: k.SalePrice,
			SkuCode: k.SkuCode, SkuAttrs: orEmpty(k.SkuAttrs), Deliver: k.Deliver})
	}
	return d
}

// orEmpty keeps a missing list from becoming null in an answer.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
