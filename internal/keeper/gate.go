package keeper

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// A gate stands between the schedule and a part of WeChat. While WeChat cannot
// be reached it is shut: one refresh after the other is let through to find out
// whether WeChat is back, at the times of the table probes. All others wait
// where they are, so an outage costs neither requests nor writes, and no
// grant climbs its retry plan because of it. When an answer comes the gate
// opens and wakes those that failed because of the outage.
//
// A refresh that somebody waits for is refused at once while the gate is shut,
// with the time of the next try; tokens that live are served all the same.
//
// There is one gate for each way to WeChat: the same source address or proxy
// and the same API hosts.

// gateAfter is how many different grants in a row must fail to reach WeChat
// until a gate shuts. One grant alone may have troubles of its own.
const gateAfter = 3

// probes is when a shut gate lets the next refresh through. It ends at half a
// minute: a stable token leaves five, and nobody else tells that WeChat is
// back. The wait is at least half of what is shown.
var probes = []rung{
	// wait            since it shut
	{1 * time.Second, 1 * time.Second},
	{2 * time.Second, 3 * time.Second},
	{5 * time.Second, 8 * time.Second},
	{10 * time.Second, 18 * time.Second},
	{20 * time.Second, 38 * time.Second},
	{30 * time.Second, 1*time.Minute + 8*time.Second},
}

// mostWoken bounds the grants that a gate remembers in order to wake them. The
// rest is looked at by its plan.
const mostWoken = 1000

var errShut = errors.New("WeChat cannot be reached from here at the moment; it is tried again by itself, see /readyz")

// route names a way to WeChat.
type route string

func routeOf(a access.App) route {
	return route(a.Egress + " " + strings.Join(a.APIHosts, " "))
}

// gates are the gates of all ways. The zero gates has none; all are open.
type gates struct {
	mu     sync.Mutex
	jitter jitter
	ways   map[route]*gate
	// When all ways are shut that anybody took, and a grant may use another way:
	// when the schedule, and a caller, may find out with the next one.
	look, call time.Time
}

// strangerEvery is how often a grant of which no gate knows anything is claimed
// while all gates are shut. Its way may be one that nobody took yet.
const strangerEvery = time.Second

// strangers is how many grants the schedule claims at a time to find one that
// goes another way. Those of a shut way are put off without a request, for half a
// minute at most, so that some hundreds of them hide nobody for long.
const strangers = 20

// mayLook lets the schedule claim a few grants although all gates are shut.
func (s *gates) mayLook(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return turn(&s.look, now)
}

// mayCall lets a caller's grant be claimed although all gates are shut, unless
// it is known to use one of them.
func (s *gates) mayCall(grantID string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.ways {
		if g.failed[grantID] {
			return false
		}
	}
	return turn(&s.call, now)
}

func turn(next *time.Time, now time.Time) bool {
	if now.Before(*next) {
		return false
	}
	*next = now.Add(strangerEvery)
	return true
}

// gate is one of them; the fields are guarded by gates.mu.
type gate struct {
	failed  map[string]bool // grants that failed since WeChat answered
	shut    bool
	since   time.Time
	tries   int       // probes so far
	next    time.Time // of the next probe
	probing bool
	cause   grant.Cause
}

// pass asks to go through. ticket says that this is the probe; give it back
// with [gates.leave]. A positive wait says that the gate is shut for so long; a
// grant with a name is woken when it opens.
func (s *gates) pass(way route, grantID string, now time.Time) (ticket bool, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.ways[way]
	if g == nil || !g.shut {
		return false, 0
	}
	if wait = g.wait(now); wait == 0 {
		g.probing = true
		return true, 0
	}
	if grantID != "" {
		g.remember(grantID)
	}
	return false, wait
}

// wait is how long until a refresh may try; 0 when one may now.
func (g *gate) wait(now time.Time) time.Duration {
	if g.probing {
		return time.Second
	}
	return max(0, g.next.Sub(now))
}

func (g *gate) remember(grantID string) {
	if len(g.failed) < mostWoken {
		g.failed[grantID] = true
	}
}

// leave gives a ticket back that brought no result.
func (s *gates) leave(way route) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.ways[way]; g != nil {
		g.probing = false
	}
}

// answered says that WeChat answered. It gives the grants to wake when that
// opened the gate.
func (s *gates) answered(way route) (wake []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.way(way)
	if g.shut {
		for id := range g.failed {
			wake = append(wake, id)
		}
	}
	if g.shut || len(g.failed) > 0 {
		*g = gate{failed: map[string]bool{}}
	}
	return wake
}

// unreachable says that a grant's request did not reach WeChat, or that no
// answer came back. It reports whether that shut the gate.
func (s *gates) unreachable(way route, grantID string, cause grant.Cause, ticket bool, now time.Time) (shut bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.way(way)
	g.remember(grantID)
	switch {
	case g.shut && ticket:
		g.tries++
		g.cause, g.probing = cause, false
		g.next = s.probeAt(now, g.tries)
	case !g.shut && len(g.failed) >= gateAfter:
		g.shut, g.since, g.cause, g.tries = true, now, cause, 1
		g.next = s.probeAt(now, 1)
		return true
	}
	return false
}

func (s *gates) probeAt(now time.Time, n int) time.Time {
	wait := pick(probes, n)
	return now.Add(wait/2 + s.jitter(wait/2))
}

func (s *gates) way(way route) *gate {
	g := s.ways[way]
	if g == nil {
		if s.ways == nil {
			s.ways = map[route]*gate{}
		}
		g = &gate{failed: map[string]bool{}}
		s.ways[way] = g
	}
	return g
}

// shut says whether every way is shut, and for how long: then there is nothing
// to claim. With a wait of 0 one refresh may try.
func (s *gates) shut(now time.Time) (all bool, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.ways {
		if !g.shut {
			return false, 0
		}
		if w := g.wait(now); !all || w < wait {
			all, wait = true, w
		}
	}
	return all, wait
}

// anyFailed gives one of the grants that failed to reach WeChat by a way that
// is shut.
func (s *gates) anyFailed() (grantID string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.ways {
		for id := range g.failed {
			if g.shut && !g.probing {
				return id, true
			}
		}
	}
	return "", false
}

// forget takes a grant off the failed ones: another replica has renewed it.
// A gate for whose sake nothing is left to try opens: should WeChat still be
// gone from here, a few failures shut it again.
func (s *gates) forget(grantID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.ways {
		if !g.failed[grantID] {
			continue
		}
		if delete(g.failed, grantID); g.shut && len(g.failed) == 0 {
			*g = gate{failed: map[string]bool{}}
		}
	}
}

// refuses says for how long it is of no use to claim a grant.
func (s *gates) refuses(grantID string, now time.Time) time.Duration {
	if all, wait := s.shut(now); all && (wait == 0 || !s.mayCall(grantID, now)) {
		return wait
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.ways {
		if g.shut && g.failed[grantID] {
			return g.wait(now)
		}
	}
	return 0
}

// holds says whether a way is shut.
func (s *gates) holds(way route) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.ways[way]
	return g != nil && g.shut
}

// read gives the longest shut gate for [Health]: since when, why, and when it
// is tried next.
func (s *gates) read() (since time.Time, cause grant.Cause, next time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.ways {
		if g.shut && (since.IsZero() || g.since.Before(since)) {
			since, cause, next = g.since, g.cause, g.next
		}
	}
	return since, cause, next
}
