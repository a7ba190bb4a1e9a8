package relay

import (
	"context"
	"net/http"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/web"
)

// scanned bounds how many events one answer looks at.
const scanned = 10000

// page is one answer of GET /v1/events.
type page struct {
	Items []Body `json:"items"`
	Next  int64  `json:"next"` // the cursor to go on with
	More  bool   `json:"more"` // there may be more right now
}

func (r *Relay) pull(w http.ResponseWriter, req *http.Request, c access.Client) error {
	q, err := query(req)
	if err != nil {
		return err
	}
	q.client = c.ID
	if err := holds(c, q.shop); err != nil {
		return err
	}
	if q.after, err = r.begin(req.Context(), q.after); err != nil {
		return err
	}
	out, err := r.scan(req.Context(), rightsOf(c), q)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, out)
}

func holds(c access.Client, shop string) error {
	if shop == "" || c.Holds(shop) {
		return nil
	}
	return &web.Error{
		Status: http.StatusForbidden, Code: "shop-not-held",
		EN: "This client has no right to a shop of this name.", ZH: "该客户端无权访问此店铺。",
		NextEN: "Check the shop id, or ask the operator to add the shop to this client.",
		NextZH: "请核对店铺标识，或请管理员为该客户端添加此店铺。",
	}
}

// begin checks a cursor, and gives the one before the oldest event that is kept
// for none. A cursor before that would skip events without a word; one behind the
// newest is of another database.
func (r *Relay) begin(ctx context.Context, after int64) (int64, error) {
	last, err := r.o.Store.LastEvent(ctx)
	if err != nil {
		return 0, err
	}
	first, err := r.o.Store.FirstEvent(ctx)
	if err != nil {
		return 0, err
	}
	if first == 0 || first > last {
		first = last + 1
	}
	switch {
	case after < 0 || after == 0 && first == 1:
		return first - 1, nil
	case after < first-1 || after > last:
		return 0, &web.Error{
			Status: http.StatusGone, Code: "cursor-gone",
			EN: "Events behind this cursor are not kept any more, or the cursor is of another database.", ZH: "该游标之后的部分事件已不再保留，或游标不属于此数据库。",
			NextEN: "Read what you need from WeChat once, and begin again without after.", NextZH: "请从微信接口补齐数据，然后不带 after 重新开始。",
		}
	}
	return after, nil
}

// scan gathers a page. Whatever it looked at and left out is behind its cursor.
func (r *Relay) scan(ctx context.Context, shops rights, q asked) (page, error) {
	out := page{Items: []Body{}, Next: q.after, More: true}
	for looked := 0; looked < scanned; {
		events, err := r.some(ctx, q, out.Next)
		if err != nil {
			return page{}, err
		}
		looked += len(events)
		for _, e := range events {
			out.Next = e.ID
			if q.wants(shops, e) {
				out.Items = append(out.Items, r.body(e))
			}
			if len(out.Items) == q.limit {
				return out, nil
			}
		}
		if len(events) < readSize {
			out.More = false
			return out, nil
		}
	}
	return out, nil
}

// some reads on: of the one shop that is asked for, or of all.
func (r *Relay) some(ctx context.Context, q asked, after int64) ([]grant.Event, error) {
	if q.shop == "" {
		return r.after(ctx, after, readSize)
	}
	last, err := r.o.Store.LastEvent(ctx)
	if err != nil {
		return nil, err
	}
	return r.o.Store.EventsOfShop(ctx, q.shop, after+1, last, readSize)
}
