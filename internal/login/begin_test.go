package login

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
)

// The user agent picks the door. The emulator's phone counts on this machine
// only, whatever a browser claims elsewhere.
func TestDoors(t *testing.T) {
	phone := map[string]string{"wechatsim_ua": "wechat"}
	tests := []struct {
		name, public, ua string
		cookies          map[string]string
		path             string
	}{
		{"WeChat", "https://" + host, uaWeChat, nil, "/connect/oauth2/authorize"},
		{"PC", "https://" + host, uaPC, nil, "/connect/qrconnect"},
		{"WeCom is not WeChat", "https://" + host, uaWeCom, nil, "/connect/qrconnect"},
		{"no agent", "https://" + host, "", nil, "/connect/qrconnect"},
		{"phone cookie, public", "https://" + host, uaPC, phone, "/connect/qrconnect"},
		{"phone cookie, public name like localhost", "https://localhost.example.com", uaPC, phone, "/connect/qrconnect"},
		{"phone cookie, loopback", "http://localhost:8080", uaPC, phone, "/connect/oauth2/authorize"},
		{"phone cookie, loopback address", "http://127.0.0.1:8080", uaPC, phone, "/connect/oauth2/authorize"},
		{"other phone cookie, loopback", "http://localhost:8080", uaPC, map[string]string{"wechatsim_ua": "pc"}, "/connect/qrconnect"},
		{"PC, loopback", "http://localhost:8080", uaPC, nil, "/connect/qrconnect"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorldAt(t, tt.public)
			b := w.browser(tt.ua)
			if tt.cookies != nil {
				b.cookies = tt.cookies
			}
			u, err := url.Parse(b.get("/login").Header().Get("Location"))
			must(t, err)
			if u.Path != tt.path {
				t.Errorf("door %s, want %s", u.Path, tt.path)
			}
			back, err := url.Parse(u.Query().Get("redirect_uri"))
			must(t, err)
			if back.Scheme+"://"+back.Host != tt.public || !strings.HasPrefix(back.Path, "/oauth/callback/") {
				t.Errorf("redirect_uri %s", back)
			}
			if !validState(u.Query().Get("state")) {
				t.Errorf("state %q", u.Query().Get("state"))
			}
		})
	}
}

// The callback address comes from configuration, whatever a request says.
func TestHostileHostChangesNothing(t *testing.T) {
	w := newWorld(t)
	for _, hostile := range []string{"evil.example", host + ".evil.example", host + ":8443", "127.0.0.1"} {
		r := w.browser(uaPC).request(http.MethodGet, "/login", nil)
		r.Host = hostile
		for _, h := range []string{"X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "Forwarded", "X-Original-Host"} {
			r.Header.Set(h, "evil.example")
		}
		rec := w.serve(r)
		u, err := url.Parse(rec.Header().Get("Location"))
		must(t, err)
		if got := u.Query().Get("redirect_uri"); got != "https://"+host+"/oauth/callback/site" {
			t.Errorf("Host %s: redirect_uri %s", hostile, got)
		}
	}
}

// Beginning writes nothing durable: neither a GET of a login nor the agreement.
func TestBeginWritesNothing(t *testing.T) {
	w := newWorld(t)
	token, _ := w.invite()
	b := w.browser(uaWeChat)
	b.begin("/login")
	b.get("/i/" + token)
	b.post("/i/"+token, url.Values{"version": {w.login.consent}})
	if n := len(w.store.callbacks) + len(w.store.sessions) + len(w.store.persons) + len(w.store.audit); n != 0 {
		t.Errorf("%d rows were written", n)
	}
	if !w.store.highest.IsZero() || w.store.invitations[0].State != access.InvitationOpen {
		t.Error("the store was changed")
	}
}

func TestLiveSessionGoesStraightBack(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	b.logIn("code1", openID)
	rec := b.get("/login?rd=/shops/lantian")
	if rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != "/shops/lantian" {
		t.Errorf("%d to %q", rec.Code, rec.Header().Get("Location"))
	}
}

func TestLoginPages(t *testing.T) {
	tests := []struct {
		name, path, ua string
		spoil          func(*world)
		status         int
		words          string
	}{
		{"unknown shop", "/login?shop=nope", uaPC, nil, 404, "no such shop"},
		{"PC without a website app", "/login", uaPC, func(w *world) { w.store.apps = w.store.apps[2:] }, 503, "Open this link inside WeChat"},
		{"WeChat without a service account", "/login", uaWeChat, func(w *world) { w.store.apps = w.store.apps[:1] }, 503, "Open this link in a browser on a PC"},
		{"an app without a secret", "/login", uaWeChat, func(w *world) { w.store.apps[1].Secret = nil }, 503, "is not set up"},
		{"an app without a callback host", "/login", uaWeChat, func(w *world) { w.store.apps[1].CallbackHost = "" }, 503, "is not set up"},
		{"the store is down", "/login", uaPC, func(w *world) { w.store.fail["Apps"] = errDown }, 500, "The server made a mistake"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			if tt.spoil != nil {
				tt.spoil(w)
			}
			refusedWith(t, w.browser(tt.ua).get(tt.path), tt.status, tt.words)
		})
	}
}

// Of several apps the one whose callback arrives here is taken, then the
// first by id.
func TestFirstApp(t *testing.T) {
	w := newWorld(t)
	other := w.store.apps[1]
	other.ID, other.CallbackHost = "aaa", "old.example.com"
	twin := w.store.apps[1]
	twin.ID = "svb"
	w.store.apps = append(w.store.apps, other, twin)
	app, ok, err := w.login.firstApp(t.Context(), access.ServiceAccount)
	if err != nil || !ok || app.ID != "svb" {
		t.Errorf("%q %v %v, want svb", app.ID, ok, err)
	}
}

// Addresses that must never be where a login ends.
var hostileReturns = []string{
	"//evil.example", "///evil.example", "////evil.example", `/\evil.example`, `\\evil.example`, `/\/evil.example`,
	"https://evil.example", "http://evil.example", "HTTPS://EVIL.EXAMPLE", "https:evil.example", "https:/evil.example",
	"https:///evil.example", `https:\\evil.example`, "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x",
	"https://" + host + "@evil.example", "https://" + host + ".evil.example", "https://evil.example/" + host,
	"https://evil.example#" + host, "https://" + host + ":443@evil.example", "https://evil.example?" + host,
	"/%2fevil.example", "/%2f%2fevil.example", "/%5cevil.example", "/%255cevil.example", "%2f%2fevil.example",
	"/.//evil.example", "/..//evil.example", "/a/..//evil.example", "/a/../../evil.example", "/%2e%2e/evil", "/./evil",
	"\t//evil.example", "/\t/evil.example", "/\n/evil.example", "/\r\nLocation: https://evil.example", "/%0d%0aSet-Cookie:a=b", "/%09/evil.example",
	" https://evil.example", "/ /evil.example", "evil.example", "evil", "?//evil.example", "#//evil.example", "/a#//evil.example",
	"/ok//evil.example", "/;//evil.example", "/a;/..//evil", "/\u2215evil.example", "/\uff0fevil.example", "https://evil\u3002example",
	"/\x00", "/%00", "ftp://" + host, "wss://" + host, "http://" + host, "//" + host, "https://" + host + ":8443/", "mailto:a@b.c", "..", ".", "/..", "/.", "~",
	strings.Repeat("/a", 2000), "/%", "/%zz", "vbscript:x", "https://[::1]/", "https://0x7f000001/", "//google.com/%2f..",
}

// No login leaves the list of allowed places, by any parameter of any page.
func TestHostileReturns(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	inside := w.browser(uaPC)
	inside.logIn("code1", openID)
	for _, rd := range hostileReturns {
		q := url.Values{"rd": {rd}}
		for _, path := range []string{"/login", "/login?switch=1&", "/login?as=admin&", "/admin/login"} {
			sep := "?"
			if strings.Contains(path, "?") {
				sep = ""
			}
			for _, who := range []*browser{b, inside} {
				rec := who.get(path + sep + q.Encode())
				if rec.Code != http.StatusBadRequest || rec.Header().Get("Location") != "" {
					t.Errorf("%s rd=%q: %d to %q", path, rd, rec.Code, rec.Header().Get("Location"))
				}
			}
		}
		for _, path := range []string{"/login/switch", "/admin/login"} {
			if rec := b.post(path, q); rec.Code != http.StatusBadRequest {
				t.Errorf("POST %s rd=%q: %d", path, rd, rec.Code)
			}
		}
	}
	if !slices.Contains(w.tally.reasons(), "login.begin refused return-address") {
		t.Error("hostile return addresses are not recorded")
	}
	if _, _, ok := inside.current(); !ok {
		t.Error("a hostile switch ended the session")
	}
}

// A browser that goes in circles gets a page in place of the sixth redirect
// within a minute, and is let go on after it.
func TestLoopGuard(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	for range maxStates {
		b.begin("/login")
		w.clock.add(5 * time.Second)
	}
	rec := b.get("/login")
	refusedWith(t, rec, http.StatusTooManyRequests, "several times within a minute")
	if rec.Header().Get("Retry-After") != "60" {
		t.Errorf("Retry-After %q", rec.Header().Get("Retry-After"))
	}
	w.browser(uaPC).begin("/login") // others are not held up
	w.clock.add(35 * time.Second)
	b.begin("/login")
}

// At most five logins are outstanding in one browser; the oldest goes first.
func TestOutstandingStates(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	w.answer("code1", openID)
	var states []string
	for range maxStates + 2 {
		states = append(states, b.begin("/login"))
		w.clock.add(20 * time.Second)
	}
	var kept []string
	for name := range b.cookies {
		if strings.HasPrefix(name, "__Host-zg_state_") {
			kept = append(kept, name)
		}
	}
	if len(kept) != maxStates {
		t.Fatalf("%d states kept, want %d", len(kept), maxStates)
	}
	refusedWith(t, b.callback("code1", states[1]), http.StatusBadRequest, "does not belong")
	if rec := b.callback("code1", states[2]); rec.Code != http.StatusSeeOther {
		t.Errorf("an outstanding login was refused: %d", rec.Code)
	}
	// Expired ones are cleared away at the next beginning.
	w.clock.add(time.Hour)
	b.post("/logout", nil)
	b.begin("/login?go=1")
	n := 0
	for name := range b.cookies {
		if strings.HasPrefix(name, "__Host-zg_state_") {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d states after an hour, want the new one only", n)
	}
}

// Switching says what it can do, ends the old session by POST only, and asks
// WeChat again.
func TestSwitchAccount(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct{ ua, words string }{
		{uaWeChat, "WeChat alone decides the account"},
		{uaPC, "scan the QR code with another WeChat account"},
	} {
		b := w.browser(tt.ua)
		b.logIn(fmt.Sprintf("code%d", len(tt.words)), openID)
		rec := b.get("/login?switch=1&rd=/shops/lantian")
		if rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), tt.words) {
			t.Errorf("%d, want %q in:\n%s", rec.Code, tt.words, rec.Body)
		}
		if _, _, ok := b.current(); !ok {
			t.Fatal("a GET ended the session")
		}
		stateOf(t, b.post("/login/switch", url.Values{"rd": {"/shops/lantian"}}))
		if _, _, ok := b.current(); ok || b.sessionToken() != "" {
			t.Error("the old session lives on")
		}
	}
}

// Forms from other sites change nothing.
func TestForeignForms(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	b.logIn("code1", openID)
	s, _, _ := b.current()
	for _, path := range []string{"/logout", "/login/switch", "/sessions/" + s.ID + "/end", "/withdraw", "/link", "/admin/login", "/setup/x", "/i/x"} {
		r := b.request(http.MethodPost, path, nil)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if rec := w.serve(r); rec.Code != http.StatusForbidden {
			t.Errorf("%s from another site: %d", path, rec.Code)
		}
	}
	if _, _, ok := b.current(); !ok {
		t.Error("another site ended the session")
	}
}

// Behind a path prefix every address of ours carries it.
func TestPathPrefix(t *testing.T) {
	w := newWorldAt(t, "https://"+host+"/keys")
	b := w.browser(uaPC)
	w.answer("code1", openID)
	rec := b.get("/keys/login?rd=/keys/shops")
	u, err := url.Parse(rec.Header().Get("Location"))
	must(t, err)
	if got := u.Query().Get("redirect_uri"); got != "https://"+host+"/keys/oauth/callback/site" {
		t.Errorf("redirect_uri %s", got)
	}
	rec = b.get("/keys/oauth/callback/site?code=code1&state=" + u.Query().Get("state"))
	if got := rec.Header().Get("Location"); got != "/keys/shops" {
		t.Errorf("%d to %q", rec.Code, got)
	}
	if rec := b.post("/keys/logout", nil); rec.Header().Get("Location") != "/keys/logout" {
		t.Errorf("logout goes to %q", rec.Header().Get("Location"))
	}
	if body := b.get("/keys/logout").Body.String(); !strings.Contains(body, `href="/keys/login"`) {
		t.Errorf("links lack the prefix:\n%s", body)
	}
}
