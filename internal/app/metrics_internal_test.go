package app

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/zhanggui/zhanggui/internal/alert"
	"github.com/zhanggui/zhanggui/internal/gateway"
)

// observed is a call through the gateway that went well.
var observed = gateway.Observation{Group: "order", Via: "own", Class: "none", Status: 200, Attempts: 1, Took: 20 * time.Millisecond}

func newCounting() counting {
	return counting{newMeters(prometheus.NewRegistry()), alert.NewRates(alert.Defaults(), nil)}
}

// TestCallsAreCountedWithoutMemory: every call through the gateway is.
func TestCallsAreCountedWithoutMemory(t *testing.T) {
	c := newCounting()
	if n := testing.AllocsPerRun(100, func() { c.Observe(observed) }); n != 0 {
		t.Errorf("counting a call takes %v allocations", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	c := newCounting()
	b.ReportAllocs()
	for b.Loop() {
		c.Observe(observed)
	}
}
