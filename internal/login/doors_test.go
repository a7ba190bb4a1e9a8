package login

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/html"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

const (
	otherID = "o_demo_operator_0002"
	uaMini  = uaWeChat + " MiniProgramEnv/android miniProgram/wx00000000000000f1"
)

// fakeMinis is WeChat to mini programs: a code is good once.
type fakeMinis struct {
	mu       sync.Mutex
	answers  map[string]Answer
	err      error
	asked    int
	platform string // of the last question, empty when the secret was sent
}

func (f *fakeMinis) MiniLogin(_ context.Context, _ access.App, appSecret secret.Value, platform access.App, code secret.Value) (Answer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	f.platform = platform.ID
	if appSecret.IsZero() == (platform.ID == "") {
		return Answer{}, errDown
	}
	if f.err != nil {
		return Answer{}, f.err
	}
	a, ok := f.answers[code.RevealString()]
	if !ok {
		return Answer{}, wechatError(40029)
	}
	delete(f.answers, code.RevealString())
	return a, nil
}

// visit goes to a page as somebody does who taps a link.
func (b *browser) visit(path string) *httptest.ResponseRecorder {
	return b.with(path, map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"})
}

// with sends a GET with headers.
func (b *browser) with(path string, headers map[string]string) *httptest.ResponseRecorder {
	r := b.request(http.MethodGet, path, nil)
	for k, v := range headers {
		r.Header.Set(k, v)
	}
	return b.keep(r)
}

// keep sends a request and keeps the cookies of the answer.
func (b *browser) keep(r *http.Request) *httptest.ResponseRecorder {
	rec := b.w.serve(r)
	b.last = rec
	for _, c := range rec.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
			continue
		}
		b.cookies[c.Name] = c.Value
	}
	return rec
}

// from sends a GET from an address.
func (b *browser) from(addr, path string) *httptest.ResponseRecorder {
	r := b.request(http.MethodGet, path, nil)
	r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(addr), 1234).String()
	return b.keep(r)
}

// goes wants a redirect of ours and gives where it leads.
func goes(t *testing.T, rec *httptest.ResponseRecorder) string {
	t.Helper()
	if rec.Code != http.StatusSeeOther {
		t.Fatalf("no redirect but %d: %s", rec.Code, rec.Body)
	}
	return rec.Header().Get("Location")
}

// fields reads the hidden fields of the first form whose action holds part.
func fields(t *testing.T, rec *httptest.ResponseRecorder, part string) url.Values {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(rec.Body.String()))
	must(t, err)
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" || !strings.Contains(attr(n, "action"), part) {
			continue
		}
		v := url.Values{}
		for in := range n.Descendants() {
			if in.Type == html.ElementNode && in.Data == "input" {
				v.Set(attr(in, "name"), attr(in, "value"))
			}
		}
		return v
	}
	t.Fatalf("no form for %s: %s", part, rec.Body)
	return nil
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// member makes somebody a member of lantian's tenant.
func (w *world) member(person string, role access.Role) {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	p := w.store.persons[person]
	p.Members = append(p.Members, access.Member{TenantID: "lan", PersonID: person, Role: role})
}

// personOf gives the person of an openid.
func (w *world) personOf(app, openid string) string {
	w.t.Helper()
	i, err := w.store.Identity(w.t.Context(), app, openid)
	must(w.t, err)
	return i.PersonID
}

func (w *world) recorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
