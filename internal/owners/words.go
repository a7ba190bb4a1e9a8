package owners

import (
	"cmp"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/line"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// saying is what a letter says of a kind of fact. WeChat takes twenty characters of a
// thing and five of a phrase, and owners read Chinese.
type saying struct {
	what   string // at most 20
	phrase string // at most 5, Chinese characters only
	next   string // at most 20
}

var sayings = map[notice.Kind]saying{
	notice.GrantNeedsOwner: {"店铺授权已失效", "需重新授权", "请点击进入并重新授权"},
	notice.GrantOld:        {"店铺授权即将到期", "需重新授权", "请点击进入并重新授权"},
	notice.GrantExpiring:   {"店铺授权即将到期", "需重新授权", "请点击进入并重新授权"},
	notice.SetsMissing:     {"店铺授权缺少权限集", "缺少权限", "请在授权时勾选全部权限"},
	notice.AccountState:    {"店铺账号状态有变化", "账号异常", "请到微信小店后台查看"},
}

// other is said of kinds that the operator's rules added.
var other = saying{"店铺需要您处理", "待处理", "请点击进入查看"}

// china is the time zone of the people who read letters.
var china = time.FixedZone("UTC+8", 8*60*60)

// fill words a letter for a template. shop is the name of the one that it is about, or
// of one of several.
func fill(m access.OwnerMessage, l notice.Letter, shop string) map[string]string {
	say, known := sayings[l.Kind]
	if !known {
		say = other
	}
	out := make(map[string]string, len(m.Fields))
	for field, content := range m.Fields {
		kind := access.FieldKind(field)
		switch content {
		case access.SaysShop:
			out[field] = fit(kind, shopWords(shop, l.Shops), l.ShopID)
		case access.SaysWhat:
			out[field] = fit(kind, say.what, say.phrase)
		case access.SaysNext:
			out[field] = fit(kind, say.next, "")
		case access.SaysWhen:
			out[field] = l.At.In(china).Format("2006年1月2日 15:04")
		}
	}
	return out
}

// shopWords names one shop, or one and how many there are.
func shopWords(name string, shops int) string {
	if shops <= 1 {
		return clip(name, longThing)
	}
	end := "等" + strconv.Itoa(shops) + "家店铺"
	return clip(name, longThing-len([]rune(end))) + end
}

// longThing is how many characters a thing may have:
// /doc/service/api/notify/notify/api_sendnewsubscribemsg.
const longThing = 20

// fit gives the words, or what stands for them in a field that takes fewer.
func fit(kind, words, short string) string {
	switch kind {
	case "phrase", "character_string":
		return short
	}
	return clip(words, longThing)
}

// clip makes one line of a text, of at most n characters. What stands for no name is
// not empty: a field must not be.
func clip(text string, n int) string { return cmp.Or(line.Cut(line.Of(text), n), "店铺") }
