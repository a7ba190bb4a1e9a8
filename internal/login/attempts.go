package login

import (
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Limits of guessing a key. The keys cannot be guessed; this keeps the noise
// down and the store idle.
const (
	tryWindow = 10 * time.Minute
	maxTries  = 10
	maxTriers = 4096 // remembered at once; more share one counter
)

// attempts counts tries by address, in memory. It is safe for concurrent use.
type attempts struct {
	mu   sync.Mutex
	seen map[string]*window
}

type window struct {
	start time.Time
	n     int
}

func newAttempts() *attempts { return &attempts{seen: map[string]*window{}} }

// take counts a try and gives how long to wait if there were too many; 0
// lets it pass.
func (a *attempts) take(key string, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.window(key, now)
	if w.n >= maxTries {
		return w.start.Add(tryWindow).Sub(now)
	}
	w.n++
	return 0
}

// full gives how long to wait if there were too many tries already; it counts
// none.
func (a *attempts) full(key string, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.window(key, now)
	if w.n < maxTries {
		return 0
	}
	return w.start.Add(tryWindow).Sub(now)
}

// window finds or opens the counter of key. The caller holds the lock.
func (a *attempts) window(key string, now time.Time) *window {
	if a.seen[key] == nil && len(a.seen) >= maxTriers {
		a.forget(now)
		if len(a.seen) >= maxTriers {
			key = "other"
		}
	}
	w := a.seen[key]
	if w == nil || now.Before(w.start) || now.Sub(w.start) >= tryWindow {
		w = &window{start: now}
		a.seen[key] = w
	}
	return w
}

func (a *attempts) forget(now time.Time) {
	for key, w := range a.seen {
		if now.Sub(w.start) >= tryWindow {
			delete(a.seen, key)
		}
	}
}

// tryKey is the network that a request comes from: an IPv4 address, or the /64
// that one IPv6 host may roam in.
func tryKey(r *http.Request) string {
	addr := addressOf(r.Context()).Unmap()
	if !addr.Is6() {
		return addr.String()
	}
	return netip.PrefixFrom(addr.WithZone(""), 64).Masked().String()
}
