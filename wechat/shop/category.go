package shop

import (
	"context"
	"iter"
)

const (
	pathCategories = "/shop/ec/category/all"
	pathCategory   = "/shop/ec/category/detail"
	pathGranted    = "/channels/ec/category/list/get"
	pathAllBrands  = "/shop/ec/brand/all"
	pathBrand      = "/channels/ec/brand/get"
	pathBrands     = "/channels/ec/brand/list/get"
	pathValid      = "/channels/ec/brand/valid/list/get"
)

// Category is a node of a tree of categories.
type Category struct {
	ID       ID     `json:"cat_id"`
	ParentID ID     `json:"f_cat_id,omitzero"` // 0 at the first level
	Name     string `json:"name,omitzero"`
	Level    Int    `json:"level,omitzero"`
}

// CategoryDocs says which documents a category asks for.
type CategoryDocs struct {
	ID        ID     `json:"qua_id,omitzero"`
	Name      string `json:"name,omitzero"`
	MustApply Flag   `json:"need_to_apply,omitzero"` // before the shop may use it
	Tips      string `json:"tips,omitzero"`
	Mandatory Flag   `json:"mandatory,omitzero"`
}

// CategoryEntry is a category with what it asks for.
type CategoryEntry struct {
	Category       Category       `json:"cat"`
	Shop           CategoryDocs   `json:"qua,omitzero"`              // of the shop
	Product        CategoryDocs   `json:"product_qua,omitzero"`      // of each product; ProductDocs replaces it
	Brand          CategoryDocs   `json:"brand_qua,omitzero"`        // of the brand
	ProductDocs    []CategoryDocs `json:"product_qua_list,omitzero"` // of each product
	DamageWarranty Flag           `json:"is_confidence_require_bad_must_pay,omitzero"`
}

// CategoryPath is the way from the first level down to one leaf.
type CategoryPath struct {
	Steps []CategoryEntry `json:"cat_and_qua"`
}

// CategoryTrees are both trees of categories: the old one of three levels, and the
// one that replaces it.
type CategoryTrees struct {
	Old []CategoryPath `json:"cats,omitzero"`
	New []CategoryPath `json:"cats_v2,omitzero"`
}

// Categories returns all categories of WeChat. The answer has megabytes and
// takes WeChat its time: keep it for a day, and give the client a timeout to match.
//
// Sets 85, 129 or 192. /doc/store/shop/API/channels-shop-category/api_getallcategory;
// older pages GET it from /channels/ec/category/all.
func (c *Client) Categories(ctx context.Context) (*CategoryTrees, error) {
	res, err := Call[CategoryTrees](ctx, c, pathCategories, none{})
	if err != nil {
		return nil, err
	}
	return &res, nil
}

// CategoryRules is what a leaf category asks of goods.
type CategoryRules struct {
	Info Category       `json:"info"`
	Attr CategoryAttrs  `json:"attr"`
	Docs []CategoryDocs `json:"product_qua_list,omitzero"`
}

// CategoryAttrs are the rules of a leaf category.
type CategoryAttrs struct {
	NoShipment     Flag           `json:"shop_no_shipment,omitzero"` // may be delivered without courier
	ByPermit       Flag           `json:"access_permit_required,omitzero"`
	Presale        Flag           `json:"pre_sale,omitzero"`
	SevenDayReturn Flag           `json:"seven_day_return,omitzero"`
	Brands         []BrandRef     `json:"brand_list,omitzero"`
	BrandNeeded    Flag           `json:"is_limit_brand,omitzero"`
	Deposit        Fen            `json:"deposit,omitzero"`
	ProductAttrs   []AttrRule     `json:"product_attr_list,omitzero"`
	SaleAttrs      []AttrRule     `json:"sale_attr_list,omitzero"`
	Fee            TransactionFee `json:"transactionfee_info,omitzero"`
	Coupons        CouponRule     `json:"coupon_rule,omitzero"`
	FloorPrice     Fen            `json:"floor_price,omitzero"`
	Docs           []CategoryDocs `json:"product_qua_list,omitzero"`
}

// BrandRef names a brand.
type BrandRef struct {
	ID ID `json:"brand_id"`
}

// AttrRule is a property that goods of a category have.
type AttrRule struct {
	Name string `json:"name"`
	// Type is string, select_one, select_many, integer, decimal4, integer_unit
	// or decimal4_unit; OldType knows the first two.
	Type    string `json:"type_v2,omitzero"`
	OldType string `json:"type,omitzero"`
	// Values are the choices, or the units, with ';' between.
	Values    string `json:"value,omitzero"`
	Required  Flag   `json:"is_required,omitzero"`
	Hint      string `json:"hint,omitzero"`
	MayAppend Flag   `json:"append_allowed,omitzero"`
}

// TransactionFee is WeChat's share, in ten-thousandths.
type TransactionFee struct {
	Now       Int `json:"basis_point"`
	Usual     Int `json:"original_basis_point,omitzero"`
	Incentive Int `json:"incentive_type,omitzero"` // 1: less for a new shop
}

// CouponRule bounds coupons; 0 is no bound.
type CouponRule struct {
	MaxPercent Int `json:"discount_ratio_limit,omitzero"`
	MaxOff     Fen `json:"discount_limit,omitzero"`
}

// CategoryRules returns what a leaf category asks of goods.
//
// Sets 85 or 129. /doc/store/shop/API/channels-shop-category/api_getcategorydetail
func (c *Client) CategoryRules(ctx context.Context, id ID) (*CategoryRules, error) {
	res, err := Call[CategoryRules](ctx, c, pathCategory, struct {
		ID NumberID `json:"cat_id"`
	}{NumberID(id)})
	if err != nil {
		return nil, err
	}
	return &res, nil
}

// GrantedCategory is a category that the shop may use.
type GrantedCategory struct {
	ID    ID `json:"cat_id"`
	DocID ID `json:"qua_id,omitzero"`
}

// GrantedCategories returns the categories that the shop may use.
//
// Set 129. /doc/store/API/category/getavailablebizcat
func (c *Client) GrantedCategories(ctx context.Context) ([]GrantedCategory, error) {
	res, err := Get[struct {
		List []GrantedCategory `json:"list"`
	}](ctx, c, pathGranted, nil)
	return res.List, err
}

// Brand is a brand of WeChat's register.
type Brand struct {
	ID      ID     `json:"brand_id"`
	Chinese string `json:"ch_name,omitzero"`
	English string `json:"en_name,omitzero"`
}

// brandPage is the body of the lists of brands.
type brandPage struct {
	PageSize int    `json:"page_size"`
	Status   int    `json:"status,omitzero"`
	NextKey  string `json:"next_key,omitzero"`
}

// brandPageSize is how many brands come with one call; WeChat allows 50.
const brandPageSize = 50

// AllBrands lists the brands of WeChat's register.
//
// Sets 85, 129 or 192. /doc/store/shop/API/brand/api_getallbrandslogic
func (c *Client) AllBrands(ctx context.Context) iter.Seq2[Brand, error] {
	type answer struct {
		Brands  []Brand `json:"brands"`
		NextKey string  `json:"next_key"`
		More    Flag    `json:"continue_flag"`
	}
	return walk(func(cursor string, _ int) (page[Brand], error) {
		return each(ctx, c, pathAllBrands, brandPage{brandPageSize, 0, cursor}, func(a answer) page[Brand] {
			return page[Brand]{items: a.Brands, next: a.NextKey, more: bool(a.More)}
		})
	})
}
