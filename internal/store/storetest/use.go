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

// use is a call of a capped path. start is 16:00 in China.
func use(at time.Time, daily int) access.Use {
	return access.Use{ClientID: "erp", ShopID: "tea", Path: "/channels/ec/funds/submitwithdraw", At: at, Daily: daily}
}

func usedBy(at time.Time) grant.Effects {
	return grant.Effects{At: at, Audit: []audit.Entry{entry("client.named_call")},
		Notices: []notice.Notice{{At: at, Kind: notice.NamedCall, Subject: "client:erp"}}}
}

func (w *world) use(s *sqlstore.Store, u access.Use) (int, error) {
	return s.Use(w.t.Context(), u, usedBy(u.At))
}

var useCases = []testCase{
	{"a path is called as often a day as granted", func(t *testing.T, w *world) {
		for i := range 3 {
			n, err := w.use(w.s, use(start, 3))
			w.must(err)
			same(t, "uses", n, i+1)
		}
		w.refused(access.ErrCap, func() error { return second(w.use(w.s, use(start.Add(7*time.Hour+59*time.Minute), 3))) })
		same(t, "entries", len(w.entries("client.named_call")), 3)
		for name, other := range map[string]access.Use{
			"another shop":   {ClientID: "erp", ShopID: "rice", Path: use(start, 0).Path, At: start, Daily: 1},
			"another client": {ClientID: "bi", ShopID: "tea", Path: use(start, 0).Path, At: start, Daily: 1},
			"another path":   {ClientID: "erp", ShopID: "tea", Path: "/channels/ec/funds/setbankacct", At: start, Daily: 1},
			"the next day":   use(start.Add(8*time.Hour), 1),
		} {
			n, err := w.use(w.s, other)
			w.must(err)
			same(t, name, n, 1)
		}
		n, err := w.use(w.s, use(start, 4))
		w.must(err)
		same(t, "after more was granted", n, 4)
		w.refused(access.ErrCap, func() error { return second(w.use(w.s, use(start.Add(100*time.Hour), 0))) })
	}},
	{"a human is told of the day's first use, or of each", func(t *testing.T, w *world) {
		w.must(w.s.RegisterChannels(t.Context(), []notice.Route{{Channel: "log"}}, start, start, start))
		told := func() int {
			t.Helper()
			all, err := w.s.Notices(t.Context(), false, 100)
			w.must(err)
			return len(all)
		}
		for range 3 {
			w.must(second(w.use(w.s, use(start, 10))))
		}
		same(t, "told", told(), 1)
		each := use(start, 10)
		each.TellEach = true
		w.must(second(w.use(w.s, each)))
		same(t, "told of each", told(), 2)
	}},
	{"calls at once do not pass the cap", func(t *testing.T, w *world) {
		n := together(t, 20, access.ErrCap, func(i int) error { return second(w.use(w.replica(i), use(start, 7))) })
		same(t, "uses", n, 7)
		same(t, "entries", len(w.entries("client.named_call")), 7)
	}},
	{"a use that failed was not made, one that landed counts", func(t *testing.T, w *world) {
		w.losing(failed, func() { w.wants(sqlstore.ErrOutcome, second(w.use(w.s, use(start, 9)))) })
		n, err := w.use(w.s, use(start, 9))
		w.must(err)
		same(t, "after one that failed", n, 1)
		w.losing(landed, func() { w.wants(sqlstore.ErrOutcome, second(w.use(w.s, use(start, 9)))) })
		n, err = w.use(w.s, use(start, 9))
		w.must(err)
		same(t, "after one that landed", n, 3)
	}},
	{"days that are over are purged", func(t *testing.T, w *world) {
		w.must(second(w.use(w.s, use(start, 1))))
		w.must(w.s.Purge(t.Context(), start.Add(29*24*time.Hour)))
		w.refused(access.ErrCap, func() error { return second(w.use(w.s, use(start, 1))) })
		w.must(w.s.Purge(t.Context(), start.Add(31*24*time.Hour)))
		w.must(second(w.use(w.s, use(start, 1))))
	}},
}
