package wechatsim

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Pages of the service market. Its real host is fuwu.weixin.qq.com.
const (
	marketPath    = "/market/"
	marketBuyPath = "/market/buy"
	marketUsePath = "/market/use"
)

type (
	marketData struct {
		Buyer    string
		Status   int
		States   []accountState
		Accounts []App
		Services []marketService
		Grants   []marketGrant
	}
	marketService struct {
		Component, Name string
		ServiceID       string
		Specs           []Spec
		Expires         string // of the buyer's orders, "" without one
	}
	marketGrant struct {
		Component, Name string
		Grant
		Boxes []setBox
	}
	setBox struct {
		ID int
		On bool
	}
	accountState struct {
		Status int
		Name   string
	}
)

// marketPages serves the pages of the service market.
func (s *Sim) marketPages(c *call) answer {
	switch {
	case c.r.URL.Path == marketPath && c.r.Method == http.MethodGet:
		return renderPage("market", http.StatusOK, s.marketData(c))
	case c.r.URL.Path == marketBuyPath && c.r.Method == http.MethodPost:
		return s.marketBuy(c)
	case c.r.URL.Path == marketUsePath && c.r.Method == http.MethodGet:
		return s.marketUse(c)
	}
	return errorPage(unreachable("该链接无法访问 no such page"))
}

// marketData shows the market as one account sees it; without one it is the
// first that can buy.
func (s *Sim) marketData(c *call) marketData {
	d := marketData{Buyer: c.q.Get("appid")}
	for _, a := range s.world.Apps {
		if a.Kind == ShopApp || a.Kind == MiniProgram {
			d.Accounts = append(d.Accounts, a)
		}
	}
	if d.Buyer == "" && len(d.Accounts) > 0 {
		d.Buyer = d.Accounts[0].AppID
	}
	c.appid = d.Buyer
	if s.account(d.Buyer) != nil {
		d.Status, d.States = s.accountStatus(d.Buyer), accountStates
	}
	for _, p := range s.platforms {
		for _, v := range p.Services {
			d.Services = append(d.Services, marketService{Component: p.Name, Name: v.Name, ServiceID: strconv.FormatUint(v.ServiceID, 10),
				Specs: v.Specs, Expires: s.paidUntil(p, d.Buyer, v.ServiceID)})
		}
		if g := p.platform.grants[d.Buyer]; g != nil {
			d.Grants = append(d.Grants, marketGrant{p.AppID, p.Name, s.shownGrant(g), boxes(p.PermissionSets, g.sets)})
		}
	}
	return d
}

var accountStates = []accountState{{accountNormal, "正常 normal"}, {accountWarned, "警告 warned"}, {accountFrozen, "冻结 frozen"},
	{accountBanned, "封禁 banned"}, {accountCancelled, "注销 cancelled"}}

// boxes are the sets that can be granted, and those that are.
func boxes(asked, granted []int) []setBox {
	var out []setBox
	for _, id := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(asked, granted)))) {
		out = append(out, setBox{id, slices.Contains(granted, id)})
	}
	return out
}

func (s *Sim) paidUntil(p *app, buyer string, service uint64) string {
	var last time.Time
	for _, o := range s.ordersOf(p, buyer, service) {
		if o.expires.After(last) {
			last = o.expires
		}
	}
	if last.IsZero() {
		return ""
	}
	return stamp(last)
}

func (s *Sim) marketBuy(c *call) answer {
	form, err := parseForm(c)
	id, numErr := strconv.ParseUint(form.Get("service_id"), 10, 64)
	if err != nil || numErr != nil {
		return errorPage(unreachable("参数错误 service_id is not a number"))
	}
	c.appid = form.Get("appid")
	if _, err := s.buy(c.appid, id, form.Get("spec_id")); err != nil {
		return errorPage(unreachable(err.Error()))
	}
	a := redirectTo(marketPath + "?" + url.Values{"appid": {c.appid}}.Encode())
	a.status, a.callbacks = http.StatusSeeOther, nil
	return a
}

// marketUse is the button 去使用. There is no state: whoever opens the URL that
// comes out of it enters as the account.
func (s *Sim) marketUse(c *call) answer {
	c.appid = c.q.Get("appid")
	id, err := strconv.ParseUint(c.q.Get("service_id"), 10, 64)
	if err != nil {
		return errorPage(unreachable("参数错误 service_id is not a number"))
	}
	target, err := s.jump(c.appid, id)
	if err != nil {
		return errorPage(unreachable(err.Error()))
	}
	return redirectTo(target)
}
