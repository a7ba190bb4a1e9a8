package wechatsim

import (
	"cmp"
	"net/http"
	"strings"
	"time"
)

// How often an account may set its counters back: single paths by the day, all
// of them by the month, both in Chinese time.
const (
	clearsPerDay   = 50
	clearsPerMonth = 10
)

// clears counts the resets of one account.
type clears struct {
	day, month         string
	thisDay, thisMonth int
}

// quotaRoutes are the calls about quotas and about earlier calls.
var quotaRoutes = map[string]route{
	"/cgi-bin/openapi/quota/get":        {method: http.MethodPost, serve: (*Sim).quotaGet},
	"/cgi-bin/openapi/quota/clear":      {method: http.MethodPost, serve: (*Sim).quotaClear},
	"/cgi-bin/clear_quota":              {method: http.MethodPost, serve: (*Sim).clearQuota},
	"/cgi-bin/clear_quota/v2":           {method: http.MethodPost, serve: (*Sim).clearQuotaBySecret},
	"/cgi-bin/component/clear_quota/v2": {method: http.MethodPost, serve: (*Sim).clearQuotaByComponent},
	"/cgi-bin/openapi/rid/get":          {method: http.MethodPost, serve: (*Sim).ridGet},
	"/cgi-bin/get_api_domain_ip":        {method: http.MethodGet, serve: (*Sim).apiDomainIP},
	"/cgi-bin/callback/check":           {method: http.MethodPost, serve: (*Sim).callbackCheck},
}

// quotaClear serves POST /cgi-bin/openapi/quota/clear: one path of the shop API.
func (s *Sim) quotaClear(c *call) answer {
	a, path, r, refused := s.quotaCall(c)
	switch {
	case refused:
		return r
	case !strings.HasPrefix(path, "/channels/ec/"):
		return s.fail(c, 76022)
	}
	n := s.clearsOf(a.AppID, c.now)
	if n.thisDay >= clearsPerDay {
		return s.fail(c, 48006)
	}
	n.thisDay++
	s.clears[a.AppID] = n
	delete(s.usage, usageKey{appid: a.AppID, path: path})
	delete(s.usage, usageKey{appid: a.AppID, path: path, onBehalf: true})
	return s.ok(c, okay)
}

func (s *Sim) clearsOf(appid string, now time.Time) clears {
	n := s.clears[appid]
	if day := dayOf(now); n.day != day {
		n.day, n.thisDay = day, 0
	}
	if month := dayOf(now)[:7]; n.month != month {
		n.month, n.thisMonth = month, 0
	}
	return n
}

// clearAll sets all counters of an account back, if it may.
func (s *Sim) clearAll(c *call, appid string) answer {
	n := s.clearsOf(appid, c.now)
	if n.thisMonth >= clearsPerMonth {
		return s.fail(c, 48006)
	}
	n.thisMonth++
	s.clears[appid] = n
	for key := range s.usage {
		if key.appid == appid {
			delete(s.usage, key)
		}
	}
	return s.ok(c, okay)
}

// clearQuota serves POST /cgi-bin/clear_quota.
func (s *Sim) clearQuota(c *call) answer {
	a, r, refused := s.ownCall(c)
	if refused {
		return r
	}
	var in struct {
		AppID string `json:"appid"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	if in.AppID != a.AppID {
		return s.fail(c, 40013)
	}
	return s.clearAll(c, a.AppID)
}

// clearQuotaBySecret serves POST /cgi-bin/clear_quota/v2. The table shows a
// body, the sample a query: both are read.
func (s *Sim) clearQuotaBySecret(c *call) answer {
	var in struct {
		AppID  string `json:"appid"`
		Secret string `json:"appsecret"`
	}
	if len(c.body) > 0 {
		if bad := s.decode(c, &in); bad != 0 {
			return s.fail(c, bad)
		}
	}
	a, r, refused := s.credentials(c, "client_credential", cmp.Or(in.AppID, c.q.Get("appid")), cmp.Or(in.Secret, c.q.Get("appsecret")), 40125)
	if refused {
		return r
	}
	return s.clearAll(c, a.AppID)
}

// clearQuotaByComponent serves POST /cgi-bin/component/clear_quota/v2: a
// component's own counters, or those of an account that authorised it.
func (s *Sim) clearQuotaByComponent(c *call) answer {
	var in struct {
		AppID     string `json:"appid"`
		Component string `json:"component_appid"`
		Secret    string `json:"appsecret"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	p, r, refused := s.componentBySecret(c, componentCredentials{in.Component, in.Secret})
	switch {
	case refused:
		return r
	case in.AppID == "":
		return s.fail(c, 41002)
	case in.AppID != p.AppID && p.platform.grants[in.AppID] == nil:
		return s.fail(c, 61003)
	}
	return s.clearAll(c, in.AppID)
}
