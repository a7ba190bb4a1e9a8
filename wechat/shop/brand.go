package shop

import (
	"context"
	"iter"
)

// ShopBrand is a brand that the shop proved, or applied for.
type ShopBrand struct {
	Brand
	Class       ID               `json:"classification_no,omitzero"` // 1 to 45
	Mark        Int              `json:"trade_mark_symbol,omitzero"` // 1 registered (R), 2 applied for (TM)
	Register    BrandRegister    `json:"register_details,omitzero"`
	Application BrandApplication `json:"application_details,omitzero"`
	GrantType   Int              `json:"grant_type,omitzero"` // 1 own brand, 2 granted by its owner
	Grant       BrandGrant       `json:"grant_details,omitzero"`
	Status      Int              `json:"status,omitzero"`
	CreatedAt   Time             `json:"create_time,omitzero"`
	UpdatedAt   Time             `json:"update_time,omitzero"`
	Audit       BrandAudit       `json:"audit_result,omitzero"`
}

// BrandRegister is the registration of a mark. Documents are file ids.
type BrandRegister struct {
	Registrant   string   `json:"registrant,omitzero"`
	Number       string   `json:"register_no,omitzero"`
	Start        Time     `json:"start_time,omitzero"`
	End          Time     `json:"end_time,omitzero"`
	Permanent    Flag     `json:"is_permanent,omitzero"`
	Certificates []string `json:"register_certifications,omitzero"`
	Renewals     []string `json:"renew_certifications,omitzero"`
}

// BrandApplication is the application for a mark.
type BrandApplication struct {
	Certificates []string `json:"acceptance_certification,omitzero"`
	At           Time     `json:"acceptance_time,omitzero"`
	Number       string   `json:"acceptance_no,omitzero"`
}

// BrandGrant is how the owner of a mark grants it.
type BrandGrant struct {
	Certificates []string `json:"grant_certifications,omitzero"`
	Level        Int      `json:"grant_level,omitzero"`
	Start        Time     `json:"start_time,omitzero"`
	End          Time     `json:"end_time,omitzero"`
	Permanent    Flag     `json:"is_permanent,omitzero"`
	OwnerPhotos  []string `json:"brand_owner_id_photos,omitzero"`
}

// BrandAudit is what the review said.
type BrandAudit struct {
	ID     ID     `json:"audit_id,omitzero"`
	Reason string `json:"reject_reason,omitzero"`
}

// ShopBrand reads what the shop filed for a brand.
//
// Sets 85 or 129. /doc/store/shop/API/brand/api_getbrandlogic
func (c *Client) ShopBrand(ctx context.Context, id ID) (*ShopBrand, error) {
	res, err := Call[struct {
		Brand *ShopBrand `json:"brand"`
	}](ctx, c, pathBrand, BrandRef{id})
	if err == nil && res.Brand == nil {
		err = missing(pathBrand, "brand")
	}
	return res.Brand, err
}

// ShopBrands lists what the shop filed; status 0 means any.
//
// Sets 85, 129 or 192. /doc/store/shop/API/brand/api_getbrandlistlogic
func (c *Client) ShopBrands(ctx context.Context, status int) iter.Seq2[ShopBrand, error] {
	return c.shopBrands(ctx, pathBrands, status)
}

// ValidBrands lists the brands that goods of the shop may name now.
//
// Sets 85 or 129. /doc/store/shop/API/brand/api_getvalidbrandlistlogic
func (c *Client) ValidBrands(ctx context.Context) iter.Seq2[ShopBrand, error] {
	return c.shopBrands(ctx, pathValid, 0)
}

func (c *Client) shopBrands(ctx context.Context, path string, status int) iter.Seq2[ShopBrand, error] {
	type answer struct {
		Brands  []ShopBrand `json:"brands"`
		NextKey string      `json:"next_key"`
		Total   Int         `json:"total_num"`
	}
	return walk(func(cursor string, _ int) (page[ShopBrand], error) {
		return each(ctx, c, path, brandPage{brandPageSize, status, cursor}, func(a answer) page[ShopBrand] {
			return untilEmpty(a.Brands, a.NextKey)
		})
	})
}
