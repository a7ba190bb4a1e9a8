// Package oidc logs people into programs that speak OpenID Connect (OIDC Core 1.0),
// as their provider: the authorisation code flow, refresh, userinfo, logout from
// both sides (RP-Initiated and Back-Channel Logout 1.0). Which programs there are,
// the operator declares; nobody registers here.
//
// # A login
//
//	program ──/oidc/authorize──► session live? ──no──► WeChat login, and back
//	                             fresh enough? ──no──► WeChat login, and back
//	                             role in a shop? ─no──► a page that explains
//	                             several shops? ─yes──► a page to choose on
//	        ◄──code, state, iss──┘
//	program ──/oidc/token: code, verifier, secret──► ID, access and refresh token
//
// A login into a program is a row that hangs on our session. It goes through
//
//	begun ──code exchanged──► live ──► ended ──the program was told──► deleted
//	  └──code not used for a minute──► deleted a day later
//
// and ends when the session ends, when the role is gone that opened it, or when
// something is used a second time that counts once. The program is told of every end
// over its back channel, if it has one, until it took it or nine attempts failed.
//
// # What is kept
//
// Codes and refresh tokens are kept as hashes and count once. A code that comes
// again, from whomever, ends the login that it gave; so does a refresh token that was
// replaced, which costs a program that lost an answer no more than another silent
// login. An access token opens userinfo only. It is not kept: it names its login and
// its end under a MAC, and its login is looked at each time.
//
// A person is known to a program by a keyed digest of our id and the program's
// sector, so that two programs cannot compare whom they know.
//
// # Who decides what
//
// The declared redirect addresses are compared letter by letter, and nobody is ever
// sent to another one: a request that names another is answered with a page. PKCE
// with S256 is the only kind there is, and nobody without a secret does without.
//
// # Failure
//
// While the database is away nothing here works, and callers are told when to come
// back: a login that cannot be ended is not begun.
package oidc
