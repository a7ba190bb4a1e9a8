package quota

import (
	"hash/maphash"
	"sync"
	"time"
)

// Key names a ledger.
type Key struct {
	Shop string // our id
	Path string // WeChat's, in one spelling, e.g. "/channels/ec/order/get"
}

// Call is a call that somebody wants to make.
type Call struct {
	Key
	Client string
	Low    bool // gives way to clients that are not
	Reads  bool
}

// Verdict says what becomes of a call.
type Verdict uint8

// The verdicts.
const (
	Go     Verdict = iota
	Wait           // until a time that is worth waiting for
	Refuse         // there is none for this client today, as far as can be told
)

// String gives the word for metrics and pages.
func (v Verdict) String() string { return [...]string{"go", "wait", "refuse"}[v] }

// Unknown stands for a number of calls that WeChat did not tell.
const Unknown = -1

// Decision says what becomes of a call, and why.
type Decision struct {
	Verdict
	Until time.Time // when to ask again; zero with Go
	Left  int64     // calls that are left today, or [Unknown]
	Dry   time.Time // when the ledger runs dry; zero: not today

	in  *shard // what counted the call
	of  *ledger
	who *client
}

// WeChat's errcodes that tell of quotas.
const (
	codeSecond = 44990
	codeDay    = 45009
	codeMinute = 45011
)

const (
	shards = 16
	// ledgersOfShard is more than a shop has documented paths: all of a shop are in
	// one shard.
	ledgersOfShard = 512
)

// Book is the ledgers of all shops. It may be used by many goroutines.
type Book struct {
	enforce bool
	seed    maphash.Seed
	shards  [shards]shard
}

// New makes an empty book. One that does not enforce decides all the same, and
// counts every call, whatever it decided.
func New(enforce bool) *Book {
	b := &Book{enforce: enforce, seed: maphash.MakeSeed()}
	for i := range b.shards {
		s := &b.shards[i]
		s.ledgers, s.asked = map[Key]*ledger{}, map[string]int64{}
		s.ring.prev, s.ring.next = &s.ring, &s.ring
	}
	return b
}

// Enforces tells whether decisions are to be obeyed.
func (b *Book) Enforces() bool { return b.enforce }

// Before decides about a call. One that goes counts from now on, and [Book.After] must
// be told what became of it.
func (b *Book) Before(c Call, now time.Time) Decision {
	t := now.Unix()
	s := b.shard(c.Shop)
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.open(c.Key, t)
	who := l.client(c.Client, c.Low)
	d := l.decide(who, c.Reads, t)
	if d.Verdict == Go || !b.enforce {
		l.count(who, t)
		d.in, d.of, d.who = s, l, who
	}
	return d
}

// After tells what became of a call that Before decided to let go: how often it was
// sent, which may be never, and what WeChat's errcode was in the end. It is told once.
func (b *Book) After(d Decision, sent, errcode int, now time.Time) {
	if d.of == nil {
		return
	}
	t, l := now.Unix(), d.of
	d.in.mu.Lock()
	defer d.in.mu.Unlock()
	l.roll(t)
	l.landed(d.who, sent, t)
	if sent == 0 {
		return
	}
	switch errcode {
	case 0:
		if l.known && l.left() == 0 {
			l.ask = min(l.ask, t) // there is more than we know of
		}
	case codeDay:
		l.empty(t)
		l.ask = min(l.ask, t)
	case codeMinute:
		l.slow = (t/60 + 1) * 60
	case codeSecond:
		l.slow = t + 1
	}
}

func (b *Book) shard(shop string) *shard {
	return &b.shards[maphash.String(b.seed, shop)%shards]
}

// shard is some of the shops.
type shard struct {
	mu      sync.Mutex
	ledgers map[Key]*ledger
	ring    ledger           // its next is the ledger that was used last
	asked   map[string]int64 // when WeChat was last asked about a shop
}

// open finds or begins a ledger. s.mu is held.
func (s *shard) open(k Key, now int64) *ledger {
	l := s.ledgers[k]
	switch {
	case l == nil:
		l = s.begin(k, now)
	case s.ring.next != l:
		l.prev.next, l.next.prev = l.next, l.prev
		s.first(l)
	}
	l.roll(now)
	return l
}

func (s *shard) begin(k Key, now int64) *ledger {
	if len(s.ledgers) >= ledgersOfShard {
		s.drop(s.ring.prev)
	}
	l := &ledger{key: k, day: dayOf(now), clients: map[string]*client{}}
	s.ledgers[k] = l
	s.first(l)
	return l
}

func (s *shard) first(l *ledger) {
	l.prev, l.next = &s.ring, s.ring.next
	l.prev.next, l.next.prev = l, l
}

func (s *shard) drop(l *ledger) {
	l.prev.next, l.next.prev = l.next, l.prev
	delete(s.ledgers, l.key)
}
