package wechatsim

import (
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
)

// qrconnect serves /connect/qrconnect: a picture to scan, and a link that
// stands for scanning it with the emulated phone.
func (s *Sim) qrconnect(c *call) answer {
	l, bad := parseQRConnect(c.r.URL.RawQuery, s.sw)
	if bad == nil {
		bad = s.checkQRConnect(l)
	}
	if bad != nil {
		return errorPage(bad.qr())
	}
	id := s.newTicket(c, l, "")
	a := renderPage("qrconnect", http.StatusOK, qrData{App: s.apps[l.appid].Name, Ticket: id, Picture: qrPicture(id)})
	a.ticket = id
	return a
}

func (s *Sim) checkQRConnect(l link) *PageError {
	a := s.apps[l.appid]
	switch {
	case a == nil || a.Banned:
		return unreachable("该链接无法访问")
	case a.Kind != Website || !*a.Verified || l.scope != scopeLogin || !slices.Contains(a.Scopes, l.scope):
		return pageError(10005, "only an approved website app with snsapi_login")
	}
	return checkRedirect(l.redirectURI, a.App, s.world.Loopback)
}

// qr gives an error the words that the qrconnect page uses instead of numbers.
func (e *PageError) qr() *PageError {
	out := *e
	switch e.Code {
	case 10003, 10011:
		out.Text = "redirect_uri 参数错误"
	case 10005, 10010, 10016:
		out.Text = "Scope 参数错误或没有 Scope 权限"
	default:
		out.Text = "该链接无法访问"
	}
	out.Code = -1 // this page shows words, never a number
	return &out
}

// scanPage is the emulated phone after scanning: who holds it, yes or no.
func (s *Sim) scanPage(c *call) answer {
	id := c.q.Get("ticket")
	t := s.tickets[id]
	if t == nil || !c.now.Before(t.ends) || t.link.path != qrconnectPath {
		return errorPage(unreachable("二维码已失效 the code is no longer valid, open the link again"))
	}
	return renderPage("scan", http.StatusOK, scanData{App: s.apps[t.link.appid].Name, Ticket: id, People: s.peopleList()})
}

// qrPicture draws a pattern that looks like a QR code. Nothing can read it,
// and nothing needs to: the link beside it is the scan.
func qrPicture(seed string) template.HTML {
	const n = 21
	bits := derive(0, "qr", seed) + derive(1, "qr", seed)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="-2 -2 %d %d" width="220" height="220" role="img" aria-label="QR"><path d="`, n+4, n+4)
	for i := range n * n {
		x, y := i%n, i/n
		if inFinder(x, y, n) {
			continue
		}
		digit := strings.IndexByte("0123456789abcdef", bits[i/4])
		if digit>>(i%4)&1 == 1 {
			fmt.Fprintf(&b, "M%d %dh1v1h-1z", x, y)
		}
	}
	b.WriteString(`"/>`)
	for _, p := range [][2]int{{0, 0}, {n - 7, 0}, {0, n - 7}} {
		fmt.Fprintf(&b, `<path fill-rule="evenodd" d="M%d %dh7v7h-7zm1 1v5h5v-5zm1 1h3v3h-3z"/>`, p[0], p[1])
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) // made of numbers only
}

func inFinder(x, y, n int) bool {
	return x < 8 && y < 8 || x >= n-8 && y < 8 || x < 8 && y >= n-8
}
