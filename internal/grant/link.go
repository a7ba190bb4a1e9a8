package grant

import (
	"errors"
	"regexp"
	"slices"
	"time"
)

// LinkLife is how long a link can be opened and used.
const LinkLife = 30 * time.Minute

// Link lets the administrator of one account that is no shop authorise a
// third-party platform. WeChat has such links for 公众号, 小程序, 视频号 and 带货助手,
// and none for a 微信小店.
type Link struct {
	ID   string // public
	App  string // our id of the platform
	Kind LinkKind
	// AppID is WeChat's id of the only account that may authorise; empty: any of
	// the kind.
	AppID string
	Sets  []int64 // permission sets (权限集) to ask for; none: all that the platform published
	Ends  time.Time
}

// LinkKind says which kinds of account a link offers.
type LinkKind string

// The kinds of account that have links.
const (
	LinkAny          LinkKind = "" // what WeChat offers by itself
	LinkOfficial     LinkKind = "official"
	LinkMini         LinkKind = "mini"
	LinkOfficialMini LinkKind = "official_mini" // either
	LinkPromoter     LinkKind = "promoter"      // 小程序推客
	LinkChannels     LinkKind = "channels"      // 视频号
	LinkTalent       LinkKind = "talent"        // 带货助手
	LinkAll          LinkKind = "all"
)

var linkKinds = []LinkKind{LinkAny, LinkOfficial, LinkMini, LinkOfficialMini, LinkPromoter, LinkChannels, LinkTalent, LinkAll}

// appIDForm is what WeChat's ids look like.
var appIDForm = regexp.MustCompile(`^wx[0-9a-f]{16}$`)

// Limits of what a link asks for; it has to fit into an address.
const (
	maxLinkSets = 32
	maxSet      = 99_999
)

// Check tells what is wrong with what the link asks for. The platform is looked up
// elsewhere.
func (l Link) Check() error {
	switch {
	case !slices.Contains(linkKinds, l.Kind):
		return errors.New("grant: there is no link for this kind of account; use official, mini, official_mini, promoter, channels, talent or all; a shop's owner buys the service in the service market instead")
	case l.AppID != "" && l.Kind != LinkAny:
		return errors.New("grant: a link for one account has no kind; give the appid or the kind")
	case l.AppID != "" && !appIDForm.MatchString(l.AppID):
		return errors.New("grant: the appid does not look like wx and 16 hexadecimal digits; copy it from the account's console")
	case len(l.Sets) > maxLinkSets || slices.ContainsFunc(l.Sets, func(id int64) bool { return id < 1 || id > maxSet }):
		return errors.New("grant: a link asks for at most 32 permission sets, each a small number; take them from the platform's console")
	}
	return nil
}

// Linked is the account that a link brought. It is the zero Linked when the
// authorisation was heard of in another way before: that does not tell the account.
type Linked struct {
	AppID string
	Name  string // the account's own words: text of strangers
	Sets  []int64
}

// Why an account that came by a link is not kept, or not because of it.
var (
	// ErrCodeUsed says that the code of the authorisation was sent to WeChat before:
	// what it brought is kept, or on its way.
	ErrCodeUsed = errors.New("grant: the code of this authorisation was used before; what it brought is kept")
	// ErrOtherAccount says that another account authorised than the link's.
	ErrOtherAccount = errors.New("grant: another account authorised than the one that the link is for; open the link as that account's administrator")
	// ErrAway says that another system renews the account's tokens.
	ErrAway = errors.New("grant: another system renews the tokens of this account; have them handed over first, with zhanggui grant mode")
)
