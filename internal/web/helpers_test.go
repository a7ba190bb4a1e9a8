package web

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"
)

// stage is a wrapped handler with its log.
type stage struct {
	http.Handler
	log     bytes.Buffer
	metrics *Metrics
}

// newStage wraps h as a listener would. The clock moves a second with each
// look.
func newStage(t *testing.T, h http.Handler, change ...func(*Options)) *stage {
	t.Helper()
	s := &stage{metrics: NewMetrics("v0.0.0-test")}
	at := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	o := Options{
		Log:       slog.New(slog.NewJSONHandler(&s.log, nil)),
		Trusted:   []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")},
		PublicURL: parseURL(t, "https://keys.example.com/zhanggui"),
		Now:       func() time.Time { at = at.Add(time.Second); return at },
		Metrics:   s.metrics,
	}
	for _, f := range change {
		f(&o)
	}
	s.Handler = Wrap(h, o)
	return s
}

func (s *stage) serve(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// line gives the one access log line that was written since the last call.
func (s *stage) line(t *testing.T) map[string]any {
	t.Helper()
	defer s.log.Reset()
	var found map[string]any
	for raw := range bytes.Lines(s.log.Bytes()) {
		var m map[string]any
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatalf("log line %q: %v", raw, err)
		}
		if m["msg"] != "request" {
			continue
		}
		if found != nil {
			t.Fatalf("more than one access log line:\n%s", s.log.String())
		}
		found = m
	}
	if found == nil {
		t.Fatal("no access log line")
	}
	return found
}

func request(t *testing.T, method, target, peer string, headers ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	r.RemoteAddr = peer
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header[headers[i]] = append(r.Header[headers[i]], headers[i+1])
	}
	return r
}

func decodeProblem(t *testing.T, w *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	if ct := w.Header().Get("Content-Type"); ct != "application/problem+json" {
		t.Fatalf("content type %q, body %s", ct, w.Body)
	}
	var m map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil {
		t.Fatalf("problem %s: %v", w.Body, err)
	}
	return m
}
