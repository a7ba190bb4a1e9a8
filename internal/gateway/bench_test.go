package gateway

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// BenchmarkAgainstBareProxy sends batches of calls through the gateway and through
// a bare httputil.ReverseProxy in turn, over one upstream, and reports how much
// longer the gateway takes. Callers and upstream share the machine, so the
// ratio is that of the whole, as a load test would see it.
func BenchmarkAgainstBareProxy(b *testing.B) {
	for _, size := range []int{600, 100 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			body := `{"errcode":0,"errmsg":"ok","x":"` + strings.Repeat("x", size) + `"}`
			up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				io.WriteString(w, body)
			}))
			defer up.Close()
			target, err := url.Parse(up.URL)
			if err != nil {
				b.Fatal(err)
			}
			ways := NewTransports(EgressOptions{})
			defer ways.CloseIdle()
			way, _ := ways.For("")
			bare := httptest.NewServer(&httputil.ReverseProxy{
				Transport: way, BufferPool: buffers,
				Rewrite: func(pr *httputil.ProxyRequest) { pr.SetURL(target) },
			})
			defer bare.Close()
			store := newStore()
			g, err := New(Config{Clients: store, Directory: store, Tokens: &fakeTokens{}, Transports: ways.For, APIHosts: []string{up.URL}})
			if err != nil {
				b.Fatal(err)
			}
			ours := httptest.NewServer(g)
			defer ours.Close()
			var spent [2]time.Duration
			for b.Loop() {
				for i, base := range []string{bare.URL, ours.URL} {
					began := time.Now()
					batch(b, base)
					spent[i] += time.Since(began)
				}
			}
			b.ReportMetric(float64(spent[0].Microseconds())/float64(b.N*callers*each), "bare-µs/call")
			b.ReportMetric(float64(spent[1].Microseconds())/float64(b.N*callers*each), "gateway-µs/call")
			b.ReportMetric(float64(spent[1])/float64(spent[0]), "ratio")
		})
	}
}

// A batch is this many callers with this many calls each.
const callers, each = 16, 16

var benchClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers}}

func batch(b *testing.B, base string) {
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range each {
				benchCall(b, base)
			}
		})
	}
	wg.Wait()
}

func benchCall(b *testing.B, base string) {
	req, err := http.NewRequestWithContext(b.Context(), "POST", base+"/wx/lantian"+readPath, strings.NewReader(`{"order_id":"1"}`))
	if err != nil {
		b.Error(err)
		return
	}
	req.Header.Set("Authorization", "Bearer "+writeKey)
	req.Header.Set("Content-Type", "application/json")
	res, err := benchClient.Do(req)
	if err != nil {
		b.Error(err)
		return
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		b.Errorf("%s: %v", base, err)
	}
	res.Body.Close()
	if res.StatusCode != 200 {
		b.Error(res.Status)
	}
}

// BenchmarkTarget is what reading a request's target costs.
func BenchmarkTarget(b *testing.B) {
	u := mustURL(b, "/wx/lantian"+readPath+"?upload_type=0&access_token=x")
	for b.Loop() {
		if _, err := parseTarget(u); err != nil {
			b.Fatal(err)
		}
	}
}
