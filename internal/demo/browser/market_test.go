package browser

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/zhanggui/zhanggui/internal/demo"
	"github.com/zhanggui/zhanggui/wechatsim"
)

// What the world calls the shop that buys, and what it buys.
const (
	marketShopName = "蓝天文具二店"
	marketShopPath = "/shops/" + wechatsim.DefaultMarketShop
	serviceName    = "订单管家"
	yearPackage    = "915673"
	enterPath      = "/market/enter"
	serviceLogin   = "/wxa/servicemarket/service/login_auth"
)

// Buttons of the page that asks, and of those behind it.
const (
	yesButton    = `form[action="/market/enter"]:has([value=yes]) button`
	noButton     = `form[action="/market/enter"]:has([value=no]) button`
	claimLink    = `main a[href="/market/claim"]`
	claimButton  = `form[action="/market/claim"] button`
	agreeOnLogin = `button[value=agree]`
)

// TestMarket is the service provider's story: a shop buys a service, comes in by
// 去使用 after one question, is claimed on a PC and by a second person on a phone,
// and nobody gets in by a link that somebody else sent.
func TestMarket(t *testing.T) {
	h := enterOn(t, demo.OpenMarket)
	pc := h.profile("pc", pcWidth)
	bought(t, pc)
	asked(t, pc)
	usedCode(t, h, pc)
	owner := claimed(t, pc)
	again(t, h)
	claimedTwice(t, h, owner)
	foreignJump(t, h)
	foreignJumpToOwner(t, owner)
	linked(t, h)
}

// atMarket opens the emulator's market as the shop.
func (p *tab) atMarket() page {
	p.t.Helper()
	return p.open(p.h.WeChat + "/market/?appid=" + wechatsim.DefaultMarketShop)
}

// use clicks 去使用 and waits until our server shows a page that stays: while a
// shop is being set up, its page loads itself again.
func (p *tab) use() page {
	p.t.Helper()
	p.atMarket()
	p.press(`form[action="/market/use"] button`)
	return p.until("an answer to 去使用", func(now page) bool {
		return strings.HasPrefix(now.URL, p.h.Server) && !strings.Contains(now.H1, "正在开通")
	})
}

// inMarketShop waits for the shop's page with what WeChat says of it. A shop
// that authorised a moment ago is refused for a while, so it looks again.
func (p *tab) inMarketShop() page {
	p.t.Helper()
	var at page
	for range p.tries() {
		if at = p.now(); strings.Contains(at.Text, "已连接") {
			return p.is(at, http.StatusOK, marketShopPath)
		}
		p.open(p.h.Server + marketShopPath)
	}
	p.t.Fatalf("%s: the shop does not open: %s (status %d) %s", p.name, redacted(at.URL), at.Status, at.Text)
	return page{}
}

// notInMarketShop finds that the browser has no way to the shop.
func (p *tab) notInMarketShop() {
	p.t.Helper()
	if at := p.open(p.h.Server + marketShopPath); at.Status < 400 || strings.Contains(at.Text, marketShopName) {
		p.t.Errorf("%s: is in the shop: status %d, %s", p.name, at.Status, at.Text)
	}
}

// bought buys a year in the market.
func bought(t *testing.T, pc *tab) {
	if at := pc.atMarket(); at.Status != http.StatusOK {
		t.Fatalf("the market answers %d", at.Status)
	}
	pc.press(`form[action="/market/buy"]:has([value="` + yearPackage + `"]) button`)
	pc.look("wechat-market")
}

// asked comes in for the first time: the page names shop, service and role, and
// nothing is open before the answer.
func asked(t *testing.T, pc *tab) {
	at := pc.is(pc.use(), http.StatusOK, enterPath)
	pc.reads(at, marketShopName, wechatsim.DefaultMarketShop, serviceName, "运营", "刚刚亲自点击了「去使用」", "不是，离开")
	if strings.ContainsAny(at.URL, "?#") {
		t.Errorf("the address keeps a query: %s", redacted(at.URL))
	}
	for _, e := range pc.history() {
		if strings.Contains(e.URL, "code=") {
			t.Errorf("the history keeps a code: %s", redacted(e.URL))
		}
	}
	pc.look("question")
	english := pc.is(pc.press(`footer a[hreflang=en]`), http.StatusOK, enterPath)
	pc.reads(english, marketShopName, serviceName, "as operator", "somebody sent you here")
	pc.look("question-english")
	pc.press(`footer a[hreflang="zh-CN"]`)
	second := pc.tab("pc-second")
	second.notInMarketShop()
	second.heardNothing("before the answer")
	pc.press(yesButton)
	at = pc.inMarketShop()
	pc.reads(at, "运营", "订单管家", "standard", "服务市场", "认领")
	pc.look("in-the-shop")
	pc.press(`footer a[hreflang=en]`)
	pc.look("in-the-shop-english")
	pc.press(`footer a[hreflang="zh-CN"]`)
}

// usedCode brings the code that the PC came in with to another browser.
func usedCode(t *testing.T, h *house, pc *tab) {
	jump := ""
	for _, r := range pc.heard.visited(0) {
		if strings.HasPrefix(r, h.Server+"/market/callback/") {
			jump = r
		}
	}
	asks := h.Asked(serviceLogin)
	thief := h.profile("thief", pcWidth)
	at := thief.open(jump)
	if at.Status != http.StatusConflict {
		t.Errorf("a used code is answered with %d %q", at.Status, at.H1)
	}
	thief.look("used-code")
	thief.notInMarketShop()
	if n := h.Asked(serviceLogin); n != asks {
		t.Errorf("a used code was sent to WeChat %d more times", n-asks)
	}
}

// claimed makes who came in on the PC the shop's owner, by the QR code.
func claimed(t *testing.T, pc *tab) *tab {
	at := pc.is(pc.press(claimLink), http.StatusOK, "/market/claim")
	pc.reads(at, marketShopName, "还没有店主")
	pc.look("claim")
	pc.press(claimButton)
	if at := pc.now(); at.H1 != "认领店铺" {
		t.Errorf("the consent of a claim is headed %q", at.H1)
	}
	pc.reads(pc.now(), "认领", marketShopName, "30 天")
	pc.look("claim-consent")
	pc.sees(pc.press(agreeButton), "qrconnect")
	pc.sees(pc.press(`a[href^="/connect/scan"]`), "scan")
	pc.do("choose the phone's owner", chromedp.SetValue(chromedp.CSS(`select[name=person]`), "owner"))
	pc.press(agreeOnLogin)
	pc.until("a page of ours", func(now page) bool { return strings.HasPrefix(now.URL, pc.h.Server) })
	pc.open(pc.h.Server + marketShopPath)
	at = pc.inMarketShop()
	pc.reads(at, "林店主", "店主", serviceName)
	if must[bool](pc, "!!document.querySelector(`"+claimLink+"`)") {
		t.Error("the owner is asked to claim the shop")
	}
	pc.look("owner")
	return pc
}

// again comes in from a browser that was in the shop before: the first time with
// the question, after logging out without.
func again(t *testing.T, h *house) {
	p := h.profile("again", pcWidth)
	p.is(p.use(), http.StatusOK, enterPath)
	p.press(yesButton)
	p.inMarketShop()
	p.press(`form[action="/logout"] button`)
	p.notInMarketShop()
	n := len(p.heard.visited(0))
	p.is(p.use(), http.StatusOK, marketShopPath)
	for _, r := range p.heard.visited(n) {
		if strings.HasPrefix(r, h.Server+enterPath) {
			t.Error("a browser that was in the shop is asked again")
		}
	}
	p.inMarketShop()
	p.heardNothing("straight on")
}

// claimedTwice lets a second person claim the shop on a phone, in WeChat; the
// owner confirms with the digits.
func claimedTwice(t *testing.T, h *house, owner *tab) {
	p := h.phone("operator", "operator")
	p.is(p.use(), http.StatusOK, enterPath)
	p.look("question")
	p.press(yesButton)
	p.inMarketShop()
	p.look("in-the-shop")
	p.reads(p.press(claimLink), "已有店主", "四位确认码")
	p.look("claim")
	p.press(claimButton)
	p.sees(p.press(agreeButton), "consent")
	p.press(agreeOnLogin)
	digits := must[string](p, `document.querySelector('.code')?.innerText ?? ''`)
	p.look("digits")
	p.notInMarketShop()

	owner.open(h.Server + marketShopPath)
	owner.reads(owner.inMarketShop(), "四位")
	owner.look("claim-waits")
	owner.do("type the digits", chromedp.SendKeys(chromedp.CSS(`form[action*="/claims/"] input[name=code]`), digits))
	at := owner.is(owner.press(`form[action*="/claims/"] button`), http.StatusOK, marketShopPath)
	if strings.Contains(at.Text, "四位") {
		t.Errorf("the claim waits still: %s", at.Text)
	}
	p.open(h.Server + marketShopPath)
	p.reads(p.inMarketShop(), "小周", "店主")
}

// foreignJump opens a link that somebody else clicked 去使用 for.
func foreignJump(t *testing.T, h *house) {
	link, err := h.Jump(h.ctx)
	if err != nil {
		t.Fatal(err)
	}
	victim := h.profile("victim", phoneWidth)
	victim.reads(victim.is(victim.open(link), http.StatusOK, enterPath), "别人发来的链接")
	victim.notInMarketShop()
	victim.open(h.Server + enterPath)
	victim.is(victim.press(noButton), http.StatusOK, "/")
	victim.loggedOut()
	at := victim.open(h.Server + enterPath)
	victim.is(at, http.StatusGone, enterPath)
	victim.look("left")
}

// foreignJumpToOwner sends such a link to somebody who is logged in: they are
// told so, and stay who they are.
func foreignJumpToOwner(t *testing.T, owner *tab) {
	link, err := owner.h.Jump(owner.h.ctx)
	if err != nil {
		t.Fatal(err)
	}
	owner.reads(owner.is(owner.open(link), http.StatusOK, enterPath), "您已登录为「林店主」", "登录将结束")
	owner.look("question-logged-in")
	owner.press(noButton)
	owner.open(owner.h.Server + marketShopPath)
	owner.reads(owner.inMarketShop(), "林店主")
}

// linked authorises the platform for a mini program by a link, and loads the result
// again; in another browser the used link leads nowhere.
func linked(t *testing.T, h *house) {
	link, err := h.AccountLink(h.ctx)
	if err != nil {
		t.Fatal(err)
	}
	p := h.profile("account", pcWidth)
	at := p.open(link)
	p.reads(at, "掌上订单", wechatsim.DefaultComponent, "公众号或小程序", "微信小店不能在这里授权")
	p.look("account-link")
	p.sees(p.press(`form[action^="/link/"] button`), "component")
	p.press(`form:has([value="` + wechatsim.DefaultMiniProgram + `"]) button[value=agree]`)
	at = p.until("the result", func(now page) bool { return now.URL == h.Server+"/linked" })
	p.reads(at, "蓝天文具小程序", wechatsim.DefaultMiniProgram, "掌上订单")
	p.look("account-linked")
	for _, e := range p.history() {
		if strings.HasPrefix(e.URL, h.Server) && strings.Contains(e.URL, "auth_code=") {
			t.Errorf("the history keeps a code: %s", redacted(e.URL))
		}
	}
	p.is(p.open(h.Server+"/linked"), http.StatusOK, "/linked")
	late := h.profile("late", phoneWidth)
	if at := late.open(link); at.Status != http.StatusGone {
		t.Errorf("the used link is answered with %d %q", at.Status, at.H1)
	}
	late.look("account-link-used")
}
