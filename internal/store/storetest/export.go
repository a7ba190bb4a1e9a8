package storetest

import (
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

func export(shop string, generation int64, at time.Time) access.Export {
	return access.Export{ClientID: "erp", ShopID: shop, Generation: generation, At: at, Ends: at.Add(time.Hour)}
}

func (w *world) export(x access.Export) error {
	return w.s.RecordExport(w.t.Context(), x, grant.Effects{At: x.At, Audit: []audit.Entry{entry("token.export")},
		Notices: []notice.Notice{{At: x.At, Kind: notice.TokenExported, Subject: "client:erp"}}})
}

func (w *world) exports(now time.Time) []access.Export {
	w.t.Helper()
	all, err := w.s.Exports(w.t.Context(), "erp", now)
	w.must(err)
	return all
}

var exportCases = []testCase{
	{"the longest life of each shop's token is known", func(t *testing.T, w *world) {
		w.declareClients(1, client("erp", "tea", "rice"))
		w.must(w.export(export("tea", 7, start)))
		w.must(w.export(export("rice", 3, start)))
		older := export("tea", 6, start.Add(time.Second))
		older.Ends = start.Add(time.Minute)
		w.must(w.export(older))
		want := export("tea", 7, start)
		want.At = older.At
		same(t, "exports", w.exports(start), []access.Export{export("rice", 3, start), want})
		ofShop, err := w.s.ShopExports(t.Context(), "tea", start)
		w.must(err)
		same(t, "of the shop", ofShop, []access.Export{want})
		same(t, "when they ended", w.exports(start.Add(time.Hour)), nil)
		same(t, "entries", len(w.entries("token.export")), 3)
	}},
	{"a human is told once a day for each shop", func(t *testing.T, w *world) {
		w.declareClients(1, client("erp", "tea", "rice"))
		w.must(w.s.RegisterChannels(t.Context(), []notice.Route{{Channel: "log"}}, start, start, start))
		told := func(want int) {
			t.Helper()
			all, err := w.s.Notices(t.Context(), false, 100)
			w.must(err)
			same(t, "told", len(all), want)
		}
		for range 3 {
			w.must(w.export(export("tea", 1, start)))
		}
		told(1)
		w.must(w.export(export("rice", 1, start)))
		told(2)
		w.must(w.export(export("tea", 2, start.Add(7*time.Hour+59*time.Minute)))) // start is 16:00 in China
		told(2)
		w.must(w.export(export("tea", 2, start.Add(8*time.Hour))))
		told(3)
	}},
	{"a revoked client fetches nothing any more", func(t *testing.T, w *world) {
		w.declareClients(1, client("erp", "tea"))
		w.must(w.export(export("tea", 1, start)))
		w.must(w.s.RevokeClient(t.Context(), "erp", start, entry("client.revoke")))
		w.refused(access.ErrNotFound, func() error { return w.export(export("tea", 2, start)) })
		nobody := export("tea", 1, start)
		nobody.ClientID = "nobody"
		w.refused(access.ErrNotFound, func() error { return w.export(nobody) })
		same(t, "exports", w.exports(start), []access.Export{export("tea", 1, start)})
	}},
	{"a human is told once when many fetch at once", func(t *testing.T, w *world) {
		w.declareClients(1, client("erp", "tea"))
		w.must(w.s.RegisterChannels(t.Context(), []notice.Route{{Channel: "log"}}, start, start, start))
		together(t, 10, nil, func(i int) error {
			return w.replica(i).RecordExport(t.Context(), export("tea", int64(i), start), grant.Effects{At: start,
				Notices: []notice.Notice{{At: start, Kind: notice.TokenExported, Subject: "client:erp"}}})
		})
		all, err := w.s.Notices(t.Context(), false, 100)
		w.must(err)
		same(t, "told", len(all), 1)
		same(t, "the newest", w.exports(start)[0].Generation, 9)
	}},
	{"an export that failed is none, one that landed is one", func(t *testing.T, w *world) {
		w.declareClients(1, client("erp", "tea"))
		w.losing(failed, func() { w.wants(sqlstore.ErrOutcome, w.export(export("tea", 1, start))) })
		same(t, "after one that failed", w.exports(start), nil)
		w.losing(landed, func() { w.wants(sqlstore.ErrOutcome, w.export(export("tea", 1, start))) })
		same(t, "after one that landed", len(w.exports(start)), 1)
	}},
	{"what ended long ago is purged, and what a client fetched goes with it", func(t *testing.T, w *world) {
		w.declareClients(1, client("erp", "tea", "rice"))
		w.must(w.export(export("tea", 1, start)))
		w.must(w.export(export("rice", 1, start.Add(48*time.Hour))))
		w.must(w.s.Purge(t.Context(), start.Add(31*24*time.Hour)))
		same(t, "left", len(w.exports(start)), 1)
		w.must(w.s.Declare(t.Context(), access.Declaration{Revision: 2, At: start, Remove: access.Removal{Clients: []string{"erp"}}}, entry("setup.apply")))
		same(t, "left", len(w.exports(start)), 0)
	}},
}
