package stranger

import (
	"fmt"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// Report is what is known of a grant in words, for people.
type Report struct {
	Level  Level
	Proven []notice.Text // facts
	Guess  []notice.Text // what they make likely
	Else   []notice.Text // what may be behind it instead
	Next   []notice.Text // what to do
}

// reasons say what each reason means. Of Proven and Likely the guess follows.
var reasons = map[Reason]notice.Text{
	ReasonStranger:  {EN: "Somebody else had WeChat make a token with this app's AppSecret.", ZH: "有其他方使用该应用的 AppSecret 让微信生成了令牌。"},
	ReasonClock:     {EN: "A token was made while nobody here asked, as far as our clock can be believed; it was not steady or not known to be right.", ZH: "按本机时钟，令牌生成时本系统没有请求；但本机时钟当时不稳定或未经核对。"},
	ReasonLife:      {EN: "A token seems to have been made while nobody here asked; it was not seen lately that new tokens live two hours.", ZH: "令牌似乎是在本系统没有请求时生成的；但近期未能确认新令牌的有效期为两小时。"},
	ReasonRotated:   {EN: "WeChat refused the kept refresh token of the account and names another one.", ZH: "微信拒绝了本系统保存的刷新令牌，并给出了另一个。"},
	ReasonComponent: {EN: "The platform's token died before its end; each request for one makes a new one.", ZH: "第三方平台的令牌提前失效；每次请求都会生成新令牌。"},
	ReasonOurs:      {EN: "A forced refresh of this server explains it.", ZH: "本系统的一次强制刷新可以解释。"},
	ReasonNatural:   {EN: "WeChat replaced the token in its last minutes, as it always does.", ZH: "微信在令牌的最后几分钟更换了它，属正常情况。"},
	ReasonOurAsk:    {EN: "The new token was made for our own request: WeChat ended the old one by itself, or somebody forced in the same moment.", ZH: "新令牌是应本系统的请求生成的：旧令牌由微信自行终止，或恰有其他方在同一时刻强制刷新。"},
	ReasonUnsettled: {EN: "A request of this server whose answer is not known may have made the token.", ZH: "本系统有一次结果未知的请求，可能就是它生成了令牌。"},
	ReasonNamed:     {EN: "WeChat refuses the token and still names it: the fault is WeChat's.", ZH: "微信拒绝该令牌却仍返回它：问题在微信一侧。"},
	ReasonRefused:   {EN: "WeChat refuses to name a token, with an errcode that says why.", ZH: "微信拒绝提供令牌，错误码说明了原因。"},
	ReasonNoAnswer:  {EN: "WeChat did not answer when it was asked for the token.", ZH: "请求令牌时微信没有应答。"},
	ReasonOddLife:   {EN: "WeChat gave a life longer than two hours, so that nothing follows from it.", ZH: "微信给出的有效期超过两小时，无法据此推断。"},
	ReasonAccount:   {EN: "A token of an authorised account died before its end: the owner may have authorised again, or somebody else renewed it.", ZH: "已授权账号的令牌提前失效：店主可能重新授权，或有其他方续期。"},
}

// others are the explanations that are always possible while something is a guess.
var others = []notice.Text{
	{EN: "WeChat ended the tokens: the password or the AppSecret was reset, or the account was frozen. The errcode of the next request says so.", ZH: "微信终止了令牌：重置了密码或 AppSecret，或账号被冻结；下一次请求的错误码会说明。"},
	{EN: "A test system, an old server or a colleague's machine still runs with this AppSecret.", ZH: "测试系统、旧服务器或同事的电脑仍在使用该 AppSecret。"},
}

// nexts are what to do about a stranger, in this order.
var nexts = []notice.Text{
	{EN: "Move the other program onto this server: it can use the drop-in token endpoints with a client key.", ZH: "让另一程序改用本系统：以客户端密钥调用兼容的取令牌接口即可。"},
	{EN: "If it cannot be found, reset the AppSecret and narrow the IP allowlist; `zhanggui token kill SHOP --yes` ends every token that is out first.", ZH: "找不到时，请重置 AppSecret 并收紧 IP 白名单；可先用 `zhanggui token kill SHOP --yes` 使所有已流出的令牌失效。"},
}

// Words puts what is known into words.
func (e Evidence) Words(now time.Time) Report {
	out := Report{Level: e.Verdict(now)}
	for _, r := range slices.Backward(e.Records) {
		if now.Sub(r.At) >= Remission || r.Level != out.Level {
			continue
		}
		out.add(r)
		break
	}
	for _, c := range e.Counts {
		if c.More() && now.Sub(c.At) < Remission {
			out.Guess = append(out.Guess, c.words())
		}
	}
	if out.Level == Proven || out.Level == Likely {
		out.Else, out.Next = others, nexts
	}
	return out
}

// add puts the record that counts into words.
func (p *Report) add(r Record) {
	if r.Level == Proven {
		p.Proven = append(p.Proven, r.quiet(), r.made())
		p.Guess = append(p.Guess, reasons[ReasonStranger], notice.Text{
			EN: "It forced the refresh, which ended the token that was in use here.", ZH: "对方进行了强制刷新，使本系统正在使用的令牌失效。"})
		return
	}
	words := reasons[r.Reason]
	if r.Code != 0 {
		words.EN += fmt.Sprintf(" errcode %d.", r.Code)
		words.ZH += fmt.Sprintf("错误码 %d。", r.Code)
	}
	if r.Level == Likely {
		p.Guess = append(p.Guess, words)
		return
	}
	p.Else = append(p.Else, words)
}

// clockOf shows a time to the second, in China.
func clockOf(t time.Time) string { return t.In(access.China).Format("2006-01-02 15:04:05") }

func (r Record) quiet() notice.Text {
	from, to := clockOf(r.QuietFrom), clockOf(r.QuietTo)
	return notice.Text{EN: fmt.Sprintf("This server asked WeChat for no token of the grant between %s and %s (China time).", from, to),
		ZH: fmt.Sprintf("北京时间 %s 至 %s，本系统没有为该授权请求过令牌。", from, to)}
}

func (r Record) made() notice.Text {
	half := r.MadeTo.Sub(r.MadeFrom) / 2
	at, err := clockOf(r.MadeFrom.Add(half)), max(time.Second, half.Round(time.Second))
	return notice.Text{EN: fmt.Sprintf("The token that WeChat names now was made at %s ± %v.", at, err),
		ZH: fmt.Sprintf("微信当前返回的令牌生成于 %s（误差 ±%.0f 秒）。", at, err.Seconds())}
}

func (c Count) words() notice.Text {
	return notice.Text{EN: fmt.Sprintf("WeChat counts %d requests to %s today; this server sent about %d.", c.Used, c.Path, c.Ours),
		ZH: fmt.Sprintf("微信统计今日对 %s 的请求为 %d 次，本系统约发出 %d 次。", c.Path, c.Used, c.Ours)}
}
