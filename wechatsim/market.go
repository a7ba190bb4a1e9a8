package wechatsim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// marketOrder is one purchase in the service market (服务市场). It is never
// changed: a renewal is another order.
type marketOrder struct {
	id        uint64
	service   uint64
	spec      Spec
	buyer     string
	effective time.Time
	expires   time.Time
}

const firstMarketOrder = 3_359_339_022_749_466_625

// ErrNoService is the cause of errors about a service or package that no
// component of the world sells, or that the account has not bought.
var ErrNoService = errors.New("no such service for this account: see services in GET /sim/world, and buy it first if it is to be used")

// Purchase is what [Sim.Buy] did.
type Purchase struct {
	// OrderID is the market's id of the order, above 2^53.
	OrderID uint64 `json:"order_id"`
	// Expires is until when the package is paid for, with what was left of
	// earlier ones.
	Expires time.Time `json:"expires"`
	// Authorized: the purchase granted the permission sets. Only then is the
	// component told.
	Authorized bool `json:"authorized"`
}

// Buy lets a shop, or a mini program of the same merchant, buy a package of a
// service; specID may be "" for the first one. If the account has not
// authorised the component yet, the sets are granted silently and authorized
// is sent; otherwise nobody is told anything.
func (s *Sim) Buy(account string, serviceID uint64, specID string) (Purchase, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buy(account, serviceID, specID)
}

func (s *Sim) buy(account string, serviceID uint64, specID string) (Purchase, error) {
	p, service := s.service(serviceID)
	a := s.account(account)
	switch {
	case service == nil:
		return Purchase{}, fmt.Errorf("buy service %d: %w", serviceID, ErrNoService)
	case a == nil:
		return Purchase{}, fmt.Errorf("buy as %q: %w", account, ErrNoApp)
	case a.Kind != ShopApp && a.Kind != MiniProgram:
		return Purchase{}, fmt.Errorf("buy as %s: only shops and mini programs buy services, not a %s", account, a.Kind)
	}
	i := slices.IndexFunc(service.Specs, func(sp Spec) bool { return specID == "" || sp.SpecID == specID || sp.SKUID == specID })
	if i < 0 {
		return Purchase{}, fmt.Errorf("buy package %q: %w", specID, ErrNoService)
	}
	if err := s.mayAuthorise(p, a); err != nil {
		return Purchase{}, fmt.Errorf("buy service %d: %w", serviceID, err)
	}
	o := s.order(p, service, service.Specs[i], account, s.Now())
	out := Purchase{OrderID: o.id, Expires: o.expires}
	if p.platform.grants[account] == nil {
		s.authorise(p, a, p.PermissionSets, "")
		out.Authorized = true
	}
	return out, nil
}

// service finds who sells a service.
func (s *Sim) service(id uint64) (*app, *Service) {
	for _, p := range s.platforms {
		for i := range p.Services {
			if p.Services[i].ServiceID == id {
				return p, &p.Services[i]
			}
		}
	}
	return nil, nil
}

// order records a purchase. Packages with the same spec id follow each other.
func (s *Sim) order(p *app, v *Service, spec Spec, buyer string, now time.Time) *marketOrder {
	s.orderSeq++
	from := now
	for _, o := range s.ordersOf(p, buyer, v.ServiceID) {
		if o.spec.SpecID == spec.SpecID && o.expires.After(from) {
			from = o.expires
		}
	}
	o := &marketOrder{id: firstMarketOrder + s.orderSeq*4096, service: v.ServiceID, spec: spec, buyer: buyer,
		effective: from, expires: from.AddDate(0, 0, spec.Days)}
	m := p.platform
	if !slices.ContainsFunc(m.orders[buyer], func(o *marketOrder) bool { return o.service == v.ServiceID }) && !s.bought(p, buyer, v.ServiceID) {
		m.buyers[v.ServiceID] = append(m.buyers[v.ServiceID], buyer)
	}
	m.orders[buyer] = append(m.orders[buyer], o)
	return o
}

// bought tells whether the account is of a crowd and so has bought the
// service without an order of its own.
func (s *Sim) bought(p *app, buyer string, service uint64) bool {
	return s.world.inCrowd(buyer) && s.world.Crowd.Component == p.AppID && len(p.Services) > 0 && p.Services[0].ServiceID == service
}

// ordersOf are a buyer's orders of a service, or of all if service is 0. The
// order of a crowd's shop is computed.
func (s *Sim) ordersOf(p *app, buyer string, service uint64) []*marketOrder {
	var out []*marketOrder
	if len(p.Services) > 0 {
		v := p.Services[0]
		if s.bought(p, buyer, v.ServiceID) && (service == 0 || service == v.ServiceID) {
			n, _ := strconv.ParseUint(buyer[len(crowdMark):], 16, 63)
			spec := v.Specs[len(v.Specs)-1]
			from := s.world.Epoch.AddDate(0, -1, 0)
			out = append(out, &marketOrder{id: firstMarketOrder - n*4096, service: v.ServiceID, spec: spec, buyer: buyer,
				effective: from, expires: from.AddDate(0, 0, spec.Days)})
		}
	}
	for _, o := range p.platform.orders[buyer] {
		if service == 0 || o.service == service {
			out = append(out, o)
		}
	}
	return out
}

// jump is 去使用: it makes a code for the newest order of a service and returns
// where the browser goes. Nothing but the code is in the query.
func (s *Sim) jump(account string, serviceID uint64) (string, error) {
	p, service := s.service(serviceID)
	if service == nil {
		return "", fmt.Errorf("use service %d: %w", serviceID, ErrNoService)
	}
	orders := s.ordersOf(p, account, serviceID)
	if len(orders) == 0 {
		return "", fmt.Errorf("use service %d as %q: %w", serviceID, account, ErrNoService)
	}
	code := s.newPlatformCode(platformCode{kind: codeMarket, component: p.AppID, account: account,
		order: orders[len(orders)-1], ends: s.Now().Add(s.sw.MarketCodeLife.Std())})
	u, err := url.Parse(service.URL)
	if err != nil {
		return "", fmt.Errorf("use service %d: its url is no URL: write it in services[].url", serviceID)
	}
	q := "code=" + url.QueryEscape(code)
	if u.RawQuery != "" {
		q = u.RawQuery + "&" + q
	}
	u.RawQuery = q
	return u.String(), nil
}

// OpenService lets somebody of an account press 去使用 in the service market,
// and returns where the browser is sent: the service's URL with ?code=…. The
// request meets the same faults and ledger as from a browser.
func (s *Sim) OpenService(ctx context.Context, account string, serviceID uint64) (string, error) {
	b := &browser{s: s, ctx: ctx, host: "market.localhost", ua: desktopUserAgent}
	q := url.Values{"appid": {account}, "service_id": {strconv.FormatUint(serviceID, 10)}}
	a, err := b.open(http.MethodGet, marketUsePath+"?"+q.Encode(), "")
	if err != nil {
		return "", fmt.Errorf("open service: %w", err)
	}
	urls, err := outcome(marketUsePath, a)
	if err != nil {
		return "", err
	}
	return urls[0], nil
}
