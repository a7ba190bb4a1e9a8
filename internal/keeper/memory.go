package keeper

import (
	"hash/maphash"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Token is an access token that is durable and, as far as we know, valid.
type Token struct {
	Value      secret.Value
	Generation int64     // name it in [Keeper.Report] when WeChat refuses the token
	Expires    time.Time // its real end, counted from the start of the request that brought it
	GrantID    string
}

// held is a token in memory. Only its marks change; a newer token is another
// held. Its fields are packed: there may be a million.
type held struct {
	short      [24]byte // the key, if it fits: comparing it reads no other memory
	names      string   // the key if it does not fit, then the grant's id
	value      secret.Value
	generation int64
	end        time.Duration // of its life, on the keeper's uptime
	lead       uint32        // so many milliseconds before the end a newer one is wanted
	check      atomic.Uint32 // from this second of the uptime on the store is looked at beside serving
	keyLen     uint32
	marks      atomic.Uint32
}

// The marks of a held token.
const (
	used     uint32 = 1 << iota // somebody took it since it was put
	checking                    // one look at the store is under way
	gone                        // it was dropped or replaced: nobody may take it any more
	proved                      // WeChat took it; see [Keeper.Proved]
	followed                    // another system keeps it; see follow.go
)

// never is a check that does not come.
const never = math.MaxUint32

// newHeld makes what memory keeps of a token. From soft on a newer one is
// wanted; check is a second of the uptime.
func newHeld(key string, tok Token, end, soft time.Duration, check uint32) *held {
	h := &held{
		names: tok.GrantID, value: tok.Value, generation: tok.Generation, end: end,
		lead: uint32((end - soft).Milliseconds()), keyLen: uint32(len(key)),
	}
	if n := copy(h.short[:], key); n < len(key) {
		h.names = key + tok.GrantID
	} else {
		h.names = strings.Clone(tok.GrantID) // not a part of something longer
	}
	h.check.Store(check)
	return h
}

func (h *held) isKey(s string) bool {
	if h.keyLen > uint32(len(h.short)) {
		return h.names[:h.keyLen] == s
	}
	return string(h.short[:h.keyLen]) == s
}

func (h *held) key() string {
	if h.keyLen > uint32(len(h.short)) {
		return h.names[:h.keyLen]
	}
	return string(h.short[:h.keyLen])
}

func (h *held) grantID() string {
	if h.keyLen > uint32(len(h.short)) {
		return h.names[h.keyLen:]
	}
	return h.names
}

func (h *held) isGrant(id string) bool { return h.grantID() == id }

func (h *held) has(m uint32) bool { return h.marks.Load()&m != 0 }

// mustCheck tells whether it is time to look at the store.
func (h *held) mustCheck(now time.Duration) bool {
	return now > time.Duration(h.check.Load())*time.Second
}

// take tells whether the token may be served now without a further look, and
// marks it used. The mark is written once, so that many callers share the
// cache line.
func (h *held) take(now time.Duration) bool {
	m := h.marks.Load()
	if m&gone != 0 || now >= h.end-time.Duration(h.lead)*time.Millisecond {
		return false
	}
	if m&used == 0 {
		h.marks.Or(used)
	}
	return true
}

// checked plans the next look at the store.
func (h *held) checked(next uint32) {
	h.check.Store(next)
	h.marks.And(^checking)
}

// table is the memory: tokens by key, and by grant. A hit takes no lock and
// allocates nothing; writing is rare and goes one at a time.
type table struct {
	seed maphash.Seed

	mu      sync.Mutex
	byKey   index
	byGrant index
}

func newTable() *table {
	return &table{seed: maphash.MakeSeed(), byKey: index{is: (*held).isKey}, byGrant: index{is: (*held).isGrant}}
}

// get returns what is held under key, or nil.
func (t *table) get(key string) *held { return t.byKey.get(maphash.String(t.seed, key), key) }

func (t *table) ofGrant(id string) *held { return t.byGrant.get(maphash.String(t.seed, id), id) }

// put holds h unless current says no, or a newer generation of the same grant
// is held. A token that nobody wanted, as h is without wanted, only takes the
// place of one that somebody used; where nobody did, memory is given back and
// the next use reads the store.
//
// current is asked under the lock that drop takes, so that a token that was
// read before a drop is never put after it.
func (t *table) put(h *held, wanted bool, current func() bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !current() {
		return
	}
	old := t.get(h.key())
	same := old != nil && old.grantID() == h.grantID()
	switch {
	case same && old.generation > h.generation && !old.has(followed):
		return
	case !wanted && !(same && old.has(used)):
		if same {
			t.remove(old)
		}
		return
	case same && old.generation == h.generation && !h.has(followed):
		// It stays: its end is on the monotonic clock already; reading the row
		// again after the wall clock jumped must not move it.
		old.checked(h.check.Load())
		return
	}
	t.replace(old, h)
	if wanted {
		h.marks.Or(used)
	}
}

// replace puts h where old is. The caller has the lock.
func (t *table) replace(old, h *held) {
	if old != nil && old.grantID() != h.grantID() {
		t.remove(old)
	}
	key, id := h.key(), h.grantID()
	t.byKey.put(maphash.String(t.seed, key), key, h)
	t.byGrant.put(maphash.String(t.seed, id), id, h)
	if old != nil {
		old.marks.Or(gone)
	}
}

// remove takes h out; nil does nothing. The caller has the lock.
func (t *table) remove(h *held) {
	if h == nil {
		return
	}
	t.byKey.remove(maphash.String(t.seed, h.key()), h)
	t.byGrant.remove(maphash.String(t.seed, h.grantID()), h)
	h.marks.Or(gone)
}

// drop forgets the token of a grant if its generation is below the given one.
func (t *table) drop(grantID string, below int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if h := t.ofGrant(grantID); h != nil && h.generation < below {
		t.remove(h)
	}
}

// dropKey forgets what is held under key.
func (t *table) dropKey(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.remove(t.get(key))
}

// journal remembers the last changes that were made to grants by others, so
// that what was read before a change is not put into memory after it.
type journal struct {
	seed maphash.Seed
	n    atomic.Uint64 // changes so far

	mu   sync.Mutex
	last [4096]change // the nth change is at n modulo the length
}

// change says that generations below a number must not be put any more.
type change struct {
	of    uint64 // hash of a grant's id, or of a source's name
	below int64
}

// Load names the moment before a read: see holds.
func (j *journal) Load() uint64 { return j.n.Load() }

// add writes down a change of a grant or of a source.
func (j *journal) add(name string, below int64) {
	c := change{maphash.String(j.seed, name), below}
	j.mu.Lock()
	defer j.mu.Unlock()
	n := j.n.Load()
	j.last[n%uint64(len(j.last))] = c
	j.n.Store(n + 1)
}

// holds tells whether what was read of a grant or a source at the moment since,
// or later, is still true as far as is known. When too much happened since,
// nobody knows.
func (j *journal) holds(since uint64, name string, generation int64) bool {
	if j.n.Load() == since {
		return true
	}
	hash := maphash.String(j.seed, name)
	j.mu.Lock()
	defer j.mu.Unlock()
	n, size := j.n.Load(), uint64(len(j.last))
	if n-since > size {
		return false
	}
	for i := since; i < n; i++ {
		if c := j.last[i%size]; c.of == hash && generation < c.below {
			return false
		}
	}
	return true
}
