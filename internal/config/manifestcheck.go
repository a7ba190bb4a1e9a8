package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/web"
)

var (
	slugForm   = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)
	appIDForm  = regexp.MustCompile(`^wx[0-9a-f]{16}$`)
	personForm = regexp.MustCompile(`^p_[a-z0-9]{1,64}$`)
	verifyForm = regexp.MustCompile(`^MP_verify_[A-Za-z0-9]{1,64}\.txt$`)
	proofForm  = regexp.MustCompile(`^[A-Za-z0-9]{1,128}$`)
	// serviceForm is a uint64: WeChat's numbers of services pass 2^53.
	serviceForm = regexp.MustCompile(`^[1-9][0-9]{0,19}$`)
)

// The words of problems that several entries share.
const (
	idRemedy    = "write 1 to 40 lower-case letters, digits and inner hyphens"
	appIDRemedy = "copy it from the WeChat console: wx and 16 hex digits"
)

// ids are the ids of one kind that were seen, with the place of each.
type ids map[string]string

// check holds the manifest against itself and the rules.
func (m *Manifest) check(r *report, rules Rules) {
	wxIDs := ids{}
	components := m.checkApps(r, rules, wxIDs)
	tenants := ids{}
	for i, t := range m.Tenants {
		s := item("tenants", i)
		r.id(s, t.ID, tenants)
		r.line(s+".name", t.Name)
	}
	shops := m.checkShops(r, rules, tenants, components, wxIDs)
	m.checkClients(r, rules, shops)
	m.checkMembers(r, rules, tenants, shops)
	m.checkOIDC(r, rules, tenants, shops)
	m.checkChannels(r, rules, tenants)
}

// checkApps gives the components.
func (m *Manifest) checkApps(r *report, rules Rules, wxIDs ids) ids {
	seen, components := ids{}, ids{}
	for i, a := range m.Apps {
		s := item("apps", i)
		r.id(s, a.ID, seen)
		r.want(!strings.HasPrefix(a.ID, "shop-"), s+".id", `begins with "shop-"`, "choose another id; these belong to the shops' own apps")
		r.want(usualScope[a.Kind] != "" || a.Kind == access.Component || a.Kind == access.MiniProgram, s+".kind", "is not a kind of app",
			"write service_account, website, mini_program or component; a shop's own app is written under shops")
		if a.Kind == access.Component {
			components[a.ID] = s
		}
		r.appID(s, a.AppID, wxIDs)
		r.secretRef(s+".secret", a.Secret, rules.Loopback)
		r.line(s+".name", a.Name)
		r.callbackHost(s+".callback_host", a.CallbackHost, rules)
		r.verifyFile(s+".verify_file", a.VerifyFile)
		r.scope(s+".scope", a)
		r.route(s, a.Egress, a.APIHosts, rules)
		r.push(s+".push", a.Push, rules)
		r.services(s, a)
		r.ownerMessage(s+".owner_message", a)
	}
	return components
}

// push wants both keys or none.
func (r *report) push(s string, p Push, rules Rules) {
	r.want(p.Token.IsZero() == p.AESKey.IsZero(), s, "has one key of two", "write token and aes_key as they were entered at WeChat")
	r.secretRef(s+".token", p.Token, rules.Loopback)
	r.secretRef(s+".aes_key", p.AESKey, rules.Loopback)
}

// ownerMessage wants a template, and for each of its fields something that it takes.
func (r *report) ownerMessage(s string, a App) {
	m := a.OwnerMessage
	if m.Template == "" {
		r.want(m.Kind == "" && len(m.Fields) == 0, s+".template", "is missing", "copy the template_id from the account's back office")
		return
	}
	r.line(s+".template", m.Template)
	r.want(a.Kind == access.ServiceAccount, s, "is of an app that cannot write to people", "move it to a service account")
	r.want(m.Kind == access.TemplateMessage || m.Kind == access.SubscriptionNotice, s+".kind", "is not a kind of message", "write template or subscribe")
	r.want(len(m.Fields) > 0, s+".fields", "is empty", "name each field of the template, such as thing1: shop")
	for _, field := range slices.Sorted(maps.Keys(m.Fields)) {
		r.want(access.FieldTakes(field, m.Fields[field]), s+".fields."+field, "does not take that",
			"thing and keyword take shop, what or next, time and date take when, phrase takes what, character_string takes shop; choose a template with such fields")
	}
}

// services wants what the market opens this server with. Nobody becomes an owner
// by that: WeChat names the shop and not the human.
func (r *report) services(s string, a App) {
	r.want(len(a.Services) == 0 || a.Kind == access.Component, s+".services", "belong to a component", "move them to the component that sells them")
	seen, ours := ids{}, ids{}
	for i, v := range a.Services {
		at := item(s+".services", i)
		r.id(at, v.ID, ours)
		if r.want(serviceForm.MatchString(v.ServiceID), at+".service_id", "is not the number of a service", "copy it from the service market: digits, in quotes") {
			r.want(seen[v.ServiceID] == "", at+".service_id", "is used twice", "keep one entry for each service; the other is "+seen[v.ServiceID])
			seen[v.ServiceID] = at
		}
		r.line(at+".name", v.Name)
		r.want(v.Role == access.Operator || v.Role == access.Viewer, at+".role", "is not a role for who comes from the market",
			"write operator or viewer; owners are people, who log in by WeChat and claim the shop")
	}
}

func (m *Manifest) checkShops(r *report, rules Rules, tenants, components, wxIDs ids) ids {
	seen := ids{}
	for i, sh := range m.Shops {
		s := item("shops", i)
		r.id(s, sh.ID, seen)
		r.reference(s+".tenant", "tenant", sh.Tenant, tenants, rules)
		r.appID(s, sh.AppID, wxIDs)
		r.secretRef(s+".secret", sh.Secret, rules.Loopback)
		if sh.App != "" {
			r.reference(s+".app", "component", sh.App, components, rules)
		}
		r.push(s+".push", sh.Push, rules)
		r.line(s+".name", sh.Name)
		r.route(s, sh.Egress, sh.APIHosts, rules)
	}
	return seen
}

func (m *Manifest) checkClients(r *report, rules Rules, shops ids) {
	seen := ids{}
	for i, c := range m.Clients {
		s := item("clients", i)
		r.id(s, c.ID, seen)
		r.line(s+".name", c.Name)
		r.want(c.Mode == access.Read || c.Mode == access.Write, s+".mode", "is not a mode", "write read or write")
		r.want(len(c.Shops) > 0, s+".shops", "is empty", "name the shops that this program may use")
		for j, shop := range c.Shops {
			at := item(s+".shops", j)
			r.reference(at, "shop", shop, shops, rules)
			r.want(slices.Index(c.Shops, shop) == j, at, "is named twice", "keep one of them")
		}
		r.rights(s, c, rules)
	}
}

func (m *Manifest) checkMembers(r *report, rules Rules, tenants, shops ids) {
	seen := map[Member]bool{}
	for i, mb := range m.Members {
		s := item("members", i)
		r.want(personForm.MatchString(mb.Person), s+".person", "is not a person's id", "copy it from the console: p_ and letters and digits")
		r.reference(s+".tenant", "tenant", mb.Tenant, tenants, rules)
		if mb.Shop != "" {
			r.reference(s+".shop", "shop", mb.Shop, shops, rules)
			r.want(m.tenantOf(mb.Shop, mb.Tenant) == mb.Tenant, s+".shop", "belongs to another tenant", "name the shop's own tenant")
		}
		r.want(mb.Role.Valid(), s+".role", "is not a role", "write owner, operator or viewer")
		key := Member{Person: mb.Person, Tenant: mb.Tenant, Shop: mb.Shop}
		r.want(!seen[key], s, "gives a person a second role in the same place", "keep one of them")
		seen[key] = true
	}
}

// tenantOf gives the tenant of a shop in the manifest, or fallback if the shop
// is not in it.
func (m *Manifest) tenantOf(shop, fallback string) string {
	for _, s := range m.Shops {
		if s.ID == shop {
			return s.Tenant
		}
	}
	return fallback
}

func item(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

// id wants a slug that no earlier entry has.
func (r *report) id(s, id string, seen ids) {
	s += ".id"
	if !r.want(slugForm.MatchString(id), s, "is not an id", idRemedy) {
		return
	}
	r.want(seen[id] == "", s, "is used twice", fmt.Sprintf("choose another, or remove the entry at %s", seen[id]))
	seen[id] = s
}

// appID wants a WeChat appid that no other entry has: two entries of one appid
// would take each other's tokens away.
func (r *report) appID(s, appid string, seen ids) {
	s += ".appid"
	if !r.want(appIDForm.MatchString(appid), s, "is not an appid", appIDRemedy) {
		return
	}
	r.want(seen[appid] == "", s, "is used twice", fmt.Sprintf("keep one entry for each appid; the other is %s", seen[appid]))
	seen[appid] = s
}

// reference wants an id that the manifest or the server knows.
func (r *report) reference(s, kind, id string, seen ids, rules Rules) {
	if !r.want(slugForm.MatchString(id), s, "is not an id", idRemedy) {
		return
	}
	known := seen[id] != "" || rules.Exists != nil && rules.Exists(kind, id)
	r.want(known, s, "names a "+kind+" that does not exist", "add it under "+kind+"s, or mend the name")
}

// callbackHost wants the host that is entered at WeChat: a bare name, the
// public one, and a port only under the loopback rule.
func (r *report) callbackHost(s, host string, rules Rules) {
	if host == "" {
		return // the server fills in its own
	}
	name, port := cutPort(host)
	if web.IsLoopbackHost(host) {
		r.want(portOrNone(port), s, "has a port that is none", "write host:port, such as localhost:8080")
		r.want(rules.Loopback, s, "is a loopback host", "write the public host; loopback hosts need loopback: true")
		return
	}
	if !r.want(hostName(host), s, "is not a host as entered at WeChat", "write a bare name in lower case, such as "+orExample(rules.PublicHost)+", without scheme, port and path") {
		return
	}
	r.want(rules.PublicHost == "" || name == rules.PublicHost, s, "is not the host of public_url",
		"WeChat sends people to this host, and this server answers at another; make the two equal")
}

func orExample(host string) string {
	if host == "" {
		return "zhanggui.example.com"
	}
	return host
}

func (r *report) verifyFile(s string, v VerifyFile) {
	if v == (VerifyFile{}) {
		return
	}
	r.want(verifyForm.MatchString(v.Name), s+".name", "is not the name of a domain proof", "copy it from the WeChat console: MP_verify_….txt")
	r.want(proofForm.MatchString(v.Content), s+".content", "is not the content of a domain proof", "copy the one line of the file, letters and digits only")
}

// scope wants one that WeChat gives to apps of the kind.
func (r *report) scope(s string, a App) {
	switch a.Kind {
	case access.Component:
		r.want(a.Scope == "", s, "does not fit a component", "leave it out; a component logs nobody in")
	case access.MiniProgram:
		r.want(a.Scope == "", s, "does not fit a mini program", "leave it out; wx.login asks for no scope")
	case access.ServiceAccount:
		r.want(a.Scope == "snsapi_userinfo" || a.Scope == "snsapi_base", s, "does not fit a service account", "write snsapi_userinfo or snsapi_base, or leave it out")
	case access.Website:
		r.want(a.Scope == "snsapi_login", s, "does not fit a website app", "write snsapi_login, or leave it out")
	}
}

func (r *report) route(s, egress string, hosts []string, rules Rules) {
	r.egress(s+".egress", egress)
	for i, h := range hosts {
		at := item(s+".api_hosts", i)
		r.baseURL(at, h, rules.Loopback)
		r.want(rules.APIHosts == nil || slices.Contains(rules.APIHosts, strings.TrimRight(h, "/")), at, "is not one of WeChat's API hosts",
			"the secret is sent there; name another host as wechat.api or wechat.hosts in the server's configuration first")
	}
}
