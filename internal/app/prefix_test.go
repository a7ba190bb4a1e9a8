package app_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const prefix = "/zhanggui"

func serve(h http.Handler, method, target string) *httptest.ResponseRecorder {
	return serveRequest(h, httptest.NewRequest(method, target, nil))
}

func serveRequest(h http.Handler, req *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	return rec
}

// TestPathPrefix walks every kind of route of a server that has only a part of
// its host to itself.
func TestPathPrefix(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{"prefix": prefix})
	r.declare()
	for _, place := range []string{"", prefix} {
		if status, body := r.get(r.root+place+"/"+proof, ""); status != http.StatusOK || body != "demo0000demo0000" {
			t.Errorf("domain proof at %q: %d %q", place, status, body)
		}
	}
	if status, body := r.call(); status != http.StatusOK || !strings.Contains(body, "nickname") {
		t.Errorf("gateway under the prefix: %d %s", status, body)
	}
	b := r.owner()
	home := b.open(r.base + "/")
	if home.status != http.StatusOK || !strings.Contains(home.body, "蓝天文具店") {
		t.Fatalf("the owner's page: %d", home.status)
	}
	checkLinks(t, r, b, home)
	sessions := b.open(r.base + "/sessions")
	checkLinks(t, r, b, sessions)
	out := b.submit(home, "/logout", nil)
	if !strings.HasPrefix(out.location, r.base+"/") {
		t.Errorf("logging out leads to %q", out.location)
	}
	b.open(r.base + "/?lang=en")
	for _, m := range r.got.messages() {
		checkPlaces(t, m)
	}
	admin, key, _ := r.setupAdmin()
	checkLinks(t, r, admin, admin.open(r.base+"/"))
	if status, body := r.get(r.base+"/v1/shops", key); status != http.StatusOK {
		t.Errorf("REST under the prefix: %d %s", status, body)
	}
	for _, odd := range []string{"//login", "/./login", "/x/../login", "/static", "/v1"} {
		if p := b.open(r.base + odd); p.status != http.StatusNotFound {
			t.Errorf("%s: %d to %q, want 404: a redirect would lose the prefix", odd, p.status, p.location)
		}
	}
}

// checkLinks follows what a page names: everything under the prefix and there.
func checkLinks(t *testing.T, r *rig, b *browser, p page) {
	t.Helper()
	all := links(t, p)
	if len(all) == 0 {
		t.Errorf("%s (%d) has no links: the check looks at nothing", p.url, p.status)
	}
	for _, link := range all {
		if link[0] == '?' || link[0] == '#' || strings.HasPrefix(link, "https://") {
			continue // the same page in another language, or elsewhere
		}
		if !strings.HasPrefix(link, prefix+"/") {
			t.Errorf("%s links to %q, outside of the prefix", p.url, link)
		}
		if strings.HasPrefix(link, prefix+"/static/") {
			if got := b.open(r.root + link); got.status != http.StatusOK {
				t.Errorf("%s: %d", link, got.status)
			}
		}
	}
}

// checkPlaces wants redirects under the prefix, or to WeChat, and cookies that
// either belong to the prefix or must be the host's.
func checkPlaces(t *testing.T, m message) {
	t.Helper()
	if l := m.header.Get("Location"); strings.HasPrefix(l, "/") && !strings.HasPrefix(l, prefix+"/") {
		t.Errorf("%s redirects to %q, outside of the prefix", m, l)
	}
	for _, line := range m.header.Values("Set-Cookie") {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			t.Fatal(err)
		}
		// Cookies that end a login must be the host's: https gives them the name
		// __Host-, which browsers accept with path / only.
		want := "/"
		if c.Name == "zg_lang" {
			want = prefix + "/"
		}
		if c.Path != want || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("%s sets cookie %s with path %q, httponly %t: want path %q", m, c.Name, c.Path, c.HttpOnly, want)
		}
	}
}
