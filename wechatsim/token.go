package wechatsim

import (
	"time"
)

// globalToken is an app's own access token, as opposed to a user's.
type globalToken struct {
	value, appid string
	kind         string // "cgi", "stable", kindComponent or kindAuthorizer
	component    string // who a kindAuthorizer was made for
	ends         time.Time
	killed       time.Time // when a later event ended it; zero if none did
}

// state is the errcode the token answers, 0 if it is alive.
func (g *globalToken) state(now time.Time) int {
	switch {
	case !g.killed.IsZero() && !now.Before(g.killed):
		return 40001
	case !now.Before(g.ends):
		return 42001
	}
	return 0
}

// kill ends the token at t, or earlier if it was to end earlier.
func (g *globalToken) kill(t time.Time) {
	if g.killed.IsZero() || t.Before(g.killed) {
		g.killed = t
	}
}

type globalAnswer struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"`
}

func (s *Sim) mint(appid, kind string, now time.Time) *globalToken {
	s.sweep(now)
	g := &globalToken{value: s.newToken(kind), appid: appid, kind: kind, ends: now.Add(s.world.TokenLife.Std())}
	s.globals[g.value] = g
	return g
}

func (s *Sim) globalAnswer(c *call, g *globalToken) answer {
	return s.ok(c, globalAnswer{AccessToken: g.value, ExpiresIn: int(g.ends.Sub(c.now) / time.Second)})
}

// cgiToken serves GET /cgi-bin/token: every call makes a new token and ends
// the one before it, after the overlap that the switch allows.
func (s *Sim) cgiToken(c *call) answer {
	a, r, refused := s.credentials(c, c.q.Get("grant_type"), c.q.Get("appid"), c.q.Get("secret"), 40001)
	if refused {
		return r
	}
	s.nextCGI(a, c.now)
	return s.globalAnswer(c, a.cgi)
}

type stableRequest struct {
	GrantType    string `json:"grant_type"`
	AppID        string `json:"appid"`
	Secret       string `json:"secret"`
	ForceRefresh bool   `json:"force_refresh"`
}

const (
	forceSpacing = 30 * time.Second
	forcePerDay  = 20
)

// stableToken serves POST /cgi-bin/stable_token.
func (s *Sim) stableToken(c *call) answer {
	var in stableRequest
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	a, r, refused := s.credentials(c, in.GrantType, in.AppID, in.Secret, 40125)
	if refused {
		return r
	}
	if in.ForceRefresh && c.now.Sub(a.lastForce) >= forceSpacing {
		return s.forceStable(c, a)
	}
	// Within 30 s of a forced refresh another one is silently a normal call.
	s.keepStable(a, c.now)
	return s.globalAnswer(c, a.stable)
}

// keepStable makes a new token if there is none with enough life left. The old one
// lives on to its end.
func (s *Sim) keepStable(a *app, now time.Time) {
	if cur := a.stable; cur == nil || cur.state(now) != 0 || cur.ends.Sub(now) <= s.stableWindow() {
		a.stable = s.mint(a.AppID, "stable", now)
	}
}

// nextCGI makes the next token of /cgi-bin/token.
func (s *Sim) nextCGI(a *app, now time.Time) {
	if a.cgi != nil {
		a.cgi.kill(now.Add(s.sw.CGITokenOverlap.Std()))
	}
	a.cgi = s.mint(a.AppID, "cgi", now)
}

// stableWindow is how long before its end a stable token gets its successor.
func (s *Sim) stableWindow() time.Duration {
	const usual = 5 * time.Minute
	if life := s.world.TokenLife.Std(); life <= usual {
		return life * 2 / 3
	}
	return usual
}

// forceStable ends all stable tokens of the app at once and makes a new one.
func (s *Sim) forceStable(c *call, a *app) answer {
	if !s.forceNow(a, c.now) {
		return s.fail(c, 45009)
	}
	return s.globalAnswer(c, a.stable)
}

// forceNow is a forced refresh, unless those of the day are used up.
func (s *Sim) forceNow(a *app, now time.Time) bool {
	if day := dayOf(now); a.forceDay != day {
		a.forceDay, a.forceCount = day, 0
	}
	if a.forceCount >= forcePerDay {
		return false
	}
	a.forceCount++
	a.lastForce = now
	for _, g := range s.globals {
		if g.appid == a.AppID && g.kind == "stable" {
			g.kill(now)
		}
	}
	a.stable = s.mint(a.AppID, "stable", now)
	return true
}

// credentials checks what both token calls share. documented is the errcode
// that the call's own page names for a wrong secret.
func (s *Sim) credentials(c *call, grant, appid, secret string, documented int) (a *app, r answer, refused bool) {
	bad := 0
	a = s.apps[appid]
	switch {
	case grant != "client_credential":
		bad = 40002
	case appid == "":
		bad = 41002
	case secret == "":
		bad = 41004
	case a == nil:
		bad = 40013
	case a.Kind == Component:
		bad = 61024 // api_component_token is for them
	case a.Kind == Website:
		bad = 48001 // website apps have user tokens only
	default:
		bad = s.checkSecret(a, secret, documented)
	}
	if bad != 0 {
		return nil, s.fail(c, bad), true
	}
	r, refused = s.refuseIP(c, a, true)
	return a, r, refused
}

// checkSecret returns the errcode for the secret, 0 if it is right.
func (s *Sim) checkSecret(a *app, secret string, documented int) int {
	switch {
	case secret != a.Secret && s.sw.WrongSecretCode != 0:
		return s.sw.WrongSecretCode
	case secret != a.Secret:
		return documented
	case a.SecretFrozen:
		return 40243
	}
	return 0
}

// KillToken ends a token before its time, as WeChat does now and then without
// telling. From then on it answers 40001, a refresh token 40030. It reports
// whether the token was known.
func (s *Sim) KillToken(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.globals[token]; g != nil {
		g.kill(s.Now())
		return true
	}
	if p := s.access[token]; p != nil {
		p.end(40001, 0)
		return true
	}
	if p := s.refresh[token]; p != nil {
		p.end(0, 40030)
		return true
	}
	return false
}

// KillTokens ends all tokens of an app that match, and returns how many. kind
// is "cgi", "stable", "component", "authorizer" (of the account), "user" (access
// tokens), "refresh", or "" for all of them.
func (s *Sim) KillTokens(appid, kind string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, now := 0, s.Now()
	for _, g := range s.globals {
		if g.appid == appid && (kind == "" || kind == g.kind) && g.state(now) == 0 {
			g.kill(now)
			n++
		}
	}
	for token, p := range s.access {
		if p.appid == appid && (kind == "" || kind == "user") && p.accessState(token, now) == 0 {
			p.end(40001, 0)
			n++
		}
	}
	for token, p := range s.refresh {
		if p.appid == appid && (kind == "" || kind == "refresh") && p.refresh == token && p.refreshDead == 0 {
			p.end(0, 40030)
			n++
		}
	}
	return n
}
