package login

import (
	"context"
	"encoding/hex"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat"
)

func TestLogin(t *testing.T) {
	for _, ua := range []string{uaWeChat, uaPC} {
		w := newWorld(t)
		b := w.browser(ua)
		w.answer("code1", openID)
		state := b.begin("/login?rd=/shops/lantian%3Ftab%3D1&shop=lantian")
		rec := b.callback("code1", state)
		if got := rec.Header().Get("Location"); rec.Code != http.StatusSeeOther || got != "/shops/lantian?tab=1" {
			t.Fatalf("%d to %q", rec.Code, got)
		}
		for header, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"} {
			if got := rec.Header().Get(header); got != want {
				t.Errorf("%s: %q, want %q", header, got, want)
			}
		}
		s, p, ok := b.current()
		if !ok || s.App != b.door() || p.Profile.Nickname != "小兰" {
			t.Fatalf("nobody is logged in: %+v %+v", s, p)
		}
		w.noSecrets("code1", state, "ACCESS-", "REFRESH-", b.sessionToken(), openID)
	}
}

// The grant that a login leaves: sealed, first generation, with its digest in
// the audit entry of the login.
func TestLoginKeepsThePair(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaWeChat)
	b.logIn("code1", openID)
	b.logIn2nd(t, "code2")
	g := w.store.grants[0]
	if len(w.store.grants) != 1 || g.Tokens.Generation != 2 || g.Scope != "snsapi_userinfo" || g.State != grant.Active {
		t.Fatalf("%d grants, %+v", len(w.store.grants), g)
	}
	got, err := w.vault.Open(g.Tokens.Refresh, vault.GrantRefresh(g.ID, "user", 2))
	must(t, err)
	if got.RevealString() != "REFRESH-code2" {
		t.Error("the kept refresh token is not the newest")
	}
	if _, err := w.vault.Open(g.Tokens.Access, vault.GrantAccess(g.ID, "user", 1)); err == nil {
		t.Error("the access token opens as another generation")
	}
	if want := w.clock.now().Add(30 * 24 * time.Hour); !g.Tokens.RefreshExpires.Equal(want) {
		t.Errorf("refresh token ends %s, want %s", g.Tokens.RefreshExpires, want)
	}
	if due := g.DueAt.Sub(w.clock.now()); due != 100*time.Minute {
		t.Errorf("due in %s, want 5/6 of two hours", due)
	}
	last := w.store.audit[len(w.store.audit)-1]
	if last.Action != "login" || last.Outcome != audit.Done || last.Details[g.ID] != "2 "+g.Tokens.Digest() {
		t.Errorf("audit entry %+v", last)
	}
	if last.Actor.ID != g.PersonID || strings.Contains(last.Subject+last.Actor.ID, openID) {
		t.Errorf("the entry names %+v, want our person id", last.Actor)
	}
}

// logIn2nd logs in again in the same browser, through the switch page.
func (b *browser) logIn2nd(t *testing.T, code string) {
	t.Helper()
	b.w.answer(code, openID)
	state := stateOf(t, b.post("/login/switch", nil))
	if rec := b.callback(code, state); rec.Code != http.StatusSeeOther {
		t.Fatalf("second login: %d %s", rec.Code, rec.Body)
	}
}

// Every bad arrival is refused with a page, asks WeChat nothing, and writes
// nothing but the refusal.
func TestBadArrivals(t *testing.T) {
	good := strings.Repeat("ab", 32)
	tests := []struct {
		name   string
		do     func(w *world, b *browser, state string) *httptest.ResponseRecorder
		status int
		words  string
		reason string // "" when nobody tried anything
	}{
		{"no state", func(w *world, b *browser, _ string) *httptest.ResponseRecorder {
			return b.get("/oauth/callback/site?code=code1")
		}, 400, "does not belong to this browser", "state-form"},
		{"short state", func(w *world, b *browser, state string) *httptest.ResponseRecorder {
			return b.callback("code1", state[:63])
		}, 400, "does not belong", "state-form"},
		{"text behind the state", func(w *world, b *browser, state string) *httptest.ResponseRecorder {
			return b.callback("code1", state+"%20")
		}, 400, "does not belong", "state-form"},
		{"upper-case state", func(w *world, b *browser, state string) *httptest.ResponseRecorder {
			return b.callback("code1", strings.ToUpper(strings.Repeat("ab", 32)))
		}, 400, "does not belong", "state-form"},
		{"state twice", func(w *world, b *browser, state string) *httptest.ResponseRecorder {
			return b.callback("code1", state+"&state="+state)
		}, 400, "does not belong", "state-form"},
		{"a state nobody made", func(w *world, b *browser, _ string) *httptest.ResponseRecorder {
			return b.callback("code1", good)
		}, 400, "does not belong", "state-missing"},
		{"another browser", func(w *world, b *browser, state string) *httptest.ResponseRecorder {
			return w.browser(uaPC).callback("code1", state)
		}, 400, "does not belong", "state-missing"},
		{"another browser with a session", func(w *world, b *browser, state string) *httptest.ResponseRecorder {
			other := w.browser(uaPC)
			other.logIn("codeX", "o_demo_other_0002")
			w.platform.exchanges = 0
			return other.callback("code1", state)
		}, 400, "does not belong", "state-missing"},
		{"another state's cookie under this name", func(w *world, b *browser, state string) *httptest.ResponseRecorder {
			before := maps.Clone(b.cookies)
			second := b.begin("/login")
			b.cookies = map[string]string{cookieOf(second): before[cookieOf(state)]}
			return b.callback("code1", second)
		}, 400, "does not belong", "state-forged"},
		{"a made-up cookie", func(w *world, b *browser, state string) *httptest.ResponseRecorder {
			b.cookies[cookieOf(state)] = "bm90aGluZw"
			return b.callback("code1", state)
		}, 400, "does not belong", "state-forged"},
		{"expired", func(w *world, b *browser, state string) *httptest.ResponseRecorder {
			w.clock.add(10 * time.Minute)
			return b.callback("code1", state)
		}, 400, "does not belong", "state-expired"},
		{"from the future", func(w *world, b *browser, state string) *httptest.ResponseRecorder {
			w.clock.add(-clockSlack - time.Second)
			return b.callback("code1", state)
		}, 400, "does not belong", "state-expired"},
		{"state of another app", func(w *world, b *browser, state string) *httptest.ResponseRecorder {
			return b.get("/oauth/callback/svc?code=code1&state=" + state)
		}, 400, "does not belong", "state-foreign"},
		{"unknown app", func(w *world, b *browser, state string) *httptest.ResponseRecorder {
			return b.get("/oauth/callback/nope?code=code1&state=" + state)
		}, 404, "no such app", ""},
		{"app that logs nobody in", func(w *world, b *browser, state string) *httptest.ResponseRecorder {
			return b.get("/oauth/callback/own?code=code1&state=" + state)
		}, 404, "no such app", ""},
		{"wrong host, right state", func(w *world, b *browser, state string) *httptest.ResponseRecorder {
			b.host = "www.shop.example.com"
			return b.callback("code1", state)
		}, 421, "not this app&#39;s callback domain", "callback-host"},
		{"wrong host, wrong state", func(w *world, b *browser, state string) *httptest.ResponseRecorder {
			b.host = "evil.example"
			return b.callback("code1", "x")
		}, 421, "not this app&#39;s callback domain", "callback-host"},
		{"host with a port", func(w *world, b *browser, state string) *httptest.ResponseRecorder {
			b.host = host + ":8443"
			return b.callback("code1", state)
		}, 421, "callback domain", "callback-host"},
		{"refused in WeChat", func(w *world, b *browser, state string) *httptest.ResponseRecorder {
			return b.get("/oauth/callback/site?state=" + state)
		}, 403, "You did not agree", ""},
		{"refused with an empty code", func(w *world, b *browser, state string) *httptest.ResponseRecorder {
			return b.callback("", state)
		}, 403, "You did not agree", ""},
		{"authdeny", func(w *world, b *browser, state string) *httptest.ResponseRecorder {
			return b.callback("authdeny", state)
		}, 403, "You did not agree", ""},
		{"code with blanks", func(w *world, b *browser, state string) *httptest.ResponseRecorder {
			return b.callback("code1%20from%20chat", state)
		}, 400, "damaged", "code-form"},
		{"code too long", func(w *world, b *browser, state string) *httptest.ResponseRecorder {
			return b.callback(strings.Repeat("c", 513), state)
		}, 400, "damaged", "code-form"},
		{"two codes", func(w *world, b *browser, state string) *httptest.ResponseRecorder {
			return b.callback("code1&code=code2", state)
		}, 400, "damaged", "code-form"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			b := w.browser(uaPC)
			w.answer("code1", openID)
			state := b.begin("/login")
			sessions := len(w.store.sessions)
			rec := tt.do(w, b, state)
			refusedWith(t, rec, tt.status, tt.words)
			if !strings.Contains(rec.Body.String(), `role="button"`) && tt.status != 421 {
				t.Error("the page has no way on")
			}
			if n := w.platform.count(); n != 0 {
				t.Errorf("%d exchanges, want none", n)
			}
			if tt.reason == "" && len(w.tally.entries) > 0 || tt.reason != "" && !slices.Contains(w.tally.reasons(), "login.callback refused "+tt.reason) {
				t.Errorf("refusals %v, want %q", w.tally.reasons(), tt.reason)
			}
			if strings.Contains(rec.Body.String(), state) || strings.Contains(rec.Body.String(), "code1") {
				t.Error("the page repeats a state or a code")
			}
			w.noSecrets("code1", state)
			if len(w.store.sessions) > sessions+1 || len(w.store.persons) > 1 {
				t.Error("a refusal made somebody")
			}
		})
	}
}

func cookieOf(state string) string {
	return "__Host-zg_state_" + hex.EncodeToString(digest(state)[:8])
}

// A state works to the last moment of its ten minutes.
func TestStateLife(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	w.answer("code1", openID)
	state := b.begin("/login")
	w.clock.add(10*time.Minute - time.Millisecond)
	if rec := b.callback("code1", state); rec.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
}

// A login may end on a replica whose clock is a little behind that of the one where
// it began. Ten minutes off, either way, it is refused with a way on.
func TestReplicasClocks(t *testing.T) {
	for off, ok := range map[time.Duration]bool{-5 * time.Second: true, -10 * time.Minute: false, 10 * time.Minute: false} {
		w := newWorld(t)
		b := w.browser(uaWeChat)
		w.answer("code1", openID)
		state := b.begin("/login?rd=/sessions")
		w.clock.add(off)
		rec := b.callback("code1", state)
		if ok && rec.Code == http.StatusSeeOther {
			continue
		}
		if ok {
			t.Errorf("off by %v: %d %s", off, rec.Code, rec.Body)
			continue
		}
		refusedWith(t, rec, http.StatusBadRequest, "more than ten minutes")
		if !strings.Contains(rec.Body.String(), `href="/login"`) {
			t.Errorf("off by %v: no way on: %s", off, rec.Body)
		}
	}
}

// Fifty copies of one callback at once: one exchange, one session.
func TestParallelReplays(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	w.answer("code1", openID)
	state := b.begin("/login")
	codes := make([]int, 50)
	var wg sync.WaitGroup
	for i := range codes {
		wg.Go(func() {
			rec := httptest.NewRecorder()
			w.handler.ServeHTTP(rec, b.request(http.MethodGet, "/oauth/callback/site?code=code1&state="+state, nil))
			codes[i] = rec.Code
		})
	}
	wg.Wait()
	slices.Sort(codes)
	want := append([]int{http.StatusSeeOther}, slices.Repeat([]int{http.StatusConflict}, 49)...)
	if diff := cmp.Diff(want, codes); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	if n := w.platform.count(); n != 1 {
		t.Errorf("%d exchanges, want 1", n)
	}
	if n := len(w.store.sessions); n != 1 {
		t.Errorf("%d sessions, want 1", n)
	}
}

// A reload, and WeChat's double callback with another code, lead the browser
// that is in to the clean place. They exchange nothing.
func TestSecondCallback(t *testing.T) {
	for _, code := range []string{"code1", "code2"} {
		w := newWorld(t)
		b := w.browser(uaPC)
		w.answer("code1", openID)
		w.answer("code2", "o_demo_other_0002")
		state := b.begin("/login?rd=/shops/lantian")
		b.callback("code1", state)
		before := b.sessionToken()
		rec := b.callback(code, state)
		if rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != "/shops/lantian" {
			t.Errorf("%s: %d to %q", code, rec.Code, rec.Header().Get("Location"))
		}
		if w.platform.count() != 1 || b.sessionToken() != before {
			t.Errorf("%s: the second callback did something", code)
		}
	}
}

// Without the session of the first callback the second one is a page to start
// afresh, never the first one's session.
func TestSecondCallbackWithoutSession(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	w.answer("code1", openID)
	state := b.begin("/login?rd=/shops/lantian")
	b.callback("code1", state)
	delete(b.cookies, "__Host-zg_session")
	rec := b.callback("code1", state)
	refusedWith(t, rec, http.StatusConflict, "This login was used before")
	if !strings.Contains(rec.Body.String(), `href="/login?rd=%2Fshops%2Flantian"`) {
		t.Errorf("no fresh start to the same place:\n%s", rec.Body)
	}
	if b.sessionToken() != "" || w.platform.count() != 1 {
		t.Error("a used state gave something")
	}
}

// A code that another browser's login brought back is refused here, whoever
// comes first.
func TestCodeSwapped(t *testing.T) {
	w := newWorld(t)
	victim, thief := w.browser(uaPC), w.browser(uaPC)
	w.answer("codeV", openID)
	stateV, stateT := victim.begin("/login"), thief.begin("/login")
	victim.callback("codeV", stateV)
	rec := thief.callback("codeV", stateT)
	refusedWith(t, rec, http.StatusConflict, "used before, in another place")
	if thief.sessionToken() != "" || w.platform.count() != 1 {
		t.Error("the swapped code gave something")
	}
	if !slices.Contains(w.tally.reasons(), "login.callback refused code-used") {
		t.Errorf("refusals %v", w.tally.reasons())
	}
	// The thief's own state with the victim's session cookie missing changes
	// nothing for the victim.
	if _, _, ok := victim.current(); !ok {
		t.Error("the victim is out")
	}
}

// Two tabs begin and both finish: each state has a cookie of its own.
func TestTwoTabs(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	w.answer("code1", openID)
	w.answer("code2", openID)
	first, second := b.begin("/login?rd=/a"), b.begin("/login?rd=/b")
	if rec := b.callback("code1", first); rec.Header().Get("Location") != "/a" {
		t.Fatalf("first tab: %d %s", rec.Code, rec.Body)
	}
	if rec := b.callback("code2", second); rec.Header().Get("Location") != "/b" {
		t.Fatalf("second tab: %d %s", rec.Code, rec.Body)
	}
	if live := w.store.live(w.clock.now()); len(live) != 1 {
		t.Errorf("%d live sessions, want the newest only", len(live))
	}
}

func TestExchangeFails(t *testing.T) {
	lost := &wechat.Error{Op: "GET /sns/oauth2/access_token", Kind: wechat.KindCodeExchange, Outcome: wechat.OutcomeUnknown, Err: wechat.ErrMalformed}
	tests := []struct {
		name   string
		err    error
		words  string
		reason string
	}{
		{"no", wechatError(40029), "The code is expired, was used", "login.exchange refused exchange"},
		{"code used", wechatError(40163), "The code was already used", "login.exchange refused exchange"},
		{"limit", wechatError(45011), "The quota of this minute is used up", "login.exchange refused exchange"},
		{"nobody knows this code", wechatError(987654), "on none of the lists", "login.exchange refused exchange"},
		{"lost answer", lost, "answer did not arrive", "login.exchange unknown exchange-lost"},
		{"unheard of", context.DeadlineExceeded, "answer did not arrive", "login.exchange unknown exchange-lost"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			b := w.browser(uaPC)
			w.answer("code1", openID)
			w.platform.err = tt.err
			state := b.begin("/login")
			refusedWith(t, b.callback("code1", state), http.StatusBadGateway, tt.words)
			if !slices.Contains(w.tally.reasons(), tt.reason) {
				t.Errorf("refusals %v, want %q", w.tally.reasons(), tt.reason)
			}
			// WeChat is well again: the code stays used up.
			w.platform.err = nil
			refusedWith(t, b.callback("code1", state), http.StatusConflict, "used before")
			if w.platform.count() != 1 || len(w.store.persons) != 0 {
				t.Errorf("%d exchanges, %d persons", w.platform.count(), len(w.store.persons))
			}
			w.noSecrets("code1", state)
		})
	}
}

// An answer that lacks what a login needs is nobody's login.
func TestIncompleteAnswers(t *testing.T) {
	for name, spoil := range map[string]func(*Answer){
		"no openid":  func(a *Answer) { a.OpenID = "" },
		"no access":  func(a *Answer) { a.Access = Answer{}.Access },
		"no refresh": func(a *Answer) { a.Refresh = Answer{}.Refresh },
	} {
		w := newWorld(t)
		b := w.browser(uaPC)
		a := w.answer("code1", openID)
		spoil(&a)
		w.setAnswer("code1", a)
		rec := b.callback("code1", b.begin("/login"))
		if rec.Code != http.StatusBadGateway || len(w.store.sessions) != 0 || b.sessionToken() != "" {
			t.Errorf("%s: %d, %d sessions", name, rec.Code, len(w.store.sessions))
		}
	}
}

// A snapshot user is nobody: no person, no grant, no session, no profile.
func TestSnapshotUser(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaWeChat)
	a := w.answer("code1", openID)
	a.Snapshot = true
	w.setAnswer("code1", a)
	refusedWith(t, b.callback("code1", b.begin("/login")), http.StatusForbidden, "使用完整服务")
	if len(w.store.persons)+len(w.store.grants)+len(w.store.sessions)+len(w.store.identities) != 0 {
		t.Error("a snapshot user became somebody")
	}
	if w.platform.profiles != 0 || b.sessionToken() != "" {
		t.Error("a snapshot's token was used")
	}
	if !slices.Contains(w.tally.reasons(), "login.exchange refused snapshot") {
		t.Errorf("refusals %v", w.tally.reasons())
	}
	// The real visit that follows works.
	b.logIn("code2", openID)
}

// Somebody else writes the grant first, twice: the login reads and seals again
// and keeps its newer pair.
func TestLostTwice(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaWeChat)
	b.logIn("code1", openID)
	w.store.logins = 0
	w.store.beforeLogin = func(n int) error {
		if n <= 2 {
			w.store.grants[0].Tokens.Generation++ // the keeper settled
		}
		return nil
	}
	b.logIn2nd(t, "code2")
	g := w.store.grants[0]
	if w.store.logins != 3 || g.Tokens.Generation != 4 {
		t.Fatalf("%d tries, generation %d", w.store.logins, g.Tokens.Generation)
	}
	if _, err := w.vault.Open(g.Tokens.Refresh, vault.GrantRefresh(g.ID, "user", 4)); err != nil {
		t.Errorf("sealed for another generation: %v", err)
	}
	if w.platform.count() != 2 {
		t.Errorf("%d exchanges, want one for each login", w.platform.count())
	}
}

// The same human logs in for the first time in two browsers at once: the one
// who comes second finds the person that the first one made.
func TestPersonMadeMeanwhile(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaWeChat)
	w.store.beforeLogin = func(n int) error {
		if n == 1 {
			w.store.persons["p_first"] = &access.Person{ID: "p_first"}
			w.store.identities = append(w.store.identities, access.Identity{App: "svc", OpenID: openID, PersonID: "p_first"})
		}
		return nil
	}
	b.logIn("code1", openID)
	if _, p, ok := b.current(); !ok || p.ID != "p_first" || len(w.store.persons) != 1 {
		t.Errorf("logged in as %q among %d persons", p.ID, len(w.store.persons))
	}
}

// It never ends: after a few tries the person starts again.
func TestAlwaysLost(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaWeChat)
	w.answer("code1", openID)
	w.store.beforeLogin = func(int) error { return grant.ErrLost }
	refusedWith(t, b.callback("code1", b.begin("/login")), http.StatusServiceUnavailable, "could not store")
	if w.store.logins != commitTries || b.sessionToken() != "" {
		t.Errorf("%d tries", w.store.logins)
	}
}

// The write failed, or it landed and we saw an error: the same page, no cookie,
// no second exchange, and a fresh login works.
func TestCommitFails(t *testing.T) {
	for _, method := range []string{"UseState", "Login"} {
		w := newWorld(t)
		b := w.browser(uaWeChat)
		w.answer("code1", openID)
		w.store.fail[method] = errDown
		state := b.begin("/login")
		refusedWith(t, b.callback("code1", state), http.StatusServiceUnavailable, "could not store")
		if b.sessionToken() != "" {
			t.Errorf("%s failed and there is a session", method)
		}
		if want := map[string]int{"UseState": 0, "Login": 1}[method]; w.platform.count() != want {
			t.Errorf("%s: %d exchanges, want %d", method, w.platform.count(), want)
		}
		delete(w.store.fail, method)
		b.logIn("code2", openID)
	}
}

// A browser that gives up during the exchange does not lose the pair.
func TestBrowserGivesUp(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaWeChat)
	w.answer("code1", openID)
	state := b.begin("/login")
	ctx, cancel := context.WithCancel(t.Context())
	w.platform.during = cancel
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, b.request(http.MethodGet, "/oauth/callback/svc?code=code1&state="+state, nil).WithContext(ctx))
	if ctx.Err() == nil || len(w.store.grants) != 1 || len(w.store.sessions) != 1 {
		t.Errorf("%d grants, %d sessions", len(w.store.grants), len(w.store.sessions))
	}
}

// The profile is decoration: without it the login stands.
func TestProfileFails(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaWeChat)
	w.platform.infoErr = wechatError(48001)
	b.logIn("code1", openID)
	if _, p, ok := b.current(); !ok || p.Profile.Nickname != "" {
		t.Errorf("%v %+v", ok, p)
	}
	w.noSecrets("ACCESS-code1")
}

// A base login asks for no profile, and is kept apart from a wider pair even
// if WeChat answers another scope than was asked.
func TestScopeOfTheAnswer(t *testing.T) {
	tests := []struct{ asked, answered, want string }{
		{"snsapi_userinfo", "", "snsapi_userinfo"},
		{"snsapi_userinfo", "snsapi_userinfo", "snsapi_userinfo"},
		{"snsapi_userinfo", "snsapi_base,snsapi_userinfo", "snsapi_userinfo"},
		{"snsapi_userinfo", "snsapi_base", "snsapi_base"},
		{"snsapi_base", "snsapi_userinfo", "snsapi_userinfo"},
		{"snsapi_x", "b,a", "a,b"},
	}
	for _, tt := range tests {
		if got := keptScope(tt.asked, tt.answered); got != tt.want {
			t.Errorf("asked %q, answered %q: kept under %q, want %q", tt.asked, tt.answered, got, tt.want)
		}
	}
	w := newWorld(t)
	b := w.browser(uaWeChat)
	b.logIn("code1", openID)
	a := w.answer("code2", openID)
	a.Scope = "snsapi_base"
	w.setAnswer("code2", a)
	b.callback("code2", stateOf(t, b.post("/login/switch", nil)))
	if len(w.store.grants) != 2 || w.store.grants[0].Tokens.Generation != 1 || w.platform.profiles != 1 {
		t.Errorf("a base answer touched the userinfo pair: %+v", w.store.grants)
	}
}

// A unionid that a silent login does not name is not forgotten.
func TestUnionIDStays(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaWeChat)
	a := w.answer("code1", openID)
	a.UnionID = "u_demo_0001"
	w.setAnswer("code1", a)
	b.callback("code1", b.begin("/login"))
	b.logIn2nd(t, "code2")
	if got := w.store.identities[0].UnionID; got != "u_demo_0001" {
		t.Errorf("unionid %q", got)
	}
}

// A clock that runs behind what was seen before stops logins and nothing else.
func TestClockSetBack(t *testing.T) {
	w := newWorld(t)
	inside := w.browser(uaPC)
	inside.logIn("code1", openID)
	w.store.highest = w.clock.now().Add(time.Minute + time.Second)
	b := w.browser(uaPC)
	w.answer("code2", openID)
	rec := b.callback("code2", b.begin("/login"))
	refusedWith(t, rec, http.StatusServiceUnavailable, "clock is wrong")
	if w.platform.count() != 1 {
		t.Error("WeChat was asked under a wrong clock")
	}
	if _, _, ok := inside.current(); !ok {
		t.Error("a wrong clock logged somebody out")
	}
	admin := w.browser(uaPC)
	key, hash := access.NewKey(access.AdminKeyPrefix)
	w.store.admins = []access.Administrator{{ID: "a_demo", KeyHash: hash}}
	refusedWith(t, admin.post("/admin/login", url.Values{"key": {key.RevealString()}}), http.StatusServiceUnavailable, "clock is wrong")
	setup, hash := access.NewKey(access.SetupPrefix)
	w.store.setup[string(hash)] = false
	refusedWith(t, admin.post("/setup/"+setup.RevealString(), url.Values{"name": {"x"}}), http.StatusServiceUnavailable, "clock is wrong")
	w.store.highest = w.clock.now().Add(time.Minute)
	b.logIn("code3", openID)
}
