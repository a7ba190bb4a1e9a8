package login

import (
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

// Every page says its language, has no key in place of words, and carries the
// headers of a page.
func TestPages(t *testing.T) {
	w := newWorld(t)
	token, _ := w.invite()
	b := w.browser(uaWeChat)
	b.logIn("code1", openID)
	setup, _ := access.NewKey(access.SetupPrefix)
	for _, path := range []string{
		"/i/" + token, "/login?switch=1", "/logout", "/sessions", "/withdraw", "/admin/login",
		"/setup/" + setup.RevealString(), "/login?rd=//x", "/link", "/invited/x", "/oauth/callback/svc",
	} {
		for lang, prefer := range map[string]string{"en": "en-GB,en;q=0.9", "zh-CN": "zh-CN,zh;q=0.9"} {
			b.lang = prefer
			rec := b.get(path)
			doc := rec.Body.String()
			if _, err := html.Parse(rec.Body); err != nil || !strings.Contains(doc, `<html lang="`+lang+`">`) {
				t.Errorf("%s in %s: %v", path, lang, err)
			}
			if raw := regexp.MustCompile(`login\.[a-z_.-]+`).FindString(strings.ReplaceAll(doc, "login.error", "login.error")); raw != "" {
				t.Errorf("%s in %s: the words of %q are missing", path, lang, raw)
			}
			if rec.Header().Get("Cache-Control") != "no-store" || rec.Header().Get("Referrer-Policy") != "no-referrer" ||
				!strings.Contains(rec.Header().Get("Content-Security-Policy"), "frame-ancestors 'none'") {
				t.Errorf("%s: headers %v", path, rec.Header())
			}
		}
	}
}

// A nickname is text, whatever it holds.
func TestNicknameIsEscaped(t *testing.T) {
	w := newWorld(t)
	w.platform.nickname = `<script>alert(1)</script>"'><img src=x>`
	b := w.browser(uaWeChat)
	b.logIn("code1", openID)
	doc := b.get("/sessions").Body.String()
	if strings.Contains(doc, "<script") || strings.Contains(doc, "<img") || !strings.Contains(doc, "&lt;script&gt;") {
		t.Errorf("not escaped:\n%s", doc)
	}
}

// Return addresses are quoted where a page holds them.
func TestReturnIsEscaped(t *testing.T) {
	w := newWorld(t)
	doc := w.browser(uaPC).get("/admin/login?rd=" + url.QueryEscape("/a'onmouseover=alert(1)")).Body.String()
	if !strings.Contains(doc, "/a&#39;onmouseover=alert(1)") {
		t.Errorf("not escaped:\n%s", doc)
	}
}

func TestCatalogue(t *testing.T) {
	if err := ui.CheckCatalogue(Catalogue); err != nil {
		t.Error(err)
	}
}

// Every refusal in the code has words and a next step in both languages, and
// every way on has a label.
func TestEveryRefusalHasWords(t *testing.T) {
	seen := 0
	for _, file := range []string{"begin.go", "callback.go", "session.go", "sessions.go", "invite.go", "link.go", "withdraw.go", "admin.go", "market.go", "enter.go", "claim.go", "accountlink.go", "linked.go",
		"account.go", "silent.go", "other.go", "scan.go", "scanned.go", "mini.go"} {
		src, err := os.ReadFile(file)
		must(t, err)
		for _, m := range regexp.MustCompile(`(?:page\(http\.Status\w+|marketPage\(http\.Status\w+|miniPage\(http\.Status\w+|scanAgain\(n, http\.Status\w+|startAgain\([\w.]+, http\.Status\w+), "([a-z-]+)"`).FindAllSubmatch(src, -1) {
			seen++
			e := page(400, string(m[1]))
			if e.EN == "" || e.ZH == "" || e.NextEN == "" || e.NextZH == "" || e.Err != nil {
				t.Errorf("%s: %q lacks words: %+v", file, m[1], e)
			}
		}
		for _, m := range regexp.MustCompile(`, "(\w+)", ("/|link|back)`).FindAllSubmatch(src, -1) {
			if e := withLink(page(400, "form"), string(m[1]), "/"); e.LinkEN == "" || e.LinkZH == "" {
				t.Errorf("%s: the way %q has no label", file, m[1])
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d refusals found; the pattern misses them", seen)
	}
}

// The version names the text: the same text, the same version.
func TestConsentVersion(t *testing.T) {
	a, err := consentVersion()
	must(t, err)
	b, err := consentVersion()
	must(t, err)
	if a != b || !regexp.MustCompile(`^c[0-9a-f]{12}$`).MatchString(a) {
		t.Errorf("%q and %q", a, b)
	}
}

func TestProofs(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	rec := b.get("/MP_verify_Abc123.txt")
	if rec.Code != http.StatusOK || rec.Body.String() != "Abc123" || !strings.HasPrefix(rec.Header().Get("Content-Type"), "text/plain") {
		t.Errorf("%d %q %q", rec.Code, rec.Body, rec.Header())
	}
	for _, path := range []string{"/MP_verify_other.txt", "/MP_verify_.txt", "/MP_verify_abc123.txt", "/x/MP_verify_Abc123.txt", "/MP_verify_Abc123.txt/", "/MP_verify_Abc123"} {
		if rec := b.get(path); rec.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
	if isProof("/MP_verify_a/b.txt") {
		t.Error("a path below is taken for a proof")
	}
	w.store.fail["Apps"] = errDown
	if rec := b.get("/MP_verify_Abc123.txt"); rec.Code != http.StatusInternalServerError {
		t.Errorf("store down: %d", rec.Code)
	}
}

func TestNewRefusesBadOptions(t *testing.T) {
	good := newWorld(t).login.o
	for what, spoil := range map[string]func(*Options){
		"no store":               func(o *Options) { o.Store = nil },
		"no public URL":          func(o *Options) { o.PublicURL = nil },
		"http on a public host":  func(o *Options) { o.PublicURL = &url.URL{Scheme: "http", Host: host} },
		"http on a private host": func(o *Options) { o.PublicURL = &url.URL{Scheme: "http", Host: "10.0.0.1"} },
		"another scheme":         func(o *Options) { o.PublicURL = &url.URL{Scheme: "ftp", Host: "localhost"} },
	} {
		o := good
		spoil(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s is accepted", what)
		}
	}
	o := good
	o.Now, o.Log, o.Redirects, o.Tally = nil, nil, nil, nil
	if _, err := New(o); err != nil {
		t.Errorf("optional options are required: %v", err)
	}
}
