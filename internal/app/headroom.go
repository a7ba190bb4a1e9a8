package app

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// headroom is how many bytes are allocated between two garbage collections at
// least.
const headroom = 32 << 20

// KeepHeadroom spaces garbage collections out while the heap is small. Go collects
// when the heap has doubled, and the heap of a server with few shops doubles dozens
// of times a second under load, which was a tenth of all its work. The heap of a
// server with many shops is collected as ever.
//
// It is for the whole process, so a command calls it once, when it starts. It does
// nothing when the environment says GOGC or GOMEMLIMIT: an operator has decided.
func KeepHeadroom() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	adjustHeadroom(usualPercent)
}

// usualPercent is how much a heap grows between collections unless told otherwise.
const usualPercent = 100

// adjustHeadroom sets the growth for the heap as it is now, and does so again after
// the next collection. set is what was set before.
func adjustHeadroom(set int) {
	want := growthFor(liveBytes())
	// Setting it stops the world for a moment, so that is not done for little.
	if want > set+set/4 || want < set-set/8 {
		debug.SetGCPercent(want)
		set = want
	}
	runtime.AddCleanup(new([64]byte), adjustHeadroom, set) // runs when a collection finds it unused
}

// growthFor gives the growth in percent that leaves the headroom above so many
// bytes in use.
func growthFor(live uint64) int { return max(usualPercent, int(headroom*100/max(live, 1<<20))) }

// liveBytes is what the last collection found in use.
func liveBytes() uint64 {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	return live[0].Value.Uint64()
}
