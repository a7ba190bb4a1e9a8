package scale

import (
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/store/pgtest"
)

// catchUps bounds the grants of a catch-up: its speed does not follow their
// number, and the emulator keeps them all in memory.
const catchUps = 50_000

// BenchmarkCatchUp starts a server after an outage: every grant is due.
// Wanted: 3,500 refreshes a second with the emulator on the same machine.
func BenchmarkCatchUp(b *testing.B) {
	for _, database := range databases {
		b.Run(database, func(b *testing.B) {
			n := min(*grants, catchUps)
			var sum cost
			for b.Loop() {
				b.StopTimer()
				e, w := startEmulator(b, n), newWorld(b, database)
				w.declare(n, time.Now())
				b.StartTimer()
				sum.add(w.catchUp(e, n))
			}
			sum.report(b, b.N*n)
			b.ReportMetric(float64(b.N*n)/sum.took.Seconds(), "refreshes/s")
		})
	}
}

// catchUp runs a server until all n grants are settled.
func (w *world) catchUp(e *emulator, n int) cost {
	w.tb.Helper()
	begin := w.spent(e)
	s := w.start(e.URL, nil)
	s.await("caught up", 10*time.Minute, func() bool { return s.settled.Load() >= int64(n) })
	used := w.spent(e).minus(begin)
	s.end()
	return used
}

// TestCatchUp: every grant is asked for once and has its token afterwards.
func TestCatchUp(t *testing.T) {
	for _, database := range databases {
		t.Run(database, func(t *testing.T) {
			const n = 300
			e, w := startEmulator(t, n), newWorld(t, database)
			w.declare(n, time.Now())
			w.catchUp(e, n)
			if all, refused := e.asked(); all != n || refused != 0 {
				t.Errorf("%d requests, %d of them refused; want %d, 0", all, refused, n)
			}
		})
	}
}

// perSecond is a million grants in two hours.
const perSecond = 139

// BenchmarkSustained refreshes at the pace of a million grants, beside the
// grants that are not due, and says what part of two cores the server and its
// database use; the emulator does not count. What a new server and a new
// database do once is over by then. Wanted: 10 %.
func BenchmarkSustained(b *testing.B) {
	const warm, seconds = 3, 20
	for _, database := range databases {
		b.Run(database, func(b *testing.B) {
			var sum cost
			for b.Loop() {
				b.StopTimer()
				n := perSecond * (warm + seconds + 2)
				e, w := startEmulator(b, n), newWorld(b, database)
				w.shops = n // the first n are those that the emulator knows
				w.declare(*grants, time.Now().AddDate(50, 0, 0))
				w.settleIn(e)
				w.shops = 0
				w.spread(n, perSecond, time.Now().Add(20*time.Second), time.Second)
				b.StartTimer()
				sum.add(w.sustain(e, warm, seconds))
			}
			sum.report(b, b.N*perSecond*seconds)
			b.ReportMetric(100*(sum.server+sum.database).Seconds()/2/sum.took.Seconds(), "%of2cores")
		})
	}
}

// settleIn lets a server copy for outages what the database holds, which takes
// it minutes at a million grants, and has the database do what it does after a
// load.
func (w *world) settleIn(e *emulator) {
	w.tb.Helper()
	if w.url.IsZero() {
		return
	}
	s := w.start(e.URL, nil)
	s.await("copied", time.Hour, func() bool {
		state, err := s.app.StandbyState()
		return err == nil && state.Complete
	})
	s.end()
	if err := pgtest.Exec(w.tb.Context(), w.url, "VACUUM ANALYZE", "CHECKPOINT"); err != nil {
		w.tb.Fatal(err)
	}
}

// sustain measures a server while it refreshes what comes due.
func (w *world) sustain(e *emulator, warm, seconds int64) cost {
	w.tb.Helper()
	s := w.start(e.URL, nil)
	s.await("under way", time.Minute, func() bool { return s.settled.Load() >= warm*perSecond })
	begin := w.spent(e)
	s.await("done", 5*time.Minute, func() bool { return s.settled.Load() >= (warm+seconds)*perSecond })
	used := w.spent(e).minus(begin)
	s.end()
	return used
}
