package quota

import (
	"cmp"
	"time"
)

// When WeChat is asked what is left.
const (
	// busy is the least number of calls in an hour that a ledger is asked about for.
	busy      = 20
	askShop   = time.Minute      // between two questions about one shop
	askScarce = time.Minute      // about a ledger that does not last the day
	askPlenty = 15 * time.Minute // about one that does
	askFailed = 5 * time.Minute  // after no answer
	askNever  = 24 * time.Hour   // after WeChat said that there is none
)

// Question is one that WeChat is to be asked.
type Question struct {
	Key
	day  int64
	mark int64
}

// Numbers are WeChat's answer from openapi/quota/get.
type Numbers struct {
	Limit int64 // calls a day; 0: no limit is told
	Left  int64
}

// Due gives a ledger that WeChat should be asked about now, the one that was not
// heard of for the longest time. It must be followed by Answered or Failed.
func (b *Book) Due(now time.Time) (Question, bool) {
	t := now.Unix()
	var found *ledger
	var in *shard
	for i := range b.shards {
		s := &b.shards[i]
		s.mu.Lock()
		s.forgetAsked(t)
		for l := s.ring.next; l != &s.ring; l = l.next {
			if s.due(l, t) && (found == nil || l.heard < found.heard) {
				found, in = l, s
			}
		}
		s.mu.Unlock()
	}
	if found == nil {
		return Question{}, false
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	found.asking = true
	in.asked[found.key.Shop] = t
	return Question{found.key, found.day, found.counted - found.flying}, true
}

func (s *shard) due(l *ledger, now int64) bool {
	if l.asking || now < l.ask {
		return false
	}
	if last, ok := s.asked[l.key.Shop]; ok && now-last < int64(askShop/time.Second) {
		return false
	}
	l.roll(now)
	l.hour.move(now)
	return l.hour.sum >= busy || l.known && l.left() == 0 && l.hour.sum > 0
}

func (s *shard) forgetAsked(now int64) {
	for shop, at := range s.asked {
		if now-at >= int64(askShop/time.Second) {
			delete(s.asked, shop)
		}
	}
}

// Answered takes WeChat's numbers. An answer from before midnight says nothing of
// the new day.
func (b *Book) Answered(q Question, n Numbers, now time.Time) {
	b.settle(q, now, func(l *ledger, t int64) {
		l.ask = t + int64(askPlenty/time.Second)
		if l.day != q.day {
			l.ask = t
			return
		}
		l.known, l.limit, l.base, l.mark, l.heard = n.Limit > 0, n.Limit, n.Left, q.mark, t
		if !l.plenty(t) {
			l.ask = t + int64(askScarce/time.Second)
		}
	})
}

// Failed says that there was no answer; never, that WeChat has none for this path.
func (b *Book) Failed(q Question, never bool, now time.Time) {
	b.settle(q, now, func(l *ledger, t int64) {
		wait := askFailed
		if never {
			wait = askNever
		}
		l.ask = t + int64(wait/time.Second)
	})
}

func (b *Book) settle(q Question, now time.Time, change func(*ledger, int64)) {
	s, t := b.shard(q.Shop), now.Unix()
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.ledgers[q.Key]; l != nil {
		l.asking = false
		l.roll(t)
		change(l, t)
	}
}

// State is what a ledger says.
type State struct {
	Key
	Limit   int64 // a day; [Unknown]: WeChat did not say
	Left    int64 // today; [Unknown]: WeChat did not say
	Today   int64 // our own calls
	PerHour float64
	Dry     time.Time // when it runs dry at the rate of the last hour; zero: not today
	Heard   time.Time // when WeChat last said what is left; zero: never
	Clients []ClientState
}

// ClientState is what a ledger says of a client.
type ClientState struct {
	ID      string // empty: all that were too many to be told apart
	Low     bool
	Today   int64
	PerHour float64
	Share   int64 // of the calls that are left, until midnight; [Unknown] while there are enough
}

// Shop gives the ledgers of a shop, by path.
func (b *Book) Shop(shop string, now time.Time) []State {
	s := b.shard(shop)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.states(now.Unix(), func(l *ledger) bool { return l.key.Shop == shop })
}

// All gives every ledger.
func (b *Book) All(now time.Time) []State {
	return b.collect(now, func(*ledger) bool { return true })
}

// Lows gives the ledgers that three quarters are used of, or more, and that run dry
// today.
func (b *Book) Lows(now time.Time) []State {
	return b.collect(now, func(l *ledger) bool { return l.look(now.Unix()) })
}

func (b *Book) collect(now time.Time, want func(*ledger) bool) []State {
	var all []State
	for i := range b.shards {
		s := &b.shards[i]
		s.mu.Lock()
		all = append(all, s.states(now.Unix(), want)...)
		s.mu.Unlock()
	}
	return all
}

func byPath(a, b State) int {
	return cmp.Or(cmp.Compare(a.Shop, b.Shop), cmp.Compare(a.Path, b.Path))
}
