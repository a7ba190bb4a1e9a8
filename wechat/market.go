package wechat

import (
	"context"
	"fmt"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Paths of the service market (服务市场), see
// developers.weixin.qq.com/doc/oplatform/partner/service_market/interface/value_added.
const (
	pathServiceLogin     = "/wxa/servicemarket/service/login_auth"
	pathServiceBuyer     = "/wxa/servicemarket/service/get_service_buyer"
	pathServiceBuyerList = "/wxa/servicemarket/service/get_service_buyer_list"
	pathPaidOrders       = "/wxa/servicemarket/get_paid_order_list"
	pathCheckServiceAuth = "/product/service/check_auth"
)

// Buyer is who bought a service: a shop or mini program by its appid, or a
// person by the openid of the service platform. Exactly one is set.
type Buyer struct {
	AppID  string
	OpenID string
}

// WeChat's buyer_type.
const (
	buyerAccount = 1 // a shop or a mini program
	buyerPerson  = 2
)

// kind returns WeChat's buyer_type, 0 for a Buyer that is nobody or both.
func (b Buyer) kind() int {
	switch {
	case b.AppID != "" && b.OpenID == "":
		return buyerAccount
	case b.AppID == "" && b.OpenID != "":
		return buyerPerson
	}
	return 0
}

// ServiceLogin tells which buyer's browser came from the service market. It
// names a shop and never a human: everybody who may open the shop's back
// office looks the same.
type ServiceLogin struct {
	Meta
	Buyer
	ServiceID ID
	// OrderID is the market's order, empty when not told. It exceeds 2^53.
	OrderID ID
	// SKUID is the package bought, SpecID the provider's own name for it.
	SKUID, SpecID string
}

// ServiceLogin turns the code of a market jump into the name of a shop:
// /doc/oplatform/partner/service_market/interface/value_added/servicemarket_login_auth.
// The token is that of the platform which the service's listing names; with
// another one WeChat says that the code does not exist (10001).
//
// Nothing is published about the code's life. Exchange it at once. The call is
// sent at most once; after any failure the owner clicks 去使用 again.
func (c *Client) ServiceLogin(ctx context.Context, token ComponentToken, code MarketCode) (*ServiceLogin, error) {
	w, err := c.marketCode(pathServiceLogin, token, code)
	if err != nil {
		return nil, err
	}
	return answerOf(ctx, c, w, func(o object, meta Meta) (*ServiceLogin, error) {
		return readServiceLogin(o, meta, "spec_id")
	})
}

// CheckServiceAuth is the old form of [Client.ServiceLogin], of the time of
// 小商店: /doc/ministore/minishopopencomponent/API/service/check_auth. WeChat
// answers the code of a 微信小店 with errcode 1 here.
func (c *Client) CheckServiceAuth(ctx context.Context, token ComponentToken, code MarketCode) (*ServiceLogin, error) {
	w, err := c.marketCode(pathCheckServiceAuth, token, code)
	if err != nil {
		return nil, err
	}
	return answerOf(ctx, c, w, func(o object, meta Meta) (*ServiceLogin, error) {
		return readServiceLogin(o.object("data"), meta, "specification_id")
	})
}

type marketCodeBody struct {
	Code string `json:"code"`
}

// marketCode prepares a call that uses up a market code.
func (c *Client) marketCode(path string, token ComponentToken, code MarketCode) (*wire, error) {
	w, err := c.platformPost(path, token, []secret.Value{code.Value}, marketCodeBody{code.RevealString()})
	if err != nil {
		return nil, err
	}
	if code.IsZero() {
		return nil, w.refuse("the market code is needed")
	}
	return w, nil
}

// readServiceLogin wants a buyer and a service. An order id that cannot be
// read is left empty: the code is used up, and the shop is known.
func readServiceLogin(o object, meta Meta, spec string) (*ServiceLogin, error) {
	login := &ServiceLogin{
		Meta: meta, Buyer: Buyer{AppID: o.text("appid"), OpenID: o.text("openid")},
		ServiceID: o.id("service_id"), OrderID: o.id("order_id"), SKUID: o.text("sku_id"), SpecID: o.text(spec),
	}
	switch {
	case login.AppID == "" && login.OpenID == "":
		return nil, fmt.Errorf("%w: the answer names no buyer", ErrMalformed)
	case login.AppID != "" && !appIDForm.MatchString(login.AppID):
		return nil, fmt.Errorf("%w: appid does not look like an appid", ErrMalformed)
	case login.ServiceID == "":
		return nil, fmt.Errorf("%w: service_id is missing or no id", ErrMalformed)
	}
	return login, nil
}
