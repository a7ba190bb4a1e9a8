package wechatsim

import (
	"strings"
	"time"
)

// Limits of paths that the world does not name. Those of the token calls are
// the documented ones; nothing is documented for shop calls.
var defaultLimits = map[string]Limit{
	"/sns/oauth2/access_token":  {Daily: 50_000_000, PerMinute: 50_000},
	"/sns/oauth2/refresh_token": {Daily: 50_000_000, PerMinute: 50_000},
	"/sns/userinfo":             {Daily: 50_000_000, PerMinute: 50_000},
	"/sns/auth":                 {Daily: 50_000_000, PerMinute: 50_000},
	"/cgi-bin/token":            {Daily: 2000, PerMinute: 2000},
	"/cgi-bin/stable_token":     {Daily: 500_000, PerMinute: 10_000},
}

var otherLimit = Limit{Daily: 1_000_000, PerMinute: 10_000}

// usageKey counts the calls of one app to one path.
type usageKey struct{ appid, path string }

type usage struct {
	day        string
	daily      int
	minute     int64
	thisMinute int
}

// limitOf is the limit of a path: the world's, else the default.
func (s *Sim) limitOf(path string) Limit {
	out, ok := defaultLimits[path]
	if !ok {
		out = otherLimit
	}
	for _, l := range s.world.Limits {
		if l.Path != path {
			continue
		}
		if l.Daily > 0 {
			out.Daily = l.Daily
		}
		if l.PerMinute > 0 {
			out.PerMinute = l.PerMinute
		}
	}
	return out
}

// used is the usage of a path today and in this minute.
func (s *Sim) used(appid, path string, now time.Time) usage {
	u := s.usage[usageKey{appid, path}]
	if day := dayOf(now); u.day != day {
		u.day, u.daily = day, 0
	}
	if minute := now.Unix() / 60; u.minute != minute {
		u.minute, u.thisMinute = minute, 0
	}
	return u
}

// count counts one call, or returns the errcode of the limit it exceeds. Calls
// whose app is not known are not counted: they fail by themselves.
func (s *Sim) count(appid, path string, now time.Time) int {
	if s.apps[appid] == nil {
		return 0
	}
	u, limit := s.used(appid, path, now), s.limitOf(path)
	if u.daily >= limit.Daily {
		return 45009
	}
	if u.thisMinute >= limit.PerMinute {
		return 45011
	}
	u.daily++
	u.thisMinute++
	s.usage[usageKey{appid, path}] = u
	return 0
}

// quotaGet serves POST /cgi-bin/openapi/quota/get.
func (s *Sim) quotaGet(c *call) answer {
	a, bad := s.globalApp(c)
	if bad != 0 {
		return s.fail(c, bad)
	}
	if r, refused := s.refuseCaller(c, a); refused {
		return r
	}
	var in struct {
		CGIPath string `json:"cgi_path"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	if bad := s.quotaPath(in.CGIPath, a.Kind); bad != 0 {
		return s.fail(c, bad)
	}
	return s.ok(c, s.quota(a.AppID, in.CGIPath, c.now))
}

// quotaPath is the errcode for asking about a path, 0 if it may be asked.
func (s *Sim) quotaPath(path string, kind Kind) int {
	_, known := s.routes[path]
	switch {
	case !strings.HasPrefix(path, "/") || strings.Contains(path, "?"):
		return 76003
	case strings.HasPrefix(path, "/sns/"):
		return 76022
	case !known:
		return 76021
	case strings.HasPrefix(path, "/channels/") && kind != ShopApp:
		return 76022
	}
	return 0
}

type rateAnswer struct {
	CallCount     int `json:"call_count"`
	RefreshSecond int `json:"refresh_second"`
}

type quotaAnswer struct {
	okHead
	Quota struct {
		DailyLimit int `json:"daily_limit"`
		Used       int `json:"used"`
		Remain     int `json:"remain"`
	} `json:"quota"`
	RateLimit          rateAnswer `json:"rate_limit"`
	ComponentRateLimit rateAnswer `json:"component_rate_limit"`
}

func (s *Sim) quota(appid, path string, now time.Time) quotaAnswer {
	u, limit := s.used(appid, path, now), s.limitOf(path)
	out := quotaAnswer{okHead: okay}
	out.Quota.DailyLimit, out.Quota.Used, out.Quota.Remain = limit.Daily, u.daily, max(0, limit.Daily-u.daily)
	out.RateLimit = rateAnswer{CallCount: limit.PerMinute, RefreshSecond: 60}
	return out
}
