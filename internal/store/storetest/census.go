package storetest

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

var censusCases = []testCase{
	{"grants are counted by what is left of them", func(t *testing.T, w *world) {
		empty, err := w.s.CountGrants(t.Context(), start)
		w.must(err)
		var before int64
		for _, c := range empty {
			before += c.N
		}
		w.must(w.settle(renewal(w.claim("tea", start), start)))
		w.enter(1)
		end := w.shopGrant("tea").Tokens.AccessExpires
		for left, at := range map[string]time.Time{
			"over": end, "5m": end.Add(-time.Millisecond), "15m": end.Add(-5*time.Minute - time.Millisecond),
			"30m": end.Add(-30 * time.Minute), "1h": end.Add(-time.Hour), "more": end.Add(-time.Hour - time.Millisecond),
		} {
			all, err := w.s.CountGrants(t.Context(), at)
			w.must(err)
			var n int64
			for _, c := range all {
				n += c.N
				if c.Kind == grant.Self && c.Token != "none" {
					same(t, left, c, sqlstore.GrantCount{Kind: grant.Self, State: grant.Active, Token: left, Grant: "none", N: 1})
				}
				if c.Kind == grant.User && (c.Grant == "none" || c.Grant == "over") {
					t.Errorf("a person's grant has %q left", c.Grant)
				}
			}
			if n != before+1 {
				t.Errorf("%d grants are counted, want %d", n, before+1)
			}
		}
	}},
	{"sessions are counted while they live", func(t *testing.T, w *world) {
		first, _ := threeSessions(w)
		count := func(at time.Time) (n int64) {
			t.Helper()
			all, err := w.s.CountSessions(t.Context(), at)
			w.must(err)
			slices.SortFunc(all, func(a, b sqlstore.DoorCount) int { return cmp.Compare(a.Door, b.Door) })
			for _, c := range all {
				n += c.N
			}
			return n
		}
		same(t, "at first", count(start), int64(3))
		_, err := w.s.EndSessions(t.Context(), grant.Effects{At: start.Add(time.Hour), EndSessions: []access.SessionFilter{{ID: first.Login.Session.ID, Why: "test"}}})
		w.must(err)
		same(t, "after one ended", count(start), int64(2))
		same(t, "in a year", count(start.AddDate(1, 0, 0)), int64(0))
	}},
}
