// Package guard decides who gets into a back office that is somebody else's program,
// logs them in there, and tells the program who they are. It is asked for each request
// to a protected host, by a proxy in front (forward-auth) or by our own ([Guard.Handler]).
//
// # One session for each host
//
// A login is a session on our own host. A protected host gets a session of its own, a
// child, in a cookie that only that host sees; there is no cookie with Domain=. A child
// ends with its parent. It comes by the hand-off:
//
//	protected host                     our own host
//	GET /orders: asked about, no ────► 401 with the address of begin
//	GET /.zhanggui/begin ────────────► GET /handoff: who is it, may they?
//	  keeps a nonce in this browser      else the login, a choice of shops, or a page
//	GET /.zhanggui/enter?ticket= ◄──── a ticket
//	  keeps the child, 303 to /orders
//
// A ticket is sealed, lives 30 seconds, and counts once, on one host, in the browser
// that holds the nonce. It is recorded as used before the child is made. Whoever
// opens a stranger's ticket, old or new, gets a page with a button to begin.
//
// Where somebody goes afterwards stands in the cookie of the nonce, was checked when it
// was put there, and is a path of that same host.
//
// # Who decides what
//
// [Host] and [Route] say who may in; they come from the operator. The longest path wins.
// What no rule opens is shut. A path that servers read in different ways is refused
// where there are routes, and where letters of the other case would hit another
// route, both must agree. Roles, members and ends of sessions come from [Sessions] with
// every request: what ended or was taken away a moment ago counts.
//
// X-Forwarded-Host, -Uri and -Method (X-Original-URI and -Method of nginx) are believed
// from the configured proxies only, must be there, and must agree.
//
// # What the back office is told
//
// Five headers: X-Zhanggui-Person, -Shop, -Role, -Door and -Assertion, and those that
// the operator named. None is ever empty. The assertion is a JWT for this one host as
// audience; it lives two minutes, is signed once for a session and used again for one
// minute. Somebody from the service market, whom nobody named, is "shop:" and the
// shop's id.
//
// # When something is wrong
//
//	no session, or WeChat's word is old   401; people who look are led to begin
//	role, door or shop is not enough      403 with a page that says what is missing
//	another site's page sent a change     403; with observe it is only recorded
//	the visitor says who they are         403, also where everybody may in
//	the proxy does not say what is asked  400 that names the missing lines
//	the store cannot be asked             503; nobody is logged out by it
//	a browser goes in circles             a page, after a few rounds
package guard
