package web

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/trace"
)

// Options are what [Wrap] needs. The zero value works: no log, no trusted
// proxy, no path prefix, the real clock, no metrics.
type Options struct {
	Log     *slog.Logger
	Trusted []netip.Prefix // proxies whose X-Forwarded-* count
	// PublicURL is the address that people use. Its path, if any, is taken
	// off requests that carry it. Requests without it are served as well:
	// the proxy in front may have taken it off already, and WeChat fetches the
	// domain proof from the root.
	PublicURL *url.URL
	// Others tells of hosts, as [EffectiveHost] gives them, that are not PublicURL's:
	// nothing is taken off their paths. nil: there are none.
	Others  func(host string) bool
	Now     func() time.Time
	Metrics *Metrics
	Tracer  *trace.Tracer // nil: nothing is traced
}

// Wrap is the outermost handler of a listener. It gives each request an id,
// learns the caller's address, host and scheme, takes off the path prefix,
// turns panics into 500, fills in default security headers, and writes one log
// line, one count and, of those that the tracer picks, one span. The log holds the route's pattern, never a path or a
// query.
func Wrap(next http.Handler, o Options) http.Handler {
	wr := &wrapper{next: next, log: o.Log, trusted: o.Trusted, others: o.Others, now: o.Now, metrics: o.Metrics, tracer: o.Tracer}
	if wr.log == nil {
		wr.log = slog.New(slog.DiscardHandler)
	}
	wr.lines, _ = wr.log.Handler().(*lines)
	if wr.now == nil {
		wr.now = time.Now
	}
	if o.PublicURL != nil {
		wr.prefix = strings.TrimRight(o.PublicURL.Path, "/")
	}
	return wr
}

type wrapper struct {
	next    http.Handler
	log     *slog.Logger
	lines   *lines // log, if its form is known; nil otherwise
	trusted []netip.Prefix
	prefix  string
	others  func(host string) bool
	now     func() time.Time
	metrics *Metrics
	tracer  *trace.Tracer
}

// ServeHTTP implements http.Handler.
func (wr *wrapper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := wr.now()
	v := &visit{Context: r.Context(), facts: facts{id: newID()}, recorder: recorder{ResponseWriter: w}}
	f, rec := &v.facts, &v.recorder
	// The request that is passed on is the one that is logged: the mux
	// writes its pattern into that very value.
	r = r.WithContext(v)
	learn(f, r, wr.trusted)
	if wr.others == nil || !wr.others(f.host) {
		stripPrefix(r, wr.prefix)
	}
	rec.https = f.scheme == "https"
	v.idValue[0] = f.id
	rec.Header()["X-Request-Id"] = v.idValue[:]
	f.begin(wr.tracer, r)

	wr.metrics.begin()
	defer func() {
		aborted := wr.rescue(recover(), rec, r, f)
		rec.finish()
		took := wr.now().Sub(start)
		f.end(rec, r)
		wr.logLine(rec, r, f, took)
		wr.metrics.end(route(r, f), status(rec, f), failureCode(f), took)
		if aborted {
			panic(http.ErrAbortHandler)
		}
	}()
	wr.next.ServeHTTP(rec, r)
}

// newID makes the id of a request: 26 letters and digits. It tells requests apart
// and opens nothing, so it need not come from the operating system each time.
func newID() string {
	const letters, each = "abcdefghijklmnopqrstuvwxyz234567", 12 // five bits a letter
	var id [26]byte
	var bits uint64
	for i := range id {
		if i%each == 0 {
			bits = rand.Uint64()
		}
		id[i] = letters[bits&31]
		bits >>= 5
	}
	return string(id[:])
}

// rescue turns a panic into a 500 and tells whether the connection must be
// cut. The value is not printed, since anything may be in it; its type and
// the place are.
func (wr *wrapper) rescue(v any, rec *recorder, r *http.Request, f *facts) (abort bool) {
	if v == nil {
		return false
	}
	if v == http.ErrAbortHandler { //nolint:errorlint // net/http compares it the same way
		return true
	}
	wr.metrics.panicked()
	wr.log.ErrorContext(r.Context(), "panic in a handler; please report it with this line",
		"request", f.id, "route", route(r, f), "type", fmt.Sprintf("%T", v), "at", panicPlace())
	e := internal(nil)
	f.failure = e
	if rec.started() {
		return true
	}
	dropBodyHeaders(rec.Header())
	WriteProblem(rec, r, e)
	return false
}

// panicPlace lists the functions under the panic, innermost first.
func panicPlace() string {
	pcs := make([]uintptr, 24)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs)])
	var b strings.Builder
	for more := true; more && b.Len() < 1500; {
		var fr runtime.Frame
		fr, more = frames.Next()
		if !strings.HasPrefix(fr.Function, "runtime.") {
			fmt.Fprintf(&b, "%s:%d ", fr.Function, fr.Line)
		}
	}
	return strings.TrimSpace(b.String())
}

// stripPrefix takes the public URL's path off the request, in both spellings
// that net/url keeps.
func stripPrefix(r *http.Request, prefix string) {
	if prefix == "" {
		return
	}
	path, ok := cutPrefix(r.URL.Path, prefix)
	if !ok {
		return
	}
	raw := ""
	if r.URL.RawPath != "" {
		if raw, ok = cutPrefix(r.URL.RawPath, prefix); !ok {
			return
		}
	}
	u := *r.URL
	u.Path, u.RawPath = path, raw
	r.URL = &u
}

func cutPrefix(path, prefix string) (string, bool) {
	rest, ok := strings.CutPrefix(path, prefix)
	if !ok || rest != "" && rest[0] != '/' {
		return path, false
	}
	if rest == "" {
		rest = "/"
	}
	return rest, true
}
