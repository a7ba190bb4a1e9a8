package storetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// replicaCases are what several stores on one database must agree on. One store
// must agree with itself.
var replicaCases = []testCase{
	{"batches of the same grants in opposite orders do not wait in a circle", func(t *testing.T, w *world) {
		w.manyShops(40)
		claims, err := w.s.ClaimDue(t.Context(), request(start))
		w.must(err)
		var batch []grant.Effects
		for _, c := range claims {
			batch = append(batch, renewal(c, start))
		}
		turned := slices.Clone(batch)
		slices.Reverse(turned)
		var mu sync.Mutex
		landed := make(map[string]int)
		together(t, 8, nil, func(i int) error {
			mine := [][]grant.Effects{batch, turned}[i%2]
			errs, err := w.replica(i).Settle(t.Context(), mine)
			mu.Lock()
			defer mu.Unlock()
			for j, err := range errs {
				if err == nil {
					landed[mine[j].Settle.GrantID]++
				} else if !errors.Is(err, grant.ErrLost) {
					t.Errorf("item %d: %v", j, err)
				}
			}
			return err
		})
		same(t, "grants settled", len(landed), len(batch))
		for id, n := range landed {
			if n != 1 {
				t.Errorf("grant %s was settled %d times", id, n)
			}
		}
	}},
	{"the log is found whole while others add to it", func(t *testing.T, w *world) {
		together(t, 8, nil, func(i int) error {
			s := w.replica(i)
			for range 40 {
				check := s.Check
				if i%2 == 0 {
					check = func(ctx context.Context) error { return s.Append(ctx, entry("x")) }
				}
				if err := check(t.Context()); err != nil {
					return err
				}
			}
			return nil
		})
	}},
	{"refreshing and all that may interfere, at once", func(t *testing.T, w *world) {
		w.manyShops(30)
		id := w.shopGrant("tea").ID
		together(t, 12, access.ErrStale, func(i int) error {
			s := w.replica(i)
			switch i % 4 {
			case 0:
				return w.declareOn(s)
			case 1:
				return errors.Join(s.Append(t.Context(), entry("x")), second(s.ObserveTime(t.Context(), start.Add(time.Duration(i)*time.Second))))
			case 2:
				return w.renewAlways(t.Context(), s, id)
			}
			claims, err := s.ClaimDue(t.Context(), request(start))
			if err != nil || len(claims) == 0 {
				return err
			}
			var batch []grant.Effects
			for _, c := range claims {
				batch = append(batch, renewal(c, start))
			}
			_, err = s.Settle(t.Context(), batch)
			return err
		})
	}},
	{"whoever follows the log misses nothing", func(t *testing.T, w *world) {
		const writers, each = 9, 10
		size, _, err := w.s.AuditHead(t.Context())
		w.must(err)
		var seen []audit.Record
		done := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() { seen = w.follow(size-1, size+writers*each, done) })
		together(t, writers, nil, func(i int) error {
			for range each {
				if err := w.replica(i).Append(t.Context(), entry("x")); err != nil {
					return err
				}
			}
			return nil
		})
		close(done)
		wg.Wait()
		for i, r := range seen {
			if r.Seq != size+int64(i) {
				t.Fatalf("the reader saw entry %d after %d others", r.Seq, i)
			}
		}
		same(t, "entries seen", len(seen), writers*each)
	}},
	{"what one wrote, the others read", func(t *testing.T, w *world) {
		for i := range 6 {
			c, err := w.replica(i).Claim(t.Context(), w.shopGrant("tea").ID, request(start))
			w.must(err)
			_, err = w.replica(i+1).Settle(t.Context(), []grant.Effects{renewal(c, start)})
			w.must(err)
			g, err := w.replica(i+2).ShopGrant(t.Context(), "tea")
			w.must(err)
			same(t, "generation", g.Tokens.Generation, int64(i+1))
		}
	}},
}

// follow reads the log as it grows, from the entry after the one at after, until
// it has end entries, or has read it once more after done was closed.
func (w *world) follow(after, end int64, done <-chan struct{}) (seen []audit.Record) {
	for last := false; ; {
		page, err := w.replica(1).AuditEntries(w.t.Context(), after, 7)
		if err != nil {
			w.t.Errorf("follow the log: %v", err)
			return seen
		}
		for _, r := range page {
			after = r.Seq
		}
		seen = append(seen, page...)
		if after+1 >= end || last && len(page) == 0 {
			return seen
		}
		select {
		case <-done:
			last = true
		default:
		}
	}
}
