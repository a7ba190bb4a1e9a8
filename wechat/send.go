package wechat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// errArgument marks a call that was refused before anything was sent,
// because it could not have worked.
var errArgument = errors.New("the request is not complete")

// wire is a request ready to be sent, whatever the host will be.
type wire struct {
	kind    EndpointKind
	method  string
	path    string
	query   string
	header  http.Header
	payload []byte    // a body in memory, or
	body    io.Reader // a body that can be read once
	size    int64     // of body; -1 when not known
	limit   int64     // of the answer; maxAnswer when zero
	secrets []secret.Value
}

// maxMessage bounds what is kept of an errmsg.
const maxMessage = 1024

// op names the request in errors and logs.
func (w *wire) op() string { return w.method + " " + w.path }

// refuse returns an error for a request that is not sent.
func (w *wire) refuse(format string, args ...any) *Error {
	return &Error{
		Op: w.op(), Kind: w.kind, Outcome: OutcomeNotSent,
		Err: fmt.Errorf("%w: "+format, append([]any{errArgument}, args...)...),
	}
}

// fail returns an error about a request that was sent, or was to be.
func (w *wire) fail(outcome Outcome, meta Meta, err error) *Error {
	return &Error{
		Op: w.op(), Kind: w.kind, Outcome: outcome, HTTPStatus: meta.HTTPStatus, RID: meta.RID,
		Err: secret.Scrub(err, w.secrets...),
	}
}

// answered returns an error for an errcode that WeChat sent.
func (w *wire) answered(meta Meta, code int, message string) *Error {
	rid := RID(message)
	message = secret.Mask(message, w.secrets...)
	message = strings.ToValidUTF8(message[:min(len(message), maxMessage)], "")
	return &Error{
		Op: w.op(), Kind: w.kind, Outcome: OutcomeAnswered, HTTPStatus: meta.HTTPStatus,
		Code: code, Message: message, RID: rid,
	}
}

// send asks one API host after the other until one accepts the connection.
// A host is left only when nothing was sent to it.
func (c *Client) send(ctx context.Context, w *wire) (*http.Response, Meta, error) {
	meta := Meta{RequestStart: c.now()}
	if err := context.Cause(ctx); err != nil {
		return nil, meta, w.fail(OutcomeNotSent, meta, err)
	}
	body := &onceBody{r: w.body}
	var failure *Error
	for _, host := range c.hostsInOrder() {
		res, outcome, err := c.attempt(ctx, host.base, w, body)
		if err == nil {
			host.restUntil.Store(0)
			meta.HTTPStatus = res.StatusCode
			meta.ServerDate, _ = http.ParseTime(res.Header.Get("Date"))
			return res, meta, nil
		}
		failure = w.fail(outcome, meta, err)
		if outcome != OutcomeNotSent || body.touched.Load() || ctx.Err() != nil {
			return nil, meta, failure
		}
		c.rest(host)
	}
	return nil, meta, failure
}

// attempt sends w to one host. There is no http.Client in between: it would
// follow redirects, and it would put the URL with its secrets into errors.
func (c *Client) attempt(ctx context.Context, base *url.URL, w *wire, body *onceBody) (*http.Response, Outcome, error) {
	var watch sentWatch
	req, err := c.request(httptrace.WithClientTrace(ctx, watch.trace()), base, w, body)
	if err != nil {
		return nil, OutcomeNotSent, err
	}
	res, err := c.transport.RoundTrip(req)
	if err == nil {
		return res, OutcomeAnswered, nil
	}
	if cause := context.Cause(ctx); cause != nil && ctx.Err() != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return nil, watch.outcome(err), err
}

// request builds the http.Request for one host.
func (c *Client) request(ctx context.Context, base *url.URL, w *wire, body *onceBody) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, w.method, base.String(), nil)
	if err != nil {
		return nil, err
	}
	req.URL.Path += w.path
	req.URL.RawPath = ""
	req.URL.RawQuery = w.query
	if w.header != nil {
		req.Header = w.header.Clone()
	}
	switch {
	case w.payload != nil:
		setPayload(req, w.payload)
	case w.body != nil:
		req.Body, req.ContentLength = body, w.size
	case !w.kind.repeatable():
		forbidRepeat(req)
	}
	return req, nil
}

// setPayload gives req a body that net/http can start again. It does so for a
// POST only when not a byte of the request was written.
func setPayload(req *http.Request, payload []byte) {
	req.ContentLength = int64(len(payload))
	req.GetBody = func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(payload)), nil
	}
	req.Body, _ = req.GetBody()
}

// forbidRepeat keeps net/http from sending req again when a kept connection
// breaks: it repeats what has no body, and a GET that exchanges a code must
// not be repeated. A body that turns out empty sends the same bytes as
// none.
func forbidRepeat(req *http.Request) {
	if req.Method == http.MethodGet || req.Method == http.MethodHead {
		req.Body = io.NopCloser(strings.NewReader(""))
		req.ContentLength = -1
	}
}

// onceBody is a request body that can be offered to several hosts as long as
// none has read from it. The transport's Close is not passed on: the reader is
// the caller's.
type onceBody struct {
	r       io.Reader
	touched atomic.Bool
}

func (b *onceBody) Read(p []byte) (int, error) {
	b.touched.Store(true)
	return b.r.Read(p)
}

func (b *onceBody) Close() error { return nil }

// sentWatch learns from net/http whether a request may have left.
type sentWatch struct {
	asked, connected atomic.Bool
}

func (s *sentWatch) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { s.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { s.connected.Store(true) },
	}
}

// outcome judges a failed round trip. Once there was a connection, bytes may
// have left. A transport that reports nothing is believed only when the error
// itself says that there was no connection.
func (s *sentWatch) outcome(err error) Outcome {
	switch {
	case s.connected.Load():
		return OutcomeUnknown
	case s.asked.Load(), isDialError(err):
		return OutcomeNotSent
	}
	return OutcomeUnknown
}

// isDialError reports whether err is about getting a connection.
func isDialError(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	_, ok := errors.AsType[*net.DNSError](err)
	return ok
}

// deadlineError is the cause of a call that took longer than Config.Timeout.
type deadlineError time.Duration

func (d deadlineError) Error() string {
	return fmt.Sprintf("no answer within %v", time.Duration(d))
}

// Is makes errors.Is(err, context.DeadlineExceeded) true.
func (d deadlineError) Is(target error) bool { return target == context.DeadlineExceeded }

// Timeout makes the error a timeout for those who ask net.Error style.
func (d deadlineError) Timeout() bool { return true }
