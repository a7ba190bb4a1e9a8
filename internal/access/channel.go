package access

import (
	"slices"
	"time"
)

// ChannelKind says what sort of place messages go to.
type ChannelKind string

// The kinds of channel.
const (
	WeCom        ChannelKind = "wecom"    // 企业微信 group robot
	DingTalk     ChannelKind = "dingtalk" // 钉钉 custom robot
	Feishu       ChannelKind = "feishu"   // 飞书 custom bot
	Slack        ChannelKind = "slack"    // incoming webhook
	Email        ChannelKind = "mail"     // SMTP with TLS
	Hook         ChannelKind = "webhook"  // signed JSON, by Standard Webhooks
	Alertmanager ChannelKind = "alertmanager"
)

// ChannelKinds lists them.
func ChannelKinds() []ChannelKind {
	return []ChannelKind{WeCom, DingTalk, Feishu, Slack, Email, Hook, Alertmanager}
}

// The ways to encrypt mail on its way.
const (
	MailImplicit = "implicit" // TLS from the first byte, port 465 most often
	MailStartTLS = "starttls" // TLS before anything of worth is said, port 587 most often
	MailPlain    = "none"     // to a server on this machine only
)

// Mail says how mail is sent.
type Mail struct {
	Host string   `json:"host,omitempty"`
	Port int      `json:"port,omitempty"`
	TLS  string   `json:"tls,omitempty"`  // [MailImplicit], [MailStartTLS] or [MailPlain]; empty: by the port
	User string   `json:"user,omitempty"` // empty: nobody logs in
	From string   `json:"from,omitempty"`
	To   []string `json:"to,omitempty"`
}

// Security is how mail is encrypted: as written, or as the port is used.
func (m Mail) Security() string {
	switch {
	case m.TLS != "":
		return m.TLS
	case m.Port == 465:
		return MailImplicit
	}
	return MailStartTLS
}

// Channel is a place that messages go to, made while the server runs. Its address
// and its secret are sealed: a robot's address holds its key.
type Channel struct {
	Name         string // ours, lower-case slug
	Kind         ChannelKind
	TenantID     string   // whose shops it hears of; empty: of everything
	Language     string   // zh, en or both
	Severity     string   // the least it hears of: info, warning or critical
	Kinds        []string // the kinds of notice that it hears of; empty: all
	AllowPrivate bool     // the address may be in a private network
	Mail         Mail
	Sealed       []byte // the address and the secret; see vault.Channel
	Version      int64  // counts changes
	CreatedAt    time.Time
	MadeBy       string // as [Client.MadeBy]
}

// Same tells whether two channels are the same but for what is sealed and when it was
// made.
func (c Channel) Same(o Channel) bool {
	return c.Name == o.Name && c.Kind == o.Kind && c.TenantID == o.TenantID && c.Language == o.Language && c.Severity == o.Severity &&
		slices.Equal(c.Kinds, o.Kinds) && c.AllowPrivate == o.AllowPrivate && c.Mail.same(o.Mail)
}

func (m Mail) same(o Mail) bool {
	return m.Host == o.Host && m.Port == o.Port && m.TLS == o.TLS && m.User == o.User && m.From == o.From && slices.Equal(m.To, o.To)
}
