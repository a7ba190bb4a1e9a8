package clock

import (
	"cmp"
	"net/http"
	"slices"
	"sync"
	"time"
)

// SkewLimit is how far our clock may differ from WeChat's before somebody is told.
// Nothing depends on less: tokens are renewed minutes ahead of their end.
const SkewLimit = 30 * time.Second

const (
	maxSamples = 9
	minSamples = 3 // so that one odd answer changes nothing
	sampleLife = 6 * time.Hour
	sampleGap  = time.Second // busy servers need no more
	resolution = time.Second // of a Date header, which is cut off
)

// Skew measures how far our clock differs from WeChat's, from the Date headers
// of answers to calls that are made anyway. Make it with [NewSkew]. It may be used
// by many goroutines.
type Skew struct {
	now func() time.Time

	mu      sync.Mutex
	samples []sample // the oldest first
}

type sample struct {
	at    time.Time
	off   time.Duration // theirs minus ours
	bound time.Duration
}

// NewSkew makes a Skew of the clock that now reads.
func NewSkew(now func() time.Time) *Skew { return &Skew{now: now} }

// Estimate is what is known of the skew.
type Estimate struct {
	Ours    time.Duration // our clock minus WeChat's: positive when ours is ahead
	Bound   time.Duration // Ours is right up to this, if WeChat's clock is
	Samples int           // 0: nothing is known
}

// Wrong tells whether our clock differs by more than [SkewLimit] for sure, by
// enough samples to say so.
func (e Estimate) Wrong() bool {
	return e.Samples >= minSamples && e.Ours.Abs()-e.Bound > SkewLimit
}

// Estimate gives the median of the recent samples.
func (s *Skew) Estimate() Estimate {
	now := s.now()
	s.mu.Lock()
	recent := slices.DeleteFunc(slices.Clone(s.samples), func(x sample) bool { return now.Sub(x.at) > sampleLife })
	s.mu.Unlock()
	if len(recent) == 0 {
		return Estimate{}
	}
	slices.SortFunc(recent, func(a, b sample) int { return cmp.Compare(a.off, b.off) })
	middle := recent[len(recent)/2]
	return Estimate{Ours: -middle.off, Bound: middle.bound, Samples: len(recent)}
}

// Watch gives a RoundTripper that does as next does and takes samples.
func (s *Skew) Watch(next http.RoundTripper) http.RoundTripper { return watched{s, next} }

type watched struct {
	skew *Skew
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (w watched) RoundTrip(r *http.Request) (*http.Response, error) {
	begin := w.skew.now()
	resp, err := w.next.RoundTrip(r)
	if err == nil {
		w.skew.observe(begin, resp.Header)
	}
	return resp, err
}

// CloseIdleConnections passes the call on, as an http.Client expects.
func (w watched) CloseIdleConnections() {
	if c, ok := w.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// observe takes a sample of a call that began at begin and was answered now. The
// answer's date was written at some time between. An answer out of a cache tells
// nothing.
func (s *Skew) observe(begin time.Time, h http.Header) {
	now := s.now()
	s.mu.Lock()
	busy := len(s.samples) > 0 && now.Sub(s.samples[len(s.samples)-1].at).Abs() < sampleGap
	s.mu.Unlock()
	if busy || h.Get("Age") != "" {
		return
	}
	theirs, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	trip := now.Sub(begin)
	if trip < 0 {
		return // the clock was set back meanwhile
	}
	x := sample{at: now, off: theirs.Add(resolution / 2).Sub(begin.Add(trip / 2)), bound: trip/2 + resolution/2}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.samples = append(s.samples, x)
	if len(s.samples) > maxSamples {
		s.samples = slices.Delete(s.samples, 0, len(s.samples)-maxSamples)
	}
}
