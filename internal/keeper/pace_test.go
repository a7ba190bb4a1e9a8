package keeper

import (
	"testing"
	"time"
)

// TestNoRoomMeansToWait: whoever finds no room is told to come back later, not at
// once, also when next to nothing is missing.
func TestNoRoomMeansToWait(t *testing.T) {
	for _, all := range []int{3, 7, 500, 5000} {
		p, now := newPace(all, 100), time.Unix(1_900_000_000, 0)
		for range 2000 {
			n, wait := p.room(now, 100)
			if n == 0 && wait <= 0 {
				t.Fatalf("at %d a second: no room, and a wait of %v", all, wait)
			}
			if n > 0 {
				p.started(now, 99)
			}
			now = now.Add(wait)
		}
	}
}
