package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/wechat"
)

// call is one request on its way. It belongs to one goroutine, except for
// body.stream.
type call struct {
	g     *Gateway
	in    *http.Request
	own   http.Header // of our answer
	began time.Time

	client access.Client
	known  bool // client is somebody
	to     target
	body   upload
	route  route
	token  Token

	ctx    context.Context // ends with the call or when WeChat is too slow
	cancel context.CancelCauseFunc

	attempts int
	reached  bool // WeChat was connected to in the last attempt
	head     wechat.Head
	status   int // of WeChat's answer as passed on
	failed   error
}

var (
	errAnswerTimeout = errors.New("gateway: WeChat began an answer and did not go on in time")
	errStatus        = errors.New("gateway: WeChat's answer has a status that ends no answer")
	errNoToken       = errors.New("gateway: the keeper gave an empty token; report this")
)

// prepare gets the token and the way to WeChat.
func (c *call) prepare() error {
	var err error
	if c.route, err = c.g.routes.get(c.ctx, c.to.shop); err != nil {
		if errors.Is(err, access.ErrNotFound) {
			return c.refused(errShop())
		}
		return errStore(err)
	}
	c.token, err = c.g.Tokens.Token(c.ctx, c.to.shop)
	if err == nil && c.token.Value.IsZero() {
		err = errNoToken
	}
	if err != nil {
		return c.tokenProblem(err)
	}
	return nil
}

// outgoing is what is left of the caller's request for ReverseProxy: the
// method, the headers that may pass, a streamed body. A header named in the
// caller's Connection header is judged like any other, so nothing of ours can be
// stripped that way. A kept body is attached later, once for each attempt.
func (c *call) outgoing() *http.Request {
	in := c.in.WithContext(c.ctx)
	in.URL = &url.URL{Path: c.to.path}
	in.Header, in.Trailer = pickHeaders(in.Header), nil
	if c.body.stream == nil {
		in.Body, in.ContentLength, in.TransferEncoding = nil, 0, nil
	} else {
		in.Body = c.body.stream
	}
	return in
}

// RoundTrip implements http.RoundTripper for ReverseProxy: one attempt, and a
// second one with the next token if WeChat says that the first is dead.
func (c *call) RoundTrip(out *http.Request) (*http.Response, error) {
	res, err := c.attempt(out)
	dead := c.token.Generation
	if err != nil || !deadToken(c.head) || !c.renew() || !c.body.replayable() {
		return res, err
	}
	_ = res.Body.Close() // the refused answer was read as far as it matters
	res, err = c.attempt(out)
	c.judge(dead, err)
	return res, err
}

// deadToken tells whether WeChat refused the token itself.
func deadToken(h wechat.Head) bool {
	return h.Found && (h.Code == 40001 || h.Code == 40014 || h.Code == 42001)
}

// renew takes the next token in place of the dead one. When there is none, the
// caller gets WeChat's own words.
func (c *call) renew() bool {
	dead := c.token.Generation
	next, err := c.next()
	if err != nil || next.Value.IsZero() || next.Generation == dead {
		return false
	}
	c.token = next
	return true
}

// reportTimeout is the longest wait for what a report leads to. The keeper gives up
// before that.
const reportTimeout = 2 * time.Minute

// next reports the dead token and gives the next one. A path that says so of every
// token is not heard, but what is newer than its token is there for it too.
//
// The caller may leave meanwhile. The report is waited for all the same: a doubt
// that nobody settles would make the path stubborn at the next death.
func (c *call) next() (Token, error) {
	path, dead := at(c.to), c.token.Generation
	if !c.g.stubborn.believe(path, dead) {
		next, err := c.g.Tokens.Token(c.ctx, c.to.shop)
		if err == nil && next.Generation < dead {
			next = c.token
		}
		return next, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), reportTimeout)
	defer cancel()
	next, err := c.g.Tokens.Report(ctx, Complaint{
		Shop: c.to.shop, Generation: dead, ErrCode: c.head.Code, Client: c.client.ID,
	})
	switch {
	case ctx.Err() != nil: // a refresh may be under way without us
		c.g.stubborn.excuse(path, dead)
	case err != nil || next.Value.IsZero() || next.Generation == dead:
		c.g.stubborn.trust(path)
	}
	return next, err
}

// judge decides, after the second attempt, whether the path was right about the
// first token. An attempt that brought no answer says nothing.
func (c *call) judge(dead int64, err error) {
	switch path := at(c.to); {
	case err != nil:
		c.g.stubborn.excuse(path, dead)
	case deadToken(c.head):
		c.g.stubborn.condemn(path, c.token.Generation)
	default:
		c.g.stubborn.trust(path)
	}
}

// attempt asks each host in turn until one could be connected to.
func (c *call) attempt(out *http.Request) (res *http.Response, err error) {
	c.attempts++
	for _, base := range c.route.bases {
		req := out.WithContext(c.traced())
		u := *base
		u.Path, u.RawQuery = c.to.path, withToken(c.to.query, c.token.Value.RevealString())
		req.URL, req.Host, req.RequestURI = &u, base.Host, ""
		c.body.attach(req)
		res, err = c.ask(req)
		if err == nil || c.reached || c.ctx.Err() != nil {
			break
		}
	}
	return res, err
}

// traced is the context of one request to one host. It is not ReverseProxy's:
// that one would pass informational answers on, headers and all.
func (c *call) traced() context.Context {
	c.reached = false
	return httptrace.WithClientTrace(c.ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { c.reached = true },
	})
}

// ask sends one request and looks at the head of its answer. Trailers are left
// behind: WeChat's APIs have none, and they come when headers can no longer be
// judged. The transport fills them into the answer that it made, when its body
// ends, so what is passed on is a copy.
func (c *call) ask(req *http.Request) (*http.Response, error) {
	from, err := c.route.transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if !final(from.StatusCode) {
		_ = from.Body.Close()
		return nil, errStatus
	}
	res := new(*from)
	res.Trailer = nil
	timer := time.AfterFunc(c.g.AnswerTimeout, func() { c.cancel(errAnswerTimeout) })
	c.head, err = peek(res)
	if !timer.Stop() && err == nil {
		err = errAnswerTimeout
	}
	if err != nil {
		_ = res.Body.Close()
		return nil, err
	}
	if c.head.Found && c.head.Code == 0 {
		c.g.Tokens.Proved(c.to.shop, c.token.Generation)
	}
	return res, nil
}

// final tells whether status can end an answer. net/http reads any three digits
// and panics when it is to write those under 100. Nobody asked for 101.
func final(status int) bool { return status >= 200 && status <= 999 }

// dress finishes an answer before it is passed on.
func (c *call) dress(res *http.Response) error {
	c.status = res.StatusCode
	cleanAnswer(res.Header, c.token.Value)
	for name := range res.Header {
		c.own.Del(name) // WeChat's word counts, not both
	}
	if isRedirect(res) {
		dropBody(res)
	}
	c.closeIfUnread()
	setIfAny(c.own, headerAttempt, attempt(c.attempts))
	if !c.head.Found {
		return nil
	}
	c.own.Set(headerErrcode, strconv.Itoa(c.head.Code))
	setIfAny(c.own, headerRID, printable(c.head.RID))
	if c.head.Code != 0 {
		setIfAny(c.own, headerCause, printable(c.explain().CauseEN))
	}
	return nil
}

func isRedirect(res *http.Response) bool {
	return res.StatusCode/100 == 3 && res.StatusCode != http.StatusNotModified
}

// dropBody drops the note in a redirect: it repeats the URL, token and all.
func dropBody(res *http.Response) {
	_ = res.Body.Close()
	res.Body, res.ContentLength = http.NoBody, 0
	for _, name := range []string{"Content-Length", "Content-Type", "Content-Encoding"} {
		res.Header.Del(name)
	}
}

func (c *call) explain() wechat.Explanation {
	return wechat.Explain(wechat.KindOf(c.to.path), c.head.Code)
}

// printable gives s when it can stand in a header.
func printable(s string) string {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return ""
		}
	}
	return s
}

// observe counts the call, also one that is cut by a panic of ReverseProxy.
func (c *call) observe(err error) {
	if c.g.Metrics == nil {
		return
	}
	status, class := c.status, "none"
	switch {
	case err != nil:
		e := web.AsError(err)
		status, class = e.Status, e.Code
	case c.head.Found:
		class = c.explain().Class.String()
	}
	label := "other"
	if c.known {
		label = group(c.to.path)
	}
	c.g.Metrics.Observe(label, status, class, c.attempts, c.g.Now().Sub(c.began))
}
