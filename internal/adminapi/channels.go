package adminapi

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/setup"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Channels tries the places that messages go to, and knows those that were made.
type Channels interface {
	TestChannels(ctx context.Context, by audit.Actor) ([]notice.Tried, error)
	// TestChannel tries one, or answers [access.ErrNotFound].
	TestChannel(ctx context.Context, by audit.Actor, name string) (notice.Tried, error)
	// DeclaredChannels gives those of the configuration, which are the first, and
	// those that were made.
	DeclaredChannels(ctx context.Context) (all []access.Channel, configured int, err error)
	// RemoveChannel removes one that was made; another is [access.ErrNotFound].
	RemoveChannel(ctx context.Context, by audit.Actor, name string) error
}

// ChannelBody is a place that messages go to.
type ChannelBody struct {
	Name         string   `json:"name" doc:"Its name: lower-case letters, digits and inner hyphens"`
	Kind         string   `json:"kind" enum:"wecom,dingtalk,feishu,slack,mail,webhook,alertmanager"`
	Tenant       string   `json:"tenant,omitempty" doc:"The tenant whose shops it hears of; empty: of everything"`
	Severity     string   `json:"severity,omitempty" enum:"info,warning,critical" doc:"The least it hears of; all when empty"`
	Kinds        []string `json:"kinds,omitempty" doc:"The kinds of notice that it hears of; all when empty"`
	Language     string   `json:"language,omitempty" enum:"zh,en,both" doc:"zh when empty"`
	AllowPrivate bool     `json:"allow_private,omitempty"`
	Host         string   `json:"host,omitempty" doc:"Mail server"`
	Port         int      `json:"port,omitempty" doc:"Of the mail server; by tls when left out"`
	TLS          string   `json:"tls,omitempty" enum:"implicit,starttls,none" doc:"For mail; by the port when empty"`
	User         string   `json:"user,omitempty" doc:"Who logs in to the mail server"`
	From         string   `json:"from,omitempty" doc:"Address that mail is from"`
	To           []string `json:"to,omitempty" doc:"Addresses that mail goes to"`
}

// ManifestChannel declares such a place, with its secrets.
type ManifestChannel struct {
	ChannelBody
	URL    string `json:"url,omitempty" doc:"Its address, which holds a robot's key; empty keeps the one there is" writeOnly:"true"`
	Secret string `json:"secret,omitempty" doc:"What it is signed with, or logged in with; empty keeps the one there is, unless url is there" writeOnly:"true"`
}

// ChannelView is such a place without its secrets.
type ChannelView struct {
	ChannelBody
	Configured bool       `json:"configured" doc:"It is in the server's configuration, and changed there"`
	Created    *time.Time `json:"created,omitempty"`
}

func (h handlers) mountChannels(api huma.API) {
	const one = "/v1/channels/{id}"
	huma.Register(api, op("list-channels", http.MethodGet, "/v1/channels", "List the places that messages go to, without their addresses"), h.channels)
	huma.Register(api, making("create-channel", "/v1/channels", "Make a place that messages go to"), h.createChannel)
	huma.Register(api, op("remove-channel", http.MethodDelete, one, "Remove a place that messages go to, with what it is owed"), h.removeChannel)
	huma.Register(api, op("test-channel", http.MethodPost, one+"/test", "Send a test message to one place and tell what it made of it"), h.testChannel)
}

func (h handlers) channels(ctx context.Context, in *Page) (*body[list[ChannelView]], error) {
	all, configured, err := h.Channels.DeclaredChannels(ctx)
	if err != nil {
		return nil, fail(err)
	}
	views := make([]ChannelView, len(all))
	for i, c := range all {
		views[i] = viewChannel(c, i < configured)
	}
	return window(*in, "channels", views, func(v ChannelView) string { return v.Name }, func(v ChannelView) ChannelView { return v })
}

func viewChannel(c access.Channel, configured bool) ChannelView {
	m := c.Mail
	return ChannelView{Configured: configured, Created: stamp(c.CreatedAt), ChannelBody: ChannelBody{
		Name: c.Name, Kind: string(c.Kind), Tenant: c.TenantID, Severity: c.Severity, Kinds: c.Kinds, Language: c.Language, AllowPrivate: c.AllowPrivate,
		Host: m.Host, Port: m.Port, TLS: m.TLS, User: m.User, From: m.From, To: m.To,
	}}
}

func (c ManifestChannel) declared() setup.Channel {
	return setup.Channel{URL: secret.FromString(c.URL), Secret: secret.FromString(c.Secret), Channel: access.Channel{
		Name: c.Name, Kind: access.ChannelKind(c.Kind), TenantID: c.Tenant, Severity: c.Severity, Kinds: c.Kinds, Language: c.Language, AllowPrivate: c.AllowPrivate,
		Mail: access.Mail{Host: c.Host, Port: c.Port, TLS: c.TLS, User: c.User, From: c.From, To: c.To},
	}}
}

func (h handlers) createChannel(ctx context.Context, in *struct{ Body ManifestChannel }) (*body[ChannelView], error) {
	if err := h.create(ctx, Manifest{Channels: []ManifestChannel{in.Body}}); err != nil {
		return nil, fail(err)
	}
	all, configured, err := h.Channels.DeclaredChannels(ctx)
	if err != nil {
		return nil, fail(err)
	}
	i := slices.IndexFunc(all[configured:], func(c access.Channel) bool { return c.Name == in.Body.Name })
	if i < 0 {
		return nil, fail(access.ErrNotFound) // removed meanwhile
	}
	return answer(viewChannel(all[configured+i], false)), nil
}

func (h handlers) removeChannel(ctx context.Context, in *idPath) (*struct{}, error) {
	return nil, failed(h.Channels.RemoveChannel(ctx, actor(ctx), in.ID))
}

func (h handlers) testChannel(ctx context.Context, in *idPath) (*body[TriedView], error) {
	t, err := h.Channels.TestChannel(ctx, actor(ctx), in.ID)
	if err != nil {
		return nil, fail(err)
	}
	return answer(viewTried(t)), nil
}
