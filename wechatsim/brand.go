package wechatsim

import (
	"slices"
	"strconv"
)

// brandRoutes are the reads of brands: of the library, and of what the shop
// applied for.
var brandRoutes = map[string]route{
	"/shop/ec/brand/all":                post(categorySets, (*Sim).brandAll),
	"/channels/ec/brand/all":            post(categorySets, (*Sim).brandAll),
	"/channels/ec/brand/get":            post(categorySets, (*Sim).brandGet),
	"/channels/ec/brand/list/get":       post(categorySets, (*Sim).brandList),
	"/channels/ec/brand/valid/list/get": post(categorySets, (*Sim).brandValid),
}

// Brands of the library. The first is that of the generated goods.
const (
	firstBrand = 2_100_000_000
	brandCount = 120
)

// brandIDs are the first n of the library.
func brandIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = strconv.Itoa(firstBrand + i)
	}
	return ids
}

// brandPage reads the body of a list of brands, and cuts its page out of ids.
func (s *Sim) brandPage(c *call, query string, ids []string) (page []string, next string, more bool, bad int) {
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
	page, next, more, bad := s.brandPage(c, "brands", brandIDs(brandCount))
	if bad != 0 {
		return s.fail(c, bad)
	}
	brands := []object{}
	for _, id := range page {
		brands = append(brands, brandNames(id))
	}
	return s.reply(c, "brands", brands, "next_key", next, "continue_flag", more)
}

// States of a shop's application for a brand.
const (
	brandInReview = 1
	brandRefused  = 2
	brandInForce  = 3
	brandExpired  = 6
)

// brandStates are the states of what every shop applied for, from the first brand
// of the library on.
var brandStates = []int{brandInForce, brandInReview, brandRefused}

// brandDoc is an application for the i-th brand on the wire.
func (s *Sim) brandDoc(i int) object {
	id := brandIDs(i + 1)[i]
	at := s.world.Epoch.AddDate(-1, 0, 0).Unix()
	proof := []string{"file_id_" + id}
	d := append(brandNames(id), "classification_no", "16", "trade_mark_symbol", 1,
		"register_details", object{"registrant", "蓝天文具有限公司", "register_no", "10000001", "is_permanent", true,
			"register_certifications", proof, "renew_certifications", []string{}},
		"application_details", object{"acceptance_certification", []string{}}, "grant_type", 1,
		"grant_details", object{"grant_certifications", []string{}}, "status", brandStates[i], "create_time", at, "update_time", at)
	if brandStates[i] == brandRefused {
		d = append(d, "audit_result", object{"audit_id", "30" + id, "reject_reason", "商标注册证不清晰"})
	}
	return d
}

// brandDocs writes the applications that have these ids.
func (s *Sim) brandDocs(ids []string) []object {
	docs := []object{}
	for i, id := range brandIDs(len(brandStates)) {
		if slices.Contains(ids, id) {
			docs = append(docs, s.brandDoc(i))
		}
	}
	return docs
}

// brandGet serves POST /channels/ec/brand/get.
func (s *Sim) brandGet(c *call, _ *shop) answer {
	var in struct {
		ID idText `json:"brand_id"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	if in.ID == "" {
		return s.fail(c, 10020055)
	}
	docs := s.brandDocs([]string{string(in.ID)})
	if len(docs) == 0 {
		return s.fail(c, 10020052)
	}
	return s.reply(c, "brand", docs[0])
}

// brandList serves POST /channels/ec/brand/list/get: all applications, or those
// in one state.
func (s *Sim) brandList(c *call, _ *shop) answer {
	var in struct {
		Status int `json:"status"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	if in.Status < 0 || in.Status > brandExpired {
		return s.fail(c, 10020055)
	}
	ids := []string{}
	for i, id := range brandIDs(len(brandStates)) {
		if in.Status == 0 || in.Status == brandStates[i] {
			ids = append(ids, id)
		}
	}
	page, next, _, bad := s.brandPage(c, "applied brands "+strconv.Itoa(in.Status), ids)
	if bad != 0 {
		return s.fail(c, bad)
	}
	return s.reply(c, "brands", s.brandDocs(page), "total_num", len(ids), "next_key", next)
}

// brandValid serves POST /channels/ec/brand/valid/list/get: the one brand that
// every shop may use.
func (s *Sim) brandValid(c *call, _ *shop) answer {
	page, next, _, bad := s.brandPage(c, "valid brands", brandIDs(1))
	if bad != 0 {
		return s.fail(c, bad)
	}
	return s.reply(c, "brands", s.brandDocs(page), "total_num", 1, "next_key", next)
}
