package wechat_test

import (
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// goodComponentLink is a request that the client builds.
func goodComponentLink() wechat.ComponentLinkRequest {
	return wechat.ComponentLinkRequest{
		ComponentAppID: componentAppID, PreAuthCode: wechat.PreAuthCode{Value: secret.FromString("preauthcode@@@0001")},
		RedirectURI: "https://platform.example.com/authorised?k=1&v=2",
	}
}

// bothLinks are the two links by name.
func bothLinks(c *wechat.Client) map[string]func(wechat.ComponentLinkRequest) (string, error) {
	return map[string]func(wechat.ComponentLinkRequest) (string, error){"pc": c.ComponentLoginURL, "h5": c.BindComponentURL}
}

func TestComponentLinks(t *testing.T) {
	const shared = "component_appid=wx00000000000000c0&pre_auth_code=preauthcode%40%40%400001" +
		"&redirect_uri=https%3A%2F%2Fplatform.example.com%2Fauthorised%3Fk%3D1%26v%3D2"
	heads := map[string]string{
		"pc": "https://mp.weixin.qq.com/cgi-bin/componentloginpage?" + shared,
		"h5": "https://open.weixin.qq.com/wxaopen/safe/bindcomponent?action=bindcomponent&no_scan=1&" + shared,
	}
	for name, build := range bothLinks(newClient(t, nil)) {
		tail := ""
		if name == "h5" {
			tail = "#wechat_redirect"
		}
		for want, change := range map[string]func(*wechat.ComponentLinkRequest){
			"":                              func(*wechat.ComponentLinkRequest) {},
			"&auth_type=8":                  func(r *wechat.ComponentLinkRequest) { r.AuthType = wechat.AuthTypeTalent },
			"&auth_type=3":                  func(r *wechat.ComponentLinkRequest) { r.AuthType = wechat.AuthTypeBoth },
			"&biz_appid=wx00000000000000b2": func(r *wechat.ComponentLinkRequest) { r.BizAppID = "wx00000000000000b2" },
			"&category_id_list=1%7C2":       func(r *wechat.ComponentLinkRequest) { r.Categories = []int{1, 2} },
			"&auth_type=1&category_id_list=99": func(r *wechat.ComponentLinkRequest) {
				r.AuthType, r.Categories = wechat.AuthTypeOfficial, []int{99}
			},
		} {
			r := goodComponentLink()
			change(&r)
			if got, err := build(r); err != nil || got != heads[name]+want+tail {
				t.Errorf("%s: %v\n got %s\nwant %s", name, err, got, heads[name]+want+tail)
			}
		}
	}
}

func TestComponentLinkErrorsSayWhatToDo(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(*wechat.ComponentLinkRequest)
		want  string
	}{
		"no platform":        {func(r *wechat.ComponentLinkRequest) { r.ComponentAppID = "" }, "Open Platform console"},
		"original id":        {func(r *wechat.ComponentLinkRequest) { r.ComponentAppID = "gh_000000000001" }, "Open Platform console"},
		"no code":            {func(r *wechat.ComponentLinkRequest) { r.PreAuthCode = wechat.PreAuthCode{} }, "fetch one"},
		"a shop":             {func(r *wechat.ComponentLinkRequest) { r.AuthType = 7 }, "service market"},
		"a negative kind":    {func(r *wechat.ComponentLinkRequest) { r.AuthType = -1 }, "service market"},
		"two choices":        {func(r *wechat.ComponentLinkRequest) { r.BizAppID, r.AuthType = appID, 1 }, "one of them"},
		"odd account":        {func(r *wechat.ComponentLinkRequest) { r.BizAppID = "wx&auth_type=6" }, "copy the AppID"},
		"no permission set":  {func(r *wechat.ComponentLinkRequest) { r.Categories = []int{1, 0} }, "positive"},
		"redirect by http":   {func(r *wechat.ComponentLinkRequest) { r.RedirectURI = "http://platform.example.com/" }, "use https"},
		"redirect to a port": {func(r *wechat.ComponentLinkRequest) { r.RedirectURI = "https://platform.example.com:8443/" }, "remove it"},
		"no redirect":        {func(r *wechat.ComponentLinkRequest) { r.RedirectURI = "" }, "write https://host/path"},
	} {
		r := goodComponentLink()
		tc.spoil(&r)
		for kind, build := range bothLinks(newClient(t, nil)) {
			link, err := build(r)
			if err == nil || link != "" || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "preauthcode") {
				t.Errorf("%s, %s: link %q, error %v, want %q in it", name, kind, link, err, tc.want)
			}
		}
	}
}

func TestComponentLinksOnLoopback(t *testing.T) {
	c, err := wechat.New(wechat.Config{Hosts: wechat.Hosts{Open: "http://localhost:8089", MP: "http://localhost:8089/mp"}})
	if err != nil {
		t.Fatal(err)
	}
	r := goodComponentLink()
	r.RedirectURI, r.Loopback = "http://localhost:8080/authorised", true
	for name, want := range map[string]string{
		"pc": "http://localhost:8089/mp/cgi-bin/componentloginpage?component_appid=",
		"h5": "http://localhost:8089/wxaopen/safe/bindcomponent?action=bindcomponent",
	} {
		if got, err := bothLinks(c)[name](r); err != nil || !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

// Whatever the code and the redirect_uri are, nothing in them becomes a
// parameter of the link.
func TestComponentLinkEncodesOnce(t *testing.T) {
	c := newClient(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		r := goodComponentLink()
		code := rapid.StringMatching(`[!-~]{1,40}`).Draw(t, "code")
		r.PreAuthCode = wechat.PreAuthCode{Value: secret.FromString(code)}
		r.RedirectURI = "https://platform.example.com/?" + rapid.StringMatching(`[a-zA-Z0-9&=%+/?:@;,._~!*'()-]{0,40}`).Draw(t, "query")
		for name, build := range bothLinks(c) {
			link, err := build(r)
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(link)
			if err != nil {
				t.Fatal(err)
			}
			q := u.Query()
			if q.Get("pre_auth_code") != code || q.Get("redirect_uri") != r.RedirectURI || len(q) != map[string]int{"pc": 3, "h5": 5}[name] {
				t.Fatalf("%s: %s", name, link)
			}
		}
	})
}
