package wechatsim_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechatsim"
)

const okRedirect = "https%3A%2F%2Fzhanggui.example.com%2Fcb"

// pageCode opens an authorize query as a WeChat browser of the owner and
// returns the data-errcode of the page, "302" for a callback, or the page name.
func (g *rig) pageCode(target string) string {
	g.t.Helper()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Header.Set("User-Agent", wechatsim.WeChatUserAgent)
	r.AddCookie(g.be("owner"))
	w, _ := g.do(r)
	return pageOf(w)
}

var pageMark = regexp.MustCompile(`<main data-(?:errcode|page)="([^"]*)"`)

func pageOf(w *httptest.ResponseRecorder) string {
	if w.Code == http.StatusFound {
		return "302"
	}
	m := pageMark.FindStringSubmatch(w.Body.String())
	if m == nil {
		return "HTTP " + strconv.Itoa(w.Code)
	}
	return m[1]
}

// be chooses a person the way the page does, and returns the cookie.
func (g *rig) be(person string) *http.Cookie {
	g.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/sim/who", strings.NewReader("person="+person))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w, _ := g.do(r)
	if cs := w.Result().Cookies(); len(cs) == 1 {
		return cs[0]
	}
	g.t.Fatalf("no cookie for %q: HTTP %d", person, w.Code)
	return nil
}

func TestAuthorizeForm(t *testing.T) {
	app := "appid=" + service
	tail := "&response_type=code&scope=snsapi_base&state=abc"
	full := app + "&redirect_uri=" + okRedirect + tail
	tests := []struct {
		name, query, strict, lenient string
	}{
		{"official order", full, "302", "302"},
		{"optional ones in order", full + "&forcePopup=false&forceSnapShot=false", "302", "302"},
		{"appid last", "redirect_uri=" + okRedirect + tail + "&" + app, "-1", "302"},
		{"state before scope", app + "&redirect_uri=" + okRedirect + "&response_type=code&state=abc&scope=snsapi_base", "-1", "302"},
		{"forceSnapShot before forcePopup", full + "&forceSnapShot=true&forcePopup=true", "-1", "302"},
		{"unknown parameter", full + "&utm=1", "-1", "-1"},
		{"repeated", full + "&state=abc", "-1", "-1"},
		{"forcePopup=1", full + "&forcePopup=1", "-1", "-1"},
		{"connect_redirect", full + "&connect_redirect=1", "-1", "302"},
		{"connect_redirect=0", full + "&connect_redirect=0", "-1", "-1"},
		{"no appid", "redirect_uri=" + okRedirect + tail, "10012", "10012"},
		{"empty appid", "appid=&redirect_uri=" + okRedirect + tail, "10012", "10012"},
		{"no redirect_uri", app + tail, "10011", "10011"},
		{"no scope", app + "&redirect_uri=" + okRedirect + "&response_type=code&state=abc", "10010", "10010"},
		{"empty state", app + "&redirect_uri=" + okRedirect + "&response_type=code&scope=snsapi_base&state=", "10013", "10013"},
		{"no state", app + "&redirect_uri=" + okRedirect + "&response_type=code&scope=snsapi_base", "10013", "302"},
		{"response_type token", app + "&redirect_uri=" + okRedirect + "&response_type=token&scope=snsapi_base&state=abc", "-1", "-1"},
		{"state of 128", strings.Replace(full, "abc", strings.Repeat("a", 128), 1), "302", "302"},
		{"state of 129", strings.Replace(full, "abc", strings.Repeat("a", 129), 1), "-1", "-1"},
		{"state with dash", strings.Replace(full, "abc", "a-b_c", 1), "-1", "302"},
		{"state with percent", strings.Replace(full, "abc", "a%20b", 1), "-1", "-1"},
		{"not encoded", app + "&redirect_uri=https://zhanggui.example.com/cb" + tail, "10003", "10003"},
		{"not encoded with query", app + "&redirect_uri=https://zhanggui.example.com/cb?a=1&b=2" + tail, "10003", "10003"},
		{"encoded twice", app + "&redirect_uri=https%253A%252F%252Fzhanggui.example.com%252Fcb" + tail, "10003", "10003"},
		{"no scheme", app + "&redirect_uri=zhanggui.example.com%2Fcb" + tail, "10003", "10003"},
		{"http", app + "&redirect_uri=http%3A%2F%2Fzhanggui.example.com%2Fcb" + tail, "10003", "10003"},
		{"port", app + "&redirect_uri=https%3A%2F%2Fzhanggui.example.com%3A8443%2Fcb" + tail, "10003", "10003"},
		{"port 443", app + "&redirect_uri=https%3A%2F%2Fzhanggui.example.com%3A443%2Fcb" + tail, "10003", "10003"},
		{"other host", app + "&redirect_uri=https%3A%2F%2Fwww.zhanggui.example.com%2Fcb" + tail, "10003", "10003"},
		{"userinfo", app + "&redirect_uri=https%3A%2F%2Fzhanggui.example.com%40evil.example%2F" + tail, "10003", "10003"},
		{"userinfo before the right host", app + "&redirect_uri=https%3A%2F%2Fevil%40zhanggui.example.com%2F" + tail, "10003", "10003"},
		{"ends in localhost", app + "&redirect_uri=http%3A%2F%2Fevillocalhost%2Fcb" + tail, "10003", "10003"},
		{"javascript", app + "&redirect_uri=javascript%3Aalert%281%29" + tail, "10003", "10003"},
		{"loopback http and port", app + "&redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2Fcb" + tail, "302", "302"},
		{"localhost name", app + "&redirect_uri=http%3A%2F%2Fa.localhost%3A8080%2Fcb" + tail, "302", "302"},
		{"looks like localhost", app + "&redirect_uri=http%3A%2F%2Flocalhost.evil.example%2Fcb" + tail, "10003", "10003"},
		{"other loopback address", app + "&redirect_uri=http%3A%2F%2F127.0.0.2%3A8080%2Fcb" + tail, "10003", "10003"},
		{"component_appid", full + "&component_appid=wx00000000000000d1", "10015", "10015"},
		{"website app", strings.Replace(full, service, website, 1), "10016", "10016"},
		{"shop", strings.Replace(full, service, shopID, 1), "10005", "10005"},
		{"original id", strings.Replace(full, service, "gh_0123456789ab", 1), "10005", "10005"},
		{"snsapi_login", strings.Replace(full, base, "snsapi_login", 1), "10005", "10005"},
		{"two scopes", strings.Replace(full, base, "snsapi_base,snsapi_userinfo", 1), "10005", "10005"},
	}
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		g := newRig(t, with(sw))
		for _, tt := range tests {
			want := tt.strict
			if !sw.StateRequired {
				want = tt.lenient
			}
			if got := g.pageCode("/connect/oauth2/authorize?" + tt.query); got != want {
				t.Errorf("%s: page %q, want %q", tt.name, got, want)
			}
		}
	})
}

func TestLoopbackRuleIsOptIn(t *testing.T) {
	g := newRig(t, world(func(w *wechatsim.World) { w.Loopback = false }))
	target := "/connect/oauth2/authorize?appid=" + service + "&redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2Fcb&response_type=code&scope=snsapi_base&state=a"
	if got := g.pageCode(target); got != "10003" {
		t.Errorf("page %q without loopback, want 10003", got)
	}
}

func TestAuthorizeApp(t *testing.T) {
	no := false
	tests := []struct {
		name   string
		change func(*wechatsim.App)
		want   string
	}{
		{"banned", func(a *wechatsim.App) { a.Banned = true }, "10004"},
		{"not verified", func(a *wechatsim.App) { a.Verified = &no }, "10005"},
		{"scope taken away", func(a *wechatsim.App) { a.Scopes = []string{info} }, "10005"},
		{"test account", func(a *wechatsim.App) { a.TestAccount = true }, "10006"},
		{"other domain", func(a *wechatsim.App) { a.CallbackDomain = "www." + domain }, "10003"},
		{"no domain", func(a *wechatsim.App) { a.CallbackDomain = "" }, "10003"},
		{"domain with path", func(a *wechatsim.App) { a.CallbackDomain = domain + "/cb" }, "302"},
		{"domain with other path", func(a *wechatsim.App) { a.CallbackDomain = domain + "/c" }, "10003"},
	}
	for _, tt := range tests {
		g := newRig(t)
		if err := g.SetApp(service, tt.change); err != nil {
			t.Fatal(err)
		}
		u, _ := url.Parse(link(base, ""))
		if got := g.pageCode(u.RequestURI()); got != tt.want {
			t.Errorf("%s: page %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestFollowersMayUseATestAccount(t *testing.T) {
	g := newRig(t)
	if err := g.SetApp(service, func(a *wechatsim.App) { a.TestAccount = true }); err != nil {
		t.Fatal(err)
	}
	if err := g.Follow("owner", service); err != nil {
		t.Fatal(err)
	}
	if g.code("owner", link(base, "")) == "" {
		t.Error("a follower got no code")
	}
}

func TestWeChatBrowserOnly(t *testing.T) {
	const wecom = "Mozilla/5.0 wxwork/4.1 MicroMessenger/7.0"
	phone := &http.Cookie{Name: "wechatsim_ua", Value: "wechat"}
	tests := []struct {
		name, host, ua string
		cookie         *http.Cookie
		want           string
	}{
		{"WeChat", "open.example", wechatsim.WeChatUserAgent, nil, "choose"},
		{"desktop", "open.example", "Mozilla/5.0", nil, "outside"},
		{"WeCom", "open.example", wecom, nil, "outside"},
		{"cookie on 127.0.0.1", "127.0.0.1:9188", "Mozilla/5.0", phone, "choose"},
		{"cookie on localhost", "localhost:9188", "Mozilla/5.0", phone, "choose"},
		{"cookie on a.localhost", "a.localhost", "Mozilla/5.0", phone, "choose"},
		{"cookie elsewhere", "open.example", "Mozilla/5.0", phone, "outside"},
		{"cookie on a lookalike", "localhost.example", "Mozilla/5.0", phone, "outside"},
		{"another value", "localhost", "Mozilla/5.0", &http.Cookie{Name: "wechatsim_ua", Value: "pc"}, "outside"},
	}
	u, _ := url.Parse(link(base, ""))
	for _, tt := range tests {
		g := newRig(t)
		r := httptest.NewRequest(http.MethodGet, u.RequestURI(), nil)
		r.Host = tt.host
		r.Header.Set("User-Agent", tt.ua)
		if tt.cookie != nil {
			r.AddCookie(tt.cookie)
		}
		w, _ := g.do(r)
		if got := pageOf(w); got != tt.want {
			t.Errorf("%s: page %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestPhoneButton(t *testing.T) {
	tests := []struct{ form, value, location string }{
		{"back=%2Fconnect%2Foauth2%2Fauthorize%3Fa", "wechat", "/connect/oauth2/authorize?a"},
		{"device=pc", "", "/"},
		{"back=https%3A%2F%2Fevil.example%2F", "wechat", "/"},
		{"back=%2F%2Fevil.example%2Fconnect%2F", "wechat", "/"},
	}
	for _, tt := range tests {
		g := newRig(t)
		r := httptest.NewRequest(http.MethodPost, "/sim/phone", strings.NewReader(tt.form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w, _ := g.do(r)
		k := w.Result().Cookies()
		if len(k) != 1 || k[0].Name != "wechatsim_ua" || k[0].Value != tt.value || w.Header().Get("Location") != tt.location {
			t.Errorf("form %q: cookies %v, location %q; want value %q, location %q", tt.form, k, w.Header().Get("Location"), tt.value, tt.location)
		}
	}
}

func TestForeignSitesCannotPressButtons(t *testing.T) {
	g := newRig(t)
	r := httptest.NewRequest(http.MethodPost, "/sim/people/owner/close", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if w, _ := g.do(r); w.Code != http.StatusForbidden {
		t.Errorf("HTTP %d for a cross-site request, want 403", w.Code)
	}
}

var ticketField = regexp.MustCompile(`name="ticket" value="([^"]+)"`)

// consent opens a link as a browser does and returns the page's ticket.
func (g *rig) consent(k *http.Cookie, extra string) (ticket, page string) {
	g.t.Helper()
	u, _ := url.Parse(link(info, extra))
	r := httptest.NewRequest(http.MethodGet, u.RequestURI(), nil)
	r.Header.Set("User-Agent", wechatsim.WeChatUserAgent)
	r.AddCookie(k)
	w, _ := g.do(r)
	if m := ticketField.FindStringSubmatch(w.Body.String()); m != nil {
		ticket = m[1]
	}
	return ticket, pageOf(w)
}

func (g *rig) decide(k *http.Cookie, form string) *httptest.ResponseRecorder {
	g.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/connect/decide", strings.NewReader(form))
	r.Header.Set("User-Agent", wechatsim.WeChatUserAgent)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if k != nil {
		r.AddCookie(k)
	}
	w, _ := g.do(r)
	return w
}

func TestConsentPage(t *testing.T) {
	g := newRig(t)
	owner, other := g.be("owner"), g.be("operator")
	ticket, page := g.consent(owner, "")
	if page != "consent" {
		t.Fatalf("page %q, want consent", page)
	}
	if got := pageOf(g.decide(other, "decision=agree&ticket="+ticket)); got != "-1" {
		t.Errorf("somebody else decided: page %q", got)
	}
	if got := pageOf(g.decide(nil, "decision=agree&ticket="+ticket)); got != "-1" {
		t.Errorf("nobody decided: page %q", got)
	}
	w := g.decide(owner, "decision=agree&ticket="+ticket)
	if got := w.Header().Get("Location"); !regexp.MustCompile(`^https://zhanggui\.example\.com/cb\?code=\w+&state=abc$`).MatchString(got) {
		t.Errorf("callback %q", got)
	}
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q of the redirect, want no-store", got)
	}
	if got := pageOf(g.decide(owner, "decision=agree&ticket="+ticket)); got != "-1" {
		t.Errorf("a ticket decided twice: page %q", got)
	}
}

func TestConsentIsRemembered(t *testing.T) {
	g := newRig(t)
	k := g.be("owner")
	ticket, _ := g.consent(k, "")
	g.decide(k, "decision=agree&ticket="+ticket)
	steps := []struct {
		name    string
		advance time.Duration
		extra   string
		want    string
	}{
		{"at once", 0, "", "302"},
		{"forcePopup", 0, "&forcePopup=true", "consent"},
		{"after 29 days", 29 * 24 * time.Hour, "", "302"},
		{"after 30 days", 24 * time.Hour, "", "consent"},
	}
	for _, st := range steps {
		g.Advance(st.advance)
		if _, got := g.consent(k, st.extra); got != st.want {
			t.Errorf("%s: page %q, want %q", st.name, got, st.want)
		}
	}
}

func TestConsentOfBaseIsNotAsked(t *testing.T) {
	g := newRig(t)
	u, _ := url.Parse(link(base, ""))
	if got := g.pageCode(u.RequestURI()); got != "302" {
		t.Errorf("page %q for snsapi_base, want a silent callback", got)
	}
	if _, got := g.consent(g.be("owner"), ""); got != "consent" {
		t.Errorf("a base login counted as consent: page %q", got)
	}
}

func TestTicketsGrowOld(t *testing.T) {
	g := newRig(t)
	k := g.be("owner")
	ticket, _ := g.consent(k, "")
	g.Advance(time.Hour)
	if got := pageOf(g.decide(k, "decision=agree&ticket="+ticket)); got != "-1" {
		t.Errorf("page %q an hour later, want -1", got)
	}
}

func TestRefusal(t *testing.T) {
	for _, l := range []string{link(info, ""), qrLink()} {
		g := newRig(t)
		if _, err := g.Visit(t.Context(), "owner", l, wechatsim.Refuse); !errors.Is(err, wechatsim.ErrNoCallback) {
			t.Errorf("strict: %v, want ErrNoCallback", err)
		}
		if err := g.SetSwitches(func(sw *wechatsim.Switches) { sw.RefusalCallback = "state_only" }); err != nil {
			t.Fatal(err)
		}
		got, err := g.Visit(t.Context(), "owner", l, wechatsim.Refuse)
		if want := "https://" + domain + "/cb?state=abc"; err != nil || got != want {
			t.Errorf("state_only: %q, %v; want %q", got, err, want)
		}
		if _, err := g.Visit(t.Context(), "owner", l, wechatsim.Leave); !errors.Is(err, wechatsim.ErrNoCallback) {
			t.Errorf("leave: %v, want ErrNoCallback", err)
		}
	}
}

func TestCallbackKeepsQueryAndFragment(t *testing.T) {
	g := newRig(t)
	l := strings.Replace(link(base, ""), url.QueryEscape("/cb"), url.QueryEscape("/cb?x=1&y=%E4%BD%A0#/route"), 1)
	got, err := g.Visit(t.Context(), "owner", l, wechatsim.Agree)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^https://zhanggui\.example\.com/cb\?x=1&y=%E4%BD%A0&code=\w+&state=abc#/route$`).MatchString(got) {
		t.Errorf("callback %q", got)
	}
}

func TestVisitWantsTheFragment(t *testing.T) {
	g := newRig(t)
	l := strings.TrimSuffix(link(base, ""), "#wechat_redirect")
	if _, err := g.Visit(t.Context(), "owner", l, wechatsim.Agree); err == nil || !strings.Contains(err.Error(), "#wechat_redirect") {
		t.Errorf("err %v, want one about the fragment", err)
	}
}

func TestVisitErrors(t *testing.T) {
	g := newRig(t)
	if _, err := g.Visit(t.Context(), "nobody", link(base, ""), wechatsim.Agree); !errors.Is(err, wechatsim.ErrNobody) {
		t.Errorf("err %v, want ErrNobody", err)
	}
	_, err := g.Visit(t.Context(), "owner", strings.Replace(link(base, ""), service, website, 1), wechatsim.Agree)
	if pe, ok := errors.AsType[*wechatsim.PageError](err); !ok || pe.Code != 10016 {
		t.Errorf("err %v, want page 10016", err)
	}
	for _, l := range []string{"http://h/sns/auth#wechat_redirect", "::#wechat_redirect", "http://h/connect/other#wechat_redirect"} {
		if _, err := g.Visit(t.Context(), "owner", l, wechatsim.Agree); err == nil {
			t.Errorf("link %q was visited", l)
		}
	}
	if err := g.CloseAccount("owner"); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Visit(t.Context(), "owner", link(base, ""), wechatsim.Agree); err == nil {
		t.Error("a closed account authorised")
	}
}

func TestDuplicateCallback(t *testing.T) {
	for _, same := range []bool{false, true} {
		g := newRig(t)
		if _, err := g.AddFault(wechatsim.Fault{Path: "/connect/oauth2/authorize", Kind: wechatsim.FaultDuplicateCallback, SameCode: same}); err != nil {
			t.Fatal(err)
		}
		urls, err := g.VisitAll(t.Context(), "owner", link(info, ""), wechatsim.Agree)
		if err != nil || len(urls) != 2 {
			t.Fatalf("same=%t: %v, %v; want two callbacks", same, urls, err)
		}
		if (urls[0] == urls[1]) != same {
			t.Errorf("same=%t: callbacks %v", same, urls)
		}
		again, err := g.VisitAll(t.Context(), "owner", link(info, ""), wechatsim.Agree)
		if err != nil || len(again) != 1 {
			t.Errorf("the next login: %v, %v; want one callback", again, err)
		}
	}
}

func TestDuplicateCallbackInABrowser(t *testing.T) {
	g := newRig(t)
	g.arm(wechatsim.Fault{Path: "/connect/*", Kind: wechatsim.FaultDuplicateCallback})
	k := g.be("owner")
	ticket, _ := g.consent(k, "")
	body := g.decide(k, "decision=agree&ticket="+ticket).Body.String()
	// The picture and the refresh make a browser without scripts call twice.
	for _, want := range []string{`<img src="https://zhanggui.example.com/cb?code=`, `http-equiv="refresh" content="1; url=https://zhanggui.example.com/cb?code=`} {
		if !strings.Contains(body, want) {
			t.Errorf("page lacks %s:\n%s", want, body)
		}
	}
	if got := g.Ledger("/connect/decide")[0].Fault; got != "duplicate_callback" {
		t.Errorf("ledger says fault %q", got)
	}
}

func TestSnapshotVisitor(t *testing.T) {
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		g := newRig(t, with(sw))
		got := g.login("guest", info) // silent: nobody is asked
		if got.str("is_snapshotuser") != "1" {
			t.Fatalf("no snapshot flag: %v", got)
		}
		real, err := g.OpenID("guest", service)
		if err != nil {
			t.Fatal(err)
		}
		if (got.str("openid") == real) != sw.SnapshotOpenIDReal {
			t.Errorf("openid %q, real %q, switch %t", got.str("openid"), real, sw.SnapshotOpenIDReal)
		}
		g.wantCode(g.userinfo(got), "48001")
		if again := g.refresh(got.str("refresh_token")); again.str("is_snapshotuser") != "" {
			t.Errorf("a refresh shows the flag: %v", again)
		}
		if err := g.SetSnapshot("guest", false); err != nil {
			t.Fatal(err)
		}
		if full := g.login("guest", info); full.str("is_snapshotuser") != "" || full.str("openid") != real {
			t.Errorf("after 使用完整服务: %v", full)
		}
	})
}

func TestSnapshotReplacesNothing(t *testing.T) {
	g := newRig(t)
	kept := g.login("owner", info)
	if err := g.SetSnapshot("owner", true); err != nil {
		t.Fatal(err)
	}
	snap := g.login("owner", info)
	g.wantCode(g.userinfo(kept), "")
	kept = g.refresh(kept.str("refresh_token"))
	g.wantCode(kept, "")
	if err := g.SetSnapshot("owner", false); err != nil {
		t.Fatal(err)
	}
	g.login("owner", info)
	g.wantCode(g.refresh(snap.str("refresh_token")), "")
}

func TestForceSnapShot(t *testing.T) {
	g := newRig(t)
	got := g.exchange(service, wechatsim.DefaultServiceSecret, g.code("owner", link(info, "&forceSnapShot=true")))
	if got.str("is_snapshotuser") != "1" {
		t.Errorf("a first visit is no snapshot: %v", got)
	}
	g.login("owner", info)
	got = g.exchange(service, wechatsim.DefaultServiceSecret, g.code("owner", link(info, "&forceSnapShot=true")))
	if got.str("is_snapshotuser") != "" {
		t.Errorf("after a consent it is one: %v", got)
	}
}

func TestQRConnect(t *testing.T) {
	ok := "appid=" + website + "&redirect_uri=" + okRedirect + "&response_type=code&scope=snsapi_login&state=abc"
	tests := []struct{ name, query, page, text string }{
		{"official", ok, "qrconnect", ""},
		{"lang", ok + "&lang=en", "qrconnect", ""},
		{"other order", "state=abc&" + strings.TrimSuffix(ok, "&state=abc"), "qrconnect", ""},
		{"bad lang", ok + "&lang=fr", "-1", "该链接无法访问"},
		{"unknown", ok + "&forcePopup=true", "-1", "该链接无法访问"},
		{"scope", strings.Replace(ok, "snsapi_login", "snsapi_userinfo", 1), "-1", "Scope 参数错误或没有 Scope 权限"},
		{"service account", strings.Replace(ok, website, service, 1), "-1", "Scope 参数错误或没有 Scope 权限"},
		{"unknown app", strings.Replace(ok, website, "wx00000000000000ff", 1), "-1", "该链接无法访问"},
		{"domain", strings.Replace(ok, "zhanggui.", "www.", 1), "-1", "redirect_uri 参数错误"},
	}
	for _, tt := range tests {
		g := newRig(t)
		w := g.request(http.MethodGet, "/connect/qrconnect?"+tt.query, "")
		if got := pageOf(w); got != tt.page || !strings.Contains(w.Body.String(), tt.text) {
			t.Errorf("%s: page %q, want %q with %q", tt.name, got, tt.page, tt.text)
		}
	}
}

func TestQRScanInABrowser(t *testing.T) {
	g := newRig(t)
	u, _ := url.Parse(qrLink())
	page := g.request(http.MethodGet, u.RequestURI(), "").Body.String()
	scan := regexp.MustCompile(`/connect/scan\?ticket=\w+`).FindString(page)
	if scan == "" || !strings.Contains(page, "<svg") {
		t.Fatal("the page has no picture or no scan link")
	}
	if got := pageOf(g.request(http.MethodGet, scan, "")); got != "scan" {
		t.Fatalf("page %q, want scan", got)
	}
	_, ticket, _ := strings.Cut(scan, "=")
	w := g.decide(nil, "decision=agree&person=operator&ticket="+ticket)
	got := g.exchange(website, wechatsim.DefaultWebsiteSecret, mustQuery(t, w.Header().Get("Location"), "code"))
	if want, _ := g.OpenID("operator", website); got.str("openid") != want || got.str("unionid") == "" {
		t.Errorf("exchange %v, want openid %q and a unionid", got, want)
	}
	if got := pageOf(g.request(http.MethodGet, scan, "")); got != "-1" {
		t.Errorf("a used code was scanned again: page %q", got)
	}
}

func mustQuery(t *testing.T, raw, key string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil || u.Query().Get(key) == "" {
		t.Fatalf("%q has no %s", raw, key)
	}
	return u.Query().Get(key)
}

func TestPagesNeedTheRightMethod(t *testing.T) {
	g := newRig(t)
	for _, target := range []string{"/connect/oauth2/authorize", "/connect/qrconnect", "/connect/scan"} {
		if got := pageOf(g.request(http.MethodPost, target, "x=1")); got != "-1" {
			t.Errorf("POST %s: page %q", target, got)
		}
	}
	if got := pageOf(g.request(http.MethodGet, "/connect/decide", "")); got != "-1" {
		t.Errorf("GET /connect/decide: page %q", got)
	}
}
