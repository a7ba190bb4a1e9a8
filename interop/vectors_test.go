package interop_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechatsim"
)

// start is when the emulators' clocks begin: 10:00 in China.
var start = time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)

// loadVectors reads one file of samples. No file, an unknown field or an
// empty list is a failure: a test over nothing proves nothing.
func loadVectors[T any](t *testing.T, name string) []T {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "wechat", "testdata", "vectors", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dec := json.NewDecoder(f)
	dec.DisallowUnknownFields()
	var list []T
	if err := dec.Decode(&list); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(list) == 0 {
		t.Fatalf("%s holds no vectors", name)
	}
	t.Logf("%s: %d vectors", name, len(list))
	return list
}

// vectorSwitches is the strict set with two facts turned to the side that the
// vectors tell. Both are documented on one side only; the strict set asks more.
func vectorSwitches() *wechatsim.Switches {
	sw := wechatsim.StrictSwitches()
	// Several SDKs append connect_redirect=1 to every link, and it works.
	sw.AcceptConnectRedirect = true
	// The page of stock/get shows errcode in its sample.
	sw.OmitErrcodeOnSuccess = false
	// Both spellings of a component's token work, and no page says that a new
	// authorisation is refused at first.
	sw.ComponentTokenParameter, sw.FreshGrantRefusals = "both", 0
	return &sw
}

// bench drives an emulator without a network. Its clock stands still unless
// advanced.
type bench struct {
	t *testing.T
	*wechatsim.Sim
	// remote is the address that requests come from.
	remote string
}

func newBench(t *testing.T, world *wechatsim.World, sw *wechatsim.Switches) *bench {
	t.Helper()
	sim, err := wechatsim.Open(wechatsim.Options{World: world, Switches: sw, Now: func() time.Time { return start }})
	if err != nil {
		t.Fatal(err)
	}
	return &bench{t: t, Sim: sim, remote: "127.0.0.1"}
}

// request sends one request through the API host.
func (b *bench) request(method, path, query, body string) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequest(method, path+"?"+query, strings.NewReader(body))
	r.RemoteAddr = "[" + b.remote + "]:4711"
	w := httptest.NewRecorder()
	b.APIHost().ServeHTTP(w, r)
	return w
}

// callback lets a person open a link of one of the default apps and agree.
func (b *bench) callback(person, scope string) url.Values {
	b.t.Helper()
	path, appid := "/connect/oauth2/authorize", wechatsim.DefaultServiceAccount
	if scope == "snsapi_login" {
		path, appid = "/connect/qrconnect", wechatsim.DefaultWebsite
	}
	link := "https://open.weixin.qq.com" + path + "?appid=" + appid +
		"&redirect_uri=" + url.QueryEscape("https://"+wechatsim.DefaultDomain+"/cb") +
		"&response_type=code&scope=" + scope + "&state=abc#wechat_redirect"
	target, err := b.Visit(b.t.Context(), person, link, wechatsim.Agree)
	if err != nil {
		b.t.Fatal(err)
	}
	u, err := url.Parse(target)
	if err != nil {
		b.t.Fatal(err)
	}
	return u.Query()
}

type linkVector struct {
	Name                string `json:"name"`
	Door                string `json:"door"`
	AppKind             string `json:"app_kind"`
	AppID               string `json:"appid"`
	CallbackDomain      string `json:"callback_domain"`
	Loopback            bool   `json:"loopback"`
	RedirectURI         string `json:"redirect_uri"`
	Scope               string `json:"scope"`
	State               string `json:"state"`
	ForcePopup          bool   `json:"force_popup"`
	ForceSnapshot       bool   `json:"force_snapshot"`
	ConnectRedirect     bool   `json:"connect_redirect"`
	Lang                string `json:"lang"`
	ComponentAppID      string `json:"component_appid"`
	ComponentAuthorised bool   `json:"component_authorised"`
	URL                 string `json:"url"`
	Build               bool   `json:"build"`
	PageError           int    `json:"page_error"`
	PageText            string `json:"page_text"`
	Note                string `json:"note"`
}

// world is the smallest one in which the vector's link can be opened.
func (v *linkVector) world(t *testing.T) *wechatsim.World {
	t.Helper()
	app := wechatsim.App{AppID: v.AppID, Secret: "link-vector-secret", Name: "vector", CallbackDomain: v.CallbackDomain}
	if app.AppID == "" {
		app.AppID = wechatsim.DefaultServiceAccount
	}
	switch v.AppKind {
	case "service_account":
		app.Kind = wechatsim.ServiceAccount
	case "subscription_account":
		// To the login page a subscription account (订阅号) is an account
		// without any scope.
		app.Kind, app.Scopes = wechatsim.ServiceAccount, []string{}
	case "website":
		app.Kind = wechatsim.Website
	default:
		t.Fatalf("app_kind %q is not one of the vectors", v.AppKind)
	}
	return &wechatsim.World{Seed: 1, Loopback: v.Loopback, Apps: []wechatsim.App{app},
		People: []wechatsim.Person{{Name: "owner", Nickname: "店主"}}}
}

// linksElsewhere are the links whose page the emulator cannot show, with the
// error it shows instead, so that an entry cannot outlive its reason.
var linksElsewhere = map[string]struct {
	code int
	why  string
}{
	"third-party platform": {10015, "the emulator knows no third-party platforms, so no account has authorised one"},
}

func TestLinkVectorsInTheEmulator(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range loadVectors[linkVector](t, "links.json") {
		seen[v.Name] = true
		t.Run(v.Name, func(t *testing.T) {
			b := newBench(t, v.world(t), vectorSwitches())
			target, err := b.Visit(t.Context(), "owner", v.URL, wechatsim.Agree)
			wantCode := v.PageError
			if e, ok := linksElsewhere[v.Name]; ok {
				wantCode = e.code
			}
			if wantCode != 0 {
				v.checkPage(t, wantCode, err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			v.checkCallback(t, b, target)
		})
	}
	for name, e := range linksElsewhere {
		if !seen[name] {
			t.Errorf("no vector is called %q (%s)", name, e.why)
		}
	}
}

func (v *linkVector) checkPage(t *testing.T, code int, err error) {
	t.Helper()
	page, ok := errors.AsType[*wechatsim.PageError](err)
	if !ok {
		t.Fatalf("no error page but %v, want page error %d", err, code)
	}
	if page.Code != code {
		t.Errorf("page error %d (%s), want %d", page.Code, page.Detail, code)
	}
	if page.Text == "" || v.PageText != "" && page.Text != v.PageText {
		t.Errorf("the page says %q, want %q", page.Text, v.PageText)
	}
}

// checkCallback wants the redirect_uri with its own parameters, then a code
// that can be exchanged, then the state as it was sent.
func (v *linkVector) checkCallback(t *testing.T, b *bench, target string) {
	t.Helper()
	want, err := url.Parse(v.RedirectURI)
	if err != nil {
		t.Fatal(err)
	}
	got, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	if got.Scheme != want.Scheme || got.Host != want.Host || got.Path != want.Path || got.Fragment != want.Fragment {
		t.Errorf("called back %s, want %s", target, v.RedirectURI)
	}
	if !strings.HasPrefix(got.RawQuery, want.RawQuery) {
		t.Errorf("the redirect_uri's own query changed: %s", target)
	}
	if state := got.Query().Get("state"); state != v.State {
		t.Errorf("state %q came back, want %q", state, v.State)
	}
	w := b.request(http.MethodGet, "/sns/oauth2/access_token", url.Values{"appid": {v.AppID}, "secret": {"link-vector-secret"},
		"code": {got.Query().Get("code")}, "grant_type": {"authorization_code"}}.Encode(), "")
	if scope := `"scope":"` + v.Scope + `"`; !strings.Contains(w.Body.String(), scope) {
		t.Errorf("the exchange answered %s, want %s in it", w.Body, scope)
	}
}
