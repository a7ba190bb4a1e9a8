package provider

import (
	"sync"
	"time"
)

const (
	// lookPause is how long an account that could not be entered is not looked at
	// again for somebody who waits: their page asks every few seconds.
	lookPause = time.Minute
	// mostLooks bounds what is remembered. Only accounts that WeChat named come in.
	mostLooks = 4096
)

// looks remembers what the last look at an account said that was begun for somebody
// who came from the market. It is safe for concurrent use.
type looks struct {
	mu   sync.Mutex
	last map[string]look
}

type look struct {
	at  time.Time
	err error // why nobody can enter
}

// begin gives nil to the one who is to look now, and to everybody else what the look
// before said: [ErrSettingUp] while it is under way.
func (l *looks) begin(key string, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if before, ok := l.last[key]; ok && before.recent(now) {
		return before.err
	}
	l.makeRoom(now)
	l.last[key] = look{now, ErrSettingUp}
	return nil
}

// end notes what a look said. One that did not happen is forgotten.
func (l *looks) end(key string, err error, happened bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before, ok := l.last[key]
	switch {
	case err == nil || !happened:
		delete(l.last, key)
	case ok:
		l.last[key] = look{before.at, err}
	}
}

func (l look) recent(now time.Time) bool {
	age := now.Sub(l.at)
	return age >= 0 && age < lookPause
}

// makeRoom forgets what is over, or everything: a look too many does no harm. The
// caller holds the lock.
func (l *looks) makeRoom(now time.Time) {
	if l.last == nil {
		l.last = map[string]look{}
	}
	if len(l.last) < mostLooks {
		return
	}
	for key, before := range l.last {
		if !before.recent(now) {
			delete(l.last, key)
		}
	}
	if len(l.last) >= mostLooks {
		clear(l.last)
	}
}
