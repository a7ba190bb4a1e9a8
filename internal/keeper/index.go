package keeper

import "sync/atomic"

// index finds held tokens by one of their names. It is an open-addressed hash
// table in parts, so that growing copies little at a time. Reading takes no
// lock and may go beside one writer; the table's lock keeps writers apart.
//
// A reader finds every token that was put before it began and is not removed
// before it ends, also while parts are copied.
type index struct {
	is    func(h *held, name string) bool
	parts [64]part
}

// part is one of the pieces that grow by themselves.
type part struct {
	slots  atomic.Pointer[[]slot]
	filled int // slots with a tag, also those that were emptied
	live   int // slots with a token
}

// slot is a place for one token. Its tag, made of the hash, says whether it is
// worth looking at. It is never taken out again: searches must go on behind
// it. Zero ends a search.
type slot struct {
	tag  atomic.Uint32
	held atomic.Pointer[held]
}

// get returns the token with this name, or nil.
func (ix *index) get(hash uint64, name string) *held {
	p := ix.part(hash).slots.Load()
	if p == nil {
		return nil
	}
	tag, slots := tagOf(hash), *p
	for i := place(tag, slots); ; i = next(i, slots) {
		switch slots[i].tag.Load() {
		case tag:
			if h := slots[i].held.Load(); h != nil && ix.is(h, name) {
				return h
			}
		case 0:
			return nil
		}
	}
}

// put holds h under a name, in place of what was there.
func (ix *index) put(hash uint64, name string, h *held) {
	p := ix.part(hash)
	tag, slots := tagOf(hash), p.roomy()
	var free *slot // of this very tag and emptied
	i := place(tag, slots)
	for ; slots[i].tag.Load() != 0; i = next(i, slots) {
		if slots[i].tag.Load() != tag {
			continue
		}
		old := slots[i].held.Load()
		if old != nil && ix.is(old, name) {
			slots[i].held.Store(h)
			return
		}
		if old == nil {
			free = &slots[i]
		}
	}
	if free == nil {
		free = &slots[i]
		p.filled++
	}
	p.live++
	free.set(tag, h)
}

// remove takes h out if it is there.
func (ix *index) remove(hash uint64, h *held) {
	p := ix.part(hash)
	slots := p.roomy()
	for i := place(tagOf(hash), slots); slots[i].tag.Load() != 0; i = next(i, slots) {
		if slots[i].held.Load() == h {
			slots[i].held.Store(nil)
			p.live--
			break
		}
	}
	if len(slots) > leastSlots && p.live < len(slots)/4 {
		p.resize()
	}
}

// part is chosen by the highest bits of a hash, the tag is made of the lowest.
func (ix *index) part(hash uint64) *part { return &ix.parts[hash>>(64-6)] }

func tagOf(hash uint64) uint32 { return max(uint32(hash), 1) }

// place is where the search for a tag begins.
func place(tag uint32, slots []slot) int { return int(uint64(tag) * uint64(len(slots)) >> 32) }

func next(i int, slots []slot) int {
	if i++; i < len(slots) {
		return i
	}
	return 0
}

// set fills a slot. The tag comes last: whoever sees it finds the token.
func (s *slot) set(tag uint32, h *held) {
	s.held.Store(h)
	s.tag.Store(tag)
}

// leastSlots is the size of the smallest part.
const leastSlots = 8

// roomy gives slots of which one more may be filled. One of eight stays empty,
// so that every search ends soon.
func (p *part) roomy() []slot {
	s := p.slots.Load()
	if s == nil || p.filled >= len(*s)-len(*s)/8 {
		return p.resize()
	}
	return *s
}

// resize copies the tokens to as many slots as they need, of which two thirds
// are then filled. Readers go on with the old slots until they are done.
func (p *part) resize() []slot {
	fresh := make([]slot, leastSlots+p.live+p.live/2)
	if old := p.slots.Load(); old != nil {
		copySlots(fresh, *old)
	}
	p.filled = p.live
	p.slots.Store(&fresh)
	return fresh
}

func copySlots(fresh, old []slot) {
	for i := range old {
		h := old[i].held.Load()
		if h == nil {
			continue
		}
		tag := old[i].tag.Load()
		at := place(tag, fresh)
		for fresh[at].tag.Load() != 0 {
			at = next(at, fresh)
		}
		fresh[at].set(tag, h)
	}
}
