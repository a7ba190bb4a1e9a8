package relay

import (
	"context"
	"slices"
	"sort"
	"sync"

	"github.com/zhanggui/zhanggui/internal/grant"
)

// The bounds of what is kept in memory.
const (
	tailEvents = 8192
	tailBytes  = 32 << 20
	readSize   = 1000
)

// tail is the newest events, read once for all who wait for them.
type tail struct {
	mu     sync.Mutex
	ready  bool
	events []grant.Event // all that follow from, in order; elements are never written again
	from   int64
	last   int64
	bytes  int
	behind int           // bytes that were dropped and that the array under events still holds
	moved  chan struct{} // closed when events are added, and then another one
}

// begin starts behind an event.
func (t *tail) begin(last int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ready {
		t.ready, t.from, t.last = true, last, last
	}
}

// at gives where the reading goes on.
func (t *tail) at() (last int64, ready bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last, t.ready
}

// add appends what was read and drops the oldest over the bounds.
func (t *tail) add(events []grant.Event) {
	if len(events) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range events {
		t.bytes += len(e.Body)
	}
	t.events = append(t.events, events...)
	t.last = events[len(events)-1].ID
	for len(t.events) > tailEvents || t.bytes > tailBytes && len(t.events) > 1 {
		t.bytes -= len(t.events[0].Body)
		t.behind += len(t.events[0].Body)
		t.from = t.events[0].ID
		t.events = t.events[1:]
	}
	if t.behind > tailBytes { // what is dropped must not live as long as a large array does
		t.events, t.behind = slices.Clone(t.events), 0
	}
	close(t.moved)
	t.moved = make(chan struct{})
}

// after gives at most limit events behind a cursor; false when memory does not
// reach back that far.
func (t *tail) after(cursor int64, limit int) ([]grant.Event, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ready || cursor < t.from {
		return nil, false
	}
	i := sort.Search(len(t.events), func(i int) bool { return t.events[i].ID > cursor })
	rest := t.events[i:min(i+limit, len(t.events))]
	return rest[:len(rest):len(rest)], true
}

// waiting gives what is closed when more comes.
func (t *tail) waiting() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.moved
}

// follow reads what is new, and reports whether there was any.
func (r *Relay) follow(ctx context.Context) (moved bool, err error) {
	ctx, done := unbroken(ctx)
	defer done()
	last, ready := r.tail.at()
	if !ready {
		if last, err = r.o.Store.LastEvent(ctx); err != nil {
			return false, err
		}
		r.tail.begin(last)
	}
	for {
		events, err := r.o.Store.EventsAfter(ctx, last, readSize)
		if err != nil {
			return moved, err
		}
		r.tail.add(events)
		if len(events) > 0 {
			moved, last = true, events[len(events)-1].ID
		}
		if len(events) < readSize {
			return moved, nil
		}
	}
}

// unbroken gives a context for a few short queries, which end by themselves: one
// that is cut off by the end of the server leaves its connection busy in the
// database.
func unbroken(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), queryTime)
}

// after gives events behind a cursor, out of memory or the store.
func (r *Relay) after(ctx context.Context, cursor int64, limit int) ([]grant.Event, error) {
	if events, ok := r.tail.after(cursor, limit); ok {
		return events, nil
	}
	return r.o.Store.EventsAfter(ctx, cursor, limit)
}
