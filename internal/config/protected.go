package config

import (
	"maps"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/web"
)

// Protected is a host of a back office that people are logged into, and who may in.
type Protected struct {
	Host         string            `yaml:"host" doc:"Host of a back office that people are logged into, such as erp.example.com. Loopback names may have a port."`
	Shop         string            `yaml:"shop" doc:"Id of the shop whose people may in."`
	Tenant       string            `yaml:"tenant" doc:"Id of a tenant instead of a shop: people choose among their shops of it."`
	Role         string            `yaml:"role" doc:"Least role: viewer, operator or owner. Empty: open is only what a route opens."`
	Doors        []string          `yaml:"doors" doc:"Doors that count: wechat, qr, market, mini. Empty: each."`
	ProvedWithin time.Duration     `yaml:"proved_within" doc:"WeChat must have named the person within this time, such as 12h; who comes later proves it again. 0: at any time."`
	CrossOrigin  CrossOrigin       `yaml:"cross_origin" doc:"What becomes of changes that another site's page sends: refuse, observe (let through and recorded) or off. Empty: refuse."`
	Headers      map[string]string `yaml:"headers" doc:"Further headers that tell who it is, for programs that want names of their own: header name to person, shop, role, door or name."`
	Routes       []Route           `yaml:"routes" envPrefix:"-"`
}

// Route is what differs under a path of a protected host. What is not written is as
// in the route around it.
type Route struct {
	Path         string        `yaml:"path" doc:"Path that the route is about, with all below it; the longest path wins."`
	Public       bool          `yaml:"public" doc:"Whether strangers may in. Nobody is named to the back office there."`
	Shut         bool          `yaml:"shut" doc:"Whether nobody may in."`
	Role         string        `yaml:"role" doc:"Least role there."`
	Doors        []string      `yaml:"doors" doc:"Doors that count there."`
	ProvedWithin time.Duration `yaml:"proved_within" doc:"How fresh WeChat's word must be there."`
	CrossOrigin  CrossOrigin   `yaml:"cross_origin" doc:"What becomes there of changes that another site's page sends."`
}

// CrossOrigin says what becomes of changes that another site's page sends.
type CrossOrigin string

// The ways to treat them.
const (
	CrossRefuse  CrossOrigin = "refuse"
	CrossObserve CrossOrigin = "observe"
	CrossOff     CrossOrigin = "off"
)

// identityWords are what a header may tell.
var identityWords = []string{"person", "shop", "role", "door", "name"}

func (c *Config) checkProtected(r *report) {
	seen := map[string]bool{}
	for i, p := range c.Protected {
		at := item("protected", i)
		if !r.want(p.Host != "", at+".host", "is empty", "write the host of the back office, such as erp.example.com") {
			continue
		}
		c.checkProtectedHost(r, at+".host", p.Host)
		r.want(!seen[p.Host], at+".host", "is there twice", "put the rules of both into one")
		seen[p.Host] = true
		r.want((p.Shop == "") != (p.Tenant == ""), at, "does not say whose it is", "write shop or tenant, one of the two")
		r.want(p.Role != "" || slices.ContainsFunc(p.Routes, opens), at, "opens nothing to anybody", "write the least role, such as role: viewer")
		r.rule(at, p.Role, p.Doors, p.ProvedWithin, p.CrossOrigin)
		r.want(p.ProvedWithin <= c.Session.Absolute, at+".proved_within", "is longer than session.absolute", "leave it out, or make it shorter")
		r.identityHeaders(at+".headers", p.Headers)
		c.checkRoutes(r, at, p.Routes)
	}
}

func opens(x Route) bool { return x.Public || x.Role != "" }

// checkProtectedHost wants a host of its own that we are told of by somebody whom we
// may believe.
func (c *Config) checkProtectedHost(r *report, s, host string) {
	name, port := cutPort(host)
	local := c.Loopback && web.IsLoopbackHost(host)
	r.want(hostName(name) && port == "" && host == name || local && portOrNone(port), s, "is not a host",
		"write a bare name in lower case, such as erp.example.com, without scheme, port and *")
	r.want(host != c.PublicURL.Host(), s, "is the host of public_url", "give the back office a host of its own: cookies cannot tell paths apart")
	r.want(len(c.TrustedProxies) > 0 || c.upstream(host), s, "has nobody who may tell us of it",
		"name the proxy in front of it in trusted_proxies; X-Forwarded-Host and X-Forwarded-Uri decide who gets in, and anybody could write them. "+
			"Or write where the back office is in upstreams")
}

func (c *Config) checkRoutes(r *report, at string, all []Route) {
	seen := map[string]bool{}
	for i, x := range all {
		at := item(at+".routes", i)
		path := strings.ToLower(x.Path)
		r.want(routeForm.MatchString(x.Path) && web.PlainPath(x.Path), at+".path", "is not a path",
			"write it as /admin: decoded, with single slashes, none at the end, and no * or ?")
		r.want(!seen[path], at+".path", "is there twice", "keep one of them; letters are not told apart by case")
		seen[path] = true
		r.want(!(x.Public && x.Shut), at, "is public and shut", "keep one of the two")
		r.want(!(x.Public || x.Shut) || x.Role == "" && len(x.Doors) == 0 && x.ProvedWithin == 0, at, "asks for somebody where nobody or everybody may in",
			"leave role, doors and proved_within out, or public and shut")
		r.rule(at, x.Role, x.Doors, x.ProvedWithin, x.CrossOrigin)
	}
}

// routeForm is a path without what encodes, ends or begins something else in one.
var routeForm = regexp.MustCompile(`^(/[^/%?#;*\\\s]+)+$`)

func (r *report) rule(at, role string, doors []string, within time.Duration, cross CrossOrigin) {
	r.want(role == "" || access.Role(role).Valid(), at+".role", "is not a role", "write viewer, operator or owner")
	for i, d := range doors {
		r.want(slices.Contains([]string{"wechat", "qr", "market", "mini"}, d), item(at+".doors", i), "is not a door", "write wechat, qr, market or mini")
	}
	r.want(within == 0 || within >= time.Minute, at+".proved_within", "is less than a minute", "write a longer time, such as 10m")
	r.want(slices.Contains([]CrossOrigin{"", CrossRefuse, CrossObserve, CrossOff}, cross), at+".cross_origin", "is not a way to treat them", "write refuse, observe or off")
}

// headerForm is a header name that no server reads as another one.
var headerForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,63}$`)

// identityHeaders wants names that say nothing else to anybody on the way.
func (r *report) identityHeaders(at string, all map[string]string) {
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		r.want(headerForm.MatchString(name), join(at, name), "is not a header name", "write letters, digits and hyphens, such as X-WEBAUTH-USER")
		r.want(!taken(canonical), join(at, name), "means something else already", "choose another name, such as X-WEBAUTH-USER")
		r.want(!seen[canonical], join(at, name), "is there twice", "keep one of them")
		seen[canonical] = true
		r.want(slices.Contains(identityWords, all[name]), join(at, name), "tells nothing that is known", "write person, shop, role, door or name")
	}
}

// taken tells of headers that steer the connection, the answer or the proxies.
func taken(canonical string) bool {
	for _, prefix := range []string{"X-Zhanggui-", "X-Forwarded-", "X-Original-", "Content-", "Sec-", "Access-Control-", "Proxy-", "If-"} {
		if strings.HasPrefix(canonical, prefix) {
			return true
		}
	}
	return slices.Contains([]string{
		"Accept", "Authorization", "Cache-Control", "Connection", "Cookie", "Date", "Expect", "Forwarded", "Host", "Keep-Alive", "Location", "Origin",
		"Range", "Referer", "Set-Cookie", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "User-Agent", "Vary", "Via", "Www-Authenticate", "X-Real-Ip", "X-Request-Id",
	}, canonical)
}
