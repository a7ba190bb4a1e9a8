package wechatsim

import (
	"encoding/json"
	"maps"
	"slices"
)

// freight is a freight template (运费模版). It is kept as it was sent: most of
// it concerns nobody but the merchant.
type freight map[string]json.RawMessage

// freightBook is the shop's freight templates; it begins with one.
func (s *Sim) freightBook(sh *shop) *shelf[freight] {
	k := &sh.desk().freights
	if k.last == 0 {
		at := s.world.Epoch.AddDate(-1, 0, 0).Unix()
		s.putFreight(k, freight{
			"name": encode("全国包邮"), "valuation_type": encode("PIECE"), "send_time": encode("SendTime_FORTYEIGHT_HOUR"),
			"delivery_type": encode("EXPRESS"), "shipping_method": encode("FREE"), "delivery_id": encode([]string{}), "is_default": encode(true),
			"address_info":              encode(addressInfo{Province: "广东省", City: "广州市", County: "海珠区"}),
			"all_condition_free_detail": encode(object{"condition_free_detail_list", []string{}}),
			"all_freight_calc_method":   encode(object{"freight_calc_method_list", []string{}}),
			"not_send_area":             encode(object{"address_info", []string{}}),
			"create_time":               encode(at), "update_time": encode(at)})
	}
	return k
}

// putFreight gives a template its id.
func (s *Sim) putFreight(k *shelf[freight], f freight) string {
	id := k.number(firstFreight, &f)
	f["template_id"] = encode(id)
	return id
}

// freightBody reads a template and refuses one without what all of them need.
func (s *Sim) freightBody(c *call) (freight, int) {
	var in struct {
		Template freight `json:"freight_template"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return nil, bad
	}
	known := map[string][]string{"valuation_type": {"PIECE", "WEIGHT"}, "delivery_type": {"EXPRESS"}, "shipping_method": {"FREE", "CONDITION_FREE", "NO_FREE"}}
	for field, values := range known {
		if !slices.Contains(values, in.Template.text(field)) {
			return nil, 10020051
		}
	}
	if in.Template.text("name") == "" {
		return nil, 10020051
	}
	return in.Template, 0
}

// text is a field as text, "" if it is none.
func (f freight) text(field string) string {
	var v idText
	if json.Unmarshal(f[field], &v) != nil {
		return ""
	}
	return string(v)
}

// freightAdd serves POST /channels/ec/merchant/addfreighttemplate.
func (s *Sim) freightAdd(c *call, sh *shop) answer {
	f, bad := s.freightBody(c)
	if bad != 0 {
		return s.fail(c, bad)
	}
	f["create_time"], f["update_time"] = encode(c.now.Unix()), encode(c.now.Unix())
	return s.reply(c, "template_id", s.putFreight(s.freightBook(sh), f))
}

// freightUpdate serves POST /channels/ec/merchant/updatefreighttemplate.
func (s *Sim) freightUpdate(c *call, sh *shop) answer {
	f, bad := s.freightBody(c)
	if bad != 0 {
		return s.fail(c, bad)
	}
	id := f.text("template_id")
	old := s.freightBook(sh).get(idText(id))
	if old == nil {
		return s.fail(c, 10020005)
	}
	f["template_id"], f["update_time"] = encode(id), encode(c.now.Unix())
	maps.Copy(*old, f)
	return s.reply(c, "template_id", id)
}

// freightList serves POST /channels/ec/merchant/getfreighttemplatelist.
func (s *Sim) freightList(c *call, sh *shop) answer {
	ids, bad := s.idWindow(c, s.freightBook(sh).ids)
	if bad != 0 {
		return s.fail(c, bad)
	}
	return s.reply(c, "template_id_list", ids)
}

// freightGet serves POST /channels/ec/merchant/getfreighttemplatedetail.
func (s *Sim) freightGet(c *call, sh *shop) answer {
	var in struct {
		ID idText `json:"template_id"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	f := s.freightBook(sh).get(in.ID)
	if f == nil {
		return s.fail(c, 10020005)
	}
	return s.reply(c, "freight_template", *f)
}
