package gateway

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// pace is how fast a client may call. The zero pace is not bounded.
type pace struct {
	perSecond float64
	burst     int
}

// paces holds a bucket for each client, over all its shops. Each server has its own:
// a client that calls several servers behind one address may go as often faster. The
// buckets are as many as clients that called since the start.
type paces struct {
	mu      sync.Mutex
	buckets map[string]*bucket
}

type bucket struct {
	*rate.Limiter
	pace pace
}

func newPaces() *paces { return &paces{buckets: map[string]*bucket{}} }

// of gives the client's bucket, or nil when it is not bounded. One whose pace was
// changed begins full.
func (p *paces) of(client string, at pace) *bucket {
	if at.perSecond <= 0 {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.buckets[client]
	if b == nil || b.pace != at {
		b = &bucket{rate.NewLimiter(rate.Limit(at.perSecond), at.size()), at}
		p.buckets[client] = b
	}
	return b
}

// take lets one call of a client pass, or refuses it with the time after which the
// next one may.
func (b *bucket) take(client string, now time.Time) error {
	if b == nil || b.AllowN(now, 1) {
		return nil
	}
	// A reservation would tell the time, but those that are given back while others
	// were made leave a debt.
	missing := 1 - b.TokensAt(now)
	seconds := min(missing/b.pace.perSecond, time.Hour.Seconds())
	return errPace(client, max(time.Duration(seconds*float64(time.Second)), time.Nanosecond))
}

// size is how many calls may come at once: a second's worth if nothing is said.
func (p pace) size() int {
	if p.burst > 0 {
		return p.burst
	}
	return int(max(1, min(math.Ceil(p.perSecond), math.MaxInt32)))
}
