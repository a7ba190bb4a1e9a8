package otlp

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// exporter is a collector without a network.
type exporter struct {
	batches []int
	err     error
	hangs   bool // until the request ends
	ended   bool
}

func (e *exporter) ExportSpans(ctx context.Context, batch []sdk.ReadOnlySpan) error {
	if e.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	e.batches = append(e.batches, len(batch))
	return e.err
}

func (e *exporter) Shutdown(context.Context) error { e.ended = true; return nil }

// record makes n spans.
func record(s *Sender, n int) {
	tracer := s.Provider().Tracer("test")
	for range n {
		_, span := tracer.Start(context.Background(), "x")
		span.End()
	}
}

func wantCounts(t *testing.T, s *Sender, sent, dropped, lost uint64) {
	t.Helper()
	if a, b, c := s.Counts(); a != sent || b != dropped || c != lost {
		t.Errorf("sent %d, dropped %d, lost %d; want %d, %d, %d", a, b, c, sent, dropped, lost)
	}
}

func TestSpansGoTogetherAndAllAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &exporter{}
		s := newSender(Options{}, to)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { s.Run(ctx); close(ended) }()
		record(s, 3)
		time.Sleep(sendEvery + time.Millisecond)
		synctest.Wait()
		wantCounts(t, s, 3, 0, 0)
		record(s, batchLength+10)
		synctest.Wait()
		wantCounts(t, s, 3+batchLength, 0, 0)
		stop()
		<-ended
		wantCounts(t, s, 13+batchLength, 0, 0)
		if len(to.batches) != 3 || !to.ended {
			t.Errorf("requests of %v spans, ended %v", to.batches, to.ended)
		}
	})
}

// TestAHangingCollectorCostsSpansOnly: nobody waits, memory is bounded, every span that
// is not sent is counted, and the log says it once.
func TestAHangingCollectorCostsSpansOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		to := &exporter{hangs: true}
		s := newSender(Options{Log: slog.New(slog.NewTextHandler(&log, nil))}, to)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { s.Run(ctx); close(ended) }()
		record(s, batchLength)
		synctest.Wait() // it is being sent
		began := time.Now()
		record(s, queueLength+100)
		if took := time.Since(began); took != 0 {
			t.Errorf("spans took %v", took)
		}
		wantCounts(t, s, 0, 100, 0)
		time.Sleep(time.Minute)
		synctest.Wait()
		wantCounts(t, s, 0, 100, batchLength+queueLength)
		to.hangs = false
		record(s, 1)
		time.Sleep(sendEvery)
		synctest.Wait()
		wantCounts(t, s, 1, 100, batchLength+queueLength)
		to.hangs = true
		record(s, queueLength)
		began = time.Now()
		stop()
		<-ended
		if took := time.Since(began); took > lastTimeout {
			t.Errorf("the end took %v", took)
		}
		if n := strings.Count(log.String(), "takes no spans"); n != 2 || strings.Count(log.String(), "takes spans again") != 1 {
			t.Errorf("two outages are told %d times:\n%s", n, &log)
		}
	})
}

func TestACollectorsPageIsShort(t *testing.T) {
	t.Parallel()
	if got := shorten(errors.New(strings.Repeat("页", 1000))); len([]rune(got)) != 201 {
		t.Errorf("%d signs", len([]rune(got)))
	}
}

// TestRedirectsAreNotFollowed: the header that lets us in stays with the collector.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var strangers atomic.Int32
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strangers.Add(1) }))
	defer stranger.Close()
	var path atomic.Value
	there := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path.Store(r.URL.Path + " " + r.Header.Get("Authorization"))
		http.Redirect(w, r, stranger.URL, http.StatusTemporaryRedirect)
	}))
	defer there.Close()
	to, err := url.Parse(there.URL)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(t.Context(), Options{Endpoint: to, Headers: map[string]string{"Authorization": "Bearer collector-0001"}})
	if err != nil {
		t.Fatal(err)
	}
	record(s, 1)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	s.Run(ctx)
	if got := path.Load(); strangers.Load() != 0 || got != "/v1/traces Bearer collector-0001" {
		t.Errorf("%d requests to a stranger; the collector got %v", strangers.Load(), got)
	}
	wantCounts(t, s, 0, 0, 1)
	if _, err := New(t.Context(), Options{}); err == nil {
		t.Error("a sender without a collector")
	}
}
