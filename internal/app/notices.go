package app

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/egress"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/outbox"
)

// connectOutbox makes the channels that notices go to: the log, and the webhooks
// and channels of the configuration.
func (a *App) connectOutbox() error {
	c := &a.o.Config
	channels := []outbox.Channel{outbox.Log(a.o.Log)}
	for i, h := range c.Webhooks {
		w, err := outbox.Webhook(outbox.WebhookOptions{
			URL: h.URL.URL(), Secret: h.Secret.Value(), Now: a.o.Now, Transport: a.hook(h.AllowPrivate),
		})
		if err != nil {
			return fmt.Errorf("webhooks[%d].secret: %w", i, err)
		}
		channels = append(channels, w)
	}
	a.ways = map[bool]http.RoundTripper{false: a.hook(false), true: a.hook(true)}
	more, routes, err := a.configured()
	if err != nil {
		return err
	}
	a.made = &madeChannels{rows: a.store.DeclaredChannels, open: a.openChannel, log: a.o.Log}
	a.outbox = outbox.New(outbox.Options{
		Store: a.store, Channels: append(channels, more...), Routes: routes, Made: a.made, Owner: a.owner, Now: a.o.Now, Logger: a.o.Log, Observer: a.meters,
	})
	return nil
}

// hook gives a way out to a webhook.
func (a *App) hook(allowPrivate bool) http.RoundTripper {
	return a.transport(egress.Options{AllowPrivate: allowPrivate})
}

// transport makes a way out whose connections end with the App.
func (a *App) transport(o egress.Options) *http.Transport {
	t := egress.NewTransport(o)
	if a.o.Dial != nil {
		t.DialContext = a.o.Dial
	}
	a.hooks = append(a.hooks, t)
	return t
}

// channels tries the channels for administrators.
type channels struct{ *App }

// TestChannels implements adminapi.Channels: who asked is on record before anything
// leaves.
func (c channels) TestChannels(ctx context.Context, by audit.Actor) ([]notice.Tried, error) {
	err := c.store.Append(ctx, audit.Entry{At: c.o.Now(), Actor: by, Action: string(notice.Test), Outcome: audit.Done,
		Details: map[string]string{"webhooks": strconv.Itoa(len(c.o.Config.Webhooks))}})
	if err != nil {
		return nil, err
	}
	return c.outbox.Test(ctx), nil
}
