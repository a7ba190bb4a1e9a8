package push

import (
	"context"
	"sync"
	"time"
)

// memo remembers what a load said, for a while. What could not be loaded is not
// remembered: strangers would fill it, and what is new should be found at once.
type memo[V any] struct {
	now  func() time.Time
	load func(ctx context.Context, key string) (V, error)

	mu    sync.Mutex
	epoch int // counts forgets, so that a read that began before one is not kept
	kept  map[string]remembered[V]
}

type remembered[V any] struct {
	value V
	read  time.Time // before the read began
}

func newMemo[V any](now func() time.Time, load func(context.Context, string) (V, error)) *memo[V] {
	return &memo[V]{now: now, load: load, kept: make(map[string]remembered[V])}
}

// get gives the value of key, from memory or from the load.
func (m *memo[V]) get(ctx context.Context, key string) (V, error) {
	now := m.now()
	m.mu.Lock()
	r, ok := m.kept[key]
	m.mu.Unlock()
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
	if err != nil {
		return v, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if epoch == m.epoch {
		if len(m.kept) >= most {
			clear(m.kept)
		}
		m.kept[key] = remembered[V]{value: v, read: read}
	}
	return v, nil
}

// forget drops everything, also what is being loaded just now.
func (m *memo[V]) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epoch++
	clear(m.kept)
}
