package outbox

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// Source gives the channels that are made while the server runs, as they are now. It
// is asked at every tick.
type Source interface {
	Channels(ctx context.Context) ([]Made, error)
}

// Made is a channel that was made while the server runs, and what it hears of.
type Made struct {
	Channel Channel
	Route   notice.Route
}

// refresh takes up channels that were made or changed, and lets go of those that were
// removed. While they cannot be read, those of before are used.
func (b *Outbox) refresh(ctx context.Context) error {
	if b.o.Made == nil {
		return nil
	}
	all, err := b.o.Made.Channels(ctx)
	if err != nil {
		return err
	}
	made := make(map[string]Made, len(all))
	for _, m := range all {
		made[m.Channel.Name()] = m
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.made = made
	return nil
}

// channel finds one by its name. One of the configuration comes first.
func (b *Outbox) channel(name string) (Channel, bool) {
	if c, ok := b.channels[name]; ok {
		return c, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	m, ok := b.made[name]
	return m.Channel, ok
}

// route says what a channel hears of, as far as is known without the store.
func (b *Outbox) route(name string) notice.Route {
	r := b.o.Routes[name]
	if _, configured := b.channels[name]; !configured {
		b.mu.Lock()
		defer b.mu.Unlock()
		r = b.made[name].Route
	}
	r.Channel = name
	return r
}

// all gives every channel: those of the configuration, and those that were made by
// their names.
func (b *Outbox) all() []Channel {
	var out []Channel
	for _, name := range b.names {
		out = append(out, b.channels[name])
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(b.made)) {
		if _, twice := b.channels[name]; !twice {
			out = append(out, b.made[name].Channel)
		}
	}
	return out
}

// failingAfter is how long a channel takes nothing before the others tell.
const failingAfter = 10 * time.Minute

// watch tells of channels that take nothing, and of their recovery. The store ends what
// was told of one that is removed.
func (b *Outbox) watch(ctx context.Context) error {
	since, err := b.o.Store.FailingChannels(ctx)
	if err != nil {
		return err
	}
	now := b.o.Now()
	for _, c := range b.all() {
		at, failing := since[c.Name()]
		if failing && now.Sub(at) < failingAfter {
			continue // neither began nor ended
		}
		if err := b.setFailing(ctx, c.Name(), failing, at); err != nil {
			return err
		}
		if err := b.forget(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

func (b *Outbox) setFailing(ctx context.Context, name string, failing bool, since time.Time) error {
	now, kind := b.o.Now(), notice.ChannelFailing
	n := notice.Notice{At: now, Kind: kind, Subject: notice.ChannelSubject(name)}
	e := audit.Entry{At: now, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: string(kind), Subject: n.Subject, Outcome: audit.Failed}
	if failing {
		n.Details = map[string]string{"channel": name, "since": since.UTC().Format(time.RFC3339)}
	} else {
		n, e.Outcome = notice.ChannelWell(name, now), audit.Done
	}
	e.Details = n.Details
	_, err := b.o.Store.SetCondition(ctx, notice.FailingChannel(name), failing, n, e)
	return err
}
