package chaos

import (
	"testing"
	"time"
)

// TestWallClock: an offset moves the wall and nothing else.
func TestWallClock(t *testing.T) {
	for _, offset := range []time.Duration{0, time.Second, -time.Second, furthest, -furthest} {
		var c wallClock
		before := c.now()
		c.set(offset)
		after := c.now()
		if passed := after.Sub(before); passed < 0 || passed > time.Minute {
			t.Errorf("offset %v: the monotonic clock says that %v passed", offset, passed)
		}
		if moved := after.Round(0).Sub(before.Round(0)) - offset; moved < 0 || moved > time.Minute {
			t.Errorf("offset %v: the wall moved by %v more", offset, moved)
		}
		if real := time.Since(after.Round(0)) + offset; real < 0 || real > time.Minute {
			t.Errorf("offset %v: the wall is %v behind it", offset, real)
		}
	}
}
