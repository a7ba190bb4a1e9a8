package app_test

import (
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

// phone is WeChat's own browser.
const phone = wechatsim.WeChatUserAgent

// browser has cookies and a user agent. It stays where it is sent away, so that
// a test sees every link.
type browser struct {
	r      *rig
	client *http.Client
	agent  string
	lang   string
}

// page is an answer as a browser sees it.
type page struct {
	url      string
	status   int
	header   http.Header
	body     string
	location string // absolute
}

func (r *rig) browser(agent string) *browser {
	r.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	c := *r.http
	c.Jar = jar
	return &browser{r: r, client: &c, agent: agent, lang: "en"}
}

func (b *browser) open(target string) page { return b.send(http.MethodGet, target, nil, nil) }

// post sends a form as our own pages do.
func (b *browser) post(target string, form url.Values) page {
	return b.send(http.MethodPost, target, form, map[string]string{"Sec-Fetch-Site": "same-origin"})
}

func (b *browser) send(method, target string, form url.Values, header map[string]string) page {
	t := b.r.t
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("User-Agent", b.agent)
	req.Header.Set("Accept-Language", b.lang)
	for k, v := range header {
		if k == "Host" {
			req.Host = v
			continue
		}
		req.Header.Set(k, v)
	}
	resp, err := b.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	p := page{url: target, status: resp.StatusCode, header: resp.Header, body: readAll(t, resp)}
	if l := resp.Header.Get("Location"); l != "" {
		p.location = joinURL(t, target, l)
	}
	return p
}

// follow opens a target and goes where the server sends the browser, as long as
// that is the server itself.
func (b *browser) follow(p page) page {
	for range 5 {
		if p.status != http.StatusSeeOther || !strings.HasPrefix(p.location, b.r.root) {
			return p
		}
		p = b.open(p.location)
	}
	b.r.t.Fatalf("redirects without end at %s", p.url)
	return p
}

// agree lets a person agree at the WeChat page that p leads to, and comes back.
func (b *browser) agree(p page, person string) page {
	b.r.t.Helper()
	if !strings.HasPrefix(p.location, b.r.sim.URL) {
		b.r.t.Fatalf("%s (%d) does not lead to WeChat but to %q: %s", p.url, p.status, p.location, p.body)
	}
	return b.follow(b.open(b.r.sim.MustAgree(person, p.location)))
}

// submit presses the button of the form whose action holds part.
func (b *browser) submit(p page, part string, values url.Values) page {
	b.r.t.Helper()
	action, fields := findForm(b.r.t, p, part)
	maps.Copy(fields, values)
	return b.post(joinURL(b.r.t, p.url, action), fields)
}

func findForm(t *testing.T, p page, part string) (action string, fields url.Values) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(p.body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" || !strings.Contains(attribute(n, "action"), part) {
			continue
		}
		fields := url.Values{}
		for in := range n.Descendants() {
			if in.Type == html.ElementNode && in.Data == "input" && attribute(in, "name") != "" {
				fields.Set(attribute(in, "name"), attribute(in, "value"))
			}
		}
		return attribute(n, "action"), fields
	}
	t.Fatalf("%s (%d) has no form for %q: %s", p.url, p.status, part, p.body)
	return "", nil
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// links gives every address on a page: of links, forms, styles and images.
func links(t *testing.T, p page) []string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(p.body))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for n := range doc.Descendants() {
		for _, name := range []string{"href", "action", "src"} {
			if v := attribute(n, name); n.Type == html.ElementNode && v != "" {
				all = append(all, v)
			}
		}
	}
	return all
}

var fourDigits = regexp.MustCompile(`<strong>([0-9]{4})</strong>`)

// join walks a person from an invitation to the confirmed role.
func (r *rig) join(person, role string) *browser {
	r.t.Helper()
	return r.joinIn(tenantID, person, role)
}

// joinIn is join in another tenant.
func (r *rig) joinIn(tenant, person, role string) *browser {
	r.t.Helper()
	var inv adminapi.InvitationView
	r.ask("POST", "/v1/invitations", map[string]string{"tenant": tenant, "role": role}, &inv)
	b := r.browser(phone)
	waiting := b.agree(b.submit(b.open(inv.Link), "/i/", nil), person)
	code := fourDigits.FindStringSubmatch(waiting.body)
	if code == nil {
		r.t.Fatalf("no four digits at %s (%d): %s", waiting.url, waiting.status, waiting.body)
	}
	r.ask("POST", "/v1/invitations/"+inv.ID+"/confirm", map[string]string{"code": code[1]}, nil)
	return b
}

// owner is the usual owner.
func (r *rig) owner() *browser { return r.join(wechattest.Owner, "owner") }

// setupAdmin makes the first administrator with the set-up link, and gives the
// browser that is signed in now, the key and the link.
func (r *rig) setupAdmin() (b *browser, key, link string) {
	r.t.Helper()
	link, ok, err := r.app.SetupLink(r.t.Context())
	if err != nil || !ok {
		r.t.Fatalf("no set-up link: %v", err)
	}
	b = r.browser("Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
	shown := b.submit(b.open(link), "/setup/", url.Values{"name": {"Tester"}})
	if key = adminKey.FindString(shown.body); key == "" {
		r.t.Fatalf("no key at %s (%d): %s", shown.url, shown.status, shown.body)
	}
	return b, key, link
}

var adminKey = regexp.MustCompile(`zga_[A-Z2-7]{26}`)
