package wechatsim

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Scopes of user authorisation.
const (
	scopeBase     = "snsapi_base"
	scopeUserinfo = "snsapi_userinfo"
	scopeLogin    = "snsapi_login"
)

// app is an application and the global tokens it has now.
type app struct {
	*App
	cgi        *globalToken // newest of /cgi-bin/token
	stable     *globalToken // newest of /cgi-bin/stable_token
	lastForce  time.Time
	forceDay   string
	forceCount int
	platform   *platform // of a component, nil for others
}

// person is a user with what the user agreed to.
type person struct {
	*Person
	consents map[string]time.Time // appid → when snsapi_userinfo was agreed to
	pairs    []*pair              // those of which a token may still be alive
	agreed   map[string]int       // appid and template → notices that the user said yes to
}

// ErrNobody and ErrNoApp are the causes of errors about names and appids that
// are not in the world.
var (
	ErrNobody = errors.New("no such person in this world: see GET /sim/world for the names")
	ErrNoApp  = errors.New("no such app in this world: see GET /sim/world for the appids")
)

// withPerson runs f under the lock.
func (s *Sim) withPerson(name string, f func(*person)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.people[name]
	if p == nil {
		return fmt.Errorf("person %q: %w", name, ErrNobody)
	}
	f(p)
	return nil
}

// Withdraw takes back the person's authorisation of an app: consent, waiting
// codes and tokens end at once. Which errcodes the tokens answer from then on
// is a switch, since it is not documented. An app the person had authorised hears
// of it by a push.
func (s *Sim) Withdraw(name, appid string) error {
	return s.withPerson(name, func(p *person) {
		if slices.Contains(p.knownTo(s.Now()), appid) {
			s.emitWithdrawn(p, appid)
		}
		delete(p.consents, appid)
		p.endPairs(appid, s.sw.WithdrawnAccessCode, s.sw.WithdrawnRefreshCode)
		s.dropCodes(p.Name, appid)
	})
}

// ChangePassword ends all tokens of the person in all apps: both kinds answer
// 42007 from then on. Consents stay; a new login works.
func (s *Sim) ChangePassword(name string) error {
	return s.withPerson(name, func(p *person) { p.endPairs("", 42007, 42007) })
}

// CloseAccount closes the person's WeChat account for good. Every app the
// person had authorised hears of it by a push.
func (s *Sim) CloseAccount(name string) error {
	return s.withPerson(name, func(p *person) {
		p.Closed = true
		s.emitClosed(p)
		clear(p.consents)
		p.endPairs("", s.sw.ClosedCode, s.sw.ClosedCode)
		s.dropCodes(p.Name, "")
	})
}

// SetSnapshot makes the person a snapshot visitor, or a full user again (which
// is what tapping 使用完整服务 does).
func (s *Sim) SetSnapshot(name string, on bool) error {
	return s.withPerson(name, func(p *person) { p.Snapshot = on })
}

// Consent records that the person agreed to snsapi_userinfo for an app now, so
// that the next link is silent for [Switches.ConsentDays].
func (s *Sim) Consent(name, appid string) error {
	var known bool
	err := s.withPerson(name, func(p *person) {
		if known = s.apps[appid] != nil; known {
			p.consents[appid] = s.Now()
		}
	})
	if err == nil && !known {
		return fmt.Errorf("app %q: %w", appid, ErrNoApp)
	}
	return err
}

// Follow makes the person a follower of an app; test accounts ask for it.
func (s *Sim) Follow(name, appid string) error {
	return s.withPerson(name, func(p *person) {
		if !slices.Contains(p.Follows, appid) {
			p.Follows = append(slices.Clone(p.Follows), appid)
		}
	})
}

// OpenID returns the person's openid in an app: one for each pair of the two.
func (s *Sim) OpenID(name, appid string) (string, error) {
	var id string
	err := s.withPerson(name, func(p *person) { id = s.openID(p, appid) })
	return id, err
}

// UnionID returns the person's unionid as the app sees it, "" if the app is
// bound to no open-platform account.
func (s *Sim) UnionID(name, appid string) (string, error) {
	var id string
	err := s.withPerson(name, func(p *person) {
		if a := s.apps[appid]; a != nil {
			id = s.unionID(p, a)
		}
	})
	return id, err
}

func (s *Sim) openID(p *person, appid string) string {
	if id := p.OpenIDs[appid]; id != "" {
		return id
	}
	return "o_sim_" + derive(s.world.Seed, "openid", p.Name, appid)[:22]
}

// unionID is one per person and open-platform account. A website app always
// lives under some account, so one without a name gets an account of its own.
func (s *Sim) unionID(p *person, a *app) string {
	account := a.OpenPlatform
	if account == "" && a.Kind == Website {
		account = "app:" + a.AppID
	}
	if account == "" {
		return ""
	}
	return "u_sim_" + derive(s.world.Seed, "unionid", p.Name, account)[:22]
}

// consented tells whether an earlier consent still makes snsapi_userinfo silent.
func (s *Sim) consented(p *person, appid string, now time.Time) bool {
	at, ok := p.consents[appid]
	return ok && now.Before(at.AddDate(0, 0, s.sw.ConsentDays))
}

// SetApp changes an app: change receives a copy and must not call the Sim. The result is checked as a
// world file is; AppID and Kind cannot change. Use it to reset or freeze a
// secret, ban an account, or edit a callback domain or an IP allowlist.
func (s *Sim) SetApp(appid string, change func(*App)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.account(appid)
	if a == nil {
		return fmt.Errorf("app %q: %w", appid, ErrNoApp)
	}
	next := *a.App
	next.IPAllowlist, next.Scopes = slices.Clone(a.IPAllowlist), slices.Clone(a.Scopes)
	next.Templates = slices.Clone(a.Templates)
	next.PermissionSets, next.TestList, next.Services = slices.Clone(a.PermissionSets), slices.Clone(a.TestList), cloneServices(a.Services)
	next.Push = a.Push.clone()
	change(&next)
	next.fill()
	var ps problems
	if next.AppID != a.AppID || next.Kind != a.Kind {
		ps.add("$", "changes appid or kind", "add another app to the world instead")
	}
	next.check("$", &ps)
	if err := ps.err(); err != nil {
		return err
	}
	if a.platform != nil && s.sw.AuthURLEditEndsRefreshTokens && authURL(a.App) != authURL(&next) {
		a.platform.endRefreshTokens()
	}
	*a.App = next
	return nil
}
