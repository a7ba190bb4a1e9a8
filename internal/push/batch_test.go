package push_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/push"
	"github.com/zhanggui/zhanggui/wechat/msgcrypt"
)

// order is a push of a new order of the shop with an app of its own.
func order(t testing.TB, n int) *http.Request {
	return sealed(t, "own", "/wechat/push/own/event/"+ownShopID, shopEvent(msgcrypt.JSON, strconv.Itoa(n), start), start)
}

// together sends requests at once and gives their statuses.
func (r *rig) together(all ...*http.Request) []int {
	status := make([]int, len(all))
	var wg sync.WaitGroup
	for i, req := range all {
		wg.Go(func() { status[i], _ = r.answer(req) })
	}
	wg.Wait()
	return status
}

// TestBatches: pushes that come together share transactions of at most 128, and
// each is recorded once.
func TestBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var all []*http.Request
		for i := range 300 {
			all = append(all, order(t, i))
		}
		for i, status := range r.together(all...) {
			if status != http.StatusOK {
				t.Fatalf("push %d: %d", i, status)
			}
		}
		slices.Sort(r.store.batches)
		if diff := cmp.Diff([]int{44, 128, 128}, r.store.batches); diff != "" {
			t.Errorf("transactions (-want +got):\n%s", diff)
		}
		if _, events := r.store.recorded(); len(events) != 300 {
			t.Errorf("%d events are recorded", len(events))
		}
	})
}

// TestWhileWriting: what comes while a batch is written waits for the next one,
// and goes into it whole.
func TestWhileWriting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.store.landed = func(context.Context) error { time.Sleep(time.Second); return nil }
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 10 * time.Millisecond)
				r.takes(order(t, i))
			})
		}
		wg.Wait()
		if diff := cmp.Diff([]int{1, 49}, r.store.batches); diff != "" {
			t.Errorf("transactions (-want +got):\n%s", diff)
		}
	})
}

// TestTwins: one message that comes twice at once is written once, and both are
// told the same: neither success before the commit, nor a failure after it.
func TestTwins(t *testing.T) {
	tests := []struct {
		name     string
		refuse   error
		status   int
		outcomes []string
	}{
		{"recorded", nil, 200, []string{"seen", "taken"}},
		{"refused", errors.New("no such row"), 503, []string{"failed not-kept", "failed not-kept"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.store.refuse = func(grant.Push) error { return tt.refuse }
				if diff := cmp.Diff([]int{tt.status, tt.status}, r.together(order(t, 1), order(t, 1))); diff != "" {
					t.Error(diff)
				}
				slices.Sort(r.counts.outcomes)
				if diff := cmp.Diff(tt.outcomes, r.counts.outcomes); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff([]int{1}, r.store.batches); diff != "" {
					t.Errorf("transactions (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestOneRefused: a push that the store refuses does not spoil the others of its
// batch.
func TestOneRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		bad := digestOf(shopEvent(msgcrypt.JSON, "2", start))
		r.store.refuse = func(p grant.Push) error {
			if string(p.Digest) == string(bad) {
				return errors.New("no such row")
			}
			return nil
		}
		if diff := cmp.Diff([]int{200, 503, 200}, r.together(order(t, 1), order(t, 2), order(t, 3))); diff != "" {
			t.Error(diff)
		}
	})
}

// TestLate: a database that hangs costs nobody an answer. WeChat is told to come
// again before it goes away, and finds that the commit landed.
func TestLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.store.broken = func(context.Context) error { time.Sleep(4 * time.Second); return nil }
		began := time.Now()
		if diff := cmp.Diff([]int{503, 503}, r.together(order(t, 1), order(t, 2))); diff != "" {
			t.Error(diff)
		}
		if took := time.Since(began); took >= 3*time.Second {
			t.Errorf("answered after %v", took)
		}
		if diff := cmp.Diff([]string{"failed late", "failed late"}, r.counts.outcomes); diff != "" {
			t.Error(diff)
		}
		if err := r.receiver.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.store.broken = nil
		if diff := cmp.Diff([]int{200, 200}, r.together(order(t, 1), order(t, 2))); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"seen", "seen"}, r.counts.outcomes[2:]); diff != "" {
			t.Error(diff)
		}
	})
}

// TestWriteEnds: a transaction does not hang for ever, and what waited behind it
// goes on.
func TestWriteEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *push.Options) { o.Budget = time.Hour })
		r.store.broken = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		began := time.Now()
		if diff := cmp.Diff([]int{503}, r.together(order(t, 1))); diff != "" {
			t.Error(diff)
		}
		if took := time.Since(began); took > 6*time.Second {
			t.Errorf("the transaction ended after %v", took)
		}
		r.store.broken = nil
		r.takes(order(t, 1))
	})
}

// TestCallerGone: WeChat closing the connection ends no transaction.
func TestCallerGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.store.broken = func(context.Context) error { time.Sleep(time.Second); return nil }
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		r.answer(order(t, 1).WithContext(ctx))
		if err := r.receiver.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if pushes, _ := r.store.recorded(); len(pushes) != 1 {
			t.Errorf("%d pushes are recorded, want one", len(pushes))
		}
		if diff := cmp.Diff([]string{"failed gone"}, r.counts.outcomes); diff != "" {
			t.Error(diff)
		}
	})
}

// TestClose: it waits for what is being written, as long as it may.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.store.broken = func(context.Context) error { time.Sleep(4 * time.Second); return nil }
		r.together(order(t, 1))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.receiver.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("closed with %v while a transaction was under way", err)
		}
		if err := r.receiver.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if pushes, _ := r.store.recorded(); len(pushes) != 1 {
			t.Errorf("%d pushes are recorded, want one", len(pushes))
		}
	})
}
