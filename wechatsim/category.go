package wechatsim

import (
	"net/http"
	"slices"
	"strconv"
)

// categoryRoutes are the reads of categories and brands. They have moved from
// /channels/ec/, where category/all is a GET, to /shop/ec/, where it is a POST.
var categoryRoutes = map[string]route{
	"/shop/ec/category/all":        post(categorySets, (*Sim).categoryAll),
	"/channels/ec/category/all":    {method: http.MethodGet, shop: (*Sim).categoryAll, sets: categorySets},
	"/shop/ec/category/detail":     post(categorySets, (*Sim).categoryDetail),
	"/channels/ec/category/detail": post(categorySets, (*Sim).categoryDetail),
	"/shop/ec/brand/all":           post(categorySets, (*Sim).brandAll),
	"/channels/ec/brand/all":       post(categorySets, (*Sim).brandAll),
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

// Brands of the library. The first is that of the generated goods.
const (
	firstBrand = 2_100_000_000
	brandCount = 120
)

// brandPage reads the body of a list of brands, and cuts its page out of n.
func (s *Sim) brandPage(c *call, query string, n int) (page []string, next string, more bool, bad int) {
	var in struct {
		PageSize *int   `json:"page_size"`
		NextKey  string `json:"next_key"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return nil, "", false, bad
	}
	size := 10
	if in.PageSize != nil {
		size = *in.PageSize
	}
	ids := make([]string, n)
	for i := range ids {
		ids[i] = strconv.Itoa(firstBrand + i)
	}
	page, next, more, ok := s.page(ids, query, in.NextKey, size, 50)
	if !ok {
		return nil, "", false, 10020055
	}
	return page, next, more, 0
}

func brandNames(id string) object {
	return object{"brand_id", id, "ch_name", "示例品牌" + id[7:], "en_name", "Brand " + id[7:]}
}

// brandAll serves both spellings of brand/all.
func (s *Sim) brandAll(c *call, _ *shop) answer {
	page, next, more, bad := s.brandPage(c, "brands", brandCount)
	if bad != 0 {
		return s.fail(c, bad)
	}
	brands := []object{}
	for _, id := range page {
		brands = append(brands, brandNames(id))
	}
	return s.reply(c, "brands", brands, "next_key", next, "continue_flag", more)
}

// brandValid serves POST /channels/ec/brand/valid/list/get: the one brand that
// every shop may use.
func (s *Sim) brandValid(c *call, _ *shop) answer {
	page, next, _, bad := s.brandPage(c, "valid brands", 1)
	if bad != 0 {
		return s.fail(c, bad)
	}
	at := s.world.Epoch.AddDate(-1, 0, 0).Unix()
	brands := []object{}
	for _, id := range page {
		brands = append(brands, append(brandNames(id), "classification_no", "16", "trade_mark_symbol", 1,
			"register_details", object{"registrant", "蓝天文具有限公司", "register_no", "10000001", "is_permanent", true,
				"register_certifications", []string{}, "renew_certifications", []string{}},
			"application_details", object{"acceptance_certification", []string{}}, "grant_type", 1,
			"grant_details", object{"grant_certifications", []string{}}, "status", 3, "create_time", at, "update_time", at))
	}
	return s.reply(c, "brands", brands, "total_num", 1, "next_key", next)
}
