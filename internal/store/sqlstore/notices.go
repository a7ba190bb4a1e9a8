package sqlstore

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// notify writes a notice, which is a fact: whom it is told, and with what others, is
// decided when it is folded. One about a shop's grant is an event for the shop's
// clients too.
func (t *tx) notify(ctx context.Context, n notice.Notice) error {
	if heard(n) {
		e, err := heardAs(n)
		if err != nil {
			return err
		}
		t.events = append(t.events, e)
	}
	_, err := t.InsertNotice(ctx, sqlgen.InsertNoticeParams{
		At: millis(n.At), Kind: string(n.Kind), Subject: n.Subject, Details: toJSON(n.Details), ShopID: notice.ShopOf(n), TenantID: notice.TenantOf(n),
	})
	return err
}

// heard tells whether clients hear of what a notice says.
func heard(n notice.Notice) bool {
	return n.Details[detailShop] != "" && strings.HasPrefix(string(n.Kind), "grant.")
}

// detailShop is the detail of a notice that names a shop.
const detailShop = "shop"

// heardAs gives a notice as the event that clients hear. Persons stay out of it:
// even our random ids of them are for administrators.
func heardAs(n notice.Notice) (grant.Event, error) {
	details := maps.Clone(n.Details)
	delete(details, detailShop)
	delete(details, "person")
	delete(details, "kind") // clients cannot tell one way to the shop's key from another
	w := n.Kind.Words()
	body, err := json.Marshal(struct {
		Grant   string            `json:"grant"`
		Details map[string]string `json:"details,omitempty"`
		What    notice.Text       `json:"what"`
		Next    notice.Text       `json:"next"`
	}{strings.TrimPrefix(n.Subject, "grant:"), details, w.What, w.Next})
	if err != nil {
		return grant.Event{}, err
	}
	return grant.Event{ShopID: n.Details[detailShop], Name: string(n.Kind), At: n.At, SeenAt: n.At, Body: body}, nil
}

// SetCondition remembers whether something is wrong, and writes the notice if
// that changed: a human is told once, and once when it is over, by whichever
// server sees it first and whatever is restarted between.
func (s *Store) SetCondition(ctx context.Context, name string, wrong bool, n notice.Notice, entries ...audit.Entry) (changed bool, err error) {
	name = metaCondition + name
	row, err := meta(ctx, s.q, name)
	if err != nil {
		return false, s.fail("read condition", err)
	}
	if (row.Number != 0) == wrong {
		return false, nil // looked at once more before it is written
	}
	err = s.write(ctx, "set condition", func(t *tx) error {
		row, err := meta(ctx, t.Queries, name)
		changed = (row.Number != 0) != wrong
		if err != nil || !changed {
			return err
		}
		since := int64(0)
		if wrong {
			since = millis(n.At)
		}
		t.record(entries...)
		if err := t.PutMeta(ctx, sqlgen.PutMetaParams{Name: name, Number: since}); err != nil {
			return err
		}
		return t.notify(ctx, n)
	})
	return changed && err == nil, err
}

// endCondition ends what was told of something that is there no more, if anything was:
// nobody is left who would find it well.
func (t *tx) endCondition(ctx context.Context, name string, over notice.Notice, why string) error {
	row, err := meta(ctx, t.Queries, metaCondition+name)
	if err != nil || row.Number == 0 {
		return err
	}
	if err := t.PutMeta(ctx, sqlgen.PutMetaParams{Name: metaCondition + name}); err != nil {
		return err
	}
	t.record(audit.Entry{At: over.At, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: over.Details[notice.DetailWas], Subject: over.Subject,
		Outcome: audit.Done, Reason: why, Details: over.Details})
	return t.notify(ctx, over)
}

// OpenConditions gives the names of what is wrong now, as [Store.SetCondition] has
// them, of those that begin with prefix.
func (s *Store) OpenConditions(ctx context.Context, prefix string) ([]string, error) {
	names, err := s.q.OpenConditions(ctx, metaCondition+prefix)
	if err != nil {
		return nil, s.fail("read conditions", err)
	}
	for i := range names {
		names[i] = strings.TrimPrefix(names[i], metaCondition)
	}
	return names, nil
}

// PendingNotices gives at most limit notices that some channel still waits for,
// the oldest first.
func (s *Store) PendingNotices(ctx context.Context, limit int) (ids []int64, notices []notice.Notice, err error) {
	rows, err := s.q.PendingNotices(ctx, rowLimit(limit))
	if err != nil {
		return nil, nil, s.fail("read notices", err)
	}
	for _, r := range rows {
		ids = append(ids, r.ID)
		notices = append(notices, toNotice(r))
	}
	return ids, notices, nil
}

// Notices gives at most limit notices with their deliveries, the newest first;
// pending leaves out those that no channel waits for.
func (s *Store) Notices(ctx context.Context, pending bool, limit int) ([]notice.Record, error) {
	var out []notice.Record
	err := s.view(ctx, "read notices", func(q *sqlgen.Queries) error {
		read := q.Notices
		if pending {
			read = q.PendingNotices
		}
		rows, err := read(ctx, rowLimit(limit))
		if err != nil {
			return err
		}
		out, err = records(ctx, q, rows)
		return err
	})
	if pending {
		slices.Reverse(out)
	}
	return out, err
}

// records adds their deliveries to notices.
func records(ctx context.Context, q *sqlgen.Queries, rows []sqlgen.Notice) (out []notice.Record, err error) {
	for _, r := range rows {
		rec := notice.Record{ID: r.ID, Notice: toNotice(r), Over: fromMillis(r.SentAt)}
		deliveries, err := q.DeliveriesOf(ctx, r.ID)
		if err != nil {
			return nil, err
		}
		for _, d := range deliveries {
			rec.Deliveries = append(rec.Deliveries, toDelivery(d))
		}
		out = append(out, rec)
	}
	return out, nil
}

// NoticeBacklog counts the notices that some channel waits for, and tells when
// the oldest of them was written.
func (s *Store) NoticeBacklog(ctx context.Context) (pending int, oldest time.Time, err error) {
	row, err := s.q.Backlog(ctx)
	if err != nil {
		return 0, time.Time{}, s.fail("count notices", err)
	}
	return int(row.Pending), fromMillis(row.Oldest), nil
}

func toNotice(r sqlgen.Notice) notice.Notice {
	return notice.Notice{At: fromMillis(r.At), Kind: notice.Kind(r.Kind), Subject: r.Subject, Details: fromJSON[map[string]string](r.Details)}
}

func toDelivery(r sqlgen.Delivery) notice.Delivery {
	return notice.Delivery{NoticeID: r.NoticeID, Channel: r.Channel, State: notice.State(r.State), Attempt: int(r.Attempt),
		Due: fromMillis(r.DueAt), Done: fromMillis(r.DoneAt), Reason: r.Reason}
}
