package wechatsim

// Shapes of goods on the wire, as /channels/ec/product/get shows them. They
// are kept here on their own, so that a client written from the same pages can
// disagree with them.

type productDoc struct {
	ProductID     string         `json:"product_id"`
	OutProductID  string         `json:"out_product_id"`
	Title         string         `json:"title"`
	ShortTitle    string         `json:"short_title"`
	HeadImgs      []string       `json:"head_imgs"`
	DescInfo      descInfo       `json:"desc_info"`
	DeliverMethod int            `json:"deliver_method"`
	Cats          []catID        `json:"cats"`
	CatsV2        []catID        `json:"cats_v2"`
	Attrs         []attr         `json:"attrs"`
	ExpressInfo   expressInfo    `json:"express_info"`
	Status        int            `json:"status"`
	EditStatus    int            `json:"edit_status"`
	MinPrice      int64          `json:"min_price"`
	SpuCode       string         `json:"spu_code"`
	BrandID       string         `json:"brand_id"`
	ExtraService  extraService   `json:"extra_service"`
	AfterSaleInfo afterSaleInfo  `json:"after_sale_info"`
	Skus          []skuDoc       `json:"skus"`
	Quas          []qualityProof `json:"product_qua_infos"`
}

type descInfo struct {
	Imgs []string `json:"imgs"`
	Desc string   `json:"desc"`
}

type catID struct {
	CatID idText `json:"cat_id"`
}

type attr struct {
	Key   string `json:"attr_key"`
	Value string `json:"attr_value"`
}

type expressInfo struct {
	TemplateID idText `json:"template_id"`
	Weight     int    `json:"weight"`
}

type extraService struct {
	SevenDayReturn   int `json:"seven_day_return"`
	PayAfterUse      int `json:"pay_after_use,omitempty"`
	FreightInsurance int `json:"freight_insurance"`
}

type afterSaleInfo struct {
	AddressID int64 `json:"after_sale_address_id"`
}

type skuDoc struct {
	SkuID     string  `json:"sku_id"`
	OutSkuID  string  `json:"out_sku_id"`
	ThumbImg  string  `json:"thumb_img"`
	SalePrice int64   `json:"sale_price"` // fen
	StockNum  int64   `json:"stock_num"`
	SkuCode   string  `json:"sku_code"`
	SkuAttrs  []attr  `json:"sku_attrs"`
	Status    int     `json:"status"`
	Deliver   skuSend `json:"sku_deliver_info"`
}

type skuSend struct {
	StockType int `json:"stock_type"`
}

type qualityProof struct {
	QuaID  idText   `json:"qua_id"`
	QuaURL []string `json:"qua_url"`
}

// productIn is the body of product/add and product/update.
type productIn struct {
	ProductID     idText         `json:"product_id"`
	OutProductID  string         `json:"out_product_id"`
	Title         string         `json:"title"`
	ShortTitle    string         `json:"short_title"`
	HeadImgs      []string       `json:"head_imgs"`
	DescInfo      descInfo       `json:"desc_info"`
	DeliverMethod int            `json:"deliver_method"`
	Cats          []catID        `json:"cats"`
	CatsV2        []catID        `json:"cats_v2"`
	Attrs         []attr         `json:"attrs"`
	ExpressInfo   expressInfo    `json:"express_info"`
	SpuCode       string         `json:"spu_code"`
	BrandID       idText         `json:"brand_id"`
	ExtraService  extraService   `json:"extra_service"`
	AfterSaleInfo afterSaleInfo  `json:"after_sale_info"`
	Skus          []skuIn        `json:"skus"`
	Quas          []qualityProof `json:"product_qua_infos"`
	Listing       flag           `json:"listing"`
}

type skuIn struct {
	SkuID     idText  `json:"sku_id"`
	OutSkuID  string  `json:"out_sku_id"`
	ThumbImg  string  `json:"thumb_img"`
	SalePrice int64   `json:"sale_price"`
	StockNum  int64   `json:"stock_num"`
	SkuCode   string  `json:"sku_code"`
	SkuAttrs  []attr  `json:"sku_attrs"`
	Deliver   skuSend `json:"sku_deliver_info"`
}

// flag is a yes or no that pages write as 1 and as true.
type flag bool

// UnmarshalJSON reads true, false, 1 and 0.
func (f *flag) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "true", "1":
		*f = true
	case "false", "0", "null":
		*f = false
	default:
		return errFlag
	}
	return nil
}
