package channel

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/zhanggui/zhanggui/internal/notice"
)

// live is what a chat tool would act on. Our own markup is taken out first.
var live = regexp.MustCompile(`<[@!#a-zA-Z/]|@[A-Za-z0-9所]|!\[|\]\(`)

// FuzzRender: whatever strangers write, every place gets text that is valid, bounded
// and not alive.
func FuzzRender(f *testing.F) {
	for _, s := range []string{"蓝天店", "<@all>", `<at user_id="all">x</at>`, "<!channel>", "[x](https://evil.example)", "\u202ex\x00\r\nBcc: x", "\xff\xfe@all", strings.Repeat("<", 5000), "![x](y)", "@所有人"} {
		f.Add(s, s, 1)
	}
	f.Fuzz(func(t *testing.T, name, text string, count int) {
		at := time.Date(2026, 1, 2, 8, 0, 0, 0, time.UTC)
		m := notice.Message{ID: "n_1_1", Count: count, About: notice.GrantStopped, Severity: notice.Warning, Since: at, Subjects: []string{text, name},
			Notice:  notice.Notice{At: at, Kind: notice.GrantStopped, Subject: text, Details: map[string]string{name: text, "errmsg": name}},
			Runbook: "https://docs.example.com/r", Shop: "s", Tenant: "t"}
		all := cards(Both, m, Place{Shop: name, Tenant: text, Console: "https://zhanggui.example.com/"})
		for place, c := range map[string]struct {
			limit int
			text  func([]card) string
		}{
			"wecom":    {weComBytes, weComText},
			"dingtalk": {dingTalkBytes, dingTalkText},
			"slack":    {slackBytes, slackText},
			"feishu": {feishuBytes, func(all []card) string {
				b, err := encode(feishuMessage(Both, all))
				if err != nil || !json.Valid(b) {
					t.Fatalf("not JSON: %v", err)
				}
				return string(b)
			}},
		} {
			got := c.text(fit(all, c.limit, func(all []card) int { return len(c.text(all)) }))
			if len(got) > c.limit || !utf8.ValidString(got) {
				t.Errorf("%s: %d bytes of %d: %q", place, len(got), c.limit, got)
			}
			if strings.ContainsFunc(got, func(r rune) bool { return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) }) {
				t.Errorf("%s: control characters in %q", place, got)
			}
			dead := strings.NewReplacer("[处理手册](https://docs.example.com/r)", "", "[Runbook](https://docs.example.com/r)", "",
				"[打开控制台](https://zhanggui.example.com/)", "", "[Open the console](https://zhanggui.example.com/)", "").Replace(got)
			if place == "feishu" {
				dead = strings.ReplaceAll(strings.ReplaceAll(dead, "@", ""), "](", "") // structure is not in the text there
				dead = strings.ReplaceAll(dead, "![", "")
			}
			if place == "slack" {
				dead = strings.ReplaceAll(strings.ReplaceAll(dead, "](", ""), "![", "") // another markup
			}
			if found := live.FindString(dead); found != "" {
				t.Errorf("%s: %q is alive in %q", place, found, dead)
			}
		}
		page, err := mailPage(all)
		if err != nil || strings.Contains(page, "<script") || strings.Contains(page, "<img") || strings.Contains(page, "<at") {
			t.Errorf("a page %q, %v", page, err)
		}
	})
}
