package oidc

import "embed"

// Catalogue holds the words of this package's pages, one file for each
// language. Hand it to the UI.
//
//go:embed locales/*.json
var Catalogue embed.FS

// words are a page's, in both languages.
type words struct {
	en, zh, nextEN, nextZH string
	link, linkEN, linkZH   string // empty: to the start page
}

// pageWords are the pages of those who are not sent on, by their codes.
var pageWords = map[string]words{
	"oidc-twice": {
		en: "The program that sent you here asks in a way that can be read as two things.", zh: "把您带到这里的程序发来的请求含义不明。",
		nextEN: "Open the program again from its own address. If it stays, tell the program's operator: client_id and redirect_uri may be there once only.",
		nextZH: "请从该程序自己的地址重新打开。若仍然出错，请告诉该程序的管理员：client_id 与 redirect_uri 只能各出现一次。",
	},
	"oidc-client": {
		en: "The program that sent you here is not known to this server.", zh: "本服务器不认识把您带到这里的程序。",
		nextEN: "Check the address you came from. Whoever runs this server can declare the program under oidc_clients.",
		nextZH: "请确认您来自正确的网址。管理员可以在 oidc_clients 中登记该程序。",
	},
	"oidc-redirect": {
		en: "The program wants you sent to an address that was not declared for it, so you stay here.", zh: "该程序要求跳转到未登记的地址，因此没有跳转。",
		nextEN: "Do not go on from a link that somebody sent you: open the program from its own address. If it stays, its operator must declare the exact address under redirect_uris.",
		nextZH: "请不要通过他人发来的链接继续，请从该程序自己的地址打开。若仍然出错，请管理员在 redirect_uris 中登记完整地址。",
	},
	"oidc-no-person": {
		en: "You are logged in with a key or through the service market, and this program wants to know a person.", zh: "您是通过密钥或服务市场登录的，而该程序需要知道具体的人。",
		nextEN: "Log in with WeChat, then open the program again.", nextZH: "请用微信登录后重新打开该程序。",
		link: "/login?switch=1", linkEN: "Switch account", linkZH: "切换账号",
	},
	"oidc-door": {
		en: "This program does not take people who logged in this way.", zh: "该程序不接受您这种登录方式。",
		nextEN: "Log in the other way, in WeChat or with its QR code, then open the program again.", nextZH: "请换一种方式登录（微信内或扫码），然后重新打开该程序。",
		link: "/login?switch=1", linkEN: "Switch account", linkZH: "切换账号",
	},
	"oidc-no-role": {
		en: "You may not open this program: you have no role that opens it in any of its shops.", zh: "您不能打开该程序：您在它的店铺中没有所需的角色。",
		nextEN: "Ask an owner of the shop to invite you, or log in with another account.", nextZH: "请联系店主邀请您，或换一个账号登录。",
		link: "/login?switch=1", linkEN: "Switch account", linkZH: "切换账号",
	},
	"oidc-logout-uri": {
		en: "The program wants you sent to an address after logging out that was not declared for it, so you stay here.", zh: "该程序要求退出后跳转到未登记的地址，因此没有跳转。",
		nextEN: "Log out here if you want to. The program's operator must declare the exact address under post_logout_redirect_uris.",
		nextZH: "您仍可在此退出登录。请管理员在 post_logout_redirect_uris 中登记完整地址。",
		link:   "/logout", linkEN: "Log out", linkZH: "退出登录",
	},
}
