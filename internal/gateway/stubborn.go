package gateway

import (
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/catalogue"
)

// Limits of [stubborn].
const (
	// stubbornFor is how long a path is remembered. It is not prolonged: what
	// WeChat changed, or what was judged wrongly, gets its chance every day.
	stubbornFor = 24 * time.Hour
	// stubbornPaths bounds the memory. One more costs a forced refresh, of which
	// there are few, so this is never reached by honest use.
	stubbornPaths = 1024
	// stubbornExcuses is how many reports of a path may go without a repeat in a
	// day because the caller left or the repeat broke off. A token dies less
	// often than that, so a client that leaves every time gains little.
	stubbornExcuses = 3
)

// stubborn remembers paths that call every token dead. A path that wants
// another kind of token answers 40001 to a good one, minted a moment ago. If
// each such answer were reported, one client with one such path could make the
// keeper force a refresh with every call, until WeChat's daily number of them is
// used up and no shop's token that is really dead can be replaced.
//
// So a path is in doubt from the moment its word is passed to the keeper until the
// repeat of that call gets a good answer. A path that calls a newer token dead
// while in doubt is stubborn: for a day its word counts for nothing, and the caller
// gets WeChat's answer as it is. A dead token is still replaced: other paths
// report it, and the keeper renews it by the clock.
//
// A call that was not repeated because its body was a stream leaves the doubt
// behind. Nor does a good answer to a later call end it. Whoever can choose
// between a good and a bad answer could refresh without end that way. A caller who
// leaves may do so by chance: then the next death is heard too, a few times a day.
type stubborn struct {
	now   func() time.Time
	mu    sync.Mutex
	paths map[shopPath]doubt
}

type shopPath struct{ shop, path string }

type doubt struct {
	generation int64 // the last one whose death was reported
	proven     bool
	excused    bool // nobody could see whether the word was good
	excuses    int  // so often
	until      time.Time
}

func newStubborn(now func() time.Time) *stubborn {
	return &stubborn{now: now, paths: make(map[shopPath]doubt)}
}

// at names a path of a shop. Other spellings would make many paths of one.
func at(to target) shopPath { return shopPath{to.shop, catalogue.Fold(to.path)} }

// believe tells whether the keeper should hear that at called the token of this
// generation dead. If so the path is in doubt from now on.
func (s *stubborn) believe(at shopPath, generation int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	d, ok := s.paths[at]
	if !ok || !now.Before(d.until) {
		s.room(now)
		s.paths[at] = doubt{generation: generation, until: now.Add(stubbornFor)}
		return true
	}
	switch {
	case d.proven || generation <= d.generation:
	case d.excused:
		d.generation, d.excused = generation, false
		s.paths[at] = d
	default:
		s.prove(at)
		return false
	}
	return !d.proven
}

// condemn says that at called dead even the token of this generation, which was
// handed over for one that it had called dead.
func (s *stubborn) condemn(at shopPath, generation int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d, ok := s.paths[at]; ok && !d.proven && generation > d.generation {
		s.prove(at)
	}
}

// prove makes a path stubborn from now on. s.mu is held.
func (s *stubborn) prove(at shopPath) {
	s.paths[at] = doubt{proven: true, until: s.now().Add(stubbornFor)}
}

// excuse says that what was reported of this generation could not be tried: the
// caller left, or the repeat broke off.
func (s *stubborn) excuse(at shopPath, generation int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.paths[at]
	if ok && d.generation == generation && !d.excused && d.excuses < stubbornExcuses {
		d.excused = true
		d.excuses++
		s.paths[at] = d
	}
}

// trust ends the doubt about a path, unless it is proven.
func (s *stubborn) trust(at shopPath) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.paths[at].proven {
		delete(s.paths, at)
	}
}

// room makes room for one more path: without those that are over, else without
// the oldest. s.mu is held.
func (s *stubborn) room(now time.Time) {
	if len(s.paths) < stubbornPaths {
		return
	}
	var oldest shopPath
	var end time.Time
	for at, d := range s.paths {
		if !now.Before(d.until) {
			delete(s.paths, at)
			continue
		}
		if end.IsZero() || d.until.Before(end) {
			oldest, end = at, d.until
		}
	}
	if len(s.paths) >= stubbornPaths {
		delete(s.paths, oldest)
	}
}
