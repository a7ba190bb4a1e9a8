package wechat

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// AuthType says which kinds of accounts an authorisation link offers.
type AuthType int

// The kinds that have links. A 微信小店 has none: its owner buys a service in
// the service market, which grants the permission sets silently.
const (
	AuthTypeDefault  AuthType = 0 // what WeChat offers by itself
	AuthTypeOfficial AuthType = 1 // 公众号
	AuthTypeMini     AuthType = 2 // 小程序
	AuthTypeBoth     AuthType = 3 // 公众号 and 小程序
	AuthTypePromoter AuthType = 4 // 小程序推客
	AuthTypeChannels AuthType = 5 // 视频号
	AuthTypeAll      AuthType = 6
	AuthTypeTalent   AuthType = 8 // 带货助手
)

var authTypes = []AuthType{
	AuthTypeDefault, AuthTypeOfficial, AuthTypeMini, AuthTypeBoth, AuthTypePromoter,
	AuthTypeChannels, AuthTypeAll, AuthTypeTalent,
}

// ComponentLinkRequest describes a link on which an account's administrator
// authorises a third-party platform.
type ComponentLinkRequest struct {
	ComponentAppID string
	// PreAuthCode is good for one link, see [Client.PreAuthCode].
	PreAuthCode PreAuthCode
	// RedirectURI gets auth_code and expires_in added. WeChat carries no
	// state: put an unguessable value of your own into its path or query, and
	// bind it to the browser. Form and domain are checked as for a login link.
	RedirectURI string
	// AuthType narrows the kinds of accounts; not together with BizAppID.
	AuthType AuthType
	// BizAppID names the one account that may authorise.
	BizAppID string
	// Categories are permission sets to offer instead of all published ones.
	// One report says that WeChat ignores them.
	Categories []int
	Loopback   bool // as in AuthorizeRequest
}

// ComponentLoginURL returns the authorisation link for a PC, where the
// administrator scans a code: developers.weixin.qq.com/doc/oplatform
// /Third-party_Platforms/2.0/api/Before_Develop/Authorization_Process_Technical_Description.
// It must be reached from a page of the domain that the platform's console
// names. The link holds the pre-authorisation code: do not log it.
func (c *Client) ComponentLoginURL(r ComponentLinkRequest) (string, error) {
	if err := r.check(); err != nil {
		return "", fmt.Errorf("wechat: authorisation link: %w", err)
	}
	return pageURL(c.mp, "/cgi-bin/componentloginpage", encodePairs(r.pairs())), nil
}

// BindComponentURL returns the authorisation link for WeChat on a phone,
// without a code to scan. All else is as in [Client.ComponentLoginURL].
func (c *Client) BindComponentURL(r ComponentLinkRequest) (string, error) {
	if err := r.check(); err != nil {
		return "", fmt.Errorf("wechat: authorisation link: %w", err)
	}
	pairs := append([]pair{{"action", "bindcomponent"}, {"no_scan", "1"}}, r.pairs()...)
	return pageURL(c.open, "/wxaopen/safe/bindcomponent", encodePairs(pairs)) + wechatRedirect, nil
}

// pairs returns what both links carry.
func (r *ComponentLinkRequest) pairs() []pair {
	pairs := []pair{
		{"component_appid", r.ComponentAppID}, {"pre_auth_code", r.PreAuthCode.RevealString()},
		{"redirect_uri", r.RedirectURI},
	}
	if r.AuthType != AuthTypeDefault {
		pairs = append(pairs, pair{"auth_type", strconv.Itoa(int(r.AuthType))})
	}
	if r.BizAppID != "" {
		pairs = append(pairs, pair{"biz_appid", r.BizAppID})
	}
	if len(r.Categories) > 0 {
		pairs = append(pairs, pair{"category_id_list", joinCategories(r.Categories)})
	}
	return pairs
}

// joinCategories writes 1|2.
func joinCategories(ids []int) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = strconv.Itoa(id)
	}
	return strings.Join(words, "|")
}

func (r *ComponentLinkRequest) check() error {
	switch {
	case !appIDForm.MatchString(r.ComponentAppID):
		return errors.New("component_appid does not look like wx and letters and digits; copy it from the Open Platform console")
	case r.PreAuthCode.IsZero():
		return errors.New("the pre-authorisation code is empty; fetch one for this link")
	case !slices.Contains(authTypes, r.AuthType):
		return fmt.Errorf("auth_type %d does not exist, and a shop (微信小店) has none; let the shop's owner buy the service in the service market", r.AuthType)
	case r.BizAppID != "" && r.AuthType != AuthTypeDefault:
		return errors.New("biz_appid overrides auth_type; give one of them")
	case r.BizAppID != "" && !appIDForm.MatchString(r.BizAppID):
		return errors.New("biz_appid does not look like wx and letters and digits; copy the AppID from the account's console")
	case slices.ContainsFunc(r.Categories, func(id int) bool { return id < 1 }):
		return errors.New("a permission set id must be positive; take it from the platform's console")
	}
	return CheckRedirectURI(r.RedirectURI, r.Loopback)
}
