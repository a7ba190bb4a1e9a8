//go:build unix

package gateway

import (
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/catalogue"
	"github.com/zhanggui/zhanggui/internal/web"
)

// BenchmarkPolicy decides about 10,000 clients with 1,000 shops each, one call
// after the other. The benchmark is of what stands between a known key and the
// token; it should stay under two microseconds.
func BenchmarkPolicy(b *testing.B) {
	g := newRig(b, ok).Gateway
	shops := make([]string, 1000)
	for i := range shops {
		shops[i] = fmt.Sprintf("shop-%04d", i)
	}
	clients := make([]caller, 10_000)
	for i := range clients {
		c := access.Client{ID: fmt.Sprintf("client-%05d", i), Mode: access.Write, Shops: slices.Clone(shops), Rights: access.Rights{
			Groups: catalogue.Grantable(), PerSecond: 1e9, From: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("127.0.0.0/8")},
			Paths: []access.PathRight{{Path: withdrawPath, Daily: 5}, {Path: decodePath, Daily: 100}},
		}}
		clients[i] = *g.compile(c)
	}
	runtime.GC() // so that none runs meanwhile: deciding allocates nothing
	before := used(b)
	from, now := netip.MustParseAddr("127.0.0.1"), g.Now()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		c := &clients[i*7919%len(clients)]
		var p pass
		err := g.permit(c, target{shop: shops[i%len(shops)], path: readPath}, from, &p)
		if err == nil {
			err = c.bucket.take(c.ID, now)
		}
		if err != nil {
			b.Fatal(web.AsError(err))
		}
		i++
	}
	b.ReportMetric(float64(used(b)-before)/float64(b.N), "cpu-ns/op")
}

// used gives the processor time of this process, which other programs on the machine
// do not lengthen as they do the time on the clock.
func used(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
