package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/egress"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/outbox"
	"github.com/zhanggui/zhanggui/internal/outbox/channel"
	"github.com/zhanggui/zhanggui/internal/setup"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// configured makes the channels of the configuration, and says what each hears of.
func (a *App) configured() (all []outbox.Channel, routes map[string]notice.Route, err error) {
	routes = map[string]notice.Route{}
	for i, c := range a.o.Config.Channels {
		declared := c.Declared()
		err := config.ChannelAddress(declared, c.URL.Value(), c.Secret.Value(), a.o.Config.Loopback)
		if err != nil {
			return nil, nil, fmt.Errorf("channels[%d]: %w", i, err)
		}
		made, err := a.makeChannel(declared, c.URL.Value(), c.Secret.Value())
		if err != nil {
			return nil, nil, fmt.Errorf("channels[%d]: %w", i, err)
		}
		all, routes[c.Name] = append(all, made), routeOf(declared)
	}
	return all, routes, nil
}

func routeOf(c access.Channel) notice.Route {
	r := notice.Route{Channel: c.Name, Tenant: c.TenantID, Severity: notice.Severity(c.Severity)}
	for _, k := range c.Kinds {
		r.Kinds = append(r.Kinds, notice.Kind(k))
	}
	return r
}

// makeChannel connects a channel to the one way out.
func (a *App) makeChannel(c access.Channel, address, key secret.Value) (outbox.Channel, error) {
	transport := a.ways[c.AllowPrivate]
	if c.Kind == access.Hook {
		u, err := parseAddress(address)
		if err != nil {
			return nil, err
		}
		return outbox.Webhook(outbox.WebhookOptions{Name: c.Name, URL: u, Secret: key, Now: a.o.Now, Transport: transport})
	}
	return channel.New(
		channel.Spec{Name: c.Name, Kind: c.Kind, Language: channel.Language(c.Language), URL: address, Secret: key, Mail: c.Mail},
		channel.Options{Transport: transport, Dialer: egress.NewDialer(egress.Options{AllowPrivate: c.AllowPrivate}), Now: a.o.Now, Place: a.whereTo, Installation: a.installation()})
}

// installation names what is at this server's address, among others: the host of
// public_url, and the path that it may have.
func (a *App) installation() string {
	u := a.o.Config.PublicURL.URL()
	return u.Host + strings.TrimSuffix(u.Path, "/")
}

// whereTo tells what things are called and where to look. What cannot be read is left
// out: a message must not wait for a name.
func (a *App) whereTo(ctx context.Context, m notice.Message) channel.Place {
	p := channel.Place{Console: a.Link("/")}
	if m.Tenant != "" {
		if t, err := a.store.Tenant(ctx, m.Tenant); err == nil {
			p.Tenant = t.Name
		}
	}
	if m.Shop == "" {
		return p
	}
	if s, err := a.store.Shop(ctx, m.Shop); err == nil {
		p.Shop, p.Console = s.Name, a.Link("/shops/"+s.ID)
	}
	if about := m.About; about == notice.GrantNeedsOwner || about == notice.GrantExpiring || about == notice.GrantOld {
		p.Again = a.Link("/login?shop=" + m.Shop)
	}
	return p
}

// madeChannels are those that were made while the server runs. One is made anew when
// its version changes, and kept otherwise: it knows its rate. One that cannot be opened
// is tried again at each look.
type madeChannels struct {
	rows func(ctx context.Context) ([]access.Channel, error)
	open func(access.Channel) (outbox.Channel, error)
	log  *slog.Logger

	mu   sync.Mutex
	kept map[string]keptChannel
}

type keptChannel struct {
	version int64
	channel outbox.Channel // nil: it cannot be opened
}

// Channels implements outbox.Source.
func (m *madeChannels) Channels(ctx context.Context) ([]outbox.Made, error) {
	rows, err := m.rows(ctx)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	kept, all := make(map[string]keptChannel, len(rows)), []outbox.Made{}
	for _, c := range rows {
		k := m.keep(c)
		if kept[c.Name] = k; k.channel != nil {
			all = append(all, outbox.Made{Channel: k.channel, Route: routeOf(c)})
		}
	}
	m.kept = kept
	return all, nil
}

// keep gives a channel as it was, or makes it. It logs once of each that it cannot make.
func (m *madeChannels) keep(c access.Channel) keptChannel {
	before, known := m.kept[c.Name]
	same := known && before.version == c.Version
	if same && before.channel != nil {
		return before
	}
	made, err := m.open(c)
	if err == nil {
		return keptChannel{c.Version, made}
	}
	if !same {
		m.log.Error("a channel cannot be opened; give this server the key that it was sealed with, or remove it with `zhanggui channel remove` and make it again", "channel", c.Name, "error", err)
	}
	return keptChannel{c.Version, nil}
}

// reasonSealed is why nothing can be sent to a channel whose secret cannot be opened.
const reasonSealed = "its secret cannot be opened"

// sealed gives the names of the channels that this server cannot open, in order.
func (m *madeChannels) sealed() (names []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(m.kept)) {
		if m.kept[name].channel == nil {
			names = append(names, name)
		}
	}
	return names
}

// unopened gives a notice of each of them.
func (m *madeChannels) unopened() (all []notice.Notice) {
	for _, name := range m.sealed() {
		all = append(all, notice.Notice{Subject: notice.ChannelSubject(name), Details: map[string]string{"channel": name, "reason": reasonSealed}})
	}
	return all
}

// openChannel makes a channel of what the store keeps sealed.
func (a *App) openChannel(c access.Channel) (outbox.Channel, error) {
	address, key, err := setup.OpenChannel(a.keys(), c)
	if err != nil {
		return nil, err
	}
	return a.makeChannel(c, address, key)
}

// DeclaredChannels implements adminapi.Channels: those of the configuration, and those
// that were made, by their names. configured tells which are which.
func (c channels) DeclaredChannels(ctx context.Context) (all []access.Channel, configured int, err error) {
	for _, ch := range c.o.Config.Channels {
		all = append(all, ch.Declared())
	}
	made, err := c.store.DeclaredChannels(ctx)
	return append(all, made...), len(c.o.Config.Channels), err
}

// RemoveChannel implements adminapi.Channels.
func (c channels) RemoveChannel(ctx context.Context, by audit.Actor, name string) error {
	now := c.o.Now()
	e := audit.Entry{At: now, Actor: by, Action: "channel.remove", Subject: notice.ChannelSubject(name), Outcome: audit.Done}
	return c.store.RemoveChannel(ctx, name, now, e)
}

// TestChannel implements adminapi.Channels: who asked is on record before anything
// leaves.
func (c channels) TestChannel(ctx context.Context, by audit.Actor, name string) (notice.Tried, error) {
	configured := slices.ContainsFunc(c.o.Config.Channels, func(ch config.Channel) bool { return ch.Name == name })
	if !configured {
		if _, err := c.store.DeclaredChannel(ctx, name); err != nil {
			return notice.Tried{}, err
		}
	}
	e := audit.Entry{At: c.o.Now(), Actor: by, Action: string(notice.Test), Subject: notice.ChannelSubject(name), Outcome: audit.Done,
		Details: map[string]string{"configured": strconv.FormatBool(configured)}}
	if err := c.store.Append(ctx, e); err != nil {
		return notice.Tried{}, err
	}
	tried, ok := c.outbox.TestOne(ctx, name)
	if !ok {
		return notice.Tried{Channel: name, Reason: reasonSealed}, nil
	}
	return tried, nil
}

// parseAddress reads an address that was looked at before.
func parseAddress(v secret.Value) (*url.URL, error) {
	u, err := url.Parse(v.RevealString())
	if err != nil {
		return nil, errNoAddress
	}
	return u, nil
}

var errNoAddress = errors.New("the address of a webhook cannot be read; write it again")
