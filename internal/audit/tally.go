package audit

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Limits says how many alike entries a [Tally] lets through.
type Limits struct {
	Window time.Duration // how long entries of one key are counted together
	Burst  int           // entries of one key that are written at once in a window
	Keys   int           // keys that are remembered at once
}

// Strangers are the limits for refusals of strangers: one entry for each
// (reason, address prefix, minute).
var Strangers = Limits{Window: time.Minute, Burst: 1, Keys: 4096}

// Callers are the limits for refusals of callers whom we know.
var Callers = Limits{Window: time.Minute, Burst: 10, Keys: 4096}

// Tally turns many alike entries into few with a count. The first ones of a
// key are written at once; later ones are counted, and [Tally.Flush] gives one
// entry for them when the window is over. While a key goes on, each window
// follows the one before it without a gap, so that there is one entry for
// each.
//
// Memory is bounded: when too many keys are remembered, new ones are counted
// together under the key "other". Strangers can choose their keys, so
// they should have a Tally of their own, where they cannot crowd out others.
//
// What is counted and not yet flushed is lost if the process dies. Methods may
// be called from several goroutines.
type Tally struct {
	limits Limits

	mu    sync.Mutex
	cells map[string]*tallyCell
}

// tallyCell is what is known of one key.
type tallyCell struct {
	start   time.Time
	written int   // entries let through in this window
	counted int64 // entries held back since
	last    Entry // the newest of them
}

// otherKey is where keys are counted that find no room.
const otherKey = "other"

// NewTally returns an empty Tally. Limits below one count as one.
func NewTally(l Limits) *Tally {
	l.Window = max(l.Window, 1)
	l.Burst, l.Keys = max(l.Burst, 1), max(l.Keys, 1)
	return &Tally{limits: l, cells: make(map[string]*tallyCell)}
}

// Add takes an entry of the given key, such as reason and [AddressKey]. If ok,
// the caller writes the entry it gets now; otherwise it is counted.
func (t *Tally) Add(now time.Time, key string, e Entry) (write Entry, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, known := t.cells[key]
	if !known && len(t.cells) >= t.limits.Keys {
		key, e = otherKey, asOther(e)
		c, known = t.cells[key]
	}
	if !known {
		c = &tallyCell{start: now}
		t.cells[key] = c
	}
	if c.counted == 0 && t.over(c, now) {
		*c = tallyCell{start: now}
	}
	if c.counted > 0 || c.written >= t.limits.Burst {
		c.counted++
		c.last = e
		return Entry{}, false
	}
	c.written++
	return e, true
}

// Flush gives the counted entries whose window is over at now, in the order of
// their keys, and forgets keys that fell silent. Call it about once in each
// window.
func (t *Tally) Flush(now time.Time) []Entry {
	return t.take(now, t.over)
}

// Drain gives every counted entry, whether its window is over or not. Call it
// before the process ends.
func (t *Tally) Drain(now time.Time) []Entry {
	return t.take(now, func(*tallyCell, time.Time) bool { return true })
}

func (t *Tally) take(now time.Time, due func(*tallyCell, time.Time) bool) []Entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	type counted struct {
		key   string
		entry Entry
	}
	var out []counted
	for key, c := range t.cells {
		if !due(c, now) {
			continue
		}
		if c.counted == 0 {
			delete(t.cells, key)
			continue
		}
		c.last.Count = c.counted
		out = append(out, counted{key, c.last})
		// The key is still hot: what comes next is counted, not written.
		*c = tallyCell{start: now, written: t.limits.Burst}
	}
	slices.SortFunc(out, func(a, b counted) int { return cmp.Compare(a.key, b.key) })
	entries := make([]Entry, len(out))
	for i, o := range out {
		entries[i] = o.entry
	}
	return entries
}

// over reports whether the cell's window has ended. A clock that was set back
// ends it too; otherwise a key could be counted for ever.
func (t *Tally) over(c *tallyCell, now time.Time) bool {
	age := now.Sub(c.start)
	return age < 0 || age >= t.limits.Window
}

// asOther takes from an entry what would name one of many.
func asOther(e Entry) Entry {
	return Entry{
		At: e.At, Actor: Actor{Kind: e.Actor.Kind, ID: otherKey}, Action: e.Action,
		Outcome: e.Outcome, Reason: "too_many_sources",
	}
}
