package wechat_test

import (
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/zhanggui/zhanggui/wechat"
)

// goodLink is a request that the client builds.
func goodLink() wechat.AuthorizeRequest {
	return wechat.AuthorizeRequest{
		AppID: appID, RedirectURI: "https://login.example.com/cb", Scope: wechat.ScopeBase, State: "a1",
	}
}

func TestLinkErrorsSayWhatToDo(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(*wechat.AuthorizeRequest)
		want  string
	}{
		"original id":           {func(r *wechat.AuthorizeRequest) { r.AppID = "gh_97417a04a28d" }, "use the AppID"},
		"odd appid":             {func(r *wechat.AuthorizeRequest) { r.AppID = "wx 0" }, "copy the AppID"},
		"odd platform":          {func(r *wechat.AuthorizeRequest) { r.ComponentAppID = "x" }, "copy it from"},
		"dash in state":         {func(r *wechat.AuthorizeRequest) { r.State = "a-b" }, "letters and digits"},
		"newline after state":   {func(r *wechat.AuthorizeRequest) { r.State = "ab\n" }, "letters and digits"},
		"scope of another door": {func(r *wechat.AuthorizeRequest) { r.Scope = wechat.ScopeLogin }, "use snsapi_base"},
		"encoded already":       {func(r *wechat.AuthorizeRequest) { r.RedirectURI = "https%3A%2F%2Fa.example.com" }, "give it plain"},
		"port":                  {func(r *wechat.AuthorizeRequest) { r.RedirectURI = "https://a.example.com:8443/" }, "remove it"},
		"empty port":            {func(r *wechat.AuthorizeRequest) { r.RedirectURI = "https://a.example.com:/" }, "remove it"},
		"fragment":              {func(r *wechat.AuthorizeRequest) { r.RedirectURI = "https://a.example.com/#/login" }, "use a path"},
		"empty fragment":        {func(r *wechat.AuthorizeRequest) { r.RedirectURI = "https://a.example.com/#" }, "use a path"},
		"user":                  {func(r *wechat.AuthorizeRequest) { r.RedirectURI = "https://u:p@a.example.com/" }, "write https://host/path"},
		"no host":               {func(r *wechat.AuthorizeRequest) { r.RedirectURI = "/cb" }, "write https://host/path"},
		"not a URL":             {func(r *wechat.AuthorizeRequest) { r.RedirectURI = "https://a b/%zz" }, "write https://host/path"},
		"address":               {func(r *wechat.AuthorizeRequest) { r.RedirectURI = "https://[2001:db8::1]/" }, "domain name"},
		"http":                  {func(r *wechat.AuthorizeRequest) { r.RedirectURI = "http://a.example.com/" }, "use https"},
		"loopback switched off": {func(r *wechat.AuthorizeRequest) { r.RedirectURI = "http://localhost:8080/" }, "remove it"},
		"other scheme on loopback": {func(r *wechat.AuthorizeRequest) {
			r.RedirectURI, r.Loopback = "ftp://localhost/", true
		}, "use http or https"},
		"loopback look-alike": {func(r *wechat.AuthorizeRequest) {
			r.RedirectURI, r.Loopback = "http://localhost.example.com:8080/", true
		}, "remove it"},
	} {
		r := goodLink()
		tc.spoil(&r)
		link, err := newClient(t, nil).AuthorizeURL(r)
		if err == nil || link != "" || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: link %q, error %v, want %q in it", name, link, err, tc.want)
		}
	}
	if _, err := newClient(t, nil).QRConnectURL(wechat.QRConnectRequest{Lang: "fr"}); err == nil {
		t.Error("an unknown language was taken")
	}
}

// Whatever the redirect_uri is, WeChat decodes it once and gets it back, and
// nothing in it becomes a parameter of the link.
func TestLinkEncodesOnce(t *testing.T) {
	c := newClient(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		query := rapid.StringMatching(`[a-zA-Z0-9&=%+/?:@;,._~!*'()-]{0,40}`).Draw(t, "query")
		r := goodLink()
		r.RedirectURI += "?" + query
		link, err := c.AuthorizeURL(r)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(link)
		if err != nil {
			t.Fatal(err)
		}
		if got := u.Query().Get("redirect_uri"); got != r.RedirectURI {
			t.Fatalf("WeChat would read %q, want %q", got, r.RedirectURI)
		}
		if len(u.Query()) != 5 || u.Fragment != "wechat_redirect" {
			t.Fatalf("link %s", link)
		}
	})
}

func TestHostsOfLinks(t *testing.T) {
	c, err := wechat.New(wechat.Config{Hosts: wechat.Hosts{Open: "http://localhost:8089/open/", MP: "http://localhost:8089"}})
	if err != nil {
		t.Fatal(err)
	}
	link, err := c.AuthorizeURL(goodLink())
	if err != nil || !strings.HasPrefix(link, "http://localhost:8089/open/connect/oauth2/authorize?appid=") {
		t.Errorf("link %s, error %v", link, err)
	}
	if got := c.MPURL("/cgi-bin/componentloginpage", "a=b"); got != "http://localhost:8089/cgi-bin/componentloginpage?a=b" {
		t.Errorf("MPURL = %s", got)
	}
	for _, bad := range []string{"localhost:80", "ftp://a", "https://u:p@a", "https://a?x=1", "https://a#f", "https://", "%zz"} {
		for _, h := range []wechat.Hosts{{Open: bad}, {MP: bad}, {API: []string{bad}}} {
			if c, err := wechat.New(wechat.Config{Hosts: h}); err == nil || c != nil {
				t.Errorf("New took %+v", h)
			}
		}
	}
}
