package storetest

import (
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

const orderPath = "/channels/ec/order/get"

// calls is a count of a client of a shop, on the day of at.
func calls(client, shop, path string, at time.Time, n int64) access.PathUse {
	return access.PathUse{ClientID: client, ShopID: shop, Path: path, Day: access.DayOf(at), Calls: n}
}

func change(id, path string, at time.Time) grant.APIChange {
	return grant.APIChange{ID: id, Path: path, Name: "获取订单详情", Content: "更新", DocURL: "https://developers.weixin.qq.com/doc", At: at, SeenAt: start, Clients: []string{"erp"}}
}

var radarCases = []testCase{
	{"counts of calls add up, over replicas and days", func(t *testing.T, w *world) {
		w.client()
		for i := range 4 {
			w.must(w.replica(i).AddPathUses(t.Context(), []access.PathUse{
				calls("erp", "tea", orderPath, start, 5), calls("erp", "tea", "/cgi-bin/token", start.AddDate(0, 0, -40), 1),
				calls("gone", "tea", orderPath, start, 1), calls("erp", "rice", orderPath, start.AddDate(0, 0, -1), 2),
			}))
		}
		all, err := w.s.PathsOf(t.Context(), "erp", access.DayOf(start.AddDate(0, 0, -30)))
		w.must(err)
		same(t, "paths", all, []access.PathTotal{{Path: orderPath, Shops: 2, Calls: 28, Last: utc(access.DayOf(start))}})
		at, err := w.s.PathsAt(t.Context(), "erp", "tea", access.DayOf(start.AddDate(0, 0, -40)))
		w.must(err)
		same(t, "paths at one shop", at, []string{"/cgi-bin/token", orderPath})
		at, err = w.s.PathsAt(t.Context(), "erp", "rice", access.DayOf(start))
		w.must(err)
		same(t, "paths at another, of today", len(at), 0)
		users, err := w.s.UsersOf(t.Context(), orderPath, access.DayOf(start.AddDate(0, 0, -30)))
		w.must(err)
		same(t, "who used it, may still do so, and holds the shop", users, []access.PathUser{{ClientID: "erp", ShopID: "tea", Shops: 1, Calls: 20}})
		n, err := w.s.CallsOf(t.Context(), "erp", "tea", orderPath, start)
		w.must(err)
		same(t, "calls of the day", n, int64(20))
	}},
	{"counts are kept for ninety days", func(t *testing.T, w *world) {
		w.must(w.s.AddPathUses(t.Context(), []access.PathUse{calls("erp", "tea", orderPath, start, 1)}))
		w.must(w.s.Purge(t.Context(), start.AddDate(0, 0, 89)))
		n, err := w.s.CallsOf(t.Context(), "erp", "tea", orderPath, start)
		w.must(err)
		same(t, "after 89 days", n, int64(1))
		w.must(w.s.Purge(t.Context(), start.AddDate(0, 0, 91)))
		n, err = w.s.CallsOf(t.Context(), "erp", "tea", orderPath, start)
		w.must(err)
		same(t, "after 91 days", n, int64(0))
	}},
	{"a change is taken in once, with what follows from it", func(t *testing.T, w *world) {
		w.subscribe("sub_1")
		w.hear("tea", "tea")
		body := []byte(`{"changelog_url":""}`)
		w.must(w.s.Authorise(t.Context(), grant.Effects{At: start, Events: []grant.Event{{App: "app-tea", ShopID: "tea", Name: "api_diff", At: start, SeenAt: start, Body: body}}}))
		events, from, err := w.s.APIDiffs(t.Context(), 10)
		w.must(err)
		if len(events) != 1 || events[0].Name != "api_diff" || string(events[0].Body) != string(body) {
			t.Fatalf("announced: %+v", events)
		}
		fresh := []grant.APIChange{change("c_1", orderPath, start), change("c_2", "/channels/ec/product/get", start.Add(time.Hour))}
		e := grant.Effects{At: start, Audit: []audit.Entry{entry("api.changed")},
			Notices: []notice.Notice{{At: start, Kind: notice.APIChanged, Subject: "api:" + orderPath}},
			Events:  []grant.Event{{ShopID: "tea", Name: "api.changed", At: start, SeenAt: start, Body: []byte(`{}`), Client: "erp"}}}
		w.must(w.s.RecordAPIChanges(t.Context(), from, events[0].ID, fresh, e))
		w.refused(grant.ErrLost, func() error { return w.s.RecordAPIChanges(t.Context(), from, events[0].ID, fresh, e) })
		left, _, err := w.s.APIDiffs(t.Context(), 10)
		w.must(err)
		same(t, "left", len(left), 0)
		unknown, err := w.s.NewAPIChanges(t.Context(), append(fresh, change("c_3", orderPath, start)))
		w.must(err)
		same(t, "new", unknown, []grant.APIChange{change("c_3", orderPath, start)})
		all, err := w.s.APIChanges(t.Context(), "", time.Time{}, "", 10)
		w.must(err)
		same(t, "all", all, []grant.APIChange{fresh[1], fresh[0]})
		of, err := w.s.APIChanges(t.Context(), orderPath, start.Add(time.Minute), "", 10)
		w.must(err)
		same(t, "of a path", of, fresh[:1])
		behind, err := w.s.APIChanges(t.Context(), "", fresh[1].At, "c_2", 10)
		w.must(err)
		same(t, "behind the first", behind, fresh[:1])
		heard, err := w.s.EventsAfter(t.Context(), events[0].ID, 10)
		w.must(err)
		if len(heard) != 1 || heard[0].Client != "erp" {
			t.Errorf("heard %+v", heard)
		}
	}},
	{"what is known of a suspect is written by whoever read it last", func(t *testing.T, w *world) {
		id := w.shopGrant("tea").ID
		_, known, err := w.s.Suspect(t.Context(), id)
		w.must(err)
		same(t, "known", known, false)
		first := grant.Suspect{GrantID: id, LastAt: start, Evidence: []byte(`{"deaths":1}`)}
		w.must(w.s.PutSuspect(t.Context(), first, time.Time{}))
		next := grant.Suspect{GrantID: id, LastAt: start.Add(time.Hour), Evidence: []byte(`{"deaths":2}`)}
		w.refused(grant.ErrLost, func() error { return w.s.PutSuspect(t.Context(), next, time.Time{}) })
		w.must(w.s.PutSuspect(t.Context(), next, start))
		all, err := w.s.Suspects(t.Context())
		w.must(err)
		same(t, "suspects", all, []grant.Suspect{next})
	}},
}

// utc is a time as a store gives it.
func utc(at time.Time) time.Time { return time.UnixMilli(at.UnixMilli()).UTC() }
