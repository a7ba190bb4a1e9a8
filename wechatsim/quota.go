package wechatsim

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Limits of paths that the world does not name. Those of the token calls and
// of uploads are the documented ones; little is documented for shop calls.
var defaultLimits = map[string]Limit{
	"/sns/oauth2/access_token":           {Daily: 50_000_000, PerMinute: 50_000},
	"/sns/oauth2/refresh_token":          {Daily: 50_000_000, PerMinute: 50_000},
	"/sns/userinfo":                      {Daily: 50_000_000, PerMinute: 50_000},
	"/sns/auth":                          {Daily: 50_000_000, PerMinute: 50_000},
	"/cgi-bin/token":                     {Daily: 2000, PerMinute: 2000},
	"/cgi-bin/stable_token":              {Daily: 500_000, PerMinute: 10_000},
	"/shop/ec/basics/img/upload":         {PerMinute: 5000},
	"/channels/ec/basics/img/upload":     {PerMinute: 5000},
	"/channels/ec/product/getauditquota": {PerMinute: 500},
}

var otherLimit = Limit{Daily: 1_000_000, PerMinute: 10_000}

// over returns l with the numbers of top where top has any.
func (l Limit) over(top Limit) Limit {
	return Limit{
		Daily: cmp.Or(top.Daily, l.Daily), PerMinute: cmp.Or(top.PerMinute, l.PerMinute),
		PerSecond: cmp.Or(top.PerSecond, l.PerSecond), ComponentPerMinute: cmp.Or(top.ComponentPerMinute, l.ComponentPerMinute),
	}
}

// limitOf is the limit of a path for one app: the world's, else the default. A
// limit that names the app goes before one that does not.
func (s *Sim) limitOf(appid, path string) Limit {
	out := otherLimit.over(defaultLimits[path])
	for _, who := range []string{"", appid} {
		for _, l := range s.world.Limits {
			if l.Path == path && l.AppID == who {
				out = out.over(l)
			}
		}
	}
	return out
}

// usageKey counts the calls of one app to one path. Calls that a component
// makes on behalf of the app are counted twice: with all, and apart.
type usageKey struct {
	appid, path string
	onBehalf    bool
}

type usage struct {
	day        string
	daily      int
	minute     int64
	thisMinute int
	second     int64
	thisSecond int
}

// used is the usage of a path today, in this minute and in this second.
func (s *Sim) used(key usageKey, now time.Time) usage {
	u := s.usage[key]
	if day := dayOf(now); u.day != day {
		u.day, u.daily = day, 0
	}
	if minute := now.Unix() / 60; u.minute != minute {
		u.minute, u.thisMinute = minute, 0
	}
	if second := now.Unix(); u.second != second {
		u.second, u.thisSecond = second, 0
	}
	return u
}

// count counts one call, or returns the errcode of the limit it exceeds: then
// it counts nothing. Calls whose app is not known are not counted: they fail by
// themselves.
func (s *Sim) count(c *call, appid string) int {
	if s.apps[appid] == nil {
		return 0
	}
	key := usageKey{appid: appid, path: c.r.URL.Path}
	behalf := key
	behalf.onBehalf = true
	u, b, limit := s.used(key, c.now), s.used(behalf, c.now), s.limitOf(appid, key.path)
	forApp := c.tokenKind == kindAuthorizer
	switch {
	case u.daily >= limit.Daily:
		return 45009
	case u.thisMinute >= limit.PerMinute, forApp && limit.ComponentPerMinute > 0 && b.thisMinute >= limit.ComponentPerMinute:
		return 45011
	case limit.PerSecond > 0 && u.thisSecond >= limit.PerSecond:
		return 44990
	}
	s.usage[key] = u.plusOne()
	if forApp {
		s.usage[behalf] = b.plusOne()
	}
	return 0
}

func (u usage) plusOne() usage {
	u.daily++
	u.thisMinute++
	u.thisSecond++
	return u
}

// quotaGet serves POST /cgi-bin/openapi/quota/get.
func (s *Sim) quotaGet(c *call) answer {
	a, path, r, refused := s.quotaCall(c)
	if refused {
		return r
	}
	return s.ok(c, s.quota(a.AppID, path, c.now))
}

// quotaCall reads what the two calls about one path share: who asks, and which
// path they ask about.
func (s *Sim) quotaCall(c *call) (a *app, path string, r answer, refused bool) {
	a, r, refused = s.ownCall(c)
	if refused {
		return nil, "", r, true
	}
	var in struct {
		CGIPath string `json:"cgi_path"`
	}
	bad := s.decode(c, &in)
	if bad == 0 {
		bad = s.quotaPath(in.CGIPath, a.Kind)
	}
	if bad != 0 {
		return nil, "", s.fail(c, bad), true
	}
	return a, in.CGIPath, answer{}, false
}

// ownCall lets any app's token through, and a component's for an account.
func (s *Sim) ownCall(c *call) (a *app, r answer, refused bool) {
	a, bad := s.globalApp(c)
	if bad != 0 {
		return nil, s.fail(c, bad), true
	}
	if r, refused := s.refuseCaller(c, a); refused {
		return nil, r, true
	}
	return a, answer{}, false
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
	case isShopPath(path) && kind != ShopApp:
		return 76022
	}
	return 0
}

// isShopPath tells whether a path belongs to the shop API.
func isShopPath(path string) bool {
	return slices.ContainsFunc([]string{"/channels/ec/", "/shop/ec/", "/shop/funds/"}, func(prefix string) bool {
		return strings.HasPrefix(path, prefix)
	})
}

type rateAnswer struct {
	CallCount     int `json:"call_count"`
	RefreshSecond int `json:"refresh_second"`
}

func perMinute(calls int) rateAnswer {
	if calls == 0 {
		return rateAnswer{}
	}
	return rateAnswer{CallCount: calls, RefreshSecond: 60}
}

type quotaNumbers struct {
	DailyLimit int `json:"daily_limit"`
	Used       int `json:"used"`
	Remain     int `json:"remain"`
}

type quotaAnswer struct {
	okHead
	Quota              quotaNumbers `json:"quota"`
	RateLimit          rateAnswer   `json:"rate_limit"`
	ComponentRateLimit rateAnswer   `json:"component_rate_limit"`
}

func (s *Sim) quota(appid, path string, now time.Time) quotaAnswer {
	u, limit := s.used(usageKey{appid: appid, path: path}, now), s.limitOf(appid, path)
	return quotaAnswer{okHead: okay,
		Quota:     quotaNumbers{DailyLimit: limit.Daily, Used: u.daily, Remain: max(0, limit.Daily-u.daily)},
		RateLimit: perMinute(limit.PerMinute), ComponentRateLimit: perMinute(limit.ComponentPerMinute)}
}

// SetLimit sets the limit of a path from now on, in place of an earlier one for
// the same path and app. The calls counted so far stay counted.
func (s *Sim) SetLimit(l Limit) error {
	var ps problems
	l.check("$", &ps)
	if err := ps.err(); err != nil {
		return fmt.Errorf("set limit: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// A new list: the old one is shared with copies of the world.
	s.world.Limits = append(slices.DeleteFunc(slices.Clone(s.world.Limits), func(old Limit) bool {
		return old.Path == l.Path && old.AppID == l.AppID
	}), l)
	return nil
}

// SetUsed says how many calls an app has made to a path today, as if others
// had made them with the app's own tokens.
func (s *Sim) SetUsed(appid, path string, calls int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.account(appid) == nil {
		return fmt.Errorf("app %q: %w", appid, ErrNoApp)
	}
	if _, known := s.routes[path]; !known || calls < 0 {
		return fmt.Errorf("%d calls to %q cannot have been made: name a path of the API and 0 or more calls", calls, path)
	}
	key := usageKey{appid: appid, path: path}
	u := s.used(key, s.Now())
	u.daily = calls
	s.usage[key] = u
	return nil
}

func (s *Sim) quotaControls(mux *http.ServeMux) {
	mux.HandleFunc("GET /sim/limits", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"limits": orEmpty(s.worldNow().Limits)})
	})
	mux.HandleFunc("POST /sim/limits", func(w http.ResponseWriter, r *http.Request) {
		var in Limit
		err := readControl(r, &in)
		if err == nil {
			err = s.SetLimit(in)
		}
		answerControl(w, done, err)
	})
	mux.HandleFunc("POST /sim/used", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			AppID string `json:"appid"`
			Path  string `json:"path"`
			Calls int    `json:"calls"`
		}
		err := readControl(r, &in)
		if err == nil {
			err = s.SetUsed(in.AppID, in.Path, in.Calls)
		}
		answerControl(w, done, err)
	})
}
