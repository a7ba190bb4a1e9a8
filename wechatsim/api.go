package wechatsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
)

// route is one path of api.weixin.qq.com.
type route struct {
	method string
	serve  func(*Sim, *call) answer
	shop   func(*Sim, *call, *shop) answer // instead of serve: wants a shop's token
}

// apiRoutes is every API path that the emulator knows. Others answer 40066.
var apiRoutes = map[string]route{
	"/sns/oauth2/access_token":  {http.MethodGet, (*Sim).snsExchange, nil},
	"/sns/oauth2/refresh_token": {http.MethodGet, (*Sim).snsRefresh, nil},
	"/sns/userinfo":             {http.MethodGet, (*Sim).snsUserinfo, nil},
	"/sns/auth":                 {http.MethodGet, (*Sim).snsAuth, nil},

	"/cgi-bin/token":             {http.MethodGet, (*Sim).cgiToken, nil},
	"/cgi-bin/stable_token":      {http.MethodPost, (*Sim).stableToken, nil},
	"/cgi-bin/openapi/quota/get": {http.MethodPost, (*Sim).quotaGet, nil},

	"/channels/ec/basics/info/get":      {http.MethodGet, nil, (*Sim).shopInfo},
	"/channels/ec/product/list/get":     {http.MethodPost, nil, (*Sim).productList},
	"/channels/ec/product/get":          {http.MethodPost, nil, (*Sim).productGet},
	"/channels/ec/product/add":          {http.MethodPost, nil, (*Sim).productAdd},
	"/channels/ec/product/update":       {http.MethodPost, nil, (*Sim).productUpdate},
	"/channels/ec/product/listing":      {http.MethodPost, nil, (*Sim).productListing},
	"/channels/ec/product/delisting":    {http.MethodPost, nil, (*Sim).productDelisting},
	"/channels/ec/product/stock/get":    {http.MethodPost, nil, (*Sim).stockGet},
	"/channels/ec/product/stock/update": {http.MethodPost, nil, (*Sim).stockUpdate},
	"/channels/ec/order/list/get":       {http.MethodPost, nil, (*Sim).orderList},
	"/channels/ec/order/get":            {http.MethodPost, nil, (*Sim).orderGet},
	"/channels/ec/order/search":         {http.MethodPost, nil, (*Sim).orderSearch},
}

// apiCall serves one call: path, method, then (for shops) token and limits,
// then the call itself.
func (s *Sim) apiCall(c *call) answer {
	rt, known := s.routes[c.r.URL.Path]
	switch {
	case !known:
		return s.fail(c, 40066)
	case c.r.Method == rt.method:
	case rt.method == http.MethodGet:
		return s.fail(c, 43001)
	default:
		return s.fail(c, 43002)
	}
	if rt.shop != nil {
		return s.shopCall(c, rt)
	}
	if bad := s.count(c.appid, c.r.URL.Path, c.now); bad != 0 {
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
	if r, refused := s.refuseIP(c, a, true); refused {
		return r
	}
	if bad := s.count(a.AppID, c.r.URL.Path, c.now); bad != 0 {
		return s.fail(c, bad)
	}
	if rt.method == http.MethodPost {
		var object map[string]json.RawMessage
		if bad := s.decode(c, &object); bad != 0 {
			return s.fail(c, bad)
		}
	}
	sh := s.shops[a.AppID]
	sh.settle(c.now)
	return rt.shop(s, c, sh)
}

// globalApp finds the app whose own token was sent. A user's token is none.
func (s *Sim) globalApp(c *call) (a *app, bad int) {
	token := c.q.Get("access_token")
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
	return s.apps[g.appid], 0
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

// shopInfo serves GET /channels/ec/basics/info/get.
func (s *Sim) shopInfo(c *call, sh *shop) answer {
	type info struct {
		Nickname      string `json:"nickname"`
		HeadImgURL    string `json:"headimg_url"`
		SubjectType   string `json:"subject_type"`
		Status        string `json:"status"`
		Username      string `json:"username"`
		IsLocalLife   int    `json:"is_local_life"`
		OpenTimestamp int64  `json:"open_timestamp"`
	}
	return s.ok(c, struct {
		okHead
		Info info `json:"info"`
	}{okay, info{Nickname: sh.Nickname, HeadImgURL: "https://mmecimage.cn/p/" + sh.AppID + "/head", SubjectType: sh.SubjectType,
		Status: sh.Status, Username: sh.Username, OpenTimestamp: s.world.Epoch.AddDate(-1, 0, 0).Unix()}})
}
