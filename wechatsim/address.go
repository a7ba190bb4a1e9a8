package wechatsim

import "slices"

// addressRoutes are the calls on a merchant's addresses and freight templates.
var addressRoutes = map[string]route{
	"/channels/ec/merchant/address/add":              post(addressSets, (*Sim).addressAdd),
	"/channels/ec/merchant/address/list":             post(addressSets, (*Sim).addressList),
	"/channels/ec/merchant/address/get":              post(addressSets, (*Sim).addressGet),
	"/channels/ec/merchant/address/update":           post(addressSets, (*Sim).addressUpdate),
	"/channels/ec/merchant/address/delete":           post(addressSets, (*Sim).addressDelete),
	"/channels/ec/merchant/addfreighttemplate":       post(addressSets, (*Sim).freightAdd),
	"/channels/ec/merchant/updatefreighttemplate":    post(addressSets, (*Sim).freightUpdate),
	"/channels/ec/merchant/getfreighttemplatelist":   post(addressSets, (*Sim).freightList),
	"/channels/ec/merchant/getfreighttemplatedetail": post(addressSets, (*Sim).freightGet),
}

var addressSets = []int{130, 192}

// The first address and the first template of every shop: those that the
// generated goods name.
const (
	firstAddress = 123345
	firstFreight = 47428464001
)

// merchantAddress is where goods go out and come back.
type merchantAddress struct {
	ID          string      `json:"address_id"`
	Name        string      `json:"name"`
	Info        addressInfo `json:"address_info"`
	Landline    string      `json:"landline"`
	Remark      string      `json:"remark"`
	SendAddr    bool        `json:"send_addr"`
	RecvAddr    bool        `json:"recv_addr"`
	DefaultSend bool        `json:"default_send"`
	DefaultRecv bool        `json:"default_recv"`
	CreateTime  int64       `json:"create_time"`
	UpdateTime  int64       `json:"update_time"`
	Type        addressType `json:"address_type"`
}

type addressType struct {
	SameCity int `json:"same_city"`
	Pickup   int `json:"pickup"`
}

// addressIn is an address in a request.
type addressIn struct {
	ID idText `json:"address_id"`
	merchantAddressBody
}

type merchantAddressBody struct {
	Name        string      `json:"name"`
	Info        addressInfo `json:"address_info"`
	Landline    string      `json:"landline"`
	Remark      string      `json:"remark"`
	SendAddr    flag        `json:"send_addr"`
	RecvAddr    flag        `json:"recv_addr"`
	DefaultSend flag        `json:"default_send"`
	DefaultRecv flag        `json:"default_recv"`
	Type        addressType `json:"address_type"`
}

func (in *merchantAddressBody) ok() bool {
	return in.Name != "" && in.Info.Province != "" && in.Info.City != "" && in.Info.Detail != "" && (in.Info.Tel != "" || in.Landline != "")
}

func (in *merchantAddressBody) into(a *merchantAddress) {
	a.Name, a.Info, a.Landline, a.Remark, a.Type = in.Name, in.Info, in.Landline, in.Remark, in.Type
	a.SendAddr, a.RecvAddr, a.DefaultSend, a.DefaultRecv = bool(in.SendAddr), bool(in.RecvAddr), bool(in.DefaultSend), bool(in.DefaultRecv)
}

// addressBook is the shop's addresses; it begins with one.
func (s *Sim) addressBook(sh *shop) *shelf[merchantAddress] {
	k := &sh.desk().addresses
	if k.last == 0 {
		at := s.world.Epoch.AddDate(-1, 0, 0).Unix()
		a := &merchantAddress{Name: "林店主", SendAddr: true, RecvAddr: true, DefaultSend: true, DefaultRecv: true, CreateTime: at, UpdateTime: at,
			Info: addressInfo{UserName: "林店主", PostalCode: "510000", Province: "广东省", City: "广州市", County: "海珠区", Detail: "示例路1号", Tel: "13800000001"}}
		a.ID = k.number(firstAddress, a)
	}
	return k
}

// addressAdd serves POST /channels/ec/merchant/address/add.
func (s *Sim) addressAdd(c *call, sh *shop) answer {
	in, bad := s.addressBody(c)
	if bad != 0 {
		return s.fail(c, bad)
	}
	a := &merchantAddress{CreateTime: c.now.Unix(), UpdateTime: c.now.Unix()}
	in.into(a)
	a.ID = s.addressBook(sh).number(firstAddress, a)
	return s.reply(c, "address_id", a.ID)
}

func (s *Sim) addressBody(c *call) (addressIn, int) {
	var in struct {
		Detail *addressIn `json:"address_detail"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return addressIn{}, bad
	}
	if in.Detail == nil || !in.Detail.ok() {
		return addressIn{}, 10020051
	}
	return *in.Detail, 0
}

// addressUpdate serves POST /channels/ec/merchant/address/update.
func (s *Sim) addressUpdate(c *call, sh *shop) answer {
	in, bad := s.addressBody(c)
	if bad != 0 {
		return s.fail(c, bad)
	}
	a := s.addressBook(sh).get(in.ID)
	if a == nil {
		return s.fail(c, 10020052)
	}
	in.into(a)
	a.UpdateTime = c.now.Unix()
	return s.ok(c, okay)
}

// addressList serves POST /channels/ec/merchant/address/list.
func (s *Sim) addressList(c *call, sh *shop) answer {
	ids, bad := s.idWindow(c, s.addressBook(sh).ids)
	if bad != 0 {
		return s.fail(c, bad)
	}
	return s.replyBare(c, "address_id_list", ids)
}

// idWindow cuts a list by the offset and limit of the body.
func (s *Sim) idWindow(c *call, ids []string) ([]string, int) {
	var in struct {
		Offset int `json:"offset"`
		Limit  int `json:"limit"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return nil, bad
	}
	if in.Offset < 0 || in.Limit < 1 {
		return nil, 10020051
	}
	return orEmpty(slices.Clone(window(ids, in.Offset, in.Limit))), 0
}

// addressGet serves POST /channels/ec/merchant/address/get.
func (s *Sim) addressGet(c *call, sh *shop) answer {
	a, bad := s.addressOf(c, sh)
	if bad != 0 {
		return s.fail(c, bad)
	}
	return s.reply(c, "address_detail", a)
}

// addressDelete serves POST /channels/ec/merchant/address/delete.
func (s *Sim) addressDelete(c *call, sh *shop) answer {
	a, bad := s.addressOf(c, sh)
	if bad != 0 {
		return s.fail(c, bad)
	}
	sh.desk().addresses.drop(a.ID)
	return s.ok(c, okay)
}

func (s *Sim) addressOf(c *call, sh *shop) (*merchantAddress, int) {
	var in struct {
		ID idText `json:"address_id"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return nil, bad
	}
	if in.ID == "" {
		return nil, 10020051
	}
	if a := s.addressBook(sh).get(in.ID); a != nil {
		return a, 0
	}
	return nil, 10020052
}

// knownAddress tells whether goods may go back to an address.
func (s *Sim) knownAddress(sh *shop, id idText) bool { return s.addressBook(sh).get(id) != nil }
