// Package dropin answers programs that insist on fetching an access token, in the
// shape of WeChat's own endpoints. Their SDK stays as it is: the host is changed, the
// appid stays the shop's, and a client key stands where the AppSecret stood. What they
// get is an alias, which package gateway takes at WeChat's own paths.
//
//	GET  /cgi-bin/token                               alias of client and shop
//	POST /cgi-bin/stable_token                        the same
//	POST /cgi-bin/component/api_component_token       alias of client and platform
//	POST /cgi-bin/component/api_authorizer_token      alias of client and shop
//	POST /cgi-bin/component/api_query_auth            the same, with the permission sets
//	POST /cgi-bin/component/api_get_authorizer_list   the shops that the client holds
//	POST /cgi-bin/component/api_get_authorizer_info   what is kept of one of them
//	GET  /v1/shops/{shop}/token                       the kept token itself
//
// Where WeChat has an authorizer_refresh_token stands a handle, and an
// authorization_code is a handle too: see package alias.
//
// # Who decides what
//
// The key says who asks; it is looked at before the appid, so that a stranger learns
// nothing of shops. A shop that the client does not hold and one that is not there
// are one errcode (40013, on behalf of a platform 61003). The addresses of the
// client's rights count here as everywhere, and so does its rate, of which a fetch
// takes as much as a call: also one that is refused for its appid, since looking for
// that is what costs.
//
// Nothing here asks WeChat, mints or renews: an alias is computed, and force_refresh
// is a wish that the keeper has no use for. With the right token:export, from one of
// the client's addresses, and when the caller asks for it by name (export=1), the
// kept token leaves with what is left of its life. That it left is recorded first; if
// it cannot be, it stays.
//
// # When things fail
//
// Errors of the endpoints under /cgi-bin/ are HTTP 200 with WeChat's errcode, which
// is all that SDKs look at, and end with what to do. Failures of ours are errcode -1,
// which SDKs repeat. Aliases are made without the store as long as client and shop
// can be read, also from the copy that stands by.
package dropin
