package scale

import (
	"testing"
	"time"
)

// BenchmarkReady starts a server on a database full of grants, with nothing in
// memory, until it says that it can serve. Wanted: 2 s at a million.
func BenchmarkReady(b *testing.B) {
	for _, database := range databases {
		b.Run(database, func(b *testing.B) {
			e, w := startEmulator(b, 1), newWorld(b, database)
			now := time.Now()
			w.declare(*grants, now)
			w.renew(now)
			var took time.Duration
			for b.Loop() {
				start := time.Now()
				s := w.start(e.URL, nil)
				s.ready()
				took += time.Since(start)
				s.end()
			}
			b.ReportMetric(took.Seconds()/float64(b.N), "s-to-ready")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// TestReady: a server on grants that all have a token asks for nothing.
func TestReady(t *testing.T) {
	for _, database := range databases {
		t.Run(database, func(t *testing.T) {
			e, w := startEmulator(t, 1), newWorld(t, database)
			now := time.Now()
			w.declare(50, now)
			w.renew(now)
			s := w.start(e.URL, nil)
			s.ready()
			s.end()
			if all, _ := e.asked(); all != 0 {
				t.Errorf("%d requests for tokens that live for two hours", all)
			}
		})
	}
}
