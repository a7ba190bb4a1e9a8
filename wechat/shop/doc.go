// Package shop calls the APIs of a WeChat Store (微信小店) with Go types: goods,
// flash sales, stock, orders, after-sales, disputes, deliveries, addresses,
// freight templates, warehouses, coupons, money, categories, brands, pictures.
//
// A [Client] calls one shop. It reaches WeChat in one of two ways, and the
// calls are the same on both:
//
//   - [New] takes a [wechat.Client] and a [TokenSource]: the calls go straight
//     to WeChat with the token that the source hands out before each.
//   - [NewGateway] takes the address of a Zhanggui server and a client key. The
//     program holds no token then, and a token that died is replaced on the way.
//
// # What the types promise
//
// WeChat is loose with types: an id is a number on one page and a string on the
// next, a time is a count of seconds or a text in China time, a flag is true or 1.
// Answers are read in all of these forms, requests are written in the one that
// the call's page asks for.
//
//   - [ID] keeps the digits of ids, beyond 2^53 too. Where a request wants a
//     number, the field is a [NumberID].
//   - [Fen] is money: hundredths of a yuan in an int64.
//   - [Time] is a time.Time; requests carry seconds since 1970.
//   - Kinds and states are named types with the known values as constants. A
//     value that is not known here is kept as it came.
//   - Members that a type does not name are dropped. [Call] reads an answer into
//     a type of your own.
//
// # Lists
//
// A list is an iterator that fetches page after page as the loop goes on. An error is
// the last thing it yields. A list that returns to a page it had shown ends with
// [ErrEndless]: WeChat's cursors have no other bound. Cursors are good for one
// walk, not for storing.
//
// # Errors and repeats
//
// Errors are *[wechat.Error] with errcode and rid; [wechat.OutcomeOf] says whether
// the call certainly was not sent, was answered, or may have taken effect unseen.
// Nothing is repeated here. A refusal by a Zhanggui gateway is a *[GatewayError]
// around it.
//
// The comment of each call names its official page below
// developers.weixin.qq.com, and the permission sets (权限集) of which a service provider
// needs one. A [Client] may be used by several goroutines.
package shop
