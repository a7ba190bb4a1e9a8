package gateway

import (
	"hash/maphash"
	"slices"
)

// shopSet tells which shops a client holds. A client may hold a thousand and clients
// may be ten thousand, so that nothing of one is in the processor's cache when it
// calls: a lookup touches few places in memory, where a binary search would touch ten.
type shopSet struct {
	shops []string
	slots []uint32 // an open hash table of places in shops, counted from one; nil: few shops
}

// fewShops are looked through one by one.
const fewShops = 8

var shopSeed = maphash.MakeSeed()

func newShopSet(shops []string) shopSet {
	s := shopSet{shops: shops}
	if len(shops) <= fewShops {
		return s
	}
	size := 2
	for size < 2*len(shops) {
		size *= 2
	}
	s.slots = make([]uint32, size)
	for i, shop := range shops {
		at := s.first(shop)
		for s.slots[at] != 0 {
			at = s.next(at)
		}
		s.slots[at] = uint32(i + 1)
	}
	return s
}

func (s *shopSet) first(shop string) uint64 {
	return maphash.String(shopSeed, shop) & uint64(len(s.slots)-1)
}

func (s *shopSet) next(at uint64) uint64 { return (at + 1) & uint64(len(s.slots)-1) }

// has tells whether the shop is in the set. At most half of the slots are taken, so
// that it ends.
func (s *shopSet) has(shop string) bool {
	if s.slots == nil {
		return slices.Contains(s.shops, shop)
	}
	for at := s.first(shop); s.slots[at] != 0; at = s.next(at) {
		if s.shops[s.slots[at]-1] == shop {
			return true
		}
	}
	return false
}
