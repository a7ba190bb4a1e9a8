package trace

import (
	"net/http"
	"strings"
)

// Names gives paths the names that spans may show.
type Names interface {
	PathName(path string) string
}

// Transport is next with a span for each request that belongs to one, named after its
// path. It sends nothing of the trace, and keeps nothing of the URL but that name. A
// nil Tracer gives next itself; of equal arguments come equal transports.
func (t *Tracer) Transport(next http.RoundTripper, names Names) http.RoundTripper {
	if t == nil {
		return next
	}
	return transport{next, names}
}

type transport struct {
	next  http.RoundTripper
	names Names
}

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if FromContext(req.Context()) == nil {
		return t.next.RoundTrip(req)
	}
	path := t.names.PathName(req.URL.Path)
	// The request goes on as it is: what follows it has no span of its own.
	_, s := Start(req.Context(), strings.TrimSpace(req.Method+" "+path), Client)
	defer s.End()
	s.Word(Method, req.Method)
	s.Word(Path, path)
	res, err := t.next.RoundTrip(req)
	if err != nil {
		s.Fail("no-answer")
		return res, err
	}
	s.Number(Status, int64(res.StatusCode))
	if res.StatusCode >= http.StatusInternalServerError {
		s.Fail("")
	}
	return res, nil
}

// CloseIdleConnections lets go of next's idle connections.
func (t transport) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
