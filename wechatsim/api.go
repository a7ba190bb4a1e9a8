package wechatsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// route is one path of api.weixin.qq.com.
type route struct {
	method string
	serve  func(*Sim, *call) answer
	shop   func(*Sim, *call, *shop) answer // instead of serve: wants a shop's token
	// platform, instead of serve: wants a component's token. A call of the
	// market sees to wrong kinds of token itself.
	platform func(*Sim, *call, *app) answer
	market   bool
	// sets are the permission sets of which a component needs one for a call
	// on behalf of a shop.
	sets []int
	// raw: the body is not JSON, and as large as a file.
	raw bool
}

// allRoutes is every API path that the emulator knows. Others answer 40066.
var allRoutes = func() map[string]route {
	out := map[string]route{}
	for _, family := range []map[string]route{apiRoutes, quotaRoutes, platformRoutes, basicsRoutes, productRoutes, warehouseRoutes,
		orderRoutes, phoneRoutes, aftersaleRoutes, exchangeRoutes, complaintRoutes, addressRoutes, couponRoutes, discountRoutes,
		fundsRoutes, categoryRoutes, brandRoutes, linkRoutes, messageRoutes} {
		maps.Copy(out, family)
	}
	return out
}()

// Paths lists every API path that the emulator answers, sorted. Any other path
// answers 40066.
func Paths() []string { return slices.Sorted(maps.Keys(allRoutes)) }

// goodsSets and orderSets are what most calls of a shop need.
var (
	goodsSets = []int{129}
	orderSets = []int{131}
)

// post is a shop's call with a JSON body.
func post(sets []int, serve func(*Sim, *call, *shop) answer) route {
	return route{method: http.MethodPost, shop: serve, sets: sets}
}

// apiRoutes are the calls of people's tokens, of own tokens and the oldest of
// the shop API.
var apiRoutes = map[string]route{
	"/sns/oauth2/access_token":  {method: http.MethodGet, serve: (*Sim).snsExchange},
	"/sns/oauth2/refresh_token": {method: http.MethodGet, serve: (*Sim).snsRefresh},
	"/sns/userinfo":             {method: http.MethodGet, serve: (*Sim).snsUserinfo},
	"/sns/auth":                 {method: http.MethodGet, serve: (*Sim).snsAuth},
	miniLoginPath:               {method: http.MethodGet, serve: (*Sim).miniLogin},
	componentMiniLoginPath:      {method: http.MethodGet, serve: (*Sim).componentMiniLogin},

	"/cgi-bin/token":        {method: http.MethodGet, serve: (*Sim).cgiToken},
	"/cgi-bin/stable_token": {method: http.MethodPost, serve: (*Sim).stableToken},

	"/channels/ec/product/list/get":     post(goodsSets, (*Sim).productList),
	"/channels/ec/product/get":          post(goodsSets, (*Sim).productGet),
	"/channels/ec/product/add":          post(goodsSets, (*Sim).productAdd),
	"/channels/ec/product/update":       post(goodsSets, (*Sim).productUpdate),
	"/channels/ec/product/listing":      post(goodsSets, (*Sim).productListing),
	"/channels/ec/product/delisting":    post(goodsSets, (*Sim).productDelisting),
	"/channels/ec/product/stock/get":    post(goodsSets, (*Sim).stockGet),
	"/channels/ec/product/stock/update": post([]int{129, 192}, (*Sim).stockUpdate),
	"/channels/ec/order/list/get":       post(orderSets, (*Sim).orderList),
	"/channels/ec/order/get":            post(orderSets, (*Sim).orderGet),
	"/channels/ec/order/search":         post(orderSets, (*Sim).orderSearch),
}

// apiCall serves one call: path, method, then (for shops) token and limits,
// then the call itself.
func (s *Sim) apiCall(c *call) answer {
	rt, known := s.routes[c.r.URL.Path]
	switch {
	case !known:
		return s.fail(c, 40066)
	case len(c.body) > bodyLimit(rt):
		return s.fail(c, 45002)
	case c.r.Method == rt.method:
	case rt.method == http.MethodGet:
		return s.fail(c, 43001)
	default:
		return s.fail(c, 43002)
	}
	if rt.shop != nil {
		return s.shopCall(c, rt)
	}
	if rt.platform != nil {
		return s.platformCall(c, rt)
	}
	if _, writes := messageRoutes[c.r.URL.Path]; writes {
		return rt.serve(s, c) // it counts when it knows the account by its token
	}
	if bad := s.count(c, c.appid); bad != 0 {
		return s.fail(c, bad)
	}
	return rt.serve(s, c)
}

func (s *Sim) shopCall(c *call, rt route) answer {
	a, bad := s.globalApp(c)
	if bad != 0 {
		return s.fail(c, bad)
	}
	if a.Kind != ShopApp {
		return s.fail(c, 48001)
	}
	if r, refused := s.refuseCaller(c, a); refused {
		return r
	}
	if bad := s.onBehalf(s.globals[c.token], c.r.URL.Path); bad != 0 {
		return s.fail(c, bad)
	}
	if bad := s.count(c, a.AppID); bad != 0 {
		return s.fail(c, bad)
	}
	if rt.method == http.MethodPost && !rt.raw {
		var object map[string]json.RawMessage
		if bad := s.decode(c, &object); bad != 0 {
			return s.fail(c, bad)
		}
	}
	sh := s.shops[a.AppID]
	if !strings.HasPrefix(c.r.URL.Path, "/channels/ec/basics/") {
		s.furnish(sh)
	}
	sh.settle(c.now)
	return rt.shop(s, c, sh)
}

// globalApp finds the app whose own token was sent. A user's token is none.
func (s *Sim) globalApp(c *call) (a *app, bad int) { return s.tokenApp(c, c.q.Get("access_token")) }

func (s *Sim) tokenApp(c *call, token string) (a *app, bad int) {
	switch {
	case token == "":
		return nil, 41001
	case !wellFormed(token):
		return nil, 40014
	}
	g := s.globals[token]
	if g == nil {
		return nil, 40001
	}
	if bad = g.state(c.now); bad != 0 {
		return nil, bad
	}
	c.token, c.tokenKind = token, g.kind
	return s.account(g.appid), 0
}

// decode reads the JSON body. The result is the errcode, 0 if all is well.
func (s *Sim) decode(c *call, dst any) int {
	if len(bytes.TrimSpace(c.body)) == 0 {
		return 44002
	}
	if decodeBody(c.body, dst) != nil {
		return 47001
	}
	return 0
}

func decodeBody(body []byte, dst any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	if err := dec.Decode(dst); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

// idText is an id in a request. WeChat's pages write the same id as a string
// here and as a number there, so both are read. Ids go beyond 2^53.
type idText string

// UnmarshalJSON reads a string or an unsigned whole number.
func (t *idText) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var v string
		if err := json.Unmarshal(b, &v); err != nil {
			return err
		}
		*t = idText(v)
		return nil
	}
	if string(b) == "null" {
		return nil
	}
	if strings.Trim(string(b), "0123456789") != "" {
		return errors.New("an id is a string or a whole number")
	}
	*t = idText(b)
	return nil
}
