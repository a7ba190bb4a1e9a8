package wechat

import (
	"context"
	"fmt"
	"strings"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// AuthorizerInfo is what a platform may know about an account that authorised
// it. It holds no access token.
type AuthorizerInfo struct {
	Meta
	AppID string // the one that was asked about
	// Name and HeadImageURL are the account's own words: text of strangers.
	Name, HeadImageURL string
	// OriginalID is the account's gh_… name, to which pushes are addressed.
	OriginalID string
	// Principal is the legal entity behind the account, may be empty.
	Principal string
	Kind      AccountKind
	// Shop says that the account is a 微信小店. Shop APIs answer others 48001,
	// even when their permission sets name 129 or 131.
	Shop   bool
	Status AccountStatus
	// Refresh is the account's refresh token. An empty one proves nothing: the
	// answer held none, look into [Client.AuthorizerList].
	Refresh AuthorizerRefreshToken
	// Sets are the ids of the permission sets granted, ascending; nil means
	// that the answer did not tell.
	Sets []int
}

// AccountKind says what an account is.
type AccountKind int

// The kinds of accounts. An account of none of these is unknown.
const (
	AccountUnknown      AccountKind = iota
	AccountShop                     // 微信小店
	AccountTalent                   // 带货助手
	AccountSupplier                 // 供货商
	AccountChannels                 // 视频号
	AccountMiniProgram              // 小程序
	AccountSubscription             // 订阅号
	AccountService                  // 服务号
)

var accountKindNames = [...]string{
	AccountUnknown: "unknown", AccountShop: "shop", AccountTalent: "talent", AccountSupplier: "supplier",
	AccountChannels: "channels", AccountMiniProgram: "mini-program", AccountSubscription: "subscription",
	AccountService: "service",
}

// String returns a short lower-case name.
func (k AccountKind) String() string { return nameOf(accountKindNames[:], int(k), "account") }

// AccountStatus is what WeChat thinks of an account. Numbers without a name
// here are kept as they came.
type AccountStatus int

// The states of accounts, as numbered by WeChat. Zero was not told.
const (
	StatusUnknown   AccountStatus = 0
	StatusNormal    AccountStatus = 1
	StatusCancelled AccountStatus = 14 // 已注销
	StatusBanned    AccountStatus = 16 // 已封禁
	StatusWarned    AccountStatus = 18 // 已告警
	StatusFrozen    AccountStatus = 19 // 已冻结
)

var accountStatusNames = map[AccountStatus]string{
	StatusUnknown: "unknown", StatusNormal: "normal", StatusCancelled: "cancelled",
	StatusBanned: "banned", StatusWarned: "warned", StatusFrozen: "frozen",
}

// String returns a short lower-case name.
func (s AccountStatus) String() string {
	if name, ok := accountStatusNames[s]; ok {
		return name
	}
	return fmt.Sprintf("status(%d)", int(s))
}

// AuthorizerInfo asks who an account is and what it granted:
// /doc/oplatform/openApi/authorization-management/api_getauthorizerinfo. It is
// the first place to look when a refresh token was lost, or when WeChat says
// that an account did not authorise the platform.
func (c *Client) AuthorizerInfo(ctx context.Context, token ComponentToken, componentAppID, authorizerAppID string) (*AuthorizerInfo, error) {
	w, err := c.platformPost(pathAuthorizerInfo, token, nil, authorizerInfoBody{
		ComponentAppID: componentAppID, AuthorizerAppID: authorizerAppID,
	})
	if err != nil {
		return nil, err
	}
	if componentAppID == "" || authorizerAppID == "" {
		return nil, w.refuse("component_appid and authorizer_appid are needed")
	}
	return answerOf(ctx, c, w, func(o object, meta Meta) (*AuthorizerInfo, error) {
		return readAuthorizerInfo(o, meta, authorizerAppID)
	})
}

type authorizerInfoBody struct {
	ComponentAppID  string `json:"component_appid"`
	AuthorizerAppID string `json:"authorizer_appid"`
}

// readAuthorizerInfo wants the half that tells who the account is: without it
// every account would look like no shop. The half about the grant has been
// seen empty; then there is no refresh token and no word about sets.
func readAuthorizerInfo(o object, meta Meta, asked string) (*AuthorizerInfo, error) {
	who, grant := o.object("authorizer_info"), o.object("authorization_info")
	if who == nil {
		return nil, fmt.Errorf("%w: authorizer_info is missing", ErrMalformed)
	}
	// Old answers call the account appid.
	if differs(grant.text("authorizer_appid"), asked) || differs(grant.text("appid"), asked) {
		return nil, errOtherAccount
	}
	status, err := who.integer("account_status")
	if err != nil {
		status = int64(StatusUnknown)
	}
	kind := accountKind(who)
	return &AuthorizerInfo{
		Meta: meta, AppID: asked, Name: strings.Map(printable, who.text("nick_name")), HeadImageURL: who.text("head_img"),
		OriginalID: who.text("user_name"), Principal: strings.Map(printable, who.text("principal_name")),
		Kind: kind, Shop: kind == AccountShop, Status: AccountStatus(status),
		Refresh: AuthorizerRefreshToken{secret.FromString(grant.text("authorizer_refresh_token"))},
		Sets:    permissionSets(grant),
	}, nil
}

// kindMembers are the members whose presence tells an account's kind, in the
// order of trust. An object counts, an empty one too: {"id":0} is an ordinary
// shop. Null is absence.
var kindMembers = []struct {
	member string
	kind   AccountKind
}{
	{"store_info", AccountShop},
	{"talent_info", AccountTalent},
	{"supplier_info", AccountSupplier},
	{"channels_info", AccountChannels},
	{"MiniProgramInfo", AccountMiniProgram},
}

// accountKind tells what the account is. service_type_info is there for mini
// programs too and decides last.
func accountKind(who object) AccountKind {
	for _, k := range kindMembers {
		if who.object(k.member) != nil {
			return k.kind
		}
	}
	service := who.object("service_type_info")
	id, err := service.integer("id")
	switch {
	case err != nil || isEmpty(service["id"]):
		return AccountUnknown
	case id == 2:
		return AccountService
	case id == 0 || id == 1:
		return AccountSubscription
	}
	return AccountUnknown
}
