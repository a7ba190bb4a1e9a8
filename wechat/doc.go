// Package wechat speaks WeChat's HTTP interfaces as a server does: it builds
// login links, exchanges codes, refreshes tokens, and calls shop APIs. It
// also knows what WeChat's error codes mean and what to do about each.
//
// The package keeps nothing. It does not store tokens, does not decide when
// to refresh, and never repeats a call by itself. What it gives instead is
// certainty about every single call:
//
//   - Errors are *[Error] and say which of three things is true
//     ([OutcomeOf]): the call certainly did not reach WeChat, WeChat answered,
//     or we asked and do not know. The last one is the rule for everything
//     that was not read to its end: a timeout, a cut answer, a page of HTML
//     where JSON was due. A 4xx without JSON is an answer: a refusal.
//   - A code exchange or a token refresh is sent at most once, also by
//     net/http below us, which otherwise repeats a GET on a broken idle
//     connection.
//   - Expiry counts from the moment the request began ([Meta]), so that a
//     slow answer makes a token live shorter and never longer.
//   - Another API host is tried only when nothing was sent to the first.
//   - Redirects are never followed. A token must not travel to a place
//     that an answer named.
//
// Tokens of a person, of a shop and of a third-party platform are three Go
// types ([UserToken], [ShopToken], [ComponentToken]). They are secrets that
// do not print, see package secret, and no error text contains one. What an
// account granted to a platform opens the account's own APIs, so it is a
// [ShopToken] too. A platform's codes are three types as well ([PreAuthCode],
// [AuthorizationCode], [MarketCode]): WeChat's answer to a mix-up does not
// say what was mixed up.
//
// A platform lives on these calls: [Client.ComponentToken] from a pushed
// [Ticket]; [Client.QueryAuth] for a new authorisation and
// [Client.RefreshAuthorizer] from then on; [Client.AuthorizerInfo] and
// [Client.AuthorizerList] to find the truth again; [Client.ServiceLogin] when
// a merchant comes from the service market.
//
// What WeChat sends is read tolerantly: the content type is ignored, an
// errcode may be a string or missing, ids may exceed 2^53, nicknames may
// hold control characters. What would become a credential is read
// strictly: a missing token or a lifetime that makes no sense is an error.
//
// A [Client] may be used by several goroutines. Facts come from the pages
// under developers.weixin.qq.com/doc that the comments name by path.
package wechat
