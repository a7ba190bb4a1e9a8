package app

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/doctor"
	"github.com/zhanggui/zhanggui/internal/push"
)

// pushWatch remembers for each app when its last push was taken, and how often pushes
// were refused for which reason, since this server started. Refusals are of known apps
// and for reasons of a fixed set, so strangers cannot make it grow.
type pushWatch struct {
	now   func() time.Time
	since time.Time

	mu   sync.Mutex
	apps map[string]*pushSeen
}

type pushSeen struct {
	taken   time.Time
	refused map[string]doctor.PushRefusal
}

func newPushWatch(now func() time.Time) *pushWatch {
	return &pushWatch{now: now, since: now(), apps: map[string]*pushSeen{}}
}

// of gives what is known of an app. w.mu is held.
func (w *pushWatch) of(app string) *pushSeen {
	s := w.apps[app]
	if s == nil {
		s = &pushSeen{refused: map[string]doctor.PushRefusal{}}
		w.apps[app] = s
	}
	return s
}

func (w *pushWatch) taken(app string, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.of(app); at.After(s.taken) {
		s.taken = at
	}
}

func (w *pushWatch) refuse(app, reason string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.of(app)
	r := s.refused[reason]
	s.refused[reason] = doctor.PushRefusal{Reason: reason, Times: r.Times + 1, Last: w.now()}
}

// Pushed implements doctor.Pushes.
func (w *pushWatch) Pushed(app string) doctor.PushLog {
	w.mu.Lock()
	defer w.mu.Unlock()
	log := doctor.PushLog{Since: w.since}
	if s := w.apps[app]; s != nil {
		log.Taken = s.taken
		for _, r := range s.refused {
			log.Refused = append(log.Refused, r)
		}
	}
	slices.SortFunc(log.Refused, func(a, b doctor.PushRefusal) int { return cmp.Compare(a.Reason, b.Reason) })
	return log
}

// besides tallies refusals here before they go on.
func (w *pushWatch) besides(next push.Tally) push.Tally { return watchedTally{w, next} }

type watchedTally struct {
	watch *pushWatch
	next  push.Tally
}

// Refused implements push.Tally.
func (t watchedTally) Refused(ctx context.Context, e audit.Entry, from netip.Addr) {
	if app, ok := strings.CutPrefix(e.Subject, "app:"); ok {
		t.watch.refuse(app, e.Reason)
	}
	t.next.Refused(ctx, e, from)
}
