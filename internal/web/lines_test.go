package web

import (
	"log/slog"
	"strings"
	"testing"
)

// TestRememberedLinesReadAlike: a line reads the same whether its beginning was
// remembered or not, and callers cannot have us remember without end.
func TestRememberedLinesReadAlike(t *testing.T) {
	var out strings.Builder
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	var lines lineHandlers
	line := func(k lineKind) string {
		out.Reset()
		if err := lines.handler(log, k).Handle(t.Context(), slog.Record{Message: "request"}); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	for status := range 2 * mostLines {
		k := lineKind{method: "GET", route: "/x", status: status}
		if first, second := line(k), line(k); first != second || !strings.Contains(first, "method=GET route=/x status=") {
			t.Fatalf("status %d: first %q, then %q", status, first, second)
		}
	}
	kept := 0
	lines.known.Range(func(any, any) bool { kept++; return true })
	if kept != mostLines {
		t.Errorf("%d kinds of lines are remembered; wanted %d", kept, mostLines)
	}
}
