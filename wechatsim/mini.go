package wechatsim

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
)

// Paths of the login of mini programs, see
// developers.weixin.qq.com/miniprogram/dev/server/API/user-login/api_code2session and
// /doc/oplatform/openApi/miniprogram-management/login/api_thirdpartycode2session.
const (
	miniLoginPath          = "/sns/jscode2session"
	componentMiniLoginPath = "/sns/component/jscode2session"
)

// MiniLogin is what wx.login gives to a mini program on the person's phone: a
// code that the program's server exchanges once, within five minutes. The person
// is not asked.
func (s *Sim) MiniLogin(person, appid string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	who, a := s.people[person], s.apps[appid]
	switch {
	case who == nil || who.Closed:
		return "", fmt.Errorf("person %q: %w", person, ErrNobody)
	case a == nil || a.Kind != MiniProgram:
		return "", fmt.Errorf("mini program %q: %w", appid, ErrNoApp)
	}
	now := s.Now()
	s.sweep(now)
	k := &code{value: "0" + rand.Text() + "MINI", appid: appid, person: person, mini: true, ends: now.Add(codeLife)}
	s.codes[k.value] = k
	return k.value, nil
}

// serveMiniLogin is MiniLogin for programs that are not written in Go.
func (s *Sim) serveMiniLogin(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Person string `json:"person"`
		AppID  string `json:"appid"`
	}
	if err := readControl(r, &in); err != nil {
		writeError(w, err)
		return
	}
	code, err := s.MiniLogin(in.Person, in.AppID)
	answerControl(w, map[string]string{"code": code}, err)
}

// miniAnswer is who opened the mini program. The session key signs what its
// server and WeChat tell each other of the person; nothing here asks for it again.
type miniAnswer struct {
	SessionKey string `json:"session_key"`
	OpenID     string `json:"openid"`
	UnionID    string `json:"unionid,omitempty"` // if the program is bound to an open-platform account
}

// miniLogin serves GET /sns/jscode2session.
func (s *Sim) miniLogin(c *call) answer {
	a, bad := s.miniApp(c)
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case c.q.Get("secret") == "":
		return s.fail(c, 41004)
	}
	if bad := s.checkSecret(a, c.q.Get("secret"), 40125); bad != 0 {
		return s.fail(c, bad)
	}
	if r, refused := s.refuseIP(c, a, s.sw.SNSAllowlist); refused {
		return r
	}
	return s.miniExchange(c, a)
}

// componentMiniLogin serves GET /sns/component/jscode2session: a third-party
// platform asks for a mini program that authorised it.
func (s *Sim) componentMiniLogin(c *call) answer {
	p, bad := s.tokenApp(c, c.q.Get("component_access_token"))
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case c.tokenKind != kindComponent:
		return s.fail(c, 61014)
	case c.q.Get("component_appid") == "":
		return s.fail(c, 41018)
	case c.q.Get("component_appid") != p.AppID:
		return s.fail(c, 40013)
	}
	if r, refused := s.refuseCaller(c, p); refused {
		return r
	}
	a, bad := s.miniApp(c)
	if bad == 0 && p.platform.grants[a.AppID] == nil {
		bad = 61003
	}
	if bad != 0 {
		return s.fail(c, bad)
	}
	return s.miniExchange(c, a)
}

// miniApp checks what both calls share: app, code and grant_type.
func (s *Sim) miniApp(c *call) (a *app, bad int) {
	id := c.q.Get("appid")
	a = s.apps[id]
	switch {
	case id == "":
		return nil, 41002
	case a == nil:
		return nil, 40013
	case a.Kind != MiniProgram:
		return nil, 48001
	case c.q.Get("js_code") == "":
		return nil, 41008
	case c.q.Get("grant_type") != "authorization_code":
		return nil, 40002
	}
	return a, 0
}

func (s *Sim) miniExchange(c *call, a *app) answer {
	k := s.codes[c.q.Get("js_code")]
	if k != nil && !k.mini {
		k = nil // of a page: to this call it does not exist
	}
	if bad := s.codeState(k, a, c.now); bad != 0 {
		return s.fail(c, bad)
	}
	k.used = true
	who := s.people[k.person]
	c.person = who.Name
	var key [16]byte
	rand.Read(key[:]) //nolint:errcheck // never fails
	return s.ok(c, miniAnswer{
		SessionKey: base64.StdEncoding.EncodeToString(key[:]), OpenID: s.openID(who, a.AppID), UnionID: s.unionID(who, a),
	})
}
