package login

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/web"
)

func TestSessionCookie(t *testing.T) {
	tests := []struct {
		public, name string
		secure       bool
	}{
		{"https://" + host, "__Host-zg_session", true},
		{"http://localhost:8080", "zg_session", false},
	}
	for _, tt := range tests {
		w := newWorldAt(t, tt.public)
		b := w.browser(uaPC)
		b.logIn("code1", openID)
		var found *http.Cookie
		for _, c := range b.last.Result().Cookies() {
			if c.Name == tt.name {
				found = c
			}
		}
		if found == nil {
			t.Fatalf("%s: no cookie %s in %v", tt.public, tt.name, b.last.Header()["Set-Cookie"])
		}
		if found.Secure != tt.secure || !found.HttpOnly || found.SameSite != http.SameSiteLaxMode || found.Path != "/" || found.Domain != "" {
			t.Errorf("cookie %+v", found)
		}
		if !validKey(found.Value, access.SessionPrefix) || found.MaxAge != 30*24*3600 {
			t.Errorf("value %q for %d s", found.Value, found.MaxAge)
		}
	}
}

// The store holds the hash of a token and never the token.
func TestSessionTokenIsHashed(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	b.logIn("code1", openID)
	s := w.store.sessions[0]
	if string(s.TokenHash) != string(access.HashKey(b.sessionToken())) || strings.Contains(s.ID, b.sessionToken()) {
		t.Errorf("session %+v", s)
	}
	if s.Device != "Chrome · Windows" || s.Door != access.DoorQR {
		t.Errorf("device %q, door %q", s.Device, s.Door)
	}
}

// A session that somebody planted before the login is not the session after
// it, and the one that this browser had is dead.
func TestSessionFixation(t *testing.T) {
	w := newWorld(t)
	attacker, victim := w.browser(uaPC), w.browser(uaPC)
	attacker.logIn("code1", "o_demo_other_0002")
	planted := attacker.sessionToken()
	victim.cookies["__Host-zg_session"] = planted
	w.answer("code2", openID)
	state := stateOf(t, victim.post("/login/switch", nil))
	victim.cookies["__Host-zg_session"] = planted
	victim.callback("code2", state)
	if victim.sessionToken() == planted {
		t.Fatal("the planted token became the victim's session")
	}
	if _, _, ok := attacker.current(); ok {
		t.Error("the planted token still counts")
	}
	made := access.SessionPrefix + strings.Repeat("A", 26)
	third := w.browser(uaPC)
	third.cookies["__Host-zg_session"] = made
	third.logIn("code3", openID)
	if third.sessionToken() == made {
		t.Error("a made-up token became a session")
	}
}

// Two cookies of one name are somebody's trick.
func TestDoubleCookie(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	b.logIn("code1", openID)
	r := b.request(http.MethodGet, "/", nil)
	r.Header.Set("Cookie", "__Host-zg_session="+b.sessionToken()+"; __Host-zg_session="+b.sessionToken())
	if _, _, ok := w.login.Current(r); ok {
		t.Error("a doubled cookie counts")
	}
}

// Idle and absolute ends, to the second.
func TestSessionLimits(t *testing.T) {
	day := 24 * time.Hour
	tests := []struct {
		name string
		uses []time.Duration // waits between uses; the last one decides
		live bool
	}{
		{"idle, the last second", []time.Duration{7*day - time.Second}, true},
		{"idle, over", []time.Duration{7 * day}, false},
		{"used in between", []time.Duration{6 * day, 6 * day}, true},
		{"used in between, then idle", []time.Duration{6 * day, 7 * day}, false},
		{"absolute, the last second", []time.Duration{6 * day, 6 * day, 6 * day, 6 * day, 6*day - time.Second}, true},
		{"absolute, over", []time.Duration{6 * day, 6 * day, 6 * day, 6 * day, 6 * day}, false},
		{"a use within a minute is not kept", []time.Duration{59 * time.Second, 7*day - 59*time.Second}, false},
		{"a use after a minute is kept", []time.Duration{60 * time.Second, 7*day - time.Second}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			b := w.browser(uaPC)
			b.logIn("code1", openID)
			for i, wait := range tt.uses {
				w.clock.add(wait)
				_, _, ok := b.current()
				if want := i < len(tt.uses)-1 || tt.live; ok != want {
					t.Fatalf("after use %d: live %v, want %v", i+1, ok, want)
				}
			}
		})
	}
}

// A store that cannot be asked logs nobody out: nobody is let in, no cookie is
// removed, and the error is not "log in again".
func TestStoreDown(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	b.logIn("code1", openID)
	for _, method := range []string{"SessionByToken", "Person"} {
		w.store.fail[method] = errDown
		_, _, err := w.login.Who(b.request(http.MethodGet, "/", nil))
		if !errors.Is(err, errDown) || web.AsError(err).Status != http.StatusInternalServerError {
			t.Errorf("%s: %v", method, err)
		}
		if rec := b.get("/sessions"); rec.Code != http.StatusInternalServerError {
			t.Errorf("%s: %d", method, rec.Code)
		}
		delete(w.store.fail, method)
	}
	if rec := b.get("/login"); rec.Code != http.StatusSeeOther || b.sessionToken() == "" {
		t.Errorf("still in? %d", rec.Code)
	}
	w.store.fail["SessionByToken"] = errDown
	if rec := b.get("/login"); rec.Code != http.StatusInternalServerError {
		t.Errorf("a login begins while nobody knows: %d", rec.Code)
	}
	if rec := b.post("/logout", nil); rec.Code != http.StatusInternalServerError || b.sessionToken() == "" {
		t.Errorf("logout: %d", rec.Code)
	}
}

// Logout, ended elsewhere, ended everywhere: the next request notices.
func TestEndings(t *testing.T) {
	w := newWorld(t)
	phone, pc, other := w.browser(uaWeChat), w.browser(uaPC), w.browser(uaPC)
	phone.logIn("code1", openID)
	w.store.identities = append(w.store.identities, access.Identity{App: "site", OpenID: "o_demo_site_0001", PersonID: w.store.sessions[0].PersonID})
	pc.logIn("code2", "o_demo_site_0001")
	other.logIn("code3", "o_demo_other_0002")
	sPhone, _, _ := phone.current()
	sOther, _, _ := other.current()

	list := pc.get("/sessions").Body.String()
	if !strings.Contains(list, sPhone.ID) || strings.Contains(list, sOther.ID) {
		t.Errorf("the list is not exactly one's own:\n%s", list)
	}
	refusedWith(t, pc.post("/sessions/"+sOther.ID+"/end", nil), http.StatusNotFound, "no such session")
	if _, _, ok := other.current(); !ok {
		t.Fatal("somebody ended another's session")
	}
	if rec := pc.post("/sessions/"+sPhone.ID+"/end", nil); rec.Header().Get("Location") != "/sessions" {
		t.Errorf("%d to %q", rec.Code, rec.Header().Get("Location"))
	}
	if _, _, ok := phone.current(); ok {
		t.Error("an ended session counts")
	}
	if list := pc.get("/sessions").Body.String(); strings.Contains(list, sPhone.ID) {
		t.Errorf("an ended session is listed:\n%s", list)
	}
	phone.logIn("code4", openID)
	saved := pc.sessionToken()
	if rec := pc.post("/logout", url.Values{"all": {"1"}}); rec.Header().Get("Location") != "/logout" {
		t.Errorf("logout goes to %q", rec.Header().Get("Location"))
	}
	pc.cookies["__Host-zg_session"] = saved
	for _, b := range []*browser{phone, pc} {
		if _, _, ok := b.current(); ok {
			t.Error("logged out everywhere, and in")
		}
	}
	if _, _, ok := other.current(); !ok {
		t.Error("another person was logged out too")
	}
	sOther, _, _ = other.current()
	if rec := other.post("/sessions/"+sOther.ID+"/end", nil); rec.Header().Get("Location") != "/logout" || other.sessionToken() != "" {
		t.Errorf("ending one's own session: %d", rec.Code)
	}
	if rec := w.browser(uaPC).post("/logout", nil); rec.Code != http.StatusSeeOther {
		t.Errorf("logout of nobody: %d", rec.Code)
	}
}

// Who may do what: role, shop and an unknown shop, which answers like a
// foreign one.
func TestRequire(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	b.logIn("code1", openID)
	person := w.store.sessions[0].PersonID
	w.store.persons[person].Members = []access.Member{{TenantID: "lan", PersonID: person, Role: access.Operator}}
	tests := []struct {
		role   access.Role
		shop   string
		status int // 0: allowed
	}{
		{access.Viewer, "lantian", 0},
		{access.Operator, "lantian", 0},
		{access.Owner, "lantian", 403},
		{access.Viewer, "baiyun", 403},
		{access.Viewer, "nope", 403},
	}
	for _, tt := range tests {
		_, _, err := w.login.Require(b.request(http.MethodGet, "/x", nil), tt.role, tt.shop)
		if got := statusOf(err); got != tt.status {
			t.Errorf("%s in %s: %d, want %d", tt.role, tt.shop, got, tt.status)
		}
	}
	_, _, err := w.login.Require(w.browser(uaPC).request(http.MethodGet, "/shops/lantian?tab=1", nil), access.Viewer, "lantian")
	if e := web.AsError(err); e.Status != 401 || e.Link != "/login?rd=%2Fshops%2Flantian%3Ftab%3D1" {
		t.Errorf("nobody: %+v", e)
	}
	if _, err := w.login.RequireAdmin(b.request(http.MethodGet, "/x", nil)); statusOf(err) != 403 {
		t.Errorf("a person as administrator: %v", err)
	}
	if _, err := w.login.RequireAdmin(w.browser(uaPC).request(http.MethodGet, "/x", nil)); statusOf(err) != 401 {
		t.Errorf("nobody as administrator: %v", err)
	}
	if !slices.Contains(w.tally.reasons(), "access refused no-role") {
		t.Errorf("refusals %v", w.tally.reasons())
	}
	for _, e := range w.tally.entries {
		if e.Actor.ID != person {
			t.Errorf("a known caller is recorded as %+v", e.Actor)
		}
	}
	delete(w.store.persons, person)
	if _, _, ok := b.current(); ok {
		t.Error("a deleted person is logged in")
	}
	b.begin("/login?go=1") // and can come back
}

func statusOf(err error) int {
	if err == nil {
		return 0
	}
	return web.AsError(err).Status
}

// A guarded page sends a browser that only looks to the login and back.
func TestGuard(t *testing.T) {
	w := newWorld(t)
	ran := 0
	h := w.login.Guard(access.Viewer, func(r *http.Request) string { return "lantian" }, func(http.ResponseWriter, *http.Request) error {
		ran++
		return nil
	})
	w.handler = web.Wrap(w.login.o.Page(h), web.Options{PublicURL: w.base})
	b := w.browser(uaPC)
	rec := b.get("/shops/lantian?tab=1")
	if got := rec.Header().Get("Location"); rec.Code != http.StatusSeeOther || got != "/login?rd=%2Fshops%2Flantian%3Ftab%3D1&shop=lantian" {
		t.Errorf("%d to %q", rec.Code, got)
	}
	if rec := b.post("/shops/lantian", nil); rec.Code != http.StatusUnauthorized || ran != 0 {
		t.Errorf("a change without a session: %d, ran %d", rec.Code, ran)
	}
}
