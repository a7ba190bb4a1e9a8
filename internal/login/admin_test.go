package login

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
)

// adminLogIn makes an administrator and logs them in.
func (w *world) adminLogIn(b *browser) string {
	w.t.Helper()
	key, hash := access.NewKey(access.AdminKeyPrefix)
	w.store.admins = append(w.store.admins, access.Administrator{ID: access.NewID("a"), Name: "管理员", KeyHash: hash})
	if rec := b.post("/admin/login", url.Values{"key": {" " + key.RevealString() + "\n"}, "rd": {"/setup"}}); rec.Header().Get("Location") != "/setup" {
		w.t.Fatalf("admin login: %d %s", rec.Code, rec.Body)
	}
	return key.RevealString()
}

func TestAdminLogin(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	if rec := b.get("/login?as=admin&rd=/setup"); rec.Header().Get("Location") != "/admin/login?rd=%2Fsetup" {
		t.Errorf("as=admin goes to %q", rec.Header().Get("Location"))
	}
	if html := b.get("/admin/login?rd=/setup").Body.String(); !strings.Contains(html, `type="password"`) || !strings.Contains(html, `value="/setup"`) {
		t.Errorf("the form:\n%s", html)
	}
	b.logIn("code1", openID)
	before := b.sessionToken()
	key := w.adminLogIn(b)
	s, err := w.login.RequireAdmin(b.request(http.MethodGet, "/", nil))
	if err != nil || s.Door != access.DoorKey || s.PersonID != "" {
		t.Fatalf("%+v %v", s, err)
	}
	b2 := w.browser(uaPC)
	b2.cookies["__Host-zg_session"] = before
	if _, _, ok := b2.current(); ok {
		t.Error("the person's session in the same browser lives on")
	}
	if last := w.store.audit[len(w.store.audit)-1]; last.Action != "admin.login" || last.Actor.ID != s.AdminID {
		t.Errorf("entry %+v", last)
	}
	if html := b.get("/sessions").Body.String(); !strings.Contains(html, "Administrator key") || strings.Contains(html, "/withdraw") {
		t.Errorf("an administrator's sessions:\n%s", html)
	}
	w.noSecrets(key)
}

func TestAdminKeysThatDoNotCount(t *testing.T) {
	w := newWorld(t)
	now := w.clock.now()
	add := func(spoil func(*access.Administrator)) string {
		key, hash := access.NewKey(access.AdminKeyPrefix)
		a := access.Administrator{ID: access.NewID("a"), KeyHash: hash}
		spoil(&a)
		w.store.admins = append(w.store.admins, a)
		return key.RevealString()
	}
	unknown, _ := access.NewKey(access.AdminKeyPrefix)
	client, _ := access.NewKey(access.ClientKeyPrefix)
	for what, key := range map[string]string{
		"expired": add(func(a *access.Administrator) { a.ExpiresAt = now }),
		"revoked": add(func(a *access.Administrator) { a.RevokedAt = now }),
		"unknown": unknown.RevealString(), "a client's": client.RevealString(), "empty": "", "words": "password", "long": strings.Repeat("zga_", 200),
	} {
		b := w.browser(uaPC)
		rec := b.post("/admin/login", url.Values{"key": {key}})
		refusedWith(t, rec, http.StatusForbidden, "wrong, expired or revoked")
		if b.sessionToken() != "" || key != "" && strings.Contains(rec.Body.String(), key) {
			t.Errorf("%s: a session, or the key on the page", what)
		}
		w.noSecrets(key)
	}
	if !slices.Contains(w.tally.reasons(), "admin.login refused admin-key") {
		t.Errorf("refusals %v", w.tally.reasons())
	}
}

// A session never outlives its key.
func TestAdminSessionEndsWithTheKey(t *testing.T) {
	w := newWorld(t)
	key, hash := access.NewKey(access.AdminKeyPrefix)
	w.store.admins = []access.Administrator{{ID: "a_demo", KeyHash: hash, ExpiresAt: w.clock.now().Add(time.Hour)}}
	b := w.browser(uaPC)
	b.post("/admin/login", url.Values{"key": {key.RevealString()}})
	w.clock.add(time.Hour - time.Second)
	if _, _, ok := b.current(); !ok {
		t.Error("out before the key ends")
	}
	w.clock.add(time.Second)
	if _, _, ok := b.current(); ok {
		t.Error("in after the key has ended")
	}
}

// After ten wrong keys from one network its wrong keys are answered with a wait
// for ten minutes. A right key always gets in: nobody keeps others out.
func TestAdminLoginIsLimited(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	key, hash := access.NewKey(access.AdminKeyPrefix)
	w.store.admins = []access.Administrator{{ID: "a_demo", KeyHash: hash}}
	right := url.Values{"key": {key.RevealString()}}
	for range 3 * maxTries { // right ones do not count
		if rec := b.post("/admin/login", right); rec.Code != http.StatusSeeOther {
			t.Fatalf("the right key: %d", rec.Code)
		}
	}
	for range maxTries {
		b.post("/admin/login", url.Values{"key": {"zga_wrong"}})
	}
	rec := b.post("/admin/login", url.Values{"key": {"zga_wrong"}})
	refusedWith(t, rec, http.StatusTooManyRequests, "Too many wrong tries")
	if rec.Header().Get("Retry-After") != "600" {
		t.Errorf("Retry-After %q", rec.Header().Get("Retry-After"))
	}
	if rec := b.post("/admin/login", right); rec.Code != http.StatusSeeOther {
		t.Errorf("the right key among wrong ones: %d", rec.Code)
	}
	w.clock.add(tryWindow)
	if rec := b.post("/admin/login", url.Values{"key": {"zga_wrong"}}); rec.Code != http.StatusForbidden {
		t.Errorf("after the wait: %d", rec.Code)
	}
}

func TestAttemptsAreBounded(t *testing.T) {
	a := newAttempts()
	now := time.Unix(1_800_000_000, 0)
	for i := range 3 * maxTriers {
		a.take(fmt.Sprint(i), now)
	}
	if n := len(a.seen); n > maxTriers+1 {
		t.Errorf("%d networks remembered", n)
	}
	if a.take("one more", now) == 0 {
		t.Error("a flood does not fill the shared counter")
	}
	if a.take("late", now.Add(tryWindow)) != 0 || len(a.seen) > 2 {
		t.Errorf("%d networks after the window", len(a.seen))
	}
	for range maxTries + 1 {
		a.take("late", now.Add(tryWindow))
	}
	if a.take("late", now.Add(tryWindow)) == 0 || a.take("late", now) != 0 {
		t.Error("a clock set back keeps somebody out")
	}
}

// Somebody with many networks of their own shuts the door for their neighbours at
// most, and fills no memory.
func TestOneOwnerOfManyNetworksLocksOutNobodyElse(t *testing.T) {
	for name, c := range map[string]struct {
		attacker   func(i int) string
		neighbours string
		others     []string
	}{
		"IPv6": {
			func(i int) string { return fmt.Sprintf("2001:db8:7:%x::/64", i) }, "2001:db8:8:1::/64",
			[]string{"2001:db9:7:1::/64", "240e:1:2:3::/64", "198.51.100.7"},
		},
		"IPv4": {
			func(i int) string { return fmt.Sprintf("10.9.%d.%d", i/256, i%256) }, "10.9.200.200",
			[]string{"10.10.0.1", "198.51.100.7", "240e:1:2:3::/64"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAttempts()
			now := time.Unix(1_800_000_000, 0)
			for i := range maxTriers + maxTries {
				a.take(c.attacker(i), now)
			}
			if n := len(a.seen); n > maxTriers+1 {
				t.Errorf("%d networks remembered", n)
			}
			if a.take(c.neighbours, now) == 0 {
				t.Error("the flood counts nowhere")
			}
			for _, key := range c.others {
				if wait := a.take(key, now); wait > 0 {
					t.Errorf("%s waits for %v", key, wait)
				}
			}
		})
	}
}

// The first administrator: a name, a key shown once, a session, a dead link.
func TestSetup(t *testing.T) {
	w := newWorld(t)
	link, hash := access.NewKey(access.SetupPrefix)
	w.store.setup[string(hash)] = false
	path := "/setup/" + link.RevealString()
	b := w.browser(uaPC)
	for range 2 {
		if rec := b.get(path); rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), "first administrator") {
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
	}
	for _, name := range []string{"", "  ", strings.Repeat("名", 65), "a\x00b"} {
		if rec := b.post(path, url.Values{"name": {name}}); rec.Code != http.StatusUnprocessableEntity {
			t.Errorf("name %q: %d", name, rec.Code)
		}
	}
	rec := b.post(path, url.Values{"name": {"兰姐"}})
	key := regexp.MustCompile(`zga_[A-Z2-7]{26}`).FindString(rec.Body.String())
	if rec.Code != http.StatusOK || key == "" || rec.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	if s, err := w.login.RequireAdmin(b.request(http.MethodGet, "/", nil)); err != nil || s.AdminID != w.store.admins[0].ID {
		t.Errorf("no session: %v", err)
	}
	if rec := w.browser(uaPC).post("/admin/login", url.Values{"key": {key}}); rec.Code != http.StatusSeeOther {
		t.Errorf("the key does not work: %d", rec.Code)
	}
	second := w.browser(uaPC).post(path, url.Values{"name": {"second"}})
	refusedWith(t, second, http.StatusGone, "set-up link is used or expired")
	w.noSecrets(key, link.RevealString())
}

func TestSetupRefused(t *testing.T) {
	w := newWorld(t)
	unknown, _ := access.NewKey(access.SetupPrefix)
	b := w.browser(uaPC)
	refusedWith(t, b.get("/setup/guess"), http.StatusGone, "set-up link")
	refusedWith(t, b.post("/setup/guess", url.Values{"name": {"x"}}), http.StatusGone, "set-up link")
	refusedWith(t, b.post("/setup/"+unknown.RevealString(), url.Values{"name": {"x"}}), http.StatusGone, "set-up link")
	for range maxTries {
		b.post("/setup/"+unknown.RevealString(), url.Values{"name": {"x"}})
	}
	refusedWith(t, b.post("/setup/"+unknown.RevealString(), url.Values{"name": {"x"}}), http.StatusTooManyRequests, "Too many")
}

// The key is the only thing that cannot be made again: it is shown even if no
// session starts.
func TestSetupShowsTheKeyAnyway(t *testing.T) {
	w := newWorld(t)
	link, hash := access.NewKey(access.SetupPrefix)
	w.store.setup[string(hash)] = false
	w.store.fail["StartSession"] = errDown
	b := w.browser(uaPC)
	rec := b.post("/setup/"+link.RevealString(), url.Values{"name": {"兰姐"}})
	if rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), "zga_") || b.sessionToken() != "" {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}
