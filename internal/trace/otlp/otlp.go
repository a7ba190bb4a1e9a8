package otlp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	otel "go.opentelemetry.io/otel/trace"
)

// The limits of sending.
const (
	queueLength = 4096 // spans that wait
	batchLength = 512  // spans in one request
	sendEvery   = 2 * time.Second
	sendTimeout = 5 * time.Second
	lastTimeout = 3 * time.Second // for what is left at the end
	maxWords    = 24              // values of one span
	maxValue    = 256             // characters of a value
)

// defaultPath is where collectors take spans, from opentelemetry.io/docs/specs/otlp.
const defaultPath = "/v1/traces"

// Options are what a Sender is made of.
type Options struct {
	// Endpoint is the collector's URL, http or https. Without a path: /v1/traces.
	Endpoint *url.URL
	// Headers go with each request, such as the one that lets us in.
	Headers  map[string]string
	Version  string // of this program
	Instance string // names this process among replicas
	Log      *slog.Logger
}

// Sender keeps spans and sends them. Make it with [New], and have [Sender.Run] run.
// It is safe for concurrent use.
type Sender struct {
	provider *sdk.TracerProvider
	to       sdk.SpanExporter
	log      *slog.Logger
	queue    chan sdk.ReadOnlySpan

	sent, dropped, lost atomic.Uint64
	failing             bool // Run's
}

// New makes a Sender. It connects to nobody before Run does.
func New(ctx context.Context, o Options) (*Sender, error) {
	if o.Endpoint == nil || o.Endpoint.Host == "" {
		return nil, errors.New("otlp: Options.Endpoint is required; set it to the collector's URL")
	}
	to, err := otlptracehttp.New(ctx, exporting(o)...)
	if err != nil {
		return nil, fmt.Errorf("otlp: %w; check tracing.endpoint", err)
	}
	return newSender(o, to), nil
}

// exporting says everything that variables of the environment would decide otherwise.
func exporting(o Options) []otlptracehttp.Option {
	to := *o.Endpoint
	if to.Path == "" || to.Path == "/" {
		to.Path = defaultPath
	}
	headers := map[string]string{}
	maps.Copy(headers, o.Headers)
	client := &http.Client{
		Timeout: sendTimeout,
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: sendTimeout}).DialContext,
			TLSHandshakeTimeout: sendTimeout,
			MaxIdleConns:        1,
			IdleConnTimeout:     time.Minute,
		},
		// A header of ours is for the collector alone.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return []otlptracehttp.Option{
		otlptracehttp.WithEndpointURL(to.String()), otlptracehttp.WithHeaders(headers), otlptracehttp.WithHTTPClient(client),
		otlptracehttp.WithTimeout(sendTimeout), otlptracehttp.WithCompression(otlptracehttp.GzipCompression),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: false}),
	}
}

func newSender(o Options, to sdk.SpanExporter) *Sender {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Sender{to: to, log: o.Log, queue: make(chan sdk.ReadOnlySpan, queueLength)}
	limits := sdk.NewSpanLimits()
	limits.AttributeCountLimit, limits.AttributeValueLengthLimit = maxWords, maxValue
	s.provider = sdk.NewTracerProvider(
		sdk.WithSampler(sdk.AlwaysSample()), // whoever begins a trace has decided
		sdk.WithSpanProcessor(queue{s}), sdk.WithRawSpanLimits(limits),
		sdk.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "zhanggui"), attribute.String("service.version", o.Version),
			attribute.String("service.instance.id", o.Instance))))
	return s
}

// Provider gives what spans begin with.
func (s *Sender) Provider() otel.TracerProvider { return s.provider }

// Counts gives how many spans were taken by the collector, were dropped because the
// queue was full, and were sent in vain.
func (s *Sender) Counts() (sent, dropped, lost uint64) {
	return s.sent.Load(), s.dropped.Load(), s.lost.Load()
}

// Run sends until ctx ends, then what is left, for a moment.
func (s *Sender) Run(ctx context.Context) {
	tick := time.NewTicker(sendEvery)
	defer tick.Stop()
	var batch []sdk.ReadOnlySpan
	for {
		select {
		case span := <-s.queue:
			if batch = append(batch, span); len(batch) < batchLength {
				continue
			}
		case <-tick.C:
			batch = s.fill(batch, batchLength)
		case <-ctx.Done():
			s.finish(context.WithoutCancel(ctx), batch)
			return
		}
		s.send(ctx, batch)
		batch = batch[:0]
	}
}

// fill adds what waits in the queue, up to most spans.
func (s *Sender) fill(batch []sdk.ReadOnlySpan, most int) []sdk.ReadOnlySpan {
	for len(batch) < most {
		select {
		case span := <-s.queue:
			batch = append(batch, span)
		default:
			return batch
		}
	}
	return batch
}

// finish sends what waits.
func (s *Sender) finish(ctx context.Context, batch []sdk.ReadOnlySpan) {
	ctx, cancel := context.WithTimeout(ctx, lastTimeout)
	defer cancel()
	for batch = s.fill(batch, batchLength); len(batch) > 0; batch = s.fill(batch[:0], batchLength) {
		s.send(ctx, batch)
	}
	_ = s.to.Shutdown(ctx) // it only lets go of connections
}

// send sends one batch. It says once that the collector takes nothing, and once that
// it does again.
func (s *Sender) send(ctx context.Context, batch []sdk.ReadOnlySpan) {
	if len(batch) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	err := s.to.ExportSpans(ctx, batch)
	if failing := err != nil; failing != s.failing {
		s.failing = failing
		if failing {
			s.log.Warn("the collector takes no spans; nothing waits for it, look at tracing.endpoint", "error", shorten(err))
		} else {
			s.log.Info("the collector takes spans again")
		}
	}
	if err != nil {
		s.lost.Add(uint64(len(batch)))
		return
	}
	s.sent.Add(uint64(len(batch)))
}

// shorten keeps a collector's page out of the log.
func shorten(err error) string {
	const most = 200
	if text := []rune(err.Error()); len(text) > most {
		return string(text[:most]) + "…"
	}
	return err.Error()
}

// queue implements sdk.SpanProcessor for a Sender. The provider is never shut down:
// Run ends by its context, and spans that end later are dropped.
type queue struct{ s *Sender }

// OnStart implements sdk.SpanProcessor.
func (queue) OnStart(context.Context, sdk.ReadWriteSpan) {}

// OnEnd implements sdk.SpanProcessor. It never waits.
func (q queue) OnEnd(span sdk.ReadOnlySpan) {
	select {
	case q.s.queue <- span:
	default:
		q.s.dropped.Add(1)
	}
}

// Shutdown implements sdk.SpanProcessor.
func (queue) Shutdown(context.Context) error { return nil }

// ForceFlush implements sdk.SpanProcessor.
func (queue) ForceFlush(context.Context) error { return nil }
