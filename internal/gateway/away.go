package gateway

import (
	"log/slog"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// away says once that the store is away, and once that it is back: every key is
// read each second, so an outage fails thousands of reads.
//
// It is over when a key that could not be read is read. One that reads well all the
// time says nothing about it, so a single broken row is one outage, not one a
// second.
type away struct {
	log *slog.Logger

	mu    sync.Mutex
	keys  map[string]bool // that could not be read; empty: the store is there
	since time.Time
	reads int // that failed since then
}

func newAway(log *slog.Logger) *away { return &away{log: log, keys: make(map[string]bool)} }

// failed says that key could not be read and that its last value serves.
func (a *away) failed(key string, now time.Time, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.keys) == 0 {
		a.since, a.reads = now, 0
		a.log.Warn("the store cannot be read; the last values known are used for now", "err", secret.Scrub(err))
	}
	a.keys[key] = true
	a.reads++
}

// answered says that key was read.
func (a *away) answered(key string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.keys[key] {
		return
	}
	a.log.Info("the store can be read again", "after", now.Sub(a.since), "failed_reads", a.reads)
	clear(a.keys)
}
