package wechatsim

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// verifyTicket is one component_verify_ticket.
type verifyTicket struct {
	value string
	made  time.Time
}

const (
	ticketLifetime = 12 * time.Hour
	ticketsKept    = 128 // older ones of its own are told from foreign ones
	authCodeLife   = time.Hour
	oldRefreshLife = 5 * time.Minute // of a refresh token after its successor was made
	maxComponents  = 15              // that one account can authorise
	exclusiveSet   = 138             // funds: one component per account
)

// platform is what a third-party platform has, beside its settings. Every app
// of kind component has one.
type platform struct {
	ticketsOn bool           // WeChat pushes tickets
	tickets   []verifyTicket // newest last; the newest two are accepted
	token     *globalToken   // newest component token
	grants    map[string]*grant
	list      []*grant                  // the same, in order of the first authorisation
	orders    map[string][]*marketOrder // by buyer, oldest first
	buyers    map[uint64][]string       // by service, in order of the first purchase
	rows      int                       // rows that api_get_authorizer_list gave so far
}

// grant is one account's authorisation of one platform. It is alive for as long
// as it is in the platform's table; dead is an errcode that its refresh token
// answers although it is.
type grant struct {
	component, account string
	sets               []int
	since              time.Time
	serial             int       // counts the refresh tokens
	oldEnds            time.Time // until then the one before is accepted
	access             *globalToken
	dead               int
	// How many of the next calls are refused for no reason, as happens right
	// after an authorisation.
	refuseToken, refuseCall int
}

func newApp(a *App) *app {
	out := &app{App: a}
	if a.Kind == Component {
		out.platform = &platform{ticketsOn: true, grants: map[string]*grant{},
			orders: map[string][]*marketOrder{}, buyers: map[uint64][]string{}}
	}
	return out
}

// ErrNotGranted is the cause of errors about an account that has not
// authorised a component.
var ErrNotGranted = errors.New("the account has not authorised this component: let it buy a service or open an authorisation link first")

// mintTicket makes the platform's next ticket and queues its push. The ticket
// counts from now on, whether or not the push arrives. The mutex is held.
func (s *Sim) mintTicket(component *app) string {
	t := verifyTicket{value: "ticket@@@" + s.newToken("ticket"), made: s.Now()}
	p := component.platform
	p.tickets = append(p.tickets, t)
	p.tickets = p.tickets[max(0, len(p.tickets)-ticketsKept):]
	s.emitAuth(component, "component_verify_ticket", map[string]string{"ComponentVerifyTicket": t.value})
	return t.value
}

// ticketState is the errcode that a ticket answers, 0 if it is good.
func (p *platform) ticketState(value string, now time.Time) int {
	i := slices.IndexFunc(p.tickets, func(t verifyTicket) bool { return t.value == value })
	switch {
	case i < 0:
		return 61006
	case i < len(p.tickets)-2 || now.Sub(p.tickets[i].made) >= ticketLifetime:
		return 61005
	}
	return 0
}

// component finds a platform by its appid. The mutex is held.
func (s *Sim) component(appid string) (*app, error) {
	a := s.apps[appid]
	if a == nil || a.Kind != Component {
		return nil, fmt.Errorf("component %q: %w", appid, ErrNoApp)
	}
	return a, nil
}

// IssueTicket makes and pushes a component_verify_ticket now, outside the
// rhythm of every ten minutes, and returns it.
func (s *Sim) IssueTicket(component string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.component(component)
	if err != nil {
		return "", err
	}
	return s.mintTicket(a), nil
}

// refreshToken is a grant's n-th refresh token. It is computed, so that a
// hundred thousand grants need no memory for theirs.
func (s *Sim) refreshToken(g *grant, n int) string {
	const mark = "refreshtoken@@@"
	var b strings.Builder
	b.WriteString(mark)
	for i := 0; b.Len() < s.sw.TokenLength; i++ {
		b.WriteString(derive(s.world.Seed, mark, g.component, g.account, fmt.Sprint(n, i)))
	}
	return b.String()[:s.sw.TokenLength]
}

// refreshState is the errcode for a refresh token that was sent, 0 if it is
// good.
func (s *Sim) refreshState(g *grant, token string, now time.Time) int {
	switch {
	case token == s.refreshToken(g, g.serial):
		return g.dead
	case g.serial > 0 && now.Before(g.oldEnds) && token == s.refreshToken(g, g.serial-1):
		return g.dead
	}
	return 61023
}

// issueAccess makes an authorizer token and ends the one before it, after the
// overlap that the switch allows.
func (s *Sim) issueAccess(g *grant, now time.Time) *globalToken {
	if g.access != nil {
		g.access.kill(now.Add(s.sw.AuthorizerTokenOverlap.Std()))
	}
	g.access = s.mint(g.account, kindAuthorizer, now)
	g.access.component = g.component
	return g.access
}

// platformCode is a code of one of the three sorts that platforms deal with.
type platformCode struct {
	kind      string // codePreAuth, codeAuth or codeMarket
	component string
	account   string       // of codeAuth
	order     *marketOrder // of codeMarket
	ends      time.Time
	used      bool
}

const (
	codePreAuth = "preauthcode@@@"
	codeAuth    = "queryauthcode@@@"
	codeMarket  = "cnaw"
)

func (s *Sim) newPlatformCode(k platformCode) string {
	s.sweep(s.Now())
	value := k.kind + rand.Text() + rand.Text()
	s.platformCodes[value] = &k
	return value
}

// authorise lets an account authorise a platform, or do so again, and returns
// an authorisation code. A second authorisation makes a new refresh token and
// ends the old one at once; it is told to the platform only if sets changed.
func (s *Sim) authorise(p, account *app, sets []int, preAuth string) string {
	now := s.Now()
	sets = s.grantable(p, account.AppID, sets)
	code := s.newPlatformCode(platformCode{kind: codeAuth, component: p.AppID, account: account.AppID, ends: now.Add(authCodeLife)})
	g := p.platform.grants[account.AppID]
	if g == nil {
		g = &grant{component: p.AppID, account: account.AppID, sets: sets, since: now,
			refuseToken: s.sw.FreshGrantRefusals, refuseCall: s.sw.FreshGrantRefusals}
		p.platform.add(g)
		if !s.sw.LoseAuthorized {
			s.emitAuth(p, "authorized", s.codeFields(account.AppID, code, preAuth, now))
		}
		return code
	}
	changed := !slices.Equal(g.sets, sets)
	g.serial, g.oldEnds, g.sets, g.since, g.dead = g.serial+1, time.Time{}, sets, now, 0
	if g.access != nil && s.sw.ReauthorisationEndsAccess {
		g.access.kill(now)
	}
	if changed {
		s.emitAuth(p, "updateauthorized", s.codeFields(account.AppID, code, preAuth, now))
	}
	return code
}

func (p *platform) add(g *grant) {
	p.grants[g.account] = g
	p.list = append(p.list, g)
}

// codeFields are what authorized and updateauthorized say. The page calls the
// expiry "seconds"; seen are a moment and a span.
func (s *Sim) codeFields(account, code, preAuth string, now time.Time) map[string]string {
	expiry := int64(authCodeLife / time.Second)
	if s.sw.AuthCodeExpiryIsMoment {
		expiry = now.Add(authCodeLife).Unix()
	}
	return map[string]string{"AuthorizerAppid": account, "AuthorizationCode": code,
		"AuthorizationCodeExpiredTime": fmt.Sprint(expiry), "PreAuthCode": preAuth}
}

// grantable is sets without an exclusive one that the account has given to
// another platform, in order.
func (s *Sim) grantable(p *app, account string, sets []int) []int {
	sets = slices.Sorted(slices.Values(sets))
	taken := s.someGrant(account, func(g *grant) bool {
		return g.component != p.AppID && slices.Contains(g.sets, exclusiveSet)
	})
	if !taken {
		return sets
	}
	return slices.DeleteFunc(sets, func(id int) bool { return id == exclusiveSet })
}

// someGrant tells whether a grant of the account fits.
func (s *Sim) someGrant(account string, fits func(*grant) bool) bool {
	for _, a := range s.platforms {
		if g := a.platform.grants[account]; g != nil && fits(g) {
			return true
		}
	}
	return false
}

// mayAuthorise says why an account cannot authorise a platform, nil if it can.
func (s *Sim) mayAuthorise(p, account *app) error {
	n := 0
	s.someGrant(account.AppID, func(g *grant) bool {
		if g.component != p.AppID {
			n++
		}
		return false
	})
	switch {
	case account.Banned || account.status() != accountNormal && account.status() != accountWarned:
		return fmt.Errorf("account %s is closed, banned or frozen: use an account in order", account.AppID)
	case !*p.Published && !slices.Contains(p.TestList, account.AppID):
		return fmt.Errorf("component %s is not published: put %s on its test list, or publish it", p.AppID, account.AppID)
	case n >= maxComponents:
		return fmt.Errorf("account %s has authorised %d components: let it withdraw one first", account.AppID, n)
	}
	return nil
}
