package login

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat"
)

const (
	miniID   = "wx00000000000000f1"
	authCode = "queryauthcode@@@bait-0001"
)

// linkFor makes a link and gives its path.
func (w *world) linkFor(k grant.Link) string {
	w.t.Helper()
	app, err := w.store.App(w.t.Context(), "isv")
	must(w.t, err)
	if k.ID == "" {
		k.ID = access.NewID("l")
	}
	if k.Ends.IsZero() {
		k.Ends = w.clock.now().Add(grant.LinkLife)
	}
	k.App = "isv"
	address, err := w.login.LinkAddress(app, k)
	must(w.t, err)
	path, ok := strings.CutPrefix(address, "https://"+host)
	if !ok {
		w.t.Fatalf("the link leads to %s", address)
	}
	return path
}

// goOn presses the button of a link and gives where WeChat sends the browser back
// to.
func (b *browser) goOn(path string) (back string) {
	b.w.t.Helper()
	rec := b.post(path, nil)
	u, err := url.Parse(rec.Header().Get("Location"))
	must(b.w.t, err)
	if rec.Code != http.StatusSeeOther || u.Host != "mp.weixin.qq.com" {
		b.w.t.Fatalf("%d to %s: %s", rec.Code, u, rec.Body)
	}
	back, ok := strings.CutPrefix(u.Query().Get("redirect_uri"), "https://"+host)
	if !ok {
		b.w.t.Fatalf("WeChat would send the browser to %s", u.Query().Get("redirect_uri"))
	}
	return back
}

// grants makes WeChat answer the code.
func (w *world) grants(code string) {
	w.links.mu.Lock()
	defer w.links.mu.Unlock()
	w.links.answers[code] = grant.Linked{AppID: miniID, Name: "蓝天<b>小程序", Sets: []int64{17, 18}}
}

// authorised is a whole authorisation in a browser.
func (b *browser) authorises(path, code string) *httptest.ResponseRecorder {
	b.w.t.Helper()
	b.w.grants(code)
	return b.get(b.goOn(path) + "&auth_code=" + url.QueryEscape(code) + "&expires_in=600")
}

// TestAccountLink: the page says what is asked, the button leads to WeChat, the
// callback to a clean address that says what came of it.
func TestAccountLink(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	path := w.linkFor(grant.Link{ID: "l_1", Kind: grant.LinkMini, Sets: []int64{17, 18}})
	page := b.get(path)
	for _, words := range []string{"平台", "wx00000000000000d4", "蓝天软件", "A mini program (小程序) that you administer", "17, 18", `action="` + path + `"`} {
		if !strings.Contains(page.Body.String(), words) {
			t.Errorf("the page lacks %q:\n%s", words, page.Body)
		}
	}
	if got := page.Header().Get("Referrer-Policy"); got != "origin" {
		t.Errorf("WeChat could not see the domain: Referrer-Policy %q", got)
	}
	if len(w.links.asked)+len(w.store.callbacks) > 0 || len(b.cookies) > 0 {
		t.Error("reading the page began something")
	}
	rec := b.authorises(path, authCode)
	leadsTo(t, rec, "/linked")
	for header, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"} {
		if got := rec.Header().Get(header); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	want := grant.Link{ID: "l_1", App: "isv", Kind: grant.LinkMini, Sets: []int64{17, 18}, Ends: w.clock.now().Add(grant.LinkLife)}
	if diff := cmp.Diff([]grant.Link{want}, w.links.asked); diff != "" || w.links.phones[0] {
		t.Errorf("asked for %v\n%s", w.links.phones, diff)
	}
	done := b.get("/linked").Body.String()
	for _, words := range []string{"蓝天&lt;b&gt;小程序", miniID, "平台", "17, 18"} {
		if !strings.Contains(done, words) {
			t.Errorf("the result lacks %q:\n%s", words, done)
		}
	}
	if _, _, in := b.current(); in || len(w.store.sessions) > 0 {
		t.Error("an authorisation logged somebody in")
	}
	w.noSecrets("bait-0001", strings.TrimPrefix(path, "/link/"))
}

// In WeChat's own browser the link without a QR code is asked for.
func TestAccountLinkInWeChat(t *testing.T) {
	w := newWorld(t)
	w.browser(uaWeChat).goOn(w.linkFor(grant.Link{}))
	if len(w.links.phones) != 1 || !w.links.phones[0] {
		t.Errorf("asked for %v", w.links.phones)
	}
}

// A reload, and a copy of it, show the result and send nothing.
func TestAccountLinkReplayed(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	w.grants(authCode)
	back := b.goOn(w.linkFor(grant.Link{})) + "&auth_code=" + authCode + "&expires_in=600"
	for range 3 {
		leadsTo(t, b.get(back), "/linked")
	}
	delete(b.cookies, "__Host-"+linkedCookie)
	refusedWith(t, b.get(back), http.StatusConflict, "used before")
	if len(w.links.codes) != 1 {
		t.Errorf("codes sent: %v", w.links.codes)
	}
	w.clock.add(resultLife)
	refusedWith(t, b.get("/linked"), http.StatusGone, "Nothing was authorised")
}

// Fifty copies of one callback at once send one code.
func TestAccountLinkAtOnce(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	w.grants(authCode)
	back := b.goOn(w.linkFor(grant.Link{})) + "&auth_code=" + authCode
	var wg sync.WaitGroup
	for range 50 {
		r := b.request(http.MethodGet, back, nil)
		wg.Go(func() { w.serve(r) })
	}
	wg.Wait()
	if len(w.links.codes) != 1 {
		t.Errorf("codes sent: %v", w.links.codes)
	}
}

// One link is for one account: it cannot be begun again, and a browser that had
// begun before comes too late.
func TestAccountLinkWorksOnce(t *testing.T) {
	w := newWorld(t)
	path := w.linkFor(grant.Link{})
	late := w.browser(uaPC)
	lateBack := late.goOn(path)
	b := w.browser(uaPC)
	b.goOn(path) // and closes WeChat's page
	leadsTo(t, b.authorises(path, authCode), "/linked")
	refusedWith(t, b.get(path), http.StatusGone, "used before")
	refusedWith(t, b.post(path, nil), http.StatusGone, "used before")
	w.grants("queryauthcode@@@second")
	refusedWith(t, late.get(lateBack+"&auth_code=queryauthcode@@@second"), http.StatusConflict, "used before")
	if len(w.links.codes) != 1 {
		t.Errorf("codes sent: %v", w.links.codes)
	}
}

// What somebody else brings, or what comes at the wrong time or place, is refused
// before anything is used up or sent.
func TestAccountLinkRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil  func(w *world, b *browser, back string) string // gives where to go
		status int
		words  string
	}{
		"another browser": {func(w *world, b *browser, back string) string { clear(b.cookies); return back }, 400, "another browser"},
		"no state":        {func(_ *world, _ *browser, back string) string { return strings.Replace(back, "state=", "x=", 1) }, 400, "another browser"},
		"two states":      {func(_ *world, _ *browser, back string) string { return back + "&state=" + strings.Repeat("a", 64) }, 400, "another browser"},
		"a login's state": {func(_ *world, b *browser, _ string) string {
			return "/link/callback/isv?auth_code=" + authCode + "&state=" + b.begin("/login")
		}, 400, "another browser"},
		"too late":           {func(w *world, _ *browser, back string) string { w.clock.add(stateLife); return back }, 400, "ten minutes ago"},
		"the wrong host":     {func(_ *world, b *browser, back string) string { b.host = "evil.example.com"; return back }, 421, ""},
		"another platform":   {func(_ *world, _ *browser, back string) string { return strings.Replace(back, "/isv", "/isv2", 1) }, 400, "another browser"},
		"no platform":        {func(_ *world, _ *browser, back string) string { return strings.Replace(back, "/isv", "/svc", 1) }, 404, ""},
		"no code":            {func(_ *world, _ *browser, back string) string { return strings.Replace(back, "auth_code", "x", 1) }, 400, "no code"},
		"two codes":          {func(_ *world, _ *browser, back string) string { return back + "&auth_code=x" }, 400, "no code"},
		"a script as a code": {func(_ *world, _ *browser, back string) string { return back + "%3Cscript%3E" }, 400, "no code"},
		"a clock set back": {func(w *world, _ *browser, back string) string {
			w.store.highest = w.clock.now().Add(time.Hour)
			return back
		}, 503, "clock"},
	} {
		w := newWorld(t)
		w.store.apps = append(w.store.apps, access.App{ID: "isv2", Kind: access.Component, AppID: "wx00000000000000d5", CallbackHost: host})
		b := w.browser(uaPC)
		w.grants(authCode)
		back := b.goOn(w.linkFor(grant.Link{})) + "&auth_code=" + authCode
		rec := b.get(tt.spoil(w, b, back))
		if rec.Code != tt.status || !strings.Contains(rec.Body.String(), tt.words) {
			t.Errorf("%s: %d, want %d: %s", name, rec.Code, tt.status, rec.Body)
		}
		if len(w.store.callbacks)+len(w.links.codes) > 0 {
			t.Errorf("%s: used %v, sent %v", name, w.store.callbacks, w.links.codes)
		}
		w.noSecrets("bait-0001")
	}
}

// A preview's HEAD uses nothing up.
func TestAccountLinkSurvivesAPreview(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	w.grants(authCode)
	back := b.goOn(w.linkFor(grant.Link{})) + "&auth_code=" + authCode
	if rec := b.send(http.MethodHead, back, nil); rec.Code != http.StatusBadRequest || len(w.store.callbacks) > 0 {
		t.Errorf("%d, used %v", rec.Code, w.store.callbacks)
	}
	leadsTo(t, b.get(back), "/linked")
}

// A link that is over, damaged, somebody else's invention, or of a platform that is
// not there leads nowhere.
func TestAccountLinkThatIsNone(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	good := w.linkFor(grant.Link{})
	other := newWorld(t).linkFor(grant.Link{})
	for _, tt := range []struct {
		name   string
		path   string
		before func()
		status int
	}{
		{"another server's", other, func() {}, 404},
		{"damaged", good[:len(good)-2], func() {}, 404},
		{"invented", "/link/x", func() {}, 404},
		{"very long", "/link/" + strings.Repeat("A", 2000), func() {}, 404},
		{"another host", good, func() { b.host = "evil.example.com" }, 421},
		{"the store is away", good, func() { w.store.fail["StateUsed"] = errDown }, 500},
		{"over", good, func() { w.clock.add(grant.LinkLife) }, 410},
	} {
		tt.before()
		for _, rec := range []*httptest.ResponseRecorder{b.get(tt.path), b.post(tt.path, nil)} {
			if rec.Code != tt.status && tt.name != "over" || rec.Code/100 == 2 || rec.Code == 303 {
				t.Errorf("%s: %d, want %d", tt.name, rec.Code, tt.status)
			}
		}
		b.host = w.base.Host
		delete(w.store.fail, "StateUsed")
	}
	if len(w.links.asked) > 0 {
		t.Errorf("WeChat was asked for %v", w.links.asked)
	}
	w.store.apps = w.store.apps[:0]
	refusedWith(t, b.get(good), http.StatusNotFound, "")
}

// What WeChat or the store does not give is a page with a way on, and the link is
// used up.
func TestAccountLinkFails(t *testing.T) {
	for name, tt := range map[string]struct {
		err    error
		status int
		words  string
	}{
		"another platform's code": {wechatError(61009), 502, "61009"},
		"the answer is lost":      {&wechat.Error{Op: "x", Outcome: wechat.OutcomeUnknown}, 502, "did not arrive"},
		"another account":         {grant.ErrOtherAccount, 403, "Another account"},
		"another system":          {grant.ErrAway, 409, "Another system"},
	} {
		w := newWorld(t)
		b := w.browser(uaPC)
		path := w.linkFor(grant.Link{})
		w.links.err = tt.err
		refusedWith(t, b.authorises(path, authCode), tt.status, tt.words)
		w.links.err = nil
		refusedWith(t, b.get(path), http.StatusGone, "used before")
		if len(w.tally.entries) == 0 || w.tally.entries[0].Action != "account.exchange" {
			t.Errorf("%s: recorded %+v", name, w.tally.entries)
		}
		w.noSecrets("bait-0001")
	}
}

// A push may have brought the code before: then all is well.
func TestAccountLinkHeardOfBefore(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	w.links.err = grant.ErrCodeUsed
	leadsTo(t, b.authorises(w.linkFor(grant.Link{}), authCode), "/linked")
	if doc := b.get("/linked").Body.String(); !strings.Contains(doc, "has arrived") {
		t.Error(doc)
	}
}

// Neither a platform without tickets nor a store that is away sends anybody to
// WeChat, or a code there.
func TestAccountLinkInTrouble(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	path := w.linkFor(grant.Link{})
	w.links.urlErr = errors.New("no ticket")
	refusedWith(t, b.post(path, nil), http.StatusServiceUnavailable, "does not let the platform ask")
	if len(b.cookies) > 0 {
		t.Errorf("cookies %v", b.cookies)
	}
	w.links.urlErr = nil
	back := b.goOn(path)
	w.store.fail["UseState"] = errDown
	refusedWith(t, b.get(back+"&auth_code="+authCode), http.StatusServiceUnavailable, "could not keep")
	if len(w.links.codes) > 0 {
		t.Errorf("codes sent: %v", w.links.codes)
	}
}

// Somebody who begins again and again is going in circles.
func TestAccountLinkLoop(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	path := w.linkFor(grant.Link{})
	for range maxStates {
		b.goOn(path)
	}
	if rec := b.post(path, nil); rec.Code != http.StatusTooManyRequests || len(w.links.asked) != maxStates {
		t.Errorf("%d after %d", rec.Code, len(w.links.asked))
	}
}

// Links are made for platforms with a host only.
func TestLinkAddressRefuses(t *testing.T) {
	w := newWorld(t)
	for name, app := range map[string]access.App{
		"no platform": {ID: "svc", Kind: access.ServiceAccount, CallbackHost: host},
		"no host":     {ID: "isv", Kind: access.Component},
	} {
		if got, err := w.login.LinkAddress(app, grant.Link{}); err == nil {
			t.Errorf("%s: %s", name, got)
		}
	}
	shut := newWorld(t)
	path := shut.linkFor(grant.Link{})
	shut.login.o.Links = nil
	refusedWith(t, shut.browser(uaPC).get(path), http.StatusNotFound, "")
}

// The words of every kind are there in both languages, and a page in every state has
// its words.
func TestAccountPagesHaveWords(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	for _, kind := range []grant.LinkKind{"", grant.LinkOfficial, grant.LinkMini, grant.LinkOfficialMini, grant.LinkPromoter, grant.LinkChannels, grant.LinkTalent, grant.LinkAll} {
		for _, lang := range []string{"en", "zh-CN"} {
			b.lang = lang
			if doc := b.get(w.linkFor(grant.Link{Kind: kind})).Body.String(); strings.Contains(doc, "login.") {
				t.Errorf("kind %q in %s: words are missing:\n%s", kind, lang, doc)
			}
		}
	}
	if doc := b.get(w.linkFor(grant.Link{AppID: miniID})).Body.String(); !strings.Contains(doc, miniID) {
		t.Errorf("the account is not named:\n%s", doc)
	}
	b.authorises(w.linkFor(grant.Link{}), authCode)
	if doc := b.get("/linked").Body.String(); strings.Contains(doc, "login.") {
		t.Errorf("words are missing:\n%s", doc)
	}
}

// FuzzLinkOf: an address that we did not make is refused and breaks nothing.
func FuzzLinkOf(f *testing.F) {
	for _, seed := range []string{"", "x", "AAAA", strings.Repeat("A", 2000), "%2e%2e", "AQID_-", "AQID=="} {
		f.Add(seed)
	}
	l := &Login{o: Options{Vault: testVault(f), Now: time.Now}}
	f.Fuzz(func(t *testing.T, token string) {
		if c, err := l.unsealLink(token); err == nil {
			t.Errorf("%q is taken for the link %+v", token, c)
		}
	})
}
