package shop

import (
	"context"
	"iter"
)

const (
	pathWarehouses      = "/channels/ec/warehouse/list/get"
	pathWarehouse       = "/channels/ec/warehouse/get"
	pathWarehouseAdd    = "/channels/ec/warehouse/create"
	pathWarehouseUpdate = "/channels/ec/warehouse/detail/update"
	pathCoverAdd        = "/channels/ec/warehouse/coverlocations/add"
	pathCoverRemove     = "/channels/ec/warehouse/coverlocations/del"
	pathPriority        = "/channels/ec/warehouse/address/prioritysort/get"
	pathPrioritySet     = "/channels/ec/warehouse/address/prioritysort/set"
	pathWarehouseStock  = "/channels/ec/warehouse/stock/get"
	pathWarehouseMove   = "/channels/ec/warehouse/stock/update"
)

// Location is an area by the codes of [Client.Areas], from the province down.
// 0 at a level means all of it: province A with zeros is the whole province.
type Location struct {
	Province Int `json:"address_id1"`
	City     Int `json:"address_id2"`
	District Int `json:"address_id3"`
	Street   Int `json:"address_id4"`
}

// Warehouse is a place with stock of its own that delivers to some areas.
type Warehouse struct {
	// ID is yours: letters, digits, '-', '_' and '.', up to 128.
	ID     string     `json:"out_warehouse_id"`
	Name   string     `json:"name"`
	Intro  string     `json:"intro"`
	Covers []Location `json:"cover_locations,omitzero"`
}

// Warehouses lists the ids of the shop's warehouses, oldest first.
//
// Set 129. /doc/store/shop/API/warehouse/api_getwarehouselist
func (c *Client) Warehouses(ctx context.Context) iter.Seq2[string, error] {
	type body struct {
		PageSize int    `json:"page_size"`
		NextKey  string `json:"next_key,omitzero"`
	}
	type answer struct {
		Data struct {
			IDs     []string `json:"out_warehouse_ids"`
			NextKey string   `json:"next_key"`
		} `json:"data"`
	}
	return walk(func(cursor string, _ int) (page[string], error) {
		return each(ctx, c, pathWarehouses, body{10, cursor}, func(a answer) page[string] {
			return untilEmpty(a.Data.IDs, a.Data.NextKey)
		})
	})
}

// warehouseID is the body of the calls that name a warehouse.
type warehouseID struct {
	ID string `json:"out_warehouse_id"`
}

// Warehouse reads a warehouse.
//
// Set 129. /doc/store/shop/API/warehouse/api_getwarehouse
func (c *Client) Warehouse(ctx context.Context, id string) (*Warehouse, error) {
	res, err := Call[struct {
		Data *Warehouse `json:"data"`
	}](ctx, c, pathWarehouse, warehouseID{id})
	if err == nil && res.Data == nil {
		err = missing(pathWarehouse, "data")
	}
	return res.Data, err
}

// AddWarehouse makes a warehouse. It may cover areas at once or later.
//
// Set 129. /doc/store/shop/API/warehouse/api_createwarehouse
func (c *Client) AddWarehouse(ctx context.Context, w Warehouse) error {
	return post(ctx, c, pathWarehouseAdd, w)
}

// UpdateWarehouse changes name and intro. What it covers is changed by
// [Client.CoverAreas] and [Client.UncoverAreas].
//
// Set 129. /doc/store/shop/API/warehouse/api_updatewarehousedetail
func (c *Client) UpdateWarehouse(ctx context.Context, w Warehouse) error {
	w.Covers = nil
	return post(ctx, c, pathWarehouseUpdate, w)
}

// cover is the body of the calls about areas.
type cover struct {
	warehouseID
	Covers []Location `json:"cover_locations"`
}

// CoverAreas lets a warehouse deliver to more areas.
//
// Set 129. /doc/store/shop/API/warehouse/api_addcoverlocations
func (c *Client) CoverAreas(ctx context.Context, id string, areas ...Location) error {
	return post(ctx, c, pathCoverAdd, cover{warehouseID{id}, areas})
}

// UncoverAreas lets a warehouse deliver to fewer areas.
//
// Set 129. /doc/store/shop/API/warehouse/api_delcoverlocations
func (c *Client) UncoverAreas(ctx context.Context, id string, areas ...Location) error {
	return post(ctx, c, pathCoverRemove, cover{warehouseID{id}, areas})
}

// WarehousePriority returns the ids of the warehouses that deliver to an area,
// the first choice first.
//
// Set 129. /doc/store/shop/API/warehouse/api_getaddressprioritysort
func (c *Client) WarehousePriority(ctx context.Context, area Location) ([]string, error) {
	res, err := Call[struct {
		Data struct {
			IDs []string `json:"priority_sort"`
		} `json:"data"`
	}](ctx, c, pathPriority, area)
	return res.Data.IDs, err
}

// SetWarehousePriority orders the warehouses that deliver to an area, the
// first choice first.
//
// Set 129. /doc/store/shop/API/warehouse/api_setaddressprioritysort
func (c *Client) SetWarehousePriority(ctx context.Context, area Location, ids ...string) error {
	return post(ctx, c, pathPrioritySet, struct {
		Location
		IDs []string `json:"priority_sort"`
	}{area, ids})
}

// skuAt names a sku in a warehouse.
type skuAt struct {
	Product   ID     `json:"product_id"`
	Sku       ID     `json:"sku_id"`
	Warehouse string `json:"out_warehouse_id"`
}

// WarehouseCount returns how much of a sku lies in a warehouse.
//
// Set 129. /doc/store/shop/API/warehouse/api_getwarehousestock
func (c *Client) WarehouseCount(ctx context.Context, product, sku ID, warehouse string) (int64, error) {
	res, err := Call[struct {
		Data struct {
			Count Int `json:"num"`
		} `json:"data"`
	}](ctx, c, pathWarehouseStock, skuAt{product, sku, warehouse})
	return int64(res.Data.Count), err
}

// UpdateWarehouseStock changes how much of a sku lies in a warehouse. Adding
// and subtracting twice is not the same as once: see [Client.UpdateStock].
//
// Set 129. /doc/store/shop/API/warehouse/api_updatewarehousestock
func (c *Client) UpdateWarehouseStock(ctx context.Context, warehouse string, s StockChange) error {
	return post(ctx, c, pathWarehouseMove, struct {
		StockChange
		Warehouse string `json:"out_warehouse_id"`
	}{s, warehouse})
}
