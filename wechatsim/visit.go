package wechatsim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Decision is what a scripted person does on a consent page.
type Decision string

// The decisions.
const (
	Agree  Decision = "agree"
	Refuse Decision = "refuse"
	// Leave closes the page without deciding.
	Leave Decision = "leave"
)

// ErrNoCallback says that the person saw a page and the app heard nothing:
// they refused (and the refusal_callback switch says "none"), or left.
var ErrNoCallback = errors.New("no callback: the page stays and the app is told nothing; expire the login by time")

// WeChatUserAgent is what the scripted browser calls itself inside WeChat.
const WeChatUserAgent = "Mozilla/5.0 (Linux; Android 14; Sandbox) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 MicroMessenger/8.0.50 wechatsim"

const desktopUserAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Safari/537.36 wechatsim"

// Visit lets a person open an authorize or qrconnect link and decide, and
// returns the callback URL that WeChat sends the browser to. The link meets
// the same checks, faults and ledger as from a browser, and one more: it must
// end in #wechat_redirect, which only a browser can see.
//
// An error page is returned as a [*PageError]; a refusal or a page that was
// left as [ErrNoCallback].
func (s *Sim) Visit(ctx context.Context, person, link string, d Decision) (string, error) {
	urls, err := s.VisitAll(ctx, person, link, d)
	if err != nil {
		return "", err
	}
	return urls[0], nil
}

// VisitAll is [Sim.Visit] for when a duplicate_callback fault may be armed: it
// returns every callback, in order.
func (s *Sim) VisitAll(ctx context.Context, person, link string, d Decision) ([]string, error) {
	u, err := url.Parse(link)
	if err != nil {
		return nil, errors.New("visit: the link is no URL: build it as the documentation of the page shows")
	}
	if u.Fragment != "wechat_redirect" {
		return nil, fmt.Errorf("visit %s: the link does not end in #wechat_redirect: append it", u.Path)
	}
	cookie, ok := s.become(person)
	if !ok {
		return nil, fmt.Errorf("visit as %q: %w", person, ErrNobody)
	}
	defer s.leave(cookie)
	b := &browser{s: s, ctx: ctx, host: u.Host, cookie: cookie, ua: WeChatUserAgent}
	if u.Path == qrconnectPath {
		b.ua = desktopUserAgent
	}
	a, err := b.open(http.MethodGet, u.RequestURI(), "")
	if err == nil && a.ticket != "" && d != Leave {
		form := url.Values{"ticket": {a.ticket}, "person": {person}, "decision": {string(d)}}
		a, err = b.open(http.MethodPost, "/connect/decide", form.Encode())
	}
	if err != nil {
		return nil, fmt.Errorf("visit %s: %w", u.Path, err)
	}
	return outcome(u.Path, a)
}

func outcome(path string, a answer) ([]string, error) {
	switch {
	case a.lost:
		return nil, fmt.Errorf("visit %s: connection closed without an answer", path)
	case a.page != nil && !a.page.refused:
		return nil, fmt.Errorf("visit %s: %w", path, a.page)
	case len(a.callbacks) == 0 && a.status != http.StatusOK:
		return nil, fmt.Errorf("visit %s: HTTP %d", path, a.status)
	case len(a.callbacks) == 0:
		return nil, fmt.Errorf("visit %s: %w", path, ErrNoCallback)
	}
	return a.callbacks, nil
}

// leave forgets the browser session of a scripted visit.
func (s *Sim) leave(k *http.Cookie) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, k.Value)
}

// browser is the scripted one: it calls the handlers without a network.
type browser struct {
	s      *Sim
	ctx    context.Context
	host   string
	cookie *http.Cookie
	ua     string
}

func (b *browser) open(method, target, form string) (answer, error) {
	r, err := http.NewRequestWithContext(b.ctx, method, target, strings.NewReader(form))
	if err != nil {
		return answer{}, errors.New("the link cannot be requested: check its characters")
	}
	r.Host, r.RemoteAddr = b.host, "127.0.0.1:1"
	r.Header.Set("User-Agent", b.ua)
	if b.cookie != nil {
		r.AddCookie(b.cookie)
	}
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	host := hostOf(r.URL.Path)
	if host == hostAPI || host == hostSim {
		return answer{}, errors.New("not a page of the open host: use the authorize or the qrconnect link")
	}
	return b.s.do(r, host), nil
}
