package config

import (
	"net/url"
	"strings"

	"github.com/zhanggui/zhanggui/internal/web"
)

func (c *Config) checkMoving(r *report) {
	seen := map[string]bool{}
	for i, m := range c.Moving {
		at := item("moving", i)
		r.want(m.App != "", at+".app", "is empty", "write the id of the platform, as declared")
		r.want(m.App == "" || !seen[m.App], at+".app", "is there twice", "keep one of them")
		seen[m.App] = true
		m.check(r, at, c.Loopback)
	}
}

func (m *Moving) check(r *report, at string, loopback bool) {
	if m.Follow != "" {
		m.checkFollow(r, at+".follow", loopback)
	}
	r.secretRef(at+".secret", m.Secret, loopback)
	for name, key := range map[string]string{".access_key": m.AccessKey, ".refresh_key": m.RefreshKey} {
		r.want(key == "" || strings.Contains(key, "{appid}"), at+name, "names the same key for every account", "write {appid} where the account's id stands")
	}
	m.checkPassOn(r, at+".pass_on_auth", m.PassOnAuth)
	m.checkPassOn(r, at+".pass_on_event", m.PassOnEvent)
	r.want(m.PassOnEvent.IsZero() || strings.Contains(m.PassOnEvent.String(), "$APPID$"), at+".pass_on_event", "names the same address for every account",
		"write it as it stood in the platform's console, with $APPID$")
}

func (m *Moving) checkFollow(r *report, at string, loopback bool) {
	u, err := url.Parse(m.Follow)
	password := false
	if err == nil && u.User != nil {
		_, password = u.User.Password()
	}
	if !r.want(err == nil && u.Hostname() != "" && !password && u.Fragment == "", at, "is not an address",
		"write https://host/path/{appid} or redis://host:6379/0, and the key or password as secret beside it") {
		return
	}
	switch u.Scheme {
	case "redis", "rediss":
		db := strings.Trim(u.Path, "/")
		r.want(strings.Trim(db, "0123456789") == "" && u.RawQuery == "", at, "does not name a database", "write rediss://host:6379/0")
		r.want(u.Scheme == "rediss" || m.AllowPrivate, at, "sends tokens in the clear", "write rediss://, or allow_private: true beside it for a private network")
	default:
		r.want(u.User == nil && strings.Contains(m.Follow, "{appid}"), at, "does not say which account is asked for", "write https://host/path/{appid}")
		m.reachable(r, at, u, loopback && web.IsLoopbackHost(u.Host))
	}
}

func (m *Moving) checkPassOn(r *report, at string, to URL) {
	if !to.IsZero() {
		m.reachable(r, at, to.URL(), m.AllowPrivate) // what goes there is encrypted already
	}
}

// reachable wants https, or this machine where that is allowed.
func (m *Moving) reachable(r *report, at string, u *url.URL, plain bool) {
	r.want(u.Scheme == "https" || u.Scheme == "http" && plain, at, "is not https", "write https://")
	r.want(!web.IsLoopbackHost(u.Host) || m.AllowPrivate, at, "is on this machine", "write allow_private: true beside it, or a public address")
}
