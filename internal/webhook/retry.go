package webhook

import (
	"math/rand/v2"
	"time"
)

// waits is how long to wait after each attempt that failed. After the last
// attempt a delivery is given up. There is no jitter in it: one server at a time
// sends to a place, and whoever sends to many adds [Jitter].
//
//	attempt  waited before it  since the first
//	1        -                 0
//	2        5 s               5 s
//	3        30 s              35 s
//	4        2 min             2 min 35 s
//	5        10 min            12 min 35 s
//	6        30 min            42 min 35 s
//	7        1 h               1 h 42 min
//	8        3 h               4 h 42 min
//	9        6 h               10 h 42 min
//	10       12 h              22 h 42 min
//	11       24 h              46 h 42 min
//	12       24 h              70 h 42 min
var waits = []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 24 * time.Hour,
}

// maxRetryAfter bounds how long a receiver may ask us to wait, so that it cannot
// stretch three days to weeks.
const maxRetryAfter = time.Hour

// Next tells how long to wait after failed attempts, the last of which was told
// to wait for asked. ok is false when it is time to give up.
func Next(failed int, asked time.Duration) (wait time.Duration, ok bool) {
	if failed > len(waits) {
		return 0, false
	}
	return max(waits[max(failed, 1)-1], min(asked, maxRetryAfter)), true
}

// Life is how long a delivery is tried for, at the least. What was written longer
// ago and was never owed to anybody is not sent any more.
func Life() time.Duration {
	sum := time.Duration(0)
	for _, w := range waits {
		sum += w
	}
	return sum
}

// Jitter gives a wait that is up to a tenth shorter or longer, so that what failed
// together is not tried again together.
func Jitter(wait time.Duration) time.Duration {
	tenth := int64(wait / 10)
	if tenth <= 0 {
		return wait
	}
	return wait + time.Duration(rand.Int64N(2*tenth+1)-tenth)
}
