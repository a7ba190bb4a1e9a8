package keeper

import (
	"container/heap"
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
)

// TestAllAccountsAtOnce: all accounts of a platform come due at once while
// its token is dead. It is asked for once, by the plan of one grant, whatever the
// others want; nothing is sent for them, and one human is told one thing. When
// a ticket comes all have their token at the pace of one app.
func TestAllAccountsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.addPlatform("agency")
		for i := range stormAccounts {
			e.addAccount(fmt.Sprint("shop-", i), "agency")
		}
		e.store.set("g_agency", func(g *grant.Grant) { g.DueAt = time.Now().Add(time.Hour) }) // only others ask for it
		e.pushTicket("agency", "ticket-2", 61005)
		e.pushTicket("agency", "ticket-3", 61005)
		e.store.set("g_agency", func(g *grant.Grant) { g.DueAt = time.Now().Add(time.Hour) })
		delete(e.store.grants, "g_lantian")
		q := newQueue(e.store)
		k := e.another("one", func(o *Options) { o.Store, o.Components = q, q })
		stop := running(k)
		defer stop()

		time.Sleep(9 * time.Minute)
		component, isv := e.wechat.platformAsked()
		if component != 2 || isv != 0 { // with both tickets, once
			t.Fatalf("%d requests for the platform's token and %d for accounts' without it", component, isv)
		}
		if reads := q.platformReads(); reads > 3*9*60 { // a few a second, for any number of accounts
			t.Errorf("the platform's grant was read %d times", reads)
		}
		if told := e.store.told(); !slices.Equal(told, []string{"grant.stopped"}) {
			t.Fatalf("told %d things, %v", len(told), told[:min(3, len(told))])
		}

		e.pushTicket("agency", "ticket-4", 0)
		q.again("g_agency")
		time.Sleep(2 * time.Second)
		if component, isv = e.wechat.platformAsked(); component != 3 || isv == 0 {
			t.Errorf("after the ticket: %d requests for the platform, %d for accounts", component, isv)
		}
		time.Sleep(40 * time.Minute)
		component, isv = e.wechat.platformAsked()
		if component != 3 || isv != stormAccounts {
			t.Errorf("%d requests for the platform, %d for %d accounts", component, isv, stormAccounts)
		}
		if told := e.store.told(); !slices.Equal(told, []string{"grant.stopped", "grant.healed"}) {
			t.Errorf("told %d things", len(told))
		}
	})
}

// queue is a store that finds what is due without looking at every grant.
type queue struct {
	*memStore
	due            dueHeap
	componentReads int
}

type dueGrant struct {
	id string
	at time.Time
}

type dueHeap []dueGrant

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h dueHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)        { *h = append(*h, x.(dueGrant)) }
func (h *dueHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

func newQueue(s *memStore) *queue {
	q := &queue{memStore: s}
	for id, g := range s.grants {
		q.due = append(q.due, dueGrant{id, g.DueAt})
	}
	heap.Init(&q.due)
	return q
}

// again puts a grant into the queue whose due time was changed by others.
func (q *queue) again(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	heap.Push(&q.due, dueGrant{id, q.grants[id].DueAt})
}

func (q *queue) ClaimDue(ctx context.Context, r grant.ClaimRequest) (out []grant.Claim, err error) {
	err = q.do(ctx, "ClaimDue", func() {
		for len(out) < r.Limit && len(q.due) > 0 && !q.due[0].at.After(r.Now) {
			d := heap.Pop(&q.due).(dueGrant)
			if g := q.grants[d.id]; claimable(g) && g.DueAt.Equal(d.at) && !live(g, r.Now) {
				out = append(out, q.lease(g, r))
			}
		}
	})
	return out, err
}

func (q *queue) Settle(ctx context.Context, batch []grant.Effects) ([]error, error) {
	errs, err := q.memStore.Settle(ctx, batch)
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range batch {
		heap.Push(&q.due, dueGrant{e.Settle.GrantID, q.grants[e.Settle.GrantID].DueAt})
	}
	return errs, err
}

func (q *queue) platformReads() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.componentReads
}

func (q *queue) ComponentGrant(ctx context.Context, app string) (grant.Grant, error) {
	q.mu.Lock()
	q.componentReads++
	q.mu.Unlock()
	return q.memStore.ComponentGrant(ctx, app)
}
