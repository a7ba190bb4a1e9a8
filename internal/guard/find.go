package guard

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/web"
)

// usedEvery is how exactly the last use of a session is told.
const usedEvery = time.Minute

// verdict is what becomes of a request.
type verdict int

const (
	passes    verdict = iota
	stranger          // somebody must log in, or prove or choose something, first
	forbidden         // logging in as the same person again would not help
	odd               // nobody can say what is asked
)

// finding is a verdict with what it stands on. Fields are filled in as far as it came.
type finding struct {
	asked
	rule    *Rule
	verdict verdict
	why     string // code of the page; empty when it passes
	key     [32]byte
	session access.Session
	person  access.Person
	shop    access.Shop
	role    access.Role // held in the shop
	public  bool        // passes, and nobody is named
}

// no ends a finding.
func (f finding) no(v verdict, why string) finding {
	f.verdict, f.why = v, why
	return f
}

// find decides about a request. An error means that nobody can say at the moment.
func (g *Guard) find(r *http.Request, a asked) (finding, error) {
	f := finding{asked: a, rule: a.host.rules.whole}
	if len(a.host.rules.routes) > 0 {
		exact, loose, ok := readings(a.path())
		if !ok {
			return f.no(odd, "odd-path"), nil
		}
		f.rule = a.host.rules.match(exact, loose)
	}
	switch {
	case f.rule.Shut:
		return f.no(forbidden, "shut"), nil
	case f.rule.Public:
		f.public = true
		return f, nil
	}
	token, choice, ok := a.host.jar.child(r.Header)
	if !ok {
		return f.no(stranger, "no-session"), nil
	}
	if err := g.recognise(r, token, &f); err != nil || f.why != "" {
		return f, err
	}
	return g.judge(r.Context(), f, choice)
}

// recognise finds the live session of a token. One of another host is none.
func (g *Guard) recognise(r *http.Request, token string, f *finding) error {
	hash := access.HashKey(token)
	s, p, err := g.o.Sessions.ByToken(r.Context(), hash)
	if errors.Is(err, access.ErrNotFound) || err == nil && (s.Host != f.host.Name || s.Parent == "") {
		*f = f.no(stranger, "no-session")
		return nil
	}
	if err != nil {
		return err
	}
	f.key, f.session, f.person = [32]byte(hash), s, p
	if now := g.o.Now(); now.Sub(s.SeenAt) >= usedEvery {
		g.o.Sessions.Used(s.ID, now, web.ClientAddr(r.Context()))
	}
	return nil
}

// judge holds a session against the rule. It is asked about children and, before one
// is made, about the session that it will hang on.
func (g *Guard) judge(ctx context.Context, f finding, choice string) (finding, error) {
	shops, err := g.shops.get(ctx)
	if err != nil {
		return f, err
	}
	f, ok := f.inShop(shops, choice, g.o.Now())
	switch {
	case !ok:
		return f, nil
	case !f.role.Covers(f.rule.Role):
		return f.no(forbidden, "no-role"), nil
	case len(f.rule.Doors) > 0 && !slices.Contains(f.rule.Doors, f.session.Door):
		return f.no(forbidden, "door"), nil
	case f.rule.ProvedWithin > 0 && g.o.Now().Sub(f.session.ProvedAt) > f.rule.ProvedWithin:
		return f.no(stranger, "stale-proof"), nil
	}
	return f, nil
}

// inShop finds the shop that a request is about, and the role held there. It is not ok
// when that is not clear or there is no role.
func (f finding) inShop(shops *snapshot, choice string, now time.Time) (finding, bool) {
	if f.session.AdminID != "" {
		return f.no(forbidden, "administrator"), false
	}
	if f.host.Shop != "" {
		shop, ok := shops.byID[f.host.Shop]
		if !ok {
			return f.no(forbidden, "no-shop"), false
		}
		f.shop = shop
		f.role, ok = access.RoleIn(f.person.Members, shop, now)
		if !ok {
			return f.no(forbidden, "no-role"), false
		}
		return f, true
	}
	var own []access.Shop
	for _, shop := range shops.of(f.host.Tenant) {
		role, ok := access.RoleIn(f.person.Members, shop, now)
		if !ok {
			continue
		}
		if shop.ID == choice {
			f.shop, f.role = shop, role
			return f, true
		}
		own, f.role = append(own, shop), role
	}
	switch len(own) {
	case 0:
		return f.no(forbidden, "no-role"), false
	case 1:
		f.shop = own[0]
		return f, true
	}
	return f.no(stranger, "choose"), false
}

// crossed refuses changes that another site's page sent, or records them.
func (g *Guard) crossed(r *http.Request, f finding) finding {
	if f.rule.CrossOrigin == Off || !changes(f.method, r.Header) || !foreign(r.Header, f.host.own) {
		return f
	}
	if f.rule.CrossOrigin == Observe {
		g.refused(r, f.host, f, "cross-origin-observed")
		return f
	}
	return f.no(forbidden, "cross-origin")
}
