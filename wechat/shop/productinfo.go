package shop

// Attr is a property of a product or a sku: colour, place of origin.
type Attr struct {
	Key   string `json:"attr_key"`
	Value string `json:"attr_value"`
}

// DescInfo is the long description of a product.
type DescInfo struct {
	Images []string `json:"imgs,omitzero"`
	Text   string   `json:"desc,omitzero"`
}

// DeliverMethod is how a product reaches the customer.
type DeliverMethod int

// The ways of delivery.
const (
	DeliverCourier DeliverMethod = 0
	DeliverPhone   DeliverMethod = 1 // no courier, to a phone number
	DeliverAccount DeliverMethod = 3 // no courier, to an account of the customer's
)

// UnmarshalJSON takes what [Int] takes.
func (m *DeliverMethod) UnmarshalJSON(b []byte) error { return readInt(b, m) }

// CategoryRef is one step on the way to a product's category.
type CategoryRef struct {
	ID ID `json:"cat_id"`
}

// ExpressInfo names the freight template of a product. Weight is in grams.
type ExpressInfo struct {
	TemplateID ID    `json:"template_id,omitzero"`
	Weight     Float `json:"weight,omitzero"`
}

// ExtraService is what a shop promises with a product.
type ExtraService struct {
	// SevenDayReturn: 0 no, 1 yes; some categories know further values.
	SevenDayReturn Int `json:"seven_day_return"`
	// PayAfterUse lets customers pay later; nil leaves it to WeChat.
	PayAfterUse      *Int `json:"pay_after_use,omitzero"`
	FreightInsurance Int  `json:"freight_insurance"`
}

// AfterSaleInfo says where returned goods go. It is compulsory since
// 2025-05-13.
type AfterSaleInfo struct {
	AddressID NumberID `json:"after_sale_address_id,omitzero"`
}

// LimitInfo bounds how many one customer may buy.
type LimitInfo struct {
	Period Int `json:"period_type"` // 0 no bound, 1 a day, 2 a week, 3 a month
	Count  Int `json:"limited_buy_num"`
}

// Qualification is a document that a category asks of its products.
type Qualification struct {
	ID  NumberID `json:"qua_id,omitzero"`
	URL []string `json:"qua_url,omitzero"`
}

// SizeChart is the table of sizes of clothes.
type SizeChart struct {
	Enable Flag       `json:"enable"`
	Rows   []SizeSpec `json:"specification_list"`
}

// SizeSpec is one measure for all sizes.
type SizeSpec struct {
	Name   string      `json:"name"`
	Unit   string      `json:"unit,omitzero"`
	Range  Flag        `json:"is_range"`
	Values []SizeValue `json:"value_list,omitzero"`
}

// SizeValue is one measure of one size: Value, or Left to Right of a range.
type SizeValue struct {
	Key   string `json:"key"`
	Value string `json:"value,omitzero"`
	Left  string `json:"left,omitzero"`
	Right string `json:"right,omitzero"`
}

// SkuDelivery says when a sku is sent.
type SkuDelivery struct {
	StockType     Int  `json:"stock_type"` // 0 in stock, 1 paid in full before there is any
	PresaleAfter  Int  `json:"full_payment_presale_delivery_type,omitzero"`
	PresaleDays   Int  `json:"full_payment_presale_delivery_time,omitzero"`
	PresaleBegins Time `json:"presale_begin_time,omitzero"`
	PresaleEnds   Time `json:"presale_end_time,omitzero"`
}

// Sku is one choice of a product, such as a size in a colour.
type Sku struct {
	ID       ID           `json:"sku_id,omitzero"` // empty for a new one
	OutID    string       `json:"out_sku_id,omitzero"`
	Thumb    string       `json:"thumb_img,omitzero"`
	Price    Fen          `json:"sale_price"`
	Stock    Int          `json:"stock_num"`
	Code     string       `json:"sku_code,omitzero"`
	Attrs    []Attr       `json:"sku_attrs,omitzero"`
	Status   Int          `json:"status,omitzero"`
	Delivery *SkuDelivery `json:"sku_deliver_info,omitzero"`
}

// Product is a product as WeChat tells it.
type Product struct {
	ID             ID              `json:"product_id,omitzero"`
	OutID          string          `json:"out_product_id,omitzero"`
	SourceID       ID              `json:"src_product_id,omitzero"`
	Type           Int             `json:"product_type,omitzero"` // 1 ordinary, 2 lucky bag, 3 flash sale of a live show
	Title          string          `json:"title,omitzero"`
	ShortTitle     string          `json:"short_title,omitzero"`
	Images         []string        `json:"head_imgs,omitzero"`
	Desc           DescInfo        `json:"desc_info,omitzero"`
	Deliver        DeliverMethod   `json:"deliver_method,omitzero"`
	DeliverTo      []Int           `json:"deliver_acct_type,omitzero"`
	OldCategories  []CategoryRef   `json:"cats,omitzero"`
	Categories     []CategoryRef   `json:"cats_v2,omitzero"`
	Attrs          []Attr          `json:"attrs,omitzero"`
	Express        ExpressInfo     `json:"express_info,omitzero"`
	Status         ProductStatus   `json:"status,omitzero"`
	EditStatus     EditStatus      `json:"edit_status,omitzero"`
	MinPrice       Fen             `json:"min_price,omitzero"`
	Code           string          `json:"spu_code,omitzero"`
	BrandID        ID              `json:"brand_id,omitzero"`
	ExtraService   ExtraService    `json:"extra_service,omitzero"`
	AfterSale      AfterSaleInfo   `json:"after_sale_info,omitzero"`
	Limit          LimitInfo       `json:"limited_info,omitzero"`
	Skus           []Sku           `json:"skus,omitzero"`
	Qualifications []Qualification `json:"product_qua_infos,omitzero"`
	SizeChart      *SizeChart      `json:"size_chart,omitzero"`
	Sold           Int             `json:"total_sold_num,omitzero"`
	CreatedAt      Time            `json:"create_time,omitzero"`
	EditedAt       Time            `json:"edit_time,omitzero"`
}

// NoBrand is the brand of products without one.
const NoBrand NumberID = "2100000000"

// ProductInput is a product to write. See [Client.AddProduct] and
// [Client.UpdateProduct].
type ProductInput struct {
	// ID names the product for an update; AddProduct leaves it out.
	ID ID `json:"product_id,omitzero"`
	// OutID is your own id, up to 128 characters. It cannot be changed.
	OutID      string `json:"out_product_id,omitzero"`
	Title      string `json:"title"`                // 5 to 60 characters
	ShortTitle string `json:"short_title,omitzero"` // up to 20
	// Images are 3 to 9 pictures, for food 4 at least, uploaded with [UseURL].
	Images  []string      `json:"head_imgs"`
	Desc    *DescInfo     `json:"desc_info,omitzero"`
	Deliver DeliverMethod `json:"deliver_method"`
	// DeliverTo says to which accounts, with [DeliverAccount].
	DeliverTo []Int `json:"deliver_acct_type,omitzero"`
	// OldCategories is the way through the tree that WeChat retires.
	OldCategories []CategoryRef `json:"cats,omitzero"`
	// Categories is the way from the first level down. The first step is fixed
	// once the product was listed.
	Categories     []CategoryRef   `json:"cats_v2,omitzero"`
	Attrs          []Attr          `json:"attrs,omitzero"`
	Express        *ExpressInfo    `json:"express_info,omitzero"`
	Code           string          `json:"spu_code,omitzero"`
	BrandID        NumberID        `json:"brand_id,omitzero"` // or [NoBrand]
	ExtraService   *ExtraService   `json:"extra_service,omitzero"`
	AfterSale      *AfterSaleInfo  `json:"after_sale_info,omitzero"`
	Limit          *LimitInfo      `json:"limited_info,omitzero"`
	Skus           []Sku           `json:"skus"` // 1 to 500
	Qualifications []Qualification `json:"product_qua_infos,omitzero"`
	SizeChart      *SizeChart      `json:"size_chart,omitzero"`
	// Listing sends the draft to review at once.
	Listing Bit `json:"listing,omitzero"`
}

// ProductPatch is a change of a live product. Only what is set changes.
type ProductPatch struct {
	ID           ID             `json:"product_id"`
	Skus         []SkuPatch     `json:"skus,omitzero"`
	Code         string         `json:"spu_code,omitzero"`
	Limit        *LimitInfo     `json:"limited_info,omitzero"`
	Express      *ExpressInfo   `json:"express_info,omitzero"`
	ExtraService *ExtraService  `json:"extra_service,omitzero"`
	Deliver      *DeliverMethod `json:"deliver_method,omitzero"`
}

// SkuPatch is a change of a live sku.
type SkuPatch struct {
	ID       ID            `json:"sku_id"`
	Price    *Fen          `json:"sale_price,omitzero"`
	Stock    *StockStep    `json:"stock_info,omitzero"`
	Delivery *SkuDelivery  `json:"sku_deliver_info,omitzero"`
	Delete   Flag          `json:"is_delete,omitzero"`
	Code     string        `json:"sku_code,omitzero"`
	Status   ProductStatus `json:"status,omitzero"` // ProductOnSale, ProductDelisted
}
