package clock

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// SlewMax is the largest difference to the reference that [Shared] makes up by
// running faster or slower. It jumps over larger ones.
const SlewMax = 500 * time.Millisecond

const (
	slewShare = 8 // one part in so many: SlewMax is made up in four seconds
	// lead is how far ahead a new line begins. Before that it is equal to the old
	// one, so that readers who hold either read the same time.
	lead         = 100 * time.Millisecond
	defaultEvery = 5 * time.Second
	measureTries = 3
	measureLimit = 2 * time.Second
)

// SharedOptions are what a Shared is made of. Reference must be set.
type SharedOptions struct {
	// Reference asks the clock that all replicas ask. Its answer is taken as
	// read in the middle of the call.
	Reference func(context.Context) (time.Time, error)
	Every     time.Duration    // between measurements; 0: five seconds
	Local     func() time.Time // nil: time.Now; only its monotonic reading counts
	Logger    *slog.Logger     // nil: discards
}

// Shared is a clock that agrees with other replicas' that have the same
// reference. Make it with [NewShared], keep it right with [Shared.Run]. It may
// be used by many goroutines.
type Shared struct {
	o     SharedOptions
	start time.Time // by the local clock; lines count from it
	line  atomic.Pointer[line]
	state atomic.Pointer[Measured]
}

// line is the wall time as a function of the local time since start. A correction
// is made up step by step, from the line's begin on.
type line struct {
	from       time.Duration
	wall       time.Time // at from; without a monotonic reading
	correction time.Duration
}

func (l *line) at(local time.Duration) time.Time {
	elapsed := local - l.from
	step := max(0, elapsed) / slewShare
	if l.correction < 0 {
		return l.wall.Add(elapsed + max(-step, l.correction))
	}
	return l.wall.Add(elapsed + min(step, l.correction))
}

// done tells whether the correction is made up.
func (l *line) done(local time.Duration) bool {
	return max(0, local-l.from)/slewShare >= l.correction.Abs()
}

// Measured is what is known of a [Shared]'s agreement with its reference.
type Measured struct {
	At    time.Time     // of the last answer; by the shared clock
	Off   time.Duration // reference minus shared clock at that moment
	Bound time.Duration // Off is right up to this
	Err   error         // why the last measurement brought nothing; nil: it did
}

// NewShared asks the reference for the first time. A clock that never agreed
// with anybody is of no use, so failing to is an error.
func NewShared(ctx context.Context, o SharedOptions) (*Shared, error) {
	if o.Every <= 0 {
		o.Every = defaultEvery
	}
	if o.Local == nil {
		o.Local = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Shared{o: o, start: o.Local()}
	m, err := s.measure(ctx)
	if err != nil {
		return nil, err
	}
	s.line.Store(&line{from: m.at, wall: m.wall})
	s.state.Store(&Measured{At: m.wall, Bound: m.bound})
	return s, nil
}

// Now is the shared time in UTC. It has no monotonic reading of its own and
// needs none: it goes back only in a jump.
func (s *Shared) Now() time.Time {
	return s.line.Load().at(s.local())
}

// Measured gives the last measurement.
func (s *Shared) Measured() Measured { return *s.state.Load() }

// Run measures again and again until ctx ends, and returns the cause of its end.
func (s *Shared) Run(ctx context.Context) error {
	ticker := time.NewTicker(s.o.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
		if err := s.Measure(ctx); err != nil && ctx.Err() == nil {
			s.o.Logger.Warn("the shared clock goes on without its reference", "error", err)
		}
	}
}

// Measure asks the reference once more and corrects the clock. [Shared.Run] does
// it; one caller at a time.
func (s *Shared) Measure(ctx context.Context) error {
	m, err := s.measure(ctx)
	if err == nil && s.off(m).Abs() > SlewMax+m.bound {
		m, err = s.confirm(ctx, m)
	}
	if err != nil {
		last := s.Measured()
		last.Err = err
		s.state.Store(&last)
		return err
	}
	off := s.off(m)
	s.correct(m, off)
	s.state.Store(&Measured{At: m.wall, Off: off, Bound: m.bound})
	return nil
}

// off is how far the shared clock is behind a measurement.
func (s *Shared) off(m measurement) time.Duration {
	return m.wall.Sub(s.line.Load().at(m.at))
}

var errOdd = errors.New("clock: two answers of the reference differ too much to follow either; look at its clock")

// confirm measures again before a jump: one odd answer moves no clock.
func (s *Shared) confirm(ctx context.Context, first measurement) (measurement, error) {
	second, err := s.measure(ctx)
	if err != nil {
		return measurement{}, err
	}
	between := second.wall.Sub(first.wall) - (second.at - first.at)
	if between.Abs() > SlewMax+first.bound+second.bound {
		return measurement{}, errOdd
	}
	return second, nil
}

// correct moves the line by off. While an earlier correction is under way it
// waits for the next measurement.
func (s *Shared) correct(m measurement, off time.Duration) {
	now, old := s.local(), s.line.Load()
	switch {
	case off.Abs() > SlewMax+m.bound:
		s.o.Logger.Error("the shared clock jumped; look at the reference's clock, or whether this machine slept", "by", off, "bound", m.bound)
		s.line.Store(&line{from: m.at, wall: m.wall})
	case off.Abs() > m.bound && old.done(now):
		s.line.Store(&line{from: now + lead, wall: old.at(now + lead), correction: off})
	}
}

// measurement is one answer: the reference said wall when the local clock was at
// at, give or take bound.
type measurement struct {
	at    time.Duration
	wall  time.Time
	bound time.Duration
}

// measure takes the quickest of a few answers, since an answer is as exact as it
// is quick.
func (s *Shared) measure(ctx context.Context) (best measurement, err error) {
	ctx, cancel := context.WithTimeout(ctx, measureLimit)
	defer cancel()
	found := false
	for range measureTries {
		begin := s.local()
		wall, askErr := s.o.Reference(ctx)
		trip := s.local() - begin
		if askErr != nil {
			err = askErr
			continue
		}
		if m := (measurement{at: begin + trip/2, wall: wall.Round(0).UTC(), bound: trip / 2}); !found || m.bound < best.bound {
			best, found = m, true
		}
	}
	if !found {
		return measurement{}, fmt.Errorf("clock: ask the reference for the time: %w", err)
	}
	return best, nil
}

// local is the local time since start.
func (s *Shared) local() time.Duration { return s.o.Local().Sub(s.start) }
