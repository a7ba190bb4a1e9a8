package dropin

import (
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
)

// Limits of [memo].
const (
	memoLife = 900 * time.Millisecond
	memoSize = 4096
)

// memo remembers shops by WeChat's appid, for a moment: programs that ask for a token
// ask again and again. What is not there is not remembered.
type memo struct {
	now func() time.Time

	mu    sync.RWMutex
	shops map[string]remembered
}

type remembered struct {
	shop access.Shop
	read time.Time
}

func newMemo(now func() time.Time) *memo { return &memo{now: now, shops: map[string]remembered{}} }

func (m *memo) get(appID string) (access.Shop, bool) {
	m.mu.RLock()
	r, ok := m.shops[appID]
	m.mu.RUnlock()
	age := m.now().Sub(r.read)
	return r.shop, ok && age >= 0 && age < memoLife
}

func (m *memo) put(appID string, s access.Shop) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.shops) >= memoSize {
		clear(m.shops)
	}
	m.shops[appID] = remembered{s, now}
}

func (m *memo) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.shops)
}
