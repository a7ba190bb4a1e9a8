package guard

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

// Limits of hand-offs.
const (
	nonceLife   = 15 * time.Minute // a login may lie in between, with a phone to be found
	ticketLife  = 30 * time.Second
	maxNonces   = 8 // under way in one browser on one host; the oldest is dropped
	turnWindow  = time.Minute
	maxTurns    = 4 // so many that got in and began again within turnWindow go in circles
	nonceBytes  = 32
	formVersion = 1
)

// nonce binds a hand-off to the browser that began it. It lives in a sealed cookie of
// the protected host only; what travels is the nonce itself, and its digest in the
// ticket.
type nonce struct {
	Version int    `json:"v"`
	Hash    []byte `json:"h"`
	Host    string `json:"o"`
	Return  string `json:"r"`           // checked before
	Begun   int64  `json:"b"`           // Unix milliseconds
	Entered int64  `json:"e,omitempty"` // when it was used
}

func (n nonce) live(now time.Time) bool { return within(now, time.UnixMilli(n.Begun), nonceLife) }

func (n nonce) cookie() string { return nonceCookie + hex.EncodeToString(n.Hash[:8]) }

// ticket is the word of our own host that somebody may have a session on a protected
// one.
type ticket struct {
	Version int         `json:"v"`
	ID      string      `json:"i"`
	Nonce   []byte      `json:"n"` // digest
	Parent  string      `json:"p"` // id of the session
	Shop    string      `json:"s,omitempty"`
	Actor   audit.Actor `json:"a"`
	At      int64       `json:"t"` // Unix milliseconds
}

// useHash is what is recorded when the ticket is used.
func (t ticket) useHash() []byte { return digest("handoff\x00" + t.ID) }

func digest(s string) []byte {
	h := sha256.Sum256([]byte(s))
	return h[:]
}

// newNonce makes a nonce: 256 random bits as hex digits.
func newNonce() string {
	b := make([]byte, nonceBytes)
	rand.Read(b) //nolint:errcheck // never fails
	return hex.EncodeToString(b)
}

func validNonce(s string) bool {
	return len(s) == 2*nonceBytes && strings.Trim(s, "0123456789abcdef") == ""
}

// getHandoff is the step on our own host: it finds out who somebody is, whether they
// may in, and sends them back with a ticket. It changes nothing.
func (g *Guard) getHandoff(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	h := g.hosts[q.Get("host")]
	if h == nil || !validNonce(q.Get("nonce")) {
		return problem(http.StatusBadRequest, "handoff-form")
	}
	s, p, err := g.o.Visitors.Who(r)
	if err != nil {
		if e := web.AsError(err); e.Status == http.StatusUnauthorized {
			return redirect(w, r, g.login(q, nil))
		}
		return err
	}
	f := &finding{asked: asked{host: h, method: http.MethodGet, target: h.back(q.Get("rd"))}, session: s, person: p}
	if err := g.mayBegin(r, f, q.Get("shop")); err != nil {
		return away(err)
	}
	switch {
	case q.Get("choose") == "1" && q.Get("shop") == "" && h.Tenant != "" && (f.verdict == passes || f.why == "no-role"):
		return g.showShops(w, r, f, q)
	case f.verdict == passes:
		return g.giveTicket(w, r, f, q.Get("nonce"))
	case f.why == "choose":
		return g.showShops(w, r, f, q)
	case f.why == "stale-proof" && q.Get("again") != "1":
		q.Set("again", "1") // WeChat is asked once; then a person decides
		return redirect(w, r, g.login(q, url.Values{"prove": {"1"}}))
	}
	return g.showDenied(w, r, f)
}

// mayBegin holds the session of our own host against the rule of the place that
// somebody wants to come to.
func (g *Guard) mayBegin(r *http.Request, f *finding, choice string) error {
	f.rule = f.host.rules.whole
	if exact, loose, ok := readings(f.path()); ok {
		f.rule = f.host.rules.match(exact, loose)
	}
	if f.rule.Public {
		f.rule = &Rule{Role: access.Viewer}
	}
	if f.rule.Shut {
		f.no(forbidden, "shut")
		return nil
	}
	return g.judge(r.Context(), f, choice)
}

// login is the address of our login that comes back to this step.
func (g *Guard) login(self, more url.Values) string {
	q := url.Values{"rd": {strings.TrimRight(g.o.PublicURL.Path, "/") + "/handoff?" + self.Encode()}}
	maps.Copy(q, more)
	return g.base + "/login?" + q.Encode()
}

// giveTicket sends the browser back to the protected host.
func (g *Guard) giveTicket(w http.ResponseWriter, r *http.Request, f *finding, nonce string) error {
	t := ticket{
		Version: formVersion, ID: access.NewID("t"), Nonce: digest(nonce),
		Parent: f.session.ID, Actor: actorOf(f.session), At: g.o.Now().UnixMilli(),
	}
	if f.host.Tenant != "" {
		t.Shop = f.shop.ID
	}
	text, err := vault.SealText(g.o.Vault, vault.HandOff(f.host.Name), t)
	if err != nil {
		return err
	}
	return redirect(w, r, f.host.own+Place+"/enter?ticket="+text)
}

// showShops lets somebody of several shops choose.
func (g *Guard) showShops(w http.ResponseWriter, r *http.Request, f *finding, q url.Values) error {
	shops, err := g.shops.get(r.Context())
	if err != nil {
		return away(err)
	}
	v := shopsView{Host: f.host.Name}
	for _, shop := range shops.of(f.host.Tenant) {
		role, ok := access.RoleIn(f.person.Members, shop, g.o.Now())
		if !ok {
			continue
		}
		to := url.Values{"host": q["host"], "nonce": q["nonce"], "rd": q["rd"], "shop": {shop.ID}}
		v.Shops = append(v.Shops, choice{Name: nameOf(shop), Role: role, Link: g.base + "/handoff?" + to.Encode()})
	}
	if len(v.Shops) == 0 {
		f.no(forbidden, "no-role")
		return g.showDenied(w, r, f)
	}
	return g.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "guard.shops.title"}, shopsPage(v))
}

// showDenied explains on our own host why somebody may not in.
func (g *Guard) showDenied(w http.ResponseWriter, r *http.Request, f *finding) error {
	e := g.refusal(r, f)
	web.Page(deniedWriter(g.o.UI), func(http.ResponseWriter, *http.Request) error { return e }).ServeHTTP(w, r)
	return nil
}

// nonces gives the hand-offs that this browser has under way, oldest first, and the
// names of cookies that are of no use any more.
func (g *Guard) nonces(r *http.Request, h *host) (live []nonce, dead []string) {
	now := g.o.Now()
	for name, text := range h.jar.List(r, nonceCookie) {
		if n, ok := g.openNonce(h, name, text); ok && n.live(now) {
			live = append(live, n)
		} else {
			dead = append(dead, name)
		}
	}
	slices.SortFunc(live, func(a, b nonce) int { return int(a.Begun - b.Begun) })
	return live, dead
}

func (g *Guard) openNonce(h *host, name, text string) (nonce, bool) {
	var n nonce
	ok := vault.OpenText(g.o.Vault, vault.Cookie(name), text, maxSealed, &n)
	return n, ok && n.Version == formVersion && n.Host == h.Name && len(n.Hash) == sha256.Size && n.cookie() == name
}

// keepNonce puts a nonce into the browser, and drops those that are over and the
// oldest ones so that it fits.
func (g *Guard) keepNonce(w http.ResponseWriter, r *http.Request, h *host, n nonce, life time.Duration) error {
	live, dead := g.nonces(r, h)
	live = slices.DeleteFunc(live, func(o nonce) bool { return o.cookie() == n.cookie() })
	for len(live) >= maxNonces {
		dead, live = append(dead, live[0].cookie()), live[1:]
	}
	for _, name := range dead {
		h.jar.Drop(w, name)
	}
	text, err := vault.SealText(g.o.Vault, vault.Cookie(n.cookie()), n)
	if err == nil {
		h.jar.Set(w, n.cookie(), text, life)
	}
	return err
}

// circling tells whether this browser got in so often just now, and began again, that
// it must be going in circles.
func circling(live []nonce, now time.Time) bool {
	turns := 0
	for _, n := range live {
		if n.Entered > 0 && within(now, time.UnixMilli(n.Entered), turnWindow) {
			turns++
		}
	}
	return turns >= maxTurns
}
