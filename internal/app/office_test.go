package app_test

import (
	"bufio"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/wechattest"
)

// walk opens a page and goes where it is sent, over every host, as a browser does. At
// WeChat's page it agrees as person; empty stops there.
func (b *browser) walk(target, person string) page {
	b.r.t.Helper()
	for range 20 {
		p := b.send(http.MethodGet, target, nil, map[string]string{"Accept": "text/html"})
		switch {
		case p.location == "":
			return p
		case !strings.HasPrefix(p.location, b.r.sim.URL):
			target = p.location
		case person == "":
			return p
		default:
			target = b.r.sim.MustAgree(person, p.location)
		}
	}
	b.r.t.Fatalf("redirects without end at %s", target)
	return page{}
}

// TestFronts: the same back office behind each proxy. An owner opens it in WeChat and is
// in, an operator sees only what they may, a stranger gets a page that explains.
func TestFronts(t *testing.T) {
	t.Parallel()
	for _, f := range fronts {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := f.open(t)
			owner := s.owner()
			s.ownerIsIn(owner)
			s.operatorSeesLess()
			s.strangersStayOut()
			s.nobodyCanClaim(owner)
			s.changesComeFromHere(owner)
			s.clockTicks(owner)
			s.logsOut(owner)
		})
	}
}

// contains tells what is missing of a page.
func (s *site) contains(what string, p page, status int, words ...string) {
	s.t.Helper()
	if p.status != status {
		s.t.Errorf("%s: status %d at %s, want %d: %s", what, p.status, p.url, status, p.body)
		return
	}
	for _, w := range words {
		if !strings.Contains(p.body, w) {
			s.t.Errorf("%s: %q is missing at %s: %s", what, w, p.url, p.body)
		}
	}
}

func (s *site) ownerIsIn(owner *browser) {
	s.t.Helper()
	in := owner.walk(s.url+"/?tab=1", "")
	s.contains("the owner", in, http.StatusOK, "3700000000000001", "lantian · owner · wechat")
	if in.url != s.url+"/?tab=1" {
		s.t.Errorf("the owner is at %s", in.url)
	}
	s.contains("the owner's page", owner.walk(s.url+"/admin/", ""), http.StatusOK, "只有店主能看到这一页")
	s.contains("the assertion", owner.walk(s.url+"/signed", ""), http.StatusOK, "<dd>owner", "<dd>lantian")
}

func (s *site) operatorSeesLess() {
	s.t.Helper()
	operator := s.join(wechattest.Operator, "operator")
	s.contains("the operator", operator.walk(s.url+"/", ""), http.StatusOK, "lantian · operator · wechat")
	for _, path := range []string{"/admin/", "/Admin/", "/admin"} {
		s.contains("the operator at "+path, operator.walk(s.url+path, ""), http.StatusForbidden, "Role that is needed", "owner")
	}
	if p := operator.open(s.url + "/x/%2e%2e/admin/"); p.status != http.StatusBadRequest && p.status != http.StatusForbidden {
		s.t.Errorf("the operator's odd path: %d %s", p.status, p.body)
	}
}

func (s *site) strangersStayOut() {
	s.t.Helper()
	stranger := s.browser(phone)
	p := stranger.walk(s.url+"/", wechattest.Customer)
	if p.status != http.StatusForbidden || strings.Contains(p.body, "3700000000000001") || !strings.Contains(p.body, "role") {
		s.t.Errorf("a stranger is at %s: %d %s", p.url, p.status, p.body)
	}
	s.contains("a stranger at the public page", s.browser(phone).walk(s.url+"/public/about", ""), http.StatusOK, "没有说明的访客")
	program := s.browser("program/1.0").open(s.url + "/")
	if program.status != http.StatusUnauthorized || program.header.Get("X-Zhanggui-Login") == "" && !strings.Contains(program.body, "no-session") {
		s.t.Errorf("a program without a session: %d %v %s", program.status, program.header, program.body)
	}
}

// nobodyCanClaim: identity headers of visitors reach the back office nowhere. Where a
// proxy might pass them on, the whole request is refused.
func (s *site) nobodyCanClaim(owner *browser) {
	s.t.Helper()
	for _, name := range []string{"X-Zhanggui-Person", "x-zhanggui-role", "X_Zhanggui_Person"} {
		claim := map[string]string{name: "claimed", "Connection": "close, X-Zhanggui-Person", "Accept": "text/html"}
		for _, try := range []struct {
			by         *browser
			path, want string
		}{{s.browser(phone), "/public/about", "没有说明的访客"}, {owner, "/", "lantian · owner · wechat"}, {s.browser(phone), "/", ""}} {
			p := try.by.send(http.MethodGet, s.url+try.path, nil, claim)
			if strings.Contains(p.body, "claimed") || p.status == http.StatusOK && (try.want == "" || !strings.Contains(p.body, try.want)) {
				s.t.Errorf("%s was believed at %s (%d): %s", name, p.url, p.status, p.body)
			}
		}
	}
}

// changesComeFromHere: a form of the back office works, one on another site's page does
// not.
func (s *site) changesComeFromHere(owner *browser) {
	s.t.Helper()
	ship := url.Values{"id": {"3700000000000002"}}
	foreign := owner.send(http.MethodPost, s.url+"/ship", ship, map[string]string{
		"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Origin": "https://evil.example.com", "Accept": "text/html"})
	s.contains("a foreign form", foreign, http.StatusForbidden, "Another website")
	if strings.Contains(shipped(owner.walk(s.url+"/", "")), "3700000000000002") {
		s.t.Error("the foreign form shipped the order")
	}
	if p := owner.post(s.url+"/ship", ship); p.status != http.StatusSeeOther {
		s.t.Errorf("the form: %d %s", p.status, p.body)
	}
	if !strings.Contains(shipped(owner.walk(s.url+"/", "")), "3700000000000002") {
		s.t.Error("the form shipped nothing")
	}
}

// shipped gives the rows of orders that are on their way.
func shipped(p page) (rows string) {
	for row := range strings.SplitSeq(p.body, "<tr>") {
		if strings.Contains(row, "已发货") {
			rows += row
		}
	}
	return rows
}

// clockTicks: server-sent events come one by one.
func (s *site) clockTicks(owner *browser) {
	s.t.Helper()
	resp := s.stream(owner)
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	for range 2 {
		line, err := lines.ReadString('\n')
		if err != nil || !strings.HasPrefix(line, "data: ") {
			s.t.Fatalf("the clock says %q, %v", line, err)
		}
		_, _ = lines.ReadString('\n')
	}
}

// stream opens the clock past the recorder, which waits for whole answers.
func (s *site) stream(b *browser) *http.Response {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+"/clock", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(req.URL) {
		req.AddCookie(c)
	}
	transport := &http.Transport{DialContext: dialLocal}
	s.t.Cleanup(transport.CloseIdleConnections)
	resp, err := transport.RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp
}

func (s *site) logsOut(owner *browser) {
	s.t.Helper()
	if p := owner.post(s.url+"/.zhanggui/logout", nil); p.status != http.StatusSeeOther {
		s.t.Errorf("logging out: %d %s", p.status, p.body)
	}
	if p := owner.walk(s.url+"/", ""); !strings.HasPrefix(p.location, s.sim.URL) {
		s.t.Errorf("after it: %d at %s", p.status, p.url)
	}
}

// TestAClockEndsWithItsSession: where we are the proxy, what streams ends soon after the
// session; so it does when the server stops.
func TestAClockEndsWithItsSession(t *testing.T) {
	t.Parallel()
	s := fronts[0].open(t)
	owner, operator := s.owner(), s.join(wechattest.Operator, "operator")
	owner.walk(s.url+"/", "")
	operator.walk(s.url+"/", "")
	ended, other := s.stream(owner), s.stream(operator)
	defer ended.Body.Close()
	defer other.Body.Close()
	owner.post(s.url+"/.zhanggui/logout", nil)
	if _, err := bufio.NewReader(ended.Body).WriteTo(nothing{}); err == nil {
		t.Error("the clock ended as if it were whole")
	}
	if line, err := bufio.NewReader(other.Body).ReadString('\n'); err != nil {
		t.Errorf("another's clock says %q, %v", line, err)
	}
	if err := s.shutdown(); err != nil {
		t.Error(err)
	}
	if _, err := bufio.NewReader(other.Body).WriteTo(nothing{}); err == nil {
		t.Error("another's clock ended as if it were whole")
	}
}

// nothing takes everything.
type nothing struct{}

func (nothing) Write(p []byte) (int, error) { return len(p), nil }
