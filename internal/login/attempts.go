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
	maxTriers = 4096 // remembered at once; more share the counter of a wider network
	maxAtOnce = 32   // under way from one network: what has no answer yet counts nowhere else
)

// attempts counts tries by address, in memory. It is safe for concurrent use.
type attempts struct {
	mu   sync.Mutex
	seen map[string]*window
}

type window struct {
	start time.Time
	n     int
	going int // tries under way
}

// try is one that is under way and counts only if it fails.
type try struct {
	of     *attempts
	in     *window
	failed bool
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

// begin lets a try begin that counts only if it fails, or gives how long to wait.
// Whoever begins one ends it.
func (a *attempts) begin(key string, now time.Time) (*try, time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.window(key, now)
	switch {
	case w.n >= maxTries:
		return nil, w.start.Add(tryWindow).Sub(now)
	case w.going >= maxAtOnce:
		return nil, time.Second
	}
	w.going++
	return &try{of: a, in: w}, 0
}

// end counts the try if it failed.
func (t *try) end() {
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	t.in.going--
	if t.failed {
		t.in.n++
	}
}

// window finds or opens the counter of key. The caller holds the lock. When there
// are too many, networks share a counter with their neighbours, and only with
// them: whoever owns many networks must not lock out everybody else.
func (a *attempts) window(key string, now time.Time) *window {
	if a.seen[key] == nil && len(a.seen) >= maxTriers {
		a.forget(now)
		if len(a.seen) >= maxTriers {
			key = wider(key)
		}
		if a.seen[key] == nil && len(a.seen) >= 2*maxTriers {
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

// wider is the network of providers' size around one that [tryKey] gave.
func wider(key string) string {
	if addr, err := netip.ParseAddr(key); err == nil {
		return netip.PrefixFrom(addr, 16).Masked().String()
	}
	if p, err := netip.ParsePrefix(key); err == nil {
		return netip.PrefixFrom(p.Addr(), 32).Masked().String()
	}
	return "other"
}
