package wechat

import (
	"strings"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// UserToken is a person's access token from a code exchange. It opens /sns/*
// and no shop API. It lives two hours.
type UserToken struct{ secret.Value }

// UserRefreshToken renews a person's access token for 30 days from the code
// exchange. Whoever holds it needs no AppSecret to use it.
type UserRefreshToken struct{ secret.Value }

// ShopToken is an access token for shop APIs: the shop's own, or the one that
// the shop granted to a third-party platform. Both travel alike.
type ShopToken struct{ secret.Value }

// ComponentToken is a third-party platform's own access token. It opens
// /cgi-bin/component/* and /wxa/servicemarket/*.
type ComponentToken struct{ secret.Value }

// Ticket is a component_verify_ticket. WeChat pushes one about every ten
// minutes; each is good for twelve hours. Without one there is no
// [ComponentToken].
type Ticket struct{ secret.Value }

// PreAuthCode opens the page on which an account authorises a platform. It
// lives for as long as its answer says: ten or thirty minutes.
type PreAuthCode struct{ secret.Value }

// AuthorizationCode comes back from that page, and in the pushed events
// authorized and updateauthorized. [Client.QueryAuth] takes it, once.
type AuthorizationCode struct{ secret.Value }

// MarketCode is what a merchant's browser brings from the service market
// (服务市场, 去使用). [Client.ServiceLogin] takes it, once. It is another code
// than an [AuthorizationCode]: api_query_auth answers it 61009.
type MarketCode struct{ secret.Value }

// AuthorizerRefreshToken renews the access token that an account granted to a
// platform. It lives until the account withdraws or authorises again. Losing
// it hurts; [Client.AuthorizerInfo] and [Client.AuthorizerList] tell it again.
type AuthorizerRefreshToken struct{ secret.Value }

// Token is an access token that a call carries in its query: a [UserToken],
// a [ShopToken] or a [ComponentToken].
type Token interface {
	value() secret.Value
	// opens reports whether the token belongs to calls of this kind.
	opens(kind EndpointKind, path string) bool
}

func (t UserToken) value() secret.Value      { return t.Value }
func (t ShopToken) value() secret.Value      { return t.Value }
func (t ComponentToken) value() secret.Value { return t.Value }

func (t UserToken) opens(k EndpointKind, _ string) bool { return k == KindUserCall }

func (t ShopToken) opens(k EndpointKind, _ string) bool { return k == KindDataCall }

// opens: a platform may also ask for its quotas and callback addresses under
// /cgi-bin/. A shop API answers its token 48001.
func (t ComponentToken) opens(k EndpointKind, path string) bool {
	return k.platform() || k == KindDataCall && strings.HasPrefix(path, "/cgi-bin/")
}
