package browser

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"
)

// TestOwner is the owner's story: invited on the phone, let in without a tap at
// the next visit, on a PC by a scan, and out again when they withdraw.
func TestOwner(t *testing.T) {
	h := enter(t)
	phone := invited(t, h)
	shopPage(t, phone)
	againAndBack(t, phone)
	clean := secondVisit(t, h)
	pc := byScan(t, h)
	ownPages(t, phone, 3)
	inEnglish(t, clean)
	twin := twoTabs(t, h)
	withdraw(t, h, phone, clean, pc, twin)
}

// invited walks from the emulator's home to the four digits and on.
func invited(t *testing.T, h *house) *tab {
	phone := h.phone("phone", "")
	phone.look("emulator-home")
	phone.is(phone.open(h.invitation()), http.StatusOK, phone.path())
	phone.reads(phone.now(), "蓝天文具", "店主", // who asks for what
		"openid", "昵称", "令牌", // what data
		"用来做什么", "保存多久", "30 天", "如何停止", "取消授权", "谁在运营", "掌柜演示", "demo@zhanggui.example")
	phone.look("consent")
	phone.tabTo(agreeButton)
	choose := phone.after("press Enter on the consent", chromedp.KeyEvent(kb.Enter))
	phone.sees(choose, "choose")
	phone.look("wechat-choose")
	phone.sees(phone.press(`form:has([value=owner]) button`), "consent")
	phone.look("wechat-consent")
	digits := phone.press(`button[value=agree]`)
	if u := digits.URL; !strings.HasPrefix(u, h.Server+"/invited/") || strings.Contains(u, "?") {
		t.Fatalf("the login ended at %s, want a clean address of /invited/", redacted(u))
	}
	if code := must[string](phone, `document.querySelector('.code')?.innerText ?? ''`); !regexp.MustCompile(`^\d{4}$`).MatchString(code) {
		t.Errorf("the four digits are %q", code)
	}
	phone.look("digits")
	h.confirm(func() { phone.atShop() }) // without a click
	return phone
}

// path is that of the tab's address.
func (p *tab) path() string { p.t.Helper(); return must[string](p, `location.pathname`) }

func shopPage(t *testing.T, phone *tab) {
	at := phone.now()
	phone.reads(at, "林店主", "店主", "已开店", "商品（48）", "近 7 天订单", "已连接", "¥")
	if got := must[string](phone, `document.querySelector('[data-status]')?.dataset.status ?? ''`); got != "open_finished" {
		t.Errorf("the shop's status is %q, want open_finished", got)
	}
	rows := must[[]int](phone, `[...document.querySelectorAll('tbody')].map(b => [...b.rows].filter(r => r.cells.length > 1 && r.cells[0].innerText).length)`)
	if len(rows) != 2 || rows[0] != 5 || rows[1] != 5 {
		t.Errorf("the shop shows %v rows of products and orders, want 5 and 5", rows)
	}
	phone.look("shop")
	for _, e := range phone.history() {
		if strings.HasPrefix(e.URL, phone.h.Server) && strings.ContainsAny(e.URL, "?#") {
			t.Errorf("the history keeps %s with a query", redacted(e.URL))
		}
	}
}

// history is what the back button knows.
func (p *tab) history() []*cdppage.NavigationEntry {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	h, err := chromedp.Run(ctx, chromedp.NavigationEntries())
	if err != nil {
		p.t.Fatalf("%s: history: %v", p.name, err)
	}
	return h.Entries
}

// againAndBack opens the used callback once more, and presses back until WeChat
// sends the browser to it once more. Neither asks WeChat for another token.
func againAndBack(t *testing.T, phone *tab) {
	exchanges := phone.h.Asked(exchangePath)
	phone.is(phone.open(phone.callback()), http.StatusOK, "/")
	phone.atShop()
	first := phone.callback()
	for range 4 {
		phone.after("press back", chromedp.NavigateBack())
		phone.atShop()
		if phone.callback() != first {
			break
		}
	}
	if phone.callback() == first {
		t.Error("going back never came by WeChat")
	}
	if n := phone.h.Asked(exchangePath); n != exchanges {
		t.Errorf("a used state led to %d more exchanges", n-exchanges)
	}
	phone.heardNothing("the used callback")
}

func secondVisit(t *testing.T, h *house) *tab {
	clean := h.phone("clean", "owner")
	addresses, entries := len(clean.heard.visited(0)), len(clean.history())
	clean.is(clean.open(h.Server+"/login"), http.StatusOK, "/")
	clean.atShop()
	var way []string
	for _, a := range clean.heard.visited(addresses) {
		way = append(way, redacted(a))
	}
	want := []string{h.Server + "/login", h.WeChat + "/connect/oauth2/authorize", h.Server + "/oauth/callback/fuwuhao", h.Server + "/"}
	if diff := cmp.Diff(want, way); diff != "" {
		t.Errorf("the way from /login to the shop (-want +got):\n%s", diff)
	}
	if n := len(clean.history()) - entries; n != 1 {
		t.Errorf("between /login and the shop %d pages were shown, want none", n-1)
	}
	clean.look("silently-in")
	return clean
}

func byScan(t *testing.T, h *house) *tab {
	pc := h.profile("pc", pcWidth)
	pc.sees(pc.open(h.Server+"/login"), "qrconnect")
	pc.look("wechat-qr")
	pc.sees(pc.press(`a[href^="/connect/scan"]`), "scan")
	pc.do("choose the phone's owner", chromedp.SetValue(chromedp.CSS(`select[name=person]`), "owner"))
	pc.look("wechat-scan")
	pc.is(pc.press(`button[value=agree]`), http.StatusOK, "/link")
	pc.reads(pc.now(), "蓝天文具管理后台", "林店主")
	pc.look("same-person")
	pc.is(pc.press(`button[value=yes]`), http.StatusOK, "/")
	pc.atShop()
	pc.look("shop")
	return pc
}

// ownPages are a person's other pages.
func ownPages(t *testing.T, p *tab, logins int) {
	p.is(p.press(`nav a[href="/sessions"]`), http.StatusOK, "/sessions")
	if rows := must[int](p, `document.querySelectorAll('tbody tr').length`); rows != logins {
		t.Errorf("the owner has %d logins, want %d: on all browsers as one person", rows, logins)
	}
	p.look("sessions")
	p.is(p.press(`a[href="/login?switch=1"]`), http.StatusOK, "/login")
	p.look("switch")
	p.press(`main p a[href="/"]`) // stay
	p.atShop()
}

func inEnglish(t *testing.T, p *tab) {
	p.press(`footer a[hreflang=en]`)
	if lang := must[string](p, `document.documentElement.lang`); lang != "en" {
		t.Errorf("after the switch the page is in %q", lang)
	}
	p.reads(p.now(), "owner", "Products", "Log out")
	p.look("shop-english")
	p.open(p.h.Server + "/sessions")
	p.look("sessions-english")
	p.open(p.h.Server + "/withdraw")
	p.reads(p.now(), shopName)
	p.look("withdraw-english")
	p.is(p.press(`main p a[href="/"]`), http.StatusOK, "/")
	p.press(`footer a[hreflang="zh-CN"]`)
	p.reads(p.now(), "店主")
}

// twoTabs begins two logins in one browser before either comes back.
func twoTabs(t *testing.T, h *house) *tab {
	left := h.phone("twin", "")
	right := left.tab("twin-right")
	left.sees(left.open(h.Server+"/login"), "choose")
	right.sees(right.open(h.Server+"/login"), "choose")
	for _, p := range []*tab{right, left} {
		p.press(`form:has([value=owner]) button`)
		p.atShop()
	}
	for _, p := range []*tab{right, left} {
		p.open(h.Server + "/")
		p.atShop()
		p.heardNothing("the shop")
	}
	return left
}

func withdraw(t *testing.T, h *house, phone *tab, others ...*tab) {
	if status := h.program(); status != http.StatusOK {
		t.Fatalf("before the withdrawal the program is answered with %d", status)
	}
	phone.open(h.Server + "/withdraw")
	phone.reads(phone.now(), "取消授权", shopName)
	phone.look("withdraw")
	phone.is(phone.press(`form[action="/withdraw"] button`), http.StatusOK, "/withdraw")
	phone.reads(phone.now(), "已取消授权", "个人信息与权限管理", "授权管理")
	phone.look("withdrawn")
	for _, p := range append(others, phone) {
		p.loggedOut()
	}
	phone.look("welcome")
	h.programRefused(time.Second)
}
