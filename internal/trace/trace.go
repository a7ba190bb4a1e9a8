package trace

import (
	"context"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	otel "go.opentelemetry.io/otel/trace"
)

// Kind is the side of a request that a span is.
type Kind int

// The kinds of spans.
const (
	Internal Kind = iota // our own work
	Server               // somebody asked us
	Client               // we asked somebody
)

func (k Kind) otel() otel.SpanKind {
	switch k {
	case Server:
		return otel.SpanKindServer
	case Client:
		return otel.SpanKindClient
	case Internal:
	}
	return otel.SpanKindInternal
}

// Options are what a Tracer is made of. All must be set.
type Options struct {
	To     otel.TracerProvider // keeps every span that begins
	Sample float64             // share of the traces that are kept, from 0 to 1
	Now    func() time.Time
}

// Tracer begins traces. nil is tracing that is off. It is safe for concurrent use.
type Tracer struct {
	to     otel.Tracer
	sample float64
	now    func() time.Time
}

// New makes a Tracer.
func New(o Options) *Tracer {
	return &Tracer{to: o.To.Tracer("github.com/zhanggui/zhanggui"), sample: o.Sample, now: o.Now}
}

// Root begins a trace, or gives nil where the sampling leaves it out. parent is the
// traceparent of whoever asks, empty if there is none.
func (t *Tracer) Root(name string, kind Kind, parent string) *Span {
	if t == nil || t.sample < 1 && rand.Float64() >= t.sample { //nolint:gosec // picks, keeps no secret
		return nil
	}
	options := []otel.SpanStartOption{otel.WithNewRoot(), otel.WithSpanKind(kind.otel()), otel.WithTimestamp(t.now())}
	if from, ok := parseParent(parent); ok {
		options = append(options, otel.WithLinks(otel.Link{SpanContext: from}))
	}
	_, s := t.to.Start(context.Background(), name, options...)
	return &Span{of: t, otel: s}
}

// Begin begins a span under that of ctx, or a trace of its own if ctx has none. It
// gives the context to go on with. End the span.
func (t *Tracer) Begin(ctx context.Context, name string, kind Kind) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	if FromContext(ctx) != nil {
		return Start(ctx, name, kind)
	}
	return within(ctx, t.Root(name, kind, ""))
}

// Start begins a span under that of ctx. Where ctx has none it gives ctx and nil.
func Start(ctx context.Context, name string, kind Kind) (context.Context, *Span) {
	over := FromContext(ctx)
	if over == nil {
		return ctx, nil
	}
	return within(ctx, over.under(name, kind, over.of.now()))
}

// Past begins a span under that of ctx that took so long until now, for work that is
// known when it is done. End it.
func Past(ctx context.Context, name string, took time.Duration) *Span {
	over := FromContext(ctx)
	if over == nil {
		return nil
	}
	return over.under(name, Internal, over.of.now().Add(-took))
}

// Span is one piece of work. nil is one that nobody looks at. It is safe for
// concurrent use.
type Span struct {
	of   *Tracer
	otel otel.Span
}

func (s *Span) under(name string, kind Kind, at time.Time) *Span {
	ctx := otel.ContextWithSpan(context.Background(), s.otel)
	_, part := s.of.to.Start(ctx, name, otel.WithSpanKind(kind.otel()), otel.WithTimestamp(at))
	return &Span{of: s.of, otel: part}
}

// Name renames the span, for those whose name is known at the end.
func (s *Span) Name(name string) {
	if s != nil {
		s.otel.SetName(name)
	}
}

// Word sets a value. One that is no word, as [IsWord] has it, is left out.
func (s *Span) Word(k Key, v string) {
	if s != nil && IsWord(v) {
		s.otel.SetAttributes(attribute.String(string(k), v))
	}
}

// Number sets a value.
func (s *Span) Number(k Key, v int64) {
	if s != nil {
		s.otel.SetAttributes(attribute.Int64(string(k), v))
	}
}

// Fail marks the span as one that did not do what it was for. why is a word; a text
// that is none is left out.
func (s *Span) Fail(why string) {
	if s == nil {
		return
	}
	if !IsWord(why) {
		why = ""
	}
	s.otel.SetStatus(codes.Error, why)
}

// End ends the span. What comes after that is not seen.
func (s *Span) End() {
	if s != nil {
		s.otel.End(otel.WithTimestamp(s.of.now()))
	}
}

// ID is the trace's, 32 hexadecimal digits; empty for nil.
func (s *Span) ID() string {
	if s == nil {
		return ""
	}
	return s.otel.SpanContext().TraceID().String()
}
