// Package login is how a person gets in: doors, state, our own sessions, and
// the pages around them. WeChat only proves who somebody is; what keeps them
// logged in is a session of ours.
//
// # A login, step by step
//
//  1. Begin. GET /login, or a tap on the consent page of an invitation. The
//     user agent picks the door: WeChat's own browser gets the service account
//     (door 1), every other gets the website app's QR page (door 2). The browser
//     receives a random state inside WeChat's URL and a sealed cookie that binds
//     this state to the browser, the app, the door, the scope, the place to go
//     back to, the shop, and the invitation with the consent text that was shown.
//     Nothing is written. There is one cookie for each state, so two tabs work.
//     Under a clock that is known to be behind no login begins.
//  2. WeChat sends the browser back to GET /oauth/callback/{app}. The checks run
//     in a fixed order, cheap and certain ones first: known app, exactly its
//     configured host, form of the state, cookie, form of the code, clock. Until
//     here nothing was written and WeChat was not asked.
//  3. UseState is committed. From now on this state and this code are used up,
//     whatever happens next: a crash, a lost answer, fifty copies of the request.
//  4. The code is exchanged, once. It is never repeated. From here on the work no
//     longer depends on the browser's patience.
//  5. Login is committed, in one transaction: person and identity, the user grant
//     with its sealed pair as the next generation, the new session, the end of
//     the session this browser had before, consent, the taken invitation, and the
//     audit entry. If somebody else wrote the grant or the identity meanwhile,
//     everything is read again, sealed again and tried again, a few times.
//  6. Only then is the access token used, for the profile. That may fail without
//     harm. The answer is a 303 to a clean URL.
//
// # What each failure leaves behind
//
//	fails at             kept                      the person sees
//	checks (2)           nothing                   why, and a button to start again
//	UseState (3)         nothing or a used state   start again
//	exchange answers no  a used state              why, and what to do
//	exchange is lost (4) a used state              start again; audited as unknown
//	snapshot user        a used state              "tap 使用完整服务"
//	commit (5)           a used state; maybe all   start again
//	profile (6)          everything                nothing: they are in
//	market, any of it    a used code, or a used    click 去使用 again
//	                     entry
//
// A callback that comes twice, as a reload or because WeChat or a network
// repeats it, finds its state used; the cookie is left to end by itself, so that
// a reload is still known as this browser's own. The browser that began and has a
// live session goes on to the clean place. Everybody else gets a page to start
// afresh. Nobody ever gets a session from a used state.
//
// # Scope
//
// Every login through an app asks for the app's one configured scope. A login
// is also the rotation of the kept refresh token, and the pair is kept per (app,
// openid, scope). If a silent login asked for less, the new narrow pair might
// end the kept wide one at WeChat. So a silent re-proof asks with the scope of
// the pair that it will replace. Should WeChat answer with another scope
// than was asked, the pair is kept under the scope of the answer, where it
// replaces nothing wider.
//
// # Sessions
//
// The browser holds a random token in a __Host- cookie, the store its SHA-256.
// A session ends by logout, by idleness, at its absolute age, when the browser
// logs in again, and whenever somebody ends it in the store: the next request
// notices. Failing to read the store logs nobody out. Who is in is asked of [Live];
// sessions of protected hosts hang on one here and count there alone. Pages of ours
// give the browser another token now and then ([Login.Fresh]).
//
// A browser remembers in a sealed cookie who logged in with it. A login of somebody
// else who is known is told of, with a link that ends that login: a GET shows it, a
// POST does it, and it opens nothing. The list of logins marks it, too.
//
// Administrators sign in with a key and get a session of the same kind, which never outlives the key;
// whoever revokes an administrator ends their sessions in the same transaction.
//
// # From the service market
//
// 去使用 opens GET /market/callback/{app}/{service} with a code (door 3). There
// is no state: whoever holds a code can send it to anybody, and WeChat names the
// shop and never the human. So:
//
//  1. Checks, cheap and certain ones first: the platform, exactly its configured
//     host, the service, the clock, the form of the code, too many bad codes.
//  2. UseState keeps that the code is used. Then it is exchanged, once. The answer
//     must name the service of the address.
//  3. What WeChat named is sealed into a cookie of five minutes, and the browser
//     goes to the clean /market/enter. That page names the shop, the service and
//     who is logged in here, and asks; it changes nothing. A shop that is not
//     known yet is opened meanwhile.
//  4. The yes is used up and starts a session: of the shop, with the service's
//     role, and of no person. It ends the session that the browser had.
//
// A shop that somebody at this browser said yes to is opened without the question
// for half a year, unless somebody else is logged in. A session of the market
// holds its role in its one shop while the shop's grant is not ended there or
// here. Whatever needs a name wants a person, whom WeChat named through door 1
// or 2 within ten minutes: [Login.RequireProved].
//
// Claiming a shop (认领店铺) is an invitation that somebody makes out to
// themselves. Taken by the login of the same browser while its market session
// lives, it makes the person the owner at once if the shop has none: WeChat named
// the shop and the person. In every other case it waits for an owner or an
// administrator and the four digits. It reaches the whole tenant only if the
// tenant is that one shop.
//
// # Accounts that authorise a platform
//
// An administrator makes a link for the administrator of an account that is no shop.
// What it is for stands sealed in its address, GET /link/{token}, on the platform's
// own host; nothing is kept of it. The button asks WeChat for its page and puts a
// state of ours into the address that WeChat sends the browser back to, bound to the
// browser as in a login. At GET /link/callback/{app} the checks come first: host,
// state, form of the code, clock. Then state and link are used up, the code is
// exchanged once, and the browser goes to the clean /linked. Nobody is logged in by
// it. Of what fails after the use, the link is used up and another must be made.
//
// # A PC that a phone approves
//
// A PC without a website app shows a QR code of ours. The code says, sealed in its
// address, which PC asks and three numbers; the PC keeps its side in a sealed cookie.
//
//	PC                                  phone, in WeChat
//	GET /login/scan: a code, a number
//	  asks every three seconds ──┐      GET /scan/{code}: who asks, from where, which number?
//	                             │      POST: the right one: approved, a row
//	  takes the approval, once ◄─┘            a wrong one, or "not me": refused, a row
//
// The answer is the first thing that is kept, and the only one that counts. Taking an
// approval and starting the PC's session are one transaction; it fails if the
// phone's session ended meanwhile.
//
// # From a mini program
//
// POST /mini/{app}/login takes the code of wx.login (door 4). It is recorded as used,
// exchanged once, and who WeChat names is sealed into a ticket of a minute. The
// web-view opens GET /mini/enter with it: the ticket is recorded as used, then the
// person is logged in as through any door, without tokens of WeChat's.
//
// # Another person than last time
//
// A browser remembers in a sealed cookie who was logged in: nickname, picture, and a
// mark to tell the same person again. If a silent login (door 1 or 4) names somebody
// else, the new session is made and kept apart, the one before goes on, and
// GET /login/other asks. Going on ends the one before; staying ends the new one.
//
// # Two persons who may be one
//
// WeChat may name, with a unionid, somebody who is another person to us. They
// are asked after the login whether both are the same human, and only their
// yes moves an identity. The person with roles is kept. If both hold roles
// nothing is offered, because one set of roles would be lost.
//
// # Refusals
//
// Every refusal is a page in the reader's language with a way on. A page that lacks
// only a session is answered in WeChat with the silent login; the address that it
// comes back to says so, and who comes back without a session meets a page. A login
// that somebody ended, at this browser or from elsewhere, is not begun again without a
// tap. Where somebody tried something, it goes to the [Tally] too, which keeps one audit
// entry for many alike. A state, a code or a token is never part of a page, a
// log line or an entry.
package login
