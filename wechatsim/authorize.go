package wechatsim

import (
	"crypto/rand"
	"net/http"
	"slices"
	"time"
)

// ticket is a consent page that waits for a decision. It is bound to the
// browser session that was shown the page, and is used once.
type ticket struct {
	link    link
	session string
	ends    time.Time
	grant   *grantLink // of a page on which an account authorises a component
}

const ticketLife = time.Hour // people leave pages open

// openPage serves the pages of open.weixin.qq.com.
func (s *Sim) openPage(c *call) answer {
	switch c.r.URL.Path {
	case authorizePath:
		return s.getOnly(c, s.authorize)
	case qrconnectPath:
		return s.getOnly(c, s.qrconnect)
	case "/connect/decide":
		return s.decide(c)
	case "/connect/scan":
		return s.getOnly(c, s.scanPage)
	}
	if grantPageHost(c.r.URL.Path) == hostOpen {
		return s.grantPages(c)
	}
	return errorPage(unreachable("该链接无法访问 no such page"))
}

func (s *Sim) getOnly(c *call, h func(*call) answer) answer {
	if c.r.Method != http.MethodGet {
		return errorPage(unreachable("请使用 GET use GET"))
	}
	return h(c)
}

// authorize serves /connect/oauth2/authorize. The form of the link is checked
// first, then the app, then who is asking.
func (s *Sim) authorize(c *call) answer {
	l, bad := parseAuthorize(c.r.URL.RawQuery, s.sw)
	if bad == nil {
		bad = s.checkAuthorize(l)
	}
	if bad != nil {
		return errorPage(bad)
	}
	if !inWeChat(c.r) {
		return renderPage("outside", http.StatusOK, outsideData{Loopback: isLoopback(hostname(c.r)), Back: c.r.URL.RequestURI()})
	}
	who, session := s.whoIs(c.r)
	if who == nil {
		return renderPage("choose", http.StatusOK, chooseData{People: s.peopleList(), Back: c.r.URL.RequestURI()})
	}
	c.person = who.Name
	if bad := s.checkVisitor(l, who); bad != nil {
		return errorPage(bad)
	}
	if l.scope == scopeBase {
		return s.callBack(c, l, who, false)
	}
	return s.authorizeUserinfo(c, l, who, session)
}

func (s *Sim) authorizeUserinfo(c *call, l link, who *person, session string) answer {
	agreed := s.consented(who, l.appid, c.now)
	switch {
	case who.Snapshot || l.forceSnap && !agreed:
		return s.callBack(c, l, who, true)
	case agreed && !l.forcePopup:
		return s.callBack(c, l, who, false)
	}
	return s.consentPage(c, l, who, session)
}

// checkAuthorize compares a well-formed link with the app it names.
func (s *Sim) checkAuthorize(l link) *PageError {
	a := s.apps[l.appid]
	switch {
	case a == nil:
		return pageError(10005, "unknown appid")
	case a.Kind == Website:
		return pageError(10016, "")
	case a.Kind != ServiceAccount:
		return pageError(10005, "not a service account")
	case a.Banned:
		return pageError(10004, "")
	case l.hasComponent:
		// Logins on behalf of a service account are not played: to this page
		// no account has authorised a component.
		return pageError(10015, "")
	case !*a.Verified:
		return pageError(10005, "the account is not verified")
	case !slices.Contains(a.Scopes, l.scope):
		return pageError(10005, "the account lacks the scope "+l.scope)
	}
	return checkRedirect(l.redirectURI, a.App, s.world.Loopback)
}

func (s *Sim) checkVisitor(l link, who *person) *PageError {
	if who.Closed {
		return unreachable("微信账号已注销 the person closed the account")
	}
	if s.apps[l.appid].TestAccount && !slices.Contains(who.Follows, l.appid) {
		return pageError(10006, "")
	}
	return nil
}

func (s *Sim) newTicket(c *call, l link, session string) string {
	s.sweep(c.now)
	id := rand.Text()
	s.tickets[id] = &ticket{link: l, session: session, ends: c.now.Add(ticketLife)}
	return id
}

func (s *Sim) consentPage(c *call, l link, who *person, session string) answer {
	id := s.newTicket(c, l, session)
	a := renderPage("consent", http.StatusOK, consentData{App: s.apps[l.appid].Name, Scope: l.scope,
		Person: who.Name, Nickname: who.Nickname, Ticket: id})
	a.ticket = id
	return a
}

// decide takes the answer of a consent page or of an emulated scan.
func (s *Sim) decide(c *call) answer {
	if c.r.Method != http.MethodPost {
		return errorPage(unreachable("请使用 POST use POST"))
	}
	form, err := parseForm(c)
	id := form.Get("ticket")
	t := s.tickets[id]
	if err != nil || t == nil || t.grant != nil || !c.now.Before(t.ends) {
		return errorPage(unreachable("页面已失效 the page is no longer valid, open the link again"))
	}
	var who *person
	if t.link.path == qrconnectPath {
		who = s.people[form.Get("person")] // the phone that scanned says who it is
	} else if p, session := s.whoIs(c.r); session == t.session {
		who = p
	}
	if who == nil {
		return errorPage(unreachable("不是打开此页面的人 this page was shown to somebody else"))
	}
	c.person, c.appid = who.Name, t.link.appid
	if bad := s.checkVisitor(t.link, who); bad != nil {
		return errorPage(bad)
	}
	delete(s.tickets, id)
	if form.Get("decision") != "agree" {
		return s.refusal(t.link)
	}
	if t.link.scope == scopeUserinfo {
		who.consents[t.link.appid] = c.now
	}
	return s.callBack(c, t.link, who, false)
}

// refusal is what the person sees, and what the app hears, of a refusal.
func (s *Sim) refusal(l link) answer {
	if s.sw.RefusalCallback == "state_only" {
		return redirectTo(l.callback(""))
	}
	a := renderPage("refused", http.StatusOK, s.apps[l.appid].Name)
	a.page = &PageError{Text: "refused", refused: true}
	return a
}

// callBack sends the browser back with a new code.
func (s *Sim) callBack(c *call, l link, who *person, snapshot bool) answer {
	life := codeLife
	if l.path == qrconnectPath {
		life = qrCodeLife
	}
	first := s.newCode(c, l, who, snapshot, life)
	f := s.takeDuplicate(c, l.path, l.appid)
	if f == nil {
		return redirectTo(l.callback(first))
	}
	second := first
	if !f.SameCode {
		second = s.newCode(c, l, who, snapshot, life)
	}
	urls := []string{l.callback(first), l.callback(second)}
	a := renderPage("twice", http.StatusOK, urls)
	a.callbacks = urls
	return a
}

func redirectTo(target string) answer {
	return answer{status: http.StatusFound, header: http.Header{"Location": {target}, "Cache-Control": {"no-store"}},
		callbacks: []string{target}}
}
