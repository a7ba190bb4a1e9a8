package config

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/web"
)

// check holds the settings against each other and against what WeChat wants.
func (c *Config) check(r *report) {
	c.checkPublicURL(r)
	c.checkListeners(r)
	c.checkStorage(r)
	c.checkWeChat(r)
	c.checkTLS(r)
	c.checkProxies(r)
	c.checkRedirectHosts(r)
	c.checkSession(r)
	c.checkKeeper(r)
	c.checkPlatforms(r)
	c.checkClients(r)
	c.checkMasterKey(r)
	c.checkOperator(r)
	r.want(c.Log.Format == "text" || c.Log.Format == "json", "log.format", "is not a format", "write text or json")
	r.egress("egress", c.Egress)
	c.checkAlerts(r)
	c.checkWebhooks(r)
	c.checkChannels(r)
	c.checkMoving(r)
	c.checkAudit(r)
	c.checkProtected(r)
	c.checkUpstreams(r)
	c.checkStaff(r)
	c.checkTracing(r)
	c.checkReview(r)
}

func (c *Config) checkPublicURL(r *report) {
	const s = "public_url"
	u := c.PublicURL.URL()
	if !r.want(u.Host != "", s, "is empty", "write the address people use, such as https://zhanggui.example.com") {
		return
	}
	r.publicPath(s, u.Path)
	if web.IsLoopbackHost(u.Host) {
		r.want(c.Loopback || u.Scheme == "https" && u.Port() == "", s, "is a loopback address while loopback is false",
			"set loopback: true for a trial on this machine, or write a public https address")
		return
	}
	r.want(u.Scheme == "https", s, "is not https", "WeChat sends people to https only; write https://")
	r.want(u.Port() == "", s, "has a port", "WeChat refuses callbacks with a port; serve on 443, directly or by a proxy")
	r.want(hostName(u.Host) || u.Port() != "", s, "has no host name", "WeChat refuses addresses as callback hosts; write a domain name")
}

// reserved are the first path segments that this server answers itself. A
// prefix that begins with one could not be told from it.
var reserved = []string{"login", "logout", "oauth", "market", "i", "auth", ".zhanggui", "wechat", "wx", "channels",
	"shop", "wxa", "cgi-bin", "v1", "static", "openapi.json", "setup",
	"admin", "sessions", "shops", "invited", "link", "withdraw", "handoff", "me", "visit"}

var pathForm = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$`)

func (r *report) publicPath(s, path string) {
	r.want(pathForm.MatchString(path), s, "has an odd path", "use letters, digits, - and _ between single slashes")
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	r.want(!slices.Contains(reserved, first), s, "has a path prefix that this server uses itself", "choose another first segment, such as /zhanggui")
}

func (c *Config) checkListeners(r *report) {
	r.listenAddress("listen", c.Listen)
	r.listenAddress("ops_listen", c.OpsListen)
	_, port, _ := net.SplitHostPort(c.Listen)
	r.want(c.Listen != c.OpsListen || port == "0", "ops_listen", "is the same as listen", "give it a port of its own, such as 127.0.0.1:9090")
}

func (r *report) listenAddress(s, addr string) {
	host, port, err := net.SplitHostPort(addr)
	n, portErr := strconv.Atoi(port)
	ok := err == nil && portErr == nil && n >= 0 && n <= 65535
	if ok && host != "" && !web.IsLoopbackHost(host) {
		_, err := netip.ParseAddr(host)
		ok = err == nil
	}
	r.want(ok, s, "is not a listen address", "write address:port, such as 127.0.0.1:8080 or 0.0.0.0:443")
}

// listensPublicly tells whether others than this machine can reach addr.
func listensPublicly(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil || web.IsLoopbackHost(host) {
		return false // a wrong address has a problem of its own
	}
	a, err := netip.ParseAddr(host)
	return err != nil || !a.IsLoopback()
}

func (c *Config) checkStorage(r *report) {
	r.want(c.Data != "", "data", "is empty", "name a directory, such as ./zhanggui-data")
	r.database("database", c.Database)
	r.database("database_direct", c.DatabaseDirect)
	r.want(c.DatabaseDirect.IsZero() || !c.Database.IsZero(), "database_direct", "is set, but the database is SQLite",
		"name PostgreSQL as database too, or leave this out")
}

func (c *Config) checkWeChat(r *report) {
	r.baseURL("wechat.open", c.WeChat.Open.String(), c.Loopback)
	r.baseURL("wechat.api", c.WeChat.API.String(), c.Loopback)
	r.baseURL("wechat.mp", c.WeChat.MP.String(), c.Loopback)
	for i, h := range c.WeChat.Hosts {
		r.baseURL(item("wechat.hosts", i), h, c.Loopback)
	}
}

// baseURL wants https, or http to a loopback name under the loopback rule.
func (r *report) baseURL(s, text string, loopback bool) {
	var u URL
	err := u.UnmarshalText([]byte(text))
	if !r.want(err == nil && !u.IsZero(), s, "is not a base URL", "write it as https://api.weixin.qq.com") {
		return
	}
	p := u.URL()
	r.want(p.Scheme == "https" || loopback && web.IsLoopbackHost(p.Host), s, "is not https",
		"secrets travel there, so write https://; http is for loopback names with loopback: true")
}

func (c *Config) checkTLS(r *report) {
	switch c.TLS.Mode {
	case TLSOff:
		c.checkTLSOff(r)
	case TLSFiles:
		r.want(c.TLS.Cert != "", "tls.cert", "is empty", "name the certificate file, or set tls.mode to acme")
		r.want(c.TLS.Key != "", "tls.key", "is empty", "name the key file, or set tls.mode to acme")
	case TLSACME:
		c.checkACME(r)
	default:
		r.bad("tls.mode", "is not a mode", "write off, files or acme")
	}
	if c.TLS.Mode != TLSFiles {
		r.want(c.TLS.Cert == "" && c.TLS.Key == "", "tls.mode", "does not use the certificate that is named", "set it to files, or remove tls.cert and tls.key")
	}
}

func (c *Config) checkTLSOff(r *report) {
	if len(c.TrustedProxies) > 0 {
		return
	}
	if listensPublicly(c.Listen) {
		r.bad("tls.mode", "is off on an address that others can reach",
			"set it to acme or files, listen on 127.0.0.1, or name the proxy that ends TLS in trusted_proxies")
		return
	}
	r.want(c.PublicURL.URL().Scheme != "https", "trusted_proxies", "is empty, but public_url is https and tls.mode is off",
		"name the proxy that ends TLS, such as 127.0.0.1/32, or set tls.mode to acme or files")
}

func (c *Config) checkACME(r *report) {
	a := c.TLS.ACME
	r.want(strings.Count(a.Email, "@") == 1 && !strings.ContainsAny(a.Email, " \t\r\n,<>"), "tls.acme.email", "is not a mail address",
		"write one that the certificate authority may warn at")
	r.want(slices.Contains(a.Hosts, c.PublicURL.Host()), "tls.acme.hosts", "does not name the host of public_url", "add it")
	for i, h := range a.Hosts {
		r.want(hostName(h), item("tls.acme.hosts", i), "is not a host name", "write it as zhanggui.example.com, in lower case")
	}
	r.baseURL("tls.acme.directory", a.Directory.String(), c.Loopback)
}

func (c *Config) checkProxies(r *report) {
	for i, p := range c.TrustedProxies {
		r.want(p.Bits() > 0 || !p.IsValid(), item("trusted_proxies", i), "is everybody",
			"name the proxy's own network, so that strangers cannot forge their address and host")
	}
}

func (c *Config) checkRedirectHosts(r *report) {
	for i, h := range c.RedirectHosts {
		name, port := cutPort(h)
		local := c.Loopback && web.IsLoopbackHost(h)
		ok := hostName(name) && port == "" && h == name || local && portOrNone(port)
		r.want(ok, item("redirect_hosts", i), "is not a host", "write a bare name in lower case, such as shop.example.com, without scheme, port and *")
	}
}

func portOrNone(port string) bool {
	if port == "" {
		return true
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

func (c *Config) checkSession(r *report) {
	const year = 366 * 24 * time.Hour
	r.want(c.Session.Idle >= time.Minute, "session.idle", "is less than a minute", "write a longer time, such as 168h")
	r.want(c.Session.Absolute <= year, "session.absolute", "is more than a year", "write a shorter time, such as 720h")
	r.want(c.Session.Idle <= c.Session.Absolute, "session.idle", "is longer than session.absolute", "make it shorter, or session.absolute longer")
}

func (c *Config) checkClients(r *report) {
	r.want(slices.Contains([]PermissionSets{SetsCheck, SetsObserve, SetsOff}, c.PermissionSets), "permission_sets", "is not a way to look at them", "write check, observe or off")
	r.want(slices.Contains([]Quota{QuotaOn, QuotaObserve, QuotaOff}, c.Quota), "quota", "is not a way to treat quotas", "write on, observe or off")
	r.pace("clients", c.Clients.PerSecond, c.Clients.Burst)
	r.want(c.Clients.MaxWait >= 0 && c.Clients.MaxWait <= 10*time.Minute, "clients.max_wait", "is less than nothing or more than ten minutes", "write a duration, such as 75s; 0 holds no call")
}

// pace wants a rate that counts, or none.
func (r *report) pace(s string, perSecond float64, burst int) {
	const most = 1e6
	r.want(perSecond >= 0 && perSecond <= most, s+".per_second", "is not a rate", "write calls a second up to a million, such as 20 or 0.5; 0 for no bound")
	r.want(burst >= 0 && burst <= most, s+".burst", "is not a number of calls", "write how many calls may come at once, such as 50")
	r.want(burst == 0 || perSecond > 0, s+".burst", "is set without a rate", "set "+s+".per_second too")
}

func (c *Config) checkKeeper(r *report) {
	const least, year = 48 * time.Hour, 366 * 24 * time.Hour
	after := c.Keeper.SleepAfter
	r.want(after == 0 || after >= least, "keeper.sleep_after", "is less than two days", "write a longer time, such as 720h, or 0")
	r.want(after <= year, "keeper.sleep_after", "is more than a year", "write a shorter time, such as 720h, or 0")
}

func (c *Config) checkPlatforms(r *report) {
	seen := map[int64]bool{}
	for i, set := range c.Platforms.Sets {
		at := item("platforms.sets", i)
		r.want(set > 0, at, "is no permission set", "write its number at WeChat, such as 129")
		r.want(!seen[set], at, "is there twice", "keep one of them")
		seen[set] = true
	}
}

func (c *Config) checkMasterKey(r *report) {
	k, set := c.MasterKey, 0
	for _, is := range []bool{k.File != "", k.Env != "", len(k.Command) > 0} {
		if is {
			set++
		}
	}
	r.want(set <= 1, "master_key", "names more than one place", "keep one of file, env and command")
	r.want(k.Env == "" || envForm.MatchString(k.Env), "master_key.env", "is not the name of a variable",
		"write the name, such as ZHANGGUI_MASTER, never the key itself")
	r.want(len(k.Command) == 0 || k.Command[0] != "", "master_key.command", "has no program", "write [program, argument, …]")
}

var envForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)

func (c *Config) checkOperator(r *report) {
	o := c.Operator
	for _, f := range []struct{ s, text string }{{"operator.name", o.Name}, {"operator.contact", o.Contact}, {"operator.icp", o.ICP}, {"operator.police_icp", o.PoliceICP}} {
		r.line(f.s, f.text)
	}
}

// line wants one line that fits on a page.
func (r *report) line(s, text string) {
	r.want(len(text) <= 200 && !strings.ContainsFunc(text, invisible), s, "is not one short line",
		"write at most 200 bytes without line breaks and characters that turn the direction of writing")
}

// invisible tells of characters that break a line or make a name look like
// another one.
func invisible(c rune) bool {
	return c < ' ' || c == 0x7f || c == 0xfffd || c == 0x200e || c == 0x200f || c >= 0x2028 && c <= 0x202e || c >= 0x2066 && c <= 0x2069
}

// egress wants nothing, an address or a proxy without a password.
func (r *report) egress(s, text string) {
	if text == "" {
		return
	}
	if _, err := netip.ParseAddr(text); err == nil {
		return
	}
	u, err := url.Parse(text)
	ok := err == nil && (u.Scheme == "http" || u.Scheme == "socks5") && u.Hostname() != "" && u.User == nil &&
		strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && u.Fragment == ""
	r.want(ok, s, "is neither an address nor a proxy", "write a source address, http://host:port or socks5://host:port, without user and password")
}
