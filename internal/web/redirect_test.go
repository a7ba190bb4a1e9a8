package web

import (
	"bufio"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func parseURL(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func testRedirects(t testing.TB) *Redirects {
	return NewRedirects(parseURL(t, "https://keys.example.com"), []string{"shop.example.com", "Back.Example.com:8443", "", "https://wrong.example.com"})
}

// hostileTargets reads testdata/hostile_targets.txt.
func hostileTargets(t testing.TB) []string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "hostile_targets.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var targets []string
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if line := sc.Text(); !strings.HasPrefix(line, "#") {
			s, err := strconv.Unquote(line)
			if err != nil {
				t.Fatalf("line %s: %v", line, err)
			}
			targets = append(targets, s)
		}
	}
	if len(targets) < 150 {
		t.Fatalf("only %d hostile targets: the file is not whole", len(targets))
	}
	return targets
}

func TestRedirectsRefuseHostileTargets(t *testing.T) {
	rs := testRedirects(t)
	for _, s := range hostileTargets(t) {
		got, err := rs.Check(s)
		if !errors.Is(err, ErrTarget) || got != "" {
			t.Errorf("Check(%q) = %q, %v", s, got, err)
		}
		if err != nil && len(s) > 3 && strings.Contains(err.Error(), s) {
			t.Errorf("the error repeats %q", s)
		}
	}
	if _, err := rs.Check("/" + strings.Repeat("a", maxTarget)); !errors.Is(err, ErrTarget) {
		t.Errorf("an endless target: %v", err)
	}
}

func TestRedirectsAllowOrdinaryTargets(t *testing.T) {
	rs := testRedirects(t)
	for _, s := range []string{
		"/", "/orders", "/orders/", "/orders/42?page=2&sort=-date", "/a/b/c.html", "/a;v=1/b", "/@team", "/a:b", "/~me",
		"/?next=https%3A%2F%2Fshop.example.com%2F", "/?q=100%25", "/?q=%E5%BA%97", "/%E5%BA%97%E9%93%BA", "/a%20b", "/.well-known/x", "/...",
		"https://keys.example.com", "https://keys.example.com/", "https://KEYS.example.com/login?shop=lantian",
		"https://shop.example.com", "https://shop.example.com/orders?id=7", "https://shop.example.com?x=1", "https://back.example.com:8443/",
	} {
		if got, err := rs.Check(s); err != nil || got != s {
			t.Errorf("Check(%q) = %q, %v", s, got, err)
		}
	}
}

func TestRedirectsEmptyTargetIsHome(t *testing.T) {
	for public, home := range map[string]string{
		"https://keys.example.com": "/", "https://keys.example.com/": "/", "https://keys.example.com/zhanggui": "/zhanggui/",
	} {
		if got, err := NewRedirects(parseURL(t, public), nil).Check(""); err != nil || got != home {
			t.Errorf("%s: Check(\"\") = %q, %v, want %q", public, got, err, home)
		}
	}
	if got, err := NewRedirects(nil, nil).Check("/a"); err != nil || got != "/a" {
		t.Errorf("without a public URL: %q, %v", got, err)
	}
}

func TestRedirectsLoopbackMayUseHTTP(t *testing.T) {
	local := NewRedirects(parseURL(t, "http://127.0.0.1:8080"), []string{"app.localhost:9000", "shop.example.com"})
	public := NewRedirects(parseURL(t, "https://keys.example.com"), []string{"app.localhost:9000"})
	for _, c := range []struct {
		name   string
		rs     *Redirects
		target string
		ok     bool
	}{
		{"own origin", local, "http://127.0.0.1:8080/x", true},
		{"own origin, other port", local, "http://127.0.0.1:8081/x", false},
		{"loopback name", local, "http://app.localhost:9000/x", true},
		{"public name by http", local, "http://shop.example.com/x", false},
		{"loopback name from a public server", public, "http://app.localhost:9000/x", false},
	} {
		if _, err := c.rs.Check(c.target); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestIsLoopbackHost(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST:80": true, "a.localhost": true, "a.b.localhost:1": true, "127.0.0.1": true, "127.0.0.1:8080": true,
		"": false, "127.0.0.2": false, "localhost.example.com": false, "xlocalhost": false, "10.0.0.1": false, "127.0.0.1.example.com": false,
	} {
		if got := IsLoopbackHost(host); got != want {
			t.Errorf("IsLoopbackHost(%q) = %v", host, got)
		}
	}
}

// browserHost gives the host that a browser would go to, reading s as browsers
// do: blanks at the ends and tabs and line ends anywhere are dropped, and a
// backslash is a slash. It is written apart from Check on purpose.
func browserHost(base *url.URL, s string) string {
	s = strings.TrimFunc(s, func(c rune) bool { return c <= ' ' })
	s = strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(s)
	for _, scheme := range []string{"https:", "http:"} {
		if rest, ok := strings.CutPrefix(strings.ToLower(s), scheme); ok {
			return authority(strings.TrimLeft(rest, "/"))
		}
	}
	if strings.HasPrefix(s, "//") {
		return authority(strings.TrimLeft(s, "/"))
	}
	if i := strings.IndexAny(s, ":/?#"); i >= 0 && s[i] == ':' {
		return "another scheme"
	}
	return base.Host
}

func authority(s string) string {
	if i := strings.IndexAny(s, "/?#"); i >= 0 {
		s = s[:i]
	}
	return strings.ToLower(s[strings.LastIndexByte(s, '@')+1:])
}

func FuzzRedirects(f *testing.F) {
	for _, s := range hostileTargets(f) {
		f.Add(s)
	}
	for _, s := range []string{"", "/", "/orders?x=1", "https://shop.example.com/a", "https://back.example.com:8443", "/a;b/c%20d"} {
		f.Add(s)
	}
	rs, base := testRedirects(f), parseURL(f, "https://keys.example.com")
	allowed := map[string]bool{"keys.example.com": true, "shop.example.com": true, "back.example.com:8443": true}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := rs.Check(s)
		if err != nil {
			if got != "" {
				t.Fatalf("Check(%q) gives %q with an error", s, got)
			}
			return
		}
		if h := browserHost(base, got); !allowed[h] {
			t.Fatalf("Check(%q) lets a browser go to %q", s, h)
		}
		u, err := base.Parse(got)
		if err != nil || u.Scheme != "https" || !allowed[strings.ToLower(u.Host)] || u.User != nil {
			t.Fatalf("Check(%q) resolves to %v, %v", s, u, err)
		}
		decoded, err := url.PathUnescape(got)
		if err == nil && s != "" && !allowed[browserHost(base, decoded)] {
			t.Fatalf("Check(%q), once more decoded, lets a browser go to %q", s, browserHost(base, decoded))
		}
	})
}

// The mux answers an unclean path with a redirect to the clean one, which must
// stay here.
func TestUncleanPathsLeadNowhereElse(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("/", Machine(NotFound))
	mux.Handle("GET /evil.example/{$}", Machine(NotFound))
	s := newStage(t, mux)
	for _, path := range []string{"//evil.example", "//evil.example/", "/zhanggui//evil.example", "/zhanggui///evil.example/%2f", "/a/..//evil.example", "/evil.example", "/\\evil.example", "/%2f/evil.example"} {
		r := request(t, "GET", "/", "192.0.2.7:1")
		u, err := url.ParseRequestURI(path)
		if err != nil {
			continue // net/http refuses it too
		}
		r.URL = u
		w := s.serve(r)
		if to := w.Header().Get("Location"); to != "" && browserHost(&url.URL{Host: "here"}, to) != "here" {
			t.Errorf("%s leads to %s", path, to)
		}
	}
}
