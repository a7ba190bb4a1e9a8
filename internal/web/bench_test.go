package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkWrap is what every request costs before a handler runs.
func BenchmarkWrap(b *testing.B) {
	mux := http.NewServeMux()
	mux.Handle("GET /v1/shops/{shop}/token", Machine(func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}))
	h := Wrap(mux, Options{Metrics: NewMetrics("bench")})
	r := httptest.NewRequestWithContext(b.Context(), "GET", "/v1/shops/lantian/token", nil)
	r.Header.Set("Authorization", "Bearer zgc_x")
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}
