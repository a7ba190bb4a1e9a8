package upstream_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/zhanggui/zhanggui/internal/trace"
	"github.com/zhanggui/zhanggui/internal/web"
)

// TestATraceGoesOn to the back office as ours, and a visitor's own where we trace
// nothing.
func TestATraceGoesOn(t *testing.T) {
	t.Parallel()
	const theirs = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	got := make(chan http.Header, 1)
	r := newRig(t, func(_ http.ResponseWriter, req *http.Request) { got <- req.Header }, nil)
	r.send(t, "GET", "/", "", "Traceparent: "+theirs, "Tracestate: a=b")
	if h := <-got; h.Get("Traceparent") != theirs || h.Get("Tracestate") != "a=b" {
		t.Errorf("untraced: %q %q", h.Get("Traceparent"), h.Get("Tracestate"))
	}
	kept := tracetest.NewSpanRecorder()
	tracer := trace.New(trace.Options{To: sdk.NewTracerProvider(sdk.WithSpanProcessor(kept)), Sample: 1, Now: time.Now})
	traced := httptest.NewServer(web.Wrap(r.proxy, web.Options{Tracer: tracer}))
	defer traced.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, traced.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = r.host
	req.Header = http.Header{"Traceparent": {theirs}, "Tracestate": {"a=b"}}
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	h := <-got
	await(t, "the span", func() bool { return len(kept.Ended()) == 1 })
	span := kept.Ended()[0].SpanContext()
	if want := "00-" + span.TraceID().String() + "-" + span.SpanID().String() + "-01"; h.Get("Traceparent") != want || h.Get("Tracestate") != "" {
		t.Errorf("traced: %q %q, want %q and nothing", h.Get("Traceparent"), h.Get("Tracestate"), want)
	}
}
