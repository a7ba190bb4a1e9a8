package speed

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// ways are what is compared.
type ways struct {
	wechat       *fakeWeChat
	bare, server *child
}

func startWays(tb testing.TB) *ways {
	tb.Helper()
	w := &ways{wechat: startWeChat(tb)}
	w.bare = spawn(tb, "bare", w.wechat.Addr().String())
	w.server = spawn(tb, "server", w.wechat.Addr().String())
	w.bare.way.Key = w.server.way.Key // the same call: the bare proxy passes the key on
	return w
}

// round is what one round of one way came to.
type round struct {
	perSecond float64
	cpu       float64 // µs a call
}

// BenchmarkThroughput is how many calls a second pass, and what CPU time each
// takes, at 64 connections.
func BenchmarkThroughput(b *testing.B) {
	w := startWays(b)
	for _, method := range []string{"POST", "GET"} {
		for _, size := range []int{600, 100 << 10} {
			b.Run(fmt.Sprintf("%s/%d", method, size), func(b *testing.B) { w.throughput(b, method, size) })
		}
	}
}

func (w *ways) throughput(b *testing.B, method string, size int) {
	w.wechat.says(size)
	bare, ours := connect(b, w.bare.way, method, callers), connect(b, w.server.way, method, callers)
	rush(b, bare, roundTime) // to warm up
	rush(b, ours, roundTime)
	var speed, cost, bares, servers []float64
	for b.Loop() {
		x := measure(b, w.bare, bare)
		y := measure(b, w.server, ours)
		speed, cost = append(speed, y.perSecond/x.perSecond), append(cost, y.cpu/x.cpu)
		bares, servers = append(bares, x.cpu), append(servers, y.cpu)
	}
	b.ReportMetric(0, "ns/op")
	name := fmt.Sprintf("%s, %s", method, bytesOf(size))
	figure{Case: name, What: whatSpeed, Ratio: median(speed), Wanted: 0.95}.report(b)
	figure{Case: name, What: whatCPU, Bare: median(bares), Server: median(servers), Ratio: median(cost), Wanted: 1.10}.report(b)
}

func bytesOf(size int) string {
	if size >= 1<<10 {
		return fmt.Sprint(size>>10, " KB")
	}
	return fmt.Sprint(size, " B")
}

const roundTime = 250 * time.Millisecond

func measure(b *testing.B, c *child, all []*caller) round {
	before := c.spent()
	calls, took := rush(b, all, roundTime)
	spent := c.spent() - before
	return round{float64(calls) / took.Seconds(), float64(spent.Nanoseconds()) / 1000 / float64(calls)}
}

func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}

// BenchmarkLatency is how much time a call takes on the way, at 1,000 calls a
// second whether they are answered or not: what each proxy adds to a straight call.
func BenchmarkLatency(b *testing.B) {
	w := startWays(b)
	for _, size := range []int{600, 100 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) { w.latency(b, size) })
	}
}

func (w *ways) latency(b *testing.B, size int) {
	w.wechat.says(size)
	straight := connect(b, way{Address: w.wechat.Addr().String()}, "POST", callers)
	bare, ours := connect(b, w.bare.way, "POST", callers), connect(b, w.server.way, "POST", callers)
	var p50, p99 [3][]float64 // of each round, of each way
	for b.Loop() {
		for i, callers := range [][]*caller{straight, bare, ours} {
			took := pace(b, callers, time.Millisecond, 1000)
			p50[i], p99[i] = append(p50[i], percentile(took, 50)), append(p99[i], percentile(took, 99))
		}
	}
	b.ReportMetric(0, "ns/op")
	name := "1,000/s, " + bytesOf(size)
	added(name, whatP50, 1.15, p50).report(b)
	added(name, whatP99, 1.3, p99).report(b)
}

// added compares what the proxies add to the straight way, by the medians of the
// rounds.
func added(name, what string, wanted float64, rounds [3][]float64) figure {
	straight := median(rounds[0])
	f := figure{Case: name, What: what, Wanted: wanted, Bare: median(rounds[1]) - straight, Server: median(rounds[2]) - straight}
	f.Ratio = f.Server / f.Bare
	return f
}

// percentile gives the pth percentile in µs.
func percentile(all []time.Duration, p int) float64 {
	all = slices.Sorted(slices.Values(all))
	return float64(all[(len(all)-1)*p/100].Nanoseconds()) / 1000
}
