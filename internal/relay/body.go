package relay

import (
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// Body is an event as clients get it, on every way alike.
type Body struct {
	ID    string          `json:"id"` // "ev_" and the event's number; the same each time it is sent
	Type  string          `json:"type"`
	Shop  string          `json:"shop"`
	AppID string          `json:"appid,omitempty"` // WeChat's id of the shop; our own events have none
	At    time.Time       `json:"at"`
	Link  string          `json:"link,omitempty"` // where a human can do something about it
	Data  json.RawMessage `json:"data"`
}

// MessageID is how receivers tell an event that they got before.
func MessageID(id int64) string { return "ev_" + strconv.FormatInt(id, 10) }

func (r *Relay) body(e grant.Event) Body {
	b := Body{ID: MessageID(e.ID), Type: e.Name, Shop: e.ShopID, AppID: e.AppID, At: e.At.UTC(), Data: e.Body}
	if !json.Valid(b.Data) {
		b.Data = json.RawMessage("{}")
	}
	if r.o.Link != nil && e.Name == string(notice.GrantNeedsOwner) {
		b.Link = r.o.Link("/login?shop=" + url.QueryEscape(e.ShopID))
	}
	return b
}

func (r *Relay) encode(e grant.Event) []byte {
	b, err := json.Marshal(r.body(e))
	if err != nil {
		panic(err) // its data was looked at
	}
	return b
}
