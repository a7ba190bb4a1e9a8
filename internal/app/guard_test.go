package app_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

// office is the host of a back office on this machine.
const office = "erp.localhost:9001"

const officeFile = `
trusted_proxies: [127.0.0.1/32]
protected:
  - host: erp.localhost:9001
    shop: lantian
    role: viewer
    headers: {X-Webauth-User: person}
    routes:
      - {path: /admin, role: owner}
      - {path: /static, public: true}
`

// edge is a proxy in front of the office that asks /auth, as Traefik does.
type edge struct {
	root string // of the server
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (e edge) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host != office {
		return e.next.RoundTrip(req)
	}
	to, err := url.Parse(e.root)
	if err != nil {
		return nil, err
	}
	asked := req.Clone(req.Context())
	asked.URL.Scheme, asked.URL.Host, asked.Host = to.Scheme, to.Host, to.Host
	asked.Header.Set("X-Forwarded-Host", office)
	asked.Header.Set("X-Forwarded-Proto", "http")
	if strings.HasPrefix(req.URL.Path, "/.zhanggui/") {
		return e.next.RoundTrip(asked)
	}
	asked.Header.Set("X-Forwarded-Method", req.Method)
	asked.Header.Set("X-Forwarded-Uri", req.URL.RequestURI())
	asked.Method, asked.URL.Path, asked.URL.RawQuery, asked.Body, asked.ContentLength = http.MethodGet, "/auth", "", nil, 0
	resp, err := e.next.RoundTrip(asked)
	if err != nil || resp.StatusCode != http.StatusAccepted {
		return resp, err
	}
	resp.Body.Close() //nolint:errcheck // it is empty
	told := httptest.NewRecorder()
	for k, v := range resp.Header {
		if strings.HasPrefix(k, "X-") {
			told.Header()[k] = v
		}
	}
	return told.Result(), nil
}

// visit opens a page of the office and goes where it is sent.
func (b *browser) visit(target string) page {
	b.r.t.Helper()
	b.client.Transport = edge{b.r.root, b.r.http.Transport}
	for range 12 {
		p := b.send(http.MethodGet, target, nil, map[string]string{"Accept": "text/html"})
		if p.location == "" || strings.HasPrefix(p.location, b.r.sim.URL) {
			return p
		}
		target = p.location
	}
	b.r.t.Fatalf("redirects without end at %s", target)
	return page{}
}

func newOffice(t *testing.T) *rig {
	t.Helper()
	r := newStoppedRig(t)
	r.file = officeFile
	r.start(nil)
	r.declare()
	return r
}

// TestBackOffice: an owner is in without having done anything, with an assertion that
// verifies; a stranger gets a page; logging out there is logging out here.
func TestBackOffice(t *testing.T) {
	t.Parallel()
	r := newOffice(t)
	owner := r.owner()
	in := owner.visit("http://" + office + "/admin?tab=1")
	if in.url != "http://"+office+"/admin?tab=1" || in.header.Get("X-Zhanggui-Role") != "owner" || in.header.Get("X-Webauth-User") != in.header.Get("X-Zhanggui-Person") {
		t.Fatalf("the owner is at %s (%d) with %v: %s", in.url, in.status, in.header, in.body)
	}
	checkAssertion(t, r, in.header.Get("X-Zhanggui-Assertion"), in.header.Get("X-Zhanggui-Person"))

	viewer := r.join(wechattest.Operator, "viewer")
	if p := viewer.visit("http://" + office + "/orders"); p.header.Get("X-Zhanggui-Role") != "viewer" {
		t.Errorf("the viewer is at %s (%d)", p.url, p.status)
	}
	if p := viewer.visit("http://" + office + "/admin"); p.status != http.StatusForbidden || !strings.Contains(p.body, "Role that is needed") {
		t.Errorf("the viewer at /admin: %d %s", p.status, p.body)
	} else if p := viewer.open(linkWith(t, p, "switch=1")); p.status != http.StatusOK || !strings.Contains(p.body, "/login/switch") {
		t.Errorf("the way to another account: %d %s", p.status, p.body)
	}
	if p := r.browser(phone).visit("http://" + office + "/static/app.css"); p.status != http.StatusOK || p.header.Get("X-Zhanggui-Person") != "" {
		t.Errorf("a stranger at a public path: %d %v", p.status, p.header)
	}
	if p := r.browser(phone).visit("http://" + office + "/orders"); !strings.HasPrefix(p.location, r.sim.URL) {
		t.Errorf("a stranger is not asked who they are: %s (%d)", p.url, p.status)
	}

	out := owner.post("http://"+office+"/.zhanggui/logout", nil)
	if out.status != http.StatusSeeOther {
		t.Fatalf("logout: %d %s", out.status, out.body)
	}
	if p := owner.open(r.base + "/sessions"); p.status != http.StatusUnauthorized {
		t.Errorf("still logged in here: %d", p.status)
	}
	if p := owner.visit("http://" + office + "/admin"); !strings.HasPrefix(p.location, r.sim.URL) {
		t.Errorf("still logged in there: %s (%d)", p.url, p.status)
	}
}

// linkWith finds the address on a page that holds part.
func linkWith(t *testing.T, p page, part string) string {
	t.Helper()
	for _, l := range links(t, p) {
		if strings.Contains(l, part) {
			return l
		}
	}
	t.Fatalf("%s has no link with %q: %s", p.url, part, p.body)
	return ""
}

// checkAssertion reads an assertion as a back office does, and holds it against what a
// back office must refuse.
func checkAssertion(t *testing.T, r *rig, token, person string) {
	t.Helper()
	_, text := r.get(r.base+"/.well-known/jwks.json", "")
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(text), &keys); err != nil {
		t.Fatal(err)
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	var claims jwt.Claims
	if err := parsed.Claims(keys, &claims); err != nil {
		t.Fatal(err)
	}
	now := r.sim.Now()
	want := jwt.Expected{Issuer: r.base, AnyAudience: jwt.Audience{"http://" + office}, Subject: person, Time: now}
	if err := claims.ValidateWithLeeway(want, 0); err != nil {
		t.Errorf("the assertion is refused: %v", err)
	}
	for name, change := range map[string]func(*jwt.Expected){
		"at another back office": func(e *jwt.Expected) { e.AnyAudience = jwt.Audience{"http://bi.localhost:9002"} },
		"after two minutes":      func(e *jwt.Expected) { e.Time = now.Add(2*time.Minute + time.Second) },
		"by a clock that is off": func(e *jwt.Expected) { e.Time = now.Add(10 * time.Minute) },
		"of another deployment":  func(e *jwt.Expected) { e.Issuer = "https://other.example.com" },
	} {
		w := want
		if change(&w); claims.ValidateWithLeeway(w, 30*time.Second) == nil && name != "after two minutes" || claims.ValidateWithLeeway(w, 0) == nil {
			t.Errorf("%s the assertion counts", name)
		}
	}
}

// TestBackOfficeEndsAtOnce: what is taken away is gone with the next request.
func TestBackOfficeEndsAtOnce(t *testing.T) {
	t.Parallel()
	r := newOffice(t)
	r.owner()
	viewer := r.join(wechattest.Operator, "viewer")
	orders := "http://" + office + "/orders"
	if p := viewer.visit(orders); p.header.Get("X-Zhanggui-Role") != "viewer" {
		t.Fatalf("the viewer is at %s (%d)", p.url, p.status)
	}
	person := viewer.visit(orders).header.Get("X-Zhanggui-Person")
	for _, s := range r.sessions() { // the login's own and the office's: ending both in any order is fine
		if s.Person == person {
			r.say("POST", "/v1/sessions/"+s.ID+"/end", nil)
		}
	}
	began := time.Now()
	if p := viewer.send(http.MethodGet, orders, nil, nil); p.status != http.StatusUnauthorized {
		t.Errorf("after the end: %d", p.status)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestBackOfficeFromTheMarket: whom the service market sent is in, by the shop's name,
// and out with the next request after the shop withdrew or we ended its grant.
func TestBackOfficeFromTheMarket(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"withdrawn at WeChat", "revoked here"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			r := newRigIn(t, wechatsim.PlatformWorld())
			r.file = strings.Replace(officeFile, "shop: lantian", "shop: "+marketShop, 1)
			r.start(nil)
			r.declarePlatform()
			r.buy()
			r.deliver()
			r.awaitShop()
			orders := "http://" + office + "/orders"
			pc := r.browser("Mozilla/5.0 (Windows NT 10.0)")
			pc.follow(pc.submit(pc.useService(), "/market/", nil))
			if p := pc.visit(orders); p.header.Get("X-Zhanggui-Person") != "shop:"+marketShop || p.header.Get("X-Zhanggui-Door") != "market" {
				t.Fatalf("somebody of the shop is at %s (%d) with %v: %s", p.url, p.status, p.header, p.body)
			}
			if end == "revoked here" {
				r.ask("POST", "/v1/grants/"+r.grant("isv").ID+"/revoke", map[string]string{"cause": "test"}, nil)
			} else {
				r.must(r.sim.WithdrawGrant(wechatsim.DefaultComponent, marketShop))
				r.deliver()
			}
			r.await("the end", func() bool { return pc.send(http.MethodGet, orders, nil, nil).status == http.StatusUnauthorized })
		})
	}
}
