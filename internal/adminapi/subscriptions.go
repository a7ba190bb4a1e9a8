package adminapi

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Subscriptions keeps who hears of which events. An empty client stands for
// anybody's.
type Subscriptions interface {
	SubscriptionReads
	Create(ctx context.Context, by audit.Actor, n grant.NewSubscription) (grant.Subscription, secret.Value, error)
	Remove(ctx context.Context, by audit.Actor, client, id string) error
	Rotate(ctx context.Context, by audit.Actor, client, id string) (secret.Value, error)
	Start(ctx context.Context, by audit.Actor, client, id string) error
	Replay(ctx context.Context, by audit.Actor, client, id string, events []int64) (int, error)
}

// SubscriptionReads are the operations that change nothing.
type SubscriptionReads interface {
	// List gives a client's; Page all, the oldest first.
	List(ctx context.Context, client string) ([]grant.Subscription, error)
	Page(ctx context.Context, m access.Mark, limit int) ([]grant.Subscription, error)
	Get(ctx context.Context, client, id string) (grant.Subscription, error)
	Dead(ctx context.Context, client, id string, after int64, limit int) ([]grant.DeadLetter, error)
	Test(ctx context.Context, client, id string) (notice.Tried, error)
}

// SubscriptionView is a subscription without its secret.
type SubscriptionView struct {
	ID      string     `json:"id"`
	Client  string     `json:"client"`
	URL     string     `json:"url"`
	Events  []string   `json:"events"`
	State   string     `json:"state" doc:"on or off"`
	Why     string     `json:"why,omitempty" doc:"why it is off"`
	Paused  *time.Time `json:"paused_until,omitempty" doc:"the receiver is away; it is asked again then"`
	Private bool       `json:"allow_private,omitempty"`
	Created *time.Time `json:"created,omitempty"`
	Secret  string     `json:"secret,omitempty" doc:"of its webhook; in the answer that made it alone"`
}

// NewSubscriptionInput is a subscription that is wanted.
type NewSubscriptionInput struct {
	Client       string   `json:"client" doc:"id of the client whose shops it hears of"`
	URL          string   `json:"url" doc:"https address that events are posted to"`
	Events       []string `json:"events" doc:"names, or beginnings with * behind them"`
	AllowPrivate bool     `json:"allow_private,omitempty" doc:"let the address be in a private network"`
}

// DeadLetterView is an event that was given up.
type DeadLetterView struct {
	ID       string     `json:"id"`
	Type     string     `json:"type"`
	Shop     string     `json:"shop"`
	At       *time.Time `json:"at,omitempty" doc:"when it happened"`
	Attempts int        `json:"attempts"`
	Reason   string     `json:"reason"`
	GivenUp  *time.Time `json:"given_up,omitempty"`
	Again    *time.Time `json:"again,omitempty" doc:"when it was asked to be sent once more"`
}

// RotatedView is a new secret.
type RotatedView struct {
	Secret string `json:"secret" doc:"shown this once; bodies are signed with the one before as well for a day"`
}

// ReplayInput names what is to be sent once more.
type ReplayInput struct {
	Events []string `json:"events,omitempty" doc:"ids of events; none stands for all"`
}

// ReplayedView tells how many are sent once more.
type ReplayedView struct {
	Replayed int `json:"replayed"`
}

func (h handlers) mountSubscriptions(api huma.API) {
	const one = "/v1/subscriptions/{id}"
	huma.Register(api, op("list-subscriptions", http.MethodGet, "/v1/subscriptions", "List who hears of which events"), h.subscriptions)
	huma.Register(api, op("create-subscription", http.MethodPost, "/v1/subscriptions", "Subscribe a client to events; the secret is shown this once"), h.subscribe)
	huma.Register(api, op("get-subscription", http.MethodGet, one, "Show one subscription"), h.subscription)
	huma.Register(api, op("remove-subscription", http.MethodDelete, one, "Remove a subscription with what waits for it"), h.unsubscribe)
	huma.Register(api, op("rotate-subscription", http.MethodPost, one+"/rotate", "Replace the secret; it is shown this once"), h.rotateSubscription)
	huma.Register(api, op("start-subscription", http.MethodPost, one+"/start", "Switch a subscription on again and end its pause"), h.startSubscription)
	huma.Register(api, op("test-subscription", http.MethodPost, one+"/test", "Send a test event and tell what the receiver made of it"), h.testSubscription)
	huma.Register(api, op("list-dead-letters", http.MethodGet, one+"/dead", "List the events that were given up"), h.deadLetters)
	huma.Register(api, op("replay-dead-letters", http.MethodPost, one+"/replay", "Send events that were given up once more"), h.replayDeadLetters)
}

func viewSubscription(s grant.Subscription) SubscriptionView {
	return SubscriptionView{ID: s.ID, Client: s.Client, URL: s.URL, Events: s.Events, State: string(s.State), Why: s.Why,
		Paused: stamp(s.PauseUntil), Private: s.AllowPrivate, Created: stamp(s.CreatedAt)}
}

func (h handlers) subscriptions(ctx context.Context, in *struct {
	Page
	Client string `query:"client" doc:"Only those of this client"`
}) (*body[list[SubscriptionView]], error) {
	if in.Client != "" { // which has few
		all, err := h.Subscriptions.List(ctx, in.Client)
		if err != nil {
			return nil, fail(err)
		}
		return window(in.Page, "subscriptions-of", all, func(s grant.Subscription) string { return s.ID }, viewSubscription)
	}
	m, err := in.mark("subscriptions")
	if err != nil {
		return nil, err
	}
	all, err := h.Subscriptions.Page(ctx, m, in.Limit+1)
	if err != nil {
		return nil, fail(err)
	}
	return pageOf(all, in.Limit, viewSubscription, func(s grant.Subscription) string { return marked("subscriptions", s.CreatedAt, s.ID) }), nil
}

func (h handlers) subscribe(ctx context.Context, in *struct{ Body NewSubscriptionInput }) (*body[SubscriptionView], error) {
	s, text, err := h.Subscriptions.Create(ctx, actor(ctx), grant.NewSubscription{Client: in.Body.Client, URL: in.Body.URL, Events: in.Body.Events, AllowPrivate: in.Body.AllowPrivate})
	if err != nil {
		return nil, fail(err)
	}
	v := viewSubscription(s)
	v.Secret = text.RevealString()
	return answer(v), nil
}

func (h handlers) subscription(ctx context.Context, in *idPath) (*body[SubscriptionView], error) {
	s, err := h.Subscriptions.Get(ctx, "", in.ID)
	if err != nil {
		return nil, fail(err)
	}
	return answer(viewSubscription(s)), nil
}

func (h handlers) unsubscribe(ctx context.Context, in *idPath) (*struct{}, error) {
	if err := h.Subscriptions.Remove(ctx, actor(ctx), "", in.ID); err != nil {
		return nil, fail(err)
	}
	return nil, nil
}

func (h handlers) rotateSubscription(ctx context.Context, in *idPath) (*body[RotatedView], error) {
	text, err := h.Subscriptions.Rotate(ctx, actor(ctx), "", in.ID)
	if err != nil {
		return nil, fail(err)
	}
	return answer(RotatedView{Secret: text.RevealString()}), nil
}

func (h handlers) startSubscription(ctx context.Context, in *idPath) (*struct{}, error) {
	if err := h.Subscriptions.Start(ctx, actor(ctx), "", in.ID); err != nil {
		return nil, fail(err)
	}
	return nil, nil
}

func (h handlers) testSubscription(ctx context.Context, in *idPath) (*body[TriedView], error) {
	t, err := h.Subscriptions.Test(ctx, "", in.ID)
	if err != nil {
		return nil, fail(err)
	}
	return answer(viewTried(t)), nil
}

// deadLetters takes the number of an event as a cursor: it never changes.
func (h handlers) deadLetters(ctx context.Context, in *struct {
	Page
	ID string `path:"id" doc:"The subscription's id"`
}) (*body[list[DeadLetterView]], error) {
	after, err := in.number(0)
	if err != nil {
		return nil, err
	}
	all, err := h.Subscriptions.Dead(ctx, "", in.ID, after, in.Limit+1)
	if err != nil {
		return nil, fail(err)
	}
	return pageOf(all, in.Limit, func(d grant.DeadLetter) DeadLetterView {
		return DeadLetterView{ID: eventID(d.Event.ID), Type: d.Event.Name, Shop: d.Event.ShopID, At: stamp(d.Event.At),
			Attempts: d.Attempt, Reason: d.Reason, GivenUp: stamp(d.At), Again: stamp(d.AgainAt)}
	}, func(d grant.DeadLetter) string { return strconv.FormatInt(d.Event.ID, 10) }), nil
}

func eventID(id int64) string { return fmt.Sprintf("ev_%d", id) }

func (h handlers) replayDeadLetters(ctx context.Context, in *struct {
	ID   string `path:"id" doc:"Its id"`
	Body ReplayInput
}) (*body[ReplayedView], error) {
	ids := make([]int64, len(in.Body.Events))
	for i, text := range in.Body.Events {
		if _, err := fmt.Sscanf(text, "ev_%d", &ids[i]); err != nil || text != eventID(ids[i]) {
			return nil, refuse(http.StatusUnprocessableEntity, "input", "this names no event", "name events as they came, like ev_123",
				"事件标识无效", "请使用收到的标识，如 ev_123")
		}
	}
	n, err := h.Subscriptions.Replay(ctx, actor(ctx), "", in.ID, ids)
	if err != nil {
		return nil, fail(err)
	}
	return answer(ReplayedView{Replayed: n}), nil
}
