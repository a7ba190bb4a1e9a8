package web

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// unbuffered is a log of lines that shows at once what was written.
func unbuffered(t interface{ Cleanup(func()) }, asJSON bool) (l *lines, written func() string) {
	var out bytes.Buffer
	b := NewLogBuffer(&out)
	t.Cleanup(func() { _ = b.Close() })
	return NewLogHandler(b, asJSON, slog.LevelInfo).(*lines), func() string {
		_ = b.Flush()
		defer out.Reset()
		return out.String()
	}
}

// TestLinesReadAsSlogWritesThem: to the byte, for whatever a request came to.
func TestLinesReadAsSlogWritesThem(t *testing.T) {
	for name, asJSON := range map[string]bool{"json": true, "text": false} {
		t.Run(name, func(t *testing.T) {
			l, written := unbuffered(t, asJSON)
			zones := rapid.SampledFrom([]*time.Location{time.UTC, time.FixedZone("", 8*60*60), time.FixedZone("", -(3*60+30)*60)})
			rapid.Check(t, func(t *rapid.T) {
				at := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "s"), rapid.Int64Range(0, 1e9-1).Draw(t, "ns")).In(zones.Draw(t, "zone"))
				k := lineKind{rapid.SampledFrom([]string{"GET", "POST", "OTHER"}).Draw(t, "method"),
					rapid.OneOf(rapid.SampledFrom([]string{"/wx/{shop}/{path...}", "GET /login", "unmatched"}), rapid.String()).Draw(t, "route"),
					rapid.IntRange(100, 999).Draw(t, "status")}
				n, took := rapid.Int64Min(0).Draw(t, "bytes"), time.Duration(rapid.Int64().Draw(t, "took"))
				id := newID()
				l.request(k, at, n, took, id)
				fast := written()
				record := slog.NewRecord(at, slog.LevelInfo, requestLine, 0)
				record.AddAttrs(k.attrs()...)
				record.AddAttrs(slog.Int64("bytes", n), slog.Duration("took", took), slog.String("request", id))
				if err := l.Handle(t.Context(), record); err != nil {
					t.Fatal(err)
				}
				if slow := written(); fast != slow {
					t.Fatalf("wrote  %s\nwanted %s", fast, slow)
				}
			})
		})
	}
}

// TestNotEveryKindOfLineIsRemembered: callers cannot have us remember without end,
// and a line reads the same whether its middle was remembered or not.
func TestNotEveryKindOfLineIsRemembered(t *testing.T) {
	l, _ := unbuffered(t, true)
	for status := range 2 * mostLines {
		k := lineKind{method: "GET", route: "/x", status: status}
		if first, second := string(l.middle(k)), string(l.middle(k)); first != second || !strings.Contains(first, `"method":"GET","route":"/x","status":`) {
			t.Fatalf("status %d: first %q, then %q", status, first, second)
		}
	}
	kept := 0
	l.known.Range(func(any, any) bool { kept++; return true })
	if kept != mostLines {
		t.Errorf("%d kinds of lines are remembered; wanted %d", kept, mostLines)
	}
}

// TestFailuresAreToldWhole: the short way is for requests that went well; the other
// tells what went wrong, and at once.
func TestFailuresAreToldWhole(t *testing.T) {
	var out bytes.Buffer
	b := NewLogBuffer(&out)
	defer b.Close() //nolint:errcheck // a buffer takes everything
	answer := func(log *slog.Logger, h Handler) string {
		t.Helper()
		defer out.Reset()
		Wrap(Machine(h), Options{Log: log}).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
		_ = b.Flush()
		return out.String()
	}
	log := slog.New(NewLogHandler(b, false, slog.LevelInfo))
	refuse := func(http.ResponseWriter, *http.Request) error { return &Error{Status: 403, Code: "no-role"} }
	fail := func(http.ResponseWriter, *http.Request) error { return &Error{Status: 500, Code: "internal"} }
	ok := func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(204); return nil }
	for name, tc := range map[string]struct {
		log  *slog.Logger
		h    Handler
		want []string
	}{
		"a refusal":         {log, refuse, []string{"level=INFO msg=request method=GET", "status=403", "code=no-role"}},
		"a failure":         {log, fail, []string{"level=ERROR msg=request method=GET", "status=500", "code=internal"}},
		"an answer":         {log, ok, []string{"level=INFO msg=request method=GET route=unmatched status=204 bytes=0 took="}},
		"with an attribute": {log.With("replica", "a"), ok, []string{"level=INFO msg=request replica=a method=GET route=unmatched status=204 bytes=0 took="}},
		"not asked for":     {slog.New(NewLogHandler(b, false, slog.LevelWarn)), ok, nil},
	} {
		got := answer(tc.log, tc.h)
		for _, want := range tc.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q lacks %q", name, got, want)
			}
		}
		if tc.want == nil && got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
}
