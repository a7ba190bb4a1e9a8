package guard

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/web"
)

// loginHeader says where a browser that is nobody goes on.
const loginHeader = "X-Zhanggui-Login"

// lookEvery is how soon a long request ends after its session.
const lookEvery = 2 * time.Second

// auth answers a proxy that asks whether a request may pass: 202 with who it is, 401
// with the next step, 403 with a page that explains. Proxies that show our answers to
// the visitor get a redirect in place of the 401: with redirect=1, or when they are
// no nginx, which could not pass it on.
func (g *Guard) auth(w http.ResponseWriter, r *http.Request, h *host) {
	r.Pattern = "/auth" // no mux does: the access log names it
	a, bad := g.forwarded(r, h)
	if bad != nil {
		h.write(w, r, bad)
		return
	}
	f := &finding{asked: a}
	s, err := g.answer(r, f)
	switch {
	case err != nil:
		h.write(w, r, away(err))
	case f.verdict != passes:
		g.turnAway(w, r, f, leads(r))
	default:
		web.Bare(w)
		s.tell(w.Header())
		w.WriteHeader(http.StatusAccepted)
	}
}

// leads tells whether whoever asks passes a redirect on to the browser.
func leads(r *http.Request) bool {
	switch r.URL.Query().Get("redirect") {
	case "1":
		return true
	case "0":
		return false
	}
	return len(r.Header["X-Original-Uri"]) == 0
}

// answer is decide for a proxy. What a visitor says of themselves is still in the
// request that it holds: not every proxy writes over it where we say nothing, as on
// public paths, and none over another spelling of a name.
func (g *Guard) answer(r *http.Request, f *finding) (*stamp, error) {
	if web.ForgedIdentity(r.Context()) || f.host.claims(r.Header) {
		f.no(forbidden, "forged")
		return nil, nil
	}
	return g.decide(r, f)
}

// decide is find with what follows from it: whether a change came from elsewhere, and
// what the back office is told of those who may in. The stamp is nil where nobody is
// named.
func (g *Guard) decide(r *http.Request, f *finding) (*stamp, error) {
	if err := g.find(r, f); err != nil || f.verdict != passes || f.public {
		return nil, err
	}
	if g.crossed(r, f); f.verdict != passes {
		return nil, nil
	}
	known := g.known.get(f.key)
	if err := g.sameBrowser(r, f, known); err != nil || f.verdict != passes {
		return nil, err
	}
	return g.stampOf(r, f, known)
}

// sameBrowser ends a session that a browser on quite another system uses. The browser
// of the last stamp is known already.
func (g *Guard) sameBrowser(r *http.Request, f *finding, known *stamp) error {
	if known != nil && known.agent == r.UserAgent() {
		return nil
	}
	strange, err := g.o.Sessions.Strange(r.Context(), f.session, web.SystemName(r.UserAgent()))
	if strange && err == nil {
		f.no(stranger, "no-session")
	}
	return err
}

// inner is auth where we are the proxy, with what lies behind it.
func (g *Guard) inner(w http.ResponseWriter, r *http.Request, h *host, next http.Handler) {
	r.Pattern = "back office"
	f := &finding{asked: own(r, h)}
	s, err := g.decide(r, f)
	switch {
	case err != nil:
		h.write(w, r, away(err))
		return
	case f.verdict != passes:
		g.turnAway(w, r, f, true)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if s != nil {
		defer g.watch(ctx, cancel, r, f.asked)()
	}
	in := r.WithContext(ctx)
	in.Header = r.Header.Clone()
	h.forget(in.Header)
	s.tell(in.Header)
	next.ServeHTTP(w, in)
}

// watch cancels a request that would not be let in any more. Not knowing cancels
// nothing. What it gives ends the watch.
func (g *Guard) watch(ctx context.Context, cancel context.CancelFunc, r *http.Request, a asked) (stop func()) {
	first := time.AfterFunc(lookEvery, func() {
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for {
			f := finding{asked: a, again: true}
			if err := g.find(r, &f); err == nil && f.verdict != passes {
				cancel()
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	return func() { first.Stop() }
}

// turnAway answers a request that does not pass.
func (g *Guard) turnAway(w http.ResponseWriter, r *http.Request, f *finding, leads bool) {
	h := f.host
	if f.verdict == stranger {
		next := h.begin(h.back(f.target), nil)
		w.Header().Set(loginHeader, next)
		if leads && looking(f.method, r.Header) {
			w.Header().Set("Cache-Control", "no-store")
			http.Redirect(w, r, next, http.StatusFound)
			return
		}
	}
	h.write(w, inLanguage(r, f.target), g.refusal(r, f))
}

// inLanguage gives r with the language that a link on our page put into the address
// of the back office.
func inLanguage(r *http.Request, target string) *http.Request {
	_, query, _ := strings.Cut(target, "?")
	q, err := url.ParseQuery(query)
	if err != nil || !q.Has("lang") {
		return r
	}
	in := *r
	in.URL = &url.URL{Path: r.URL.Path, RawQuery: url.Values{"lang": q["lang"][:1]}.Encode()}
	return &in
}

// refusal is the error of a finding, recorded where somebody tried something.
func (g *Guard) refusal(r *http.Request, f *finding) *web.Error {
	status := http.StatusForbidden
	switch f.verdict {
	case stranger:
		status = http.StatusUnauthorized
	case odd:
		status = http.StatusBadRequest
	}
	if f.verdict != stranger {
		g.refused(r, f, f.why)
	}
	e := problem(status, f.why)
	e.Err = &denial{g.viewOf(f)}
	return e
}

// denial carries what a page says of a refusal. It is no cause for the log: the code
// says all.
type denial struct{ deniedView }

// Error names nobody.
func (d *denial) Error() string { return "refused by the rule of the host" }

// begin is the address on a protected host at which somebody begins the hand-off.
func (h *host) begin(back string, more url.Values) string {
	q := url.Values{"rd": {back}}
	maps.Copy(q, more)
	return h.own + Place + "/begin?" + q.Encode()
}

// away says that nobody can tell at the moment.
func away(err error) *web.Error {
	if e, ok := web.Said(err); ok {
		return e
	}
	if errors.Is(err, context.Canceled) {
		return web.AsError(err)
	}
	e := problem(http.StatusServiceUnavailable, "away")
	e.Err, e.RetryAfter = err, 2*time.Second
	return e
}

// strayAuth answers where our own host is asked about: the proxy did not say which
// protected host it asks for.
func (g *Guard) strayAuth(http.ResponseWriter, *http.Request) error {
	return problem(http.StatusBadRequest, "auth-host")
}
