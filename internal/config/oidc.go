package config

import (
	"cmp"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/web"
)

// OIDCClient is a program that people are logged into with OpenID Connect.
type OIDCClient struct {
	ID             string        `yaml:"id"` // its client_id
	Name           string        `yaml:"name"`
	Secret         Secret        `yaml:"secret"` // empty: keep the one the server has
	Public         bool          `yaml:"public"` // it keeps no secret
	RedirectURIs   []string      `yaml:"redirect_uris"`
	PostLogoutURIs []string      `yaml:"post_logout_redirect_uris"`
	BackchannelURI string        `yaml:"backchannel_logout_uri"`
	AllowPrivate   bool          `yaml:"allow_private"` // for backchannel_logout_uri
	Shop           string        `yaml:"shop"`          // or tenant
	Tenant         string        `yaml:"tenant"`
	Role           access.Role   `yaml:"role"`  // the least that opens it; empty: viewer
	Doors          []access.Door `yaml:"doors"` // empty: all that name a person
	Claims         []string      `yaml:"claims"`
	Sector         string        `yaml:"sector"` // empty: its id
	EmailDomain    string        `yaml:"email_domain"`
	WithoutPKCE    bool          `yaml:"without_pkce"`
}

// doors are those that a program may name.
var doors = []access.Door{access.DoorWeChat, access.DoorQR, access.DoorMarket}

func (m *Manifest) fillOIDC() {
	for i := range m.OIDCClients {
		c := &m.OIDCClients[i]
		c.Role = cmp.Or(c.Role, access.Viewer)
		c.Sector = cmp.Or(c.Sector, c.ID)
	}
}

func (m *Manifest) checkOIDC(r *report, rules Rules, tenants, shops ids) {
	seen := ids{}
	for i, c := range m.OIDCClients {
		s := item("oidc_clients", i)
		r.id(s, c.ID, seen)
		r.line(s+".name", c.Name)
		r.secretRef(s+".secret", c.Secret, rules.Loopback)
		r.want(!c.Public || c.Secret.IsZero(), s+".public", "has a secret", "remove the secret, or public")
		r.want(!c.Public || !c.WithoutPKCE, s+".without_pkce", "takes the last protection from a public client", "remove it; programs without a secret need PKCE")
		r.want((c.Shop == "") != (c.Tenant == ""), s, "is for a shop and a tenant, or for neither", "write shop for one shop, or tenant for each of its shops")
		if c.Shop != "" {
			r.reference(s+".shop", "shop", c.Shop, shops, rules)
		}
		if c.Tenant != "" {
			r.reference(s+".tenant", "tenant", c.Tenant, tenants, rules)
		}
		r.want(c.Role.Valid(), s+".role", "is not a role", "write owner, operator or viewer")
		r.want(slugForm.MatchString(c.Sector), s+".sector", "is not an id", idRemedy)
		r.oidcAddresses(s, c, rules)
		r.oidcWords(s, c)
	}
}

// oidcAddresses looks at where browsers and logout tokens are sent.
func (r *report) oidcAddresses(s string, c OIDCClient, rules Rules) {
	r.want(len(c.RedirectURIs) > 0, s+".redirect_uris", "is empty", "write where the program takes people back, such as https://erp.example.com/oauth2/callback")
	r.landings(s+".redirect_uris", c.RedirectURIs, rules)
	r.landings(s+".post_logout_redirect_uris", c.PostLogoutURIs, rules)
	if c.BackchannelURI == "" {
		return
	}
	r.landing(s+".backchannel_logout_uri", c.BackchannelURI, rules.Loopback)
	u, err := url.Parse(c.BackchannelURI)
	r.want(err != nil || !web.IsLoopbackHost(u.Host) || c.AllowPrivate, s+".backchannel_logout_uri", "is on this machine", "write allow_private: true beside it, or a public address")
}

func (r *report) landings(s string, list []string, rules Rules) {
	for i, uri := range list {
		r.landing(item(s, i), uri, rules.Loopback)
		r.want(slices.Index(list, uri) == i, item(s, i), "is there twice", "keep one of them")
	}
}

// landing wants an address that a code may be sent to: https, or the number of the
// person's own machine, where nothing leaves it (RFC 8252, section 7.3). Names such as
// localhost need loopback: true.
func (r *report) landing(s, uri string, loopback bool) {
	u, err := url.Parse(uri)
	whole := err == nil && u.Host != "" && u.Opaque == "" && u.User == nil && len(uri) <= 1024 && !strings.ContainsAny(uri, "#*\\ ")
	if !r.want(whole, s, "is not a whole address", "write it out as the program sends it, such as https://erp.example.com/callback, without # and *") {
		return
	}
	ip, err := netip.ParseAddr(u.Hostname())
	own := err == nil && ip.IsLoopback() || loopback && web.IsLoopbackHost(u.Host)
	r.want(u.Scheme == "https" || u.Scheme == "http" && own, s, "is not https", "write https://; http is for http://127.0.0.1 and http://[::1] only")
}

// oidcWords looks at what a program is told.
func (r *report) oidcWords(s string, c OIDCClient) {
	for i, d := range c.Doors {
		r.want(slices.Contains(doors, d), item(s+".doors", i), "is not a door", "write wechat, qr or market")
		r.want(slices.Index(c.Doors, d) == i, item(s+".doors", i), "is there twice", "keep one of them")
	}
	for i, name := range c.Claims {
		r.want(name == "openid" || name == "unionid", item(s+".claims", i), "cannot be declared", "write openid or unionid; the others are always there, or come with the scope profile")
		r.want(slices.Index(c.Claims, name) == i, item(s+".claims", i), "is there twice", "keep one of them")
	}
	r.want(c.EmailDomain == "" || hostName(c.EmailDomain), s+".email_domain", "is not a domain", "write one of yours that takes no mail, such as people.example.com")
}
