package adminapi

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// Notices reads what humans are to be told.
type Notices interface {
	// NoticesBefore gives a page, the newest first; 0 stands for the newest, and
	// pending leaves out those that no channel waits for.
	NoticesBefore(ctx context.Context, pending bool, id int64, limit int) ([]notice.Record, error)
	Notice(ctx context.Context, id int64) (notice.Record, error)
}

// NoticeView is a notice with how far it got.
type NoticeView struct {
	ID         string            `json:"id" doc:"the id that webhooks carry"`
	At         *time.Time        `json:"at,omitempty"`
	Kind       string            `json:"kind"`
	Subject    string            `json:"subject,omitempty"`
	Details    map[string]string `json:"details,omitempty"`
	What       notice.Text       `json:"what"`
	Next       notice.Text       `json:"next"`
	Deliveries []DeliveryView    `json:"deliveries"`
}

// DeliveryView is how far a notice got on its way to one channel.
type DeliveryView struct {
	Channel  string     `json:"channel"`
	State    string     `json:"state" doc:"pending, sent or failed"`
	Attempts int        `json:"attempts"`
	Reason   string     `json:"reason,omitempty" doc:"why the last attempt failed"`
	Due      *time.Time `json:"due,omitempty" doc:"when it is tried next"`
	Done     *time.Time `json:"done,omitempty"`
}

// TriedView is what one channel made of a test.
type TriedView struct {
	Channel string `json:"channel"`
	Taken   bool   `json:"taken"`
	Reason  string `json:"reason,omitempty"`
	Millis  int64  `json:"millis" doc:"how long it took"`
}

func (h handlers) mountNotices(api huma.API) {
	huma.Register(api, op("list-notices", http.MethodGet, "/v1/notices", "List what humans are to be told, newest first, with how far it got"), h.notices)
	huma.Register(api, op("get-notice", http.MethodGet, "/v1/notices/{id}", "Show one notice with how far it got"), h.notice)
	huma.Register(api, op("test-notices", http.MethodPost, "/v1/notices/test", "Send a test notice to every channel and tell what each made of it"), h.testNotices)
}

func (h handlers) notices(ctx context.Context, in *struct {
	Page
	Pending bool `query:"pending" doc:"Only those that some channel waits for"`
}) (*body[list[NoticeView]], error) {
	before, err := in.before("notices")
	if err != nil {
		return nil, err
	}
	records, err := h.Notices.NoticesBefore(ctx, in.Pending, before, in.Limit+1)
	if err != nil {
		return nil, fail(err)
	}
	return pageOf(records, in.Limit, viewNotice, func(r notice.Record) string { return cursor("notices", strconv.FormatInt(r.ID, 10)) }), nil
}

func (h handlers) notice(ctx context.Context, in *idPath) (*body[NoticeView], error) {
	var id, at int64
	if _, err := fmt.Sscanf(in.ID, "n_%d_%d", &id, &at); err != nil {
		return nil, fail(access.ErrNotFound)
	}
	r, err := h.Notices.Notice(ctx, id)
	if err == nil && notice.MessageID(r.ID, r.Notice.At) != in.ID {
		err = access.ErrNotFound // of another database
	}
	if err != nil {
		return nil, fail(err)
	}
	return answer(viewNotice(r)), nil
}

func viewNotice(r notice.Record) NoticeView {
	n, w := r.Notice, r.Notice.Kind.Words()
	v := NoticeView{ID: notice.MessageID(r.ID, n.At), At: stamp(n.At), Kind: string(n.Kind), Subject: n.Subject, Details: n.Details,
		What: w.What, Next: w.Next, Deliveries: []DeliveryView{}}
	for _, d := range r.Deliveries {
		v.Deliveries = append(v.Deliveries, DeliveryView{Channel: d.Channel, State: string(d.State), Attempts: d.Attempt, Reason: d.Reason, Due: stamp(d.Due), Done: stamp(d.Done)})
	}
	return v
}

func (h handlers) testNotices(ctx context.Context, _ *struct{}) (*body[list[TriedView]], error) {
	tried, err := h.Channels.TestChannels(ctx, actor(ctx))
	if err != nil {
		return nil, fail(err)
	}
	return listOf(tried, viewTried), nil
}

func viewTried(t notice.Tried) TriedView {
	return TriedView{Channel: t.Channel, Taken: t.Taken, Reason: t.Reason, Millis: t.Took.Milliseconds()}
}
