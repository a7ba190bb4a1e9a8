package sqlstore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// audience says which channels may get a message, as far as they hear of it.
type audience bool

const (
	everybody   audience = false
	tenantAlone audience = true // channels of the tenant, not those that hear of everything
)

// deliver has a message sent to every channel that hears of it. One that none hears of
// is over, unless there is no channel at all yet.
func (t *tx) deliver(ctx context.Context, noticeID int64, m notice.Message, due time.Time, whom audience) error {
	if m.Count <= 1 {
		m.Shop, m.Tenant = cmp.Or(m.Shop, notice.ShopOf(m.Notice)), cmp.Or(m.Tenant, notice.TenantOf(m.Notice))
	}
	if m.Tenant == "" && m.Shop != "" {
		shop, err := t.Shop(ctx, m.Shop)
		if known, err := exists(shop, err); err != nil {
			return err
		} else if known {
			m.Tenant = shop.TenantID
		}
	}
	channels, err := t.Channels(ctx)
	if err != nil {
		return err
	}
	heard := false
	for _, c := range channels {
		if !toRoute(c).Hears(m) || whom == tenantAlone && c.TenantID == "" {
			continue
		}
		heard = true
		if err := t.InsertDelivery(ctx, sqlgen.InsertDeliveryParams{NoticeID: noticeID, Channel: c.Name, DueAt: millis(due)}); err != nil {
			return err
		}
	}
	if heard || len(channels) == 0 {
		return nil
	}
	return t.EndNotice(ctx, sqlgen.EndNoticeParams{ID: noticeID, SentAt: millis(due)})
}

func toRoute(c sqlgen.Channel) notice.Route {
	r := notice.Route{Channel: c.Name, Tenant: c.TenantID, Severity: notice.Severity(c.Severity)}
	for _, k := range fromJSON[[]string](c.Kinds) {
		r.Kinds = append(r.Kinds, notice.Kind(k))
	}
	return r
}

// registered writes what a server has configured. Names of channels that were made
// while the server runs are not its to take; they are given back.
func (t *tx) registered(ctx context.Context, routes []notice.Route, now time.Time) (taken []string, err error) {
	for _, r := range routes {
		row, err := t.Channel(ctx, r.Channel)
		if known, err := exists(row, err); err != nil {
			return nil, err
		} else if known && row.Kind != "" {
			taken = append(taken, r.Channel)
			continue
		}
		kinds := make([]string, len(r.Kinds))
		for i, k := range r.Kinds {
			kinds[i] = string(k)
		}
		err = t.InsertChannel(ctx, sqlgen.InsertChannelParams{Name: r.Channel, SeenAt: millis(now), TenantID: r.Tenant, Severity: string(r.Severity), Kinds: toJSON(kinds)})
		if err == nil && r.Open() {
			err = t.InsertBacklog(ctx, sqlgen.InsertBacklogParams{Channel: r.Channel, DueAt: millis(now)})
		}
		if err != nil {
			return nil, err
		}
	}
	return taken, nil
}

// errTaken says which configured channels are not used.
func errTaken(names []string) error {
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("channels %s were made with `zhanggui channel add` or apply; give those of the configuration other names: %w", strings.Join(names, ", "), access.ErrUsed)
}

// channelSettings is what a row keeps as JSON.
type channelSettings struct {
	Language     string       `json:"language,omitempty"`
	AllowPrivate bool         `json:"allow_private,omitempty"`
	Mail         *access.Mail `json:"mail,omitempty"`
}

func toChannel(r sqlgen.Channel) access.Channel {
	c := access.Channel{Name: r.Name, Kind: access.ChannelKind(r.Kind), TenantID: r.TenantID, Severity: r.Severity, Kinds: fromJSON[[]string](r.Kinds),
		Sealed: r.Sealed, Version: r.Version, CreatedAt: fromMillis(r.CreatedAt), MadeBy: r.MadeBy}
	var s channelSettings
	if json.Unmarshal([]byte(r.Settings), &s) == nil {
		c.Language, c.AllowPrivate = s.Language, s.AllowPrivate
		if s.Mail != nil {
			c.Mail = *s.Mail
		}
	}
	return c
}

// DeclaredChannels gives the channels that were made while the server runs, in the
// order of their names.
func (s *Store) DeclaredChannels(ctx context.Context) ([]access.Channel, error) {
	rows, err := s.q.DeclaredChannels(ctx)
	return many(s.Log, "read channels", rows, err, toChannel)
}

// DeclaredChannel gives one of them, or [access.ErrNotFound].
func (s *Store) DeclaredChannel(ctx context.Context, name string) (access.Channel, error) {
	row, err := s.q.Channel(ctx, name)
	c, err := one(s.Log, "read channel", row, err, toChannel)
	if err == nil && c.Kind == "" {
		return access.Channel{}, access.ErrNotFound
	}
	return c, err
}

// putChannel makes a channel, or changes one: its version is one more than the one
// that is kept, or it is [access.ErrStale]. A tenant that is not there is
// [access.ErrNotFound], a name that a server's configuration has [access.ErrUsed].
func (t *tx) putChannel(ctx context.Context, c access.Channel) error {
	if c.TenantID != "" {
		if _, err := t.Tenant(ctx, c.TenantID); err != nil {
			return missing(err, access.ErrNotFound)
		}
	}
	row, err := t.Channel(ctx, c.Name)
	known, err := exists(row, err)
	switch {
	case err != nil:
		return err
	case known && row.Kind == "":
		return access.ErrUsed
	case c.Version != row.Version+1:
		return access.ErrStale
	}
	settings := channelSettings{Language: c.Language, AllowPrivate: c.AllowPrivate}
	if c.Kind == access.Email {
		settings.Mail = &c.Mail
	}
	text, err := json.Marshal(settings)
	if err != nil {
		return err
	}
	return t.PutChannel(ctx, sqlgen.PutChannelParams{Name: c.Name, TenantID: c.TenantID, Severity: c.Severity, Kinds: toJSON(c.Kinds), Kind: string(c.Kind),
		Settings: string(text), Sealed: c.Sealed, Version: c.Version, CreatedAt: millis(c.CreatedAt), MadeBy: c.MadeBy})
}

// RemoveChannel deletes a channel that was made while the server runs, and gives up
// what it was owed. Another is [access.ErrNotFound].
func (s *Store) RemoveChannel(ctx context.Context, name string, now time.Time, e ...audit.Entry) error {
	return s.write(ctx, "remove channel", func(t *tx) error {
		t.record(e...)
		return t.removeChannel(ctx, name, now)
	})
}

func (t *tx) removeChannel(ctx context.Context, name string, now time.Time) error {
	row, err := t.Channel(ctx, name)
	if err == nil && row.Kind == "" {
		err = access.ErrNotFound
	}
	if err != nil {
		return missing(err, access.ErrNotFound)
	}
	return t.dropChannel(ctx, name, now)
}

// channels declares channels as part of a declaration.
func (d *declaring) channels(ctx context.Context) error {
	for _, c := range d.d.Channels {
		if err := d.putChannel(ctx, c); err != nil {
			return fmt.Errorf("channel %q: %w", c.Name, err)
		}
	}
	return nil
}

// removeChannels removes those that a declaration names, and those of tenants that it
// removes: nobody's shops are left to hear of.
func (d *declaring) removeChannels(ctx context.Context) error {
	names := d.d.Remove.Channels
	for _, tenant := range d.d.Remove.Tenants {
		rows, err := d.ChannelsOfTenant(ctx, tenant)
		if err != nil {
			return err
		}
		for _, r := range rows {
			names = append(names[:len(names):len(names)], r.Name)
		}
	}
	for _, name := range names {
		if err := d.removeChannel(ctx, name, d.d.At); err != nil && !errors.Is(err, access.ErrNotFound) {
			return fmt.Errorf("channel %q: %w", name, err)
		}
	}
	return nil
}

// heardFrom remembers whether a channel takes messages, by what became of some.
func (t *tx) heardFrom(ctx context.Context, n notice.Settlement) error {
	tried := false
	for _, r := range n.Results {
		if r.State == notice.Sent || r.Partly {
			return t.ChannelTakes(ctx, n.Channel)
		}
		tried = tried || r.Attempt > r.From
	}
	if !tried {
		return nil
	}
	return t.ChannelFails(ctx, sqlgen.ChannelFailsParams{Name: n.Channel, FailingAt: millis(n.At)})
}

// FailingChannels tells since when channels take nothing, by their names.
func (s *Store) FailingChannels(ctx context.Context) (map[string]time.Time, error) {
	rows, err := s.q.FailingChannels(ctx)
	if err != nil {
		return nil, s.fail("read failing channels", err)
	}
	since := make(map[string]time.Time, len(rows))
	for _, r := range rows {
		since[r.Name] = fromMillis(r.FailingAt)
	}
	return since, nil
}
