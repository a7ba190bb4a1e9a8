package login

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// mini sends the code of wx.login as a mini program does.
func (w *world) mini(body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, w.base.String()+"/mini/mini/login", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Referer", "https://servicewechat.com/wx00000000000000f1/1/page-frame.html")
	return w.serve(r)
}

// enter gives the address that the web-view opens for a person.
func (w *world) enterMini(code, openid, unionid string) string {
	w.t.Helper()
	w.minis.answers[code] = Answer{OpenID: openid, UnionID: unionid}
	rec := w.mini(`{"code":"` + code + `"}`)
	var got miniTicket
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil || rec.Code != http.StatusOK {
		w.t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	if got.ExpiresIn != 60 || got.Enter != w.base.String()+"/mini/enter?ticket="+got.Ticket {
		w.t.Fatalf("%+v", got)
	}
	return strings.TrimPrefix(got.Enter, w.base.String())
}

func TestMini(t *testing.T) {
	w := newWorld(t)
	enter := w.enterMini("code1", openID, "u_demo_0001")
	if len(w.store.persons) != 0 || strings.Contains(enter, openID) {
		t.Errorf("a person before the ticket is used, or a ticket that tells: %s", enter)
	}
	b := w.browser(uaMini)
	if got := goes(t, b.get(enter+"&rd=/shops/lantian")); got != "/shops/lantian" {
		t.Errorf("sent to %s", got)
	}
	s, p, ok := b.current()
	if !ok || s.Door != access.DoorMini || s.App != "mini" || p.ID != w.personOf("mini", openID) {
		t.Errorf("session %+v of %+v", s, p)
	}
	if i, _ := w.store.Identity(t.Context(), "mini", openID); i.UnionID != "u_demo_0001" {
		t.Errorf("identity %+v", i)
	}
	if len(w.store.grants) != 0 {
		t.Errorf("grants %v: a mini program gives no tokens", w.store.grants)
	}
	w.noSecrets("code1", strings.TrimPrefix(enter, "/mini/enter?ticket="), b.sessionToken())
}

// A ticket is used once; a page that loads again goes on with its own session.
func TestMiniTicketIsUsedOnce(t *testing.T) {
	w := newWorld(t)
	enter := w.enterMini("code1", openID, "")
	b := w.browser(uaMini)
	b.get(enter)
	if got := goes(t, b.get(enter+"&rd=/sessions")); got != "/sessions" {
		t.Errorf("a reload leads to %s", got)
	}
	refusedWith(t, w.browser(uaMini).get(enter), http.StatusGone, "is over")
	somebody := w.browser(uaMini)
	somebody.get(w.enterMini("code2", otherID, ""))
	refusedWith(t, somebody.get(enter), http.StatusGone, "is over")
	if n := len(w.store.live(w.clock.now())); n != 2 {
		t.Errorf("%d sessions", n)
	}
}

func TestMiniEnterRefuses(t *testing.T) {
	w := newWorld(t)
	enter := w.enterMini("code1", openID, "")
	refusedWith(t, w.browser(uaWeChat).get(enter), http.StatusForbidden, "belongs into a mini program")
	refusedWith(t, w.browser(uaPC).get(enter), http.StatusForbidden, "belongs into a mini program")
	b := w.browser(uaMini)
	for _, rd := range []string{"//evil.example", "https://evil.example/", "/a&rd=/b", "javascript:alert(1)"} {
		refusedWith(t, b.get(enter+"&rd="+rd), http.StatusBadRequest, "not one of ours")
	}
	for _, bad := range []string{"", "x", strings.Repeat("A", maxTicket+1), strings.TrimPrefix(enter, "/mini/enter?ticket=") + "A"} {
		refusedWith(t, b.get("/mini/enter?ticket="+bad), http.StatusGone, "is over")
	}
	foreign := newWorld(t).enterMini("code1", openID, "")
	refusedWith(t, b.get(foreign), http.StatusGone, "is over")
	r := b.request(http.MethodHead, enter, nil)
	if rec := w.serve(r); rec.Header().Get("Set-Cookie") != "" {
		t.Error("a preview used the ticket")
	}
	w.clock.add(ticketLife)
	refusedWith(t, b.get(enter), http.StatusGone, "is over")
	w.clock.add(-10 * time.Minute) // a clock that is behind
	refusedWith(t, b.get(enter), http.StatusGone, "is over")
	if n := len(w.store.sessions); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

func TestMiniLoginRefuses(t *testing.T) {
	w := newWorld(t)
	for _, body := range []string{"", "{}", `{"code":""}`, `{"code":"a b"}`, `{"code":1}`, `{"code":"a","more":1}`, `{"code":"a"}{}`, `[]`} {
		if rec := w.mini(body); rec.Code != http.StatusBadRequest || !strings.Contains(rec.Body.String(), "mini-form") {
			t.Errorf("%s: %d %s", body, rec.Code, rec.Body)
		}
	}
	if rec := w.mini(`{"code":"` + strings.Repeat("a", 20<<10) + `"}`); rec.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a body of 20 KB: %d", rec.Code)
	}
	if w.minis.asked != 0 {
		t.Errorf("WeChat was asked %d times", w.minis.asked)
	}
	// A code is asked about once, whatever became of it.
	w.enterMini("code1", openID, "")
	if rec := w.mini(`{"code":"code1"}`); rec.Code != http.StatusConflict || w.minis.asked != 1 {
		t.Errorf("%d %s, asked %d times", rec.Code, rec.Body, w.minis.asked)
	}
	for path, status := range map[string]int{"/mini/svc/login": 404, "/mini/none/login": 404} {
		r := httptest.NewRequest(http.MethodPost, w.base.String()+path, strings.NewReader(`{"code":"c"}`))
		if rec := w.serve(r); rec.Code != status {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "https://other.example.com/mini/mini/login", strings.NewReader(`{"code":"c"}`))
	if rec := w.serve(r); rec.Code != http.StatusMisdirectedRequest {
		t.Errorf("another host: %d", rec.Code)
	}
}

// What WeChat says is told in its own words; a risky person is told so.
func TestMiniLoginFails(t *testing.T) {
	for name, tt := range map[string]struct {
		err    error
		status int
		words  string
	}{
		"bad code": {wechatError(40029), 502, `"errcode":40029`},
		"risky":    {wechatError(40226), 502, "risky"},
		"quota":    {wechatError(45011), 502, `"errcode":45011`},
		"lost":     {&wechat.Error{Op: "GET /sns/jscode2session", Outcome: wechat.OutcomeUnknown}, 502, "did not answer"},
		"down":     {errDown, 502, "mini-"},
	} {
		w := newWorld(t)
		w.minis.err = tt.err
		rec := w.mini(`{"code":"secretcode"}`)
		if rec.Code != tt.status || !strings.Contains(rec.Body.String(), tt.words) || strings.Contains(rec.Body.String(), "secretcode") {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
		if len(w.tally.entries) != 1 {
			t.Errorf("%s: told %v", name, w.tally.reasons())
		}
		w.noSecrets("secretcode")
	}
	w := newWorld(t)
	w.minis.answers["code1"] = Answer{}
	if rec := w.mini(`{"code":"code1"}`); rec.Code != http.StatusBadGateway {
		t.Errorf("an answer without an openid: %d", rec.Code)
	}
	w.store.fail["UseState"] = errDown
	if rec := w.mini(`{"code":"code2"}`); rec.Code != http.StatusServiceUnavailable || w.minis.asked != 1 {
		t.Errorf("store down: %d, asked %d times", rec.Code, w.minis.asked)
	}
}

// Codes that WeChat does not know are guesses; others are not.
func TestMiniGuessesAreCapped(t *testing.T) {
	w := newWorld(t)
	for range maxTries {
		w.mini(`{"code":"guess` + access.NewID("c") + `"}`)
	}
	rec := w.mini(`{"code":"another"}`)
	if rec.Code != http.StatusTooManyRequests || rec.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

// A program without a secret is asked for through the platform that it authorised.
func TestMiniThroughAPlatform(t *testing.T) {
	w := newWorld(t)
	w.store.apps[len(w.store.apps)-1].Secret = nil
	w.minis.answers["code1"] = Answer{OpenID: openID}
	if rec := w.mini(`{"code":"code1"}`); rec.Code != http.StatusServiceUnavailable || !strings.Contains(rec.Body.String(), "mini-setup") || w.minis.asked != 0 {
		t.Errorf("no platform: %d %s", rec.Code, rec.Body)
	}
	w.market.grants["isv wx00000000000000f1"] = grant.Grant{ID: "g_1", State: grant.Active}
	w.enterMini("code2", openID, "")
	if w.minis.platform != "isv" {
		t.Errorf("asked through %q", w.minis.platform)
	}
	w.market.grants["isv wx00000000000000f1"] = grant.Grant{ID: "g_1", State: grant.Revoked}
	if rec := w.mini(`{"code":"code3"}`); rec.Code != http.StatusServiceUnavailable {
		t.Errorf("a platform that it left: %d", rec.Code)
	}
}

// The same human through another app is asked, never merged; somebody else in this
// web-view is noticed.
func TestMiniAndTheOtherDoors(t *testing.T) {
	w := newWorld(t)
	phone := w.browser(uaWeChat)
	a := w.answer("code1", openID)
	a.UnionID = "u_demo_0001"
	w.setAnswer("code1", a)
	phone.callback("code1", phone.begin("/login"))
	b := w.browser(uaMini)
	if got := goes(t, b.get(w.enterMini("code2", "o_mini_0001", "u_demo_0001"))); got != "/link" {
		t.Errorf("the two are not asked about: %s", got)
	}
	if got := goes(t, b.get(w.enterMini("code3", "o_mini_0002", ""))); got != "/login/other" {
		t.Errorf("another person is not noticed: %s", got)
	}
}

// Without the silent door, a web-view says how to get in again.
func TestMiniWithoutAServiceAccount(t *testing.T) {
	w := newWorld(t)
	w.store.apps[1].Secret = nil
	refusedWith(t, w.browser(uaMini).get("/login"), http.StatusServiceUnavailable, "open it again")
}

// MiniPrograms sends the secret or the platform's token, and reports a refused one.
func TestMiniPrograms(t *testing.T) {
	var sent *http.Request
	body := `{"session_key":"bait","openid":"` + openID + `","unionid":"u_demo_0001"}`
	c, err := wechat.New(wechat.Config{Transport: transport(func(r *http.Request) (*http.Response, error) {
		sent = r
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: readCloser(body), Request: r}, nil
	})})
	must(t, err)
	refused := 0
	m := MiniPrograms{
		Client: func(access.App) (*wechat.Client, error) { return c, nil },
		Token: func(context.Context, string) (secret.Value, int64, error) {
			return secret.FromString("platform-token"), 7, nil
		},
		Refused: func(context.Context, string, int64) { refused++ },
	}
	app, platform := access.App{ID: "mini", AppID: "wx00000000000000f1"}, access.App{ID: "isv", AppID: "wx00000000000000d4"}
	for _, own := range []secret.Value{secret.FromString("own-secret"), {}} {
		a, err := m.MiniLogin(t.Context(), app, own, platform, secret.FromString("code"))
		if err != nil || a.OpenID != openID || a.UnionID != "u_demo_0001" || !a.Access.IsZero() {
			t.Errorf("%+v, %v", a, err)
		}
		q := sent.URL.Query()
		if own.IsZero() != (q.Get("component_access_token") == "platform-token") || own.IsZero() == (q.Get("secret") == "own-secret") {
			t.Errorf("sent %v", url.Values(q))
		}
	}
	body = `{"errcode":42001,"errmsg":"access_token expired"}`
	if _, err := m.MiniLogin(t.Context(), app, secret.Value{}, platform, secret.FromString("code")); err == nil || refused != 1 {
		t.Errorf("%v, refused %d", err, refused)
	}
	m.Token = func(context.Context, string) (secret.Value, int64, error) { return secret.Value{}, 0, errDown }
	if _, err := m.MiniLogin(t.Context(), app, secret.Value{}, platform, secret.FromString("code")); !errors.Is(err, errDown) {
		t.Error(err)
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

type closer struct{ *bytes.Reader }

func (closer) Close() error { return nil }

func readCloser(s string) closer { return closer{bytes.NewReader([]byte(s))} }
