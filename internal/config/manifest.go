package config

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/catalogue"
)

// Manifest is the wished-for state of the directory, as `zhanggui apply` reads
// it. What it does not name stays as it is.
type Manifest struct {
	Apps    []App    `yaml:"apps"`
	Tenants []Tenant `yaml:"tenants"`
	Shops   []Shop   `yaml:"shops"`
	Clients []Client `yaml:"clients"`
	Members []Member `yaml:"members"`

	OIDCClients []OIDCClient `yaml:"oidc_clients"`
	Channels    []Channel    `yaml:"channels"`

	report *report // where each entry stands, for problems of Resolve
}

// App is a WeChat application that logs people in, or a third-party platform
// (第三方平台) that shops authorise.
type App struct {
	ID           string         `yaml:"id"`
	Kind         access.AppKind `yaml:"kind"` // service_account, website, mini_program or component
	AppID        string         `yaml:"appid"`
	Secret       Secret         `yaml:"secret"` // empty: keep the one the server has
	Name         string         `yaml:"name"`
	CallbackHost string         `yaml:"callback_host"` // empty: the public host, if it is known
	VerifyFile   VerifyFile     `yaml:"verify_file"`
	Scope        string         `yaml:"scope"` // empty: the kind's usual one
	Egress       string         `yaml:"egress"`
	APIHosts     []string       `yaml:"api_hosts"`
	Push         Push           `yaml:"push"`
	Services     []Service      `yaml:"services"` // of a component
	OwnerMessage OwnerMessage   `yaml:"owner_message"`
}

// OwnerMessage is how a service account writes to the owners of shops in WeChat.
type OwnerMessage struct {
	Template string             `yaml:"template"` // WeChat's template_id; empty: it does not
	Kind     access.MessageKind `yaml:"kind"`     // template or subscribe
	// Fields says what each field of the template gets: shop, what, when or next.
	Fields map[string]string `yaml:"fields"`
}

// Push is what was entered at WeChat for pushes (消息推送). Empty: keep what the
// server has.
type Push struct {
	Token  Secret `yaml:"token"`
	AESKey Secret `yaml:"aes_key"` // EncodingAESKey
}

// Service is a service (服务) of a component in the service market.
type Service struct {
	ID        string      `yaml:"id"`
	ServiceID string      `yaml:"service_id"` // WeChat's, digits
	Name      string      `yaml:"name"`
	Role      access.Role `yaml:"role"` // of who comes from the market; empty: operator
}

// VerifyFile is the domain proof that WeChat asks for.
type VerifyFile struct {
	Name    string `yaml:"name"`
	Content string `yaml:"content"`
}

// Tenant (商家) is a group of shops with one circle of owners.
type Tenant struct {
	ID   string `yaml:"id"`
	Name string `yaml:"name"`
}

// Shop (店铺) is one WeChat Store, called with its own AppID and AppSecret or with
// what it authorised a third-party platform to.
type Shop struct {
	ID       string   `yaml:"id"`
	Tenant   string   `yaml:"tenant"`
	AppID    string   `yaml:"appid"`
	App      string   `yaml:"app"`    // the component that it is called through; empty: its own key
	Secret   Secret   `yaml:"secret"` // empty: keep the one the server has
	Push     Push     `yaml:"push"`   // as set in the shop's own back office
	Name     string   `yaml:"name"`
	Egress   string   `yaml:"egress"`
	APIHosts []string `yaml:"api_hosts"`
	// RevokeShopOnWithdraw ends the shop's own grant too when an owner
	// withdraws theirs.
	RevokeShopOnWithdraw bool `yaml:"revoke_shop_on_withdraw"`
}

// Client is a program that gets a key of its own.
type Client struct {
	ID           string      `yaml:"id"`
	Name         string      `yaml:"name"`
	Shops        []string    `yaml:"shops"`
	Mode         access.Mode `yaml:"mode"`    // read or write; empty: read
	Expires      time.Time   `yaml:"expires"` // zero: no end
	ClientRights `yaml:",inline"`
}

// Member is a person's role in a tenant, or in one shop of it.
type Member struct {
	Person string      `yaml:"person"` // our id, p_…
	Tenant string      `yaml:"tenant"`
	Shop   string      `yaml:"shop"` // empty: the whole tenant
	Role   access.Role `yaml:"role"`
	Until  time.Time   `yaml:"until"` // zero: no end
}

// Rules are what a manifest is held against besides itself.
type Rules struct {
	// PublicHost is the server's public host[:port]. Empty: callback hosts are
	// checked for their form only.
	PublicHost string
	// Loopback is the server's loopback setting.
	Loopback bool
	// APIHosts are the base URLs that entries may name as theirs: an AppSecret
	// is sent there, so nobody but who writes the configuration may add one.
	// Nil checks their form only.
	APIHosts []string
	// Catalogue is what paths are looked up in. Nil: their form alone is checked.
	Catalogue *catalogue.Catalogue
	// Exists tells whether the server knows an id already; kind is "tenant",
	// "shop" or "component". Nil: the manifest must name everything that it refers to.
	Exists func(kind, id string) bool
}

// RulesOf gives the rules of a server with these settings.
func RulesOf(c *Config) Rules {
	hosts := append([]string{c.WeChat.API.String()}, c.WeChat.Hosts...)
	return Rules{PublicHost: c.PublicURL.Host(), Loopback: c.Loopback, APIHosts: append(hosts, weChatHosts...)}
}

// weChatHosts are WeChat's own entrances to the API; see
// developers.weixin.qq.com/doc/service/Basic_Information/Interface_field_description.
var weChatHosts = []string{"https://api.weixin.qq.com", "https://api2.weixin.qq.com", "https://sh.api.weixin.qq.com",
	"https://sz.api.weixin.qq.com", "https://hk.api.weixin.qq.com"}

// LoadManifest reads and checks a manifest. If anything is wrong, the error is
// a [Problems] with all of it, except when the file cannot be read at all.
// Secrets are not looked at; see [Manifest.Resolve].
func LoadManifest(path string, rules Rules) (*Manifest, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("config: read the manifest; name an existing file with -f: %w", err)
	}
	return ParseManifest(path, data, rules)
}

// ParseManifest is [LoadManifest] for content that the caller has. The file's
// name is for problems.
func ParseManifest(file string, data []byte, rules Rules) (*Manifest, error) {
	m := &Manifest{report: newReport(file)}
	m.report.decode(data, m)
	m.fillDefaults(rules)
	m.check(m.report, rules)
	if err := m.report.problems.err(); err != nil {
		return nil, err
	}
	return m, nil
}

// Check holds a manifest that did not come from a file, such as one that was
// sent, against the rules, after it wrote out what was left to us. The error is a
// [Problems].
func (m *Manifest) Check(rules Rules) error {
	r := newReport("manifest")
	m.fillDefaults(rules)
	m.check(r, rules)
	return r.problems.err()
}

// fillDefaults writes out what was left to us.
func (m *Manifest) fillDefaults(rules Rules) {
	for i := range m.Apps {
		a := &m.Apps[i]
		if a.Scope == "" {
			a.Scope = usualScope[a.Kind]
		}
		if a.CallbackHost == "" {
			a.CallbackHost = rules.PublicHost
		}
		a.Services = slices.Clone(a.Services)
		for j := range a.Services {
			a.Services[j].Role = cmp.Or(a.Services[j].Role, access.Operator)
		}
	}
	for i := range m.Clients {
		if m.Clients[i].Mode == "" {
			m.Clients[i].Mode = access.Read
		}
	}
	m.fillOIDC()
}

// usualScope is what an app of a kind asks for unless told otherwise.
var usualScope = map[access.AppKind]string{
	access.ServiceAccount: "snsapi_userinfo",
	access.Website:        "snsapi_login",
}
