package trace_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/zhanggui/zhanggui/internal/trace"
)

// begin gives the present of tests.
var begin = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// newTracer keeps a share of the traces, on a clock that goes on by a second with each
// look.
func newTracer(sample float64) (*trace.Tracer, *tracetest.SpanRecorder) {
	kept, now := tracetest.NewSpanRecorder(), begin
	return trace.New(trace.Options{
		To: sdk.NewTracerProvider(sdk.WithSpanProcessor(kept)), Sample: sample,
		Now: func() time.Time { now = now.Add(time.Second); return now },
	}), kept
}

func TestPartsAreUnderTheirWhole(t *testing.T) {
	t.Parallel()
	tracer, kept := newTracer(1)
	ctx, whole := tracer.Begin(t.Context(), "whole", trace.Server)
	inner, part := trace.Start(ctx, "part", trace.Client)
	trace.Past(inner, "past", 500*time.Millisecond).End()
	part.End()
	whole.Word(trace.Shop, "lantian")
	whole.Number(trace.Errcode, 40001)
	whole.Fail("busy")
	whole.Name("named")
	whole.End()
	all := kept.Ended()
	if len(all) != 3 {
		t.Fatalf("%d spans", len(all))
	}
	past, middle, root := all[0], all[1], all[2]
	if past.Parent().SpanID() != middle.SpanContext().SpanID() || middle.Parent().SpanID() != root.SpanContext().SpanID() || root.Parent().IsValid() {
		t.Error("the parts are not under their whole")
	}
	if got := past.EndTime().Sub(past.StartTime()); got != 1500*time.Millisecond { // a look apart
		t.Errorf("what took half a second until a look at the clock took %v", got)
	}
	if root.Name() != "named" || root.Status().Code != codes.Error || root.Status().Description != "busy" {
		t.Errorf("the root is %q, %v", root.Name(), root.Status())
	}
	want := attribute.NewSet(attribute.String("zhanggui.shop", "lantian"), attribute.Int64("wechat.errcode", 40001))
	if got := attribute.NewSet(root.Attributes()...); !got.Equals(&want) {
		t.Errorf("the root says %v", root.Attributes())
	}
	if whole.ID() != root.SpanContext().TraceID().String() || !strings.HasPrefix(whole.Parent(), "00-"+whole.ID()+"-") {
		t.Errorf("the trace is %q, and a request says %q", whole.ID(), whole.Parent())
	}
}

func TestSampling(t *testing.T) {
	t.Parallel()
	tracer, kept := newTracer(0.1)
	for range 2000 {
		ctx, s := tracer.Begin(t.Context(), "whole", trace.Internal)
		_, part := trace.Start(ctx, "part", trace.Internal)
		part.End()
		s.End()
	}
	if n := len(kept.Ended()); n%2 != 0 || n < 200 || n > 600 {
		t.Errorf("%d spans of 4,000 are kept at a tenth, in pairs", n)
	}
	if none, _ := newTracer(0); none.Root("x", trace.Server, "") != nil {
		t.Error("a share of 0 keeps something")
	}
}

// TestOffCostsNothing: tracing that is off, and a request that is not picked, allocate
// nothing.
func TestOffCostsNothing(t *testing.T) {
	unpicked, _ := newTracer(0)
	for name, tracer := range map[string]*trace.Tracer{"off": nil, "not picked": unpicked} {
		ctx := t.Context()
		if n := testing.AllocsPerRun(100, func() {
			ctx, s := tracer.Begin(ctx, "whole", trace.Server)
			ctx, part := trace.Start(trace.Carry(ctx, ctx), "part", trace.Client)
			part.Word(trace.Shop, "lantian")
			part.Number(trace.Status, 200)
			part.Fail("why")
			part.Name("other")
			part.End()
			trace.Past(ctx, "past", time.Second).End()
			s.End()
			if s.ID()+s.Parent() != "" {
				t.Error("nothing has an id")
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestWordsOnly: what is no word stays out, whatever puts it in.
func TestWordsOnly(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		"lantian": true, "/channels/ec/order/get": true, "POST /wx/{shop}/{path...}": true, "$APPID$": true, "": false,
		"https://api.weixin.qq.com/x": false, "/x?access_token=1": false, "a=b": false, "a\nb": false, "\x1b[31m": false, "蓝天": false,
		strings.Repeat("a", 128): true, strings.Repeat("a", 129): false, "a b": true, "a&b": false, "a%20b": false, "o_demo@x": false,
	} {
		if trace.IsWord(text) != ok {
			t.Errorf("%.20q is a word: %v", text, !ok)
		}
	}
	tracer, kept := newTracer(1)
	s := tracer.Root("x", trace.Server, "")
	s.Word(trace.Path, "/x?access_token=1")
	s.Fail("errmsg: no such token")
	s.End()
	if got := kept.Ended()[0]; len(got.Attributes()) != 0 || got.Status().Description != "" {
		t.Errorf("the span says %v, %v", got.Attributes(), got.Status())
	}
}

// asked is a RoundTripper that notes what it was asked.
type asked struct {
	requests []*http.Request
	answer   *http.Response
	err      error
	closed   int
}

func (a *asked) RoundTrip(r *http.Request) (*http.Response, error) {
	a.requests = append(a.requests, r)
	return a.answer, a.err
}

func (a *asked) CloseIdleConnections() { a.closed++ }

// oneName has one name for every path.
type oneName struct{}

func (oneName) PathName(string) string { return "/cgi-bin/stable_token" }

func TestTransport(t *testing.T) {
	t.Parallel()
	tracer, kept := newTracer(1)
	next := &asked{answer: &http.Response{StatusCode: http.StatusBadGateway, Body: io.NopCloser(strings.NewReader(""))}}
	way := tracer.Transport(next, oneName{})
	if way != tracer.Transport(next, oneName{}) {
		t.Error("of equal arguments come different transports")
	}
	const secret = "https://api.weixin.qq.com/cgi-bin/stable_token?secret=SECRET-0001"
	plain, err := http.NewRequestWithContext(t.Context(), http.MethodPost, secret, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	ctx, whole := tracer.Begin(t.Context(), "whole", trace.Server)
	for _, req := range []*http.Request{plain, plain.WithContext(ctx)} {
		if _, err := way.RoundTrip(req); err != nil {
			t.Fatal(err)
		}
	}
	next.err = errors.New("dial " + secret)
	if _, err := way.RoundTrip(plain.WithContext(ctx)); !errors.Is(err, next.err) {
		t.Errorf("got %v", err)
	}
	whole.End()
	way.(interface{ CloseIdleConnections() }).CloseIdleConnections()
	all := kept.Ended()
	if len(all) != 3 || next.closed != 1 {
		t.Fatalf("%d spans and %d closings, want 3 and 1", len(all), next.closed)
	}
	if s := all[0]; s.Name() != "POST /cgi-bin/stable_token" || s.Status().Code != codes.Error || s.Parent().TraceID().String() != whole.ID() {
		t.Errorf("the request is %q, %v", s.Name(), s.Status())
	}
	if all[1].Status().Description != "no-answer" {
		t.Errorf("no answer is %v", all[1].Status())
	}
	for _, r := range next.requests {
		if len(r.Header) != 0 {
			t.Errorf("WeChat gets %v", r.Header)
		}
	}
	for _, s := range all {
		for _, a := range s.Attributes() {
			if strings.Contains(a.Value.String(), "SECRET") {
				t.Errorf("a span says %v", a)
			}
		}
	}
	if off := (*trace.Tracer)(nil); off.Transport(next, oneName{}) != http.RoundTripper(next) {
		t.Error("without a tracer the transport is another one")
	}
}

func TestCarry(t *testing.T) {
	t.Parallel()
	tracer, _ := newTracer(1)
	ctx, s := tracer.Begin(t.Context(), "whole", trace.Server)
	if got := trace.FromContext(trace.Carry(context.Background(), ctx)); got != s {
		t.Errorf("carried %v", got)
	}
	if to := context.Background(); trace.Carry(to, t.Context()) != to {
		t.Error("nothing was carried, and it changed")
	}
}
