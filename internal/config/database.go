package config

import (
	"net/url"
	"slices"
	"strings"

	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// database wants nothing, or a URL of PostgreSQL that says how the way there is
// protected, unless it never leaves the machine. Problems do not repeat it: it
// may hold a password.
func (r *report) database(setting string, v secret.Value) {
	if v.IsZero() {
		return
	}
	u, err := url.Parse(v.RevealString())
	ok := err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") && u.Opaque == "" && u.Fragment == ""
	if !r.want(ok, setting, "is not a URL of PostgreSQL", "write it as postgres://user:password@host:5432/name, or leave it out for SQLite in the data directory") {
		return
	}
	if !leavesMachine(u) {
		return
	}
	const modes = "write sslmode=verify-full with sslrootcert, or sslmode=require; on a network that nobody else can listen on, sslmode=disable"
	switch mode := u.Query().Get("sslmode"); mode {
	case "disable", "require", "verify-ca", "verify-full":
	case "":
		r.bad(setting, "does not say how the way to the server is protected", modes)
	case "allow", "prefer":
		r.bad(setting, "allows plain text in silence with sslmode="+mode, modes)
	default:
		r.bad(setting, "has an sslmode that there is not", modes)
	}
}

// leavesMachine tells whether any host of a database's URL is another machine. No
// host, or one that begins with a slash, is a Unix socket.
func leavesMachine(u *url.URL) bool {
	hosts := append(strings.Split(u.Host, ","), strings.Split(u.Query().Get("host"), ",")...)
	return slices.ContainsFunc(hosts, func(host string) bool {
		return host != "" && !strings.HasPrefix(host, "/") && !web.IsLoopbackHost(host) && !strings.HasPrefix(host, "[::1]") && host != "::1"
	})
}
