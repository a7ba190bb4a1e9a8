package wechatsim

import (
	"slices"
	"time"
)

// tokenAnswer is the answer of a code exchange and of a refresh.
type tokenAnswer struct {
	AccessToken    string `json:"access_token"`
	ExpiresIn      int    `json:"expires_in"`
	RefreshToken   string `json:"refresh_token"`
	OpenID         string `json:"openid"`
	Scope          string `json:"scope"`
	IsSnapshotUser int    `json:"is_snapshotuser,omitempty"` // only when 1, only at the exchange
	UnionID        string `json:"unionid,omitempty"`         // only at the exchange
}

// snsExchange serves GET /sns/oauth2/access_token.
func (s *Sim) snsExchange(c *call) answer {
	a, bad := s.snsApp(c)
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case c.q.Get("secret") == "":
		return s.fail(c, 41004)
	case c.q.Get("code") == "":
		return s.fail(c, 41008)
	case c.q.Get("grant_type") != "authorization_code":
		return s.fail(c, 40002)
	}
	if bad := s.checkSecret(a, c.q.Get("secret"), 40125); bad != 0 {
		return s.fail(c, bad)
	}
	if r, refused := s.refuseIP(c, a, s.sw.SNSAllowlist); refused {
		return r
	}
	k := s.codes[c.q.Get("code")]
	if k != nil && k.mini {
		k = nil // of a mini program: to this call it does not exist
	}
	if bad := s.codeState(k, a, c.now); bad != 0 {
		return s.fail(c, bad)
	}
	k.used = true
	return s.ok(c, s.exchange(k, a, c.now))
}

// codeState is the errcode that a code answers, 0 if it can be exchanged.
func (s *Sim) codeState(k *code, a *app, now time.Time) int {
	switch {
	case k == nil || k.appid != a.AppID || k.dropped:
		return 40029
	case k.used:
		return s.sw.UsedCode
	case !now.Before(k.ends):
		return s.sw.ExpiredCode
	}
	return 0
}

func (s *Sim) exchange(k *code, a *app, now time.Time) tokenAnswer {
	who := s.people[k.person]
	openid, unionid := s.openID(who, a.AppID), s.exchangeUnionID(k, who, a)
	if k.snapshot && !s.sw.SnapshotOpenIDReal {
		virtual := derive(s.world.Seed, "snapshot", k.value)
		openid, unionid = "o_snap_"+virtual[:21], "u_snap_"+virtual[21:42]
	}
	p := s.newPair(k, openid, now)
	t := s.tokenAnswer(p, now)
	t.UnionID = unionid
	if k.snapshot {
		t.IsSnapshotUser = 1
	}
	return t
}

// exchangeUnionID follows the rule for when a unionid is shown.
func (s *Sim) exchangeUnionID(k *code, who *person, a *app) string {
	if k.scope == scopeBase {
		_, consented := who.consents[a.AppID]
		if !s.sw.BaseUnionIDAfterConsent || !consented {
			return ""
		}
	}
	return s.unionID(who, a)
}

func (s *Sim) tokenAnswer(p *pair, now time.Time) tokenAnswer {
	return tokenAnswer{AccessToken: p.access, ExpiresIn: int(p.accessEnds.Sub(now) / time.Second),
		RefreshToken: p.refresh, OpenID: p.openid, Scope: p.scope}
}

// snsRefresh serves GET /sns/oauth2/refresh_token. It takes no secret.
func (s *Sim) snsRefresh(c *call) answer {
	a, bad := s.snsApp(c)
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case c.q.Get("refresh_token") == "":
		return s.fail(c, 41003)
	case c.q.Get("grant_type") != "refresh_token":
		return s.fail(c, 40002)
	}
	if r, refused := s.refuseIP(c, a, s.sw.SNSAllowlist); refused {
		return r
	}
	sent := c.q.Get("refresh_token")
	p := s.refresh[sent]
	switch {
	case p == nil || p.appid != a.AppID:
		return s.fail(c, 40030)
	case p.refreshDead != 0:
		return s.fail(c, p.refreshDead)
	case p.refresh != sent:
		return s.fail(c, 40030) // it was rotated away
	case !c.now.Before(p.refreshEnds):
		return s.fail(c, s.sw.ExpiredRefreshCode)
	}
	s.renew(p, c.now)
	return s.ok(c, s.tokenAnswer(p, c.now))
}

// renew prolongs an access token that is alive and replaces one that is not.
// The 30 days of the refresh token are never moved.
func (s *Sim) renew(p *pair, now time.Time) {
	if p.accessState(p.access, now) != 0 {
		p.access, p.accessDead = s.newToken("AT"), 0
		s.access[p.access] = p
	}
	p.accessEnds = now.Add(s.world.TokenLife.Std())
	if s.sw.RefreshTokenRotates {
		p.refresh = s.newToken("RT")
		s.refresh[p.refresh] = p
	}
}

// snsApp finds the app of a token call. bad is the errcode, 0 if all is well.
func (s *Sim) snsApp(c *call) (a *app, bad int) {
	id := c.q.Get("appid")
	if id == "" {
		return nil, 41002
	}
	a = s.apps[id]
	switch {
	case a == nil:
		return nil, 40013
	case a.Kind == ShopApp:
		return nil, 48001
	}
	return a, 0
}

// snsToken finds the pair of an access token. bad is the errcode, 0 if alive.
func (s *Sim) snsToken(c *call) (p *pair, bad int) {
	token, openid := c.q.Get("access_token"), c.q.Get("openid")
	switch {
	case token == "":
		return nil, 41001
	case openid == "":
		return nil, 41009
	case !wellFormed(token):
		return nil, 40014
	}
	p = s.access[token]
	if p == nil {
		return nil, 40001
	}
	if bad = p.accessState(token, c.now); bad != 0 {
		return nil, bad
	}
	if p.openid != openid {
		return nil, 40003
	}
	return p, 0
}

// snsUserinfo serves GET /sns/userinfo.
func (s *Sim) snsUserinfo(c *call) answer {
	p, bad := s.snsToken(c)
	if bad != 0 {
		return s.fail(c, bad)
	}
	a := s.apps[p.appid]
	if r, refused := s.refuseIP(c, a, s.sw.SNSAllowlist); refused {
		return r
	}
	if p.scope == scopeBase || p.snapshot {
		return s.fail(c, 48001)
	}
	if lang := c.q.Get("lang"); lang != "" && !slices.Contains([]string{"zh_CN", "zh_TW", "en"}, lang) {
		return s.fail(c, 40035)
	}
	ans := s.ok(c, s.profile(s.people[p.person], p, a))
	if s.sw.RawNickname {
		ans.body = rawControls(ans.body)
	}
	return ans
}

// profile is the answer of userinfo. Sex and places are empty for everybody
// since 2021.
type profile struct {
	OpenID     string   `json:"openid"`
	Nickname   string   `json:"nickname"`
	Sex        int      `json:"sex"`
	Province   string   `json:"province"`
	City       string   `json:"city"`
	Country    string   `json:"country"`
	HeadImgURL string   `json:"headimgurl"`
	Privilege  []string `json:"privilege"`
	UnionID    string   `json:"unionid,omitempty"`
}

func (s *Sim) profile(who *person, p *pair, a *app) profile {
	out := profile{OpenID: p.openid, Nickname: who.Nickname, Privilege: []string{}, UnionID: s.unionID(who, a)}
	if who.Avatar != "" {
		out.HeadImgURL = who.Avatar + "/132"
	}
	return out
}

// snsAuth serves GET /sns/auth.
func (s *Sim) snsAuth(c *call) answer {
	p, bad := s.snsToken(c)
	if bad != 0 {
		return s.fail(c, bad)
	}
	if r, refused := s.refuseIP(c, s.apps[p.appid], s.sw.SNSAllowlist); refused {
		return r
	}
	return s.ok(c, okay)
}

// rawControls turns the JSON escapes of control characters back into the raw
// bytes that WeChat has been seen to send. The result is not valid JSON.
func rawControls(body []byte) []byte {
	const hexDigits = "0123456789abcdef"
	out := make([]byte, 0, len(body))
	for i := 0; i < len(body); i++ {
		if body[i] != '\\' || i+1 >= len(body) {
			out = append(out, body[i])
			continue
		}
		if i+5 < len(body) && string(body[i+1:i+4]) == "u00" && (body[i+4] == '0' || body[i+4] == '1') {
			low := slices.Index([]byte(hexDigits), body[i+5])
			out = append(out, (body[i+4]-'0')<<4|byte(max(low, 0)))
			i += 5
			continue
		}
		out = append(out, body[i], body[i+1])
		i++
	}
	return out
}
