// Package upstream is the reverse proxy for back offices that have no proxy of their
// own: what the guard lets through goes to them, and their answers come back.
//
// # What changes on the way
//
// The back office gets the request as it was sent, path and query byte for byte, with
// the guard's identity headers. What it does not get: headers of one connection, our
// own cookies, and whatever the visitor said of forwarding. X-Forwarded-For, -Host and
// -Proto say one thing each, and are ours. What a visitor lists in Connection is not
// removed, or they could have the identity headers removed on the way.
//
// The answer comes back as it is, WebSocket, server-sent events, trailers and
// informational answers included. Our headers for pages stay away from it. A cookie
// that has a name of ours is taken out: nobody but the guard sets those.
//
// # What ends when
//
// A visitor who stops sending or taking for [MoveWithin] is cut off, however large the
// upload or the answer is. A back office that does not begin to answer in time is
// given up. What streams has no limit: it ends with the session, because the guard ends
// the request's context within seconds, and with the server, by [Proxy.End].
//
// # When something is wrong
//
//	the back office cannot be reached     502 with a page and a way to try again
//	its certificate is not trusted        502 that says so
//	it does not begin to answer           504
//	it breaks off in the middle           the visitor's connection is cut: what is torn must not look whole
//	a method that proxies must not pass   405
//
// Nothing is sent twice but what changes nothing: see [net/http.Transport].
package upstream
