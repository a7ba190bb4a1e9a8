package zhanggui

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// apiHosts are where programs call WeChat: the usual name and those of single sites,
// by developers.weixin.qq.com/doc/offiaccount/Basic_Information/Interface_field_description.html.
var apiHosts = []string{"api.weixin.qq.com", "api2.weixin.qq.com", "sh.api.weixin.qq.com", "sz.api.weixin.qq.com", "hk.api.weixin.qq.com"}

// errForeign is for requests that are not for WeChat's API.
var errForeign = errors.New("this transport sends to api.weixin.qq.com only; give it a fallback for other hosts")

// Transport returns an http.RoundTripper for programs that were written to call
// WeChat: an SDK whose http.Client can be replaced works through the server with
// it, and never sees a token.
//
// A request to api.weixin.qq.com becomes a call of the shop: its access_token, whatever it
// is, is dropped, and the client key added. The answer's bytes are WeChat's; a
// refusal by the server is its problem document, with the errcode in the
// document where there is one.
//
// A request for a token (/cgi-bin/token, /cgi-bin/stable_token) is answered here, with
// a word that stands for one. Whatever secret was in it goes nowhere.
//
// A request to any other host goes to fallback as it is, without the key; with a
// nil fallback it is an error. So does the next request of a redirect.
func (c *Client) Transport(shopID string, fallback http.RoundTripper) http.RoundTripper {
	return &transport{c: &c.caller, shop: shopID, fallback: fallback}
}

type transport struct {
	c        *caller
	shop     string
	fallback http.RoundTripper
}

// RoundTrip implements http.RoundTripper. Its timeout is the request's own.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	host := strings.TrimSuffix(strings.ToLower(r.URL.Host), ":443")
	if r.URL.Scheme != "https" || r.URL.User != nil || !slices.Contains(apiHosts, host) {
		if t.fallback != nil {
			return t.fallback.RoundTrip(r)
		}
		return nil, t.refuse(r, errForeign)
	}
	if r.URL.Path == "/cgi-bin/token" || r.URL.Path == "/cgi-bin/stable_token" {
		_ = closeBody(r) // what it says does not matter here
		return standIn(r), nil
	}
	out, err := t.rewrite(r)
	if err != nil {
		return nil, t.refuse(r, err)
	}
	res, err := t.c.send(out)
	if err != nil {
		return nil, err
	}
	res.Request = r // the one that was sent carries the key
	return res, nil
}

// rewrite makes a call of the shop from a request to WeChat. r stays as it is.
func (t *transport) rewrite(r *http.Request) (*http.Request, error) {
	if !plain(t.shop) {
		return nil, fmt.Errorf("%w: %q is no shop's short id", ErrInput, t.shop)
	}
	if !plainPath(r.URL.Path) || r.URL.RawPath != "" {
		return nil, fmt.Errorf("%w: the path is not made of plain segments", ErrInput)
	}
	query, err := withoutToken(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	out := r.Clone(r.Context())
	u := *t.c.base
	u.Path += "/wx/" + t.shop + r.URL.Path
	u.RawQuery = query
	out.URL, out.Host, out.GetBody = &u, "", nil
	for _, name := range []string{"Authorization", "Cookie", "Proxy-Authorization"} {
		out.Header.Del(name)
	}
	if out.Body == nil || out.Body == http.NoBody {
		forbidRepeat(out)
	}
	return out, nil
}

// withoutToken drops the pairs of a query whose keys speak of an access token, and
// leaves the others byte for byte.
func withoutToken(raw string) (string, error) {
	var kept []string
	for pair := range strings.SplitSeq(raw, "&") {
		key, _, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(key)
		if err != nil {
			return "", fmt.Errorf("%w: the query does not parse", ErrInput)
		}
		if key = strings.ToLower(key); pair != "" && key != "access_token" && key != "component_access_token" {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&"), nil
}

// refuse closes what the request would have sent.
func (t *transport) refuse(r *http.Request, err error) error {
	return errors.Join(unsent(r.Method+" "+secret.URL(r.URL), err), closeBody(r))
}

func closeBody(r *http.Request) error {
	if r.Body == nil {
		return nil
	}
	return r.Body.Close()
}

// standInAnswer is the shape of WeChat's token endpoints:
// developers.weixin.qq.com/doc/store/shop/API/basics/getStableAccessToken.
const standInAnswer = `{"access_token":"kept-by-zhanggui","expires_in":7200}`

// standIn answers a request for a token.
func standIn(r *http.Request) *http.Response {
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json; encoding=utf-8"}}, ContentLength: int64(len(standInAnswer)),
		Body: io.NopCloser(bytes.NewReader([]byte(standInAnswer))),
	}
}
