package wechat

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// MaxAuthorizers is how many accounts one page of [Client.AuthorizerList] may
// hold. WeChat answers more with 40170.
const MaxAuthorizers = 500

var errOtherAccount = fmt.Errorf("%w: the answer is about another account", ErrMalformed)

// AuthorizerGrant is what an account gave to a platform.
type AuthorizerGrant struct {
	Meta
	// AppID names the account: a shop, a service account, a mini program…
	// [AuthorizerInfo] tells which.
	AppID string
	// Token opens the account's APIs, a shop's like the shop's own.
	Token ShopToken
	// ExpiresIn is the token's life, from RequestStart: two hours as a rule.
	ExpiresIn time.Duration
	// Refresh is the refresh token of the answer. Store it before Token is
	// used. It may be new or the one that was sent; an empty one means that
	// the answer held none: keep what you have.
	Refresh AuthorizerRefreshToken
	// Sets are the ids of the permission sets (权限集) granted, ascending. Nil
	// means that the answer did not tell; a refresh never does.
	Sets []int
}

// ExpiresAt returns when the access token ends, seen from our clock.
func (g *AuthorizerGrant) ExpiresAt() time.Time { return g.RequestStart.Add(g.ExpiresIn) }

// QueryAuth turns an authorisation code into an account's tokens:
// /doc/oplatform/openApi/ticket-token/api_getauthorizerrefreshtoken. The code
// comes from the redirect or from the events authorized and updateauthorized;
// the code of a market jump is none.
//
// The call is sent at most once, whatever happens. When [OutcomeOf] the error
// is [OutcomeUnknown] the code may be used up, and the account has authorised
// all the same: ask [Client.AuthorizerInfo] for its refresh token.
func (c *Client) QueryAuth(ctx context.Context, token ComponentToken, componentAppID string, code AuthorizationCode) (*AuthorizerGrant, error) {
	w, err := c.platformPost(pathQueryAuth, token, []secret.Value{code.Value}, queryAuthBody{
		ComponentAppID: componentAppID, Code: code.RevealString(),
	})
	if err != nil {
		return nil, err
	}
	if componentAppID == "" || code.IsZero() {
		return nil, w.refuse("component_appid and authorisation code are needed")
	}
	return answerOf(ctx, c, w, readQueryAuth)
}

type queryAuthBody struct {
	ComponentAppID string `json:"component_appid"`
	Code           string `json:"authorization_code"`
}

func readQueryAuth(o object, meta Meta) (*AuthorizerGrant, error) {
	info := o.object("authorization_info")
	if info == nil {
		return nil, fmt.Errorf("%w: authorization_info is missing", ErrMalformed)
	}
	appid, err := info.appID("authorizer_appid")
	if err != nil {
		return nil, err
	}
	g, err := readAuthorizerGrant(info, meta)
	if err != nil {
		return nil, err
	}
	g.AppID, g.Sets = appid, permissionSets(info)
	return g, nil
}

// RefreshAuthorizer renews an account's access token for the platform:
// /doc/oplatform/openApi/ticket-token/api_getauthorizeraccesstoken.
//
// Pages and reports disagree whether the refresh token changes. Store what
// comes back before the access token is used. The call is sent at most once.
// An empty refresh token is refused here: WeChat answers it 61023, which looks
// like a withdrawn grant.
func (c *Client) RefreshAuthorizer(
	ctx context.Context, token ComponentToken, componentAppID, authorizerAppID string, refresh AuthorizerRefreshToken,
) (*AuthorizerGrant, error) {
	w, err := c.platformPost(pathAuthorizerToken, token, []secret.Value{refresh.Value}, authorizerTokenBody{
		ComponentAppID: componentAppID, AuthorizerAppID: authorizerAppID, Refresh: refresh.RevealString(),
	})
	if err != nil {
		return nil, err
	}
	if componentAppID == "" || authorizerAppID == "" || refresh.IsZero() {
		return nil, w.refuse("component_appid, authorizer_appid and refresh token are needed")
	}
	return answerOf(ctx, c, w, func(o object, meta Meta) (*AuthorizerGrant, error) {
		g, err := readAuthorizerGrant(o, meta)
		if err != nil {
			return nil, err
		}
		g.AppID = authorizerAppID
		return g, nil
	})
}

type authorizerTokenBody struct {
	ComponentAppID  string `json:"component_appid"`
	AuthorizerAppID string `json:"authorizer_appid"`
	Refresh         string `json:"authorizer_refresh_token"`
}

// readAuthorizerGrant reads what both answers share: the pair of tokens.
func readAuthorizerGrant(o object, meta Meta) (*AuthorizerGrant, error) {
	access, err := o.need("authorizer_access_token")
	if err != nil {
		return nil, err
	}
	life, err := o.lifetime("expires_in")
	if err != nil {
		return nil, err
	}
	return &AuthorizerGrant{
		Meta: meta, Token: ShopToken{secret.FromString(access)}, ExpiresIn: life,
		Refresh: AuthorizerRefreshToken{secret.FromString(o.text("authorizer_refresh_token"))},
	}, nil
}

// permissionSets reads the ids of func_info, nil when there is no such list.
// An entry without an id is left out.
func permissionSets(o object) []int {
	rows, _, err := o.objects("func_info")
	if err != nil || isEmpty(o["func_info"]) {
		return nil
	}
	sets := make([]int, 0, len(rows))
	for _, row := range rows {
		if id, err := row.object("funcscope_category").integer("id"); err == nil && id > 0 {
			sets = append(sets, int(id))
		}
	}
	slices.Sort(sets)
	return slices.Compact(sets)
}

// AuthorizerPage is one page of the accounts that authorised a platform.
type AuthorizerPage struct {
	Meta
	// Total is how many accounts there are, in all pages.
	Total int
	// Authorizers are the accounts of this page.
	Authorizers []ListedAuthorizer
	// Skipped counts entries that name no account.
	Skipped int
}

// Rows returns how many entries the page had. The next page begins that much
// further; a page without rows is behind the end.
func (p *AuthorizerPage) Rows() int { return len(p.Authorizers) + p.Skipped }

// ListedAuthorizer is an account in [AuthorizerPage].
type ListedAuthorizer struct {
	AppID string
	// Refresh is sometimes missing in the list: ask [Client.AuthorizerInfo].
	Refresh AuthorizerRefreshToken
	// AuthorisedAt is when the account authorised last, zero when not told.
	AuthorisedAt time.Time
}

// AuthorizerList returns count accounts, at most [MaxAuthorizers], from offset
// on: /doc/oplatform/openApi/authorization-management/api_getauthorizerlist.
// Accounts may come and go between two pages.
func (c *Client) AuthorizerList(ctx context.Context, token ComponentToken, componentAppID string, offset, count int) (*AuthorizerPage, error) {
	w, err := c.platformPost(pathAuthorizerList, token, nil, authorizerListBody{
		ComponentAppID: componentAppID, Offset: offset, Count: count,
	})
	if err != nil {
		return nil, err
	}
	if componentAppID == "" || offset < 0 || count < 1 || count > MaxAuthorizers {
		return nil, w.refuse("component_appid, an offset from 0 and a count of 1 to %d are needed", MaxAuthorizers)
	}
	return answerOf(ctx, c, w, func(o object, meta Meta) (*AuthorizerPage, error) {
		return readAuthorizerPage(o, meta, offset)
	})
}

type authorizerListBody struct {
	ComponentAppID string `json:"component_appid"`
	Offset         int    `json:"offset"`
	Count          int    `json:"count"`
}

// readAuthorizerPage refuses a page that would look like "nobody authorised"
// without saying so.
func readAuthorizerPage(o object, meta Meta, offset int) (*AuthorizerPage, error) {
	total, err := o.integer("total_count")
	if err != nil || isEmpty(o["total_count"]) || total < 0 {
		return nil, fmt.Errorf("%w: total_count is not a number of accounts", ErrMalformed)
	}
	if isEmpty(o["list"]) && total > int64(offset) {
		return nil, fmt.Errorf("%w: list is missing, and %d accounts are said to be there", ErrMalformed, total)
	}
	rows, skipped, err := o.objects("list")
	if err != nil {
		return nil, err
	}
	p := &AuthorizerPage{Meta: meta, Total: int(total), Skipped: skipped, Authorizers: make([]ListedAuthorizer, 0, len(rows))}
	for _, row := range rows {
		appid, err := row.appID("authorizer_appid")
		if err != nil {
			p.Skipped++
			continue
		}
		p.Authorizers = append(p.Authorizers, ListedAuthorizer{
			AppID: appid, Refresh: AuthorizerRefreshToken{secret.FromString(row.text("refresh_token"))},
			AuthorisedAt: row.moment("auth_time"),
		})
	}
	return p, nil
}
