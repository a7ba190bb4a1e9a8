package login

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

const (
	lantianID = "wx00000000000000e1"
	baiyunID  = "wx00000000000000e2"
)

// sell makes WeChat name a shop for a code of the market.
func (w *world) sell(code, appID string) {
	w.market.mu.Lock()
	defer w.market.mu.Unlock()
	w.market.answers[code] = Jump{AppID: appID, ServiceID: "1234567890123", Spec: "standard", OrderID: "3359339022749466625"}
}

// jump is a click on 去使用 that brings code.
func (b *browser) jump(code string) *httptest.ResponseRecorder {
	return b.get("/market/callback/isv/erp?code=" + code)
}

// yes answers the question as it stands in this browser.
func (b *browser) yes() *httptest.ResponseRecorder {
	b.w.t.Helper()
	rec := b.get("/market/enter")
	return b.post("/market/enter", url.Values{"go": {"yes"}, "entry": {tagOf(b.w.t, rec)}})
}

func tagOf(t *testing.T, rec *httptest.ResponseRecorder) string {
	t.Helper()
	m := regexp.MustCompile(`name="entry" value="([0-9a-f]{32})"`).FindStringSubmatch(rec.Body.String())
	if m == nil {
		t.Fatalf("no question but %d: %s", rec.Code, rec.Body)
	}
	return m[1]
}

// comeIn is a whole entry into a shop, with the question.
func (b *browser) comeIn(code, appID string) {
	b.w.t.Helper()
	b.w.sell(code, appID)
	leadsTo(b.w.t, b.jump(code), "/market/enter")
	if rec := b.yes(); rec.Code != http.StatusSeeOther {
		b.w.t.Fatalf("entering: %d %s", rec.Code, rec.Body)
	}
}

func leadsTo(t *testing.T, rec *httptest.ResponseRecorder, path string) {
	t.Helper()
	if got := rec.Header().Get("Location"); rec.Code != http.StatusSeeOther || got != path {
		t.Fatalf("%d to %q, want %q\n%s", rec.Code, got, path, rec.Body)
	}
}

// The first entry of a browser: a clean address, the question, a session of the
// service's role in the shop, and nobody's person.
func TestMarketEntry(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	w.sell("cnaw1", lantianID)
	rec := b.jump("cnaw1")
	leadsTo(t, rec, "/market/enter")
	for header, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"} {
		if got := rec.Header().Get(header); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	if len(w.store.sessions) != 0 {
		t.Fatal("the jump alone started a session")
	}
	asked := b.get("/market/enter").Body.String()
	for _, words := range []string{"蓝天小店", lantianID, "蓝天 ERP", "operator", "If somebody sent you here"} {
		if !strings.Contains(asked, words) {
			t.Errorf("the question lacks %q:\n%s", words, asked)
		}
	}
	if len(w.store.sessions) != 0 || len(w.store.callbacks) != 1 {
		t.Error("asking changed something")
	}
	leadsTo(t, b.yes(), "/shops/lantian")
	s, p, ok := b.current()
	if !ok || s.Door != access.DoorMarket || s.ShopID != "lantian" || s.Role != access.Operator || s.App != "isv" || s.PersonID != "" || p.ID != "" {
		t.Errorf("%+v %+v", s, p)
	}
	if len(w.store.persons)+len(w.store.identities)+len(w.store.grants) != 0 {
		t.Error("the market made a person")
	}
	last := w.store.audit[len(w.store.audit)-1]
	if last.Action != "login" || last.Actor.Kind != audit.ActorShop || last.Actor.ID != "lantian" || last.Details["door"] != "market" {
		t.Errorf("entry %+v", last)
	}
	w.noSecrets("cnaw1", b.sessionToken())
}

// What was bought is noted with the session; the known end stays.
func TestMarketEntryNotesThePurchase(t *testing.T) {
	w := newWorld(t)
	until := w.clock.now().AddDate(0, 1, 0)
	w.market.bought = []access.Purchase{
		{App: "isv", Service: "erp", AppID: lantianID, Spec: "standard", PaidUntil: until},
		{App: "isv", Service: "look", AppID: lantianID, Spec: "standard", PaidUntil: until.AddDate(1, 0, 0)},
	}
	w.browser(uaPC).comeIn("cnaw1", lantianID)
	got := w.store.purchases[0]
	want := access.Purchase{App: "isv", Service: "erp", AppID: lantianID, Spec: "standard", OrderID: "3359339022749466625", PaidUntil: until, SeenAt: w.clock.now()}
	if !got.SeenAt.Equal(want.SeenAt) || !got.PaidUntil.Equal(until) || got.OrderID != want.OrderID || got.Service != "erp" {
		t.Errorf("%+v, want %+v", got, want)
	}
	w.market.boughtErr = errDown
	w.browser(uaPC).comeIn("cnaw2", lantianID)
	if len(w.store.purchases) != 1 || len(w.store.sessions) != 2 {
		t.Error("not knowing what is kept kept somebody out, or wrote over it")
	}
}

// Every bad arrival is refused before WeChat is asked and before anything is
// written.
func TestBadJumps(t *testing.T) {
	for _, tt := range []struct {
		name, host, path string
		status           int
		words            string
	}{
		{"wrong host", "evil.example", "/market/callback/isv/erp?code=cnaw1", 421, "callback domain"},
		{"wrong host, no such service", "evil.example", "/market/callback/isv/nope?code=cnaw1", 421, "callback domain"},
		{"a port", host + ":8443", "/market/callback/isv/erp?code=cnaw1", 421, "callback domain"},
		{"no such app", host, "/market/callback/nope/erp?code=cnaw1", 404, "no such app"},
		{"an app of another kind", host, "/market/callback/svc/erp?code=cnaw1", 404, "no such app"},
		{"no such service", host, "/market/callback/isv/nope?code=cnaw1", 404, "no such service"},
		{"no code", host, "/market/callback/isv/erp", 400, "去使用"},
		{"an empty code", host, "/market/callback/isv/erp?code=", 400, "去使用"},
		{"two codes", host, "/market/callback/isv/erp?code=cnaw1&code=cnaw2", 400, "去使用"},
		{"blanks", host, "/market/callback/isv/erp?code=cnaw1%20", 400, "去使用"},
		{"long", host, "/market/callback/isv/erp?code=" + strings.Repeat("c", maxCode+1), 400, "去使用"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.sell("cnaw1", lantianID)
			b := w.browser(uaPC)
			b.host = tt.host
			rec := b.get(tt.path)
			refusedWith(t, rec, tt.status, tt.words)
			if strings.Contains(rec.Body.String(), "cnaw1") {
				t.Error("the page repeats the code")
			}
			if w.market.count() != 0 || len(w.store.callbacks) != 0 {
				t.Error("something was asked or written")
			}
			w.noSecrets("cnaw1")
		})
	}
	w := newWorld(t)
	w.sell("cnaw1", lantianID)
	w.browser(uaPC).send(http.MethodHead, "/market/callback/isv/erp?code=cnaw1", nil)
	if w.market.count() != 0 {
		t.Error("a preview used the code up")
	}
	w.login.o.Shops = nil
	refusedWith(t, w.browser(uaPC).jump("cnaw1"), http.StatusNotFound, "no such app")
	refusedWith(t, w.browser(uaPC).get("/market/enter"), http.StatusGone, "去使用")
}

// A clock that is behind stops the jump before the code is used.
func TestJumpUnderABadClock(t *testing.T) {
	w := newWorld(t)
	w.login.o.Behind = func() time.Duration { return time.Hour }
	w.sell("cnaw1", lantianID)
	refusedWith(t, w.browser(uaPC).jump("cnaw1"), http.StatusServiceUnavailable, "clock")
	if w.market.count() != 0 || len(w.store.callbacks) != 0 {
		t.Error("the code was used")
	}
	w = newWorld(t)
	w.sell("cnaw1", lantianID)
	b := w.browser(uaPC)
	b.jump("cnaw1")
	w.store.highest = w.clock.now().Add(time.Hour)
	form := url.Values{"go": {"yes"}, "entry": {tagOf(t, b.get("/market/enter"))}}
	refusedWith(t, b.post("/market/enter", form), http.StatusServiceUnavailable, "clock")
}

// WeChat's answers that open nothing, each with its way on.
func TestJumpExchangeFails(t *testing.T) {
	lost := &wechat.Error{Op: "POST /wxa/servicemarket/service/login_auth", Outcome: wechat.OutcomeUnknown, Err: wechat.ErrMalformed}
	for _, tt := range []struct {
		name   string
		answer Jump
		err    error
		status int
		words  string
		reason string
	}{
		{"unknown code", Jump{}, wechatError(noSuchCode), 502, "did not tell which shop", "market.exchange refused market-exchange"},
		{"lost", Jump{}, lost, 502, "did not arrive", "market.exchange unknown market-lost"},
		{"no token to ask with", Jump{}, errDown, 502, "去使用", ""},
		{"a person bought it", Jump{ServiceID: "1234567890123"}, nil, 403, "not a WeChat shop", "market.exchange refused market-no-shop"},
		{"another service", Jump{AppID: lantianID, ServiceID: "2234567890123"}, nil, 403, "another service", "market.exchange refused market-service"},
		{"no service", Jump{AppID: lantianID}, nil, 403, "another service", "market.exchange refused market-service"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.market.answers["cnaw1"], w.market.err = tt.answer, tt.err
			b := w.browser(uaPC)
			rec := b.jump("cnaw1")
			refusedWith(t, rec, tt.status, tt.words)
			if tt.reason != "" && !slices.Contains(w.tally.reasons(), tt.reason) {
				t.Errorf("refusals %v, want %s", w.tally.reasons(), tt.reason)
			}
			if len(b.cookies) != 0 || strings.Contains(rec.Body.String(), "cnaw1") {
				t.Errorf("cookies %v, or the page repeats the code", b.cookies)
			}
			// The code is used up, whatever the answer was.
			w.market.err = nil
			w.sell("cnaw1", lantianID)
			refusedWith(t, b.jump("cnaw1"), http.StatusConflict, "used before")
			if w.market.count() != 1 {
				t.Errorf("%d exchanges, want 1", w.market.count())
			}
			w.noSecrets("cnaw1")
		})
	}
}

// Fifty copies of one jump: one exchange, and each gets the question or a page.
func TestParallelJumps(t *testing.T) {
	w := newWorld(t)
	w.sell("cnaw1", lantianID)
	b := w.browser(uaPC)
	codes := make([]int, 50)
	var wg sync.WaitGroup
	for i := range codes {
		wg.Go(func() {
			rec := httptest.NewRecorder()
			w.handler.ServeHTTP(rec, b.request(http.MethodGet, "/market/callback/isv/erp?code=cnaw1", nil))
			codes[i] = rec.Code
		})
	}
	wg.Wait()
	slices.Sort(codes)
	if codes[0] != http.StatusSeeOther || codes[1] != http.StatusConflict || codes[49] != http.StatusConflict || w.market.count() != 1 {
		t.Errorf("%v, %d exchanges", codes, w.market.count())
	}
}

// A reload of the jump leads back to the question, and after the yes to the
// shop. In another browser it leads to a page and to nobody's session.
func TestJumpReload(t *testing.T) {
	w := newWorld(t)
	w.sell("cnaw1", lantianID)
	b := w.browser(uaPC)
	b.jump("cnaw1")
	leadsTo(t, b.jump("cnaw1"), "/market/enter")
	b.yes()
	token := b.sessionToken()
	leadsTo(t, b.jump("cnaw1"), "/market/enter")
	leadsTo(t, b.get("/market/enter"), "/shops/lantian")
	other := w.browser(uaPC)
	refusedWith(t, other.jump("cnaw1"), http.StatusConflict, "used before")
	if w.market.count() != 1 || b.sessionToken() != token || other.sessionToken() != "" {
		t.Error("a reload did something")
	}
	w.clock.add(entryLife)
	refusedWith(t, b.jump("cnaw1"), http.StatusConflict, "去使用")
}

// One network's guesses stop costing WeChat anything.
func TestGuessedCodes(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	for i := range maxTries {
		refusedWith(t, b.jump("guess"+string(rune('a'+i))), http.StatusBadGateway, "did not tell")
	}
	refusedWith(t, b.jump("more"), http.StatusTooManyRequests, "Too many")
	if w.market.count() != maxTries || len(w.store.callbacks) != maxTries {
		t.Errorf("%d exchanges, %d rows", w.market.count(), len(w.store.callbacks))
	}
	w.clock.add(tryWindow)
	b.comeIn("cnaw1", lantianID)
}

// A store that does not keep the use of a code keeps it from being exchanged; one
// that does not keep the session starts none.
func TestMarketStoreDown(t *testing.T) {
	w := newWorld(t)
	w.sell("cnaw1", lantianID)
	b := w.browser(uaPC)
	w.store.fail["UseState"] = errDown
	refusedWith(t, b.jump("cnaw1"), http.StatusServiceUnavailable, "去使用")
	if w.market.count() != 0 {
		t.Error("exchanged before its use was kept")
	}
	delete(w.store.fail, "UseState")
	b.jump("cnaw1")
	form := url.Values{"go": {"yes"}, "entry": {tagOf(t, b.get("/market/enter"))}}
	w.store.fail["Login"] = errDown
	refusedWith(t, b.post("/market/enter", form), http.StatusServiceUnavailable, "去使用")
	if b.sessionToken() != "" {
		t.Error("a session that was not kept")
	}
	delete(w.store.fail, "Login")
	refusedWith(t, b.post("/market/enter", form), http.StatusConflict, "used before")
}

// Roles: the service's, an operator where an owner was declared.
func TestMarketRole(t *testing.T) {
	for service, want := range map[string]access.Role{"erp": access.Operator, "look": access.Viewer, "odd": access.Operator} {
		w := newWorld(t)
		s, _ := serviceOf(w.store.apps[3], service)
		w.market.answers["cnaw1"] = Jump{AppID: lantianID, ServiceID: s.ServiceID}
		b := w.browser(uaPC)
		leadsTo(t, b.get("/market/callback/isv/"+service+"?code=cnaw1"), "/market/enter")
		b.yes()
		if got, _, _ := b.current(); got.Role != want {
			t.Errorf("%s: %q, want %q", service, got.Role, want)
		}
		_, _, err := w.login.Require(b.request(http.MethodGet, "/", nil), want, "lantian")
		if err != nil {
			t.Errorf("%s: %v", service, err)
		}
		for _, beyond := range []struct {
			role access.Role
			shop string
		}{{access.Owner, "lantian"}, {access.Viewer, "baiyun"}} {
			if _, _, err := w.login.Require(b.request(http.MethodGet, "/", nil), beyond.role, beyond.shop); statusOf(err) != 403 {
				t.Errorf("%s as %s of %s: %v", service, beyond.role, beyond.shop, err)
			}
		}
	}
}

// The session ends when the shop withdraws, and not because something is odd.
func TestMarketSessionNeedsTheGrant(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	b.comeIn("cnaw1", lantianID)
	for _, tt := range []struct {
		g  grant.Grant
		in bool
	}{
		{grant.Grant{State: grant.Active}, true},
		{grant.Grant{State: grant.Stopped, Cause: grant.CausePlatform}, true},
		{grant.Grant{State: grant.NeedsOwner, Cause: grant.CauseInvalid}, true},
		{grant.Grant{State: grant.NeedsOwner, Cause: grant.CauseUnauthorized}, false},
		{grant.Grant{State: grant.Revoked}, false},
	} {
		w.market.grants["isv "+lantianID] = tt.g
		if _, _, ok := b.current(); ok != tt.in {
			t.Errorf("%s %s: in %v, want %v", tt.g.State, tt.g.Cause, ok, tt.in)
		}
	}
	again := w.browser(uaPC)
	w.sell("cnaw2", lantianID)
	again.jump("cnaw2")
	refusedWith(t, again.get("/market/enter"), http.StatusForbidden, "withdrawn its authorisation")
	w.market.grants["isv "+lantianID] = grant.Grant{State: grant.Active}
	w.market.grantErr = errDown
	if _, _, err := w.login.Who(b.request(http.MethodGet, "/", nil)); statusOf(err) != http.StatusInternalServerError {
		t.Errorf("a store that cannot be asked: %v", err)
	}
	w.market.grantErr = nil
	if _, err := w.store.EndSessions(t.Context(), grant.Effects{At: w.clock.now(), EndSessions: []access.SessionFilter{{ShopID: "lantian", Why: "withdrawn"}}}); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := b.current(); ok {
		t.Error("an ended session counts")
	}
}

// Idle and absolute limits are those of every session.
func TestMarketSessionLimits(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	b.comeIn("cnaw1", lantianID)
	s, _, _ := b.current()
	if s.IdleLimit != DefaultIdle || !s.ExpiresAt.Equal(w.clock.now().Add(DefaultAbsolute)) {
		t.Errorf("%+v", s)
	}
	w.clock.add(DefaultIdle)
	if _, _, ok := b.current(); ok {
		t.Error("an idle session counts")
	}
}

// What needs a name: withdrawing, linking, others' sessions. The page offers the
// login that gives one.
func TestMarketSessionIsNobody(t *testing.T) {
	w := newWorld(t)
	b, colleague, person := w.browser(uaPC), w.browser(uaPC), w.browser(uaPC)
	b.comeIn("cnaw1", lantianID)
	colleague.comeIn("cnaw2", lantianID)
	person.logIn("code1", openID)
	refusedWith(t, b.get("/withdraw"), http.StatusForbidden, "somebody whom we know by name")
	rec := b.post("/withdraw", nil)
	refusedWith(t, rec, http.StatusForbidden, "Prove with WeChat who I am")
	if !strings.Contains(rec.Body.String(), `/login?prove=1&amp;rd=%2Fshops%2Flantian&amp;shop=lantian`) {
		t.Errorf("no way to prove it:\n%s", rec.Body)
	}
	mine, _, _ := b.current()
	theirs, _, _ := colleague.current()
	named, _, _ := person.current()
	list := b.get("/sessions").Body.String()
	if !strings.Contains(list, mine.ID) || strings.Contains(list, theirs.ID) || strings.Contains(list, named.ID) || strings.Contains(list, "/withdraw") {
		t.Errorf("the list is not exactly this session:\n%s", list)
	}
	for _, id := range []string{theirs.ID, named.ID} {
		refusedWith(t, b.post("/sessions/"+id+"/end", nil), http.StatusNotFound, "no such session")
	}
	leadsTo(t, b.post("/logout", url.Values{"all": {"1"}}), "/logout")
	for _, other := range []*browser{colleague, person} {
		if _, _, ok := other.current(); !ok {
			t.Error("logging out everywhere ended another's session")
		}
	}
	if b.cookies["__Host-zg_entry"] != "" {
		t.Error("the entry outlives the logout")
	}
}

// A browser in a market session proves a person by the door, and comes back.
func TestProveFromMarketSession(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	b.comeIn("cnaw1", lantianID)
	if rec := b.get("/login?switch=1"); !strings.Contains(rec.Body.String(), "came in from the service market") {
		t.Errorf("switching does not say what ends:\n%s", rec.Body)
	}
	w.answer("code1", openID)
	rec := b.callback("code1", b.begin("/login?prove=1&shop=lantian&rd=/shops/lantian"))
	leadsTo(t, rec, "/shops/lantian")
	if s, _, _ := b.current(); s.PersonID == "" || s.ShopID != "" {
		t.Errorf("%+v", s)
	}
	if live := w.store.live(w.clock.now()); len(live) != 1 {
		t.Errorf("%d sessions live, want the person's only", len(live))
	}
}

// RequireProved wants a person, their role, and a proof of ten minutes.
func TestRequireProved(t *testing.T) {
	w := newWorld(t)
	b, market := w.browser(uaPC), w.browser(uaPC)
	b.logIn("code1", openID)
	market.comeIn("cnaw1", lantianID)
	person := b.personID()
	ask := func(b *browser, role access.Role) int {
		_, _, err := w.login.RequireProved(b.request(http.MethodPost, "/x", nil), role, "lantian")
		return statusOf(err)
	}
	if got := ask(b, access.Viewer); got != 403 {
		t.Errorf("without a role: %d", got)
	}
	w.store.persons[person].Members = []access.Member{{TenantID: "lan", PersonID: person, Role: access.Owner}}
	w.clock.add(proofLife - time.Millisecond)
	if got := ask(b, access.Owner); got != 0 {
		t.Errorf("an owner just proved: %d", got)
	}
	w.clock.add(time.Millisecond)
	if got := ask(b, access.Owner); got != 403 {
		t.Errorf("an old proof: %d", got)
	}
	if got := ask(market, access.Viewer); got != 403 {
		t.Errorf("nobody in particular: %d", got)
	}
	w.answer("code2", openID)
	b.callback("code2", b.begin("/login?prove=1"))
	if got := ask(b, access.Owner); got != 0 {
		t.Errorf("proved again: %d", got)
	}
}

// slowMarket answers no question until it is let go.
type slowMarket struct {
	*fakeMarket
	asked atomic.Int64
	let   chan struct{}
}

func (m *slowMarket) ServiceLogin(ctx context.Context, app access.App, code secret.Value) (Jump, error) {
	m.asked.Add(1)
	<-m.let
	return m.fakeMarket.ServiceLogin(ctx, app, code)
}

// Made-up codes that come all at once cost WeChat's quota no more than a few: what
// is under way counts before its answer is there. A network that did no wrong gets
// in as soon as the answers are.
func TestJumpsAtOnceAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		slow := &slowMarket{fakeMarket: w.market, let: make(chan struct{})}
		w.login.o.Market = slow
		const many = 300
		statuses := make([]int, many)
		var wg sync.WaitGroup
		for i := range many {
			wg.Go(func() { statuses[i] = w.browser(uaPC).jump(fmt.Sprintf("made-up-%d", i)).Code })
		}
		synctest.Wait()
		if n := slow.asked.Load(); n > maxAtOnce {
			t.Errorf("%d questions to WeChat at once, want at most %d", n, maxAtOnce)
		}
		close(slow.let)
		wg.Wait()
		if n := len(w.store.callbacks); n > maxAtOnce {
			t.Errorf("%d rows", n)
		}
		refused := 0
		for _, s := range statuses {
			if s == http.StatusTooManyRequests {
				refused++
			}
		}
		if refused < many-maxAtOnce {
			t.Errorf("%d of %d were refused", refused, many)
		}
		w.clock.add(tryWindow)
		for i := range 2 * maxAtOnce { // good ones count nowhere once they are over
			code := fmt.Sprintf("cnaw%d", i)
			w.sell(code, lantianID)
			leadsTo(t, w.browser(uaPC).jump(code), "/market/enter")
		}
	})
}
