package login

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// In WeChat a page that wants a login is followed by the login, and comes back.
func TestSilentLogin(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaWeChat)
	b.logIn("code1", openID)
	w.clock.add(8 * 24 * time.Hour) // idle for too long
	login := goes(t, b.visit("/sessions?page=2"))
	u, err := url.Parse(login)
	must(t, err)
	if u.Path != "/login" {
		t.Fatalf("sent to %s", login)
	}
	w.answer("code2", openID)
	back := goes(t, b.callback("code2", b.begin(login)))
	if !strings.HasPrefix(back, "/sessions?page=2&zg_back=") {
		t.Errorf("back at %s", back)
	}
	if rec := b.visit(back); rec.Code != http.StatusOK {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

// Only somebody who goes to a page is sent away; a script learns that it is out.
func TestSilentLoginIsForNavigations(t *testing.T) {
	w := newWorld(t)
	for name, tt := range map[string]struct {
		ua      string
		headers map[string]string
		silent  bool
	}{
		"a tap":               {uaWeChat, map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, true},
		"an old phone":        {uaWeChat, map[string]string{"Accept": "text/html,*/*", "X-Requested-With": "com.tencent.mm"}, true},
		"fetch":               {uaWeChat, map[string]string{"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Accept": "text/html"}, false},
		"a picture":           {uaWeChat, map[string]string{"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, false},
		"a frame":             {uaWeChat, map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, false},
		"XHR of an old phone": {uaWeChat, map[string]string{"Accept": "text/html", "X-Requested-With": "XMLHttpRequest"}, false},
		"JSON":                {uaWeChat, map[string]string{"Accept": "application/json"}, false},
		"a PC":                {uaPC, map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, false},
		"WeCom":               {uaWeCom, map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, false},
	} {
		rec := w.browser(tt.ua).with("/sessions", tt.headers)
		if tt.silent && rec.Code != http.StatusSeeOther || !tt.silent && rec.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, rec.Code)
		}
	}
	b := w.browser(uaWeChat)
	if rec := b.post("/sessions/x/end", nil); rec.Code != http.StatusUnauthorized {
		t.Errorf("a form: %d", rec.Code)
	}
}

// A browser that drops every cookie meets a page after one round, wherever it
// drops them.
func TestSilentLoginEndsWithoutCookies(t *testing.T) {
	w := newWorld(t)
	w.answer("code1", openID)
	b := w.browser(uaWeChat)
	state := b.begin(goes(t, b.visit("/sessions")))
	back := goes(t, b.callback("code1", state))
	clear(b.cookies)
	rec := b.visit(back)
	refusedWith(t, rec, http.StatusUnauthorized, "did not keep it")
	if !strings.Contains(rec.Body.String(), "/login?rd=") || !slices.Contains(w.tally.reasons(), "login.silent refused cookies") {
		t.Errorf("no way on, or not told: %v\n%s", w.tally.reasons(), rec.Body)
	}
	// It dropped them before WeChat sent it back.
	clear(b.cookies)
	state = b.begin(goes(t, b.visit("/sessions")))
	clear(b.cookies)
	refusedWith(t, b.callback("code2", state), http.StatusBadRequest, "Cookies must be allowed")
	// Later it may try again.
	w.clock.add(2 * time.Minute)
	if got := goes(t, b.visit(back)); !strings.HasPrefix(got, "/login?") {
		t.Errorf("after a while: %s", got)
	}
	// A mark of the future, or none, is no reason to refuse.
	for _, odd := range []string{"zzzzzzzzz", "%00", ""} {
		if got := goes(t, b.visit("/sessions?zg_back="+odd)); !strings.HasPrefix(got, "/login?") {
			t.Errorf("mark %q: %s", odd, got)
		}
	}
}

// When nobody can be asked who is in, nobody is sent in circles.
func TestSilentLoginWithTheStoreDown(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaWeChat)
	b.logIn("code1", openID)
	w.store.fail["SessionByToken"] = errDown
	if rec := b.visit("/sessions"); rec.Code != http.StatusInternalServerError {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

// The start page brings back whom it knows, and nobody who logged out.
func TestResume(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaWeChat)
	resume := func(mode string) bool {
		r := b.request(http.MethodGet, "/", nil)
		r.Header.Set("Sec-Fetch-Mode", mode)
		sent, err := w.login.Resume(b.w.recorder(), r)
		must(t, err)
		return sent
	}
	if resume("navigate") {
		t.Error("a stranger is sent to WeChat")
	}
	b.logIn("code1", openID)
	w.clock.add(8 * 24 * time.Hour)
	if !resume("navigate") || resume("cors") {
		t.Error("whoever was here is not brought back, or a script is")
	}
	b.logIn("code2", openID)
	b.post("/logout", nil)
	if resume("navigate") {
		t.Error("whoever logged out is brought back")
	}
}

// What somebody ended stays ended until a tap: by logging out here, or from elsewhere.
func TestWhatWasEndedIsNotBegunAgainSilently(t *testing.T) {
	for name, end := range map[string]func(*world, *browser){
		"logged out here": func(_ *world, b *browser) { b.post("/logout", url.Values{}) },
		"ended elsewhere": func(w *world, _ *browser) {
			_, err := w.store.EndSessions(t.Context(), grant.Effects{At: w.clock.now(), EndSessions: []access.SessionFilter{{ID: w.store.sessions[0].ID, Why: "ended"}}})
			must(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			b := w.browser(uaWeChat)
			b.logIn("code1", openID)
			end(w, b)
			if rec := b.visit("/sessions"); rec.Code != http.StatusUnauthorized {
				t.Errorf("status %d, to %q", rec.Code, rec.Header().Get("Location"))
			}
			w.answer("code2", openID)
			b.callback("code2", b.begin("/login"))
			if rec := b.visit("/sessions"); rec.Code != http.StatusOK {
				t.Errorf("after a tap: status %d", rec.Code)
			}
		})
	}
}
