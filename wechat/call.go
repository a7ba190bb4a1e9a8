package wechat

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Errors of answers that are complete but say the wrong thing.
var (
	errOtherPerson = fmt.Errorf("%w: the answer is about another openid", ErrMalformed)
	errNoVerdict   = fmt.Errorf("%w: errcode is missing", ErrMalformed)
)

// Request is a call to any API path.
type Request struct {
	// Method is GET or POST; empty means POST with a body and GET without.
	Method string
	// Path is WeChat's own, e.g. /channels/ec/order/get.
	Path string
	// RawQuery is passed on as it is, without leading "?". It must not hold
	// a token.
	RawQuery string
	// Header is sent along. Hop-by-hop and identity headers are the
	// caller's to remove.
	Header http.Header
	// Body is read at most once and not closed. The transport may read from
	// it until the response body is closed.
	Body io.Reader
	// ContentLength of Body; -1 when not known.
	ContentLength int64
	// Token goes into the query. Nil for the few calls that carry a secret
	// in their body instead.
	Token Token
	// Secrets are further values of the request that errors must not show.
	Secrets []secret.Value
	// Peek is how many bytes of the answer are looked at for an errcode:
	// see [Peek].
	Peek int
	// MaxAnswer bounds what CallJSON reads of an answer, in bytes; 1 MiB when
	// zero. The list of all categories is longer than that.
	MaxAnswer int64
}

// Response is an answer whose body is still on its way.
type Response struct {
	Meta
	Header http.Header
	// Head is what the first bytes of the body told.
	Head Head
	// Body yields WeChat's bytes unchanged. The caller closes it.
	Body io.ReadCloser

	wire *wire
}

// Err returns the answer's verdict as an *[Error]: nil for HTTP 200 without an
// errcode in the head. What comes after the head is not seen.
func (r *Response) Err() error {
	w := cmp.Or(r.wire, &wire{path: "(path)"}) // a Response may be made by hand, in tests
	switch {
	case r.Head.Code != 0:
		return w.answered(r.Meta, r.Head.Code, r.Head.Message)
	case r.HTTPStatus >= 200 && r.HTTPStatus < 300:
		return nil
	}
	return w.unreadable(r.Meta, []byte("-"), fmt.Errorf("%w: no errcode", ErrMalformed))
}

// Call sends a request and returns the answer as soon as its head is there,
// with the body still streaming. An errcode is not an error of Call: see
// [Response.Err]. The timeout covers the time until the head has arrived; after
// that ctx alone ends the stream.
func (c *Client) Call(ctx context.Context, r Request) (*Response, error) {
	w, err := c.wire(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	alarm := time.AfterFunc(c.timeout, func() { cancel(deadlineError(c.timeout)) })
	res, meta, err := c.send(ctx, w)
	if err != nil {
		alarm.Stop()
		cancel(nil)
		return nil, err
	}
	head, body := Peek(res.Body, r.Peek)
	alarm.Stop()
	head.Message = secret.Mask(head.Message, w.secrets...)
	meta.RID = head.RID
	stream := &stream{Reader: body, close: func() error { defer cancel(nil); return res.Body.Close() }}
	return &Response{Meta: meta, Header: res.Header, Head: head, Body: stream, wire: w}, nil
}

// CallJSON sends in as JSON and decodes the answer into out. A nil in is sent
// as {} by POST: WeChat refuses an empty body. Errors are as for the typed calls; a
// non-nil out is only touched by a success. Method, Body, ContentLength and
// Peek of r may be left empty; with Method GET nothing is sent. A Body goes
// with a nil in only: it is an upload, sent as it is under the Content-Type that
// r.Header names, within the timeout.
func (c *Client) CallJSON(ctx context.Context, r Request, in, out any) (Meta, error) {
	w, err := c.wireJSON(r, in)
	if err != nil {
		return Meta{}, err
	}
	body, meta, err := c.fetch(ctx, w)
	if err != nil {
		return meta, err
	}
	if _, err := w.judge(&meta, body); err != nil || out == nil {
		return meta, err
	}
	if err := json.Unmarshal(sanitise(body), out); err != nil {
		return meta, w.fail(OutcomeUnknown, meta, fmt.Errorf("%w: %w", ErrMalformed, err))
	}
	return meta, nil
}

// wireJSON prepares a call with a JSON body.
func (c *Client) wireJSON(r Request, in any) (*wire, error) {
	if r.Method == http.MethodGet {
		r.Body = nil
		return c.wire(r)
	}
	if in == nil && r.Body != nil {
		r.Method = http.MethodPost
		return c.wire(r)
	}
	post, err := postJSON(r.Path, r.Secrets, in)
	if err != nil {
		return nil, err
	}
	r.Method, r.Body = http.MethodPost, nil
	w, err := c.wire(r)
	if err != nil {
		return nil, err
	}
	w.header.Set("Content-Type", "application/json")
	w.payload = post.payload
	return w, nil
}

// stream is a response body and what to release at its end.
type stream struct {
	io.Reader
	close func() error
}

func (s *stream) Close() error { return s.close() }

// apiPath is what paths of WeChat look like. Nothing in it needs escaping, so
// a path cannot smuggle a query or climb out.
var apiPath = regexp.MustCompile(`^(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+/?$`)

// wire checks a Request and puts the token where WeChat wants it.
func (c *Client) wire(r Request) (*wire, error) {
	w := &wire{
		kind: KindOf(r.Path), method: r.Method, path: r.Path, query: r.RawQuery,
		header: r.Header.Clone(), body: r.Body, size: r.ContentLength, secrets: r.Secrets, limit: r.MaxAnswer,
	}
	if w.method == "" {
		w.method = defaultMethod(r.Body)
	}
	if !apiPath.MatchString(r.Path) {
		w.path = "(path)"
		return nil, w.refuse("the path must look like /channels/ec/order/get")
	}
	if w.method != http.MethodGet && w.method != http.MethodPost {
		return nil, w.refuse("WeChat knows GET and POST only")
	}
	if err := w.checkQuery(); err != nil {
		return nil, err
	}
	// net/http takes this header as leave to send a POST twice.
	if w.header == nil {
		w.header = make(http.Header)
	}
	w.header.Del("Idempotency-Key")
	w.header.Del("X-Idempotency-Key")
	return w, w.addToken(r.Token, c.tokenKey(r.Path))
}

func defaultMethod(body io.Reader) string {
	if body == nil {
		return http.MethodGet
	}
	return http.MethodPost
}

// checkQuery refuses a query that brings its own token: two tokens in one
// query are a way to be somebody else.
func (w *wire) checkQuery() error {
	values, err := url.ParseQuery(w.query)
	if err != nil {
		return w.refuse("the query cannot be parsed; escape each value once")
	}
	for key := range values {
		if k := strings.ToLower(key); k == "access_token" || k == "component_access_token" {
			return w.refuse("the query must not hold a token; put it into Token")
		}
	}
	return nil
}

// tokenKey returns the query key of a platform's token. The old market call
// knows the old spelling only.
func (c *Client) tokenKey(path string) string {
	if path == pathCheckServiceAuth {
		return "component_access_token"
	}
	return c.component
}

// addToken puts the token first into the query.
func (w *wire) addToken(t Token, componentKey string) error {
	if t == nil {
		return nil
	}
	token := t.value()
	if token.IsZero() {
		return w.refuse("the token is empty; fetch one first")
	}
	if !t.opens(w.kind, w.path) {
		return w.refuse("a %T does not open this %s call; use the token that belongs there", t, w.kind)
	}
	key := "access_token"
	if _, ok := t.(ComponentToken); ok {
		key = componentKey
	}
	query := key + "=" + url.QueryEscape(token.RevealString())
	if w.query != "" {
		query += "&" + w.query
	}
	w.query = query
	w.secrets = append([]secret.Value{token}, w.secrets...)
	return nil
}
