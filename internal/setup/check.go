package setup

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/zhanggui/zhanggui/internal/access"
)

// InvalidError lists everything that is wrong with a manifest, each with what
// to do about it.
type InvalidError struct{ Problems []string }

// Error joins the problems, one a line.
func (e *InvalidError) Error() string {
	return "the manifest cannot be applied:\n  " + strings.Join(e.Problems, "\n  ")
}

var (
	slugForm   = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$`)
	appIDForm  = regexp.MustCompile(`^wx[0-9a-f]{16}$`)
	verifyForm = regexp.MustCompile(`^MP_verify_[A-Za-z0-9]{1,64}\.txt$`)
)

// checker collects problems, so that all are told at once. They name ids and
// settings, never other values: somebody may have put a secret in the wrong
// place.
type checker struct{ problems []string }

func (c *checker) want(ok bool, format string, args ...any) {
	if !ok {
		c.problems = append(c.problems, fmt.Sprintf(format, args...))
	}
}

func (c *checker) slug(kind, id string) {
	c.want(slugForm.MatchString(id), "%s %q: an id is 1 to 40 lower-case letters, digits and inner hyphens", kind, id)
}

func (c *checker) err() error {
	if len(c.problems) == 0 {
		return nil
	}
	return &InvalidError{Problems: c.problems}
}

// check holds the manifest against itself and what is kept.
func (m Manifest) check(kept kept) error {
	var c checker
	m.checkApps(&c)
	tenants, seen := kept.tenants.ids(), map[string]bool{}
	for _, t := range m.Tenants {
		c.slug("tenant", t.ID)
		c.want(!seen[t.ID], "tenant %q is named twice; name it once", t.ID)
		tenants[t.ID], seen[t.ID] = true, true
	}
	shops := m.checkShops(&c, kept, tenants)
	m.checkClients(&c, shops)
	for _, mb := range m.Members {
		c.want(tenants[mb.TenantID], "member %s: tenant %q is unknown; declare it under tenants", mb.PersonID, mb.TenantID)
		c.want(mb.Role.Valid(), "member %s: the role is not one of owner, operator, viewer", mb.PersonID)
		c.want(mb.ShopID == "" || shops[mb.ShopID], "member %s: shop %q is unknown; declare it under shops", mb.PersonID, mb.ShopID)
	}
	return c.err()
}

func (m Manifest) checkApps(c *checker) {
	seen := map[string]bool{}
	for _, a := range m.Apps {
		c.slug("app", a.ID)
		c.want(!strings.HasPrefix(a.ID, shopAppPrefix), "app %q: ids that begin with %q belong to shops; choose another", a.ID, shopAppPrefix)
		c.want(!seen[a.ID], "app %q is named twice; name it once", a.ID)
		seen[a.ID] = true
		c.want(a.Kind == access.ServiceAccount || a.Kind == access.Website, "app %q: the kind is not one of service_account, website", a.ID)
		c.want(appIDForm.MatchString(a.AppID), "app %q: the appid is not wx and 16 hex digits; copy it from the WeChat console", a.ID)
		c.want(a.CallbackHost != "" && !strings.Contains(a.CallbackHost, "/"), "app %q: callback_host must be a bare host as entered at WeChat", a.ID)
		c.want(a.VerifyName == "" || verifyForm.MatchString(a.VerifyName), "app %q: the verify_file's name is not of the form MP_verify_….txt", a.ID)
		c.want(a.scopeFits(), "app %q: the scope does not fit its kind; leave it out for the usual one", a.ID)
		c.route("app "+a.ID, a.Egress, a.APIHosts)
	}
}

func (m Manifest) checkShops(c *checker, kept kept, tenants map[string]bool) map[string]bool {
	shops, seen := kept.shops.ids(), map[string]bool{}
	for _, s := range m.Shops {
		c.slug("shop", s.ID)
		c.want(!seen[s.ID], "shop %q is named twice; name it once", s.ID)
		seen[s.ID], shops[s.ID] = true, true
		c.want(tenants[s.Tenant], "shop %q: tenant %q is unknown; declare it under tenants", s.ID, s.Tenant)
		c.want(appIDForm.MatchString(s.AppID), "shop %q: the appid is not wx and 16 hex digits; copy it from 服务市场 → 经营工具 → 自研", s.ID)
		_, known := kept.apps[shopAppPrefix+s.ID]
		c.want(known || !s.Secret.IsZero(), "shop %q: a new shop needs its secret", s.ID)
		c.route("shop "+s.ID, s.Egress, s.APIHosts)
	}
	for _, a := range m.Apps {
		_, known := kept.apps[a.ID]
		c.want(known || !a.Secret.IsZero(), "app %q: a new app needs its secret", a.ID)
	}
	return shops
}

func (m Manifest) checkClients(c *checker, shops map[string]bool) {
	seen := map[string]bool{}
	for _, cl := range m.Clients {
		c.slug("client", cl.ID)
		c.want(!seen[cl.ID], "client %q is named twice; name it once", cl.ID)
		seen[cl.ID] = true
		c.want(cl.Mode == access.Read || cl.Mode == access.Write, "client %q: the mode is not one of read, write", cl.ID)
		for _, s := range cl.Shops {
			c.want(shops[s], "client %q: shop %q is unknown; declare it under shops", cl.ID, s)
		}
	}
}

// route checks how an app reaches WeChat.
func (c *checker) route(what, egress string, hosts []string) {
	if u, err := url.Parse(egress); egress != "" && err == nil && u.Scheme != "" {
		c.want(u.Host != "" && (u.Scheme == "http" || u.Scheme == "socks5"), "%s: egress must be a source address, http://host:port or socks5://host:port", what)
	}
	for _, h := range hosts {
		u, err := url.Parse(h)
		c.want(err == nil && u.Host != "" && u.RawQuery == "" && (u.Scheme == "https" || u.Scheme == "http"), "%s: every entry of api_hosts must be a base URL", what)
	}
}

func (a App) scopeFits() bool {
	switch a.Scope {
	case "":
		return true
	case "snsapi_base", "snsapi_userinfo":
		return a.Kind == access.ServiceAccount
	case "snsapi_login":
		return a.Kind == access.Website
	}
	return false
}

// scope is the scope to keep: the one asked for, or the kind's usual one.
func (a App) scope() string {
	switch {
	case a.Scope != "":
		return a.Scope
	case a.Kind == access.Website:
		return "snsapi_login"
	}
	return "snsapi_userinfo"
}
