package shop

import (
	"context"
	"fmt"
	"iter"
)

const (
	pathProducts     = "/channels/ec/product/list/get"
	pathProduct      = "/channels/ec/product/get"
	pathAddProduct   = "/channels/ec/product/add"
	pathUpdate       = "/channels/ec/product/update"
	pathAuditFree    = "/channels/ec/product/auditfree"
	pathDelete       = "/channels/ec/product/delete"
	pathListing      = "/channels/ec/product/listing"
	pathDelisting    = "/channels/ec/product/delisting"
	pathCancelAudit  = "/channels/ec/product/audit/cancel"
	pathAuditQuota   = "/channels/ec/product/getauditquota"
	pathProductH5    = "/channels/ec/product/h5url/get"
	pathProductQR    = "/channels/ec/product/qrcode/get"
	pathProductTag   = "/channels/ec/product/taglink/get"
	pathProductLinks = "/channels/ec/product/scheme/get"
)

// ProductStatus is where a product is in its life.
type ProductStatus int

// The states of products.
const (
	ProductNew             ProductStatus = 0
	ProductOnSale          ProductStatus = 5
	ProductInBin           ProductStatus = 6
	ProductDeleted         ProductStatus = 9 // for good
	ProductDelisted        ProductStatus = 11
	ProductSoldOut         ProductStatus = 12
	ProductDelistedByRisk  ProductStatus = 13
	ProductDelistedDeposit ProductStatus = 14
	ProductBrandExpired    ProductStatus = 15
	ProductBanned          ProductStatus = 20
)

var productStatusNames = map[ProductStatus]string{
	ProductNew: "new", ProductOnSale: "on-sale", ProductInBin: "in-bin", ProductDeleted: "deleted", ProductDelisted: "delisted",
	ProductSoldOut: "sold-out", ProductDelistedByRisk: "delisted-by-risk-control", ProductDelistedDeposit: "delisted-for-deposit",
	ProductBrandExpired: "brand-expired", ProductBanned: "banned",
}

// String returns a short lower-case name.
func (s ProductStatus) String() string { return nameOf(productStatusNames, s) }

// UnmarshalJSON takes what [Int] takes.
func (s *ProductStatus) UnmarshalJSON(b []byte) error { return readInt(b, s) }

// nameOf returns the name of a state, or status(n) for one that is not known.
func nameOf[T ~int](names map[T]string, v T) string {
	if name, ok := names[v]; ok {
		return name
	}
	return fmt.Sprintf("status(%d)", int(v))
}

// EditStatus is where a product's draft is. What customers see does not change
// before a review passed.
type EditStatus int

// The states of drafts.
const (
	EditNone        EditStatus = 0
	EditDraft       EditStatus = 1
	EditInReview    EditStatus = 2
	EditRefused     EditStatus = 3
	EditPassed      EditStatus = 4
	EditWriting     EditStatus = 5
	EditUploading   EditStatus = 7 // asynchronously; calls answer 10020067
	EditUploadError EditStatus = 8
	EditOutOfQuota  EditStatus = 72 // no review left today: see [Client.ProductAuditQuota]
)

var editStatusNames = map[EditStatus]string{
	EditNone: "none", EditDraft: "draft", EditInReview: "in-review", EditRefused: "refused", EditPassed: "passed",
	EditWriting: "writing", EditUploading: "uploading", EditUploadError: "upload-failed", EditOutOfQuota: "out-of-review-quota",
}

// String returns a short lower-case name.
func (s EditStatus) String() string { return nameOf(editStatusNames, s) }

// UnmarshalJSON takes what [Int] takes.
func (s *EditStatus) UnmarshalJSON(b []byte) error { return readInt(b, s) }

// ProductQuery narrows [Client.Products]. The zero query lists all but what was
// never listed and what lies in the bin.
type ProductQuery struct {
	// Status is nil for any.
	Status *ProductStatus
	// PageSize is how many ids come with one call: up to 30, which is the
	// default here.
	PageSize int
}

// Products lists the ids of the shop's products.
//
// Set 129. /doc/store/shop/API/channels-shop-product/shop/api_getproductlist
func (c *Client) Products(ctx context.Context, q ProductQuery) iter.Seq2[ID, error] {
	type body struct {
		Status   *ProductStatus `json:"status,omitzero"`
		PageSize int            `json:"page_size"`
		NextKey  string         `json:"next_key"`
	}
	type answer struct {
		IDs     []ID   `json:"product_ids"`
		NextKey string `json:"next_key"`
		Total   Int    `json:"total_num"`
	}
	return walk(func(cursor string, _ int) (page[ID], error) {
		return each(ctx, c, pathProducts, body{q.Status, orDefault(q.PageSize, 30), cursor}, func(a answer) page[ID] {
			return untilEmpty(a.IDs, a.NextKey)
		})
	})
}

// orDefault returns n, or def when n says nothing.
func orDefault(n, def int) int {
	if n <= 0 {
		return def
	}
	return n
}

// ProductVersions holds both sides of a product.
type ProductVersions struct {
	// Live is what customers see; nil when the product was never listed, or
	// was not asked for.
	Live *Product `json:"product,omitzero"`
	// Draft is what was edited last; nil when it was not asked for.
	Draft *Product `json:"edit_product,omitzero"`
}

// Versions says which sides of a product to read.
type Versions int

// The sides of a product.
const (
	VersionLive  Versions = 1
	VersionDraft Versions = 2
	VersionBoth  Versions = 3
)

// Product reads a product. A side that is not there is nil and no error.
//
// Set 129. /doc/store/shop/API/channels-shop-product/shop/api_getproduct
func (c *Client) Product(ctx context.Context, id ID, which Versions) (*ProductVersions, error) {
	res, err := Call[ProductVersions](ctx, c, pathProduct, struct {
		ID   ID       `json:"product_id"`
		Type Versions `json:"data_type,omitzero"`
	}{id, which})
	if err != nil {
		return nil, err
	}
	return &res, nil
}

// ProductChange is what WeChat says of a product that was written.
type ProductChange struct {
	ID ID
	// At is when WeChat wrote it: it tells in text and in whole seconds.
	At Time
}

// AddProduct makes a product. With Listing it goes to review at once; else it is a
// draft.
//
// A call whose answer was lost may have made the product: find it by its
// OutID before you repeat. WeChat answers 1002001 when the shop submits too many
// reviews in an hour.
//
// Set 129. /doc/store/shop/API/channels-shop-product/shop/api_addproduct
func (c *Client) AddProduct(ctx context.Context, p ProductInput) (ProductChange, error) {
	p.ID = ""
	return c.writeProduct(ctx, pathAddProduct, p)
}

// UpdateProduct replaces the draft of p.ID. A sku with an id replaces that sku,
// one without is new. What customers see changes after [Client.ListProduct] and
// the review.
//
// Set 129. /doc/store/shop/API/channels-shop-product/shop/api_updateproduct
func (c *Client) UpdateProduct(ctx context.Context, p ProductInput) (ProductChange, error) {
	return c.writeProduct(ctx, pathUpdate, p)
}

// UpdateProductNow changes price, stock and the like of the live version,
// without review.
//
// Set 129. /doc/store/shop/API/channels-shop-product/shop/api_updateproductauditfree
func (c *Client) UpdateProductNow(ctx context.Context, p ProductPatch) (ProductChange, error) {
	return c.writeProduct(ctx, pathAuditFree, p)
}

func (c *Client) writeProduct(ctx context.Context, path string, body any) (ProductChange, error) {
	res, err := Call[struct {
		Data struct {
			ID        ID   `json:"product_id"`
			CreatedAt Time `json:"create_time"`
			UpdatedAt Time `json:"update_time"`
		} `json:"data"`
	}](ctx, c, path, body)
	change := ProductChange{ID: res.Data.ID, At: res.Data.UpdatedAt}
	if change.At.IsZero() {
		change.At = res.Data.CreatedAt
	}
	return change, err
}

// productID is the body of the calls that name a product.
type productID struct {
	ID ID `json:"product_id"`
}

// ListProduct (上架) sends the draft to review; when it passes, the product is
// on sale.
//
// Set 129. /doc/store/shop/API/channels-shop-product/shop/api_listingproduct
func (c *Client) ListProduct(ctx context.Context, id ID) error {
	return post(ctx, c, pathListing, productID{id})
}

// DelistProduct (下架) takes a product off sale. 10020065 says that it was not
// on sale, which is what was wanted; 10020047 and 10020049 that a review must be
// cancelled first.
//
// Set 129. /doc/store/shop/API/channels-shop-product/shop/api_delistingproduct
func (c *Client) DelistProduct(ctx context.Context, id ID) error {
	return post(ctx, c, pathDelisting, productID{id})
}

// DeleteProduct deletes a product.
//
// Set 129. /doc/store/shop/API/channels-shop-product/shop/api_deleteproduct
func (c *Client) DeleteProduct(ctx context.Context, id ID) error {
	return post(ctx, c, pathDelete, productID{id})
}

// CancelProductAudit takes a draft back from review.
//
// Set 129. /doc/store/shop/API/channels-shop-product/shop/api_cancelauditproduct
func (c *Client) CancelProductAudit(ctx context.Context, id ID) error {
	return post(ctx, c, pathCancelAudit, productID{id})
}

// AuditQuota is how many reviews a shop has left.
type AuditQuota struct {
	Blocked       Flag `json:"block_status,omitzero"`
	Available     Int  `json:"avail_quota,omitzero"`
	Total         Int  `json:"total_quota,omitzero"`
	UnlimitedType Int  `json:"unlimited_type,omitzero"`
	AuditTotal    Int  `json:"audit_total_quota,omitzero"`
	AuditLeft     Int  `json:"audit_total_remaining,omitzero"`
	NewTotal      Int  `json:"new_product_total_quota,omitzero"`
	NewLeft       Int  `json:"new_product_remaining,omitzero"`
}

// ProductAuditQuota tells how many reviews are left.
//
// 500 a minute. Set 129. /doc/store/shop/API/channels-shop-product/shop/api_getproductauditquota
func (c *Client) ProductAuditQuota(ctx context.Context) (*AuditQuota, error) {
	res, err := Call[struct {
		Quota *AuditQuota `json:"audit_quota"`
	}](ctx, c, pathAuditQuota, none{})
	if err == nil && res.Quota == nil {
		err = missing(pathAuditQuota, "audit_quota")
	}
	return res.Quota, err
}

// productFrom is the body of the calls for links to a product.
type productFrom struct {
	ID ID `json:"product_id"`
	WeCom
}

// ProductH5URL returns a short web address of a product that is on sale.
//
// Set 129. /doc/store/shop/API/channels-shop-product/shop/api_getproducth5url
func (c *Client) ProductH5URL(ctx context.Context, id ID, from WeCom) (string, error) {
	res, err := Call[struct {
		URL string `json:"product_h5url"`
	}](ctx, c, pathProductH5, productFrom{id, from})
	return res.URL, err
}

// ProductQRCode returns the address of a picture with the product's QR code.
//
// Set 129. /doc/store/shop/API/channels-shop-product/shop/api_getproductqrcode
func (c *Client) ProductQRCode(ctx context.Context, id ID, look QRCodeType, from WeCom) (string, error) {
	res, err := Call[struct {
		URL string `json:"product_qrcode"`
	}](ctx, c, pathProductQR, struct {
		productFrom
		Look QRCodeType `json:"qrcode_type,omitzero"`
	}{productFrom{id, from}, look})
	return res.URL, err
}

// ProductTagLink returns the words (口令) that open a product in WeChat.
//
// Set 129. /doc/store/shop/API/channels-shop-product/shop/api_getproducttaglink
func (c *Client) ProductTagLink(ctx context.Context, id ID, from WeCom) (string, error) {
	res, err := Call[struct {
		Link string `json:"product_taglink"`
	}](ctx, c, pathProductTag, productFrom{id, from})
	return res.Link, err
}

// ProductScheme returns a weixin:// link that opens a product from the mobile
// app fromAppID, good for the given seconds.
//
// Set 129. /doc/store/shop/API/channels-shop-product/shop/api_getproductscheme
func (c *Client) ProductScheme(ctx context.Context, id ID, fromAppID string, seconds int, extra string) (string, error) {
	res, err := Call[struct {
		Link string `json:"openlink"`
	}](ctx, c, pathProductLinks, struct {
		ID     ID     `json:"product_id"`
		From   string `json:"from_appid"`
		Expire int    `json:"expire"`
		Extra  string `json:"ext_info,omitzero"`
	}{id, fromAppID, seconds, extra})
	return res.Link, err
}
