package wechatsim

import (
	"cmp"
	"slices"
)

// warehouseRoutes are the calls on the warehouses of regions (区域仓库).
var warehouseRoutes = map[string]route{
	"/channels/ec/warehouse/create":                   post(goodsSets, (*Sim).warehouseCreate),
	"/channels/ec/warehouse/get":                      post(goodsSets, (*Sim).warehouseGet),
	"/channels/ec/warehouse/list/get":                 post(goodsSets, (*Sim).warehouseList),
	"/channels/ec/warehouse/detail/update":            post(goodsSets, (*Sim).warehouseUpdate),
	"/channels/ec/warehouse/coverlocations/add":       post(goodsSets, (*Sim).warehouseCover),
	"/channels/ec/warehouse/coverlocations/del":       post(goodsSets, (*Sim).warehouseUncover),
	"/channels/ec/warehouse/address/prioritysort/get": post(goodsSets, (*Sim).warehouseOrderGet),
	"/channels/ec/warehouse/address/prioritysort/set": post(goodsSets, (*Sim).warehouseOrderSet),
	"/channels/ec/warehouse/stock/get":                post(goodsSets, (*Sim).warehouseStockGet),
	"/channels/ec/warehouse/stock/update":             post(goodsSets, (*Sim).warehouseStockUpdate),
}

// place is a region by the administrative codes of its four levels; 0 stands
// for all of the level above.
type place struct {
	Province int64 `json:"address_id1"`
	City     int64 `json:"address_id2"`
	County   int64 `json:"address_id3"`
	Street   int64 `json:"address_id4"`
}

func (p place) ok() bool {
	return p.Province != 0 && knownArea(p.Province) && knownArea(p.City) && knownArea(p.County)
}

type warehouse struct {
	ID    string  `json:"out_warehouse_id"`
	Name  string  `json:"name"`
	Intro string  `json:"intro"`
	Cover []place `json:"cover_locations"`

	stock map[stockKey]int64
}

type stockKey struct{ productID, skuID string }

// warehouseIn is what the bodies of the warehouse calls hold.
type warehouseIn struct {
	warehouse
	place
	PrioritySort []string `json:"priority_sort"`
}

// warehouseOf reads a body and finds the warehouse that it names.
func (s *Sim) warehouseOf(c *call, sh *shop) (in warehouseIn, w *warehouse, bad int) {
	if bad = s.decode(c, &in); bad != 0 {
		return in, nil, bad
	}
	if w = sh.desk().warehouses.get(idText(in.ID)); w == nil {
		return in, nil, 10020202
	}
	return in, w, 0
}

func badPlaces(list []place) int {
	if slices.ContainsFunc(list, func(p place) bool { return !p.ok() }) {
		return 10020203
	}
	return 0
}

// warehouseCreate serves POST /channels/ec/warehouse/create.
func (s *Sim) warehouseCreate(c *call, sh *shop) answer {
	var in warehouseIn
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	k := &sh.desk().warehouses
	switch {
	case in.ID == "" || in.Name == "":
		return s.fail(c, 10020051)
	case k.get(idText(in.ID)) != nil:
		return s.fail(c, 10020206)
	case badPlaces(in.Cover) != 0:
		return s.fail(c, 10020203)
	}
	k.add(in.ID, &warehouse{ID: in.ID, Name: in.Name, Intro: in.Intro, Cover: orEmpty(in.Cover), stock: map[stockKey]int64{}})
	return s.ok(c, okay)
}

// warehouseGet serves POST /channels/ec/warehouse/get.
func (s *Sim) warehouseGet(c *call, sh *shop) answer {
	_, w, bad := s.warehouseOf(c, sh)
	if bad != 0 {
		return s.fail(c, bad)
	}
	return s.reply(c, "data", w)
}

// warehouseList serves POST /channels/ec/warehouse/list/get, oldest first.
func (s *Sim) warehouseList(c *call, sh *shop) answer {
	var in struct {
		PageSize int    `json:"page_size"`
		NextKey  string `json:"next_key"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	page, next, _, ok := s.page(orEmpty(sh.desk().warehouses.ids), "warehouses", in.NextKey, in.PageSize, 10)
	if !ok {
		return s.fail(c, 10020051)
	}
	return s.reply(c, "data", object{"out_warehouse_ids", page, "next_key", next})
}

// warehouseUpdate serves POST /channels/ec/warehouse/detail/update.
func (s *Sim) warehouseUpdate(c *call, sh *shop) answer {
	in, w, bad := s.warehouseOf(c, sh)
	if bad != 0 {
		return s.fail(c, bad)
	}
	w.Name, w.Intro = cmp.Or(in.Name, w.Name), cmp.Or(in.Intro, w.Intro)
	return s.ok(c, okay)
}

// warehouseCover serves POST /channels/ec/warehouse/coverlocations/add.
func (s *Sim) warehouseCover(c *call, sh *shop) answer {
	in, w, bad := s.warehouseOf(c, sh)
	if bad = cmp.Or(bad, badPlaces(in.Cover)); bad != 0 {
		return s.fail(c, bad)
	}
	for _, p := range in.Cover {
		if !slices.Contains(w.Cover, p) {
			w.Cover = append(w.Cover, p)
		}
	}
	return s.ok(c, okay)
}

// warehouseUncover serves POST /channels/ec/warehouse/coverlocations/del.
func (s *Sim) warehouseUncover(c *call, sh *shop) answer {
	in, w, bad := s.warehouseOf(c, sh)
	if bad != 0 {
		return s.fail(c, bad)
	}
	w.Cover = slices.DeleteFunc(w.Cover, func(p place) bool { return slices.Contains(in.Cover, p) })
	return s.ok(c, okay)
}

// warehouseOrderGet serves POST /channels/ec/warehouse/address/prioritysort/get.
// Where nothing was set, the oldest warehouse that covers the place goes first.
func (s *Sim) warehouseOrderGet(c *call, sh *shop) answer {
	var in place
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	if !in.ok() {
		return s.fail(c, 10020203)
	}
	d := sh.desk()
	order, set := d.priorities[in]
	if !set {
		order = []string{}
		for _, id := range d.warehouses.ids {
			if slices.Contains(d.warehouses.byID[id].Cover, in) {
				order = append(order, id)
			}
		}
	}
	return s.reply(c, "data", object{"priority_sort", order})
}

// warehouseOrderSet serves POST /channels/ec/warehouse/address/prioritysort/set.
func (s *Sim) warehouseOrderSet(c *call, sh *shop) answer {
	var in warehouseIn
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	d := sh.desk()
	unique := slices.Compact(slices.Sorted(slices.Values(in.PrioritySort)))
	switch {
	case !in.place.ok():
		return s.fail(c, 10020203)
	case len(unique) != len(in.PrioritySort):
		return s.fail(c, 10020206)
	case slices.ContainsFunc(unique, func(id string) bool { return d.warehouses.byID[id] == nil }):
		return s.fail(c, 10020202)
	}
	if d.priorities == nil {
		d.priorities = map[place][]string{}
	}
	d.priorities[in.place] = orEmpty(in.PrioritySort)
	return s.ok(c, okay)
}

// warehouseStockOf finds the warehouse and the sku of a call about stock.
func (s *Sim) warehouseStockOf(c *call, sh *shop) (in stockIn, w *warehouse, p *product, bad int) {
	if in, p, bad = s.stockOf(c, sh); bad != 0 {
		return in, nil, nil, bad
	}
	_, w, bad = s.warehouseOf(c, sh)
	return in, w, p, bad
}

// warehouseStockGet serves POST /channels/ec/warehouse/stock/get.
func (s *Sim) warehouseStockGet(c *call, sh *shop) answer {
	in, w, p, bad := s.warehouseStockOf(c, sh)
	if bad != 0 {
		return s.fail(c, bad)
	}
	return s.reply(c, "num", w.stock[stockKey{p.idString(), string(in.SkuID)}])
}

// warehouseStockUpdate serves POST /channels/ec/warehouse/stock/update.
func (s *Sim) warehouseStockUpdate(c *call, sh *shop) answer {
	in, w, p, bad := s.warehouseStockOf(c, sh)
	if bad != 0 {
		return s.fail(c, bad)
	}
	key := stockKey{p.idString(), string(in.SkuID)}
	next, bad := in.apply(p, w.stock[key])
	if bad != 0 {
		return s.fail(c, bad)
	}
	w.stock[key] = next
	return s.ok(c, okay)
}
