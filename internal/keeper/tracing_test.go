package keeper

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/zhanggui/zhanggui/internal/trace"
	"github.com/zhanggui/zhanggui/wechat"
)

// traced is an env that keeps every span.
func traced(t *testing.T) (*env, *trace.Tracer, *tracetest.SpanRecorder) {
	t.Helper()
	kept := tracetest.NewSpanRecorder()
	tracer := trace.New(trace.Options{To: sdk.NewTracerProvider(sdk.WithSpanProcessor(kept)), Sample: 1, Now: time.Now})
	return newEnv(t, func(o *Options) { o.Tracer = tracer }), tracer, kept
}

// TestARefreshIsAPartOfWhoWaitsForIt, and of a trace of its own where nobody does.
func TestARefreshIsAPartOfWhoWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, tracer, kept := traced(t)
		ctx, call := tracer.Begin(t.Context(), "call", trace.Server)
		if _, err := e.Token(ctx, "lantian"); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Token(ctx, "lantian"); err != nil { // from memory
			t.Fatal(err)
		}
		call.End()
		synctest.Wait()
		var names []string
		for _, s := range kept.Ended() {
			names = append(names, s.Name())
			if s.SpanContext().TraceID().String() != call.ID() {
				t.Errorf("%s is in another trace", s.Name())
			}
		}
		if want := []string{"refresh", "wait for token", "call"}; !slices.Equal(names, want) {
			t.Fatalf("spans %q, want %q", names, want)
		}
		if all := kept.Ended(); all[0].Parent().SpanID() != all[1].SpanContext().SpanID() {
			t.Error("the refresh is not a part of the wait")
		}
		kept.Reset()
		defer running(e.Keeper)()
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if all := kept.Ended(); len(all) == 0 || all[0].Name() != "refresh" || all[0].Parent().IsValid() {
			t.Errorf("the schedule's refreshes are %v", all)
		}
	})
}

// TestAFailedRefreshSaysWhy by our word for it and WeChat's number.
func TestAFailedRefreshSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _, kept := traced(t)
		e.wechat.next = func(ask) (error, bool) { return &Failure{Code: 40125, Outcome: wechat.OutcomeAnswered}, false }
		if _, err := e.Token(t.Context(), "lantian"); err == nil {
			t.Fatal("a token")
		}
		s := kept.Ended()[0]
		said := map[string]string{}
		for _, a := range s.Attributes() {
			said[string(a.Key)] = a.Value.String()
		}
		if said["wechat.errcode"] != "40125" || said["zhanggui.outcome"] == "" || said["zhanggui.grant_kind"] != "self" {
			t.Errorf("the refresh says %v, %v", said, s.Status())
		}
	})
}

// TestWaitingCallersAreCounted while they wait, not longer.
func TestWaitingCallersAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.wechat.latency = time.Second
		for range 5 {
			go func() { _, _ = e.Token(context.Background(), "lantian") }()
		}
		synctest.Wait()
		if n := e.Health().Waiting; n != 5 {
			t.Errorf("%d callers wait, want 5", n)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := e.Health().Waiting; n != 0 {
			t.Errorf("%d callers wait for a token that is there", n)
		}
	})
}
