package zhanggui

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// maxAnswer bounds an answer that is read as a whole.
const maxAnswer = 64 << 20

// caller sends requests to the one server. It is never changed after it is made.
type caller struct {
	base    *url.URL
	key     secret.Value
	rt      http.RoundTripper
	timeout time.Duration
	plain   bool
}

// errLate is the cause of a call that took longer than its timeout.
type errLate time.Duration

func (e errLate) Error() string { return fmt.Sprintf("no answer within %v", time.Duration(e)) }

// Is makes errors.Is(err, context.DeadlineExceeded) true.
func (e errLate) Is(target error) bool { return target == context.DeadlineExceeded }

// request makes a request without the key. path is plain: see [plainPath].
func (c *caller) request(ctx context.Context, method, path string, query url.Values, body io.Reader) (*http.Request, error) {
	if !plainPath(path) {
		return nil, unsent(method+" "+path, fmt.Errorf("%w: %q is no path of plain segments", ErrInput, path))
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base.String()+path, body)
	if err != nil {
		return nil, unsent(method+" "+path, fmt.Errorf("%w: %w", ErrInput, err))
	}
	req.URL.RawQuery = query.Encode()
	if body == nil {
		forbidRepeat(req)
	}
	return req, nil
}

// forbidRepeat keeps net/http from sending req again when a kept connection breaks.
// It repeats what has no body; a body that turns out to be empty sends the same
// bytes, and is not repeated.
func forbidRepeat(req *http.Request) {
	if req.Method == http.MethodGet || req.Method == http.MethodHead {
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader("")), -1
	}
}

// send adds the key and sends. There is no http.Client in between: it would follow
// redirects, and put URLs into errors.
func (c *caller) send(req *http.Request) (*http.Response, error) {
	req.Header.Set("Authorization", "Bearer "+c.key.RevealString())
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "zhanggui-go/"+Version)
	}
	op := req.Method + " " + req.URL.Path
	res, err := c.rt.RoundTrip(req)
	if err == nil {
		return res, nil
	}
	if cause := context.Cause(req.Context()); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return nil, lost(op, secret.Scrub(err, c.key))
}

// do sends in as JSON and decodes the answer into out; either may be nil.
func (c *caller) do(ctx context.Context, method, path string, query url.Values, in, out any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, errLate(c.timeout))
	defer cancel()
	return c.try(ctx, method, path, query, "", in, out)
}

// try is do without a timeout, with an Idempotency-Key unless that is empty.
func (c *caller) try(ctx context.Context, method, path string, query url.Values, key string, in, out any) error {
	req, err := c.request(ctx, method, path, query, nil)
	if err != nil {
		return err
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	if in != nil {
		if err := setJSON(req, in); err != nil {
			return err
		}
	}
	res, err := c.send(req)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // it was read, or is not wanted
	return c.read(req.Method+" "+path, res, out)
}

// create is ask for what makes something, whose answer may show a key this once. When
// the answer is lost the request is sent once more, with the same Idempotency-Key: the
// server gives the same answer, and makes nothing twice.
func create[T any](ctx context.Context, c *caller, path string, query url.Values, in any) (T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, errLate(c.timeout))
	defer cancel()
	var out T
	key := rand.Text()
	err := c.try(ctx, http.MethodPost, path, query, key, in, &out)
	if e, ok := errors.AsType[*Error](err); ok && e.answerLost() && ctx.Err() == nil {
		err = c.try(ctx, http.MethodPost, path, query, key, in, &out)
	}
	return out, err
}

// ask is do for an answer of one type.
func ask[T any](ctx context.Context, c *caller, method, path string, query url.Values, in any) (T, error) {
	var out T
	err := c.do(ctx, method, path, query, in, &out)
	return out, err
}

// setJSON gives a request a body.
func setJSON(req *http.Request, in any) error {
	b, err := json.Marshal(in)
	if err != nil {
		return unsent(req.Method+" "+req.URL.Path, fmt.Errorf("%w: %w", ErrInput, err))
	}
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
	req.GetBody = nil
	req.Header.Set("Content-Type", "application/json")
	return nil
}

// read judges an answer of the server's own and decodes it.
func (c *caller) read(op string, res *http.Response, out any) error {
	if res.StatusCode >= http.StatusMultipleChoices {
		return refused(op, res)
	}
	if out == nil || res.StatusCode == http.StatusNoContent {
		return nil
	}
	if kind := kindOf(res); kind != "application/json" {
		return malformed(op, res, fmt.Errorf("%w: it is %q, not JSON", ErrAnswer, kind))
	}
	b, err := readAll(res.Body)
	if err != nil {
		return malformed(op, res, secret.Scrub(err, c.key))
	}
	if err := json.Unmarshal(b, out); err != nil {
		return malformed(op, res, fmt.Errorf("%w: %w", ErrAnswer, err))
	}
	return nil
}

// readAll reads an answer of up to maxAnswer bytes.
func readAll(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxAnswer+1))
	if err == nil && len(b) > maxAnswer {
		err = fmt.Errorf("%w: it is longer than %d MiB", ErrAnswer, maxAnswer>>20)
	}
	return b, err
}

// kindOf is an answer's content type without parameters.
func kindOf(res *http.Response) string {
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	return kind
}

// one is the path of one thing of a list, or of what is done with it. An id that
// cannot be one makes a path that [caller.request] refuses.
func one(list, id, action string) string {
	path := list + "/" + url.PathEscape(id)
	if action != "" {
		path += "/" + action
	}
	return path
}

// plainPath tells whether every program on the way reads p alike: segments of
// letters, digits, '-' and '_'. All paths of WeChat's and of the server are so.
func plainPath(p string) bool {
	rest, ok := strings.CutPrefix(p, "/")
	for segment := range strings.SplitSeq(rest, "/") {
		ok = ok && plain(segment)
	}
	return ok
}

func plain(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}
