package zhanggui

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/wechat"
)

var (
	// ErrInput marks a call that was not sent because it could not work. Test for
	// it with errors.Is.
	ErrInput = errors.New("the call is not right")
	// ErrAnswer marks an answer that is not what the server promises: a proxy's
	// page, cut JSON, too much of it.
	ErrAnswer = errors.New("the answer is not one of a Zhanggui server")
)

// Error is a call that failed: the server refused it, WeChat refused it, or its
// answer was lost. Find it with errors.AsType[*Error]. It holds no key.
type Error struct {
	Op     string // method and path
	Status int    // of HTTP; 0 when no answer began
	// Code is the server's short name of the reason, such as key-unknown; empty
	// when the server did not refuse.
	Code           string
	Errcode        int           // WeChat's, 0 if it did not speak
	RID            string        // WeChat's request id
	Rule           string        // which rule of the client refused
	Cause, CauseZH string        // what happened, in both languages
	Next, NextZH   string        // what to do next, in both languages
	Problems       []string      // what is wrong with an input, one by one
	RetryAfter     time.Duration // when to ask again; 0: the server did not say
	Request        string        // the server's id of the request, for its operator
	// Outcome tells whether the call may have taken effect.
	Outcome wechat.Outcome
	Err     error // what went wrong below; a *[wechat.Error] for an errcode
}

// Error returns one line that ends with what to do next.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "zhanggui: %s: ", e.Op)
	switch {
	case e.Errcode != 0:
		fmt.Fprintf(&b, "errcode %d: ", e.Errcode)
	case e.Code != "":
		fmt.Fprintf(&b, "HTTP %d, %s: ", e.Status, e.Code)
	case e.Status != 0:
		fmt.Fprintf(&b, "HTTP %d: ", e.Status)
	}
	b.WriteString(e.Cause)
	if e.Err != nil && e.Errcode == 0 {
		fmt.Fprintf(&b, " (%v)", e.Err)
	}
	for _, p := range e.Problems {
		b.WriteString("; " + p)
	}
	if e.Next != "" {
		b.WriteString(" " + e.Next)
	}
	return b.String()
}

// Unwrap returns what went wrong below.
func (e *Error) Unwrap() error { return e.Err }

// passing tells whether the same request may work later without anybody's help.
func (e *Error) passing() bool {
	return e.Status == 0 && !errors.Is(e.Err, ErrInput) || e.Status == http.StatusTooManyRequests ||
		e.Status >= 500 || e.Status == http.StatusOK && errors.Is(e.Err, ErrAnswer)
}

// answerLost tells whether the server may have answered in order, and the answer did not
// arrive whole.
func (e *Error) answerLost() bool {
	return e.Status < http.StatusMultipleChoices && e.Outcome == wechat.OutcomeUnknown
}

func unsent(op string, err error) *Error {
	return &Error{
		Op: op, Err: err, Outcome: wechat.OutcomeNotSent, Cause: "Nothing was sent.", CauseZH: "请求未发送。",
		Next: "Correct the call.", NextZH: "请修正调用。",
	}
}

func lost(op string, err error) *Error {
	e := &Error{
		Op: op, Err: err, Cause: "No answer came.", CauseZH: "未收到应答。",
		Next: "Whether the call took effect is not known: look before you repeat one that writes.", NextZH: "调用是否生效未知：写操作请先核实再重试。",
	}
	if isDialError(err) {
		e.Outcome, e.Cause, e.CauseZH = wechat.OutcomeNotSent, "The server was not reached.", "无法连接服务器。"
		e.Next, e.NextZH = "Check the address, and whether the server runs; then repeat.", "请检查地址以及服务器是否运行，然后重试。"
	}
	return e
}

func malformed(op string, res *http.Response, err error) *Error {
	e := &Error{
		Op: op, Status: res.StatusCode, Err: err, Cause: "The answer cannot be read.", CauseZH: "无法读取应答。",
		Next: "Check that the address is the server's and no proxy answers in its place.", NextZH: "请确认地址指向掌柜服务器，且没有代理代为应答。",
	}
	if res.StatusCode >= 400 && res.StatusCode < 500 {
		e.Outcome = wechat.OutcomeAnswered
	}
	return e
}

// maxProblem bounds a problem document.
const maxProblem = 256 << 10

// problem is an RFC 9457 document as the server writes it.
type problem struct {
	Title    string          `json:"title"`
	Detail   string          `json:"detail"`
	Code     string          `json:"code"`
	Errcode  int             `json:"errcode"`
	RID      string          `json:"rid"`
	Rule     string          `json:"rule"`
	Cause    string          `json:"cause"`
	CauseZH  string          `json:"cause_zh"`
	Next     string          `json:"next"`
	NextZH   string          `json:"next_zh"`
	Instance string          `json:"instance"`
	Problems json.RawMessage `json:"problems"`
}

// refused reads the server's refusal. What is none becomes an error too.
func refused(op string, res *http.Response) *Error {
	if res.StatusCode < 400 {
		return malformed(op, res, fmt.Errorf("%w: it sends us elsewhere, where the key does not go", ErrAnswer))
	}
	if kindOf(res) != "application/problem+json" {
		return malformed(op, res, fmt.Errorf("%w: HTTP %d of kind %q", ErrAnswer, res.StatusCode, kindOf(res)))
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, maxProblem))
	var p problem
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil || p.Title == "" {
		return malformed(op, res, fmt.Errorf("%w: a problem without a title", ErrAnswer))
	}
	return p.error(op, res)
}

func (p problem) error(op string, res *http.Response) *Error {
	e := &Error{
		Op: op, Status: res.StatusCode, Code: p.Code, Errcode: p.Errcode, RID: p.RID, Rule: p.Rule, Cause: cmp.Or(p.Cause, p.Detail, p.Title),
		CauseZH: p.CauseZH, Next: p.Next, NextZH: p.NextZH, Request: strings.TrimPrefix(p.Instance, "urn:zhanggui:request:"),
	}
	_ = json.Unmarshal(p.Problems, &e.Problems) // of another form: the cause says enough
	if n, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && n > 0 {
		e.RetryAfter = time.Duration(n) * time.Second
	}
	if res.StatusCode < 500 || res.StatusCode == http.StatusServiceUnavailable {
		e.Outcome = wechat.OutcomeAnswered // without having been carried out
	}
	return e
}
