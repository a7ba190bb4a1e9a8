package wechat

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// maxAnswer bounds the body of a typed call that says nothing else.
const maxAnswer int64 = 1 << 20

// pair is one query parameter. Queries are written in the order of WeChat's
// pages.
type pair struct{ key, value string }

// encodePairs writes a query, each value escaped exactly once.
func encodePairs(pairs []pair) string {
	parts := make([]string, len(pairs))
	for i, p := range pairs {
		parts[i] = p.key + "=" + url.QueryEscape(p.value)
	}
	return strings.Join(parts, "&")
}

// get prepares a GET with a query.
func get(path string, secrets []secret.Value, pairs ...pair) *wire {
	return &wire{
		kind: KindOf(path), method: http.MethodGet, path: path,
		query: encodePairs(pairs), secrets: secrets,
	}
}

// postJSON prepares a POST with a JSON body. WeChat wants neither HTML
// escapes nor an empty body.
func postJSON(path string, secrets []secret.Value, in any) (*wire, error) {
	w := &wire{kind: KindOf(path), method: http.MethodPost, path: path, secrets: secrets}
	if in == nil {
		in = struct{}{}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(in); err != nil {
		return nil, w.refuse("the body cannot be written as JSON (%T); correct its type", in)
	}
	w.payload = bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	w.header = http.Header{"Content-Type": {"application/json"}}
	return w, nil
}

// ask sends w and returns the answer's members, or an error for everything
// that is not a complete answer without errcode.
func (c *Client) ask(ctx context.Context, w *wire) (object, Meta, error) {
	body, meta, err := c.fetch(ctx, w)
	if err != nil {
		return nil, meta, err
	}
	o, err := w.judge(&meta, body)
	return o, meta, err
}

// fetch sends w and reads the whole answer within the timeout.
func (c *Client) fetch(ctx context.Context, w *wire) ([]byte, Meta, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, deadlineError(c.timeout))
	defer cancel()
	res, meta, err := c.send(ctx, w)
	if err != nil {
		return nil, meta, err
	}
	defer res.Body.Close() //nolint:errcheck // nothing to do about it
	limit := cmp.Or(w.limit, maxAnswer)
	body, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, meta, w.cutOff(ctx, meta, body, err)
	}
	if int64(len(body)) > limit {
		err := fmt.Errorf("%w: the answer is longer than %d bytes", ErrMalformed, limit)
		return nil, meta, w.fail(OutcomeUnknown, meta, err)
	}
	return body, meta, nil
}

// cutOff judges an answer that broke off. An errcode in what did arrive is a
// verdict all the same.
func (w *wire) cutOff(ctx context.Context, meta Meta, body []byte, err error) *Error {
	if head := scanHead(sanitise(body)); head.Code != 0 {
		return w.answered(meta, head.Code, head.Message)
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return w.fail(OutcomeUnknown, meta, fmt.Errorf("%w: the answer broke off: %w", ErrMalformed, err))
}

// judge decides what a body says. An errcode is a verdict whatever the
// HTTP status; without one only 200 is a success.
func (w *wire) judge(meta *Meta, body []byte) (object, error) {
	o, err := parseObject(body)
	if err != nil {
		if head := scanHead(sanitise(body)); head.Code != 0 {
			return nil, w.answered(*meta, head.Code, head.Message)
		}
		return nil, w.unreadable(*meta, body, err)
	}
	code, err := o.integer("errcode")
	if err != nil {
		return nil, w.fail(OutcomeUnknown, *meta, err)
	}
	if code != 0 {
		return nil, w.answered(*meta, int(code), o.text("errmsg"))
	}
	meta.RID = RID(o.text("errmsg"))
	if meta.HTTPStatus != http.StatusOK {
		return nil, w.unreadable(*meta, body, fmt.Errorf("%w: no errcode", ErrMalformed))
	}
	return o, nil
}

// unreadable classes an answer without errcode by its HTTP status. A 4xx is
// a refusal; anything else may have taken effect before the edge spoiled it.
func (w *wire) unreadable(meta Meta, body []byte, err error) *Error {
	if len(bytes.TrimSpace(body)) == 0 {
		err = fmt.Errorf("%w: the body is empty", ErrMalformed)
	}
	if meta.HTTPStatus >= 400 && meta.HTTPStatus < 500 {
		return w.fail(OutcomeAnswered, meta, err)
	}
	if meta.HTTPStatus >= 300 && meta.HTTPStatus < 400 {
		err = fmt.Errorf("%w: a redirect, which is never followed", ErrMalformed)
	}
	return w.fail(OutcomeUnknown, meta, err)
}
