package wechatsim

import (
	"net/http"
	"slices"
)

// categoryRoutes are the reads of categories. Most have moved from /channels/ec/,
// where category/all is a GET, to /shop/ec/, where it is a POST.
var categoryRoutes = map[string]route{
	"/shop/ec/category/all":        post(categorySets, (*Sim).categoryAll),
	"/channels/ec/category/all":    {method: http.MethodGet, shop: (*Sim).categoryAll, sets: categorySets},
	"/shop/ec/category/detail":     post(categorySets, (*Sim).categoryDetail),
	"/channels/ec/category/detail": post(categorySets, (*Sim).categoryDetail),

	"/channels/ec/category/list/get": {method: http.MethodGet, shop: (*Sim).categoriesGranted, sets: categorySets},
}

var categorySets = []int{85, 129, 192}

type category struct {
	ID     string `json:"cat_id"`
	Name   string `json:"name"`
	Parent string `json:"f_cat_id"`
	Level  int    `json:"level"`
	Leaf   bool   `json:"leaf"`
}

// categories is one branch of the tree: the one of the generated goods.
var categories = []category{
	{"10000111", "文化办公", "0", 1, false},
	{"10000113", "文具", "10000111", 2, false},
	{"6091", "书写工具", "10000113", 3, true},
}

// categoryAll serves both spellings of category/all: the old tree and the new.
func (s *Sim) categoryAll(c *call, _ *shop) answer {
	type node struct {
		Cat category `json:"cat"`
		Qua object   `json:"qua"`
	}
	type branch struct {
		CatAndQua []node `json:"cat_and_qua"`
	}
	var b branch
	for _, k := range categories {
		b.CatAndQua = append(b.CatAndQua, node{k, object{"qua_id", 0, "need_to_apply", false, "tips", "", "mandatory", false}})
	}
	return s.reply(c, "cats", []branch{b}, "cats_v2", []branch{b})
}

// categoryDetail serves both spellings of category/detail.
func (s *Sim) categoryDetail(c *call, _ *shop) answer {
	var in struct {
		ID idText `json:"cat_id"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	i := slices.IndexFunc(categories, func(k category) bool { return k.ID == string(in.ID) })
	if i < 0 {
		return s.fail(c, 10020017)
	}
	attrs := []object{
		{"name", "品牌", "type", "select_one", "type_v2", "select_one", "value", "蓝天;小鹿", "is_required", true},
		{"name", "颜色", "type", "string", "type_v2", "string", "value", "", "is_required", false},
	}
	return s.reply(c, "info", object{"id", categories[i].ID, "name", categories[i].Name},
		"attr", object{"shop_no_shipment", false, "deposit", 0, "product_attr_list", attrs, "sale_attr_list", []object{}})
}

// categoriesGranted serves GET /channels/ec/category/list/get: the categories in
// which the shop may sell. None of them wants a qualification.
func (s *Sim) categoriesGranted(c *call, _ *shop) answer {
	list := []object{}
	for _, k := range categories {
		if k.Leaf {
			list = append(list, object{"cat_id", k.ID, "qua_id", "0"})
		}
	}
	return s.reply(c, "list", list)
}
