package gateway

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// BenchmarkTarget is what reading a request's target costs.
func BenchmarkTarget(b *testing.B) {
	u := mustURL(b, "/wx/lantian"+readPath+"?upload_type=0&access_token=x")
	for b.Loop() {
		if _, err := parseTarget(u); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkServe is what one call costs above net/http's server and transport: log,
// metrics and all, beside httputil.ReverseProxy in the same place. Package speed
// measures the whole.
func BenchmarkServe(b *testing.B) {
	store := newStore()
	way := canned(`{"errcode":0,"errmsg":"ok","x":"` + strings.Repeat("x", 560) + `"}`)
	g, err := New(Config{
		Clients: store, Directory: store, Tokens: steadyToken{}, Metrics: uncounted{},
		Transports: func(string) (http.RoundTripper, error) { return way, nil },
	})
	if err != nil {
		b.Fatal(err)
	}
	log := slog.New(web.NewLogHandler(web.NewLogBuffer(io.Discard), true, slog.LevelInfo))
	target := mustURL(b, DefaultAPIHost)
	for name, h := range map[string]http.Handler{
		"gateway":      web.Wrap(web.AnswerWithin(0, g), web.Options{Log: log, Metrics: web.NewMetrics("bench")}),
		"ReverseProxy": &httputil.ReverseProxy{Transport: way, BufferPool: theBuffer{}, Rewrite: func(pr *httputil.ProxyRequest) { pr.SetURL(target) }},
	} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequestWithContext(b.Context(), "GET", "/wx/lantian"+readPath, nil)
			r.Header = http.Header{"Authorization": {"Bearer " + writeKey}, "User-Agent": {"erp/1.0"}, "Accept": {"*/*"}}
			b.ReportAllocs()
			for b.Loop() {
				w := &sink{header: http.Header{}}
				h.ServeHTTP(w, r)
				if w.status != 200 || w.n < 600-10 {
					b.Fatal(w.status, w.n)
				}
			}
		})
	}
}

// steadyToken is Tokens.
type steadyToken struct{}

// theToken is as long as WeChat's are.
var theToken = Token{Value: secret.FromString("61_" + strings.Repeat("Ab9-_xYz", 17))}

func (steadyToken) Token(context.Context, string) (Token, error)     { return theToken, nil }
func (steadyToken) Report(context.Context, Complaint) (Token, error) { return theToken, nil }
func (steadyToken) Proved(string, int64)                             {}

// canned answers every request with the same body.
type canned string

func (c canned) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: 200, ContentLength: int64(len(c)), Body: io.NopCloser(strings.NewReader(string(c))),
		Header: http.Header{"Date": {"Thu, 01 Jan 2030 00:00:00 GMT"}, "Content-Type": {"application/json"}, "Content-Length": {"594"}},
	}, nil
}

// uncounted is Metrics.
type uncounted struct{}

func (uncounted) Observe(Observation) {}

func (uncounted) Observed(string) {}

// sink is an answer that nobody reads.
type sink struct {
	header    http.Header
	status, n int // n: bytes of the body
}

func (s *sink) Header() http.Header             { return s.header }
func (s *sink) WriteHeader(status int)          { s.status = status }
func (s *sink) Write(b []byte) (int, error)     { s.n += len(b); return len(b), nil }
func (s *sink) FlushError() error               { return nil }
func (s *sink) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline is part of what net/http's own writers have.
func (s *sink) SetWriteDeadline(time.Time) error { return nil }

// theBuffer is httputil.BufferPool for one request at a time.
type theBuffer struct{}

var oneBuffer = make([]byte, bufferSize)

func (theBuffer) Get() []byte { return oneBuffer }
func (theBuffer) Put([]byte)  {}
