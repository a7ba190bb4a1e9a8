package guard

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
)

// claimsOf reads what the fake signer signed.
func claimsOf(t *testing.T, a answer) (out assertion) {
	t.Helper()
	text, ok := strings.CutPrefix(a.told.Get("X-Zhanggui-Assertion"), "ES256.")
	if !ok {
		t.Fatalf("%s: no assertion among %v", a.url, a.told)
	}
	must(t, json.Unmarshal([]byte(text), &out))
	return out
}

func TestAStrangerIsLedToTheLoginAndBack(t *testing.T) {
	w := newWorld(t)
	w.data.member("p_lan", "lan", "", access.Operator)
	b := w.browser()
	w.login("p_lan")
	a := b.open(erp + "/orders?page=2&q=%E7%AC%94")
	if a.told == nil || a.url != erp+"/orders?page=2&q=%E7%AC%94" {
		t.Fatalf("ended at %s with %d: %s", a.url, a.status, a.body)
	}
	want := map[string]string{"Person": "p_lan", "Shop": "lantian", "Role": "operator", "Door": "qr"}
	for k, v := range want {
		if got := a.told.Get("X-Zhanggui-" + k); got != v {
			t.Errorf("X-Zhanggui-%s: %q, want %q", k, got, v)
		}
	}
	if u, n := a.told.Get("X-Webauth-User"), a.told.Get("X-Webauth-Name"); u != "p_lan" || n != "小兰 p_lan" {
		t.Errorf("further headers: %q %q", u, n)
	}
	c := claimsOf(t, a)
	c.Session = ""
	if d := cmp.Diff(assertion{
		Issuer: ours, Audience: erp, Subject: "p_lan", IssuedAt: w.at.Unix(), Expires: w.at.Unix() + 120,
		Shop: "lantian", Role: "operator", Door: "qr",
	}, c); d != "" {
		t.Error(d)
	}
	if steps := len(b.visited); steps != 7 { // orders, begin, handoff, login, handoff, enter, orders
		t.Errorf("%d steps:\n%s", steps, strings.Join(b.visited, "\n"))
	}
	if len(w.data.audit) != 1 || w.data.audit[0].Action != "session.handoff" || w.data.audit[0].Actor.ID != "p_lan" {
		t.Errorf("audit: %+v", w.data.audit)
	}
	if strings.Contains(w.logs.String(), "ticket=") || strings.Contains(w.logs.String(), "zgs_") {
		t.Errorf("secrets in the log:\n%s", &w.logs)
	}
}

func TestWhoMayIn(t *testing.T) {
	w := newWorld(t)
	w.data.member("p_view", "lan", "lantian", access.Viewer)
	w.data.member("p_own", "lan", "", access.Owner)
	w.data.member("p_else", "bai", "", access.Owner)
	for name, tt := range map[string]struct {
		who, path string
		status    int
		code      string
	}{
		"viewer":                {"p_view", "/orders", 200, ""},
		"viewer at admin":       {"p_view", "/admin/users", 403, "no-role"},
		"owner at admin":        {"p_own", "/admin/users", 200, ""},
		"beside admin":          {"p_view", "/administrator", 200, ""},
		"owner of another shop": {"p_else", "/orders", 403, "no-role"},
		"nobody's person":       {"p_new", "/orders", 403, "no-role"},
		"administrator":         {"a_root", "/orders", 403, "administrator"},
		"from the market":       {"shop:lantian", "/orders", 200, ""},
		"market, another shop":  {"shop:hongtu", "/orders", 403, "no-role"},
		"the wrong door":        {"p_own", "/till", 403, "door"},
		"shut":                  {"p_own", "/debug/pprof", 403, "shut"},
	} {
		t.Run(name, func(t *testing.T) {
			w.login(tt.who)
			b := w.browser()
			a := b.open(erp + tt.path)
			if tt.status == 200 {
				if a.told == nil {
					t.Errorf("status %d: %s", a.status, a.body)
				}
				return
			}
			a.wayOn(t, tt.status, tt.code)
		})
	}
}

func TestTheMarketNamesNobody(t *testing.T) {
	w := newWorld(t)
	w.login("shop:lantian")
	a := w.browser().open(erp + "/orders")
	if a.told.Get("X-Zhanggui-Person") != "shop:lantian" || a.told.Get("X-Webauth-Name") != "shop:lantian" || a.told.Get("X-Zhanggui-Door") != "market" {
		t.Errorf("told %v", a.told)
	}
	if c := claimsOf(t, a); c.Subject != "shop:lantian" || c.Role != "operator" {
		t.Errorf("claims %+v", c)
	}
}

func TestPublicPathsNameNobody(t *testing.T) {
	w := newWorld(t)
	b := w.enter("p_lan", access.Viewer)
	for _, b := range []*browser{b, w.browser()} {
		a := b.send("GET", erp+"/static/app.css", nil)
		if a.told == nil || a.told.Get("X-Zhanggui-Person") != "" || a.told.Get("X-Zhanggui-Assertion") != "" {
			t.Errorf("status %d, told %v", a.status, a.told)
		}
	}
}

// TestWhatEndsIsOver: the next request after an end or a lost role is refused.
func TestWhatEndsIsOver(t *testing.T) {
	t.Run("the parent", func(t *testing.T) {
		w := newWorld(t)
		b := w.enter("p_lan", access.Viewer)
		w.data.mu.Lock()
		w.data.end(w.data.sessions[0].ID)
		w.data.mu.Unlock()
		if a := b.send("GET", erp+"/orders", nil); a.status != http.StatusFound || a.header.Get("X-Zhanggui-Login") == "" {
			t.Errorf("status %d", a.status)
		}
	})
	t.Run("the role", func(t *testing.T) {
		w := newWorld(t)
		b := w.enter("p_lan", access.Viewer)
		w.data.noMember("p_lan")
		b.send("GET", erp+"/orders", nil).wayOn(t, http.StatusForbidden, "no-role")
	})
	t.Run("the shop's tenant", func(t *testing.T) {
		w := newWorld(t)
		b := w.enter("p_lan", access.Viewer)
		w.data.mu.Lock()
		w.data.shops[0].TenantID = "bai"
		w.data.mu.Unlock()
		w.pass(time.Second)
		b.send("GET", erp+"/orders", nil).wayOn(t, http.StatusForbidden, "no-role")
	})
	t.Run("the shop", func(t *testing.T) {
		w := newWorld(t)
		b := w.enter("p_lan", access.Viewer)
		w.data.mu.Lock()
		w.data.shops = w.data.shops[1:]
		w.data.mu.Unlock()
		w.pass(time.Second)
		b.send("GET", erp+"/orders", nil).wayOn(t, http.StatusForbidden, "no-shop")
	})
}

func TestProgramsAreNeverRedirected(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	for name, h := range map[string]http.Header{
		"fetch":            {"Sec-Fetch-Mode": {"cors"}, "Accept": {"text/html"}},
		"an image":         {"Sec-Fetch-Mode": {"no-cors"}, "Accept": {"image/png"}},
		"XMLHttpRequest":   {"X-Requested-With": {"XMLHttpRequest"}, "Accept": {"text/html"}},
		"wants JSON":       {"Accept": {"application/json"}},
		"says nothing":     {"Accept": nil},
		"a WebSocket":      {"Sec-Fetch-Mode": {"websocket"}, "Accept": nil},
		"nginx":            {"X-Original-Uri": {"/orders"}, "X-Original-Method": {"GET"}},
		"an asked nginx":   {"X-Original-Uri": {"/orders"}},
		"a form's answer":  nil, // by its method, below
		"a form in script": {"Sec-Fetch-Mode": {"cors"}},
	} {
		method := "GET"
		if strings.HasPrefix(name, "a form") {
			method = "POST"
		}
		a := b.send(method, erp+"/orders", h)
		if a.status != http.StatusUnauthorized || a.header.Get("Location") != "" {
			t.Errorf("%s: status %d to %q, want 401", name, a.status, a.header.Get("Location"))
		}
		if l := a.header.Get("X-Zhanggui-Login"); l != erp+"/.zhanggui/begin?rd=%2Forders" {
			t.Errorf("%s: the next step is %q", name, l)
		}
	}
	b.send("POST", erp+"/orders", nil).wayOn(t, http.StatusUnauthorized, "no-session")
	if a := b.send("GET", erp+"/orders", nil); a.status != http.StatusFound {
		t.Errorf("a page: status %d", a.status)
	}
}

func TestRedirectMayBeAskedFor(t *testing.T) {
	w := newWorld(t)
	for query, want := range map[string]int{"?redirect=1": 302, "?redirect=0": 401, "": 401} {
		a := w.ask(query, http.Header{"X-Original-Uri": {"/orders"}, "X-Original-Method": {"GET"}, "X-Forwarded-Host": {"erp.example.com"}, "Accept": {pages}})
		if a.status != want {
			t.Errorf("%q: status %d, want %d", query, a.status, want)
		}
	}
}

func TestFreshProof(t *testing.T) {
	w := newWorld(t)
	b := w.enter("p_lan", access.Owner)
	if a := b.open(erp + "/admin/money"); a.told == nil {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	w.pass(11 * time.Minute)
	if a := b.send("GET", erp+"/admin/money", http.Header{"Sec-Fetch-Mode": {"cors"}}); a.status != http.StatusUnauthorized {
		t.Errorf("a script with an old proof: %d", a.status)
	}
	if a := b.send("GET", erp+"/admin", nil); a.told == nil {
		t.Errorf("where none is needed: %d", a.status)
	}
	b.visited = nil
	a := b.open(erp + "/admin/money")
	if a.told == nil || !strings.Contains(strings.Join(b.visited, "\n"), "prove=1") {
		t.Errorf("status %d by\n%s", a.status, strings.Join(b.visited, "\n"))
	}
	if w.data.sessions[0].EndedAt.IsZero() {
		t.Error("the old login lives on")
	}
}

// TestProofThatDoesNotHelp: WeChat is asked once, then a person decides.
func TestProofThatDoesNotHelp(t *testing.T) {
	h := erpHost()
	h.Rule.ProvedWithin = time.Minute
	w := newWorld(t, h)
	w.data.member("p_lan", "lan", "", access.Owner)
	w.login("p_lan")
	b := w.browser()
	b.open(erp + "/orders")
	w.pass(5 * time.Minute)
	p := b.send("GET", erp+"/.zhanggui/begin?rd=/orders", nil)
	asks := b.send("GET", p.header.Get("Location"), nil)
	login, err := url.Parse(asks.header.Get("Location"))
	must(t, err)
	if login.Path != "/login" || login.Query().Get("prove") != "1" {
		t.Fatalf("led to %s", login)
	}
	b.send("GET", ours+login.Query().Get("rd"), nil).wayOn(t, http.StatusUnauthorized, "stale-proof")
}

func TestSeveralShops(t *testing.T) {
	h := erpHost()
	h.Shop, h.Tenant = "", "lan"
	w := newWorld(t, h)
	w.data.member("p_lan", "lan", "", access.Operator)
	w.login("p_lan")
	b := w.browser()
	a := b.open(erp + "/orders?x=1")
	if a.status != http.StatusOK || !strings.Contains(a.body, "蓝天文具店") || !strings.Contains(a.body, "红土茶铺") || strings.Contains(a.body, "白云小店") {
		t.Fatalf("no choice: %d %s", a.status, a.body)
	}
	in := b.open(link(t, a, "shop=hongtu"))
	if in.told.Get("X-Zhanggui-Shop") != "hongtu" || in.url != erp+"/orders?x=1" {
		t.Fatalf("chose, and came to %s with %v", in.url, in.told)
	}
	again := b.open(erp + "/.zhanggui/begin?choose=1&rd=/stock")
	in = b.open(link(t, again, "shop=lantian"))
	if in.told.Get("X-Zhanggui-Shop") != "lantian" || in.url != erp+"/stock" {
		t.Errorf("chose again, and came to %s with %v", in.url, in.told)
	}
	live := 0
	for _, s := range w.data.sessions {
		if s.Host != "" && s.EndedAt.IsZero() {
			live++
		}
	}
	if live != 1 {
		t.Errorf("%d sessions of the host live, want the last one", live)
	}
	t.Run("a choice that is not theirs", func(t *testing.T) {
		token, _, _ := strings.Cut(b.child(), ".")
		b := w.browser()
		b.headers.Set("Cookie", "__Host-zg_child="+token+".baiyun")
		if a := b.send("GET", erp+"/orders", nil); a.status != http.StatusFound {
			t.Errorf("status %d, told %v", a.status, a.told)
		}
	})
	t.Run("one shop only", func(t *testing.T) {
		w.data.member("p_one", "lan", "hongtu", access.Viewer)
		w.login("p_one")
		if a := w.browser().open(erp + "/orders"); a.told.Get("X-Zhanggui-Shop") != "hongtu" {
			t.Errorf("status %d, told %v", a.status, a.told)
		}
	})
}

// link finds the address on a page that holds part.
func link(t *testing.T, a answer, part string) string {
	t.Helper()
	for s := range strings.SplitSeq(a.body, `href="`) {
		if l, _, _ := strings.Cut(s, `"`); strings.Contains(l, part) {
			return resolve(t, a.url, strings.ReplaceAll(l, "&amp;", "&"))
		}
	}
	t.Fatalf("%s has no link with %q: %s", a.url, part, a.body)
	return ""
}

func TestLoggingOutEndsEverything(t *testing.T) {
	w := newWorld(t)
	b := w.enter("p_lan", access.Viewer)
	if a := b.open(erp + "/.zhanggui/logout"); !strings.Contains(a.body, `action="/.zhanggui/logout"`) || a.header.Get("Content-Security-Policy") == "" {
		t.Fatalf("no form: %s", a.body)
	}
	if a := b.send("POST", erp+"/.zhanggui/logout", http.Header{"Sec-Fetch-Site": {"same-site"}}); a.status != http.StatusForbidden {
		t.Errorf("a sibling's page logs people out: %d", a.status)
	}
	a := b.send("POST", erp+"/.zhanggui/logout", http.Header{"Sec-Fetch-Site": {"same-origin"}})
	if a.status != http.StatusSeeOther || b.child() != "" {
		t.Fatalf("status %d, cookie %q", a.status, b.child())
	}
	if a := b.open(erp + "/.zhanggui/logout"); !strings.Contains(a.body, "You are logged out.") {
		t.Errorf("page: %s", a.body)
	}
	for _, s := range w.data.sessions {
		if s.EndedAt.IsZero() {
			t.Errorf("a session lives on: %+v", s)
		}
	}
}

func TestAssertionsAreSignedOnceAMinute(t *testing.T) {
	w := newWorld(t)
	b := w.enter("p_lan", access.Viewer)
	first := claimsOf(t, b.send("GET", erp+"/orders", nil))
	for range 50 {
		b.send("GET", erp+"/orders", nil)
	}
	if n := w.signer.signed(); n != 1 {
		t.Errorf("signed %d times", n)
	}
	w.pass(59 * time.Second)
	if c := claimsOf(t, b.send("GET", erp+"/orders", nil)); c != first {
		t.Errorf("another one before a minute: %+v", c)
	}
	w.pass(2 * time.Second)
	c := claimsOf(t, b.send("GET", erp+"/orders", nil))
	if c.IssuedAt != first.IssuedAt+61 || w.signer.signed() != 2 {
		t.Errorf("after a minute: %+v", c)
	}
	w.data.noMember("p_lan")
	w.data.member("p_lan", "lan", "", access.Owner)
	if c := claimsOf(t, b.send("GET", erp+"/orders", nil)); c.Role != "owner" {
		t.Errorf("an old role is asserted: %+v", c)
	}
	w.signer.err = errDown
	w.pass(90 * time.Second)
	if a := b.send("GET", erp+"/orders", nil); a.told == nil {
		t.Errorf("an assertion that is good for half a minute is not used: %d", a.status)
	}
	w.pass(11 * time.Second)
	b.send("GET", erp+"/orders", nil).says(t, http.StatusServiceUnavailable, "away")
}

// says wants an error of a code.
func (a answer) says(t *testing.T, status int, code string) {
	t.Helper()
	if a.status != status || !strings.Contains(a.body, code) {
		t.Errorf("%s: %d, want %d %s: %s", a.url, a.status, status, code, a.body)
	}
}

func TestStampsOfLongAgoAreForgotten(t *testing.T) {
	s, at := newStamps(), time.Unix(1_800_000_000, 0)
	for i := range 100 {
		s.put([32]byte{byte(i)}, &stamp{at: at.Add(time.Duration(i) * 10 * time.Second)})
	}
	if n := len(s.young) + len(s.old); n > 30 {
		t.Errorf("%d are kept", n)
	}
	if s.get([32]byte{99}) == nil || s.get([32]byte{1}) != nil {
		t.Error("the wrong ones are kept")
	}
}
