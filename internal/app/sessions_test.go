package app_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechattest"
)

// windows is the user agent of a PC.
const windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"

// copied gives a browser of somebody who copied this one's cookies.
func (b *browser) copied(agent string) *browser {
	b.r.t.Helper()
	jar, err := cookiejar.New(nil)
	at, atErr := url.Parse(b.r.base)
	if err != nil || atErr != nil {
		b.r.t.Fatal(err, atErr)
	}
	jar.SetCookies(at, b.client.Jar.Cookies(at))
	c := *b.client
	c.Jar = jar
	return &browser{r: b.r, client: &c, agent: agent, lang: b.lang}
}

// TestACopiedTokenEndsTheLogin: once a day the browser gets another token. Whoever
// copied the one before is noticed with it, both are out, and a human is told.
func TestACopiedTokenEndsTheLogin(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	owner := r.owner()
	shop := r.base + "/shops/" + shopID
	if p := owner.open(shop); p.status != http.StatusOK { // the new role gave it another token
		t.Fatalf("the owner's page: %d", p.status)
	}
	thief := owner.copied(phone)
	r.sim.Advance(25 * time.Hour)
	for range 2 {
		if p := owner.open(shop); p.status != http.StatusOK {
			t.Fatalf("the owner's page after a day: %d", p.status)
		}
	}
	r.sim.Advance(2 * time.Minute)
	if p := thief.open(shop); p.status != http.StatusUnauthorized {
		t.Errorf("the copy: %d", p.status)
	}
	if p := owner.open(shop); p.status != http.StatusUnauthorized {
		t.Errorf("the owner goes on: %d", p.status)
	}
	r.await("the notice", func() bool { return slices.Contains(r.kinds(), "session.stolen") })
}

// TestACopiedCookieOnAnotherSystem: a phone's cookie on a PC ends the login.
func TestACopiedCookieOnAnotherSystem(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	owner := r.owner()
	shop := r.base + "/shops/" + shopID
	if p := owner.open(shop); p.status != http.StatusOK {
		t.Fatalf("the owner's page: %d", p.status)
	}
	if p := owner.copied(windows).open(shop); p.status != http.StatusUnauthorized {
		t.Errorf("the copy: %d", p.status)
	}
	if p := owner.open(shop); p.status != http.StatusUnauthorized {
		t.Errorf("the owner goes on: %d", p.status)
	}
	r.await("the notice", func() bool { return slices.Contains(r.kinds(), "session.stolen") })
}

// TestNewDeviceIsTold: the second browser of a person is told of, with a link that
// ends its login and nothing else.
func TestNewDeviceIsTold(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	owner := r.owner()
	other := r.browser(phone)
	shop := r.base + "/shops/" + shopID
	if p := other.agree(other.open(r.base+"/login"), wechattest.Owner); p.status != http.StatusOK {
		t.Fatalf("the second browser: %d at %s", p.status, p.url)
	}
	r.await("the notice", func() bool { return slices.Contains(r.kinds(), "session.new_device") })
	link := r.newest().Details["link"]
	if !strings.HasPrefix(link, r.base+"/not-me/") {
		t.Fatalf("the link is %q", link)
	}
	if p := owner.open(r.base + "/sessions"); !strings.Contains(p.body, "Not me: end it") {
		t.Errorf("the owner's list:\n%s", p.body)
	}
	reader := r.browser(windows)
	done := reader.submit(reader.open(link), "/not-me/", nil)
	if done.status != http.StatusOK || !strings.Contains(done.body, "The login is ended.") {
		t.Errorf("%d: %s", done.status, done.body)
	}
	if p := other.open(r.base + "/sessions"); p.status != http.StatusUnauthorized {
		t.Errorf("the second browser is in: %d", p.status)
	}
	if p := owner.open(shop); p.status != http.StatusOK {
		t.Errorf("the owner is out: %d", p.status)
	}
}
