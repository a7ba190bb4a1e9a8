package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
)

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("scrape: %d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestMetricsCountRequests(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("GET /shops/{id}", Machine(func(http.ResponseWriter, *http.Request) error { return nil }))
	mux.Handle("GET /bad", Machine(failing(errState)))
	mux.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) { panic("boom") })
	s := newStage(t, mux)
	s.metrics.Room = func(route string) string {
		if route == "GET /shops/{id}" {
			return "shops"
		}
		return "nowhere"
	}
	for i := range 50 {
		s.serve(request(t, "GET", fmt.Sprintf("/shops/%d", i), "192.0.2.7:1"))
		s.serve(request(t, fmt.Sprintf("M%d", i), fmt.Sprintf("/%d", i), "192.0.2.7:1"))
	}
	s.serve(request(t, "GET", "/bad", "192.0.2.7:1"))
	s.serve(request(t, "GET", "/panic", "192.0.2.7:1"))
	text := scrape(t, s.metrics)
	for _, want := range []string{
		`zhanggui_http_requests_total{class="2xx",room="shops"} 50`,
		`zhanggui_http_requests_total{class="4xx",room="nowhere"} 51`,
		`zhanggui_http_problems_total{code="state-foreign"} 1`,
		`zhanggui_http_problems_total{code="internal"} 1`,
		`zhanggui_http_panics_total 1`, `zhanggui_http_in_flight 0`,
		`zhanggui_build_info{goversion="` + runtime.Version() + `",revision="unknown",version="v0.0.0-test"} 1`, "go_goroutines ",
		`zhanggui_http_request_duration_seconds_count{room="nowhere"} 52`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	if n := strings.Count(text, "zhanggui_http_requests_total{"); n != 3 {
		t.Errorf("%d series for three kinds of request", n)
	}
}

func TestCallersWhoWentAwayAreNoFailures(t *testing.T) {
	m := NewMetrics("v")
	m.begin()
	m.end("GET /x", StatusClientGone, "client-gone", 0)
	text := scrape(t, m)
	if strings.Contains(text, "zhanggui_http_problems_total{") || !strings.Contains(text, `class="gone"`) {
		t.Error("a caller who went away is counted as a failure")
	}
}
