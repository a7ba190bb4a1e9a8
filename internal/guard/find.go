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
	again   bool        // the request is looked at once more, which is no use of the session
}

// no ends a finding. It is handed on as a pointer, since it is large and every request
// has one.
func (f *finding) no(v verdict, why string) { f.verdict, f.why = v, why }

// find decides about the request that f asks for. An error means that nobody can say
// at the moment.
func (g *Guard) find(r *http.Request, f *finding) error {
	f.rule = f.host.rules.whole
	if len(f.host.rules.routes) > 0 {
		exact, loose, ok := readings(f.path())
		if !ok {
			f.no(odd, "odd-path")
			return nil
		}
		f.rule = f.host.rules.match(exact, loose)
	}
	switch {
	case f.rule.Shut:
		f.no(forbidden, "shut")
		return nil
	case f.rule.Public:
		f.public = true
		return nil
	}
	choice, err := g.recognise(r, f)
	if err != nil || f.verdict != passes {
		return err
	}
	return g.judge(r.Context(), f, choice)
}

// recognise finds the live session that a request brings, and the shop that was chosen
// with it. One of another host is none.
func (g *Guard) recognise(r *http.Request, f *finding) (choice string, err error) {
	token, choice, ok := f.host.jar.child(r.Header)
	if !ok {
		f.no(stranger, "no-session")
		return "", nil
	}
	hash := access.HashKey(token)
	f.session, f.person, err = g.o.Sessions.ByToken(r.Context(), hash)
	if errors.Is(err, access.ErrNotFound) || err == nil && (f.session.Host != f.host.Name || f.session.Parent == "") {
		f.session, f.person = access.Session{}, access.Person{}
		f.no(stranger, "no-session")
		return "", nil
	}
	if err != nil {
		return "", err
	}
	f.key = [32]byte(hash)
	if now := g.o.Now(); !f.again && now.Sub(f.session.SeenAt) >= usedEvery {
		g.o.Sessions.Used(f.session.ID, now, web.ClientAddr(r.Context()))
	}
	return choice, nil
}

// judge holds a session against the rule. It is asked about children and, before one
// is made, about the session that it will hang on.
func (g *Guard) judge(ctx context.Context, f *finding, choice string) error {
	shops, err := g.shops.get(ctx)
	if err != nil {
		return err
	}
	now := g.o.Now()
	switch {
	case !f.inShop(shops, choice, now):
	case !f.role.Covers(f.rule.Role):
		f.no(forbidden, "no-role")
	case len(f.rule.Doors) > 0 && !slices.Contains(f.rule.Doors, f.session.Door):
		f.no(forbidden, "door")
	case f.rule.ProvedWithin > 0 && now.Sub(f.session.ProvedAt) > f.rule.ProvedWithin:
		f.no(stranger, "stale-proof")
	}
	return nil
}

// inShop finds the shop that a request is about, and the role held there. It is false
// when that is not clear or there is no role.
func (f *finding) inShop(shops *snapshot, choice string, now time.Time) bool {
	switch {
	case f.session.AdminID != "":
		f.no(forbidden, "administrator")
		return false
	case f.host.Tenant != "":
		return f.inTenant(shops, choice, now)
	}
	shop, ok := shops.byID[f.host.Shop]
	if !ok {
		f.no(forbidden, "no-shop")
		return false
	}
	f.shop = shop
	if f.role, ok = access.RoleIn(f.person.Members, shop, now); !ok {
		f.no(forbidden, "no-role")
	}
	return ok
}

// inTenant picks the shop that was chosen, or the only one there is.
func (f *finding) inTenant(shops *snapshot, choice string, now time.Time) bool {
	own := 0
	for _, shop := range shops.of(f.host.Tenant) {
		role, ok := access.RoleIn(f.person.Members, shop, now)
		if !ok {
			continue
		}
		own++
		f.shop, f.role = shop, role
		if shop.ID == choice {
			return true
		}
	}
	switch own {
	case 0:
		f.no(forbidden, "no-role")
	case 1:
		return true
	default:
		f.shop, f.role = access.Shop{}, ""
		f.no(stranger, "choose")
	}
	return false
}

// crossed refuses changes that another site's page sent, or records them.
func (g *Guard) crossed(r *http.Request, f *finding) {
	switch {
	case f.rule.CrossOrigin == Off || !changes(f.method, r.Header) || !foreign(r.Header, f.host.own):
	case f.rule.CrossOrigin == Observe:
		g.refused(r, f, "cross-origin-observed")
	default:
		f.no(forbidden, "cross-origin")
	}
}
