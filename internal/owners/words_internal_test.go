package owners

import (
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/notice"
)

var at = time.Date(2026, 3, 2, 2, 4, 0, 0, time.UTC)

func template(fields map[string]string) access.OwnerMessage {
	return access.OwnerMessage{Template: "tpl", Kind: access.TemplateMessage, Fields: fields}
}

func TestWhatALetterSays(t *testing.T) {
	m := template(map[string]string{"thing1": "shop", "thing2": "what", "time3": "when", "keyword4": "next", "phrase5": "what", "character_string6": "shop"})
	l := notice.Letter{Kind: notice.GrantNeedsOwner, ShopID: "tea", Shops: 1, At: at}
	want := map[string]string{"thing1": "蓝天文具店", "thing2": "店铺授权已失效", "time3": "2026年3月2日 10:04", "keyword4": "请点击进入并重新授权",
		"phrase5": "需重新授权", "character_string6": "tea"}
	if diff := cmp.Diff(want, fill(m, l, "蓝天文具店")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLettersFitWhatWeChatTakes(t *testing.T) {
	long := "一二三四五六七八九十一二三四五六七八九十长"
	for _, c := range []struct {
		name  string
		shops int
		want  string
	}{
		{"茶", 1, "茶"}, {"茶", 3, "茶等3家店铺"}, {long, 1, "一二三四五六七八九十一二三四五六七八九…"}, {long, 100000, "一二三四五六七八九…等100000家店铺"},
		{"a\u202eb\u200bc\n", 1, "abc"}, {"\x00", 1, "店铺"},
	} {
		got := shopWords(c.name, c.shops)
		if got != c.want || utf8.RuneCountInString(got) > longThing {
			t.Errorf("%q and %d shops: %q (%d characters), want %q", c.name, c.shops, got, utf8.RuneCountInString(got), c.want)
		}
	}
	for kind, s := range sayings {
		if utf8.RuneCountInString(s.what) > longThing || utf8.RuneCountInString(s.next) > longThing || utf8.RuneCountInString(s.phrase) > 5 {
			t.Errorf("%s: too long for WeChat: %+v", kind, s)
		}
		for _, r := range s.phrase {
			if !unicode.Is(unicode.Han, r) {
				t.Errorf("%s: a phrase with %q", kind, r)
			}
		}
	}
}
