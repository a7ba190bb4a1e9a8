package push

import (
	"context"
	"errors"
	"sync"
	"time"
)

// memo remembers what a load said, for a while. What could not be loaded is not
// remembered: strangers would fill it, and what is new should be found at once. Only
// that there is nothing, if the load says so with none, is remembered for moments.
type memo[V any] struct {
	now  func() time.Time
	load func(ctx context.Context, key string) (V, error)
	none error // what the load says of a key that there is not; nil: ask each time

	mu    sync.Mutex
	epoch int // counts forgets, so that a read that began before one is not kept
	kept  map[string]remembered[V]
	gone  map[string]time.Time // keys that there are not, and when that was read
}

type remembered[V any] struct {
	value V
	read  time.Time // before the read began
}

func newMemo[V any](now func() time.Time, none error, load func(context.Context, string) (V, error)) *memo[V] {
	return &memo[V]{now: now, load: load, none: none, kept: make(map[string]remembered[V]), gone: make(map[string]time.Time)}
}

// Strangers choose the keys that there are not.
const (
	goneFor   = 5 * time.Second
	mostGone  = 1024
	longestID = 64 // of a key that is remembered as gone; ours are shorter
)

// get gives the value of key, from memory or from the load.
func (m *memo[V]) get(ctx context.Context, key string) (V, error) {
	now := m.now()
	m.mu.Lock()
	r, ok := m.kept[key]
	read, gone := m.gone[key]
	m.mu.Unlock()
	if age := now.Sub(read); gone && age >= 0 && age < goneFor {
		return r.value, m.none
	}
	if age := now.Sub(r.read); ok && age >= 0 && age < believed {
		return r.value, nil
	}
	return m.fresh(ctx, key)
}

// fresh loads the value of key whatever is remembered. Several callers may load
// at once: it is one short read.
func (m *memo[V]) fresh(ctx context.Context, key string) (V, error) {
	m.mu.Lock()
	epoch := m.epoch
	m.mu.Unlock()
	read := m.now()
	v, err := m.load(ctx, key)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case epoch != m.epoch:
	case err == nil:
		if len(m.kept) >= most {
			clear(m.kept)
		}
		delete(m.gone, key)
		m.kept[key] = remembered[V]{value: v, read: read}
	case m.none != nil && errors.Is(err, m.none) && len(key) <= longestID:
		if len(m.gone) >= mostGone {
			clear(m.gone)
		}
		delete(m.kept, key)
		m.gone[key] = read
	}
	return v, err
}

// forget drops everything, also what is being loaded just now.
func (m *memo[V]) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epoch++
	clear(m.kept)
	clear(m.gone)
}
