package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/zhanggui/zhanggui/internal/trace"
)

// tracedBy gives a tracer that keeps all, and what it keeps.
func tracedBy(now func() time.Time) (*trace.Tracer, *tracetest.SpanRecorder) {
	kept := tracetest.NewSpanRecorder()
	return trace.New(trace.Options{To: sdk.NewTracerProvider(sdk.WithSpanProcessor(kept)), Sample: 1, Now: now}), kept
}

// TestATracedRequest has one id of its trace in its span, its line and its problem.
func TestATracedRequest(t *testing.T) {
	mux := http.NewServeMux()
	var inside string
	mux.Handle("GET /shops/{id}", Machine(func(_ http.ResponseWriter, r *http.Request) error {
		inside = trace.FromContext(r.Context()).ID()
		return &Error{Status: 503, Code: "no-room", EN: "No room."}
	}))
	var kept *tracetest.SpanRecorder
	s := newStage(t, mux, func(o *Options) { o.Tracer, kept = tracedBy(o.Now) })
	w := s.serve(request(t, "GET", "/shops/1?code=SECRET-0001", "192.0.2.7:1"))
	line, span := s.line(t), kept.Ended()[0]
	id := span.SpanContext().TraceID().String()
	if inside != id || line["trace"] != id || decodeProblem(t, w)["trace"] != id {
		t.Errorf("the trace %s is %v in the line, %q inside, and the problem is %s", id, line["trace"], inside, w.Body)
	}
	said := map[string]string{}
	for _, a := range span.Attributes() {
		said[string(a.Key)] = a.Value.String()
	}
	if span.Name() != "GET /shops/{id}" || said["http.route"] != "/shops/{id}" || said["http.response.status_code"] != "503" ||
		said["zhanggui.request"] != line["request"] || said["zhanggui.code"] != "no-room" || span.Status().Code != codes.Error {
		t.Errorf("the span %q says %v, %v", span.Name(), said, span.Status())
	}
	s.serve(request(t, "BREW", "/a/SECRET-0001", "192.0.2.7:1"))
	if span := kept.Ended()[1]; span.Name() != "OTHER unmatched" {
		t.Errorf("a strange request is %q", span.Name())
	}
}

func TestUntracedRequestsNameNoTrace(t *testing.T) {
	s := newStage(t, Machine(failing(errState)))
	w := s.serve(request(t, "GET", "/", "192.0.2.7:1", "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
	if p, line := decodeProblem(t, w), s.line(t); p["trace"] != nil || line["trace"] != nil || p["instance"] == nil || line["request"] == nil {
		t.Errorf("the problem is %v, the line %v", p, line)
	}
}

// TestOneLineWhateverIsInIt: a nickname or an address with line breaks, escapes and
// signs that turn text around stays within its line, in both forms.
func TestOneLineWhateverIsInIt(t *testing.T) {
	const nickname = "小明\n{\"level\":\"ERROR\"}\r\nlevel=ERROR msg=forged\x1b[31m\u2028\u2029\u202e\x00\"'"
	for name, asJSON := range map[string]bool{"json": true, "text": false} {
		var out bytes.Buffer
		b := NewLogBuffer(&out)
		log := slog.New(NewLogHandler(b, asJSON, slog.LevelInfo))
		h := Wrap(Machine(func(http.ResponseWriter, *http.Request) error {
			return &Error{Status: 502, Code: "away", Err: errors.New("dial " + nickname), ErrCode: 40001, RID: nickname}
		}), Options{Log: log})
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.URL.Path, r.Method = "/"+nickname, "GET\n"
		h.ServeHTTP(httptest.NewRecorder(), r)
		log.Warn("somebody came", "nickname", nickname, nickname, "a key")
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		text := out.String()
		if n := strings.Count(text, "\n"); n != 2 || strings.ContainsAny(text, "\r\x1b\x00") {
			t.Errorf("%s: %d lines:\n%q", name, n, text)
		}
		for line := range strings.Lines(text) {
			var m map[string]any
			if err := json.Unmarshal([]byte(line), &m); asJSON && err != nil {
				t.Errorf("%q: %v", line, err)
			}
			if !asJSON && !strings.HasPrefix(line, "time=") {
				t.Errorf("a line begins with %.20q", line)
			}
		}
	}
}
