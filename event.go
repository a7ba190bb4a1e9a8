package zhanggui

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Event is something that happened in a shop: what WeChat pushed, or what became of
// the shop's grant. It arrives at least once, in order within a shop; ID is the
// same each time, and a cursor behind the event as well.
type Event struct {
	ID   string `json:"id"`
	Type string `json:"type"` // WeChat's name, such as channels_ec_order_pay, or ours with a dot in it
	Shop string `json:"shop"` // its short id
	// AppID is WeChat's id of the shop. Our own events have none.
	AppID string    `json:"appid,omitempty"`
	At    time.Time `json:"at"`             // when WeChat says that it happened
	Link  string    `json:"link,omitempty"` // where a human can do something about it
	// Data is what WeChat pushed, always as JSON with ids as texts.
	Data json.RawMessage `json:"data"`
}

// EventQuery says which events are wanted.
type EventQuery struct {
	// After is a cursor: an event's ID, or the Next of a page. Empty is the oldest
	// event that is kept, and for [Client.Stream] the next one to come.
	After string
	// Shop narrows to one shop.
	Shop string
	// Types narrows to names, or beginnings with * behind them.
	Types []string
	// Limit is how many events a page has at the most; the server's default when 0.
	Limit int
}

func (q EventQuery) values() url.Values {
	v := url.Values{}
	if q.After != "" {
		v.Set("after", q.After)
	}
	if q.Shop != "" {
		v.Set("shop", q.Shop)
	}
	if len(q.Types) > 0 {
		v.Set("events", strings.Join(q.Types, ","))
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return v
}

// EventPage is a page of events. It may be empty and still move the cursor on.
type EventPage struct {
	Items []Event
	Next  string // the cursor to keep once the items are done with
	More  bool   // there may be more right now
}

// EventPage reads one page. An *[Error] with the code cursor-gone says that events
// behind the cursor are not kept any more: read what you need from WeChat, and begin
// again without a cursor.
func (c *Client) EventPage(ctx context.Context, q EventQuery) (EventPage, error) {
	var out struct {
		Items []Event     `json:"items"`
		Next  json.Number `json:"next"`
		More  bool        `json:"more"`
	}
	err := c.do(ctx, http.MethodGet, "/v1/events", q.values(), nil, &out)
	return EventPage{out.Items, out.Next.String(), out.More}, err
}

// Events reads page after page until there is nothing more for now. An error is the
// last thing it yields.
func (c *Client) Events(ctx context.Context, q EventQuery) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			p, err := c.EventPage(ctx, q)
			if err != nil {
				yield(Event{}, err)
				return
			}
			for _, e := range p.Items {
				if !yield(e, nil) {
					return
				}
			}
			if !p.More || p.Next == "" || p.Next == q.After {
				return
			}
			q.After = p.Next
		}
	}
}
