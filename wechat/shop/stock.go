package shop

import (
	"context"
	"iter"
)

const (
	pathStock       = "/channels/ec/product/stock/get"
	pathStocks      = "/channels/ec/product/stock/batchget"
	pathStockFlow   = "/channels/ec/product/stock/getflow"
	pathStockUpdate = "/channels/ec/product/stock/update"
)

// StockOp is how a number changes stock.
type StockOp int

// The ways to change stock.
const (
	StockAdd      StockOp = 1
	StockSubtract StockOp = 2
	// StockSet races with sales: what was sold between your look and the call
	// comes back. Prefer the other two.
	StockSet StockOp = 3
)

// StockStep is one change of a stock.
type StockStep struct {
	Op    StockOp `json:"diff_type"`
	Count int64   `json:"num"`
}

// StockChange is a change of a sku's stock.
type StockChange struct {
	ProductID ID `json:"product_id"`
	SkuID     ID `json:"sku_id"`
	StockStep
}

// UpdateStock changes the stock of a sku that was listed before and is not in
// review. It takes effect at once.
//
// Adding and subtracting twice is not the same as once: after a call whose
// outcome is unknown, read the stock first. 10020112 asks to slow down for
// this sku; 10020219 says that there is not so much to subtract.
//
// Sets 129 or 192. /doc/store/shop/API/channels-shop-product/stock/api_updatestock
func (c *Client) UpdateStock(ctx context.Context, s StockChange) error {
	return post(ctx, c, pathStockUpdate, s)
}

// WarehouseStock is what lies in one warehouse.
type WarehouseStock struct {
	WarehouseID string `json:"out_warehouse_id"`
	Count       Int    `json:"num"`
	Locked      Int    `json:"lock_stock,omitzero"`
}

// SkuStock is the stock of a sku.
type SkuStock struct {
	SkuID      ID               `json:"sku_id,omitzero"`
	Normal     Int              `json:"normal_stock_num"`
	Discount   Int              `json:"limited_discount_stock_num"` // set aside for flash sales
	Warehouses []WarehouseStock `json:"warehouse_stocks,omitzero"`
	Talents    Int              `json:"finder_total_num"` // set aside for talents
	Total      Int              `json:"total_stock_num"`
}

// Stock returns the stock of a sku.
//
// Set 129. /doc/store/shop/API/channels-shop-product/stock/api_getstock
func (c *Client) Stock(ctx context.Context, product, sku ID) (*SkuStock, error) {
	res, err := Call[struct {
		Data *SkuStock `json:"data"`
	}](ctx, c, pathStock, struct {
		Product ID `json:"product_id"`
		Sku     ID `json:"sku_id"`
	}{product, sku})
	if err == nil && res.Data == nil {
		err = missing(pathStock, "data")
	}
	return res.Data, err
}

// ProductStock is the stock of a product's skus.
type ProductStock struct {
	ProductID ID         `json:"product_id"`
	Skus      []SkuStock `json:"sku_stock"`
}

// Stocks returns the stock of all skus of several products.
//
// Set 129. /doc/store/shop/API/channels-shop-product/stock/api_batchgetstock
func (c *Client) Stocks(ctx context.Context, products []ID) ([]ProductStock, error) {
	res, err := Call[struct {
		Data struct {
			List []ProductStock `json:"spu_stock_list"`
		} `json:"data"`
	}](ctx, c, pathStocks, struct {
		Products []ID `json:"product_id"`
	}{products})
	return res.Data.List, err
}

// StockFlowQuery asks for the movements of a sku's stock. WeChat looks back 180
// days.
type StockFlowQuery struct {
	ProductID ID
	SkuID     ID
	Type      int    // 0 common stock, 1 a talent's; see the page for others
	TypeID    string // whose stock, for types other than 0 and 1
	FinderID  string // the talent, for type 1
	Ops       []int  // kinds of movements; empty for all
	Range     Range
	PageSize  int // 30 when zero
}

// StockMove is one movement of stock.
type StockMove struct {
	Count   Int       `json:"amount"`
	Before  Int       `json:"beginning_amount"`
	After   Int       `json:"ending_amount"`
	SubType Int       `json:"stock_sub_type"`
	Op      Int       `json:"op_type"`
	At      Time      `json:"update_time"`
	Extra   MoveExtra `json:"ext_info,omitzero"`
}

// MoveExtra says what a movement belongs to.
type MoveExtra struct {
	From        Int    `json:"unmove_from_stock_sub_type,omitzero"`
	To          Int    `json:"move_to_stock_sub_type,omitzero"`
	Source      Int    `json:"upload_source,omitzero"`
	OrderID     ID     `json:"order_id,omitzero"`
	WarehouseID string `json:"out_warehouse_id,omitzero"`
	DiscountID  ID     `json:"limited_discount_id,omitzero"`
	FinderID    string `json:"finder_id,omitzero"`
}

// stockFlowBody carries ids as strings: the page's table calls them numbers and
// its sample writes strings, which every older page does too.
type stockFlowBody struct {
	ProductID ID     `json:"product_id"`
	SkuID     ID     `json:"sku_id"`
	Type      int    `json:"stock_type"`
	TypeID    string `json:"stock_type_id,omitzero"`
	FinderID  string `json:"finder_id,omitzero"`
	Begin     Time   `json:"begin_time"`
	End       Time   `json:"end_time"`
	Ops       []int  `json:"op_type_list,omitzero"`
	PageSize  int    `json:"page_size"`
	NextKey   string `json:"next_key,omitzero"`
}

// StockFlow lists the movements of a sku's stock.
//
// Sets 129 or 192. /doc/store/shop/API/channels-shop-product/stock/api_getstockflow
func (c *Client) StockFlow(ctx context.Context, q StockFlowQuery) iter.Seq2[StockMove, error] {
	type answer struct {
		Data struct {
			Moves   []StockMove `json:"stock_flow_info_list"`
			NextKey string      `json:"next_key"`
		} `json:"data"`
	}
	body := stockFlowBody{
		ProductID: q.ProductID, SkuID: q.SkuID, Type: q.Type, TypeID: q.TypeID, FinderID: q.FinderID,
		Begin: At(q.Range.From), End: At(q.Range.To), Ops: q.Ops, PageSize: orDefault(q.PageSize, 30),
	}
	return walk(func(cursor string, _ int) (page[StockMove], error) {
		b := body
		b.NextKey = cursor
		return each(ctx, c, pathStockFlow, b, func(a answer) page[StockMove] {
			return untilEmpty(a.Data.Moves, a.Data.NextKey)
		})
	})
}
