package browser

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestConsole is the administrator's story: from the set-up link to ending what
// people and programs may do.
func TestConsole(t *testing.T) {
	h := enter(t)
	owner := h.owner()
	admin, key := setUp(t, h)
	overview(t, admin)
	operator := inviteOperator(t, h, admin)
	revokeClient(t, h, admin)
	person := endSession(t, admin, owner)
	revokeGrants(t, admin, operator, person)
	byKey(t, h, key)
}

// setUp makes the first administrator and gives their tab and key.
func setUp(t *testing.T, h *house) (admin *tab, key string) {
	admin = h.profile("admin", pcWidth)
	admin.open(h.SetupLink)
	admin.look("set-up")
	admin.do("type a name", chromedp.SendKeys(chromedp.CSS(`input[name=name]`), "小掌柜"))
	admin.press(`form[action^="/setup/"] button`)
	key = must[string](admin, `document.querySelector('main code')?.innerText ?? ''`)
	if !strings.HasPrefix(key, "zga_") {
		t.Fatal("the page shows no key that begins with zga_")
	}
	admin.look("key")
	admin.is(admin.press(`main a[href="/"]`), http.StatusOK, "/")
	late := h.profile("late", pcWidth)
	late.open(h.SetupLink)
	late.do("type a name", chromedp.SendKeys(chromedp.CSS(`input[name=name]`), "后来者"))
	if at := late.press(`form[action^="/setup/"] button`); at.Status != http.StatusGone {
		t.Errorf("the set-up link works twice: status %d, %q", at.Status, at.H1)
	}
	late.look("set-up-gone")
	return admin, key
}

// row finds a row of the table with a caption that has all the words, and
// gives its text; action is where its form posts to.
func (p *tab) row(caption string, words ...string) (text, action string) {
	p.t.Helper()
	found := must[[]string](p, fmt.Sprintf(`(() => {
		const words = %s.split('\n');
		const row = [...document.querySelectorAll('[aria-label=%q] tbody tr')].find(r => words.every(w => r.innerText.includes(w)));
		return row ? [row.innerText, row.querySelector('form')?.getAttribute('action') ?? ''] : [];
	})()`, fmt.Sprintf("%q", strings.Join(words, "\n")), caption))
	if len(found) == 0 {
		p.t.Fatalf("%s: the table %q has no row with %q: %s", p.name, caption, words, p.now().Text)
	}
	return found[0], found[1]
}

// end presses the button of a row and comes back to the overview.
func (p *tab) end(caption string, words ...string) {
	p.t.Helper()
	_, action := p.row(caption, words...)
	p.is(p.press(`form[action="`+action+`"] button`), http.StatusOK, "/")
}

// Captions of the overview's tables.
const (
	grantsTable      = "令牌所依据的授权"
	invitationsTable = "已发出的邀请"
	peopleTable      = "谁有什么角色"
	clientsTable     = "哪些程序持有密钥"
	sessionsTable    = "谁已登录"
	auditTable       = "最新记录"
)

func overview(t *testing.T, admin *tab) {
	admin.row(grantsTable, "lantian", "self", "正常")
	admin.row(grantsTable, "user", "正常")
	admin.row(invitationsTable, "店主", "已确认")
	admin.row(peopleTable, "店主")
	admin.row(clientsTable, "erp", "read")
	admin.row(sessionsTable, "a_")
	admin.row(auditTable, "admin.setup", "done")
	admin.look("overview")
}

// inviteOperator has two people invited at once; one is confirmed, with a
// wrong code first.
func inviteOperator(t *testing.T, h *house, admin *tab) *tab {
	operator := h.phone("operator", "operator")
	code := takeFromConsole(t, admin, operator, "operator", "运营")
	takeFromConsole(t, admin, h.phone("viewer", "customer"), "viewer", "查看者")
	admin.open(h.Server + "/")
	admin.look("two-wait")
	typeCode := func(code string) page {
		action := must[string](admin, `[...document.querySelectorAll('form[action$="/confirm"]')].find(f => f.innerText.includes('运营'))?.getAttribute('action') ?? ''`)
		admin.do("type the code", chromedp.SendKeys(chromedp.CSS(`form[action="`+action+`"] input[name=code]`), code))
		return admin.press(`form[action="` + action + `"] button`)
	}
	wrong := "0000"
	if code == wrong {
		wrong = "1111"
	}
	at := typeCode(wrong)
	if at.Status != http.StatusForbidden {
		t.Errorf("a wrong code is answered with %d", at.Status)
	}
	admin.reads(at, "不是对方看到的确认码")
	admin.look("wrong-code")
	admin.press(`main a[href="/"]`)
	admin.is(typeCode(code), http.StatusOK, "/")
	admin.row(invitationsTable, "运营", "已确认")
	admin.row(peopleTable, "运营")
	operator.reads(operator.atShop(), "运营")
	return operator
}

// takeFromConsole invites for a role, lets p take the invitation and gives the
// four digits that p is shown.
func takeFromConsole(t *testing.T, admin, p *tab, role, says string) string {
	admin.open(admin.h.Server + "/")
	admin.do("choose the role", chromedp.SetValue(chromedp.CSS(`select[name=role]`), role))
	at := admin.press(`form[action="/admin/invitations"] button`)
	if at.Status != http.StatusCreated {
		t.Fatalf("the invitation is answered with %d %q", at.Status, at.H1)
	}
	admin.look("invited-" + role)
	link := must[string](admin, `document.querySelector('main input[readonly]').value`)
	p.reads(p.open(link), says)
	p.sees(p.press(agreeButton), "consent")
	p.press(`button[value=agree]`)
	return must[string](p, `document.querySelector('.code')?.innerText ?? ''`)
}

func revokeClient(t *testing.T, h *house, admin *tab) {
	if status := h.program(); status != http.StatusOK {
		t.Fatalf("the program is answered with %d", status)
	}
	admin.end(clientsTable, "erp")
	h.programRefused(time.Second)
	admin.row(clientsTable, "erp", "已终止")
}

// endSession ends the owner's login and gives the owner's id.
func endSession(t *testing.T, admin, owner *tab) string {
	text, _ := admin.row(peopleTable, "店主")
	person := strings.Fields(text)[0]
	if !strings.HasPrefix(person, "p_") {
		t.Fatalf("the owner's row begins with %q, want a person's id", person)
	}
	admin.end(sessionsTable, person)
	admin.row(sessionsTable, person, "已终止")
	owner.is(owner.press(`nav a[href="/sessions"]`), http.StatusUnauthorized, "/sessions")
	owner.look("session-ended")
	owner.loggedOut()
	return person
}

// revokeGrants ends the owner's grant and then the shop's.
func revokeGrants(t *testing.T, admin, operator *tab, person string) {
	for _, who := range []string{person, "lantian"} {
		admin.end(grantsTable, who)
		if text, action := admin.row(grantsTable, who); !strings.Contains(text, "已终止") || action != "" {
			t.Errorf("the grant of %s is not revoked: %s", who, text)
		}
	}
	admin.row(auditTable, "grant.revoke")
	admin.look("revoked")
	operator.reads(operator.open(operator.h.Server+"/"), "这家店铺的授权已终止", "管理员重新授权")
	operator.look("shop-without-grant")
}

// byKey logs an administrator in with the key, once with a wrong one.
func byKey(t *testing.T, h *house, key string) {
	p := h.profile("keyholder", phoneWidth)
	p.open(h.Server + "/")
	p.is(p.press(`main a[href="/admin/login"]`), http.StatusOK, "/admin/login")
	p.look("admin-login")
	p.do("type a wrong key", chromedp.SendKeys(chromedp.CSS(`input[name=key]`), "zga_WRONG"))
	if at := p.press(`form[action="/admin/login"] button`); at.Status < 400 {
		t.Errorf("a wrong key is answered with %d %q", at.Status, at.H1)
	}
	p.look("wrong-key")
	p.open(h.Server + "/admin/login")
	p.do("type the key", chromedp.SendKeys(chromedp.CSS(`input[name=key]`), key))
	p.is(p.press(`form[action="/admin/login"] button`), http.StatusOK, "/")
	p.row(grantsTable, "lantian")
	p.press(`footer a[hreflang=en]`)
	p.look("overview-english")
}
