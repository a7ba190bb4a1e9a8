package ui

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/a-h/templ"
	"github.com/zhanggui/zhanggui/internal/web"
)

func newUI(t testing.TB, change ...func(*Options)) *UI {
	t.Helper()
	o := Options{
		Operator: Operator{Name: "蓝天文具有限公司", Contact: "help@example.com", ICP: "沪ICP备00000000号-1", PoliceICP: "沪公网安备00000000000000号"},
		BasePath: "/zhanggui", Version: "v0.0.0-test",
	}
	for _, f := range change {
		f(&o)
	}
	u, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// text is a body of plain text.
func text(s string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, templ.EscapeString(s))
		return err
	})
}

// visit asks for a page as the listener would.
func visit(t testing.TB, u *UI, h web.Handler, method, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	public := &url.URL{Scheme: "https", Host: "keys.example.com", Path: u.base}
	web.Wrap(web.BrowserHeaders(u.Page(h)), web.Options{PublicURL: public}).ServeHTTP(w, r)
	return w
}

func hello(u *UI) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		return u.Render(w, r, http.StatusOK, PageInfo{TitleKey: "ui.product", Nav: []NavItem{{"Shops <1>", "/shops", true}, {"Audit", "/audit", false}}}, text("hello & goodbye"))
	}
}

func TestPageIsWholeAndAccessible(t *testing.T) {
	u := newUI(t)
	w := visit(t, u, hello(u), "GET", "/zhanggui/", "Accept-Language", "en")
	body := w.Body.String()
	for _, want := range []string{
		`<html lang="en">`, `<a class="skip" href="#content">Skip to content</a>`, `<main id="content"`, "<h1>Zhanggui</h1>", "hello &amp; goodbye",
		`name="viewport"`, `<nav aria-label="Navigation">`, `href="/zhanggui/shops" aria-current="page"`, "Shops &lt;1&gt;", `href="/zhanggui/audit"`,
		"蓝天文具有限公司", "help@example.com", "沪ICP备00000000号-1", "沪公网安备00000000000000号", "https://beian.miit.gov.cn/", "https://beian.mps.gov.cn/",
		"Version v0.0.0-test", `href="?lang=zh-CN"`, `lang="zh-CN"`, `href="/zhanggui/static/`, `<meta name="referrer" content="same-origin">`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
	if strings.Contains(body, "With no-referrer") {
		t.Error("a comment of the template is in the page")
	}
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/html; charset=utf-8" || w.Header().Get("Content-Language") != "en" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func TestFooterHidesWhatIsNotConfigured(t *testing.T) {
	u := newUI(t, func(o *Options) { o.Operator, o.Version = Operator{}, "" })
	body := visit(t, u, hello(u), "GET", "/").Body.String()
	for _, not := range []string{"beian", "联系", "版本"} {
		if strings.Contains(body, not) {
			t.Errorf("%s is shown", not)
		}
	}
}

// inline finds what the content security policy would block.
var inline = regexp.MustCompile(`(?i)<script|<style|\sstyle=|\son[a-z]+=|javascript:|<iframe|<object|<base`)

func TestPagesHoldNothingThatThePolicyBlocks(t *testing.T) {
	u := newUI(t)
	everything := func(w http.ResponseWriter, r *http.Request) error {
		now := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
		body := templ.Join(QR("https://keys.example.com/i/x"), TimeAgo(now.Add(-time.Hour), now),
			Field(FieldInfo{Name: "code", Label: "Code", Value: `"><script>`, Problem: "wrong", Required: true, MaxLength: 4}),
			Row("a", "<b>"), EmptyRow(3), Card("<i>"), Alert(AlertProblem), Table("T", "h"))
		return u.Render(w, r, 200, PageInfo{Title: "<script>alert(1)</script>", RefreshSeconds: 3}, body)
	}
	failing := func(http.ResponseWriter, *http.Request) error { return testError }
	for name, h := range map[string]web.Handler{"page": hello(u), "components": everything, "error": failing} {
		if found := inline.FindString(visit(t, u, h, "GET", "/").Body.String()); found != "" {
			t.Errorf("%s holds %q", name, found)
		}
	}
	if !strings.Contains(visit(t, u, everything, "GET", "/").Body.String(), `<meta http-equiv="refresh" content="3">`) {
		t.Error("no refresh")
	}
}

var testError = &web.Error{
	Status: 403, Code: "state-foreign", EN: "This login was begun in another browser.", ZH: "该登录由其他浏览器发起。",
	NextEN: "Begin again here.", NextZH: "请在本浏览器重新登录。", ErrCode: 40029, RID: "rid-0001",
	RetryAfter: 2 * time.Second, Link: "/login", LinkEN: "Log in", LinkZH: "登录", Err: errors.New("private cause"),
}

func TestErrorPageSpeaksBothLanguages(t *testing.T) {
	u := newUI(t)
	h := func(http.ResponseWriter, *http.Request) error { return testError }
	for lang, order := range map[string][]string{
		"en": {`<html lang="en">`, "<h1>Something went wrong</h1>", testError.EN, testError.NextEN, `href="/zhanggui/login"`, "Log in", `lang="zh-CN"`, testError.ZH, testError.NextZH, "40029", "rid-0001"},
		"zh": {`<html lang="zh-CN">`, "<h1>出错了</h1>", testError.ZH, testError.NextZH, `href="/zhanggui/login"`, "登录", `lang="en"`, testError.EN, testError.NextEN, "40029", "rid-0001"},
	} {
		w := visit(t, u, h, "GET", "/oauth/callback/svc?code=CODE-1&state=STATE-1&shop=lantian", "Accept-Language", lang)
		rest := w.Body.String()
		for _, want := range append(order, w.Header().Get("X-Request-Id")) {
			before, after, ok := strings.Cut(rest, want)
			if !ok {
				t.Errorf("%s: no %q after\n%s", lang, want, before)
				break
			}
			rest = after
		}
		body := w.Body.String()
		for _, not := range []string{"CODE-1", "STATE-1", "lantian", "private cause", `name="referrer"`} {
			if strings.Contains(body, not) {
				t.Errorf("%s: the page holds %s", lang, not)
			}
		}
		if w.Code != 403 || w.Header().Get("Retry-After") != "2" || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %d %v", lang, w.Code, w.Header())
		}
	}
}

func TestErrorWordsFallBack(t *testing.T) {
	if got := speech(&web.Error{ZH: "只有中文", NextZH: "下一步"}, "en"); got.what != "只有中文" || got.next != "下一步" {
		t.Errorf("%+v", got)
	}
	if got := speech(&web.Error{EN: "English only", Link: "/x"}, "zh-CN"); got.what != "English only" || got.link != "/x" {
		t.Errorf("%+v", got)
	}
}

func TestBodyThatFailsBecomesAnErrorPage(t *testing.T) {
	u := newUI(t)
	w := visit(t, u, func(w http.ResponseWriter, r *http.Request) error {
		return u.Render(w, r, 200, PageInfo{Title: "x"}, QR(strings.Repeat("a", 4000)))
	}, "GET", "/")
	if w.Code != 500 || !strings.Contains(w.Body.String(), "服务器出错了") || strings.Count(w.Body.String(), "<html") != 1 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestLanguageOfAPage(t *testing.T) {
	u := newUI(t)
	for _, c := range []struct {
		name, target, accept, cookie, want string
	}{
		{"nothing", "/", "", "", "zh-CN"},
		{"Chinese", "/", "zh-TW,zh;q=0.9,en;q=0.8", "", "zh-CN"},
		{"English", "/", "en-GB,en;q=0.9", "", "en"},
		{"neither, in Latin letters", "/", "fr", "", "en"},
		{"English after another", "/", "fr, en;q=0.5", "", "en"},
		{"the cookie wins", "/", "zh", "en", "en"},
		{"a bad cookie", "/", "en", "xx", "en"},
		{"the URL wins", "/?lang=zh-CN", "en", "en", "zh-CN"},
		{"a bad URL", "/?lang=%3Cscript%3E", "en", "", "en"},
		{"nonsense", "/", ";;;,,,=" + strings.Repeat("a-", 500), "", "zh-CN"},
	} {
		headers := []string{"Accept-Language", c.accept}
		if c.cookie != "" {
			headers = append(headers, "Cookie", "zg_lang="+c.cookie)
		}
		w := visit(t, u, hello(u), "GET", c.target, headers...)
		if got := w.Header().Get("Content-Language"); got != c.want {
			t.Errorf("%s: %s", c.name, got)
		}
		chosen := strings.Contains(c.target, "zh-CN")
		if kept := w.Header().Get("Set-Cookie"); (kept != "") != chosen {
			t.Errorf("%s: cookie %q", c.name, kept)
		}
	}
}

func TestLanguageCookie(t *testing.T) {
	u := newUI(t)
	c := visit(t, u, hello(u), "GET", "https://keys.example.com/?lang=en").Result().Cookies()[0]
	if c.Name != "zg_lang" || c.Value != "en" || c.Path != "/zhanggui/" || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("cookie %+v", c)
	}
}

func TestLanguageSwitchKeepsThePlaceAndNoSecret(t *testing.T) {
	u := newUI(t)
	body := visit(t, u, hello(u), "GET", "/login?shop=lantian&rd=%2Fa&code=CODE-1&state=STATE-1&ticket=TICKET-1&lang=zh-CN").Body.String()
	if !strings.Contains(body, `href="?lang=en&amp;rd=%2Fa&amp;shop=lantian"`) {
		t.Errorf("no switch to the same place in\n%s", body)
	}
}

func FuzzLanguage(f *testing.F) {
	f.Add("en-GB,en;q=0.9,zh;q=0.1", "zg_lang=en", "lang=zh-CN")
	f.Add("zh", "zg_lang=\"", "lang=%")
	f.Fuzz(func(t *testing.T, accept, cookie, query string) {
		r := &http.Request{Header: http.Header{"Accept-Language": {accept}, "Cookie": {cookie}}, URL: &url.URL{RawQuery: query}}
		if lang, _ := chooseLanguage(r); known(lang) == "" {
			t.Errorf("language %q", lang)
		}
	})
}

// used finds the keys in our own sources.
var used = regexp.MustCompile(`T\(ctx, "([a-z_.]+)"|TitleKey: "([a-z_.]+)"`)

func TestEveryKeyInUseHasWords(t *testing.T) {
	u := newUI(t)
	files, err := fs.Glob(sources, "*.templ")
	if err != nil || len(files) < 3 {
		t.Fatalf("templates: %v, %v", files, err)
	}
	keys := []string{"error.title"}
	for _, name := range append(files, "components.go", "ui.go") {
		b, err := fs.ReadFile(sources, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range used.FindAllStringSubmatch(string(b), -1) {
			keys = append(keys, m[1]+m[2])
		}
	}
	if len(keys) < 15 {
		t.Fatalf("only %d keys found: the pattern is wrong", len(keys))
	}
	for _, k := range keys {
		for _, lang := range []string{langZH, langEN} {
			if u.words.say(lang, k) == k {
				t.Errorf("%s has no words for %s", lang, k)
			}
		}
	}
}

func catalogue(zh, en string) fs.FS {
	return fstest.MapFS{"locales/active.zh-CN.json": {Data: []byte(zh)}, "locales/active.en.json": {Data: []byte(en)}}
}

func TestCatalogueProblemsAreToldAtOnce(t *testing.T) {
	err := CheckCatalogue(catalogue(`{"login.a":"甲","login.b":"乙"}`, `{"login.a":"a","login.c":"c"}`))
	for _, want := range []string{`"login.b" has no English`, `"login.c" has no Chinese`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %s in %v", want, err)
		}
	}
	for name, bad := range map[string]fs.FS{
		"no files": fstest.MapFS{}, "not JSON": catalogue(`{`, `{}`), "no words for one": catalogue(`{"a.n":"{{.Count}} 次"}`, `{"a.n":"{{.Count}} times"}`), "one language": fstest.MapFS{"active.en.json": {Data: []byte(`{"a.b":"x"}`)}},
	} {
		if err := CheckCatalogue(bad); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if err := CheckCatalogue(locales); err != nil {
		t.Errorf("our own catalogue: %v", err)
	}
	twice := catalogue(`{"ui.product":"甲"}`, `{"ui.product":"a"}`)
	if _, err := New(Options{Catalogues: []fs.FS{twice}}); err == nil || !strings.Contains(err.Error(), "two catalogues") {
		t.Errorf("a key defined twice: %v", err)
	}
}

func TestFeatureCatalogue(t *testing.T) {
	words := catalogue(`{"login.hello":"你好,{{.Name}}","login.n":{"other":"{{.Count}} 家店铺"}}`,
		`{"login.hello":"Hello, {{.Name}}","login.n":{"one":"{{.Count}} shop","other":"{{.Count}} shops"}}`)
	u := newUI(t, func(o *Options) { o.Catalogues = []fs.FS{words} })
	var got string
	h := func(_ http.ResponseWriter, r *http.Request) error {
		ctx := r.Context()
		got = strings.Join([]string{T(ctx, "login.hello", map[string]any{"Name": "<b>"}), T(ctx, "login.n", map[string]any{"Count": 1}), T(ctx, "login.n", map[string]any{"Count": 2}), T(ctx, "login.none"), URL(ctx, "/x"), Language(ctx), Pick(ctx, "hello", "你好")}, "|")
		return nil
	}
	visit(t, u, h, "GET", "/", "Accept-Language", "en")
	if want := "Hello, <b>|1 shop|2 shops|login.none|/zhanggui/x|en|hello"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	visit(t, u, h, "GET", "/")
	if want := "你好,<b>|1 家店铺|2 家店铺|login.none|/zhanggui/x|zh-CN|你好"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if T(t.Context(), "login.hello") != "login.hello" || URL(t.Context(), "/x") != "/x" || Language(t.Context()) != "zh-CN" || Pick(t.Context(), "en", "zh") != "zh" {
		t.Error("words outside of a page")
	}
}
