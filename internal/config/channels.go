package config

import (
	"cmp"
	"errors"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Channel is a place that messages go to: in the settings one of the server, in a
// manifest one that is made while it runs.
type Channel struct {
	Name         string   `yaml:"name" env:"NAME" doc:"Name of a channel: lower-case letters, digits and inner hyphens. See docs/operate/channels.md for each kind."`
	Kind         string   `yaml:"kind" env:"KIND" doc:"wecom, dingtalk, feishu, slack, mail, webhook or alertmanager."`
	URL          Secret   `yaml:"url" env:"URL" doc:"Its address, for all but mail: file:/path or env:NAME, since a robot's address holds its key. A variable of this name may hold it itself."`
	Secret       Secret   `yaml:"secret" env:"SECRET" doc:"What dingtalk and feishu sign with, whsec_… for webhook, the password for mail, a bearer token for alertmanager: file:/path or env:NAME."`
	Host         string   `yaml:"host" env:"HOST" doc:"Mail server."`
	Port         int      `yaml:"port" env:"PORT" doc:"Its port. Empty: 465 with tls: implicit, 587 otherwise."`
	TLS          string   `yaml:"tls" env:"TLS" doc:"implicit, starttls, or none for a mail server on this machine. Empty: implicit on port 465, starttls otherwise."`
	User         string   `yaml:"user" env:"USER" doc:"Who logs in to the mail server. Empty: nobody."`
	From         string   `yaml:"from" env:"FROM" doc:"Address that mail is from."`
	To           []string `yaml:"to" env:"TO" doc:"Addresses that mail goes to."`
	Tenant       string   `yaml:"tenant" env:"TENANT" doc:"Id of the tenant whose shops it hears of. Empty: of everything."`
	Severity     string   `yaml:"severity" env:"SEVERITY" doc:"The least it hears of: info, warning or critical. Empty: all."`
	Kinds        []string `yaml:"kinds" env:"KINDS" doc:"The kinds of notice that it hears of, see docs/operate/notices.md. Empty: all."`
	Language     string   `yaml:"language" env:"LANGUAGE" doc:"zh, en or both. Empty: zh."`
	AllowPrivate bool     `yaml:"allow_private" env:"ALLOW_PRIVATE" doc:"Whether its address may be on this machine or in a private network."`
}

const (
	maxRecipients = 20
	maxAddress    = 2048
	mailImplicit  = 465
	mailSubmit    = 587
)

// Declared is the channel without its secrets.
func (c Channel) Declared() access.Channel {
	out := access.Channel{Name: c.Name, Kind: access.ChannelKind(c.Kind), TenantID: c.Tenant, Language: cmp.Or(c.Language, "zh"), Severity: c.Severity,
		Kinds: c.Kinds, AllowPrivate: c.AllowPrivate}
	if out.Kind == access.Email {
		out.Mail = access.Mail{Host: c.Host, Port: c.Port, TLS: c.TLS, User: c.User, From: c.From, To: c.To}
		if out.Mail.Port == 0 {
			out.Mail.Port = mailSubmit
			if c.TLS == access.MailImplicit {
				out.Mail.Port = mailImplicit
			}
		}
	}
	return out
}

// WriteChannel is a channel as an operator would write it, without its secrets.
func WriteChannel(c access.Channel) Channel {
	m := c.Mail
	return Channel{Name: c.Name, Kind: string(c.Kind), Host: m.Host, Port: m.Port, TLS: m.TLS, User: m.User, From: m.From, To: m.To, Tenant: c.TenantID,
		Severity: c.Severity, Kinds: c.Kinds, Language: c.Language, AllowPrivate: c.AllowPrivate}
}

// checkChannels looks at the server's own. Which tenants there are it cannot know.
func (c *Config) checkChannels(r *report) {
	seen := ids{}
	for i, ch := range c.Channels {
		at := item("channels", i)
		ch.check(r, at, seen, c.Loopback)
		r.want(ch.Kind == string(access.Email) || !ch.URL.IsZero(), at+".url", "is empty", "write file:/path or env:NAME of the address")
		r.want(ch.Tenant == "" || slugForm.MatchString(ch.Tenant), at+".tenant", "is not an id", idRemedy)
	}
}

// checkChannels looks at those of a manifest. One without an address keeps the one
// that the server has.
func (m *Manifest) checkChannels(r *report, rules Rules, tenants ids) {
	seen := ids{}
	for i, ch := range m.Channels {
		at := item("channels", i)
		ch.check(r, at, seen, rules.Loopback)
		if ch.Tenant != "" {
			r.reference(at+".tenant", "tenant", ch.Tenant, tenants, rules)
		}
	}
}

func (c Channel) check(r *report, at string, seen ids, loopback bool) {
	if r.want(slugForm.MatchString(c.Name) && c.Name != "log", at+".name", "is not a name for a channel", idRemedy+"; log is taken") {
		r.want(seen[c.Name] == "", at+".name", "is used twice", "choose another, or remove the entry at "+seen[c.Name])
		seen[c.Name] = at
	}
	kind := access.ChannelKind(c.Kind)
	r.want(slices.Contains(access.ChannelKinds(), kind), at+".kind", "is not a kind of channel", "write wecom, dingtalk, feishu, slack, mail, webhook or alertmanager")
	r.secretRef(at+".url", c.URL, loopback)
	r.secretRef(at+".secret", c.Secret, loopback)
	r.want(kind != access.WeCom && kind != access.Slack || c.Secret.IsZero(), at+".secret", "is not used by this kind", "remove it; the address holds the key")
	r.want(c.Severity == "" || slices.Contains(notice.Severities(), notice.Severity(c.Severity)), at+".severity", "is not a severity", "write info, warning or critical")
	r.want(slices.Contains([]string{"", "zh", "en", "both"}, c.Language), at+".language", "is not a language", "write zh, en or both")
	for i, k := range c.Kinds {
		r.want(slices.Contains(notice.Kinds(), notice.Kind(k)), item(at+".kinds", i), "is not a kind of notice", "write one of docs/operate/notices.md, such as grant.needs_owner")
	}
	c.checkMail(r, at, kind == access.Email)
}

func (c Channel) checkMail(r *report, at string, is bool) {
	if !is {
		r.want(c.Host == "" && c.Port == 0 && c.TLS == "" && c.User == "" && c.From == "" && len(c.To) == 0, at, "has settings of mail", "remove host, port, tls, user, from and to, or write kind: mail")
		return
	}
	r.want(c.URL.IsZero(), at+".url", "is not used by mail", "write host and port instead")
	_, ipErr := netip.ParseAddr(c.Host)
	r.want(hostName(c.Host) || ipErr == nil || web.IsLoopbackHost(c.Host), at+".host", "is not a host", "write the mail server's name, such as smtp.example.com")
	r.want(c.Port >= 0 && c.Port <= 65535, at+".port", "is not a port", "write 465 or 587")
	r.want(slices.Contains([]string{"", access.MailImplicit, access.MailStartTLS, access.MailPlain}, c.TLS), at+".tls", "is not a way to encrypt", "write implicit, starttls or none")
	r.want(c.TLS != access.MailPlain || web.IsLoopbackHost(c.Host), at+".tls", "is none for a server elsewhere", "write implicit or starttls; none is for this machine")
	r.want(!web.IsLoopbackHost(c.Host) || c.AllowPrivate, at+".host", "is on this machine", "write allow_private: true beside it, or another host")
	r.want(c.User == "" || len(c.User) <= 200 && !strings.ContainsFunc(c.User, invisible), at+".user", "is not one short line", "write the name that logs in")
	r.mailbox(at+".from", c.From)
	r.want(len(c.To) > 0 && len(c.To) <= maxRecipients, at+".to", "names nobody, or too many", "write 1 to 20 addresses")
	for i, to := range c.To {
		r.mailbox(item(at+".to", i), to)
	}
}

// mailbox wants one mail address, with a name or without.
func (r *report) mailbox(s, text string) {
	a, err := mail.ParseAddress(text)
	r.want(err == nil && len(text) <= 300 && !strings.ContainsFunc(text, invisible) && strings.Contains(a.Address, "."), s, "is not a mail address", "write it as ops@example.com")
}

var (
	errChannelURL     = errors.New("url is not a whole https address; copy it from where the robot was made (http is for this machine, with loopback: true)")
	errChannelPrivate = errors.New("url is on this machine; write allow_private: true beside it, or a public address")
	hookSecret        = regexp.MustCompile(`^whsec_[A-Za-z0-9+/]{32,88}={0,2}$`)
	errChannelSecret  = errors.New("secret is needed: whsec_ and base64 of 24 to 64 random bytes")
)

// ChannelAddress looks at what the references of a channel led to. Its errors do not
// repeat it.
func ChannelAddress(c access.Channel, address, key secret.Value, loopback bool) error {
	if c.Kind == access.Email {
		return nil
	}
	u, err := url.Parse(address.RevealString())
	if err != nil || u.Host == "" || u.User != nil || u.Opaque != "" || address.Len() > maxAddress {
		return errChannelURL
	}
	local := web.IsLoopbackHost(u.Host)
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback || !local) {
		return errChannelURL
	}
	if local && !c.AllowPrivate {
		return errChannelPrivate
	}
	if c.Kind == access.Hook && !hookSecret.Match(key.Reveal()) {
		return errChannelSecret
	}
	return nil
}
