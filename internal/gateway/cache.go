package gateway

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/zhanggui/zhanggui/internal/access"
)

// How long what was read is believed.
const (
	// cacheLife is counted from before the read, so that a revoked key is
	// refused in less than a second after its revocation was committed.
	cacheLife = 900 * time.Millisecond
	// cacheGrace is how long an old value serves while the store cannot be
	// read. Nobody can revoke anything in a store that is down.
	cacheGrace = 5 * time.Minute
	// loadTimeout bounds one read of the store.
	loadTimeout = 3 * time.Second
)

// cache remembers what a store said, for a moment. Misses are not remembered:
// strangers would fill it.
type cache[V any] struct {
	now   func() time.Time
	away  *away
	grace time.Duration // how long an old value serves while the store cannot be read; negative: not
	load  func(ctx context.Context, key string) (V, error)

	mu      sync.RWMutex
	flight  *singleflight.Group // a new one after each forget
	entries map[string]entry[V]
}

type entry[V any] struct {
	value V
	read  time.Time // before the read began
	next  time.Time // when to read again
}

func newCache[V any](now func() time.Time, away *away, grace time.Duration, load func(context.Context, string) (V, error)) *cache[V] {
	return &cache[V]{now: now, away: away, grace: grace, load: load, flight: new(singleflight.Group), entries: make(map[string]entry[V])}
}

// get gives the value of key, from memory or from the store.
func (c *cache[V]) get(ctx context.Context, key string) (V, error) { return c.getAt(ctx, key, c.now()) }

// getAt is get for callers who looked at the clock a moment ago.
func (c *cache[V]) getAt(ctx context.Context, key string, now time.Time) (V, error) {
	c.mu.RLock()
	e, ok := c.entries[key]
	flight := c.flight
	c.mu.RUnlock()
	if ok && now.Before(e.next) && !now.Before(e.read) {
		return e.value, nil
	}
	v, err, _ := flight.Do(key, func() (any, error) { return c.reload(ctx, flight, key) })
	return v.(V), err
}

// reload reads key for everybody who waits for it, so no single caller's
// departure may cancel it.
func (c *cache[V]) reload(ctx context.Context, flight *singleflight.Group, key string) (V, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
	defer cancel()
	began := c.now()
	v, err := c.load(ctx, key)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil || errors.Is(err, access.ErrNotFound) {
		c.away.answered(key, c.now())
	}
	switch {
	case err == nil:
		if flight == c.flight {
			c.entries[key] = entry[V]{value: v, read: began, next: began.Add(cacheLife)}
		}
	case errors.Is(err, access.ErrNotFound):
		delete(c.entries, key)
	default:
		return c.last(key, v, err)
	}
	return v, err
}

// last falls back to the last value known, with c.mu held.
func (c *cache[V]) last(key string, zero V, err error) (V, error) {
	e, ok := c.entries[key]
	now := c.now()
	if !ok || now.Sub(e.read) > c.grace {
		return zero, err
	}
	e.next = now.Add(cacheLife) // do not ask a broken store for every call
	c.entries[key] = e
	c.away.failed(key, now, err)
	return e.value, nil
}

// forget drops everything, also what is being read just now.
func (c *cache[V]) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flight = new(singleflight.Group)
	clear(c.entries)
}
