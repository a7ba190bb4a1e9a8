package zhanggui

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
	"github.com/zhanggui/zhanggui/wechat/shop"
)

// Shop is one shop as a program calls it. It may be used by many goroutines.
type Shop struct {
	c    *caller
	name string
}

// Shop returns the shop with a short id. Whether it is there, and the client's, the
// first call tells.
func (c *Client) Shop(id string) *Shop { return &Shop{&c.caller, id} }

// API returns the shop's typed calls. A refusal by the server is a
// *[shop.GatewayError] there.
func (s *Shop) API() (*shop.Client, error) {
	return shop.NewGateway(shop.GatewayConfig{URL: s.c.base.String(), Shop: s.name, Key: s.c.key, Transport: s.c.rt, Timeout: s.c.timeout})
}

// Call is a call of one of WeChat's paths.
type Call struct {
	// Method is GET or POST; POST with a body and GET without when empty.
	Method string
	// Path is WeChat's own, such as /channels/ec/order/get.
	Path string
	// Query needs no access_token.
	Query url.Values
	// Header is sent along; Content-Type is all that most calls need.
	Header http.Header
	// Body is sent as a stream and not closed.
	Body io.Reader
	// Size of Body in bytes; 0 when it is not known. The server repeats a call
	// whose token was dead only when it knows a small size.
	Size int64
}

// Get calls a path without a body. query may be nil.
func (s *Shop) Get(ctx context.Context, path string, query url.Values) (*Answer, error) {
	return s.Do(ctx, Call{Path: path, Query: query})
}

// Post sends in as JSON to a path; nil is sent as {}, because WeChat refuses an empty
// body.
func (s *Shop) Post(ctx context.Context, path string, in any) (*Answer, error) {
	if in == nil {
		in = struct{}{}
	}
	req := &http.Request{Method: http.MethodPost, URL: &url.URL{Path: path}, Header: http.Header{}}
	if err := setJSON(req, in); err != nil {
		return nil, err
	}
	return s.Do(ctx, Call{Path: path, Header: req.Header, Body: req.Body, Size: req.ContentLength})
}

// Do sends a call and returns the answer as soon as it begins. An errcode of
// WeChat's is no error here: see [Answer.Err]. A refusal by the server is an
// *[Error]. The caller closes the answer's body.
func (s *Shop) Do(ctx context.Context, call Call) (*Answer, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	alarm := time.AfterFunc(s.c.timeout, func() { cancel(errLate(s.c.timeout)) })
	a, err := s.answer(ctx, call)
	alarm.Stop()
	if err != nil {
		cancel(nil)
		return nil, err
	}
	a.Body = &closing{a.Body, func() { cancel(nil) }}
	return a, nil
}

func (s *Shop) answer(ctx context.Context, call Call) (*Answer, error) {
	req, err := s.request(ctx, call)
	if err != nil {
		return nil, err
	}
	res, err := s.c.send(req)
	if err != nil {
		return nil, err
	}
	op := req.Method + " " + call.Path
	if kindOf(res) == "application/problem+json" && res.StatusCode >= 400 {
		defer res.Body.Close() //nolint:errcheck // nothing to do about it
		return nil, refused(op, res)
	}
	return answerOf(op, call.Path, res), nil
}

func (s *Shop) request(ctx context.Context, call Call) (*http.Request, error) {
	method := call.Method
	if method == "" {
		method = http.MethodGet
		if call.Body != nil {
			method = http.MethodPost
		}
	}
	if !plain(s.name) {
		return nil, unsent(method+" "+call.Path, fmt.Errorf("%w: %q is no shop's short id", ErrInput, s.name))
	}
	if !plainPath(call.Path) {
		return nil, unsent(method+" "+call.Path, fmt.Errorf("%w: %q is no path of WeChat's", ErrInput, call.Path))
	}
	req, err := s.c.request(ctx, method, "/wx/"+s.name+call.Path, call.Query, nil)
	if err != nil {
		return nil, err
	}
	if call.Header != nil {
		req.Header = call.Header.Clone()
	}
	if call.Body != nil {
		req.Body, req.ContentLength = io.NopCloser(call.Body), call.Size
	}
	return req, nil
}

// closing does something more when a body is closed.
type closing struct {
	io.ReadCloser
	also func()
}

func (c *closing) Close() error {
	defer c.also()
	return c.ReadCloser.Close()
}

// Token is a kept access token of a shop.
type Token struct {
	Shop  string // its short id
	AppID string // WeChat's id of it
	Value secret.Value
	// ExpiresAt is when it ends, by the server's clock. WeChat may end it earlier.
	ExpiresAt time.Time
}

// Token takes a shop's access token out of the server, for a program that cannot call
// through it. The client needs the right token:export and a registered address;
// the owner is told. Prefer [Client.Transport]: a token that left cannot be taken
// back.
func (c *Client) Token(ctx context.Context, shopID string) (Token, error) {
	var t struct {
		Shop      string       `json:"shop"`
		AppID     string       `json:"appid"`
		Value     secret.Value `json:"access_token"`
		ExpiresAt time.Time    `json:"expires_at"`
	}
	path := one("/v1/shops", shopID, "token")
	err := c.do(ctx, http.MethodGet, path, nil, nil, &t)
	if err == nil && t.Value.IsZero() {
		err = &Error{Op: "GET " + path, Status: http.StatusOK, Err: ErrAnswer, Cause: "The answer has no token.", CauseZH: "应答中没有令牌。",
			Next: "Check that the address is the server's.", NextZH: "请确认地址指向掌柜服务器。"}
	}
	return Token(t), err
}

// Answer is what WeChat answered, with what the server says of it. Body and Header
// are WeChat's own.
type Answer struct {
	Status  int // of HTTP
	Header  http.Header
	Errcode int    // in the head of the body; 0 is success, and what lies too deep to be seen
	RID     string // WeChat's request id
	Cause   string // what the errcode means, in a few words; of a good answer, why the call was repeated
	Attempt int    // how often WeChat was asked
	Request string // the server's id of the request
	// Body yields WeChat's bytes unchanged, as they come.
	Body io.ReadCloser

	op, path string
}

// Err returns the errcode in the head of the answer as an *[Error], and one for an
// HTTP status that is no success. It reads nothing of Body.
func (a *Answer) Err() error {
	switch {
	case a.Errcode != 0:
		return a.failed(a.Errcode, "")
	case a.Status < 200 || a.Status > 299:
		return &Error{Op: a.op, Status: a.Status, Request: a.Request, Outcome: wechat.OutcomeUnknown,
			Cause: "WeChat answered with a status of HTTP only.", CauseZH: "微信仅返回了 HTTP 状态码。",
			Next: "Try again later; look before you repeat a call that writes.", NextZH: "请稍后重试；写操作请先核实。"}
	}
	return nil
}

// failed is the error of an errcode, in WeChat's words and ours.
func (a *Answer) failed(code int, message string) *Error {
	kind := wechat.KindOf(a.path)
	x := wechat.Explain(kind, code)
	return &Error{
		Op: a.op, Status: a.Status, Errcode: code, RID: a.RID, Cause: x.CauseEN, CauseZH: x.CauseZH, Next: x.NextEN, NextZH: x.NextZH,
		Request: a.Request, Outcome: wechat.OutcomeAnswered,
		Err: &wechat.Error{Op: a.op, Kind: kind, Code: code, Message: message, RID: a.RID, HTTPStatus: a.Status, Outcome: wechat.OutcomeAnswered},
	}
}

// Decode reads an answer of JSON into out, which may be nil, and closes it. An
// errcode is an *[Error], also when the answer's head did not tell it.
func (a *Answer) Decode(out any) error {
	defer a.Body.Close() //nolint:errcheck // it was read, or is not wanted
	b, err := readAll(a.Body)
	if err != nil {
		return &Error{Op: a.op, Status: a.Status, Request: a.Request, Err: secret.Scrub(err), Cause: "The answer broke off.", CauseZH: "应答中断。",
			Next: "Whether the call took effect is not known: look before you repeat one that writes.", NextZH: "调用是否生效未知：写操作请先核实再重试。"}
	}
	var verdict struct {
		Errcode int    `json:"errcode"`
		Errmsg  string `json:"errmsg"`
	}
	bad := json.Unmarshal(b, &verdict)
	switch {
	case bad == nil && verdict.Errcode != 0:
		a.RID = wechat.RID(verdict.Errmsg)
		return a.failed(verdict.Errcode, verdict.Errmsg)
	case a.Err() != nil:
		return a.Err()
	case bad == nil && out != nil:
		bad = json.Unmarshal(b, out)
	}
	if bad != nil {
		return &Error{Op: a.op, Status: a.Status, Request: a.Request, Err: fmt.Errorf("%w: %w", ErrAnswer, bad), Cause: "The answer is not the JSON that was wanted.",
			CauseZH: "应答不是所需的 JSON。", Next: "Read Body as it is, or decode into another type.", NextZH: "请直接读取 Body，或解码到其他类型。"}
	}
	return nil
}
