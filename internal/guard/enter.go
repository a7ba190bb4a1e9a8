package guard

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

// finishTime bounds what goes on after a ticket was used, whoever hangs up meanwhile.
const finishTime = 10 * time.Second

// hostPages are our pages on a protected host.
func (g *Guard) hostPages(h *host) http.Handler {
	mux := http.NewServeMux()
	same := web.CrossOrigin(h.origin)
	page := func(pattern string, f func(http.ResponseWriter, *http.Request, *host) error) {
		mux.Handle(pattern, same(g.o.HostPage(func(w http.ResponseWriter, r *http.Request) error { return f(w, r, h) })))
	}
	page("GET "+Place+"/begin", g.getBegin)
	page("GET "+Place+"/enter", g.getEnter)
	page("GET "+Place+"/logout", g.getLogout)
	page("POST "+Place+"/logout", g.postLogout)
	page("GET "+Place+"/{$}", func(w http.ResponseWriter, r *http.Request, _ *host) error { return redirect(w, r, "/") })
	mux.HandleFunc(Place+"/why", func(w http.ResponseWriter, r *http.Request) { g.why(w, r, h) })
	mux.Handle("GET "+Place+"/static/", http.StripPrefix(Place, g.o.HostFiles))
	mux.Handle("/", g.o.HostPage(web.NotFound))
	return mux
}

// getBegin binds a hand-off to this browser and sends it to our own host. Somebody who
// is in already goes on.
func (g *Guard) getBegin(w http.ResponseWriter, r *http.Request, h *host) error {
	if mode := r.Header.Get("Sec-Fetch-Mode"); r.Method != http.MethodGet || mode != "" && mode != "navigate" {
		return problem(http.StatusUnauthorized, "no-session")
	}
	q, now := r.URL.Query(), g.o.Now()
	f := &finding{asked: asked{host: h, method: http.MethodGet, target: h.back(q.Get("rd"))}}
	if err := g.find(r, f); err != nil {
		return away(err)
	}
	live, _ := g.nonces(r, h)
	if circling(live, now) {
		e := problem(http.StatusTooManyRequests, "circles")
		e.RetryAfter = turnWindow
		g.refused(r, f, e.Code)
		return e
	}
	again := q.Get("choose") == "1"
	if f.verdict == forbidden && !again {
		h.write(w, r, g.refusal(r, f))
		return nil
	}
	text := newNonce()
	n := nonce{Version: formVersion, Hash: digest(text), Host: h.Name, Return: f.target, Begun: now.UnixMilli()}
	if f.verdict == passes && !again {
		n.Entered = n.Begun // it counts as a turn: who passes has no reason to come here
		if err := g.keepNonce(w, r, h, n, turnWindow); err != nil {
			return err
		}
		return redirect(w, r, n.Return)
	}
	if err := g.keepNonce(w, r, h, n, nonceLife); err != nil {
		return err
	}
	to := url.Values{"host": {h.Name}, "nonce": {text}, "rd": {f.path()}}
	if again {
		to.Set("choose", "1")
	} else if _, shop, ok := h.jar.child(r.Header); ok && shop != "" {
		to.Set("shop", shop) // chosen before
	}
	return redirect(w, r, g.base+"/handoff?"+to.Encode())
}

// getEnter makes a session of this host from a ticket.
func (g *Guard) getEnter(w http.ResponseWriter, r *http.Request, h *host) error {
	var t ticket
	if !vault.OpenText(g.o.Vault, vault.HandOff(h.Name), r.URL.Query().Get("ticket"), maxSealed, &t) || t.Version != formVersion || r.Method != http.MethodGet {
		return g.turnedBack(r, h, "ticket-unknown")
	}
	n, ok := g.nonceOf(r, h, t.Nonce)
	switch {
	case !ok && len(h.jar.List(r, nonceCookie)) == 0:
		return g.turnedBack(r, h, "ticket-no-cookie")
	case !ok:
		return g.turnedBack(r, h, "ticket-foreign")
	case !within(g.o.Now(), time.UnixMilli(t.At), ticketLife):
		return g.turnedBack(r, h, "ticket-old")
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), finishTime)
	defer cancel()
	_, err := g.o.Store.UseState(ctx, grant.Callback{App: "handoff", StateHash: t.useHash(), At: g.o.Now()})
	if errors.Is(err, access.ErrUsed) {
		return g.usedBefore(w, r, h, n)
	}
	if err != nil {
		return away(err)
	}
	return g.start(ctx, w, r, h, t, n)
}

// turnedBack is the page of somebody whose ticket does not count.
func (g *Guard) turnedBack(r *http.Request, h *host, why string) error {
	g.refused(r, &finding{asked: asked{host: h}}, why)
	e := problem(http.StatusBadRequest, why)
	e.Link, e.LinkEN, e.LinkZH = "/begin?rd=%2F", word("guard.way.begin", false), word("guard.way.begin", true)
	return e
}

// nonceOf finds the hand-off of this browser that a ticket belongs to.
func (g *Guard) nonceOf(r *http.Request, h *host, hash []byte) (nonce, bool) {
	if len(hash) < 8 {
		return nonce{}, false
	}
	name := nonce{Hash: hash}.cookie()
	text, ok := h.jar.get(r.Header, name)
	if !ok {
		return nonce{}, false
	}
	n, ok := g.openNonce(h, name, text)
	return n, ok && n.live(g.o.Now()) && subtle.ConstantTimeCompare(n.Hash, hash) == 1
}

// usedBefore answers for a ticket that comes twice, as by a reload. The browser that is
// in goes on; nobody gets a second session.
func (g *Guard) usedBefore(w http.ResponseWriter, r *http.Request, h *host, n nonce) error {
	f := &finding{asked: asked{host: h}}
	if _, err := g.recognise(r, f); err == nil && f.verdict == passes {
		return redirect(w, r, n.Return)
	}
	return g.turnedBack(r, h, "ticket-used")
}

// start begins the child and ends the one that this browser had before.
func (g *Guard) start(ctx context.Context, w http.ResponseWriter, r *http.Request, h *host, t ticket, n nonce) error {
	now := g.o.Now()
	old := &finding{asked: asked{host: h}}
	if _, err := g.recognise(r, old); err == nil && old.verdict == passes {
		if err := g.end(ctx, old.session, old.session.ID, "new hand-off"); err != nil {
			return away(err)
		}
	}
	token, hash := access.NewKey(access.SessionPrefix)
	s := access.Session{
		ID: access.NewID("s"), TokenHash: hash, Parent: t.Parent, Host: h.Name,
		CreatedAt: now, SeenAt: now, Device: web.DeviceName(r.UserAgent()), System: web.SystemName(r.UserAgent()),
		Address: access.Network(web.ClientAddr(r.Context())),
	}
	err := g.o.Sessions.Start(ctx, s, audit.Entry{
		At: now, Actor: t.Actor, Action: "session.handoff", Subject: "session:" + s.ID, Outcome: audit.Done,
		Details: map[string]string{"host": h.Name, "parent": t.Parent},
	})
	if errors.Is(err, access.ErrNotFound) {
		return g.turnedBack(r, h, "ticket-ended")
	}
	if err != nil {
		return away(err)
	}
	n.Entered = now.UnixMilli()
	if err := g.keepNonce(w, r, h, n, turnWindow); err != nil {
		return err
	}
	value := token.RevealString()
	if t.Shop != "" {
		value += "." + t.Shop
	}
	h.jar.Set(w, childCookie, value, 0)
	return redirect(w, r, n.Return)
}

// end ends a session in the name of s.
func (g *Guard) end(ctx context.Context, s access.Session, id, why string) error {
	_, err := g.o.Store.EndSessions(ctx, grant.Effects{
		At: g.o.Now(), EndSessions: []access.SessionFilter{{ID: id, Why: why}},
		Audit: []audit.Entry{{
			At: g.o.Now(), Actor: actorOf(s), Action: "session.end", Subject: "session:" + id, Outcome: audit.Done, Reason: why,
		}},
	})
	return err
}

// getLogout asks before it ends anything, or says that it has ended.
func (g *Guard) getLogout(w http.ResponseWriter, r *http.Request, h *host) error {
	f := &finding{asked: asked{host: h}}
	if _, err := g.recognise(r, f); err != nil {
		return away(err)
	}
	v := logoutView{In: f.session.ID != "", Host: h.Name, Nickname: f.person.Profile.Nickname}
	return g.o.HostUI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "guard.logout.title"}, logoutPage(v))
}

// postLogout ends the login, and with it the sessions of all protected hosts.
func (g *Guard) postLogout(w http.ResponseWriter, r *http.Request, h *host) error {
	f := &finding{asked: asked{host: h}}
	if _, err := g.recognise(r, f); err != nil {
		return away(err)
	}
	if f.session.ID != "" {
		if err := g.end(r.Context(), f.session, f.session.Parent, "logout"); err != nil {
			return away(err)
		}
	}
	h.jar.Drop(w, childCookie)
	return redirect(w, r, Place+"/logout")
}

// why is for proxies that cannot show our answers to GET /auth: they fetch the page
// here, in the same words about the same request.
func (g *Guard) why(w http.ResponseWriter, r *http.Request, h *host) {
	r.Pattern = Place + "/why"
	a, bad := g.forwarded(r, h)
	if bad != nil {
		h.write(w, r, bad)
		return
	}
	f := &finding{asked: a}
	_, err := g.answer(r, f)
	switch {
	case err != nil:
		h.write(w, r, away(err))
	case f.verdict == passes:
		http.Redirect(w, r, h.back(f.target), http.StatusSeeOther)
	default:
		g.turnAway(w, r, f, true)
	}
}
