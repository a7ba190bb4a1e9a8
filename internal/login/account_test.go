package login

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// A PC shows who was here last, and one click leads to WeChat.
func TestLastAccountOnAPC(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	b.logIn("code1", openID)
	b.post("/logout", nil)
	rec := b.get("/login?rd=/shops/lantian")
	if rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), "Continue as 小兰") || strings.Contains(rec.Body.String(), "<img") {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	if !strings.Contains(rec.Body.String(), `href="/login?go=1&amp;rd=%2Fshops%2Flantian"`) {
		t.Errorf("the button does not lead on: %s", rec.Body)
	}
	b.begin("/login?go=1&rd=/shops/lantian") // one click: WeChat's page
}

// The cookie is sealed, opens nothing, and is worth nothing elsewhere.
func TestLastAccountCookie(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	b.logIn("code1", openID)
	value := b.cookies["__Host-zg_account"]
	if value == "" || strings.Contains(value, "小兰") || strings.Contains(value, w.personOf("site", openID)) {
		t.Fatalf("cookie %q", value)
	}
	delete(b.cookies, "__Host-zg_session")
	if _, _, ok := b.current(); ok {
		t.Error("the cookie logs somebody in")
	}
	for name, c := range map[string]*browser{"another deployment": newWorld(t).browser(uaPC), "altered": w.browser(uaPC), "twice": w.browser(uaPC)} {
		c.cookies["__Host-zg_account"] = value
		if name == "altered" {
			c.cookies["__Host-zg_account"] = value[:len(value)-2] + "AA"
		}
		r := c.request(http.MethodGet, "/login", nil)
		if name == "twice" {
			r.Header.Add("Cookie", "__Host-zg_account="+value)
		}
		if got := goes(t, c.keep(r)); !strings.Contains(got, "open.weixin.qq.com") {
			t.Errorf("%s: %s", name, got)
		}
	}
	w.clock.add(accountLife)
	b.begin("/login") // forgotten
}

func TestLastAccountIsForgotten(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	b.logIn("code1", openID)
	b.post("/logout", nil)
	form := fields(t, b.get("/login?rd=/shops/lantian"), "/login/forget")
	form.Set("what", "account")
	if got := goes(t, b.post("/login/forget", form)); got != "/login?rd=%2Fshops%2Flantian" {
		t.Errorf("forgetting leads to %s", got)
	}
	b.begin("/login")
	b.logIn("code2", openID)
	b.post("/logout", nil)
	if rec := b.get("/login"); rec.Code != http.StatusOK {
		t.Errorf("the next login is not remembered: %d", rec.Code)
	}
}

// A shared computer remembers nobody, however many log in.
func TestSharedComputer(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	b.logIn("code1", openID)
	refused := b.post("/login/forget", url.Values{"what": {"shared"}, "then": {"stay"}})
	if refused.Code != http.StatusOK || !strings.Contains(refused.Body.String(), "no longer keeps") {
		t.Fatalf("%d %s", refused.Code, refused.Body)
	}
	for _, code := range []string{"code2", "code3"} {
		b.post("/logout", nil)
		b.logIn(code, openID) // no page in between
	}
	refusedWith(t, b.post("/login/forget", url.Values{"what": {"else"}}), http.StatusBadRequest, "form")
	refusedWith(t, b.post("/login/forget", url.Values{"what": {"account"}, "rd": {"//evil.example"}}), http.StatusBadRequest, "address")
}

// Without a website app no click leads to WeChat, so no account is offered.
func TestLastAccountNeedsAWebsiteApp(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	b.logIn("code1", openID)
	b.post("/logout", nil)
	w.store.apps = w.store.apps[1:]
	if got := goes(t, b.get("/login")); got != "/login/scan?rd=%2F" {
		t.Errorf("sent to %s", got)
	}
	w.clock.add(time.Minute)
}

// Pictures come from where WeChat keeps them, and from nowhere else.
func TestPicturesAreWeChats(t *testing.T) {
	for picture, want := range map[string]bool{
		"https://thirdwx.qlogo.cn/mmopen/vi_32/abc/132": true, "https://wx.qlogo.cn/mmopen/abc/0": true,
		"http://thirdwx.qlogo.cn/mmopen/abc/132": false, "https://evil.example/a.png": false, "https://qlogo.cn.evil.example/a": false,
		"https://evilqlogo.cn/a": false, "": false, "data:image/png;base64,AA": false,
		"https://thirdwx.qlogo.cn/" + strings.Repeat("a", maxAvatar): false,
	} {
		if got := ofWeChat(picture); got != want {
			t.Errorf("%s: %t", picture, got)
		}
	}
	w := newWorld(t)
	w.platform.avatar = "https://thirdwx.qlogo.cn/mmopen/demo/132"
	b := w.browser(uaPC)
	b.logIn("code1", openID)
	b.post("/logout", nil)
	if doc := b.get("/login").Body.String(); !strings.Contains(doc, `<img src="https://thirdwx.qlogo.cn/mmopen/demo/132"`) {
		t.Errorf("no picture: %s", doc)
	}
}
