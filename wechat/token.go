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
	return k == KindComponent || k == KindMarket ||
		k == KindDataCall && strings.HasPrefix(path, "/cgi-bin/")
}
