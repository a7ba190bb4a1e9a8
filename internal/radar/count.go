package radar

import (
	"math/rand/v2"
	"sync"

	"github.com/zhanggui/zhanggui/internal/catalogue"
)

// The bounds of what is counted in memory.
const (
	shards    = 8
	shardKeys = 1 << 14 // different ones in one shard
)

// place is what is counted apart.
type place struct{ client, shop, path string }

// Counter counts calls. Make it with [NewCounter]; its methods may be called by many
// goroutines.
type Counter struct {
	most   int // keys of one shard
	shards [shards]shard
}

// shard is a part of the counts. Calls are spread over the shards at random, so that
// those of one busy program do not wait for each other.
type shard struct {
	mu     sync.Mutex
	counts map[place]int64
	_      [40]byte // keeps the locks of two shards on different cache lines
}

// NewCounter makes a counter.
func NewCounter() *Counter {
	c := &Counter{most: shardKeys}
	for i := range c.shards {
		c.shards[i].counts = map[place]int64{}
	}
	return c
}

// Count counts one call that was sent to WeChat. path is the catalogue's spelling, or
// [catalogue.Other]. It costs a lock that hardly anybody else holds.
func (c *Counter) Count(client, shop, path string) {
	c.shards[rand.Uint32()%shards].add(place{client, shop, path}, 1, c.most)
}

// add counts, and tells shops and paths apart no more when there are too many: one
// server does not serve so many in a quarter of a minute.
func (s *shard) add(p place, n int64, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.counts[p]; !known && len(s.counts) >= most {
		p.shop, p.path = "", catalogue.Other
	}
	s.counts[p] += n
}

// take gives what was counted, and begins anew.
func (c *Counter) take() map[place]int64 {
	all := map[place]int64{}
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		counts := s.counts
		s.counts = make(map[place]int64, len(counts))
		s.mu.Unlock()
		for p, n := range counts {
			all[p] += n
		}
	}
	return all
}

// giveBack puts back what could not be written.
func (c *Counter) giveBack(counts map[place]int64) {
	for p, n := range counts {
		c.shards[rand.Uint32()%shards].add(p, n, c.most)
	}
}
