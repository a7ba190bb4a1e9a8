package browser

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/zhanggui/zhanggui/internal/demo"
	"github.com/zhanggui/zhanggui/wechatsim"
)

var update = flag.Bool("update", false, "take the pictures of docs/guide anew")

// TestOffice: somebody else's back office, without a login of its own, behind our
// proxy. The owner is in on the phone and, by a scan, on a PC; an operator sees only
// what they may; a stranger gets a page that explains.
func TestOffice(t *testing.T) {
	program := officeProgram(t)
	var office string
	h := enterOn(t, func(ctx context.Context) (*demo.Stage, error) {
		return demo.OpenWith(ctx, func(server *url.URL) string {
			office = "http://erp.localhost:" + server.Port()
			return fmt.Sprintf("protected:\n  - host: erp.localhost:%s\n    shop: lantian\n    role: operator\n    routes: [{path: /admin, role: owner}]\n"+
				"upstreams: [{host: 'erp.localhost:%s', to: '%s'}]\n", server.Port(), server.Port(), program)
		})
	})
	owner := h.owner()
	owner.inWeChat()
	at := owner.atOffice(owner.open(office+"/"), office+"/", http.StatusOK, "订单")
	owner.reads(at, "lantian · owner · wechat")
	owner.keep("backoffice-owner.png")
	owner.press(`form[action="/ship"] button`) // the browser says where the form comes from
	if n := must[int](owner, `[...document.querySelectorAll('td')].filter(e => e.innerText === '已发货').length`); n != 2 {
		t.Errorf("%d orders are shipped, want 2", n)
	}
	owner.atOffice(owner.open(office+"/admin/"), office+"/admin/", http.StatusOK, "设置")
	h.operatorAt(office)
	h.strangerAt(office)
	h.pcAt(office)
}

// officeProgram runs the sample back office and gives its address.
func officeProgram(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "backoffice")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", file, "../../../examples/backoffice").CombinedOutput(); err != nil {
		t.Fatalf("build the sample back office: %v: %s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), file, "-listen", "127.0.0.1:0")
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // the end of the test ended it
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(strings.TrimSpace(line), "backoffice: ")
}

// inWeChat has the tab say that it is in WeChat, as a phone does by itself.
func (p *tab) inWeChat() {
	p.t.Helper()
	p.do("say that it is in WeChat", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: wechatsim.WeChatUserAgent, AcceptLanguage: "zh-CN"})
		return err
	}))
}

// atOffice checks where a tab got to, past our server.
func (p *tab) atOffice(at page, address string, status int, h1 string) page {
	p.t.Helper()
	if at.URL != address || at.Status != status || at.H1 != h1 {
		p.t.Fatalf("%s: is at %s (status %d, %q), want %s (status %d, %q): %s", p.name, redacted(at.URL), at.Status, at.H1, address, status, h1, at.Text)
	}
	return at
}

// operatorAt: an operator sees the orders and not the settings.
func (h *house) operatorAt(office string) {
	h.t.Helper()
	link, err := h.InviteAs(h.ctx, "operator")
	if err != nil {
		h.t.Fatal(err)
	}
	p := h.phone("operator", "operator")
	p.inWeChat()
	p.open(link)
	p.sees(p.press(agreeButton), "consent")
	p.press(`button[value=agree]`)
	h.confirm(func() { p.atShop() })
	p.reads(p.atOffice(p.open(office+"/"), office+"/", http.StatusOK, "订单"), "lantian · operator · wechat")
	p.reads(p.atOffice(p.open(office+"/admin/"), office+"/admin/", http.StatusForbidden, "无法进入"), "店主")
	p.keep("backoffice-refused.png")
}

// strangerAt: whoever works for no shop is told so.
func (h *house) strangerAt(office string) {
	h.t.Helper()
	p := h.phone("stranger", "customer")
	p.inWeChat()
	p.sees(p.open(office+"/"), "consent")
	at := p.press(`button[value=agree]`)
	if at.Status != http.StatusForbidden || strings.Contains(at.Text, "订单号") {
		h.t.Errorf("the stranger is at %s (status %d, %q): %s", redacted(at.URL), at.Status, at.H1, at.Text)
	}
	p.keep("backoffice-stranger.png")
}

// pcAt: on a PC one scan is enough.
func (h *house) pcAt(office string) {
	h.t.Helper()
	pc := h.profile("pc", pcWidth)
	pc.sees(pc.open(office+"/"), "qrconnect")
	pc.sees(pc.press(`a[href^="/connect/scan"]`), "scan")
	pc.do("choose the phone's owner", chromedp.SetValue(chromedp.CSS(`select[name=person]`), "owner"))
	pc.is(pc.press(`button[value=agree]`), http.StatusOK, "/link")
	pc.reads(pc.atOffice(pc.press(`button[value=yes]`), office+"/", http.StatusOK, "订单"), "lantian · owner · qr")
	pc.keep("backoffice-pc.png")
}

// maxPicture keeps the repository small.
const maxPicture = 60 << 10

// keep takes a picture for the guide with -update, and else wants it to be there.
func (p *tab) keep(name string) {
	p.t.Helper()
	file := filepath.Join("..", "..", "..", "docs", "guide", name)
	if *update {
		ctx, cancel := context.WithTimeout(p.ctx, patience)
		defer cancel()
		png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		if err != nil {
			p.t.Fatal(err)
		}
		if err := os.WriteFile(file, png, 0o644); err != nil {
			p.t.Fatal(err)
		}
	}
	info, err := os.Stat(file)
	if err != nil {
		p.t.Fatalf("%v; look at the page and run with -update", err)
	}
	if info.Size() > maxPicture {
		p.t.Errorf("%s has %d bytes, want at most %d", name, info.Size(), maxPicture)
	}
}
