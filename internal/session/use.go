package session

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
)

const (
	usedEvery  = time.Minute     // how exactly the last use is kept
	flushEvery = 3 * time.Second // how long a use waits to be written
	sweepEvery = time.Minute
	lastFlush  = 5 * time.Second // bounds the writing at the end
	maxWaiting = 100_000         // uses that wait while the store is away
)

// uses are those that are not in the store yet, by session.
type uses struct {
	mu      sync.Mutex
	waiting map[string]access.SessionUse
}

// add notes a use. A later one of the same session takes its place.
func (u *uses) add(n access.SessionUse) {
	u.mu.Lock()
	defer u.mu.Unlock()
	before, ok := u.waiting[n.Session]
	if !ok && len(u.waiting) >= maxWaiting {
		return
	}
	if n.At.Before(before.At) {
		n, before = before, n
	}
	if n.Address == "" {
		n.Address = before.Address
	}
	if len(n.Token) == 0 {
		n.Token = before.Token
	}
	u.waiting[n.Session] = n
}

// last is when a session was used that waits; zero when none does.
func (u *uses) last(id string) time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.waiting[id].At
}

// take gives those that wait.
func (u *uses) take() []access.SessionUse {
	u.mu.Lock()
	defer u.mu.Unlock()
	all := make([]access.SessionUse, 0, len(u.waiting))
	for _, n := range u.waiting {
		all = append(all, n)
	}
	clear(u.waiting)
	return all
}

// Used notes a use of a session at a time, from an address that is invalid when it
// is not known. It never blocks on the store, and a use within a minute of one that
// is known costs next to nothing.
func (l *Live) Used(id string, at time.Time, from netip.Addr) {
	l.mu.RLock()
	e := l.memory.ids[id]
	l.mu.RUnlock()
	address := ""
	note := func(id string) {
		if address == "" {
			address = access.Network(from)
		}
		l.uses.add(access.SessionUse{Session: id, At: at, Address: address})
	}
	if e == nil {
		note(id)
		return
	}
	for _, e := range []*entry{e, e.parent} {
		if e != nil && e.use(at) {
			note(e.id)
		}
	}
}

// use tells whether a use is worth a note.
func (e *entry) use(at time.Time) bool {
	for {
		seen := e.seen.Load()
		if at.UnixMilli()-seen < usedEvery.Milliseconds() {
			return false
		}
		if e.seen.CompareAndSwap(seen, at.UnixMilli()) {
			return true
		}
	}
}

// firstUse notes that the token of a rotation arrived.
func (l *Live) firstUse(e *entry, now time.Time) {
	if e.unused.Swap(false) {
		e.replaced.Store(now.UnixMilli())
		l.uses.add(access.SessionUse{Session: e.id, At: now, Token: e.token[:]})
	}
}

// Run writes uses down and forgets what nobody asks for, until ctx ends.
func (l *Live) Run(ctx context.Context) {
	flush, sweep := time.NewTicker(flushEvery), time.NewTicker(sweepEvery)
	defer flush.Stop()
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
			defer cancel()
			l.flush(last)
			return
		case <-flush.C:
			l.flush(ctx)
		case <-sweep.C:
			l.mu.Lock()
			l.memory.sweep(l.o.Now().Add(-keptFor))
			l.mu.Unlock()
		}
	}
}

// flush writes the uses that wait. Those that cannot be written wait on.
func (l *Live) flush(ctx context.Context) {
	if l.lost.Load() {
		return
	}
	all := l.uses.take()
	if len(all) == 0 {
		return
	}
	if err := l.o.Store.TouchSessions(ctx, all); err != nil {
		l.o.Log.WarnContext(ctx, "the last uses of sessions were not kept; it is tried again", "sessions", len(all), "error", err)
		for _, n := range all {
			l.uses.add(n)
		}
	}
}
