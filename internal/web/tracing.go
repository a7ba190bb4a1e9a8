package web

import (
	"net/http"
	"strings"

	"github.com/zhanggui/zhanggui/internal/trace"
)

// begin begins the span of a request, if the tracer picks it. What the caller
// says of a trace of its own becomes a link.
func (f *facts) begin(t *trace.Tracer, r *http.Request) {
	if t == nil {
		return
	}
	f.span = t.Root("request", trace.Server, r.Header.Get(trace.Header))
}

// end ends the span, which is named by its route: the path would tell of codes and
// tokens.
func (f *facts) end(rec *recorder, r *http.Request) {
	s := f.span
	if s == nil {
		return
	}
	method, st := knownMethod(r.Method), status(rec, f)
	name := route(r, f)
	if !strings.Contains(name, " ") { // patterns may have the method, or not
		name = method + " " + name
	}
	s.Name(name)
	s.Word(trace.Method, method)
	s.Word(trace.Route, name[strings.IndexByte(name, ' ')+1:])
	s.Word(trace.Request, f.id)
	s.Number(trace.Status, int64(st))
	s.Word(trace.Code, failureCode(f))
	if st >= http.StatusInternalServerError {
		s.Fail(failureCode(f))
	}
	s.End()
}
