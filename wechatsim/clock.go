package wechatsim

import (
	"fmt"
	"sync/atomic"
	"time"
)

// china is the time zone in which WeChat counts days and writes dates. It is
// fixed at +08:00 on purpose: no zone database is needed to run the emulator.
var china = time.FixedZone("CST", 8*60*60)

// clock is a base clock plus an offset that can be moved while others read it.
type clock struct {
	base   func() time.Time
	offset atomic.Int64
}

func (c *clock) now() time.Time { return c.base().Add(time.Duration(c.offset.Load())) }

// Now is the emulator's present. Every lifetime in the emulator is counted on
// it; give it to the program under test as well, so that both agree.
func (s *Sim) Now() time.Time { return s.clock.now() }

// Advance moves the emulator's clock by d and returns the new present. A
// negative d sets the clock back, to see how a program takes that. Timers of
// delays and hangs are not affected: they wait in real (or bubble) time.
func (s *Sim) Advance(d time.Duration) time.Time {
	s.clock.offset.Add(int64(d))
	return s.Now()
}

// Duration is a time.Duration that is written as text ("330s", "2h") in JSON.
type Duration time.Duration

// Std returns d as the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// MarshalText writes d the way time.ParseDuration reads it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads "330s", "1h30m" and the like.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("duration %q: write it like \"330s\" or \"2h\": %w", b, err)
	}
	*d = Duration(v)
	return nil
}

// dayOf names the Chinese calendar day of t; daily limits start anew with it.
func dayOf(t time.Time) string { return t.In(china).Format("2006-01-02") }

// stamp writes t the way the product pages do: local Chinese time, no zone.
func stamp(t time.Time) string { return t.In(china).Format("2006-01-02 15:04:05") }
