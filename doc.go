// Package zhanggui is the root of Zhanggui 掌柜, which keeps the keys of WeChat
// Stores (微信小店): an owner authorises once, and from then on is logged in
// automatically, every token of the shop is fresh, sealed and watched, and any
// program that may use the shop is one HTTP call away.
//
// The program is cmd/zhanggui. Packages for other programs are wechat (a client
// of WeChat's wire protocol), wechat/shop (a shop's APIs with Go types),
// wechat/secret (values that do not print), wechatsim and wechattest (a WeChat to
// test against).
package zhanggui

// Version is what this source tree calls itself. Releases set it by tag.
const Version = "0.1.0-dev"
