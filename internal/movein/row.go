package movein

import (
	"regexp"
	"strings"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Row is one account of a platform as another system knew it.
type Row struct {
	AppID   string       // WeChat's id of the account, "wx…"
	Refresh secret.Value // authorizer_refresh_token
	Shop    string       // our id for the shop; empty: the appid
	Tenant  string       // our id for its tenant; empty: the shop's id
	Name    string       // for people; may be empty
}

// Outcome is what became of one account.
type Outcome string

// The outcomes.
const (
	Imported Outcome = "imported" // it was not known here
	Replaced Outcome = "replaced" // another token was kept, and is gone
	Kept     Outcome = "kept"     // what was here stays; Cause says why
	Refused  Outcome = "refused"  // Cause says why
)

// Causes of what was kept or refused. They are words for programs.
const (
	CauseSame        = "same"              // kept: the very token
	CauseRenewed     = "renewed_here"      // kept: WeChat changed it here
	CauseRevoked     = "revoked_here"      // somebody ended the grant here
	CauseWithdrawn   = "withdrawn"         // the account withdrew at WeChat
	CauseChanged     = "changed_meanwhile" // somebody else wrote it just now; run again
	CauseShopTaken   = "shop_taken"        // another account has this shop id
	CauseNotSealed   = "not_sealed"        // its kept token could not be opened or sealed
	CauseBadAppID    = "bad_appid"
	CauseBadToken    = "bad_token"
	CauseBadShop     = "bad_shop"
	CauseBadTenant   = "bad_tenant"
	CauseTwice       = "twice"          // the file names two tokens for it
	CauseOtherSystem = "other_platform" // the token belongs to another platform
)

// Result tells what became of one account.
type Result struct {
	AppID   string  `json:"appid"`
	Shop    string  `json:"shop,omitempty"`
	Outcome Outcome `json:"outcome"`
	Cause   string  `json:"cause,omitempty"`
}

var (
	appIDForm = regexp.MustCompile(`^wx[0-9a-f]{16}$`)
	slugForm  = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)
)

// maxToken is longer than any refresh token that WeChat gave so far, in bytes.
const maxToken = 1024

const maxName = 200

// Check says why a row cannot be used, or nothing.
func (r Row) Check() (cause string) {
	switch {
	case !appIDForm.MatchString(r.AppID):
		return CauseBadAppID
	case !IsToken(r.Refresh.RevealString()):
		return CauseBadToken
	case r.Shop != "" && !slugForm.MatchString(r.Shop):
		return CauseBadShop
	case r.Tenant != "" && !slugForm.MatchString(r.Tenant):
		return CauseBadTenant
	}
	return ""
}

// IsToken tells whether a text can be one of WeChat's tokens. It wants visible ASCII: a token in quotes, in another encoding or cut
// into lines is none.
func IsToken(s string) bool {
	if s == "" || len(s) > maxToken {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '{' || c == '}' {
			return false
		}
	}
	return true
}

// ids fills what the row leaves open.
func (r Row) ids() Row {
	if r.Shop == "" {
		r.Shop = r.AppID
	}
	if r.Tenant == "" {
		r.Tenant = r.Shop
	}
	if r.Name == "" {
		r.Name = r.Shop
	}
	r.Name = strings.ToValidUTF8(r.Name, "")
	if runes := []rune(r.Name); len(runes) > maxName {
		r.Name = string(runes[:maxName])
	}
	return r
}
