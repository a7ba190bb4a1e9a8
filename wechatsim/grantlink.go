package wechatsim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Paths of the pages on which an account authorises a component. The first is
// for a PC; the others are for WeChat's browser, the last by its older name.
const (
	loginPagePath   = "/cgi-bin/componentloginpage"
	bindPath        = "/wxaopen/safe/bindcomponent"
	oldBindPath     = "/safe/bindcomponent"
	decideSuffix    = "/decide"
	linkCodeSeconds = 600 // as the callback says; the code itself lives longer
)

// grantLink is a checked authorisation link.
type grantLink struct {
	component *app
	preAuth   string
	redirect  *url.URL
	kinds     []Kind
	only      string // biz_appid
	sets      []int
	phone     bool
}

// authTypes are the kinds of account that an auth_type offers. There is none
// for a shop. 4 (小程序推客) has no accounts in the emulator.
var authTypes = map[string][]Kind{
	"1": {ServiceAccount}, "2": {MiniProgram}, "": {ServiceAccount, MiniProgram}, "3": {ServiceAccount, MiniProgram},
	"4": {}, "5": {Channels}, "6": {ServiceAccount, MiniProgram, Channels}, "8": {Talent},
}

// grantPageHost tells the host of an authorisation page, "" for other paths.
func grantPageHost(path string) string {
	switch strings.TrimSuffix(path, decideSuffix) {
	case bindPath:
		return hostOpen
	case loginPagePath, oldBindPath:
		return hostMP
	}
	return ""
}

// grantPages serves the authorisation pages and their decisions.
func (s *Sim) grantPages(c *call) answer {
	path, decided := strings.CutSuffix(c.r.URL.Path, decideSuffix)
	if decided {
		return s.grantDecide(c)
	}
	if c.r.Method != http.MethodGet {
		return errorPage(unreachable("请使用 GET use GET"))
	}
	l, bad := s.parseGrantLink(c.q, path)
	if bad != nil {
		return errorPage(bad)
	}
	c.appid = l.component.AppID
	if l.phone && !inWeChat(c.r) {
		return renderPage("outside", http.StatusOK, outsideData{Loopback: isLoopback(hostname(c.r)), Back: c.r.URL.RequestURI()})
	}
	id := s.newTicket(c, link{path: path, appid: l.component.AppID}, "")
	s.tickets[id].grant = l
	a := renderPage("component", http.StatusOK, componentData{App: l.component.Name, Ticket: id, Sets: l.sets,
		Action: path + decideSuffix, Accounts: s.offered(l)})
	a.ticket = id
	return a
}

// parseGrantLink checks a link. Its redirect_uri has no state of WeChat's; a
// program puts its own into it.
func (s *Sim) parseGrantLink(q url.Values, path string) (*grantLink, *PageError) {
	p := s.apps[q.Get("component_appid")]
	if p == nil || p.Kind != Component {
		return nil, unreachable("component_appid 错误 no such component")
	}
	code := s.platformCodes[q.Get("pre_auth_code")]
	if code == nil || code.kind != codePreAuth || code.component != p.AppID || !s.Now().Before(code.ends) {
		return nil, unreachable("pre_auth_code 无效或已过期 unknown or expired")
	}
	l := &grantLink{component: p, preAuth: q.Get("pre_auth_code"), only: q.Get("biz_appid"), sets: p.PermissionSets, phone: path != loginPagePath}
	var bad *PageError
	if l.redirect, bad = s.grantRedirect(p, q.Get("redirect_uri")); bad != nil {
		return nil, bad
	}
	kinds, known := authTypes[q.Get("auth_type")]
	if !known {
		return nil, unreachable("auth_type 错误 use 1, 2, 3, 4, 5, 6 or 8")
	}
	l.kinds = kinds
	if v := q.Get("category_id_list"); v != "" {
		l.sets = nil
		for id := range strings.SplitSeq(v, "|") {
			n, err := strconv.Atoi(id)
			if err != nil || !slices.Contains(p.PermissionSets, n) {
				return nil, unreachable("category_id_list 错误 not a set of the component: " + id)
			}
			l.sets = append(l.sets, n)
		}
	}
	if l.phone && q.Get("action") != "bindcomponent" {
		return nil, unreachable("action 错误 must be bindcomponent")
	}
	return l, nil
}

func (s *Sim) grantRedirect(p *app, raw string) (*url.URL, *PageError) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, unreachable("redirect_uri 错误 not an absolute URL")
	}
	if s.world.Loopback && isLoopback(u.Hostname()) {
		return u, nil
	}
	if u.Hostname() != p.CallbackDomain {
		return nil, unreachable("请确认授权入口页所在域名 redirect_uri is not on the component's callback_domain")
	}
	return u, nil
}

// offered lists the accounts that the page shows.
func (s *Sim) offered(l *grantLink) []App {
	var out []App
	for _, a := range s.world.Apps {
		if s.offers(l, s.apps[a.AppID]) {
			out = append(out, a)
		}
	}
	return out
}

// offers tells whether an account is shown. biz_appid overrides auth_type, but
// a shop is never offered.
func (s *Sim) offers(l *grantLink, a *app) bool {
	if a == nil || a.Kind == ShopApp || s.mayAuthorise(l.component, a) != nil {
		return false
	}
	if l.only != "" {
		return a.AppID == l.only && slices.Contains([]Kind{ServiceAccount, MiniProgram, Channels, Talent}, a.Kind)
	}
	return slices.Contains(l.kinds, a.Kind)
}

// grantDecide takes the decision of an authorisation page.
func (s *Sim) grantDecide(c *call) answer {
	if c.r.Method != http.MethodPost {
		return errorPage(unreachable("请使用 POST use POST"))
	}
	form, err := parseForm(c)
	id := form.Get("ticket")
	t := s.tickets[id]
	if err != nil || t == nil || t.grant == nil || !c.now.Before(t.ends) {
		return errorPage(unreachable("页面已失效 the page is no longer valid, open the link again"))
	}
	l := t.grant
	c.appid, c.account = l.component.AppID, form.Get("account")
	if form.Get("decision") != string(Agree) {
		delete(s.tickets, id)
		a := renderPage("refused", http.StatusOK, l.component.Name)
		a.page = &PageError{Text: "refused", refused: true}
		return a
	}
	a := s.apps[c.account]
	if !s.offers(l, a) {
		return errorPage(unreachable("没有可授权的账号 this account is not offered here"))
	}
	delete(s.tickets, id)
	code := s.authorise(l.component, a, l.sets, l.preAuth)
	u := *l.redirect
	add := "auth_code=" + url.QueryEscape(code) + "&expires_in=" + strconv.Itoa(linkCodeSeconds)
	if u.RawQuery != "" {
		add = u.RawQuery + "&" + add
	}
	u.RawQuery = add
	return redirectTo(u.String())
}

// VisitGrant opens an authorisation link of a component as somebody of an
// account, decides, and returns where WeChat sends the browser:
// redirect_uri with auth_code and expires_in. The link meets the same checks,
// faults and ledger as from a browser.
//
// An error page is returned as a [*PageError], also if the account is not
// offered, as no shop is; a refusal or a page that was left as [ErrNoCallback].
func (s *Sim) VisitGrant(ctx context.Context, account, link string, d Decision) (string, error) {
	u, err := url.Parse(link)
	if err != nil {
		return "", errors.New("visit: the link is no URL: build it as the documentation of the page shows")
	}
	if grantPageHost(u.Path) == "" || strings.HasSuffix(u.Path, decideSuffix) {
		return "", fmt.Errorf("visit %s: not an authorisation page: use %s or %s", u.Path, loginPagePath, bindPath)
	}
	if u.Path != loginPagePath && u.Fragment != "wechat_redirect" {
		return "", fmt.Errorf("visit %s: the link does not end in #wechat_redirect: append it", u.Path)
	}
	b := &browser{s: s, ctx: ctx, host: u.Host, ua: WeChatUserAgent}
	if u.Path == loginPagePath {
		b.ua = desktopUserAgent
	}
	a, err := b.open(http.MethodGet, u.RequestURI(), "")
	if err == nil && a.ticket != "" && d != Leave {
		form := url.Values{"ticket": {a.ticket}, "account": {account}, "decision": {string(d)}}
		a, err = b.open(http.MethodPost, u.Path+decideSuffix, form.Encode())
	}
	if err != nil {
		return "", fmt.Errorf("visit %s: %w", u.Path, err)
	}
	urls, err := outcome(u.Path, a)
	if err != nil {
		return "", err
	}
	return urls[0], nil
}

// left is how many whole seconds the token has.
func (g *globalToken) left(now time.Time) int { return int(g.ends.Sub(now) / time.Second) }
