package shop

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/zhanggui/zhanggui/wechat"
)

// Doer sends calls. A [wechat.Client] is one; tests bring their own.
type Doer interface {
	// CallJSON sends in as JSON and decodes the answer into out, as
	// [wechat.Client.CallJSON] does.
	CallJSON(ctx context.Context, r wechat.Request, in, out any) (wechat.Meta, error)
	// Call sends r and returns the answer as a stream.
	Call(ctx context.Context, r wechat.Request) (*wechat.Response, error)
}

// TokenSource hands out the shop's access token. It is asked before every
// call and caches by itself; several goroutines ask at once.
type TokenSource interface {
	ShopToken(ctx context.Context) (wechat.ShopToken, error)
}

// TokenFunc is a function as a [TokenSource].
type TokenFunc func(ctx context.Context) (wechat.ShopToken, error)

// ShopToken calls f.
func (f TokenFunc) ShopToken(ctx context.Context) (wechat.ShopToken, error) { return f(ctx) }

// Client calls the APIs of one shop. Make one with [New] or [NewGateway].
type Client struct {
	doer   Doer
	tokens TokenSource
}

// New returns a Client that sends by doer with tokens of tokens. Without
// tokens the calls carry none: something on the way adds it.
func New(doer Doer, tokens TokenSource) *Client { return &Client{doer: doer, tokens: tokens} }

// maxAnswer bounds a JSON answer. The tree of categories with their
// qualifications is the longest, a few MiB.
const maxAnswer = 32 << 20

// Call posts req as JSON to any shop API and decodes the answer into a Res. It
// is for paths that have no method here, and for answers of which you need other
// members:
//
//	favorites, err := shop.Call[struct {
//		Count shop.Int `json:"count"`
//	}](ctx, client, "/channels/ec/favorites/count/get", struct{}{})
//
// path is WeChat's own, with leading slash and without query. The types of this
// package read what WeChat sends more patiently than Go's own do. A member errcode
// need not be in Res: it became the error.
func Call[Res, Req any](ctx context.Context, c *Client, path string, req Req) (Res, error) {
	var res Res
	err := c.send(ctx, wechat.Request{Path: path}, req, &res)
	return res, err
}

// Get is [Call] for the few paths that want GET: query may be nil.
func Get[Res any](ctx context.Context, c *Client, path string, query url.Values) (Res, error) {
	var res Res
	err := c.send(ctx, wechat.Request{Method: http.MethodGet, Path: path, RawQuery: query.Encode()}, nil, &res)
	return res, err
}

// none is the answer of a call that answers with its errcode only, and the
// body of one that asks for nothing.
type none struct{}

// post is Call where the answer says nothing more.
func post(ctx context.Context, c *Client, path string, req any) error {
	_, err := Call[none](ctx, c, path, req)
	return err
}

// send fills in the token and sends r.
func (c *Client) send(ctx context.Context, r wechat.Request, in, out any) error {
	r, err := c.ready(ctx, r)
	if err != nil {
		return err
	}
	_, err = c.doer.CallJSON(ctx, r, in, out)
	return err
}

// ready adds what every request carries.
func (c *Client) ready(ctx context.Context, r wechat.Request) (wechat.Request, error) {
	r.MaxAnswer = maxAnswer
	if c.tokens == nil {
		return r, nil
	}
	token, err := c.tokens.ShopToken(ctx)
	if err != nil {
		return r, fmt.Errorf("shop: no token for %s: %w", r.Path, err)
	}
	r.Token = token
	return r, nil
}

// missing is the error for an answer that succeeded and lacks what it is for.
// Whatever the call did, it did.
func missing(path, member string) error {
	return &wechat.Error{
		Op: "POST " + path, Kind: wechat.KindOf(path), HTTPStatus: http.StatusOK,
		Err: fmt.Errorf("%w: %s is missing", wechat.ErrMalformed, member),
	}
}
