package wechat

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// ErrMalformed marks an answer that arrived but is not what the endpoint
// promises: HTML, cut JSON, a missing token, a lifetime that makes no sense.
// Test for it with errors.Is.
var ErrMalformed = errors.New("malformed answer")

// Outcome says what is known about a call that failed.
type Outcome int

// The outcomes. The zero outcome is the careful one.
const (
	// OutcomeUnknown: the call may have taken effect. It was sent, and no
	// complete answer was read. Never repeat it unless repeating is harmless.
	OutcomeUnknown Outcome = iota
	// OutcomeNotSent: nothing left this machine; certainly nothing happened.
	OutcomeNotSent
	// OutcomeAnswered: WeChat's verdict was read.
	OutcomeAnswered
)

var outcomeNames = [...]string{
	OutcomeUnknown: "unknown", OutcomeNotSent: "not-sent", OutcomeAnswered: "answered",
}

// String returns a short lower-case name.
func (o Outcome) String() string { return nameOf(outcomeNames[:], int(o), "outcome") }

// OutcomeOf returns what is known about the call that returned err. A nil
// error was answered. An error that did not come from this package is
// unknown.
func OutcomeOf(err error) Outcome {
	if err == nil {
		return OutcomeAnswered
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Outcome
	}
	return OutcomeUnknown
}

// Error is a call that failed. It holds no secret: values that the request
// carried are masked in Message and Err.
type Error struct {
	Op         string       // method and path, e.g. "GET /sns/userinfo"
	Kind       EndpointKind // where the code was seen
	Code       int          // errcode; 0 when none was read
	Message    string       // errmsg as WeChat wrote it, cleaned
	RID        string       // WeChat's request id, for rid/get
	HTTPStatus int          // 0 when no answer began
	Outcome    Outcome
	Err        error // what went wrong below, nil for a plain errcode
}

// Error returns one line that ends with what to do next.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "wechat: %s: ", e.Op)
	switch {
	case e.Code != 0:
		fmt.Fprintf(&b, "errcode %d: %s", e.Code, strings.TrimSpace(e.Message))
	case e.Err != nil:
		b.WriteString(e.Err.Error())
	default:
		b.WriteString("failed")
	}
	if e.HTTPStatus != 0 && e.HTTPStatus != http.StatusOK {
		fmt.Fprintf(&b, " (HTTP %d)", e.HTTPStatus)
	}
	if e.RID != "" && !strings.Contains(e.Message, e.RID) {
		fmt.Fprintf(&b, " (rid %s)", e.RID)
	}
	fmt.Fprintf(&b, "; %s", e.Explain().NextEN)
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Class says what to do about the error.
func (e *Error) Class() Class { return e.Explain().Class }

// IP returns the address of ours that WeChat refused, for the errcodes that
// speak of an allowlist. It is the address to add. The zero Addr means that
// the message names none; several outgoing addresses show up one by one.
func (e *Error) IP() netip.Addr {
	if !slices.Contains(addressCodes, e.Code) {
		return netip.Addr{}
	}
	return firstAddress(e.Message)
}

// addressCodes are the errcodes about our outgoing address.
var addressCodes = []int{40164, 45035, 61004, 89501, 89502, 89503, 89504, 89505, 89506, 89507}

// Explain returns cause and next step in Chinese and English, also for
// failures that carry no errcode.
func (e *Error) Explain() Explanation {
	switch {
	case e.Code != 0:
		return Explain(e.Kind, e.Code)
	case errors.Is(e.Err, errArgument):
		return e.without(argumentExplanation)
	case e.HTTPStatus == http.StatusForbidden:
		return e.without(forbiddenExplanation)
	case e.HTTPStatus == http.StatusTooManyRequests:
		return e.without(throttledExplanation)
	case e.Outcome == OutcomeNotSent && e.HTTPStatus == 0:
		return e.without(notSentExplanation)
	case e.Outcome == OutcomeUnknown:
		return e.without(lostExplanation)
	}
	return e.without(oddExplanation)
}

// without fills in what every explanation without an errcode shares.
func (e *Error) without(x Explanation) Explanation {
	x.Kind, x.What = e.Kind, x.Class.Action()
	return x
}

// Explanations of failures that have no errcode.
var (
	// developers.weixin.qq.com/doc/store/shop/dev_before/ipbaimingdan: the
	// shop's allowlist is checked before the API and answers 403 without JSON.
	forbiddenExplanation = Explanation{
		Class:   ClassOperator,
		CauseEN: "HTTP 403: this server's address is not in the shop's allowlist",
		CauseZH: "HTTP 403:本服务器 IP 不在店铺白名单中",
		NextEN:  "let the shop's administrator add the outgoing address under 服务市场 → 自研 → IP 白名单",
		NextZH:  "请店铺管理员在「服务市场 → 自研 → IP 白名单」中添加出口 IP",
	}
	throttledExplanation = Explanation{
		Class:   ClassSlow,
		CauseEN: "HTTP 429: WeChat's edge throttles this server",
		CauseZH: "HTTP 429:微信接入层限流",
		NextEN:  "slow down and wait for the next minute",
		NextZH:  "请降低频率,等待下一分钟",
	}
	argumentExplanation = Explanation{
		Class:   ClassCaller,
		CauseEN: "the request could not have worked and was not sent",
		CauseZH: "请求不完整,未发送",
		NextEN:  "correct the arguments",
		NextZH:  "请修正参数",
	}
	notSentExplanation = Explanation{
		Class:   ClassRetry,
		CauseEN: "the call did not leave this server",
		CauseZH: "请求未能发出",
		NextEN:  "check DNS and network; repeating is harmless because nothing was sent",
		NextZH:  "请检查 DNS 与网络;请求未发出,可安全重试",
	}
	lostExplanation = Explanation{
		Class:   ClassUnknown,
		CauseEN: "the call was sent and no complete answer was read",
		CauseZH: "请求已发出,但未读到完整应答",
		NextEN:  "find out what happened before repeating; it may have taken effect",
		NextZH:  "请先核实结果再决定是否重试,该请求可能已生效",
	}
	oddExplanation = Explanation{
		Class:   ClassUnknown,
		CauseEN: "WeChat answered in a way that no page describes",
		CauseZH: "微信的应答不在文档描述之内",
		NextEN:  "delete nothing and look at the HTTP status",
		NextZH:  "不要删除任何授权,请查看 HTTP 状态码",
	}
)
