package config

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Config holds the server's settings. [Load] makes a checked one. It is a
// value: copy it freely, and do not change it while others read it.
//
// The doc tags are the text of the reference page.
type Config struct {
	PublicURL      URL            `yaml:"public_url" env:"PUBLIC_URL" doc:"Address that people and WeChat use: https, no port. It may carry a path prefix. Loopback names may use http and a port."`
	Listen         string         `yaml:"listen" env:"LISTEN" doc:"Address of the public listener."`
	OpsListen      string         `yaml:"ops_listen" env:"OPS_LISTEN" doc:"Address of the operations listener: metrics, health, profiles. Keep it private."`
	Data           string         `yaml:"data" env:"DATA" doc:"Directory of the database, the keys and the admin socket."`
	Database       secret.Value   `yaml:"database" env:"DATABASE" doc:"postgres://user:password@host/name, for several replicas. Empty: SQLite in the data directory, for one."`
	DatabaseDirect secret.Value   `yaml:"database_direct" env:"DATABASE_DIRECT" doc:"URL straight to the PostgreSQL server, past any pooler, to hear of changes at once. Empty: changes are looked for now and then."`
	Standby        bool           `yaml:"standby" env:"STANDBY" doc:"With PostgreSQL: keep a sealed copy in the data directory that serves calls for 15 minutes while the database is away."`
	Loopback       bool           `yaml:"loopback" env:"LOOPBACK" doc:"Allow http and a port for localhost, 127.0.0.1 and *.localhost, and secrets written out. On by itself if public_url names such a host."`
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies" env:"TRUSTED_PROXIES" doc:"Networks of the proxies in front of this server; X-Forwarded-* is believed from them only."`
	RedirectHosts  []string       `yaml:"redirect_hosts" env:"REDIRECT_HOSTS" doc:"Hosts that people may be sent back to after a login, besides the public one."`
	Egress         string         `yaml:"egress" env:"EGRESS" doc:"How calls leave for WeChat: a source address, or an http:// or socks5:// proxy. Empty: the default route."`
	Catalogue      string         `yaml:"catalogue" env:"CATALOGUE" doc:"TSV file of WeChat paths that stand beside or in place of those this version knows; read at the start. The columns are those of internal/catalogue/endpoints.tsv."`
	PermissionSets PermissionSets `yaml:"permission_sets" env:"PERMISSION_SETS" doc:"What becomes of a call that needs a permission set which the shop did not grant to the platform: check (refused before WeChat is asked), observe (let through and recorded) or off."`
	Quota          Quota          `yaml:"quota" env:"QUOTA" doc:"What is done about WeChat's daily quotas: on (calls are spread over the day; clients of low priority wait or are refused before a quota runs dry), observe (counted, forecast and told, nobody waits) or off."`
	Clients        ClientDefaults `yaml:"clients" envPrefix:"CLIENTS_"`
	WeChat         WeChat         `yaml:"wechat" envPrefix:"WECHAT_"`
	TLS            TLS            `yaml:"tls" envPrefix:"TLS_"`
	Session        Session        `yaml:"session" envPrefix:"SESSION_"`
	Keeper         Keeper         `yaml:"keeper" envPrefix:"KEEPER_"`
	Platforms      Platforms      `yaml:"platforms" envPrefix:"PLATFORMS_"`
	Review         Review         `yaml:"review" envPrefix:"REVIEW_"`
	Grants         Grants         `yaml:"grants" envPrefix:"GRANTS_"`
	MasterKey      MasterKey      `yaml:"master_key" envPrefix:"MASTER_KEY_"`
	Operator       Operator       `yaml:"operator" envPrefix:"OPERATOR_"`
	Log            Log            `yaml:"log" envPrefix:"LOG_"`
	Tracing        Tracing        `yaml:"tracing" envPrefix:"TRACING_"`
	Alerts         Alerts         `yaml:"alerts" envPrefix:"ALERTS_"`
	Webhooks       []Webhook      `yaml:"webhooks" envPrefix:"WEBHOOKS_"`
	Channels       []Channel      `yaml:"channels" envPrefix:"CHANNELS_"`
	Moving         []Moving       `yaml:"moving" envPrefix:"MOVING_"`
	Audit          Audit          `yaml:"audit" envPrefix:"AUDIT_"`
	StaffOIDC      StaffOIDC      `yaml:"staff_oidc" envPrefix:"STAFF_OIDC_"`
	Protected      []Protected    `yaml:"protected" envPrefix:"-"` // in the file only
	Upstreams      []Upstream     `yaml:"upstreams" envPrefix:"-"` // in the file only
}

// PermissionSets says how permission sets (权限集) are looked at.
type PermissionSets string

// The ways to look at permission sets.
const (
	SetsCheck   PermissionSets = "check"
	SetsObserve PermissionSets = "observe"
	SetsOff     PermissionSets = "off"
)

// Quota says what is done about the quotas that WeChat gives a shop.
type Quota string

// The ways to treat quotas.
const (
	QuotaOn      Quota = "on"
	QuotaObserve Quota = "observe"
	QuotaOff     Quota = "off"
)

// ClientDefaults hold for clients whose rights do not say otherwise.
type ClientDefaults struct {
	PerSecond float64 `yaml:"per_second" env:"PER_SECOND" doc:"How many calls a second a client may make of each server whose rights do not say otherwise. 0: not bounded."`
	Burst     int     `yaml:"burst" env:"BURST" doc:"How many of these calls may come at once. 0: those of one second."`
	// MaxWait bounds the header X-Zhanggui-Wait.
	MaxWait time.Duration `yaml:"max_wait" env:"MAX_WAIT" doc:"How long a client may have a call held until WeChat takes it, with the header X-Zhanggui-Wait."`
}

// WeChat says where WeChat is. The defaults are the real ones; the emulator
// and the China-mainland or overseas nodes are reached by changing them.
type WeChat struct {
	Open  URL      `yaml:"open" env:"OPEN" doc:"Base URL of the login pages."`
	API   URL      `yaml:"api" env:"API" doc:"Base URL of the API."`
	MP    URL      `yaml:"mp" env:"MP" doc:"Base URL of the console for accounts, for links that people follow."`
	Hosts []string `yaml:"hosts" env:"HOSTS" doc:"Further base URLs of the API, in the order to try them when the first cannot be reached."`
}

// TLSMode says who ends TLS.
type TLSMode string

// The TLS modes.
const (
	TLSOff   TLSMode = "off"   // a proxy in front, or loopback
	TLSFiles TLSMode = "files" // certificate and key from files, reloaded on change
	TLSACME  TLSMode = "acme"  // certificates fetched automatically
)

// TLS says how the public listener speaks TLS.
type TLS struct {
	Mode TLSMode `yaml:"mode" env:"MODE" doc:"off, files or acme. Off needs a loopback listen address or trusted proxies."`
	Cert string  `yaml:"cert" env:"CERT" doc:"Certificate file, for files."`
	Key  string  `yaml:"key" env:"KEY" doc:"Key file, for files."`
	ACME ACME    `yaml:"acme" envPrefix:"ACME_"`
}

// ACME says whom to ask for certificates.
type ACME struct {
	Email     string   `yaml:"email" env:"EMAIL" doc:"Address that the certificate authority may write to."`
	Hosts     []string `yaml:"hosts" env:"HOSTS" doc:"Hosts to get certificates for; the host of public_url must be one."`
	Directory URL      `yaml:"directory" env:"DIRECTORY" doc:"Directory URL of the certificate authority."`
}

// Session bounds how long people stay logged in.
type Session struct {
	Idle     time.Duration `yaml:"idle" env:"IDLE" doc:"A session ends when it was not used for this long."`
	Absolute time.Duration `yaml:"absolute" env:"ABSOLUTE" doc:"A session ends this long after the login, used or not."`
}

// Keeper says how tokens are kept.
type Keeper struct {
	SleepAfter time.Duration `yaml:"sleep_after" env:"SLEEP_AFTER" doc:"A token that nobody used for this long is not renewed until it is used again, such as 720h. 0: every token is kept fresh."`
}

// Platforms says what is done with accounts that authorise a third-party platform.
type Platforms struct {
	DeclaredOnly bool    `yaml:"declared_only" env:"DECLARED_ONLY" doc:"Keep only shops that somebody declared; others that authorise a platform wait until they are declared. Off: each opens a shop of its own."`
	Sets         []int64 `yaml:"sets" env:"SETS" doc:"Permission sets (权限集) that a shop should grant; one that misses any is told. Empty list: none is expected."`
}

// MasterKey says where the key is that all others are sealed with. At most
// one is set; with none, a key file is made in the data directory.
type MasterKey struct {
	File    string   `yaml:"file" env:"FILE" doc:"File that holds the master key. Empty, with env and command: a file in the data directory."`
	Env     string   `yaml:"env" env:"ENV" doc:"Name of the environment variable that holds the master key."`
	Command []string `yaml:"command" env:"COMMAND" doc:"Program and arguments whose output is the master key, such as a KMS client."`
}

// Operator is who runs this server, as pages say it.
type Operator struct {
	Name      string `yaml:"name" env:"NAME" doc:"Name of the operator, in the footer of pages and on the consent page."`
	Contact   string `yaml:"contact" env:"CONTACT" doc:"How people reach the operator."`
	ICP       string `yaml:"icp" env:"ICP" doc:"ICP filing number (ICP 备案号), shown in the footer."`
	PoliceICP string `yaml:"police_icp" env:"POLICE_ICP" doc:"Public security filing number (公安联网备案号), shown in the footer."`
}

// Log says what the log looks like.
type Log struct {
	Format string     `yaml:"format" env:"FORMAT" doc:"text or json."`
	Level  slog.Level `yaml:"level" env:"LEVEL" doc:"debug, info, warn or error."`
}

// Webhook is an address that notices are posted to, signed.
type Webhook struct {
	URL          URL    `yaml:"url" env:"URL" doc:"Address that notices are posted to: https. The environment counts from 0: ZHANGGUI_WEBHOOKS_0_URL, ZHANGGUI_WEBHOOKS_1_URL."`
	Secret       Secret `yaml:"secret" env:"SECRET" doc:"What notices are signed with: file:/path or env:NAME, holding whsec_ and base64 of 24 to 64 random bytes. A variable of this name may hold it itself."`
	AllowPrivate bool   `yaml:"allow_private" env:"ALLOW_PRIVATE" doc:"Whether the address may be on this machine or in a private network."`
}

// Moving is what another system still does for a third-party platform that moves
// here; see docs/operate/cutover.md.
type Moving struct {
	App          string `yaml:"app" env:"APP" doc:"Id of a third-party platform, as declared, that moves here from another system; see the cut-over runbook."`
	Follow       string `yaml:"follow" env:"FOLLOW" doc:"Where the other system keeps its tokens, for grants in the mode follow: https:// with {appid} in it, answering access_token and expires_in, or redis:// or rediss:// with host, port and database."`
	Secret       Secret `yaml:"secret" env:"SECRET" doc:"Bearer token for https, password for Redis: file:/path or env:NAME. Empty: none is asked for."`
	AccessKey    string `yaml:"access_key" env:"ACCESS_KEY" doc:"Redis key of an access token, with {appid} and {platform}. Empty: as WxJava names it."`
	RefreshKey   string `yaml:"refresh_key" env:"REFRESH_KEY" doc:"The same of a refresh token."`
	PassOnAuth   URL    `yaml:"pass_on_auth" env:"PASS_ON_AUTH" doc:"The other system's authorisation URL: what WeChat pushes here is passed on to it byte for byte. Empty: nothing is."`
	PassOnEvent  URL    `yaml:"pass_on_event" env:"PASS_ON_EVENT" doc:"The other system's event URL, with $APPID$, for the same."`
	AllowPrivate bool   `yaml:"allow_private" env:"ALLOW_PRIVATE" doc:"Whether these addresses may be on this machine or in a private network."`
}

// StaffOIDC is the company's OpenID Connect provider, through which staff log in.
type StaffOIDC struct {
	Issuer       URL         `yaml:"issuer" env:"ISSUER" doc:"Issuer of the company's OpenID Connect provider, through which staff log in. Empty: they have keys. Its redirect URI is public_url and /admin/company/callback."`
	ClientID     string      `yaml:"client_id" env:"CLIENT_ID" doc:"What the provider calls this server."`
	ClientSecret Secret      `yaml:"client_secret" env:"CLIENT_SECRET" doc:"The secret for it: file:/path or env:NAME."`
	AllowPrivate bool        `yaml:"allow_private" env:"ALLOW_PRIVATE" doc:"Whether the provider may be on this machine or in a private network."`
	Rules        []StaffRule `yaml:"rules" envPrefix:"RULES_"`
}

// StaffRule says what somebody of a group, or with an address of a domain, may do.
type StaffRule struct {
	Group  string `yaml:"group" env:"GROUP" doc:"Group, as the provider's claim groups names it. The first rule that fits somebody counts."`
	Domain string `yaml:"domain" env:"DOMAIN" doc:"Domain of a mail address that the provider confirmed, in place of a group."`
	Kind   string `yaml:"kind" env:"KIND" doc:"What they may do: admin, support or auditor."`
}

// Default gives the settings of a first start on one's own machine.
func Default() Config {
	return Config{
		PublicURL:      mustURL("http://127.0.0.1:8080"),
		Listen:         "127.0.0.1:8080",
		OpsListen:      "127.0.0.1:9090",
		Data:           "./zhanggui-data",
		Loopback:       true,
		Standby:        true,
		PermissionSets: SetsCheck,
		Quota:          QuotaObserve,
		Clients:        ClientDefaults{MaxWait: 75 * time.Second},
		WeChat: WeChat{
			Open: mustURL("https://open.weixin.qq.com"),
			API:  mustURL("https://api.weixin.qq.com"),
			MP:   mustURL("https://mp.weixin.qq.com"),
		},
		TLS: TLS{
			Mode: TLSOff,
			ACME: ACME{Directory: mustURL("https://acme-v02.api.letsencrypt.org/directory")},
		},
		Platforms: Platforms{Sets: []int64{129, 130, 131}}, // goods, logistics, orders
		Review:    Review{Every: 90 * 24 * time.Hour},
		Session:   Session{Idle: 7 * 24 * time.Hour, Absolute: 30 * 24 * time.Hour},
		Alerts:    Alerts{Runbooks: mustURL("https://github.com/zhanggui/zhanggui/blob/main/docs/operate/runbooks")},
		Log:       Log{Format: "text", Level: slog.LevelInfo},
		Tracing:   Tracing{Sample: 0.01},
	}
}
