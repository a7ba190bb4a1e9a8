package guard

import (
	"net/http"
	"strings"

	"github.com/zhanggui/zhanggui/internal/web"
)

// asked is the request that somebody wants to have answered.
type asked struct {
	host   *host
	method string
	target string // path and query as they were sent
}

// path gives the path of the target as it was sent.
func (a asked) path() string {
	path, _, _ := strings.Cut(a.target, "?")
	return path
}

// forwarded reads what a proxy asks about. It is strict: what is missing could be
// filled in by whoever sent the request, because proxies pass their headers on.
func (g *Guard) forwarded(r *http.Request, h *host) (asked, *web.Error) {
	if !web.FromProxy(r.Context()) {
		return asked{}, problem(http.StatusForbidden, "auth-stranger")
	}
	if other := strings.ToLower(r.Host); other != h.Name && g.hosts[other] != nil {
		return asked{}, problem(http.StatusBadRequest, "auth-two-hosts")
	}
	a := asked{host: h}
	var okTarget, okMethod bool
	a.target, okTarget = said(r.Header["X-Forwarded-Uri"], r.Header["X-Original-Uri"])
	a.method, okMethod = said(r.Header["X-Forwarded-Method"], r.Header["X-Original-Method"])
	switch {
	case !okTarget || !okMethod:
		return asked{}, problem(http.StatusBadRequest, "auth-headers")
	case a.target[0] != '/':
		return asked{}, problem(http.StatusBadRequest, "odd-path")
	case under(a.path(), Place):
		return asked{}, problem(http.StatusBadRequest, "auth-place") // else begin would lead to begin
	}
	return a, nil
}

// said gives what headers of two names say, if they say one thing.
func said(a, b []string) (string, bool) {
	if len(a) == 0 {
		a, b = b, nil
	}
	if len(a) != 1 || a[0] == "" || len(b) > 1 || len(b) == 1 && b[0] != a[0] {
		return "", false
	}
	return a[0], true
}

// own is the request itself, where we are the proxy.
func own(r *http.Request, h *host) asked {
	return asked{host: h, method: r.Method, target: r.URL.RequestURI()}
}

// back gives the address to come back to after a login: the target, or the start page
// if the target is none that is read alike everywhere.
func (h *host) back(target string) string {
	if !strings.HasPrefix(target, "/") || len(target) > maxReturn || under(target, Place) {
		return "/"
	}
	if _, err := h.returns.Check(target); err != nil {
		return "/"
	}
	return target
}

// maxReturn leaves room for the address of a return within the address of a login.
const maxReturn = 1200
