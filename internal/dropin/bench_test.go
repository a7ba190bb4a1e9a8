package dropin_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/web"
)

// The rounds of a comparison, taken in turns, so that whatever else the machine does
// hits both sides.
const (
	rounds   = 15
	perRound = 2000
)

// BenchmarkDropIn compares an answer of ours with that of a handler that reads the
// same request and returns constant JSON, over real connections, and reports the
// median of the ratios of their throughputs.
func BenchmarkDropIn(b *testing.B) {
	r := newRig(b)
	constant := []byte(r.do(b, http.MethodGet, tokenURL+key, "").body)
	same := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_ = req.URL.Query().Get("appid")
		_, _ = io.ReadAll(req.Body)
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write(constant)
	})
	for name, ask := range map[string]func() *http.Request{
		"GET": func() *http.Request {
			req, _ := http.NewRequest(http.MethodGet, "http://x"+tokenURL+key, nil)
			return req
		},
		"POST": func() *http.Request {
			req, _ := http.NewRequest(http.MethodPost, "http://x"+stableURL, strings.NewReader(stableBody(shopAppID, key, "")))
			return req
		},
	} {
		b.Run(name, func(b *testing.B) {
			log := slog.New(slog.DiscardHandler)
			ours, theirs := connect(b, web.Wrap(r.Dropin, web.Options{Log: log})), connect(b, web.Wrap(same, web.Options{Log: log}))
			var ratios []float64
			for b.Loop() {
				for range rounds {
					t, o := timed(b, theirs, ask), timed(b, ours, ask)
					ratios = append(ratios, t.Seconds()/o.Seconds())
				}
			}
			slices.Sort(ratios)
			b.ReportMetric(ratios[len(ratios)/2], "x-of-constant")
		})
	}
}

// connect serves h on loopback and gives a client that keeps its connection.
func connect(b *testing.B, h http.Handler) *http.Client {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := web.Server(h, slog.New(slog.DiscardHandler))
	go func() { _ = server.Serve(l) }()
	b.Cleanup(func() { _ = server.Close() })
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
	}}}
}

func timed(b *testing.B, c *http.Client, ask func() *http.Request) time.Duration {
	b.Helper()
	began := time.Now()
	for range perRound {
		resp, err := c.Do(ask())
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, resp.Body); err != nil || n < 100 || resp.StatusCode != http.StatusOK {
			b.Fatalf("%d, %d bytes, %v", resp.StatusCode, n, err)
		}
		_ = resp.Body.Close()
	}
	return time.Since(began)
}
