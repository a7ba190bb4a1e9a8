package wechat_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// What the requests of the tests carry.
const (
	appID     = "wx00000000000000a1"
	openID    = "o_demo_owner_0001"
	appSecret = "bait-app-secret-7Kf"
	loginCode = "bait-login-code-Qz2"
	userToken = "bait-user-token+/=9"
	refresher = "bait-refresh-token-4"
	shopToken = "bait-shop-token-8Xw"
)

// baits are the secrets that no error may show.
var baits = []string{appSecret, loginCode, userToken, refresher, shopToken, "bait"}

func noBait(t *testing.T, text string) {
	t.Helper()
	for _, bait := range baits {
		if strings.Contains(text, bait) {
			t.Errorf("a secret shows in: %s", text)
			return
		}
	}
}

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answering is a transport that always gives the same answer.
func answering(status int, contentType string, body io.Reader) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{}
		h.Set("Content-Type", contentType)
		h.Set("Date", "Sun, 01 Nov 2026 08:00:00 GMT")
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(body), Request: r}, nil
	}
}

// newClient returns a client that speaks to WeChat's default hosts by rt.
func newClient(t *testing.T, rt http.RoundTripper) *wechat.Client {
	t.Helper()
	c, err := wechat.New(wechat.Config{Transport: rt})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// clientOf returns a client that speaks to real servers on this machine.
func clientOf(t *testing.T, cfg wechat.Config, bases ...string) *wechat.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	cfg.Transport, cfg.Hosts.API = transport, bases
	c, err := wechat.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// serve starts a server that lives as long as the test.
func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// ask calls the typed method for a path, or Call for a path without one, and
// returns the fields of a success in the words of the vectors.
func ask(t *testing.T, c *wechat.Client, path string) (map[string]any, error) {
	t.Helper()
	ctx := t.Context()
	token := wechat.UserToken{Value: secret.FromString(userToken)}
	switch path {
	case "/sns/oauth2/access_token":
		g, err := c.ExchangeCode(ctx, appID, secret.FromString(appSecret), secret.FromString(loginCode))
		return userFields(g), err
	case "/sns/oauth2/refresh_token":
		g, err := c.RefreshUser(ctx, appID, wechat.UserRefreshToken{Value: secret.FromString(refresher)})
		return userFields(g), err
	case "/sns/userinfo":
		p, err := c.UserInfo(ctx, token, openID, "zh_CN")
		return profileFields(p), err
	case "/sns/auth":
		return map[string]any{}, c.CheckUser(ctx, token, openID)
	case "/sns/jscode2session":
		m, err := c.MiniLogin(ctx, appID, secret.FromString(appSecret), secret.FromString(loginCode))
		return miniFields(m), err
	case "/sns/component/jscode2session":
		m, err := c.ComponentMiniLogin(ctx, platform(), componentAppID, appID, secret.FromString(loginCode))
		return miniFields(m), err
	case "/cgi-bin/stable_token":
		g, err := c.StableToken(ctx, appID, secret.FromString(appSecret), false)
		return shopFields(g), err
	}
	if call, ok := platformCalls[path]; ok {
		f, err := call(ctx, c)
		return f.plain(t), err
	}
	_, err := c.CallJSON(ctx, wechat.Request{Path: path, Token: tokenFor(path)}, nil, nil)
	return map[string]any{}, err
}

// tokenFor returns the token that opens a path.
func tokenFor(path string) wechat.Token {
	switch wechat.KindOf(path) {
	case wechat.KindDataCall:
		return wechat.ShopToken{Value: secret.FromString(shopToken)}
	case wechat.KindComponent, wechat.KindMarket:
		return platform()
	}
	return nil
}

func miniFields(m *wechat.MiniLogin) map[string]any {
	fields := map[string]any{}
	if m != nil {
		put(fields, "openid", m.OpenID)
		put(fields, "unionid", m.UnionID)
	}
	return fields
}

func userFields(g *wechat.UserGrant) map[string]any {
	fields := map[string]any{}
	if g == nil {
		return fields
	}
	put(fields, "access_token", g.AccessToken.RevealString())
	put(fields, "refresh_token", g.RefreshToken.RevealString())
	put(fields, "openid", g.OpenID)
	put(fields, "unionid", g.UnionID)
	if g.ExpiresIn != 0 {
		fields["expires_in"] = g.ExpiresIn.Seconds()
	}
	if g.Snapshot {
		fields["snapshot"] = true
	}
	var scopes []any
	for _, s := range g.Scopes {
		scopes = append(scopes, string(s))
	}
	if scopes != nil {
		fields["scope"] = scopes
	}
	return fields
}

func profileFields(p *wechat.Profile) map[string]any {
	fields := map[string]any{}
	if p == nil {
		return fields
	}
	put(fields, "openid", p.OpenID)
	put(fields, "unionid", p.UnionID)
	put(fields, "nickname", p.Nickname)
	put(fields, "headimgurl", p.AvatarURL)
	var privilege []any
	for _, s := range p.Privilege {
		privilege = append(privilege, s)
	}
	if privilege != nil {
		fields["privilege"] = privilege
	}
	return fields
}

func shopFields(g *wechat.ShopGrant) map[string]any {
	fields := map[string]any{}
	if g == nil {
		return fields
	}
	put(fields, "access_token", g.Token.RevealString())
	fields["expires_in"] = g.ExpiresIn.Seconds()
	return fields
}

// put sets a field that is not empty.
func put(fields map[string]any, key, value string) {
	if value != "" {
		fields[key] = value
	}
}

// fixedNow is a clock that stands still.
func fixedNow(at time.Time) func() time.Time { return func() time.Time { return at } }
