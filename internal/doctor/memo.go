package doctor

import (
	"slices"
	"sync"
	"time"
)

// mostRemembered bounds how many results are kept.
const mostRemembered = 4096

// memo keeps what checks found that asked WeChat. Whoever comes while a check runs
// waits for it instead of asking once more.
type memo struct {
	now  func() time.Time
	mu   sync.Mutex
	kept map[string]*remembered
}

type remembered struct {
	once  sync.Once
	at    time.Time
	found []Finding
}

func newMemo(now func() time.Time) *memo { return &memo{now: now, kept: make(map[string]*remembered)} }

// get gives what is remembered under a name, or runs.
func (m *memo) get(name string, run func() []Finding) []Finding {
	r := m.slot(name)
	r.once.Do(func() { r.found = run() })
	return slices.Clone(r.found)
}

// slot is where a name's result goes or stands.
func (m *memo) slot(name string) *remembered {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if r := m.kept[name]; r != nil && now.Sub(r.at).Abs() < Remember {
		return r
	}
	if len(m.kept) >= mostRemembered {
		m.sweep(now)
	}
	r := &remembered{at: now}
	m.kept[name] = r
	return r
}

// sweep drops what is over, or everything when that is nothing.
func (m *memo) sweep(now time.Time) {
	for name, r := range m.kept {
		if now.Sub(r.at).Abs() >= Remember {
			delete(m.kept, name)
		}
	}
	if len(m.kept) >= mostRemembered {
		clear(m.kept)
	}
}
