package gateway

import "strings"

// closed are trees that no client may use, whatever its rights. They make or
// show secrets, or use up what all clients share.
var closed = []struct{ tree, why string }{
	{"/sns", whyUser},                          // people's tokens, code exchanges
	{"/cgi-bin/token", whySecret},              // makes a token and ends the one in use
	{"/cgi-bin/stable_token", whySecret},       // makes a token
	{"/cgi-bin/component", whySecret},          // the platform's own credentials
	{"/cgi-bin/openapi/rid", whySecret},        // shows requests with their tokens
	{"/cgi-bin/ticket", whySecret},             // hands out tickets that sign pages for the app
	{"/cgi-bin/openapi/quota/clear", whyQuota}, // 50 a day for the whole shop
	{"/cgi-bin/clear_quota", whyQuota},         // 10 a month, and v2 takes the AppSecret
}

// Why a path is closed, for audit entries.
const (
	whyUser    = "user-token-path"
	whySecret  = "secret-path"
	whyQuota   = "shared-quota"
	whyUnknown = "not-a-shop-path"
)

// closedWhy tells why path is not passed on, or "" when it is. Case does not
// matter: what WeChat makes of upper case is not documented.
func closedWhy(path string) string {
	path = strings.ToLower(path)
	for _, c := range closed {
		if rest, ok := strings.CutPrefix(path, c.tree); ok && (rest == "" || rest[0] == '/') {
			return c.why
		}
	}
	switch {
	case strings.Contains(path, "token"): // their kin, also what WeChat adds later
		return whySecret
	case strings.Contains(path, "/clear_quota"):
		return whyQuota
	case !Rooted(path):
		return whyUnknown
	}
	return ""
}
