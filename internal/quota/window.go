package quota

import "time"

// A window counts over the last hour, in steps of five minutes. The zero window is
// empty.
type window struct {
	at    int64 // the current step
	first int64 // when the first call came, in Unix seconds; 0: none did
	sum   int64
	steps [windowSteps]uint32
}

const (
	windowSteps = 12
	windowStep  = 300 // seconds
	// windowLeast is the least time that a rate is computed over: what has just begun
	// must not look like a flood.
	windowLeast = 600
)

// move drops what is older than an hour.
func (w *window) move(now int64) {
	at := now / windowStep
	if at <= w.at {
		return
	}
	for range min(at-w.at, windowSteps) {
		w.at++
		slot := &w.steps[w.at%windowSteps]
		w.sum -= int64(*slot)
		*slot = 0
	}
	w.at = at
}

// add counts n calls; a negative n takes back what was just counted.
func (w *window) add(now int64, n int) {
	w.move(now)
	if w.first == 0 {
		w.first = now
	}
	slot := &w.steps[w.at%windowSteps]
	n = max(n, -int(*slot))
	*slot += uint32(n) // wraps around for a negative n, as it should
	w.sum += int64(n)
}

// perSecond is the rate of the last hour.
func (w *window) perSecond(now int64) float64 { return w.atMost(now, 0) }

// atMost is the rate with more calls than there were. Few calls tell little of a rate:
// one more than there were may come just as well.
func (w *window) atMost(now, more int64) float64 {
	w.move(now)
	if w.sum == 0 {
		return 0
	}
	since := max(w.first, (w.at-windowSteps+1)*windowStep)
	return float64(w.sum+more) / float64(max(now-since, windowLeast))
}

// china is the zone of WeChat's days.
const china = 8 * 3600

// dayOf numbers China's days.
func dayOf(now int64) int64 { return (now + china) / 86400 }

// endOf is when the day ends, in Unix seconds.
func endOf(day int64) int64 { return (day+1)*86400 - china }

func unix(sec int64) time.Time { return time.Unix(sec, 0).UTC() }
