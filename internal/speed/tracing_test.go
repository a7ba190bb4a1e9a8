package speed

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"
)

const (
	// settingsVariable holds settings of the server, as its file would.
	settingsVariable = "ZG_SPEED_SETTINGS"
	// baseVariable names another build of this test binary, to compare with.
	baseVariable = "ZG_SPEED_BASE"
)

// BenchmarkTracing is what tracing costs the gateway: the server with 1 % of its
// requests traced, and with all of them, beside the server without. Where ZG_SPEED_BASE
// names a test binary of an earlier state (go test -c ./internal/speed), the server
// without tracing is compared with that one's too. Rounds alternate.
func BenchmarkTracing(b *testing.B) {
	wechat := startWeChat(b)
	wechat.says(600)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer collector.Close()
	ways := map[string]*child{"off": spawn(b, "server", wechat.Addr().String())}
	for name, sample := range map[string]string{"sampled-1%": "0.01", "all": "1"} {
		b.Setenv(settingsVariable, fmt.Sprintf("tracing: {endpoint: '%s', sample: %s}", collector.URL, sample))
		ways[name] = spawn(b, "server", wechat.Addr().String())
	}
	b.Setenv(settingsVariable, "")
	if base := os.Getenv(baseVariable); base != "" {
		ways["before"] = spawnFrom(b, base, "server", wechat.Addr().String())
	}
	var names []string
	open := map[string][]*caller{}
	for name, c := range ways {
		names = append(names, name)
		open[name] = connect(b, c.way, "POST", callers)
		rush(b, open[name], roundTime) // to warm up
	}
	slices.Sort(names)
	speeds, costs := map[string][]float64{}, map[string][]float64{}
	for b.Loop() {
		round := map[string]round{}
		for _, name := range names {
			round[name] = measure(b, ways[name], open[name])
		}
		slices.Reverse(names) // so that each is first as often as last
		for _, name := range names {
			speeds[name] = append(speeds[name], round[name].perSecond/round["off"].perSecond)
			costs[name] = append(costs[name], round[name].cpu/round["off"].cpu)
		}
	}
	b.ReportMetric(0, "ns/op")
	for _, name := range names {
		if name != "off" {
			b.ReportMetric(median(speeds[name]), name+"-speed/off")
			b.ReportMetric(median(costs[name]), name+"-cpu/off")
		}
	}
}
