package trace_test

import (
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/trace"
)

// The example of w3.org/TR/trace-context.
const theirs = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestTheCallersTraceIsALink(t *testing.T) {
	t.Parallel()
	for parent, want := range map[string]bool{
		theirs: true,
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00":             true, // sampling is ours
		"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-the-fu": true, // of a later version
		"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01":             true,
		"": false,
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-": false,
		"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01":  false,
		"00-00000000000000000000000000000000-b7ad6b7169203331-01":  false,
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01":  false,
		"00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01":  false,
		"00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01":   false,
		"0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01":   false,
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1":   false,
		"00-0af7651916cd43dd8448eb211c80319z-b7ad6b7169203331-01":  false,
	} {
		tracer, kept := newTracer(1)
		tracer.Root("x", trace.Server, parent).End()
		s := kept.Ended()[0]
		if got := len(s.Links()) == 1; got != want || s.Parent().IsValid() {
			t.Errorf("%q: a link %v, a parent %v", parent, got, s.Parent().IsValid())
		}
		if want && s.Links()[0].SpanContext.TraceID() == s.SpanContext().TraceID() {
			t.Errorf("%q: the trace goes on under its id", parent)
		}
	}
}

// FuzzParent: whatever somebody says, there is at most one link and it is theirs.
func FuzzParent(f *testing.F) {
	for _, text := range []string{theirs, "", "00-", strings.Repeat("-", 60), theirs + "-x", "01" + theirs[2:]} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tracer, kept := newTracer(1)
		tracer.Root("x", trace.Server, text).End()
		for _, l := range kept.Ended()[0].Links() {
			if !strings.Contains(text, l.SpanContext.TraceID().String()) || !l.SpanContext.IsValid() {
				t.Errorf("%q became the link %v", text, l.SpanContext)
			}
		}
	})
}
