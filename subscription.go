package zhanggui

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Subscription says where events of a client's shops are posted.
type Subscription struct {
	ID      string       `json:"id"`
	Client  string       `json:"client"`
	URL     string       `json:"url"`
	Events  []string     `json:"events"`
	State   string       `json:"state"`         // on or off
	Why     string       `json:"why"`           // why it is off
	After   string       `json:"after"`         // the last event that is over; clients are told it
	Paused  *time.Time   `json:"paused_until"`  // the receiver is away; it is asked again then
	Private bool         `json:"allow_private"` // the address may be in a private network
	Created *time.Time   `json:"created"`
	Secret  secret.Value `json:"secret"` // of its webhook; in the answer that made it alone
}

// Tried is what a receiver made of a test.
type Tried struct {
	Taken  bool   `json:"taken"`
	Reason string `json:"reason"`
	Millis int64  `json:"millis"`
}

// DeadLetter is an event that was given up.
type DeadLetter struct {
	Event    Event      `json:"event"`
	Attempts int        `json:"attempts"`
	Reason   string     `json:"reason"`
	At       time.Time  `json:"at"`    // when it was given up
	Again    *time.Time `json:"again"` // when it was asked to be sent once more
}

const pathSubscriptions = "/v1/subscriptions"

// Subscribe has events posted to an https address from now on: names, or
// beginnings with * behind them. Keep the secret for [NewWebhook]; it is shown this
// once.
func (c *Client) Subscribe(ctx context.Context, address string, events ...string) (Subscription, error) {
	in := map[string]any{"url": address, "events": events}
	return create[Subscription](ctx, &c.caller, pathSubscriptions, nil, in)
}

// Subscriptions lists the client's subscriptions.
func (c *Client) Subscriptions(ctx context.Context) iter.Seq2[Subscription, error] {
	return walk[Subscription](ctx, &c.caller, pathSubscriptions, nil)
}

// Subscription reads one.
func (c *Client) Subscription(ctx context.Context, id string) (Subscription, error) {
	return ask[Subscription](ctx, &c.caller, http.MethodGet, one(pathSubscriptions, id, ""), nil, nil)
}

// Unsubscribe removes a subscription with what waits for it.
func (c *Client) Unsubscribe(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, one(pathSubscriptions, id, ""), nil, nil, nil)
}

// RotateSecret replaces a subscription's secret. For a day messages are signed with
// both.
func (c *Client) RotateSecret(ctx context.Context, id string) (secret.Value, error) {
	out, err := create[struct {
		Secret secret.Value `json:"secret"`
	}](ctx, &c.caller, one(pathSubscriptions, id, "rotate"), nil, nil)
	return out.Secret, err
}

// StartSubscription switches a subscription on again, and ends its pause.
func (c *Client) StartSubscription(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodPost, one(pathSubscriptions, id, "start"), nil, nil, nil)
}

// TestSubscription sends a test event and tells what the receiver made of it.
func (c *Client) TestSubscription(ctx context.Context, id string) (Tried, error) {
	return ask[Tried](ctx, &c.caller, http.MethodPost, one(pathSubscriptions, id, "test"), nil, nil)
}

// DeadLetters lists the events that were given up, by their ids.
func (c *Client) DeadLetters(ctx context.Context, id string) iter.Seq2[DeadLetter, error] {
	return walk[DeadLetter](ctx, &c.caller, one(pathSubscriptions, id, "dead"), url.Values{"limit": {"100"}})
}

// Replay sends given-up events once more: those with the ids, or all without.
// It tells how many.
func (c *Client) Replay(ctx context.Context, id string, events ...string) (int, error) {
	var out struct {
		Replayed int `json:"replayed"`
	}
	in := struct {
		Events []string `json:"events,omitempty"`
	}{events}
	err := c.do(ctx, http.MethodPost, one(pathSubscriptions, id, "replay"), nil, in, &out)
	return out.Replayed, err
}
