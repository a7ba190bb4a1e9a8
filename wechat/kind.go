package wechat

import (
	"fmt"
	"strings"
)

// EndpointKind groups endpoints by what an errcode means there. 40001 is a
// wrong AppSecret on a token call and an outdated token on a data call.
type EndpointKind int

// The kinds of endpoints.
const (
	// KindAny stands for every kind that has no row of its own.
	KindAny EndpointKind = iota
	// KindAuthorizePage is the page a person sees; its codes reach no server.
	KindAuthorizePage
	// KindCodeExchange turns a login code into tokens; the code is used up.
	KindCodeExchange
	// KindUserRefresh renews a person's token.
	KindUserRefresh
	// KindUserCall is a call with a person's token: /sns/userinfo, /sns/auth.
	KindUserCall
	// KindTokenCall sends an AppSecret for the shop's own token or quota.
	KindTokenCall
	// KindComponentToken sends the platform's secret.
	KindComponentToken
	// KindComponent is a call with the platform's token.
	KindComponent
	// KindQueryAuth turns an authorisation code into an account's tokens; the
	// code is used up.
	KindQueryAuth
	// KindAuthorizerRefresh renews an account's token for the platform.
	KindAuthorizerRefresh
	// KindMarket is a service-market call with the platform's token.
	KindMarket
	// KindMarketLogin turns a service-market code into a shop's name; the code
	// is used up.
	KindMarketLogin
	// KindDataCall is everything else: shop APIs and platform operations.
	KindDataCall
	// KindPush is what the push receiver finds wrong with a message.
	KindPush
)

// kindNames are the words of errcodes.tsv, by kind.
var kindNames = [...]string{
	KindAny: "*", KindAuthorizePage: "authorize-page", KindCodeExchange: "code-exchange",
	KindUserRefresh: "user-refresh", KindUserCall: "user", KindTokenCall: "token",
	KindComponentToken: "component-token", KindComponent: "component", KindQueryAuth: "query-auth",
	KindAuthorizerRefresh: "authorizer-refresh", KindMarket: "market", KindMarketLogin: "market-login",
	KindDataCall: "data", KindPush: "push",
}

// String returns a short lower-case name, "*" for KindAny.
func (k EndpointKind) String() string { return nameOf(kindNames[:], int(k), "kind") }

// exactKinds are the paths whose kind is not told by their prefix.
var exactKinds = map[string]EndpointKind{
	"/sns/oauth2/access_token":            KindCodeExchange,
	"/sns/oauth2/component/access_token":  KindCodeExchange,
	"/sns/jscode2session":                 KindCodeExchange,
	"/sns/component/jscode2session":       KindCodeExchange,
	"/sns/oauth2/refresh_token":           KindUserRefresh,
	"/sns/oauth2/component/refresh_token": KindUserRefresh,
	"/cgi-bin/token":                      KindTokenCall,
	"/cgi-bin/stable_token":               KindTokenCall,
	"/cgi-bin/clear_quota/v2":             KindTokenCall,
	"/cgi-bin/component/clear_quota/v2":   KindComponentToken,
	pathComponentToken:                    KindComponentToken,
	pathStartPushTicket:                   KindComponentToken,
	pathQueryAuth:                         KindQueryAuth,
	pathAuthorizerToken:                   KindAuthorizerRefresh,
	pathServiceLogin:                      KindMarketLogin,
	pathCheckServiceAuth:                  KindMarketLogin,
}

// prefixKinds are tried in order after exactKinds.
var prefixKinds = []struct {
	prefix string
	kind   EndpointKind
}{
	{"/connect/", KindAuthorizePage},
	{"/sns/", KindUserCall},
	{"/cgi-bin/component/", KindComponent},
	{"/wxa/servicemarket/", KindMarket},
	{"/product/service/", KindMarket},
}

// KindOf returns the kind of the endpoint at path, which is WeChat's own path
// without host and query. An unknown path is a data call.
func KindOf(path string) EndpointKind {
	if kind, ok := exactKinds[path]; ok {
		return kind
	}
	for _, p := range prefixKinds {
		if strings.HasPrefix(path, p.prefix) {
			return p.kind
		}
	}
	return KindDataCall
}

// repeatable reports whether asking the same again changes nothing.
// net/http may then repeat a GET when an idle connection turns out broken.
func (k EndpointKind) repeatable() bool {
	return k == KindUserCall || k == KindDataCall
}

// platform reports whether calls of this kind carry a platform's token.
func (k EndpointKind) platform() bool {
	switch k {
	case KindComponent, KindQueryAuth, KindAuthorizerRefresh, KindMarket, KindMarketLogin:
		return true
	}
	return false
}

// nameOf returns names[i], or "what(i)" for a number without a name.
func nameOf(names []string, i int, what string) string {
	if i < 0 || i >= len(names) {
		return fmt.Sprintf("%s(%d)", what, i)
	}
	return names[i]
}
