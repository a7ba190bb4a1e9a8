package quota

import (
	"cmp"
	"slices"
)

// states describes the ledgers that are wanted. s.mu is held.
func (s *shard) states(now int64, want func(*ledger) bool) []State {
	var all []State
	for l := s.ring.next; l != &s.ring; l = l.next {
		l.roll(now)
		if want(l) {
			all = append(all, l.state(now))
		}
	}
	slices.SortFunc(all, byPath)
	return all
}

func (l *ledger) state(now int64) State {
	s := State{Key: l.key, Limit: Unknown, Left: l.leftIfKnown(), Today: l.today, PerHour: l.hour.perSecond(now) * 3600, Dry: l.dry(now)}
	if l.limit > 0 {
		s.Limit = l.limit
	}
	if l.heard > 0 {
		s.Heard = unix(l.heard)
	}
	normal, low := l.takers(nil, now)
	fill(fill(float64(l.left()), normal), low)
	plenty := l.plenty(now)
	for _, t := range slices.Concat(normal, low) {
		c := ClientState{ID: t.who.id, Low: t.who.low, Today: t.who.today, PerHour: t.who.hour.perSecond(now) * 3600, Share: Unknown}
		if c.ID == others {
			c.ID = ""
		}
		if !plenty {
			c.Share = int64(t.got)
		}
		s.Clients = append(s.Clients, c)
	}
	slices.SortFunc(s.Clients, func(a, b ClientState) int { return cmp.Compare(a.ID, b.ID) })
	return s
}
