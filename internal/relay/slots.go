package relay

import (
	"slices"
	"sync"

	"github.com/zhanggui/zhanggui/internal/grant"
)

// slots says which subscriptions are sent to at once. A slot goes to the client that
// has the fewest, and of those to the one that waits longest since its last; so a
// client with many subscriptions, or with slow receivers, takes no turn of another's.
// It is safe for concurrent use.
type slots struct {
	mu   sync.Mutex
	busy map[string]string // subscriptions that are being sent to, with their clients
	turn int64
	last map[string]int64 // of clients and of subscriptions: the turn of their last slot
	// waits names the clients that have a subscription without a slot.
	waits map[string]bool
}

func newSlots() *slots {
	return &slots{busy: map[string]string{}, last: map[string]int64{}, waits: map[string]bool{}}
}

// take gives slots to subscriptions of due, as long as there are any, and returns
// those that got one.
func (s *slots) take(due []grant.DueSubscription) (taken []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	free := s.idle(due)
	for len(s.busy) < drains {
		client, ok := s.next(free)
		if !ok {
			break
		}
		id := s.first(free[client])
		free[client] = slices.DeleteFunc(free[client], func(other string) bool { return other == id })
		s.turn++
		s.busy[id], s.last[id], s.last["client "+client] = client, s.turn, s.turn
		taken = append(taken, id)
	}
	clear(s.waits)
	for client, left := range free {
		if len(left) > 0 {
			s.waits[client] = true
		}
	}
	return taken
}

// idle gives the subscriptions without a slot by their clients, and forgets the turns
// of everybody who has nothing to send.
func (s *slots) idle(due []grant.DueSubscription) map[string][]string {
	free, known := map[string][]string{}, map[string]int64{}
	note := func(id, client string) {
		for _, key := range []string{id, "client " + client} {
			if turn, ok := s.last[key]; ok {
				known[key] = turn
			}
		}
	}
	for id, client := range s.busy {
		note(id, client)
	}
	for _, d := range due {
		id, client := d.Subscription.ID, d.Subscription.Client
		note(id, client)
		if _, busy := s.busy[id]; !busy {
			free[client] = append(free[client], id)
		}
	}
	s.last = known
	return free
}

// next is the client whose turn it is.
func (s *slots) next(free map[string][]string) (best string, ok bool) {
	has := map[string]int{}
	for _, client := range s.busy {
		has[client]++
	}
	for client, left := range free {
		switch {
		case len(left) == 0 || has[client] >= drainsEach:
		case !ok, has[client] < has[best], has[client] == has[best] && s.before("client "+client, "client "+best):
			best, ok = client, true
		}
	}
	return best, ok
}

// first is the subscription that waits longest.
func (s *slots) first(ids []string) string {
	return slices.MinFunc(ids, func(a, b string) int {
		if s.before(a, b) {
			return -1
		}
		return 1
	})
}

func (s *slots) before(a, b string) bool {
	if s.last[a] != s.last[b] {
		return s.last[a] < s.last[b]
	}
	return a < b
}

// give gives a slot back.
func (s *slots) give(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, id)
}

// wanted tells whether the holder of a slot should give it back after a batch: another
// client waits and all are taken, or another subscription of its own client waits.
func (s *slots) wanted(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waits[s.busy[id]] || len(s.waits) > 0 && len(s.busy) >= drains
}
