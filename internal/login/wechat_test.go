package login

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// answering is a transport that answers everything with one body.
type answering struct {
	body  string
	asked []url.URL
}

func (a *answering) RoundTrip(r *http.Request) (*http.Response, error) {
	a.asked = append(a.asked, *r.URL)
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/plain"}},
		Body: io.NopCloser(strings.NewReader(a.body)), Request: r,
	}, nil
}

func platformWith(t *testing.T, wire *answering, now time.Time) WeChat {
	t.Helper()
	c, err := wechat.New(wechat.Config{Transport: wire, Now: func() time.Time { return now }})
	must(t, err)
	return WeChat{Client: func(access.App) (*wechat.Client, error) { return c, nil }}
}

// The platform's answers arrive as a login reads them.
func TestWeChat(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	app := access.App{AppID: "wx00000000000000a1", Scope: "snsapi_base"}
	wire := &answering{body: `{"access_token":"A1","expires_in":7200,"refresh_token":"R1","openid":"o_demo_owner_0001","scope":"snsapi_base,snsapi_userinfo","unionid":"u_demo_0001"}`}
	p := platformWith(t, wire, now)
	a, err := p.ExchangeCode(t.Context(), app, secret.FromString("s"), secret.FromString("c"))
	must(t, err)
	if a.Access.RevealString() != "A1" || a.Refresh.RevealString() != "R1" || a.OpenID != openID || a.UnionID != union ||
		a.Scope != "snsapi_base,snsapi_userinfo" || a.Snapshot || !a.AccessExpires.Equal(now.Add(2*time.Hour)) {
		t.Errorf("%+v", a)
	}
	wire.body = `{"openid":"o_demo_owner_0001","is_snapshotuser":1}`
	if a, err := p.ExchangeCode(t.Context(), app, secret.FromString("s"), secret.FromString("c")); err != nil || !a.Snapshot {
		t.Errorf("snapshot: %+v %v", a, err)
	}
	wire.body = `{"openid":"o_demo_owner_0001","nickname":"小兰","headimgurl":"https://example.com/a"}`
	profile, err := p.UserInfo(t.Context(), app, secret.FromString("A1"), openID)
	if err != nil || profile.Nickname != "小兰" || profile.AvatarURL != "https://example.com/a" {
		t.Errorf("%+v %v", profile, err)
	}
	wire.body = `{"errcode":40029,"errmsg":"invalid code"}`
	if _, err := p.ExchangeCode(t.Context(), app, secret.FromString("s"), secret.FromString("c")); wechat.OutcomeOf(err) != wechat.OutcomeAnswered {
		t.Errorf("%v", err)
	}
	if _, err := p.UserInfo(t.Context(), app, secret.FromString("A1"), openID); err == nil {
		t.Error("an errcode is a profile")
	}
}

// Both doors ask with the app's own scope and our state.
func TestWeChatLinks(t *testing.T) {
	p := platformWith(t, &answering{}, time.Time{})
	app := access.App{AppID: "wx00000000000000a1", Scope: "snsapi_userinfo"}
	for path, make := range map[string]func(access.App, string, string) (string, error){
		"/connect/oauth2/authorize": p.AuthorizeURL, "/connect/qrconnect": p.QRConnectURL,
	} {
		link, err := make(app, "https://shop.example.com/oauth/callback/svc", newState())
		must(t, err)
		u, err := url.Parse(link)
		must(t, err)
		if u.Path != path || u.Query().Get("appid") != app.AppID || u.Fragment != "wechat_redirect" {
			t.Errorf("%s", link)
		}
		if _, err := make(app, "http://localhost:8080/oauth/callback/svc", newState()); err == nil {
			t.Errorf("%s: loopback without the rule", path)
		}
	}
	p.Loopback = true
	if _, err := p.AuthorizeURL(app, "http://localhost:8080/oauth/callback/svc", newState()); err != nil {
		t.Error(err)
	}
}

func TestWeChatWithoutClient(t *testing.T) {
	none := errors.New("no way out")
	p := WeChat{Client: func(access.App) (*wechat.Client, error) { return nil, none }}
	_, err1 := p.AuthorizeURL(access.App{}, "", "")
	_, err2 := p.QRConnectURL(access.App{}, "", "")
	_, err3 := p.ExchangeCode(t.Context(), access.App{}, secret.Value{}, secret.Value{})
	_, err4 := p.UserInfo(t.Context(), access.App{}, secret.Value{}, "")
	for i, err := range []error{err1, err2, err3, err4} {
		if !errors.Is(err, none) {
			t.Errorf("call %d: %v", i+1, err)
		}
	}
}
