package guard

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
)

// Times of an assertion.
const (
	assertionLife  = 2 * time.Minute
	assertionReuse = time.Minute
	// assertionSpare is for how long one is used when no new one can be signed.
	assertionSpare = 100 * time.Second
)

// assertion is what the back office is told under a signature.
type assertion struct {
	Issuer   string `json:"iss"` // our public URL
	Audience string `json:"aud"` // origin of the protected host
	Subject  string `json:"sub"` // the person's id; "shop:" and the shop's id for somebody from the market
	Session  string `json:"sid"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
	Shop     string `json:"shop"`
	Role     string `json:"role"`
	Door     string `json:"door"`
}

// header is one line, its value made once.
type header struct {
	key   string // in canonical form
	value []string
}

// extra is a header that the operator named.
type extra struct {
	key  string
	word Word
}

func newExtra(all map[string]Word) []extra {
	var out []extra
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, extra{http.CanonicalHeaderKey(name), all[name]})
	}
	return out
}

// stamp is what one session is told as to one back office.
type stamp struct {
	at      time.Time
	session string
	shop    string
	role    access.Role
	agent   string // user agent of the request that it was made for
	headers []header
}

// of tells whether the stamp says what was found.
func (s *stamp) of(f *finding) bool {
	return s.session == f.session.ID && s.shop == f.shop.ID && s.role == f.role
}

// stamps remembers what was signed, by the digest of the session's token. It keeps two
// generations: what was not used for a while goes with the older one.
type stamps struct {
	mu         sync.RWMutex
	young, old map[[32]byte]*stamp
	turned     time.Time
}

func newStamps() *stamps { return &stamps{young: map[[32]byte]*stamp{}} }

func (s *stamps) get(key [32]byte) *stamp {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if x := s.young[key]; x != nil {
		return x
	}
	return s.old[key]
}

func (s *stamps) put(key [32]byte, x *stamp) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if age := x.at.Sub(s.turned); age < 0 || age >= assertionLife {
		s.old, s.young, s.turned = s.young, map[[32]byte]*stamp{}, x.at
	}
	s.young[key] = x
}

// stampOf gives what the back office is told about a finding that passes.
// known is what was told last.
func (g *Guard) stampOf(r *http.Request, f *finding, known *stamp) (*stamp, error) {
	now := g.o.Now()
	if known != nil && known.of(f) && within(now, known.at, assertionReuse) {
		return known, nil
	}
	made, err := g.sign(r.Context(), f, now)
	if err != nil {
		if known != nil && known.of(f) && within(now, known.at, assertionSpare) {
			return known, nil
		}
		return nil, err
	}
	made.agent = r.UserAgent()
	g.known.put(f.key, made)
	return made, nil
}

func within(now, at time.Time, d time.Duration) bool {
	age := now.Sub(at)
	return age >= 0 && age < d
}

func (g *Guard) sign(ctx context.Context, f *finding, now time.Time) (*stamp, error) {
	subject := subjectOf(f.session)
	signed, err := g.o.Signer.Sign(ctx, "ES256", assertion{
		Issuer: g.base, Audience: f.host.own, Subject: subject, Session: f.session.ID,
		IssuedAt: now.Unix(), Expires: now.Add(assertionLife).Unix(),
		Shop: f.shop.ID, Role: string(f.role), Door: string(f.session.Door),
	})
	if err != nil {
		return nil, fmt.Errorf("guard: sign an assertion: %w", err)
	}
	words := map[Word]string{
		WordPerson: subject, WordShop: f.shop.ID, WordRole: string(f.role), WordDoor: string(f.session.Door),
		WordName: cmp.Or(line(f.person.Profile.Nickname), subject),
	}
	s := &stamp{at: now, session: f.session.ID, shop: f.shop.ID, role: f.role, headers: []header{
		{"X-Zhanggui-Person", []string{subject}},
		{"X-Zhanggui-Shop", []string{f.shop.ID}},
		{"X-Zhanggui-Role", []string{string(f.role)}},
		{"X-Zhanggui-Door", []string{string(f.session.Door)}},
		{"X-Zhanggui-Assertion", []string{signed}},
	}}
	for _, e := range f.host.extra {
		s.headers = append(s.headers, header{e.key, []string{words[e.word]}})
	}
	return s, nil
}

// subjectOf names who has a session, never with nothing: a proxy may take an empty
// header for none, and leave what the visitor sent under that name.
func subjectOf(s access.Session) string {
	if s.PersonID != "" {
		return s.PersonID
	}
	return "shop:" + s.ShopID
}

// line makes a nickname fit into a header.
func line(name string) string {
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, name))
}

// tell puts the stamp's headers into h; a nil stamp has none.
func (s *stamp) tell(h http.Header) {
	if s == nil {
		return
	}
	for _, x := range s.headers {
		h[x.key] = x.value
	}
}

// forget takes all identity headers out of h, in every spelling that a server may read
// as one of them.
func (h *host) forget(from http.Header) {
	for name := range from {
		plain := strings.ReplaceAll(strings.ToLower(name), "_", "-")
		if strings.HasPrefix(plain, "x-zhanggui-") || h.named(plain) {
			delete(from, name)
		}
	}
}

// named tells whether the operator has us tell something under this name.
func (h *host) named(plain string) bool {
	return slices.ContainsFunc(h.extra, func(e extra) bool { return strings.EqualFold(e.key, plain) })
}

// claims tells whether headers say something under a name that the operator gave.
func (h *host) claims(from http.Header) bool {
	for _, e := range h.extra {
		if strings.Join(from[e.key], "") != "" {
			return true
		}
	}
	for name, values := range from {
		if strings.IndexByte(name, '_') >= 0 && h.named(strings.ReplaceAll(name, "_", "-")) && strings.Join(values, "") != "" {
			return true
		}
	}
	return false
}
