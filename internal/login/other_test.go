package login

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
)

// switched logs lantian's owner in on a phone, lets the session end, and has WeChat
// name somebody else when the owner's page is opened again.
func switched(t *testing.T, live bool) (*world, *browser, *httptest.ResponseRecorder) {
	t.Helper()
	w := newWorld(t)
	b := w.browser(uaWeChat)
	b.logIn("code1", openID)
	w.member(w.personOf("svc", openID), access.Owner)
	path := "/login?prove=1&rd=/shops/lantian?zg=1"
	if !live {
		w.clock.add(8 * 24 * time.Hour)
		path = "/login?rd=/shops/lantian?zg=1"
	}
	w.platform.nickname = "小周"
	w.answer("code2", otherID)
	if got := goes(t, b.callback("code2", b.begin(path))); got != "/login/other" {
		t.Fatalf("sent to %s", got)
	}
	return w, b, b.get("/login/other")
}

// answerOther presses one of the two buttons.
func answerOther(t *testing.T, b *browser, page *httptest.ResponseRecorder, which string) *httptest.ResponseRecorder {
	t.Helper()
	form := fields(t, page, "/login/other")
	form.Set("go", which)
	return b.post("/login/other", form)
}

func TestAnotherAccountIsNoticed(t *testing.T) {
	w, b, page := switched(t, false)
	for _, words := range []string{"小兰 was logged in", "you are 小周", "Go on as 小周", "I am 小兰"} {
		if !strings.Contains(page.Body.String(), words) {
			t.Errorf("the page lacks %q: %s", words, page.Body)
		}
	}
	if _, _, ok := b.current(); ok {
		t.Error("somebody is logged in before the answer")
	}
	if got := goes(t, answerOther(t, b, page, "new")); got != "/" {
		t.Errorf("the new person is sent into the old one's shop: %s", got)
	}
	if _, p, ok := b.current(); !ok || p.ID != w.personOf("svc", otherID) {
		t.Errorf("logged in as %+v", p)
	}
	// The two are two.
	if w.personOf("svc", openID) == w.personOf("svc", otherID) {
		t.Error("the persons were merged")
	}
	// The next silent login is that person's, without a question.
	w.answer("code3", otherID)
	w.clock.add(8 * 24 * time.Hour)
	if got := goes(t, b.callback("code3", b.begin("/login?rd=/sessions"))); got != "/sessions" {
		t.Errorf("asked again: %s", got)
	}
}

// Whoever holds a role in the shop goes on to it.
func TestAnotherAccountWithARoleGoesOn(t *testing.T) {
	w, b, page := switched(t, false)
	w.member(w.personOf("svc", otherID), access.Viewer)
	if got := goes(t, answerOther(t, b, page, "new")); got != "/shops/lantian?zg=1" {
		t.Errorf("sent to %s", got)
	}
}

// A session that lives goes on unless the answer ends it.
func TestAnotherAccountBesideALiveSession(t *testing.T) {
	w, b, page := switched(t, true)
	owner := w.personOf("svc", openID)
	if _, p, ok := b.current(); !ok || p.ID != owner {
		t.Fatalf("the one before is out: %+v", p)
	}
	if got := goes(t, answerOther(t, b, page, "old")); got != "/shops/lantian?zg=1" {
		t.Errorf("staying leads to %s", got)
	}
	if _, p, ok := b.current(); !ok || p.ID != owner || len(w.store.live(w.clock.now())) != 1 {
		t.Errorf("current %+v, live %v", p, w.store.live(w.clock.now()))
	}
	w, b, page = switched(t, true)
	answerOther(t, b, page, "new")
	if _, p, ok := b.current(); !ok || p.ID != w.personOf("svc", otherID) || len(w.store.live(w.clock.now())) != 1 {
		t.Errorf("current %+v, live %v", p, w.store.live(w.clock.now()))
	}
}

// Without a live session, staying explains how to come back as oneself.
func TestAnotherAccountIsRefused(t *testing.T) {
	w, b, page := switched(t, false)
	rec := answerOther(t, b, page, "old")
	refusedWith(t, rec, http.StatusForbidden, "Switch the account in WeChat")
	if len(w.store.live(w.clock.now())) != 0 {
		t.Errorf("live sessions: %v", w.store.live(w.clock.now()))
	}
	refusedWith(t, b.get("/login/other"), http.StatusGone, "is over")
}

// An answer counts for the login that was shown, once, and for five minutes.
func TestAnotherAccountAnswers(t *testing.T) {
	w, b, page := switched(t, false)
	if got := goes(t, b.post("/login/other", url.Values{"go": {"new"}, "session": {"s_other"}})); got != "/login/other" {
		t.Errorf("an answer to another question leads to %s", got)
	}
	refusedWith(t, answerOther(t, b, page, "maybe"), http.StatusBadRequest, "form")
	w.clock.add(otherLife)
	refusedWith(t, answerOther(t, b, page, "new"), http.StatusGone, "is over")
	stranger := newWorld(t).browser(uaWeChat)
	stranger.cookies["__Host-zg_other"] = b.cookies["__Host-zg_other"]
	refusedWith(t, stranger.get("/login/other"), http.StatusGone, "is over")
}

// Nobody is asked who switched on purpose, scanned with another phone, or took an
// invitation.
func TestAnotherAccountOnPurpose(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaWeChat)
	b.logIn("code1", openID)
	w.answer("code2", otherID)
	state := stateOf(t, b.post("/login/switch", nil))
	if got := goes(t, b.callback("code2", state)); got != "/" {
		t.Errorf("switching asks: %s", got)
	}
	pc := w.browser(uaPC)
	pc.logIn("code3", openID)
	w.answer("code4", otherID)
	if got := goes(t, pc.callback("code4", pc.begin("/login?prove=1"))); got != "/" {
		t.Errorf("scanning asks: %s", got)
	}
	token, _ := w.invite()
	w.answer("code5", openID)
	state = stateOf(t, b.post("/i/"+token, url.Values{"version": {w.login.consent}}))
	if got := goes(t, b.callback("code5", state)); !strings.HasPrefix(got, "/invited/") {
		t.Errorf("an invitation asks: %s", got)
	}
}

func TestMayReturn(t *testing.T) {
	w := newWorldAt(t, "https://"+host+"/zg")
	p := access.Person{Members: []access.Member{{TenantID: "lan", ShopID: "lantian", Role: access.Viewer}}}
	for back, want := range map[string]string{
		"/zg/shops/lantian": "/zg/shops/lantian", "/zg/shops/lantian/x?y=1": "/zg/shops/lantian/x?y=1",
		"/zg/shops/baiyun": "/zg/", "/zg/shops/baiyun?x": "/zg/", "/zg/shops/unknown": "/zg/", "/zg/shops/%62aiyun": "/zg/",
		"/zg/sessions": "/zg/sessions", "https://erp.example.com/orders": "/zg/",
	} {
		got, err := w.login.mayReturn(t.Context(), p, other{Return: back})
		if err != nil || got != want {
			t.Errorf("%s: %s, %v", back, got, err)
		}
	}
	if got, _ := w.login.mayReturn(t.Context(), p, other{Return: "/zg/sessions", Shop: "baiyun"}); got != "/zg/" {
		t.Errorf("a shop that was named is forgotten: %s", got)
	}
}
