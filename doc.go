// Package zhanggui is a client of a Zhanggui 掌柜 server, which keeps the keys of
// WeChat Stores (微信小店). A program calls its shops through it and never sees a
// token of WeChat's.
//
// # For programs that use shops
//
// [New] takes the server's address and a client key. Then there are three ways to
// a shop, from the nearest to WeChat's own words to the furthest:
//
//   - [Client.Shop] gives a [Shop] whose Get, Post and Do call any of WeChat's
//     paths. Answers are streams with what the server found out about them.
//   - [Shop.API] gives the typed calls of package wechat/shop.
//   - [Client.Transport] gives an http.RoundTripper. An SDK with an http.Client
//     that can be replaced works through the server with it, unchanged.
//
// [Client.Events] reads what happened in pages, [Client.Stream] as it happens, and a
// [Webhook] checks what the server posts. [Client.Subscribe] and its like look after
// webhooks.
//
// # For programs that run a server
//
// [NewAdmin] takes an administrator's key. Lists are iterators that read page
// after page. [Admin.Call] reaches the operations that have no method here; the
// server's /v1/openapi.json describes all of them.
//
// # What holds for all of it
//
//   - A client may be used by many goroutines. Nothing is global.
//   - Every call takes a context and ends with it. [WithTimeout] bounds the wait
//     for an answer besides.
//   - Errors are *[Error]: what happened, what to do next, in English and Chinese,
//     and whether the call may have taken effect.
//   - Nothing is sent twice, and no redirect is followed.
//   - Keys go to the one server that was named, and into no error and no log. Over
//     plain HTTP they go to this machine only, unless [WithPlainHTTP] says otherwise.
//
// The program is cmd/zhanggui. Other packages for other programs are wechat (a client
// of WeChat's wire protocol), wechat/shop, wechat/secret (values that do not print),
// wechatsim and wechattest (a WeChat to test against).
package zhanggui

// Version is what this source tree calls itself. Releases set it by tag.
const Version = "0.1.0-dev"
