package chaos

import (
	"sync/atomic"
	"time"
	"unsafe"
)

// wallClock is the machine's clock with another wall time. Its monotonic
// reading is the machine's own, as on a machine whose clock was set: an offset
// that changes while others read is a jump.
type wallClock struct{ seconds atomic.Int64 }

func (c *wallClock) set(offset time.Duration) { c.seconds.Store(int64(offset / time.Second)) }

// secondsShift is where the seconds of a time with a monotonic reading begin in
// its first word; see the definition of time.Time. A test holds it.
const secondsShift = 30

// now gives the present of this clock. Package time offers no way to move the
// wall time alone, so its word is changed in place.
func (c *wallClock) now() time.Time {
	t := time.Now()
	*(*uint64)(unsafe.Pointer(&t)) += uint64(c.seconds.Load()) << secondsShift
	return t
}
