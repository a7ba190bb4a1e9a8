package doctor

import (
	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/wechat"
)

// The consoles of WeChat in which settings are made.
const (
	storeConsole    = "https://store.weixin.qq.com"
	openConsole     = "https://open.weixin.qq.com"
	accountsConsole = "https://mp.weixin.qq.com"
)

// consoleOf is where an app of a kind is set up.
func consoleOf(k access.AppKind) string {
	switch k {
	case access.ShopApp:
		return storeConsole
	case access.Component, access.Website:
		return openConsole
	}
	return accountsConsole
}

// docs is where WeChat's documentation is.
const docs = "https://developers.weixin.qq.com/doc/"

// The pages that explain more than one code.
const (
	pageErrors    = docs + "store/shop/dev_before/commErrCode"
	pageAllErrors = docs + "oplatform/developers/errCode"
	pageAllowlist = docs + "oplatform/developers/basic_func/ip_whitelist"
	pageShopList  = docs + "store/shop/dev_before/ipbaimingdan"
	pageSecret    = docs + "oplatform/developers/dev/AccessToken.html"
	pageStable    = docs + "store/shop/API/apimgnt/common/api_getstableaccesstoken"
	pageTicket    = docs + "oplatform/Third-party_Platforms/2.0/api/Before_Develop/component_verify_ticket"
	pageTickets   = docs + "oplatform/Third-party_Platforms/2.0/troubleshooting/component_verify_ticket_troubleshooting.html"
	pageSets      = docs + "oplatform/Third-party_Platforms/2.0/product/miniprogram_authority"
	pageAuthority = docs + "oplatform/Third-party_Platforms/2.0/troubleshooting/third_party_authority_instructions_troubleshooting"
	pageWithdrawn = docs + "oplatform/Third-party_Platforms/2.0/operation/authorization/authorization_management.html"
	pageAccounts  = docs + "oplatform/openApi/authorization-management/api_getauthorizerinfo"
	pageQuota     = docs + "channels/api/basic/api_getapiquota"
	pageRID       = docs + "store/API/apimgnt/getRidInfo.html"
	pageNetwork   = docs + "store/shop/API/apimgnt/common/api_callbackcheck"
	pageLogin     = docs + "service/guide/h5/auth"
	pagePush      = docs + "store/shop/dev_before/message_push"
	pageSigned    = docs + "oplatform/developers/dev/api_signature"
	pageMarket    = docs + "store/shop/dev_before/third_party_platforms"
	pageHosts     = docs + "service/Basic_Information/Interface_field_description"
)

// pageByCode are the pages of codes that have one of their own, wherever they come
// from.
var pageByCode = map[int]string{
	40125: pageSecret, 40243: pageSecret, 40013: pageSecret,
	40164: pageAllowlist, 45035: pageShopList, 61004: openConsole,
	89501: pageAllowlist, 89502: pageAllowlist, 89503: pageStable, 89504: pageAllowlist,
	89505: pageAllowlist, 89506: pageAllowlist, 89507: pageAllowlist,
	40201: pagePush, 40202: pageNetwork, 40203: pageNetwork,
	45009: pageQuota, 45011: pageQuota, 44990: pageQuota, 48006: pageQuota,
	48001: pageSets, 61007: pageSets, 61016: pageAuthority, 48017: pageHosts,
	61003: pageWithdrawn, 61023: pageWithdrawn, 61009: pageWithdrawn, 61010: pageWithdrawn, 42007: pageWithdrawn,
	61011: openConsole, 61014: pageTicket, 61024: pageTicket, 61005: pageTickets, 61006: pageTickets,
	50002: pageAccounts, 48004: accountsConsole,
	76001: pageRID, 76002: pageRID, 76003: pageRID, 76021: pageQuota, 76022: pageQuota,
	200000: pageMarket, 200001: pageMarket, 200002: pageMarket, 300000: pageMarket,
}

// pageByKind are the pages of what comes from one kind of endpoint.
var pageByKind = map[wechat.EndpointKind]string{
	wechat.KindAuthorizePage: pageLogin, wechat.KindCodeExchange: pageLogin, wechat.KindUserRefresh: pageLogin, wechat.KindUserCall: pageLogin,
	wechat.KindTokenCall: pageStable, wechat.KindComponentToken: pageTicket,
	wechat.KindMarket: pageMarket, wechat.KindMarketLogin: pageMarket, wechat.KindPush: pagePush,
}

// pageOf is the page to open for a code, from WeChat's own documentation or console.
func pageOf(kind wechat.EndpointKind, code int) string {
	if code >= 40230 && code <= 40240 {
		return pageSigned
	}
	if page, ok := pageByCode[code]; ok {
		return page
	}
	if page, ok := pageByKind[kind]; ok {
		return page
	}
	if code >= 1002001 {
		return pageErrors
	}
	return pageAllErrors
}
