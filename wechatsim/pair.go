package wechatsim

import (
	"crypto/rand"
	"maps"
	"slices"
	"strings"
	"time"
)

// code is an authorisation code on its way to the exchange.
type code struct {
	value    string
	appid    string
	person   string
	scope    string
	snapshot bool
	ends     time.Time
	used     bool
	dropped  bool // its person withdrew before the exchange
	mini     bool // of wx.login in a mini program, not of a page
}

// pair is what one exchange gave: an access token and a refresh token.
//
// Either token has one of three states: alive, past its end, or ended early
// with the errcode that it answers from then on.
type pair struct {
	appid, person, openid, scope string
	snapshot                     bool

	access      string
	accessEnds  time.Time
	accessDead  int
	refresh     string
	refreshEnds time.Time // counted from the exchange, never moved
	refreshDead int
}

const (
	codeLife   = 5 * time.Minute  // web authorisation
	qrCodeLife = 10 * time.Minute // website login
)

// newCode makes a code that dies after life.
func (s *Sim) newCode(c *call, l link, p *person, snapshot bool, life time.Duration) string {
	s.sweep(c.now)
	k := &code{value: "0" + rand.Text() + "SIM", appid: l.appid, person: p.Name, scope: l.scope,
		snapshot: snapshot, ends: c.now.Add(life)}
	s.codes[k.value] = k
	return k.value
}

// tokenMark leads every token of the emulator. A token without it is malformed.
const tokenMark = "SIM_"

// newToken makes a token of the length the switch asks for.
func (s *Sim) newToken(kind string) string {
	var b strings.Builder
	b.WriteString(tokenMark + kind + "_")
	for b.Len() < s.sw.TokenLength {
		b.WriteString(rand.Text())
	}
	return b.String()[:s.sw.TokenLength]
}

func wellFormed(token string) bool {
	return strings.HasPrefix(token, tokenMark) && len(token) >= 64 && len(token) <= 512
}

// newPair records the result of an exchange and ends what it replaces.
func (s *Sim) newPair(k *code, openid string, now time.Time) *pair {
	who := s.people[k.person]
	s.replacePairs(who, k)
	p := &pair{
		appid: k.appid, person: k.person, openid: openid, scope: k.scope, snapshot: k.snapshot,
		access: s.newToken("AT"), accessEnds: now.Add(s.world.TokenLife.Std()),
		refresh: s.newToken("RT"), refreshEnds: now.Add(s.world.RefreshLife.Std()),
	}
	s.access[p.access], s.refresh[p.refresh] = p, p
	who.pairs = append(slices.DeleteFunc(who.pairs, func(p *pair) bool { return p.over(now) }), p)
	return p
}

// replacePairs ends earlier pairs of the same person and app as the switches
// say. A snapshot user is nobody and replaces nothing.
func (s *Sim) replacePairs(who *person, k *code) {
	if k.snapshot {
		return
	}
	for _, old := range who.pairs {
		if old.appid != k.appid || old.snapshot {
			continue
		}
		switch {
		case k.scope == scopeBase && old.scope != scopeBase:
			if s.sw.BaseLoginEndsUserinfoPair {
				old.end(40001, 40030)
			}
		case s.sw.NewAuthorisationEndsOldRefreshToken:
			old.end(0, 40030)
		}
	}
}

// over tells that neither token can come back to life.
func (p *pair) over(now time.Time) bool {
	access := p.accessDead != 0 || !now.Before(p.accessEnds)
	return access && (p.refreshDead != 0 || !now.Before(p.refreshEnds))
}

// end ends the tokens that are not ended yet; 0 leaves one alone.
func (p *pair) end(access, refresh int) {
	if p.accessDead == 0 {
		p.accessDead = access
	}
	if p.refreshDead == 0 {
		p.refreshDead = refresh
	}
}

// endPairs ends the person's pairs in one app, or in all if appid is "".
func (who *person) endPairs(appid string, access, refresh int) {
	for _, p := range who.pairs {
		if appid == "" || p.appid == appid {
			p.end(access, refresh)
		}
	}
}

func (s *Sim) dropCodes(name, appid string) {
	for _, k := range s.codes {
		if k.person == name && (appid == "" || k.appid == appid) {
			k.dropped = true
		}
	}
}

// accessState is the errcode that an access token answers, 0 if it is alive.
func (p *pair) accessState(token string, now time.Time) int {
	switch {
	case p.accessDead != 0:
		return p.accessDead
	case token != p.access:
		return 40001 // a refresh replaced it
	case !now.Before(p.accessEnds):
		return 42001
	}
	return 0
}

// sweep forgets what nobody can ask for in earnest any more, so that a sandbox
// may run for months. It runs when the tables have doubled since the last time,
// which keeps its cost per token constant.
func (s *Sim) sweep(now time.Time) {
	if s.tables() < s.sweepAt {
		return
	}
	const keep = 24 * time.Hour
	before := now.Add(-keep)
	maps.DeleteFunc(s.codes, func(_ string, k *code) bool { return k.ends.Before(before) })
	maps.DeleteFunc(s.platformCodes, func(_ string, k *platformCode) bool { return k.ends.Before(before) })
	maps.DeleteFunc(s.globals, func(_ string, g *globalToken) bool { return g.ends.Before(before) })
	maps.DeleteFunc(s.tickets, func(_ string, t *ticket) bool { return t.ends.Before(now) })
	maps.DeleteFunc(s.access, func(v string, p *pair) bool { return p.over(before) || v != p.access && p.accessEnds.Before(before) })
	maps.DeleteFunc(s.refresh, func(v string, p *pair) bool { return p.over(before) || v != p.refresh && p.accessEnds.Before(before) })
	s.sweepAt = max(firstSweep, 2*s.tables())
}

const firstSweep = 5000 // entries

func (s *Sim) tables() int {
	return len(s.codes) + len(s.globals) + len(s.tickets) + len(s.access) + len(s.refresh) + len(s.platformCodes)
}
