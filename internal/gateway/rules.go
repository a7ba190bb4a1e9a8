package gateway

import (
	"slices"
	"strings"
)

// open are the trees of WeChat's paths that belong to shops. Anything else is
// not passed on.
var open = []string{"/channels/ec/", "/shop/", "/wxa/", "/cgi-bin/"}

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
		if path == c.tree || strings.HasPrefix(path, c.tree+"/") {
			return c.why
		}
	}
	for segment := range strings.SplitSeq(path, "/") {
		switch {
		case strings.Contains(segment, "token"): // their kin, also what WeChat adds later
			return whySecret
		case strings.HasPrefix(segment, "clear_quota"):
			return whyQuota
		}
	}
	if !slices.ContainsFunc(open, func(tree string) bool { return strings.HasPrefix(path, tree) }) {
		return whyUnknown
	}
	return ""
}

// readNames are last segments of paths that only read, readPrefixes the
// beginnings of such segments. The method tells nothing: WeChat's shop APIs use
// POST for reading, and elsewhere GET withdraws a submission or deletes a menu.
// Their names are what tells. See the index at
// developers.weixin.qq.com/doc/store/shop/API/. What is not listed writes.
var (
	readNames    = []string{"list", "all", "detail", "batchget", "listorderflow"}
	readPrefixes = []string{"get", "search", "query_"}
)

// reads tells whether calls to path only read.
func reads(path string) bool {
	name := strings.ToLower(path[strings.LastIndexByte(path, '/')+1:])
	return slices.Contains(readNames, name) ||
		slices.ContainsFunc(readPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

// families are the third segments of /channels/ec/ and the second ones of
// /shop/ and /wxa/ that metrics tell apart.
var families = []string{
	"aftersale", "b2c", "basics", "brand", "category", "commkf", "compass", "coupon", "favorites", "funds",
	"league", "logistics", "merchant", "open", "order", "product", "promoter", "qic", "sharer", "store", "subsidy",
	"supplier", "talent", "vip", "voucher", "warehouse", "wecom", "window",
}

// group gives the metric label of a path. The set of labels is fixed.
func group(path string) string {
	for _, tree := range []string{"/channels/ec/", "/shop/ec/", "/shop/"} {
		if rest, ok := strings.CutPrefix(path, tree); ok {
			family, _, _ := strings.Cut(rest, "/")
			if slices.Contains(families, family) {
				return family
			}
			return "other"
		}
	}
	switch {
	case strings.HasPrefix(path, "/wxa/servicemarket/"):
		return "servicemarket"
	case strings.HasPrefix(path, "/wxa/"):
		return "wxa"
	case strings.HasPrefix(path, "/cgi-bin/"):
		return "cgi-bin"
	}
	return "other"
}
