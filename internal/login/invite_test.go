package login

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
)

// The whole way of an invitation: landing, consent, WeChat, digits, the
// inviter's confirmation.
func TestInvitation(t *testing.T) {
	w := newWorld(t)
	token, id := w.invite()
	b := w.browser(uaWeChat)
	rec := b.get("/i/" + token)
	for _, words := range []string{"蓝天商贸", "owner", "蓝天软件", "京ICP备00000000号", "How to stop", w.login.consent} {
		if !strings.Contains(rec.Body.String(), words) {
			t.Errorf("the consent page lacks %q", words)
		}
	}
	w.answer("code1", openID)
	rec = b.post("/i/"+token, url.Values{"version": {w.login.consent}})
	rec = b.callback("code1", stateOf(t, rec))
	if got := rec.Header().Get("Location"); got != "/invited/"+id {
		t.Fatalf("%d to %q", rec.Code, got)
	}
	c := w.store.consents[0]
	if c.Version != w.login.consent || c.TenantID != "lan" || c.App != "svc" || !c.At.Equal(w.clock.now()) {
		t.Errorf("consent %+v", c)
	}
	code := shownCode(t, b.get("/invited/"+id).Body.String())
	if code != w.store.invitations[0].Code {
		t.Errorf("shown %s, kept %s", code, w.store.invitations[0].Code)
	}
	must(t, w.store.confirm(id, code, w.clock.now()))
	if rec := b.get("/invited/" + id); rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != "/" {
		t.Errorf("confirmed: %d to %q", rec.Code, rec.Header().Get("Location"))
	}
	if _, _, err := w.login.Require(b.request(http.MethodGet, "/", nil), access.Owner, "lantian"); err != nil {
		t.Errorf("not the owner: %v", err)
	}
	w.noSecrets(token, "code1")
}

func shownCode(t *testing.T, html string) string {
	t.Helper()
	m := regexp.MustCompile(`<strong>(\d{4})</strong>`).FindStringSubmatch(html)
	if m == nil || !strings.Contains(html, `http-equiv="refresh"`) {
		t.Fatalf("no digits, or no refresh:\n%s", html)
	}
	return m[1]
}

// Nobody is an owner before the inviter confirms, and three wrong codes end it.
func TestThreeWrongCodes(t *testing.T) {
	w := newWorld(t)
	token, id := w.invite()
	b := w.takeIt(token, "code1")
	if _, _, err := w.login.Require(b.request(http.MethodGet, "/", nil), access.Viewer, "lantian"); err == nil {
		t.Fatal("a taken invitation is a role already")
	}
	right := w.store.invitations[0].Code
	wrong := "0000"
	if right == wrong {
		wrong = "0001"
	}
	for range access.MaxCodeTries {
		if err := w.store.confirm(id, wrong, w.clock.now()); !errors.Is(err, access.ErrWrongCode) {
			t.Fatal(err)
		}
	}
	if err := w.store.confirm(id, right, w.clock.now()); !errors.Is(err, access.ErrInvitationGone) {
		t.Errorf("the right code after three wrong ones: %v", err)
	}
	refusedWith(t, b.get("/invited/"+id), http.StatusGone, "used, withdrawn or expired")
}

// takeIt takes an invitation in a new browser.
func (w *world) takeIt(token, code string) *browser {
	w.t.Helper()
	b := w.browser(uaWeChat)
	w.answer(code, "o_demo_taker_"+code)
	rec := b.callback(code, stateOf(w.t, b.post("/i/"+token, url.Values{"version": {w.login.consent}})))
	if rec.Code != http.StatusSeeOther {
		w.t.Fatalf("taking: %d %s", rec.Code, rec.Body)
	}
	return b
}

func TestInvitationOver(t *testing.T) {
	w := newWorld(t)
	token, id := w.invite()
	taker := w.takeIt(token, "code1")
	stranger := w.browser(uaWeChat)
	refusedWith(t, stranger.get("/i/"+token), http.StatusGone, "used, withdrawn or expired")
	refusedWith(t, stranger.post("/i/"+token, url.Values{"version": {w.login.consent}}), http.StatusGone, "used")
	refusedWith(t, stranger.get("/invited/"+id), http.StatusUnauthorized, "not logged in")
	stranger.logIn("code2", "o_demo_other_0002")
	refusedWith(t, stranger.get("/invited/"+id), http.StatusGone, "used, withdrawn or expired")
	if html := taker.get("/i/" + token).Body.String(); !strings.Contains(html, "/invited/"+id) {
		t.Error("the taker finds no way back to the digits")
	}
	w.clock.add(access.InvitationLife)
	refusedWith(t, taker.get("/invited/"+id), http.StatusGone, "expired")

	for _, bad := range []string{"nope", access.InvitePrefix + strings.Repeat("A", 26), access.InvitePrefix + strings.Repeat("a", 26), token + "x"} {
		refusedWith(t, stranger.get("/i/"+bad), http.StatusNotFound, "does not exist")
	}
	late, _ := w.invite()
	w.clock.add(access.InvitationLife - time.Second)
	if rec := stranger.get("/i/" + late); rec.Code != http.StatusOK {
		t.Errorf("the last second: %d", rec.Code)
	}
	w.clock.add(time.Second)
	refusedWith(t, stranger.get("/i/"+late), http.StatusGone, "expired")
	refusedWith(t, stranger.get("/invited/i_nope"), http.StatusGone, "expired")
}

// Somebody else takes the invitation while WeChat is asked: the login stands,
// its pair is kept, and the page says that the invitation is gone.
func TestInvitationTakenMeanwhile(t *testing.T) {
	w := newWorld(t)
	token, id := w.invite()
	slow := w.browser(uaWeChat)
	state := stateOf(t, slow.post("/i/"+token, url.Values{"version": {w.login.consent}}))
	w.takeIt(token, "code1")
	w.answer("code2", openID)
	if got := slow.callback("code2", state).Header().Get("Location"); got != "/invited/"+id {
		t.Errorf("to %q", got)
	}
	refusedWith(t, slow.get("/invited/"+id), http.StatusGone, "used")
	if _, _, ok := slow.current(); !ok || len(w.store.grants) != 2 {
		t.Error("the login was lost with the invitation")
	}
}

// A text that changed while it was read is shown again, not accepted.
func TestConsentOfAnotherVersion(t *testing.T) {
	w := newWorld(t)
	token, _ := w.invite()
	b := w.browser(uaWeChat)
	for _, version := range []string{"", "c000000000000"} {
		rec := b.post("/i/"+token, url.Values{"version": {version}})
		if rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != "/i/"+token {
			t.Errorf("%q: %d to %q", version, rec.Code, rec.Header().Get("Location"))
		}
	}
}

// A door that is not set up is said before anybody agrees to anything.
func TestInvitationWithoutDoor(t *testing.T) {
	w := newWorld(t)
	token, _ := w.invite()
	w.store.apps = w.store.apps[:1]
	refusedWith(t, w.browser(uaWeChat).get("/i/"+token), http.StatusServiceUnavailable, "not set up")
}

func TestShopInvitation(t *testing.T) {
	w := newWorld(t)
	token, _ := w.invite()
	w.store.invitations[0].ShopID = "lantian"
	w.store.apps[1].Scope = "snsapi_base"
	html := w.browser(uaWeChat).get("/i/" + token).Body.String()
	if !strings.Contains(html, "蓝天小店") || strings.Contains(html, "nickname and your picture in WeChat.") {
		t.Errorf("the page of a silent login to one shop:\n%s", html)
	}
}
