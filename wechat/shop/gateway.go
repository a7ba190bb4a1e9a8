package shop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// GatewayConfig says how to reach a shop through a Zhanggui server.
type GatewayConfig struct {
	// URL is the server's address, like https://zhanggui.example.com.
	URL string
	// Shop is the shop's short id or appid.
	Shop string
	// Key is the client key that the operator gave you, zgc_….
	Key secret.Value
	// Transport sends requests; http.DefaultTransport when nil.
	Transport http.RoundTripper
	// Timeout bounds a call; [wechat.DefaultTimeout] when zero. The server may
	// use some of it to replace a dead token.
	Timeout time.Duration
}

// shopName is what a shop may be called in the gateway's paths.
var shopName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

// NewGateway returns a Client that calls a shop through a Zhanggui server. It
// fails for settings that cannot work and sends nothing.
func NewGateway(cfg GatewayConfig) (*Client, error) {
	if !shopName.MatchString(cfg.Shop) {
		return nil, errors.New("shop: the gateway needs a shop's short id or appid; the operator's list of shops names it")
	}
	if cfg.Key.IsZero() {
		return nil, errors.New("shop: the gateway needs a client key; the operator makes one with: zhanggui client create")
	}
	if cfg.Transport == nil {
		cfg.Transport = http.DefaultTransport
	}
	client, err := wechat.New(wechat.Config{
		Hosts:     wechat.Hosts{API: []string{strings.TrimSuffix(cfg.URL, "/") + "/wx/" + cfg.Shop}},
		Transport: bearer{next: cfg.Transport, key: cfg.Key},
		Timeout:   cfg.Timeout,
	})
	if err != nil {
		return nil, err
	}
	return New(gatewayDoer{client}, nil), nil
}

// bearer adds the client key to requests, and keeps the problem document of a
// refusal for the one who asked. The key is in no [wechat.Request], so that no error
// and no log of one can show it.
type bearer struct {
	next http.RoundTripper
	key  secret.Value
}

// RoundTrip sends a copy of r that carries the key.
func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.key.RevealString())
	res, err := b.next.RoundTrip(r)
	if err == nil {
		keepProblem(r.Context(), res)
	}
	return res, err
}

// maxProblem bounds a problem document.
const maxProblem = 64 << 10

// slotKey finds the place for a refusal in a context.
type slotKey struct{}

// keepProblem reads a problem document aside and puts the bytes back.
func keepProblem(ctx context.Context, res *http.Response) {
	slot, ok := ctx.Value(slotKey{}).(*GatewayError)
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if !ok || kind != "application/problem+json" {
		return
	}
	head, err := io.ReadAll(io.LimitReader(res.Body, maxProblem))
	rest := io.MultiReader(bytes.NewReader(head), &failing{err: err, rest: res.Body})
	res.Body = struct {
		io.Reader
		io.Closer
	}{rest, res.Body}
	var p problem
	if err != nil || json.Unmarshal(head, &p) != nil || p.Code == "" {
		return
	}
	p.fill(slot, res)
}

// failing repeats the error that reading ahead met, or reads on.
type failing struct {
	err  error
	rest io.Reader
}

func (f *failing) Read(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return f.rest.Read(p)
}

// problem is what we read of an RFC 9457 document of the gateway's.
type problem struct {
	Code     string `json:"code"`
	Cause    string `json:"cause"`
	CauseZH  string `json:"cause_zh"`
	Next     string `json:"next"`
	NextZH   string `json:"next_zh"`
	Instance string `json:"instance"`
}

func (p problem) fill(e *GatewayError, res *http.Response) {
	*e = GatewayError{
		Status: res.StatusCode, Code: p.Code, Cause: p.Cause, CauseZH: p.CauseZH, Next: p.Next, NextZH: p.NextZH,
		Request: strings.TrimPrefix(p.Instance, "urn:zhanggui:request:"),
	}
	if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
}

// GatewayError is a refusal by a Zhanggui gateway: the call did not go to
// WeChat, or its answer did not come back. [wechat.OutcomeOf] tells which is
// possible.
type GatewayError struct {
	Status         int           // of HTTP
	Code           string        // a short name of the reason, such as key-unknown
	Cause, CauseZH string        // what happened, in both languages
	Next, NextZH   string        // what to do next
	RetryAfter     time.Duration // when asking again makes sense; 0 when the gateway did not say
	Request        string        // the gateway's id of the request, for its operator
	Err            error         // the *[wechat.Error] of the call
}

// Error returns cause and next step, in English.
func (e *GatewayError) Error() string {
	return fmt.Sprintf("shop: the gateway refused the call (HTTP %d, %s): %s %s", e.Status, e.Code, e.Cause, e.Next)
}

// Unwrap returns the error of the call.
func (e *GatewayError) Unwrap() error { return e.Err }

// gatewayDoer turns problem documents into errors that say what they say.
type gatewayDoer struct{ *wechat.Client }

// CallJSON calls, and explains a refusal.
func (g gatewayDoer) CallJSON(ctx context.Context, r wechat.Request, in, out any) (wechat.Meta, error) {
	slot := &GatewayError{}
	meta, err := g.Client.CallJSON(context.WithValue(ctx, slotKey{}, slot), r, in, out)
	return meta, explained(slot, err)
}

// Call calls, and returns a refusal as an error.
func (g gatewayDoer) Call(ctx context.Context, r wechat.Request) (*wechat.Response, error) {
	slot := &GatewayError{}
	res, err := g.Client.Call(context.WithValue(ctx, slotKey{}, slot), r)
	if err != nil || slot.Code == "" {
		return res, explained(slot, err)
	}
	defer res.Body.Close() //nolint:errcheck // nothing to do about it
	return nil, explained(slot, res.Err())
}

// explained puts the refusal around err, if there was one.
func explained(slot *GatewayError, err error) error {
	if err == nil || slot.Code == "" {
		return err
	}
	slot.Err = err
	return slot
}
