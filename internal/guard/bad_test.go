package guard

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/outage"
)

// ask is a request to GET /auth as a proxy sends it.
func (w *world) ask(query string, header http.Header) answer {
	r := httptest.NewRequest("GET", "http://zhanggui.internal:8080/auth"+query, nil)
	r.RemoteAddr, r.Header = "10.0.0.2:1234", header
	return w.serve(r)
}

func (w *world) serve(r *http.Request) answer {
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return answer{url: r.URL.String(), status: rec.Code, header: rec.Result().Header, body: rec.Body.String(), told: rec.Result().Header}
}

// TestWhatProxiesMustSay: what is missing or said twice could be somebody else's word.
func TestWhatProxiesMustSay(t *testing.T) {
	h := erpHost()
	other := Host{Name: "bi.example.com", Shop: "lantian", Rule: Rule{Public: true}}
	w := newWorld(t, h, other)
	fine := http.Header{"X-Forwarded-Host": {"erp.example.com"}, "X-Forwarded-Uri": {"/orders"}, "X-Forwarded-Method": {"GET"}}
	with := func(kv ...string) http.Header {
		h := fine.Clone()
		for i := 0; i < len(kv); i += 2 {
			h.Del(kv[i])
			if kv[i+1] != "" {
				h[kv[i]] = strings.Split(kv[i+1], "|")
			}
		}
		return h
	}
	for name, tt := range map[string]struct {
		header http.Header
		status int
		code   string
	}{
		"all there":        {fine, 401, "no-session"},
		"nginx's names":    {with("X-Forwarded-Uri", "", "X-Forwarded-Method", "", "X-Original-Uri", "/a", "X-Original-Method", "GET"), 401, "no-session"},
		"both, agreeing":   {with("X-Original-Uri", "/orders"), 401, "no-session"},
		"no path":          {with("X-Forwarded-Uri", ""), 400, "auth-headers"},
		"no method":        {with("X-Forwarded-Method", ""), 400, "auth-headers"},
		"two paths":        {with("X-Forwarded-Uri", "/static|/admin"), 400, "auth-headers"},
		"two names differ": {with("X-Original-Uri", "/static"), 400, "auth-headers"},
		"two methods":      {with("X-Original-Method", "POST"), 400, "auth-headers"},
		"our own page":     {with("X-Forwarded-Uri", "/.zhanggui/begin?rd=/"), 400, "auth-place"},
		"an absolute path": {with("X-Forwarded-Uri", "https://erp.example.com/static"), 400, "odd-path"},
		"no host":          {with("X-Forwarded-Host", ""), 400, "auth-host"},
		"an unknown host":  {with("X-Forwarded-Host", "other.example.com"), 400, "auth-host"},
		"an odd host":      {with("X-Forwarded-Host", "erp.example.com/x"), 400, "auth-host"},
	} {
		t.Run(name, func(t *testing.T) { w.ask("", tt.header).says(t, tt.status, tt.code) })
	}
	t.Run("a stranger asks", func(t *testing.T) {
		r := httptest.NewRequest("GET", "https://erp.example.com/auth", nil)
		r.RemoteAddr, r.Header = "192.0.2.7:1234", fine.Clone()
		w.serve(r).says(t, http.StatusForbidden, "auth-stranger")
	})
	t.Run("two protected hosts", func(t *testing.T) {
		r := httptest.NewRequest("GET", "https://erp.example.com/auth", nil)
		r.RemoteAddr, r.Header = "10.0.0.2:1234", with("X-Forwarded-Host", "bi.example.com")
		w.serve(r).says(t, http.StatusBadRequest, "auth-two-hosts")
	})
}

// TestForgedHeaders: what a visitor says of themselves reaches nobody. Proxies hold the
// request as it came: some leave headers alone where we say nothing, and none writes over
// another spelling.
func TestForgedHeaders(t *testing.T) {
	w := newWorld(t)
	b := w.enter("p_lan", access.Viewer)
	for _, name := range []string{"X-Zhanggui-Person", "X_Zhanggui_Role", "X-Zhanggui-Assertion", "X-Webauth-User", underscored, "X-Webauth_Name"} {
		for _, path := range []string{"/orders", "/static/x"} {
			if a := b.send("GET", erp+path, http.Header{name: {"p_boss"}}); a.told != nil {
				t.Errorf("%s with %s: told %v", path, name, a.told)
			} else {
				a.wayOn(t, http.StatusForbidden, "forged")
			}
		}
	}
	if n := len(w.reasons()); n != 12 {
		t.Errorf("%d refusals are recorded: %v", n, w.reasons())
	}
	if a := b.send("GET", erp+"/orders", http.Header{"X-Zhanggui-Person": {""}, "X-Webauth-User": {""}}); a.told.Get("X-Zhanggui-Person") != "p_lan" || a.told.Get("X-Webauth-User") != "p_lan" {
		t.Errorf("names that say nothing: told %v", a.told)
	}
}

func TestOtherSitesChangeNothing(t *testing.T) {
	w := newWorld(t)
	b := w.enter("p_lan", access.Owner)
	for name, tt := range map[string]struct {
		method, path string
		header       http.Header
		ok           bool
	}{
		"own form":                {"POST", "/orders", http.Header{"Sec-Fetch-Site": {"same-origin"}, "Origin": {erp}}, true},
		"own form, no referrer":   {"POST", "/orders", http.Header{"Sec-Fetch-Site": {"same-origin"}, "Origin": {"null"}}, true},
		"own form, old browser":   {"POST", "/orders", http.Header{"Origin": {erp}}, true},
		"a program":               {"POST", "/orders", nil, true},
		"another site":            {"POST", "/orders", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}, false},
		"a sibling":               {"POST", "/orders", http.Header{"Sec-Fetch-Site": {"same-site"}, "Origin": {"https://cms.example.com"}}, false},
		"our own host":            {"POST", "/orders", http.Header{"Sec-Fetch-Site": {"same-site"}, "Origin": {ours}}, false},
		"another, old browser":    {"POST", "/orders", http.Header{"Origin": {"https://evil.example"}}, false},
		"nobody's, old browser":   {"POST", "/orders", http.Header{"Origin": {"null"}}, false},
		"the same host by http":   {"POST", "/orders", http.Header{"Origin": {"http://erp.example.com"}}, false},
		"DELETE":                  {"DELETE", "/orders", http.Header{"Sec-Fetch-Site": {"same-site"}}, false},
		"an odd method":           {"FORGE", "/orders", http.Header{"Sec-Fetch-Site": {"cross-site"}}, false},
		"a link":                  {"GET", "/orders", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}}, true},
		"own WebSocket":           {"GET", "/live", http.Header{"Sec-Websocket-Key": {"x"}, "Origin": {erp}}, true},
		"a foreign WebSocket":     {"GET", "/live", http.Header{"Sec-Websocket-Key": {"x"}, "Origin": {"https://cms.example.com"}}, false},
		"a foreign one, Fetch":    {"GET", "/live", http.Header{"Sec-Fetch-Mode": {"websocket"}, "Sec-Fetch-Site": {"same-site"}}, false},
		"where it is observed":    {"POST", "/old/form", http.Header{"Sec-Fetch-Site": {"cross-site"}}, true},
		"where nobody is named":   {"POST", "/static/hook", http.Header{"Sec-Fetch-Site": {"cross-site"}}, true},
		"below where it is not":   {"POST", "/admin/form", http.Header{"Sec-Fetch-Site": {"cross-site"}}, false},
		"beside where it is":      {"POST", "/older", http.Header{"Sec-Fetch-Site": {"cross-site"}}, false},
		"two words on the origin": {"POST", "/orders", http.Header{"Origin": {erp, "https://evil.example"}}, false},
	} {
		a := b.send(tt.method, erp+tt.path, tt.header)
		if (a.told != nil) != tt.ok {
			t.Errorf("%s: status %d", name, a.status)
		}
		if !tt.ok && tt.header.Get("Sec-Fetch-Mode") == "" {
			a.wayOn(t, http.StatusForbidden, "cross-origin")
		}
	}
	seen := map[string]bool{}
	for _, r := range w.reasons() {
		seen[r] = true
	}
	if !seen["cross-origin"] || !seen["cross-origin-observed"] {
		t.Errorf("recorded: %v", seen)
	}
}

// handOver brings a browser to where it has its ticket and has not used it, and gives
// the address with it.
func (b *browser) handOver(path string) string {
	b.w.t.Helper()
	begun := b.send("GET", erp+"/.zhanggui/begin?rd="+url.QueryEscape(path), nil)
	at := begun.header.Get("Location")
	for range 4 {
		if strings.HasPrefix(at, erp+"/.zhanggui/enter?") {
			return at
		}
		a := b.send("GET", at, nil)
		at = resolve(b.w.t, at, a.header.Get("Location"))
	}
	b.w.t.Fatalf("no ticket at %s", at)
	return ""
}

func TestTickets(t *testing.T) {
	fresh := func(t *testing.T) (*world, *browser, string) {
		w := newWorld(t)
		w.data.member("p_lan", "lan", "", access.Viewer)
		w.login("p_lan")
		b := w.browser()
		return w, b, b.handOver("/orders")
	}
	t.Run("in another browser", func(t *testing.T) { // login CSRF: a link that logs a victim in as the attacker
		w, _, ticket := fresh(t)
		victim := w.browser()
		victim.send("GET", ticket, nil).wayOn(t, http.StatusBadRequest, "ticket-no-cookie")
		victim.send("GET", erp+"/.zhanggui/begin?rd=/", nil)
		victim.send("GET", ticket, nil).wayOn(t, http.StatusBadRequest, "ticket-foreign")
		if victim.child() != "" {
			t.Error("the victim has the attacker's session")
		}
	})
	t.Run("for the attacker's browser", func(t *testing.T) { // the attacker's nonce in the victim's hand-off
		w, _, _ := fresh(t)
		attacker, victim := w.browser(), w.browser()
		at := attacker.send("GET", erp+"/.zhanggui/begin?rd=/", nil).header.Get("Location")
		a := victim.open(at)
		a.wayOn(t, http.StatusBadRequest, "ticket-no-cookie")
		if attacker.child() != "" || victim.child() != "" {
			t.Error("somebody is in")
		}
	})
	t.Run("twice", func(t *testing.T) {
		_, b, ticket := fresh(t)
		b.send("GET", ticket, nil)
		token := b.child()
		if a := b.send("GET", ticket, nil); a.status != http.StatusSeeOther || b.child() != token {
			t.Errorf("a reload: status %d", a.status)
		}
	})
	t.Run("twice, logged out in between", func(t *testing.T) {
		w, b, ticket := fresh(t)
		b.send("GET", ticket, nil)
		b.send("POST", erp+"/.zhanggui/logout", http.Header{"Sec-Fetch-Site": {"same-origin"}})
		b.send("GET", ticket, nil).wayOn(t, http.StatusBadRequest, "ticket-used")
		if b.child() != "" || len(w.data.sessions) != 2 {
			t.Error("a used ticket made a session")
		}
	})
	t.Run("by HEAD", func(t *testing.T) {
		w, b, ticket := fresh(t)
		b.send("HEAD", ticket, nil)
		if len(w.data.used) != 0 {
			t.Error("a preview used the ticket up")
		}
		if b.send("GET", ticket, nil); b.child() == "" {
			t.Error("the ticket does not count any more")
		}
	})
	t.Run("late", func(t *testing.T) {
		w, b, ticket := fresh(t)
		w.pass(31 * time.Second)
		a := b.send("GET", ticket, nil)
		a.wayOn(t, http.StatusBadRequest, "ticket-old")
		if in := b.open(link(t, a, "begin")); in.told == nil {
			t.Errorf("the way on leads to %d", in.status)
		}
	})
	t.Run("under a clock that is off", func(t *testing.T) {
		for _, off := range []time.Duration{10 * time.Minute, -10 * time.Minute} {
			w, b, ticket := fresh(t)
			w.pass(off)
			if a := b.send("GET", ticket, nil); a.status != http.StatusBadRequest || !strings.Contains(a.body, `role="button"`) || b.child() != "" {
				t.Errorf("%v: status %d: %s", off, a.status, a.body)
			}
		}
	})
	t.Run("on another host", func(t *testing.T) {
		w := newWorld(t, erpHost(), Host{Name: "bi.example.com", Shop: "lantian", Rule: Rule{Role: access.Viewer}})
		w.data.member("p_lan", "lan", "", access.Viewer)
		w.login("p_lan")
		b := w.browser()
		ticket := b.handOver("/orders")
		moved := strings.Replace(ticket, "erp.example.com", "bi.example.com", 1)
		b.send("GET", moved, nil).wayOn(t, http.StatusBadRequest, "ticket-unknown")
	})
	t.Run("of another deployment", func(t *testing.T) {
		_, _, ticket := fresh(t)
		_, b, _ := fresh(t)
		b.send("GET", ticket, nil).wayOn(t, http.StatusBadRequest, "ticket-unknown")
	})
	t.Run("made up", func(t *testing.T) {
		_, b, ticket := fresh(t)
		for _, bad := range []string{"", "AAAA", ticket[len(erp)+25:len(ticket)-1] + "=", strings.Repeat("A", 9000)} {
			b.send("GET", erp+"/.zhanggui/enter?ticket="+bad, nil).wayOn(t, http.StatusBadRequest, "ticket-unknown")
		}
	})
	t.Run("after the login ended", func(t *testing.T) {
		w, b, ticket := fresh(t)
		w.data.mu.Lock()
		w.data.end(w.data.sessions[0].ID)
		w.data.mu.Unlock()
		b.send("GET", ticket, nil).wayOn(t, http.StatusBadRequest, "ticket-ended")
	})
	t.Run("without cookies", func(t *testing.T) {
		w, _, _ := fresh(t)
		b := w.browser()
		b.blocked = "erp.example.com"
		b.open(erp+"/orders").wayOn(t, http.StatusBadRequest, "ticket-no-cookie")
	})
	t.Run("while the store is away", func(t *testing.T) {
		w, b, ticket := fresh(t)
		w.data.setDown(true)
		b.send("GET", ticket, nil).says(t, http.StatusServiceUnavailable, "cannot be checked")
		w.data.setDown(false)
		if b.send("GET", ticket, nil); b.child() == "" {
			t.Error("the ticket does not count any more")
		}
	})
}

// TestSessionFixation: a session that somebody else put into the browser is replaced,
// and one of another place is none.
func TestSessionFixation(t *testing.T) {
	w := newWorld(t, erpHost(), Host{Name: "bi.example.com", Shop: "lantian", Rule: Rule{Role: access.Viewer}})
	b := w.enter("p_lan", access.Viewer)
	planted := b.child()
	victim := w.browser()
	u, _ := url.Parse(erp)
	victim.jar.SetCookies(u, []*http.Cookie{{Name: "__Host-zg_child", Value: planted, Path: "/", Secure: true}})
	w.data.member("p_victim", "lan", "", access.Viewer)
	w.login("p_victim")
	victim.open(erp + "/.zhanggui/begin?choose=1&rd=/")
	if victim.child() == planted {
		t.Error("a login keeps the token that was there")
	}
	for name, cookie := range map[string]string{
		"of another host":      "", // filled in below
		"of another server":    "zgs_AAAAAAAAAAAAAAAAAAAAAAAAAA",
		"cut off":              planted[:20],
		"with a tail":          planted + "A",
		"empty":                "",
		"twice":                planted + "; __Host-zg_child=" + planted,
		"without its prefix":   "x; zg_child=" + planted,
		"the login's own":      "zgs_BBBBBBBBBBBBBBBBBBBBBBBBBB",
		"in quotes":            `"` + planted + `"`,
		"with blanks before":   "; " + planted,
		"another case of name": "x; __host-zg_child=" + planted,
	} {
		x := w.browser()
		x.headers.Set("Cookie", "__Host-zg_child="+cookie)
		target := erp + "/orders"
		if name == "of another host" {
			x.headers.Set("Cookie", "__Host-zg_child="+victim.child())
			target = "https://bi.example.com/orders"
		}
		if name == "the login's own" { // a session of our own host, as it would be stolen
			parent := w.data.sessions[0]
			parent.TokenHash = access.HashKey(cookie)
		}
		if a := x.send("GET", target, nil); a.status != http.StatusFound {
			t.Errorf("%s: status %d, told %v", name, a.status, a.told)
		}
	}
}

// TestAStolenCookie: a browser on quite another system ends the session it brings.
func TestAStolenCookie(t *testing.T) {
	w := newWorld(t)
	b := w.enter("p_lan", access.Viewer)
	looks := w.data.looks
	for range 20 {
		b.send("GET", erp+"/orders", nil)
	}
	if w.data.looks != looks {
		t.Errorf("the same browser is looked at %d times", w.data.looks-looks)
	}
	thief := w.browser()
	thief.headers.Set("Cookie", "__Host-zg_child="+b.child())
	thief.headers.Set("User-Agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Safari/604.1")
	if a := thief.send("GET", erp+"/orders", nil); a.told != nil {
		t.Errorf("the thief is told %v", a.told)
	}
	if a := b.send("GET", erp+"/orders", nil); a.status != http.StatusFound {
		t.Errorf("the session lives on: %d", a.status)
	}
}

func TestReturnAddresses(t *testing.T) {
	w := newWorld(t)
	w.data.member("p_lan", "lan", "", access.Viewer)
	w.login("p_lan")
	for rd, want := range map[string]string{
		"/orders?page=2":                "/orders?page=2",
		"":                              "/",
		"https://evil.example/":         "/",
		"//evil.example/":               "/",
		`/\evil.example`:                "/",
		"/%2fevil.example":              "/",
		"/%5cevil.example":              "/",
		"/a/../../evil":                 "/",
		"/%0d%0aLocation:x":             "/",
		"javascript:alert(1)":           "/",
		"https://zhanggui.example.com":  "/",
		"https://erp.example.com/x":     "/",
		"/.zhanggui/logout":             "/",
		"/" + strings.Repeat("a", 2000): "/",
	} {
		b := w.browser()
		if a := b.open(erp + "/.zhanggui/begin?rd=" + url.QueryEscape(rd)); a.url != erp+want {
			t.Errorf("%q leads to %s", rd, a.url)
		}
	}
}

func TestTwoTabs(t *testing.T) {
	w := newWorld(t)
	w.data.member("p_lan", "lan", "", access.Viewer)
	w.login("p_lan")
	b := w.browser()
	one, two := b.handOver("/one"), b.handOver("/two")
	if a := b.open(two); a.url != erp+"/two" || a.told == nil {
		t.Errorf("the second tab: %s %d", a.url, a.status)
	}
	if a := b.open(one); a.url != erp+"/one" || a.told == nil {
		t.Errorf("the first tab: %s %d", a.url, a.status)
	}
	t.Run("very many", func(t *testing.T) {
		b := w.browser()
		var all []string
		for range maxNonces + 3 {
			all = append(all, b.handOver("/x"))
			w.pass(time.Second)
		}
		if a := b.open(all[len(all)-1]); a.told == nil {
			t.Errorf("the newest: %d", a.status)
		}
		b.open(all[0]).wayOn(t, http.StatusBadRequest, "ticket-foreign")
	})
}

// TestCircles: whatever keeps a browser from staying in, it is told after a few rounds.
func TestCircles(t *testing.T) {
	t.Run("the proxy passes no cookies", func(t *testing.T) {
		w := newWorld(t)
		b := w.enter("p_lan", access.Viewer)
		for range maxTurns - 1 { // coming in was one
			if a := b.send("GET", erp+"/.zhanggui/begin?rd=/orders", nil); a.header.Get("Location") != "/orders" {
				t.Fatalf("led to %q", a.header.Get("Location"))
			}
		}
		b.send("GET", erp+"/.zhanggui/begin?rd=/orders", nil).says(t, http.StatusTooManyRequests, "back and forth")
		w.pass(2 * time.Minute)
		if a := b.send("GET", erp+"/.zhanggui/begin?rd=/orders", nil); a.status != http.StatusSeeOther {
			t.Errorf("a minute later: %d", a.status)
		}
	})
	t.Run("the session's cookie is lost", func(t *testing.T) {
		w := newWorld(t)
		w.data.member("p_lan", "lan", "", access.Viewer)
		w.login("p_lan")
		b := w.browser()
		u, _ := url.Parse(erp)
		var a answer
		for range maxTurns + 1 {
			a = b.open(erp + "/.zhanggui/begin?rd=/orders")
			b.jar.SetCookies(u, []*http.Cookie{{Name: "__Host-zg_child", Path: "/", Secure: true, MaxAge: -1}})
		}
		a.says(t, http.StatusTooManyRequests, "back and forth")
	})
}

func TestBeginAndHandoffTakeNoNonsense(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	if a := b.send("GET", erp+"/.zhanggui/begin", http.Header{"Sec-Fetch-Mode": {"cors"}}); a.status != http.StatusUnauthorized {
		t.Errorf("a script begins: %d", a.status)
	}
	nonce := strings.Repeat("a", 64)
	for _, q := range []string{"", "?host=erp.example.com", "?host=evil.example&nonce=" + nonce, "?host=erp.example.com&nonce=XYZ"} {
		if a := b.send("GET", ours+"/handoff"+q, nil); a.status != http.StatusBadRequest {
			t.Errorf("%q: %d", q, a.status)
		}
	}
	w.data.setDown(true)
	w.login("p_lan")
	w.data.down = false
	w.data.member("p_lan", "lan", "", access.Viewer)
	b.open(erp + "/orders")
	w.data.setDown(true)
	if a := b.send("GET", ours+"/handoff?host=erp.example.com&nonce="+nonce, nil); a.status < 500 {
		t.Errorf("the store is away: %d to %q", a.status, a.header.Get("Location"))
	}
}

// TestAwayLogsNobodyOut: what cannot be asked is not answered with a login.
func TestAwayLogsNobodyOut(t *testing.T) {
	w := newWorld(t)
	b := w.enter("p_lan", access.Viewer)
	w.data.setDown(true)
	a := b.send("GET", erp+"/orders", nil)
	a.says(t, http.StatusServiceUnavailable, "cannot be checked")
	if a.header.Get("Retry-After") == "" || a.header.Get("X-Zhanggui-Login") != "" {
		t.Errorf("header %v", a.header)
	}
	w.data.why = &outage.Error{Kind: outage.Away, Err: errDown}
	if a := b.send("GET", erp+"/orders", nil); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") != "5" || !strings.Contains(a.body, "database does not answer") {
		t.Errorf("a store that knows why: %d %v %s", a.status, a.header, a.body)
	}
	w.data.setDown(false)
	if a := b.send("GET", erp+"/orders", nil); a.told == nil {
		t.Errorf("afterwards: %d", a.status)
	}
}

// TestShopsAreReadSeldom, and stay known while the store is away.
func TestShopsAreReadSeldom(t *testing.T) {
	w := newWorld(t)
	b := w.enter("p_lan", access.Viewer)
	before := w.data.reads
	for range 20 {
		b.send("GET", erp+"/orders", nil)
	}
	if w.data.reads != before {
		t.Errorf("read %d times within a moment", w.data.reads-before)
	}
	w.pass(time.Second)
	b.send("GET", erp+"/orders", nil)
	if w.data.reads != before+1 {
		t.Errorf("read %d times after a second", w.data.reads-before)
	}
}

func TestWhyExplainsForNginx(t *testing.T) {
	w := newWorld(t)
	b := w.enter("p_lan", access.Viewer)
	for path, want := range map[string]string{"/admin": "no-role", "/debug": "shut"} {
		b.send("GET", erp+"/.zhanggui/why", http.Header{"X-Original-Uri": {path}, "X-Original-Method": {"GET"}}).wayOn(t, http.StatusForbidden, want)
	}
	if a := b.send("GET", erp+"/.zhanggui/why", http.Header{"X-Original-Uri": {"/orders"}, "X-Original-Method": {"GET"}}); a.header.Get("Location") != "/orders" {
		t.Errorf("who may in is led to %q", a.header.Get("Location"))
	}
	if a := w.browser().send("GET", erp+"/.zhanggui/why", http.Header{"X-Original-Uri": {"/orders"}, "X-Original-Method": {"GET"}}); a.status != http.StatusFound {
		t.Errorf("a stranger: %d", a.status)
	}
}

func TestRefusalsSpeakBothLanguages(t *testing.T) {
	w := newWorld(t)
	b := w.enter("p_lan", access.Viewer)
	if a := b.send("GET", erp+"/admin?tab=1&lang=zh-CN", nil); !strings.Contains(a.body, word("guard.error.no-role", true)) {
		t.Errorf("asked for Chinese: %s", a.body)
	}
	b.send("GET", erp+"/admin?tab=1&lang=en", nil).wayOn(t, http.StatusForbidden, "no-role")
}

func TestWaysOnOfPeopleWithoutARole(t *testing.T) {
	h := erpHost()
	h.Shop, h.Tenant = "", "lan"
	w := newWorld(t, h)
	w.login("p_new")
	a := w.browser().open(erp + "/orders")
	a.wayOn(t, http.StatusForbidden, "no-role")
	other, err := url.Parse(link(t, a, "switch=1"))
	must(t, err)
	if rd := other.Query().Get("rd"); !strings.HasPrefix(rd, erp+"/.zhanggui/begin?") {
		t.Errorf("after switching one comes to %q", rd)
	}
	link(t, a, "choose=1")
}

// TestOurOwnProxy: a host that we stand in front of ourselves.
func TestOurOwnProxy(t *testing.T) {
	h := erpHost()
	h.Inner = true
	w := newWorld(t, h)
	b := w.enterInner("p_lan", access.Viewer)
	a := b.send("GET", erp+"/orders", http.Header{"X-Webauth-User": {"p_boss"}, underscored: {"p_boss"}, "X-Zhanggui-Person": {"p_boss"}})
	if a.header.Get("Saw-Person") != "p_lan" || a.header.Get("Saw-User") != "p_lan" {
		t.Errorf("the back office saw %v", a.header)
	}
	if a := b.send("GET", erp+"/auth", nil); a.header.Get("Saw-Person") != "p_lan" {
		t.Errorf("its own /auth: %d", a.status)
	}
	if a := b.send("GET", erp+"/static/x", http.Header{underscored: {"p_boss"}}); a.header.Get("Saw-User") != "" || a.header.Get("Saw-Person") != "" {
		t.Errorf("on a public path the back office saw %v", a.header)
	}
	b.send("GET", erp+"/admin", nil).wayOn(t, http.StatusForbidden, "no-role")
	b.send("POST", erp+"/orders", http.Header{"Sec-Fetch-Site": {"cross-site"}}).wayOn(t, http.StatusForbidden, "cross-origin")
	b.send("GET", erp+"/orders%2f..%2fadmin", nil).wayOn(t, http.StatusBadRequest, "odd-path")
}

// enterInner is enter without a proxy in between.
func (w *world) enterInner(person string, role access.Role) *browser {
	w.t.Helper()
	w.data.member(person, "lan", "lantian", role)
	b := w.browser()
	w.login(person)
	if a := b.open(erp + "/orders"); a.header.Get("Saw-Person") != person {
		w.t.Fatalf("%s does not get in: %d %s\n%s", person, a.status, a.body, strings.Join(b.visited, "\n"))
	}
	return b
}

// TestLongRequestsEndWithTheirSession: a WebSocket is a request that does not end.
func TestLongRequestsEndWithTheirSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := erpHost()
		h.Inner = true
		w := newWorld(t, h)
		b := w.enterInner("p_lan", access.Viewer)
		began := time.Now()
		var took time.Duration
		done := make(chan struct{})
		go func() {
			defer close(done)
			b.send("GET", erp+"/clock", nil)
			took = time.Since(began)
		}()
		synctest.Wait()
		w.pass(usedEvery)
		time.Sleep(time.Minute) // virtual
		synctest.Wait()
		if len(w.data.uses) > 0 {
			t.Error("a page that is left open counts as a use of the session")
		}
		select {
		case <-done:
			t.Error("it ended while the session lives")
		default:
		}
		w.data.setDown(true) // not knowing ends nothing
		time.Sleep(time.Minute)
		w.data.setDown(false)
		w.data.noMember("p_lan")
		<-done
		if took < 2*time.Minute || took > 2*time.Minute+2*lookEvery {
			t.Errorf("it ended after %v", took)
		}
	})
}

func TestOnlyWholeOptionsMakeAGuard(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("nothing is taken for enough")
	}
	w := newWorld(t)
	for name, h := range map[string]Host{
		"no name": {Shop: "a"}, "our own": {Name: "zhanggui.example.com", Shop: "a"}, "nobody's": {Name: "x.example.com"}, "everybody's": {Name: "x.example.com", Shop: "a", Tenant: "b"},
	} {
		o := w.guard.o
		o.Hosts = []Host{h}
		if _, err := New(o); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
