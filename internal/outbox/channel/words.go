package channel

import (
	"cmp"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/notice"
)

// Language says in which languages a channel is written to.
type Language string

// The languages.
const (
	Chinese Language = "zh"
	English Language = "en"
	Both    Language = "both" // Chinese, and English below it
)

// Languages lists them.
func Languages() []Language { return []Language{Chinese, English, Both} }

// tongue is the words of one language.
type tongue struct {
	pick                                  func(notice.Text) string
	zone                                  *time.Location
	colon, open, shut, over, cut          string
	shop, tenant, about, count, since, at string
	next, runbook, console, again, direct string
	severity                              map[notice.Severity]string
	phase                                 map[notice.Phase]string
}

// chinaTime is what clocks in China show all year.
var chinaTime = time.FixedZone("UTC+8", 8*60*60)

var tongues = map[Language]*tongue{
	Chinese: {
		pick: func(t notice.Text) string { return t.ZH }, zone: chinaTime,
		colon: "：", open: "【", shut: "】", over: "已恢复", cut: "内容过长，其余已省略。",
		shop: "店铺", tenant: "商家", about: "涉及", count: "次数", since: "开始时间", at: "时间",
		next: "下一步", runbook: "处理手册", console: "打开控制台", again: "重新授权",
		direct:   "存储不可用，未经存储，由此服务器直接发出",
		severity: map[notice.Severity]string{notice.Info: "提示", notice.Warning: "警告", notice.Critical: "严重"},
		phase:    map[notice.Phase]string{notice.Grown: "范围扩大：", notice.Reminded: "尚未恢复："},
	},
	English: {
		pick: func(t notice.Text) string { return t.EN }, zone: time.UTC,
		colon: ": ", open: "[", shut: "] ", over: "over", cut: "It was too long; the rest is left out.",
		shop: "Shop", tenant: "Tenant", about: "About", count: "Count", since: "Since", at: "At",
		next: "Next", runbook: "Runbook", console: "Open the console", again: "Authorise again",
		direct:   "Sent without the store, which fails, by the server",
		severity: map[notice.Severity]string{notice.Info: "info", notice.Warning: "warning", notice.Critical: "critical"},
		phase:    map[notice.Phase]string{notice.Grown: "It concerns more now: ", notice.Reminded: "Still open: "},
	},
}

// spoken gives the tongues of a language. An unknown one is Chinese.
func (l Language) spoken() []*tongue {
	switch l {
	case Both:
		return []*tongue{tongues[Chinese], tongues[English]}
	case English:
		return []*tongue{tongues[English]}
	}
	return []*tongue{tongues[Chinese]}
}

// head is the first line: how much it matters, and what happened.
func (t *tongue) head(m notice.Message) string {
	label := cmp.Or(t.severity[m.Severity], t.severity[notice.Info])
	if m.Phase == notice.Over {
		label = t.over
	}
	return t.open + label + t.shut + t.phase[m.Phase] + t.pick(m.Cause().Words().What)
}

func (t *tongue) stamp(at time.Time) string {
	return at.In(t.zone).Format("2006-01-02 15:04:05 MST")
}

func (t *tongue) times(n int) string { return strconv.Itoa(n) }
