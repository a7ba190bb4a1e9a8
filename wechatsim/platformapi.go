package wechatsim

import (
	"cmp"
	"encoding/json"
	"net/http"
	"time"
)

// Kinds of token that come with platforms.
const (
	kindComponent  = "component"
	kindAuthorizer = "authorizer"
)

// platformCall serves a call that wants a component token.
func (s *Sim) platformCall(c *call, rt route) answer {
	p, bad := s.tokenApp(c, s.componentToken(c))
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case c.tokenKind != kindComponent && !rt.market:
		return s.fail(c, 61014)
	}
	if r, refused := s.refuseCaller(c, p); refused {
		return r
	}
	if bad := s.count(c, p.AppID); bad != 0 {
		return s.fail(c, bad)
	}
	var object map[string]json.RawMessage
	if bad := s.decode(c, &object); bad != 0 {
		return s.fail(c, bad)
	}
	return rt.platform(s, c, p)
}

// componentToken reads the token from the parameter that the switch names.
func (s *Sim) componentToken(c *call) string {
	newer, older := c.q.Get("access_token"), c.q.Get("component_access_token")
	switch s.sw.ComponentTokenParameter {
	case "access_token":
		return newer
	case "component_access_token":
		return older
	}
	return cmp.Or(newer, older)
}

// platformBody reads a body and checks that it names the caller.
func (s *Sim) platformBody(c *call, p *app, dst any) int {
	if bad := s.decode(c, dst); bad != 0 {
		return bad
	}
	var who struct {
		ComponentAppID string `json:"component_appid"`
	}
	if bad := s.decode(c, &who); bad != 0 {
		return bad
	}
	switch who.ComponentAppID {
	case p.AppID:
		return 0
	case "":
		return 41018
	}
	return 40013
}

type componentCredentials struct {
	AppID  string
	Secret string
}

// componentBySecret checks what the two calls without a token share.
func (s *Sim) componentBySecret(c *call, in componentCredentials) (*app, answer, bool) {
	a, bad := s.apps[in.AppID], 0
	switch {
	case in.AppID == "":
		bad = 41018
	case a == nil || a.Kind != Component:
		bad = 40013
	case in.Secret == "":
		bad = 41004
	default:
		bad = s.checkSecret(a, in.Secret, 40125)
	}
	if bad == 0 {
		if r, refused := s.refuseIP(c, a, true); refused {
			return nil, r, true
		}
		bad = s.count(c, a.AppID)
	}
	if bad != 0 {
		return nil, s.fail(c, bad), true
	}
	return a, answer{}, false
}

// apiComponentToken serves POST /cgi-bin/component/api_component_token.
func (s *Sim) apiComponentToken(c *call) answer {
	var in struct {
		AppID  string `json:"component_appid"`
		Secret string `json:"component_appsecret"`
		Ticket string `json:"component_verify_ticket"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	a, r, refused := s.componentBySecret(c, componentCredentials{in.AppID, in.Secret})
	if refused {
		return r
	}
	p := a.platform
	if bad := p.ticketState(in.Ticket, c.now); bad != 0 {
		return s.fail(c, bad)
	}
	if p.token != nil && s.sw.ComponentTokenEndsPrevious {
		p.token.kill(c.now)
	}
	p.token = s.mint(a.AppID, kindComponent, c.now)
	return s.ok(c, struct {
		Token     string `json:"component_access_token"`
		ExpiresIn int    `json:"expires_in"`
	}{p.token.value, p.token.left(c.now)})
}

// apiStartPushTicket serves POST /cgi-bin/component/api_start_push_ticket. The
// secret has another name here than in api_component_token.
func (s *Sim) apiStartPushTicket(c *call) answer {
	var in struct {
		AppID  string `json:"component_appid"`
		Secret string `json:"component_secret"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	a, r, refused := s.componentBySecret(c, componentCredentials{in.AppID, in.Secret})
	if refused {
		return r
	}
	out := okay
	if s.startTickets(a) {
		out.ErrMsg = "in a normal state"
	}
	return s.ok(c, out)
}

// apiPreAuthCode serves POST /cgi-bin/component/api_create_preauthcode.
func (s *Sim) apiPreAuthCode(c *call, p *app) answer {
	var in struct{}
	if bad := s.platformBody(c, p, &in); bad != 0 {
		return s.fail(c, bad)
	}
	life := s.sw.PreAuthCodeLife.Std()
	code := s.newPlatformCode(platformCode{kind: codePreAuth, component: p.AppID, ends: c.now.Add(life)})
	return s.ok(c, struct {
		Code      string `json:"pre_auth_code"`
		ExpiresIn int    `json:"expires_in"`
	}{code, int(life / time.Second)})
}

// apiQueryAuth serves POST /cgi-bin/component/api_query_auth: it exchanges the
// code of a link or an event, and never that of a jump from the market.
func (s *Sim) apiQueryAuth(c *call, p *app) answer {
	var in struct {
		Code string `json:"authorization_code"`
	}
	if bad := s.platformBody(c, p, &in); bad != 0 {
		return s.fail(c, bad)
	}
	k := s.platformCodes[in.Code]
	switch {
	case k == nil || k.kind != codeAuth || k.component != p.AppID || k.used:
		return s.fail(c, 61009)
	case !c.now.Before(k.ends):
		return s.fail(c, 61010)
	}
	k.used = !s.sw.AuthCodeReusable
	g := p.platform.grants[k.account]
	t := s.issueAccess(g, c.now)
	type info struct {
		AppID        string     `json:"authorizer_appid"`
		AccessToken  string     `json:"authorizer_access_token"`
		ExpiresIn    int        `json:"expires_in"`
		RefreshToken string     `json:"authorizer_refresh_token"`
		FuncInfo     []funcInfo `json:"func_info"`
	}
	return s.ok(c, struct {
		Info info `json:"authorization_info"`
	}{info{g.account, t.value, t.left(c.now), s.refreshToken(g, g.serial), g.funcInfo()}})
}

// apiAuthorizerToken serves POST /cgi-bin/component/api_authorizer_token.
func (s *Sim) apiAuthorizerToken(c *call, p *app) answer {
	var in struct {
		AppID        string `json:"authorizer_appid"`
		RefreshToken string `json:"authorizer_refresh_token"`
	}
	if bad := s.platformBody(c, p, &in); bad != 0 {
		return s.fail(c, bad)
	}
	g, bad := s.grantFor(p, in.AppID, in.RefreshToken, c.now)
	if bad != 0 {
		return s.fail(c, bad)
	}
	// The old refresh token, sent again within its five minutes, gives the
	// present one and rotates nothing: so a lost answer can be asked for again.
	if s.sw.AuthorizerRefreshTokenRotates && in.RefreshToken == s.refreshToken(g, g.serial) {
		g.serial, g.oldEnds = g.serial+1, c.now.Add(oldRefreshLife)
	}
	t := s.issueAccess(g, c.now)
	return s.ok(c, struct {
		AccessToken  string `json:"authorizer_access_token"`
		ExpiresIn    int    `json:"expires_in"`
		RefreshToken string `json:"authorizer_refresh_token"`
	}{t.value, t.left(c.now), s.refreshToken(g, g.serial)})
}

// grantFor finds the grant that a refresh token is for, or the errcode.
func (s *Sim) grantFor(p *app, account, token string, now time.Time) (*grant, int) {
	if account == "" {
		return nil, 41002
	}
	g := p.platform.grants[account]
	if g == nil {
		return nil, 61003
	}
	switch s.accountStatus(account) {
	case accountCancelled:
		return nil, 61003
	case accountBanned, accountFrozen:
		return nil, 50002
	}
	if bad := s.refreshState(g, token, now); bad != 0 {
		return nil, bad
	}
	if g.refuseToken > 0 {
		g.refuseToken--
		return nil, 61003
	}
	return g, 0
}

// callbackIP serves GET /cgi-bin/getcallbackip with any token that is not a
// person's. Pushes of the emulator come from this machine.
func (s *Sim) callbackIP(c *call) answer {
	a, bad := s.tokenApp(c, cmp.Or(c.q.Get("access_token"), s.componentToken(c)))
	if bad != 0 {
		return s.fail(c, bad)
	}
	if r, refused := s.refuseCaller(c, a); refused {
		return r
	}
	return s.ok(c, struct {
		IPs []string `json:"ip_list"`
	}{[]string{"127.0.0.0/24"}})
}

// onBehalf is the errcode for a call to a shop's path with a token that is not
// the shop's own, 0 if the platform may make it.
func (s *Sim) onBehalf(g *globalToken, path string) int {
	switch g.kind {
	case kindComponent:
		return 48001
	case kindAuthorizer:
	default:
		return 0
	}
	grant := s.apps[g.component].platform.grants[g.appid]
	switch {
	case grant == nil:
		return 61003
	case !grant.covers(s.routes[path]):
		return s.sw.SetNotGrantedCode
	case grant.refuseCall > 0:
		grant.refuseCall--
		return 61007
	}
	return 0
}

// refuseCaller looks at the allowlist of whoever makes the call: the
// component's if it acts for an account.
func (s *Sim) refuseCaller(c *call, a *app) (answer, bool) {
	if g := s.globals[c.token]; g != nil && g.kind == kindAuthorizer {
		a = s.apps[g.component]
	}
	return s.refuseIP(c, a, true)
}

// platformRoutes are the paths that come with platforms and their market.
var platformRoutes = map[string]route{
	"/cgi-bin/getcallbackip":                            {method: http.MethodGet, serve: (*Sim).callbackIP},
	"/cgi-bin/component/api_component_token":            {method: http.MethodPost, serve: (*Sim).apiComponentToken},
	"/cgi-bin/component/api_start_push_ticket":          {method: http.MethodPost, serve: (*Sim).apiStartPushTicket},
	"/cgi-bin/component/api_create_preauthcode":         {method: http.MethodPost, platform: (*Sim).apiPreAuthCode},
	"/cgi-bin/component/api_query_auth":                 {method: http.MethodPost, platform: (*Sim).apiQueryAuth},
	"/cgi-bin/component/api_authorizer_token":           {method: http.MethodPost, platform: (*Sim).apiAuthorizerToken},
	"/cgi-bin/component/api_get_authorizer_info":        {method: http.MethodPost, platform: (*Sim).apiAuthorizerInfo},
	"/cgi-bin/component/api_get_authorizer_list":        {method: http.MethodPost, platform: (*Sim).apiAuthorizerList},
	"/wxa/servicemarket/service/login_auth":             {method: http.MethodPost, platform: (*Sim).loginAuth, market: true},
	"/wxa/servicemarket/service/get_service_buyer":      {method: http.MethodPost, platform: (*Sim).serviceBuyer, market: true},
	"/wxa/servicemarket/service/get_service_buyer_list": {method: http.MethodPost, platform: (*Sim).serviceBuyerList, market: true},
	"/wxa/servicemarket/get_paid_order_list":            {method: http.MethodPost, platform: (*Sim).paidOrderList, market: true},
	"/product/service/check_auth":                       {method: http.MethodPost, platform: (*Sim).checkAuth},
}
