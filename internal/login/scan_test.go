package login

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// pc is a computer that shows a code of ours.
type pc struct {
	*browser
	page   string // its own
	code   string // what the code says, without our host
	number string
}

var codeNumber = regexp.MustCompile(`<strong>([0-9]{2})</strong>`)

// showCode opens the login on a new PC until it shows a code.
func (w *world) showCode(path string) pc {
	w.t.Helper()
	p := pc{browser: w.browser(uaPC)}
	for p.page = goes(w.t, p.get(path)); !strings.HasPrefix(p.page, "/login/scan/"); {
		p.page = goes(w.t, p.get(p.page))
	}
	shown := p.get(p.page)
	m := codeNumber.FindStringSubmatch(shown.Body.String())
	if shown.Code != http.StatusOK || m == nil || !strings.Contains(shown.Body.String(), `http-equiv="refresh" content="3"`) {
		w.t.Fatalf("no code: %d %s", shown.Code, shown.Body)
	}
	var n scanNote
	name := "zg_scan_" + strings.TrimPrefix(p.page, "/login/scan/")
	must(w.t, w.login.openCookie(name, p.cookies["__Host-"+name], &n))
	p.code, p.number = "/scan/"+n.Text, m[1]
	return p
}

// phone is somebody in WeChat who logged in just now.
func (w *world) phone(code, openid string) *browser {
	w.t.Helper()
	b := w.browser(uaWeChat)
	b.logIn(code, openid)
	return b
}

// wrong is a number that the PC does not show.
func (p pc) wrong(t *testing.T, asked *httptest.ResponseRecorder) string {
	t.Helper()
	for _, m := range regexp.MustCompile(`name="number" value="([0-9]{2})"`).FindAllStringSubmatch(asked.Body.String(), -1) {
		if m[1] != p.number {
			return m[1]
		}
	}
	t.Fatalf("no other number: %s", asked.Body)
	return ""
}

func (b *browser) pick(p pc, number string) *httptest.ResponseRecorder {
	return b.post(p.code, url.Values{"number": {number}})
}

// A phone approves the PC whose number it picks, and the PC gets one session.
func TestScan(t *testing.T) {
	w := newWorld(t)
	p := w.showCode("/login/scan?rd=/shops/lantian")
	if n := len(w.store.scans) + len(w.store.audit) + len(w.store.callbacks); n != 0 {
		t.Errorf("beginning wrote %d rows", n)
	}
	phone := w.phone("code1", openID)
	asked := phone.get(p.code)
	for _, words := range []string{"Chrome · Windows", "only if you sit at this computer", p.number, "小兰", "That was not me"} {
		if !strings.Contains(asked.Body.String(), words) {
			t.Errorf("the phone's page lacks %q: %s", words, asked.Body)
		}
	}
	if done := phone.pick(p, p.number); done.Code != http.StatusOK || !strings.Contains(done.Body.String(), "Look at the computer") {
		t.Fatalf("%d %s", done.Code, done.Body)
	}
	if got := goes(t, p.get(p.page)); got != "/shops/lantian" {
		t.Errorf("the PC is sent to %s", got)
	}
	s, who, ok := p.current()
	if !ok || who.ID != w.personOf("svc", openID) || s.Door != access.DoorQR || s.App != "svc" || s.Device != "Chrome · Windows" {
		t.Errorf("session %+v of %+v", s, who)
	}
	if mine, _, _ := phone.current(); mine.ID == s.ID || !mine.ProvedAt.Equal(s.ProvedAt) {
		t.Errorf("the phone's session %+v, the PC's %+v", mine, s)
	}
	var told []string
	for _, e := range w.store.audit {
		told = append(told, e.Action+" "+string(e.Outcome))
	}
	if !slices.Contains(told, "scan.answer done") || len(w.store.notices) != 0 {
		t.Errorf("audit %v, notices %v", told, w.store.notices)
	}
	w.noSecrets(strings.TrimPrefix(p.code, "/scan/"), p.sessionToken())
}

// The first login without a session goes by WeChat, silently, and comes back to the
// question.
func TestScanLogsThePhoneIn(t *testing.T) {
	w := newWorld(t)
	p := w.showCode("/login/scan")
	phone := w.browser(uaWeChat)
	w.answer("code1", openID)
	back := goes(t, phone.callback("code1", phone.begin(goes(t, phone.visit(p.code)))))
	if !strings.HasPrefix(back, p.code+"?zg_back=") {
		t.Fatalf("back at %s", back)
	}
	if rec := phone.visit(back); rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), "Which number") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	// Somebody whom WeChat named long ago is named again first.
	w.clock.add(11 * time.Minute)
	p = w.showCode("/login/scan")
	if got := goes(t, phone.visit(p.code)); !strings.HasPrefix(got, "/login?prove=1&rd=") {
		t.Errorf("an old proof: %s", got)
	}
	if got := goes(t, phone.pick(p, p.number)); got != p.code {
		t.Errorf("an old proof approves: %s", got)
	}
	// A phone that keeps no cookies is not sent in circles.
	blind := w.browser(uaWeChat)
	u, err := url.Parse(goes(t, blind.visit(p.code)))
	must(t, err)
	clear(blind.cookies)
	refusedWith(t, blind.visit(u.Query().Get("rd")), http.StatusUnauthorized, "did not keep it")
}

// What does not approve ends the code, and the PC says so.
func TestScanIsRefused(t *testing.T) {
	w := newWorld(t)
	phone := w.phone("code1", openID)
	p := w.showCode("/login/scan?rd=/shops/lantian")
	refusedWith(t, phone.pick(p, p.wrong(t, phone.get(p.code))), http.StatusForbidden, "another number")
	refusedWith(t, p.get(p.page), http.StatusForbidden, "refused on the phone")
	refusedWith(t, phone.pick(p, p.number), http.StatusConflict, "answered before")
	if len(w.store.notices) != 0 {
		t.Errorf("notices %v", w.store.notices)
	}
	p = w.showCode("/login/scan")
	if rec := phone.pick(p, "none"); rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), "Nobody was logged in") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	refusedWith(t, p.get(p.page), http.StatusForbidden, "refused on the phone")
	if len(w.store.notices) != 1 || w.store.notices[0].Kind != notice.LoginDenied || w.store.notices[0].Details["device"] != "Chrome · Windows" {
		t.Errorf("notices %v", w.store.notices)
	}
	p = w.showCode("/login/scan")
	for _, odd := range []string{"", "100", "-1", "x"} {
		refusedWith(t, phone.pick(p, odd), http.StatusBadRequest, "form")
	}
	if n := len(w.store.live(w.clock.now())); n != 1 {
		t.Errorf("%d sessions, want the phone's", n)
	}
}

// A code lives two minutes, and its PC asks no longer.
func TestScanIsOver(t *testing.T) {
	w := newWorld(t)
	phone := w.phone("code1", openID)
	p := w.showCode("/login/scan?rd=/shops/lantian")
	w.clock.add(scanLife)
	refusedWith(t, phone.get(p.code), http.StatusGone, "older than two minutes")
	refusedWith(t, phone.pick(p, p.number), http.StatusGone, "older than two minutes")
	rec := p.get(p.page)
	refusedWith(t, rec, http.StatusGone, "within two minutes")
	if strings.Contains(rec.Body.String(), "http-equiv=\"refresh\"") || !strings.Contains(rec.Body.String(), "/login/scan?rd=%2Fshops%2Flantian") {
		t.Errorf("it goes on asking, or leads nowhere: %s", rec.Body)
	}
	// Approved in time, taken too late.
	p = w.showCode("/login/scan")
	phone.pick(p, p.number)
	w.clock.add(scanLife)
	refusedWith(t, p.get(p.page), http.StatusConflict, "used before, or it was withdrawn")
}

// A session comes once, to the browser that shows the code.
func TestScanIsTakenOnce(t *testing.T) {
	w := newWorld(t)
	phone := w.phone("code1", openID)
	p := w.showCode("/login/scan")
	tab := w.browser(uaPC) // a copy of the cookies, as of a second tab
	maps.Copy(tab.cookies, p.cookies)
	phone.pick(p, p.number)
	thief := w.browser(uaPC)
	refusedWith(t, thief.get(p.page), http.StatusBadRequest, "does not belong to this browser")
	r := p.request(http.MethodHead, p.page, nil)
	if rec := w.serve(r); rec.Header().Get("Set-Cookie") != "" {
		t.Error("a preview took the session")
	}
	p.get(p.page)
	refusedWith(t, tab.get(p.page), http.StatusConflict, "used before")
	tab.cookies["__Host-zg_session"] = p.sessionToken() // the first tab's
	if got := goes(t, tab.get(p.page)); got != "/" {
		t.Errorf("the second tab goes to %s", got)
	}
	if n := len(w.store.live(w.clock.now())); n != 2 {
		t.Errorf("%d sessions, want two", n)
	}
}

// Two tabs have a code each.
func TestScanInTwoTabs(t *testing.T) {
	w := newWorld(t)
	phone := w.phone("code1", openID)
	one := w.showCode("/login/scan?rd=/a")
	second := goes(t, one.get("/login/scan?rd=/b"))
	if second == one.page {
		t.Fatal("both tabs show one code")
	}
	phone.pick(one, one.number)
	if got := goes(t, one.get(one.page)); got != "/a" {
		t.Errorf("the first tab goes to %s", got)
	}
	if rec := one.get(second); rec.Code != http.StatusOK {
		t.Errorf("the second tab: %d", rec.Code)
	}
	for range maxScans + 2 {
		one.get("/login/scan")
	}
	kept := 0
	for name := range one.cookies {
		if strings.HasPrefix(name, "__Host-zg_scan_") {
			kept++
		}
	}
	if kept != maxScans {
		t.Errorf("%d codes are kept, want %d", kept, maxScans)
	}
}

// Whoever ends the session on the phone takes the approval back.
func TestScanEndsWithThePhonesSession(t *testing.T) {
	w := newWorld(t)
	phone := w.phone("code1", openID)
	p := w.showCode("/login/scan")
	phone.pick(p, p.number)
	phone.post("/logout", nil)
	refusedWith(t, p.get(p.page), http.StatusConflict, "withdrawn")
}

// A PC without a session of its own browser replaces what it had.
func TestScanReplacesTheSession(t *testing.T) {
	w := newWorld(t)
	p := pc{browser: w.browser(uaPC)}
	p.logIn("code1", otherID)
	before := p.sessionToken()
	fresh := w.showCode("/login/scan")
	fresh.cookies["__Host-zg_session"] = before
	phone := w.phone("code2", openID)
	phone.pick(fresh, fresh.number)
	fresh.get(fresh.page)
	if fresh.sessionToken() == before {
		t.Error("the session's token is the one from before the login")
	}
	if _, _, ok := p.current(); ok {
		t.Error("the session before lives on")
	}
}

func TestScanPlaces(t *testing.T) {
	w := newWorld(t)
	p := pc{browser: w.browser(uaPC)}
	p.page = goes(t, p.from("203.0.113.77", "/login/scan"))
	var n scanNote
	name := "zg_scan_" + strings.TrimPrefix(p.page, "/login/scan/")
	must(t, w.login.openCookie(name, p.cookies["__Host-"+name], &n))
	phone := w.phone("code1", openID)
	near, far := phone.from("203.0.113.9", "/scan/"+n.Text).Body.String(), phone.from("198.51.100.1", "/scan/"+n.Text).Body.String()
	if !strings.Contains(near, "203.0.113.0/24") || strings.Contains(near, "203.0.113.77") || !strings.Contains(near, "same network") {
		t.Errorf("near: %s", near)
	}
	if !strings.Contains(far, "another network") {
		t.Errorf("far: %s", far)
	}
}

func TestScanPages(t *testing.T) {
	w := newWorld(t)
	phone := w.phone("code1", openID)
	p := w.showCode("/login/scan")
	refusedWith(t, w.browser(uaPC).get(p.code), http.StatusForbidden, "read with WeChat")
	refusedWith(t, w.browser(uaWeCom).get(p.code), http.StatusForbidden, "read with WeChat")
	refusedWith(t, phone.get(p.code+"A"), http.StatusNotFound, "no QR code of ours")
	refusedWith(t, phone.get("/scan/x"), http.StatusNotFound, "no QR code of ours")
	refusedWith(t, w.browser(uaPC).get("/login/scan?rd=//evil.example"), http.StatusBadRequest, "address")
	refusedWith(t, p.get("/login/scan/0000000000000000"), http.StatusBadRequest, "Cookies must be allowed")
	foreign := newWorld(t).showCode("/login/scan")
	refusedWith(t, phone.get(foreign.code), http.StatusNotFound, "no QR code of ours")
	if !slices.Contains(w.tally.reasons(), "scan.open refused scan-unknown") {
		t.Errorf("refusals %v", w.tally.reasons())
	}
	w.store.fail["Scan"] = errDown
	if rec := p.get(p.page); rec.Code != http.StatusInternalServerError {
		t.Errorf("store down: %d", rec.Code)
	}
	w.store.apps = w.store.apps[:1]
	refusedWith(t, w.browser(uaPC).get("/login/scan"), http.StatusServiceUnavailable, "not set up")
}

// Answers are counted for each person.
func TestScanAnswersAreCapped(t *testing.T) {
	w := newWorld(t)
	phone := w.phone("code1", openID)
	for range maxTries {
		p := w.showCode("/login/scan")
		phone.pick(p, "none")
	}
	p := w.showCode("/login/scan")
	refusedWith(t, phone.pick(p, p.number), http.StatusTooManyRequests, "")
}

// Under a clock that is wrong by ten minutes no code begins and none counts.
func TestScanAndClocks(t *testing.T) {
	w := newWorld(t)
	phone := w.phone("code1", openID)
	p := w.showCode("/login/scan")
	phone.pick(p, p.number)
	w.store.highest = w.clock.now().Add(10 * time.Minute)
	refusedWith(t, p.get(p.page), http.StatusServiceUnavailable, "clock")
	w.store.highest = time.Time{}
	w.clock.add(-10 * time.Minute) // this replica is behind the one that made the code
	refusedWith(t, phone.get(w.aheadCode()), http.StatusGone, "older than two minutes")
}

// aheadCode is a code of a replica whose clock is ten minutes ahead.
func (w *world) aheadCode() string {
	w.t.Helper()
	w.clock.add(10 * time.Minute)
	p := w.showCode("/login/scan")
	w.clock.add(-10 * time.Minute)
	return p.code
}

// The PC's choice: WeChat's own page where there is a website app, ours otherwise.
func TestScanBesideAWebsiteApp(t *testing.T) {
	w := newWorld(t)
	p := w.showCode("/login/scan?rd=/shops/lantian")
	if doc := p.get(p.page).Body.String(); !strings.Contains(doc, "/login?go=1&amp;rd=%2Fshops%2Flantian") {
		t.Errorf("no way to WeChat's page: %s", doc)
	}
	w.store.apps = w.store.apps[1:]
	b := w.browser(uaPC)
	page := goes(t, b.get("/login?shop=lantian&rd=/shops/lantian"))
	if page != "/login/scan?rd=%2Fshops%2Flantian&shop=lantian" {
		t.Fatalf("sent to %s", page)
	}
	doc := b.get(goes(t, b.get(page))).Body.String()
	if strings.Contains(doc, "WeChat&#39;s own QR page") || !strings.Contains(doc, "shared computer") {
		t.Errorf("page: %s", doc)
	}
	phone := w.phone("code1", openID)
	q := w.showCode("/login?prove=1&rd=/b")
	phone.pick(q, q.number)
	if got := goes(t, q.get(q.page)); got != "/b" {
		t.Errorf("sent to %s", got)
	}
}

func TestThreeNumbers(t *testing.T) {
	for range 200 {
		all := threeNumbers()
		if slices.Sort(all); len(slices.Compact(slices.Clone(all))) != 3 || all[0] < 10 || all[2] > 99 {
			t.Fatalf("%v", all)
		}
		if n := below(3); n < 0 || n > 2 {
			t.Fatal(n)
		}
	}
}

// FuzzScanCode: whatever an address says, it is a code of ours or none.
func FuzzScanCode(f *testing.F) {
	v := testVault(f)
	l := &Login{o: Options{Vault: v}}
	for _, plain := range []string{`{"v":1,"n":[12,34,56],"r":0,"t":1}`, `{"v":1,"n":[1],"r":9}`, `{"v":2}`, `null`, `[]`} {
		sealed, err := v.Seal(secret.FromString(plain), vault.Scan())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(sealed), plain)
	}
	f.Add("", "")
	f.Fuzz(func(t *testing.T, text, plain string) {
		if _, ok := l.openScan(text); ok && len(text) < 40 {
			t.Errorf("%q is taken for a code", text)
		}
		sealed, err := v.Seal(secret.FromString(plain), vault.Scan())
		if err != nil {
			return // an empty secret is none
		}
		c, ok := l.openScan(base64url(sealed))
		if ok && (len(c.Numbers) != 3 || c.Right < 0 || c.Right > 2 || strconv.Itoa(c.Numbers[c.Right]) == "") {
			t.Errorf("%q became %+v", plain, c)
		}
	})
}
