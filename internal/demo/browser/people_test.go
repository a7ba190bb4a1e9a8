package browser

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// What the demo world and the manifest call things.
const (
	shopName     = "蓝天文具店"
	exchangePath = "/sns/oauth2/access_token"
)

// phone makes a profile that is in WeChat. Whose phone it is stays open if
// person is empty: WeChat asks at the first login then.
func (h *house) phone(name, person string) *tab {
	h.t.Helper()
	p := h.profile(name, phoneWidth)
	p.open(h.WeChat + "/")
	p.press(`button[value=phone]`)
	if person != "" {
		p.press(`form[action="/sim/who"] button[value=` + person + `]`)
	}
	return p
}

// owner makes a phone whose person is the confirmed owner of the shop.
func (h *house) owner() *tab {
	h.t.Helper()
	p := h.phone("owner", "owner")
	p.open(h.invitation())
	p.press(agreeButton)
	p.sees(p.now(), "consent")
	p.press(`button[value=agree]`)
	h.confirm(func() { p.atShop() })
	return p
}

func (h *house) invitation() string {
	h.t.Helper()
	link, err := h.Invite(h.ctx)
	if err != nil {
		h.t.Fatalf("invite: %v", err)
	}
	return link
}

// confirm lets the demo confirm whoever took an invitation, while wait waits.
func (h *house) confirm(wait func()) {
	h.t.Helper()
	ctx, stop := context.WithCancel(h.ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := h.ConfirmTaken(ctx); err != nil {
			h.t.Errorf("confirm: %v", err)
		}
	})
	defer wg.Wait()
	defer stop()
	wait()
}

// agreeButton is the tap that begins a login from an invitation.
const agreeButton = `form[action^="/i/"] button`

// atShop waits until the tab, by itself, shows the shop.
func (p *tab) atShop() page {
	p.t.Helper()
	return p.is(p.until("the shop", func(now page) bool { return now.H1 == shopName }), http.StatusOK, "/")
}

// loggedOut opens the start page and finds nobody's.
func (p *tab) loggedOut() {
	p.t.Helper()
	at := p.is(p.open(p.h.Server+"/"), http.StatusOK, "/")
	if at.H1 == shopName || !must[bool](p, `!!document.querySelector('main a[href="/login"]')`) {
		p.t.Errorf("%s: is still logged in: %s", p.name, at.Text)
	}
}

// callback is the newest address that WeChat sent this tab back to.
func (p *tab) callback() string {
	p.t.Helper()
	all := p.heard.asked()
	for _, r := range slices.Backward(all) {
		if strings.HasPrefix(r, p.h.Server+"/oauth/callback/") {
			return r
		}
	}
	p.t.Fatalf("%s: never came back from WeChat", p.name)
	return ""
}

// tabTo presses the tabulator until the focus is on what selector names.
func (p *tab) tabTo(selector string) {
	p.t.Helper()
	for range 20 {
		p.do("press Tab", chromedp.KeyEvent(kb.Tab))
		if must[bool](p, "document.activeElement.matches(`"+selector+"`)") {
			return
		}
	}
	p.t.Fatalf("%s: 20 tabs do not reach %s", p.name, selector)
}

// program asks the gateway with a client's key and gives the status.
func (h *house) program() int {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.Server+"/wx/"+h.Shop+"/channels/ec/basics/info/get", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+h.ClientKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatalf("call the gateway: %v", err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// programRefused waits for a refusal; within bounds how long it may take.
func (h *house) programRefused(within time.Duration) {
	h.t.Helper()
	status := 0
	for end := time.Now().Add(within); time.Now().Before(end); {
		if status = h.program(); status == http.StatusUnauthorized || status == http.StatusForbidden {
			return
		}
	}
	h.t.Errorf("the program is still answered with %d after %s", status, within)
}
