// Package web is the HTTP plumbing that every listener shares: handlers that
// return errors, problem documents, security headers, the access log, metrics,
// and the rules about what to believe of a request.
//
// # From the outside in
//
//	Limit         how many connections a listener may have
//	Server        limits of one connection: header size, slow headers, slow
//	              bodies, idle time
//	  Wrap        who is asking (address, host, scheme), request id, panics,
//	              one log line and one count for each request
//	    browser routes: BrowserHeaders, CrossOrigin, Page
//	    machine routes: Machine
//	      Handler
//
// Browser routes and machine routes are different worlds. A browser carries
// cookies and is led by strangers' pages, so its routes get a content security
// policy and refuse cross-origin changes. A program carries a key of its own
// and no cookie.
//
// # Errors
//
// A [Handler] returns an error instead of writing one. An [*Error] has public
// words, in English and Chinese, and a private cause. The words are sent, the
// cause is logged; nothing else of an error leaves the server. An error that
// is not an [*Error] is a fault of ours and is answered with 500 and no
// details. If the answer has begun when the error comes, the connection is cut
// so that nobody mistakes a torn answer for a whole one.
//
// # What is believed
//
// X-Forwarded-For, -Host and -Proto count only if the peer is one of the
// configured proxies; from anybody else they are removed. X-Zhanggui-* is what
// this server says to others and is removed from every request, but for
// X-Zhanggui-Wait.
package web
