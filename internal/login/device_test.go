package login

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// childOf gives a login a session of a protected host, whose token is its id.
func (w *world) childOf(s access.Session, id, host string) {
	s.ID, s.TokenHash, s.Parent, s.Host, s.Address = id, access.HashKey(id), s.ID, host, "198.51.100.0/24"
	w.store.sessions = append(w.store.sessions, s)
}

// told gives the notices of new devices so far.
func (w *world) told() (all []notice.Notice) {
	for _, n := range w.store.notices {
		if n.Kind == notice.NewDevice {
			all = append(all, n)
		}
	}
	return all
}

// TestNewDevice: a login of somebody who is known, from a browser that does not know
// them, is told of, once.
func TestNewDevice(t *testing.T) {
	w := newWorld(t)
	phone, other := w.browser(uaWeChat), w.browser(uaWeChat)
	phone.logIn("code1", openID)
	phone.post("/logout", nil)
	phone.logIn("code2", openID)
	if n := w.told(); len(n) != 0 {
		t.Fatalf("a person's first browser was told of: %+v", n)
	}
	other.logIn("code3", openID)
	other.post("/logout", nil)
	other.logIn("code4", openID)
	all := w.told()
	if len(all) != 1 {
		t.Fatalf("%d notices about the second browser", len(all))
	}
	s := w.store.sessions[2]
	if n := all[0]; n.Subject != "session:"+s.ID || n.Details["device"] != "微信 · Android" || n.Details["person"] != s.PersonID || s.ToldAt.IsZero() {
		t.Errorf("notice %+v of session %+v", n, s)
	}
	again := func(b *browser, code, openid string) {
		t.Helper()
		w.answer(code, openid)
		b.callback(code, stateOf(t, b.post("/login/switch", nil)))
	}
	again(other, "code5", "o_demo_other_0002") // somebody's first login, with a browser of others
	again(other, "code6", openID)
	tab := w.browser(uaPC)
	state := tab.begin("/login")
	w.store.identities = append(w.store.identities, access.Identity{App: "site", OpenID: "o_demo_site_0001", PersonID: s.PersonID})
	tab.cookies["__Host-zg_session"] = other.sessionToken()
	w.answer("code7", "o_demo_site_0001")
	tab.callback("code7", state) // its session names them
	if n := w.told(); len(n) != 1 {
		t.Errorf("%d notices in the end", len(n))
	}
	w.noSecrets(phone.sessionToken(), other.sessionToken())
}

// TestDeviceCookieIsSealed: one that is not ours, or of another deployment, names
// nobody and does no harm.
func TestDeviceCookieIsSealed(t *testing.T) {
	w, elsewhere := newWorld(t), newWorld(t)
	stranger := elsewhere.browser(uaWeChat)
	stranger.logIn("code1", openID)
	w.browser(uaWeChat).logIn("code1", openID)
	for i, value := range []string{stranger.cookies["__Host-zg_device"], "x", strings.Repeat("A", 5000)} {
		b := w.browser(uaWeChat)
		b.cookies["__Host-zg_device"] = value
		b.logIn("code2"+string(rune('a'+i)), openID)
		if n := w.told(); len(n) != i+1 {
			t.Errorf("cookie %d: %d notices", i, len(n))
		}
	}
}

// TestCookieOfAnotherDeployment: a session of one server is none on another.
func TestCookieOfAnotherDeployment(t *testing.T) {
	w, elsewhere := newWorld(t), newWorld(t)
	stranger := elsewhere.browser(uaPC)
	stranger.logIn("code1", openID)
	b := w.browser(uaPC)
	b.cookies["__Host-zg_session"] = stranger.sessionToken()
	refusedWith(t, b.get("/sessions"), http.StatusUnauthorized, "/login?rd=%2Fsessions")
	b.logIn("code1", openID)
	if b.sessionToken() == stranger.sessionToken() {
		t.Error("the token of another deployment was taken over")
	}
}

// TestNotMe: the link of a notice shows what it would end, ends it without a login,
// and opens nothing else.
func TestNotMe(t *testing.T) {
	w := newWorld(t)
	w.browser(uaWeChat).logIn("code1", openID)
	thief := w.browser(uaWeChat)
	thief.logIn("code2", openID)
	w.childOf(w.store.sessions[1], "s_erp", "erp.example.com")
	at, err := url.Parse(w.told()[0].Details["link"])
	must(t, err)
	if at.Scheme+"://"+at.Host != w.base.String() {
		t.Errorf("the link leads to %s", at)
	}
	reader := w.browser(uaPC)
	for range 2 { // previews open it, too
		if rec := reader.get(at.Path); rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), "微信 · Android") || strings.Contains(rec.Body.String(), openID) {
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
	}
	if _, _, ok := thief.current(); !ok {
		t.Fatal("looking at the link ended the login")
	}
	w.store.sessions[1].PersonID = "p_same" // linked meanwhile
	if rec := reader.post(at.Path, nil); rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), "The login is ended.") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if _, _, ok := thief.current(); ok {
		t.Error("the login goes on")
	}
	if s := w.store.sessions[2]; s.EndedAt.IsZero() {
		t.Error("what hung on it goes on")
	}
	if reader.sessionToken() != "" {
		t.Error("the link logged somebody in")
	}
	if rec := reader.post(at.Path, nil); rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), "had ended before") {
		t.Errorf("again: %d %s", rec.Code, rec.Body)
	}
	if first := w.store.sessions[0]; !first.EndedAt.IsZero() {
		t.Error("another login of the person ended")
	}
	refusedWith(t, reader.get("/not-me/xyz"), http.StatusNotFound, "not one of ours")
	refusedWith(t, reader.post(at.Path[:len(at.Path)-2], nil), http.StatusNotFound, "not one of ours")
	w.clock.add(31 * 24 * time.Hour)
	refusedWith(t, reader.get(at.Path), http.StatusGone, "expired")
}

// TestSessionsPage: logins with their networks, what hangs on each under it, a mark on
// new devices, and ways to end one, the others, or all.
func TestSessionsPage(t *testing.T) {
	w := newWorld(t)
	phone, pc := w.browser(uaWeChat), w.browser(uaPC)
	phone.logIn("code1", openID)
	w.store.identities = append(w.store.identities, access.Identity{App: "site", OpenID: "o_demo_site_0001", PersonID: w.store.sessions[0].PersonID})
	pc.logIn("code2", "o_demo_site_0001")
	w.store.sessions[0].Address = "192.0.2.0/24"
	w.childOf(w.store.sessions[0], "s_erp", "erp.example.com")
	w.childOf(w.store.sessions[1], "s_crm", "crm.example.com")
	page := phone.get("/sessions").Body.String()
	order := regexp.MustCompile(`(?s)Chrome · Windows.*new device.*crm\.example\.com.*198\.51\.100\.0/24.*微信 · Android.*this browser.*192\.0\.2\.0/24.*erp\.example\.com`)
	reversed := regexp.MustCompile(`(?s)微信 · Android.*this browser.*erp\.example\.com.*Chrome · Windows.*new device.*crm\.example\.com`)
	if !order.MatchString(page) && !reversed.MatchString(page) || !strings.Contains(page, "Not me: end it") {
		t.Errorf("the page:\n%s", page)
	}
	if own := pc.get("/sessions").Body.String(); strings.Contains(own, "Not me: end it") {
		t.Errorf("a browser is warned of itself:\n%s", own)
	}
	if rec := phone.post("/sessions/s_crm/end", nil); rec.Header().Get("Location") != "/sessions" || w.store.sessions[3].EndedAt.IsZero() {
		t.Errorf("a session of a host: %d", rec.Code)
	}
	if rec := phone.post("/logout", url.Values{"all": {"others"}}); rec.Header().Get("Location") != "/sessions" {
		t.Errorf("to %q", rec.Header().Get("Location"))
	}
	_, _, phoneIn := phone.current()
	_, _, pcIn := pc.current()
	if !phoneIn || pcIn || !w.store.sessions[2].EndedAt.IsZero() {
		t.Errorf("the others: phone in %t, PC in %t, its host ended %v", phoneIn, pcIn, w.store.sessions[2].EndedAt)
	}
}

// TestTokenOfAProtectedHost: whoever broke into a protected host has no session here.
func TestTokenOfAProtectedHost(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	b.logIn("code1", openID)
	token, hash := access.NewKey(access.SessionPrefix)
	w.childOf(w.store.sessions[0], "s_erp", "erp.example.com")
	w.store.sessions[1].TokenHash = hash
	b.cookies["__Host-zg_session"] = token.RevealString()
	if _, _, ok := b.current(); ok {
		t.Error("the token of a protected host counts on our own")
	}
	refusedWith(t, b.get("/sessions"), http.StatusUnauthorized, "/login")
}

// TestAnotherToken: a page gives the browser another token when one is due; what fails
// is tried again and harms nobody.
func TestAnotherToken(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	b.logIn("code1", openID)
	w.handler = w.login.Fresh(w.handler)
	before := b.sessionToken()
	if b.get("/sessions"); b.sessionToken() != before {
		t.Error("replaced when none was due")
	}
	w.live.rotate, w.store.fail["Rotate"] = true, errDown
	if rec := b.get("/sessions"); rec.Code != http.StatusOK || b.sessionToken() != before {
		t.Errorf("with the store away: %d", rec.Code)
	}
	delete(w.store.fail, "Rotate")
	if b.post("/link", nil); b.sessionToken() != before {
		t.Error("replaced by a form")
	}
	if b.get("/logout"); b.sessionToken() == before || b.sessionToken() == "" {
		t.Error("not replaced")
	}
	if _, _, ok := b.current(); !ok {
		t.Error("the new token does not count")
	}
	w.noSecrets(before, b.sessionToken())
}

// TestStrangeSystem: a browser that gives itself away is asked to log in.
func TestStrangeSystem(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	b.logIn("code1", openID)
	w.live.strange = "Windows"
	refusedWith(t, b.get("/sessions"), http.StatusUnauthorized, "/login")
	w.live.strange, w.store.fail["Strange"] = "none", errDown
	if _, _, err := w.login.Who(b.request(http.MethodGet, "/", nil)); statusOf(err) != http.StatusInternalServerError {
		t.Errorf("while nobody knows: %v", err)
	}
}

// TestClockTenMinutesOff: a session outlasts a clock that jumps, either way.
func TestClockTenMinutesOff(t *testing.T) {
	for _, by := range []time.Duration{10 * time.Minute, -10 * time.Minute} {
		w := newWorld(t)
		b := w.browser(uaPC)
		b.logIn("code1", openID)
		w.clock.add(by)
		if _, _, ok := b.current(); !ok {
			t.Errorf("the clock %v off logs out", by)
		}
		if rec := b.get("/sessions"); rec.Code != http.StatusOK {
			t.Errorf("the clock %v off: %d", by, rec.Code)
		}
		w.clock.add(-by)
		if _, _, ok := b.current(); !ok {
			t.Errorf("the clock right again after %v logs out", by)
		}
	}
}
