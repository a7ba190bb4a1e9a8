package alert

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/zhanggui/zhanggui/internal/notice"
)

const (
	slotsOf = 60 // of a ring; a window is so many slots
	// mostRings bounds the memory: what comes in further groups is not counted.
	mostRings = 512
)

// slot counts for one part of a window.
type slot struct {
	epoch     atomic.Int64 // which part
	good, bad atomic.Int64
}

// ring counts over a window. A count that races with the beginning of a new slot may
// be lost; a rate does not change by it.
type ring struct {
	width time.Duration
	slots [slotsOf]slot
}

func (r *ring) at(now time.Time) *slot {
	epoch := now.UnixNano() / int64(r.width)
	s := &r.slots[epoch%slotsOf]
	if was := s.epoch.Load(); was != epoch && s.epoch.CompareAndSwap(was, epoch) {
		s.good.Store(0)
		s.bad.Store(0)
	}
	return s
}

func (r *ring) sum(now time.Time) (good, bad int64) {
	epoch := now.UnixNano() / int64(r.width)
	for i := range r.slots {
		if s := &r.slots[i]; epoch-s.epoch.Load() < slotsOf {
			good += s.good.Load()
			bad += s.bad.Load()
		}
	}
	return good, bad
}

// ringKey is what is counted apart.
type ringKey struct {
	kind  notice.Kind
	group string
}

// Rates counts what goes well and ill in this process, by kind of notice and group.
// It is made for hot paths: counting takes a lookup and an atomic addition. Make it with
// [NewRates].
type Rates struct {
	now   func() time.Time
	rules Rules
	rings sync.Map // ringKey: *ring
	many  atomic.Int32
}

// NewRates counts over the windows of rules. now may be nil for time.Now.
func NewRates(rules Rules, now func() time.Time) *Rates {
	if now == nil {
		now = time.Now
	}
	return &Rates{now: now, rules: rules}
}

// Count notes that something of a group went well or ill. Groups are few, such as
// apps or families of paths.
func (r *Rates) Count(k notice.Kind, group string, bad bool) {
	key := ringKey{k, group}
	kept, ok := r.rings.Load(key)
	if !ok {
		window := r.rules.Of(k).Window
		if window < slotsOf || r.many.Load() >= mostRings {
			return
		}
		var loaded bool
		if kept, loaded = r.rings.LoadOrStore(key, &ring{width: window / slotsOf}); !loaded {
			r.many.Add(1)
		}
	}
	s := kept.(*ring).at(r.now())
	if bad {
		s.bad.Add(1)
		return
	}
	s.good.Add(1)
}

// Reading is what was counted of a group over the window of its kind.
type Reading struct {
	Kind      notice.Kind
	Group     string
	Good, Bad int64
}

// Read gives all readings.
func (r *Rates) Read() (all []Reading) {
	now := r.now()
	r.rings.Range(func(k, v any) bool {
		key := k.(ringKey)
		good, bad := v.(*ring).sum(now)
		all = append(all, Reading{Kind: key.kind, Group: key.group, Good: good, Bad: bad})
		return true
	})
	return all
}

// fewest is how many things must have happened before a share of them means
// anything.
const fewest = 10

// wrong tells whether a reading is bad enough; held says that it was, and that it
// must get clearly better to count as well again.
func (x Reading) wrong(rule Rule, held bool) bool {
	limit := rule.Threshold
	if held {
		limit /= 2
	}
	if notice.MeasureOf(x.Kind) == notice.Number {
		return float64(x.Bad) >= limit
	}
	all := x.Good + x.Bad
	return all >= fewest && x.Bad > 0 && float64(x.Bad) >= limit*float64(all)
}
