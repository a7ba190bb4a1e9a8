package wechatsim

import (
	"net/http"
	"strconv"
)

// linkRoutes are the calls that give links to goods and to the shop. Anybody may
// have them; asking again gives the same.
var linkRoutes = map[string]route{
	"/channels/ec/product/h5url/get":       post(goodsSets, productLink("product_h5url")),
	"/channels/ec/product/taglink/get":     post(goodsSets, productLink("product_taglink")),
	"/channels/ec/product/qrcode/get":      post(goodsSets, productLink("product_qrcode")),
	"/channels/ec/product/scheme/get":      post(goodsSets, (*Sim).productScheme),
	"/channels/ec/basics/shop/h5url/get":   post(shopSets, shopLink("shop_h5url")),
	"/channels/ec/basics/shop/taglink/get": post(shopSets, shopLink("shop_taglink")),
	"/channels/ec/basics/shop/qrcode/get":  {method: http.MethodPost, shop: (*Sim).shopQRCode, sets: shopSets},
}

var shopSets = []int{129, 131, 192}

// productLink serves a call that links to a product on sale.
func productLink(field string) func(*Sim, *call, *shop) answer {
	return func(s *Sim, c *call, sh *shop) answer {
		p, bad := s.productOf(c, sh)
		switch {
		case bad != 0:
			return s.fail(c, bad)
		case p.status != statusListed:
			return s.fail(c, 10020065)
		}
		return s.reply(c, field, "https://store.example.com/shop/a/"+Digest(field+sh.AppID+p.idString()))
	}
}

// productScheme serves POST /channels/ec/product/scheme/get: a link by which a
// mobile app that is bound to the open platform opens WeChat at a product.
func (s *Sim) productScheme(c *call, sh *shop) answer {
	var in struct {
		From   string `json:"from_appid"`
		Expire int64  `json:"expire"` // seconds
		Ext    string `json:"ext_info"`
	}
	bad := s.decode(c, &in)
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case in.From == "" || in.Expire <= 0:
		return s.fail(c, 10020051)
	}
	p, bad := s.productOf(c, sh)
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case p.status != statusListed:
		return s.fail(c, 10020065)
	}
	if a := s.apps[in.From]; a == nil || a.Kind != MobileApp || a.OpenPlatform == "" {
		return s.fail(c, 10020256)
	}
	return s.reply(c, "openlink", "weixin://dl/business/?st="+Digest("scheme"+sh.AppID+p.idString()+in.From+in.Ext+strconv.FormatInt(in.Expire, 10)))
}

// shopLink serves a call that links to the shop.
func shopLink(field string) func(*Sim, *call, *shop) answer {
	return func(s *Sim, c *call, sh *shop) answer {
		return s.reply(c, field, "https://store.example.com/shop/a/"+Digest(field+sh.AppID))
	}
}

// shopQRCode serves POST /channels/ec/basics/shop/qrcode/get: plain, with the
// usual decoration, or with that for presents.
func (s *Sim) shopQRCode(c *call, sh *shop) answer {
	var in struct {
		Type int `json:"qrcode_type"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	if in.Type < 1 || in.Type > 3 {
		return s.fail(c, 10020051)
	}
	return shopLink("shop_qrcode")(s, c, sh)
}
