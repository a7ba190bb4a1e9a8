package browser

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

var shownNumber = regexp.MustCompile(`(?m)^[0-9]{2}$`)

// TestAPhoneLetsAPCIn: the PC shows a code, the owner's phone says which PC it is and
// asks for the number, and the PC goes on by itself. Later the PC knows who was here.
func TestAPhoneLetsAPCIn(t *testing.T) {
	h := enter(t)
	owner := h.owner()

	pc := h.profile("pc", pcWidth)
	shown := pc.open(h.Server + "/login/scan")
	number := shownNumber.FindString(shown.Text)
	pc.reads(shown, "微信扫描", "切勿")
	if number == "" {
		t.Fatalf("no number on the PC: %s", shown.Text)
	}
	pc.look("code")

	asked := owner.open(must[string](pc, `document.querySelector('#code').href`))
	owner.reads(asked, "本人正在使用这台电脑", "Chrome", "电脑上显示的是哪个数字", number)
	owner.look("asked")
	owner.reads(owner.press(`button[value="`+number+`"]`), "请看电脑")
	owner.look("approved")
	pc.is(pc.until("the shop", func(now page) bool { return now.H1 == shopName }), http.StatusOK, "/")

	pc.open(h.Server + "/sessions")
	pc.press(`form[action="/logout"] button`)
	pc.look("logged-out")
	last := pc.open(h.Server + "/login")
	pc.reads(last, "林店主", "身份继续", "公用电脑")
	pc.look("last-account")
	pc.sees(pc.press(`a[role=button]`), "qrconnect")
}

// TestAPCIsNotMine: "not me" ends the code, and the PC says so.
func TestAPCIsNotMine(t *testing.T) {
	h := enter(t)
	owner := h.owner()
	pc := h.profile("stranger", pcWidth)
	pc.open(h.Server + "/login/scan")
	owner.open(must[string](pc, `document.querySelector('#code').href`))
	owner.reads(owner.press(`button[value="none"]`), "已拒绝")
	owner.look("denied")
	pc.is(pc.until("the refusal", func(now page) bool { return now.Status == http.StatusForbidden }), http.StatusForbidden, pathOf(t, pc.now()))
	pc.look("refused")
}

func pathOf(t *testing.T, at page) string {
	t.Helper()
	i := strings.Index(at.URL, "/login/scan/")
	if i < 0 {
		t.Fatalf("the PC is at %s", redacted(at.URL))
	}
	return at.URL[i:]
}

// TestTheAccountWasSwitched: the phone is the operator's now, and the page asks.
func TestTheAccountWasSwitched(t *testing.T) {
	h := enter(t)
	owner := h.owner()
	owner.open(h.WeChat + "/")
	owner.press(`form[action="/sim/who"] button[value=operator]`)
	at := owner.open(h.Server + "/login?prove=1")
	if at.Kind == "consent" {
		at = owner.press(`button[value=agree]`)
	}
	owner.is(at, http.StatusOK, "/login/other")
	owner.reads(at, "上次在此登录的是 林店主", "现在微信显示您是 小周")
	owner.look("other-account")
	owner.is(owner.press(`button[value=old]`), http.StatusOK, "/")
}
