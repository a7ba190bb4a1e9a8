package web

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"
)

// problem is an RFC 9457 document. detail is the whole message for tools that
// know only the RFC; cause and next are its parts, in both languages.
type problem struct {
	Type     string `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Detail   string `json:"detail"`
	Code     string `json:"code"`
	ErrCode  int    `json:"errcode,omitempty"`
	RID      string `json:"rid,omitempty"`
	Rule     string `json:"rule,omitempty"`
	Cause    string `json:"cause"`
	CauseZH  string `json:"cause_zh,omitempty"`
	Next     string `json:"next,omitempty"`
	NextZH   string `json:"next_zh,omitempty"`
	Instance string `json:"instance,omitempty"`
	Trace    string `json:"trace,omitempty"` // id, of requests that are traced
}

// Machine turns h into a handler for programs: errors become problem
// documents.
func Machine(h Handler) http.Handler { return Page(WriteProblem, h) }

// Page turns h into a handler whose errors are written by render. Render gets
// the error with its status not yet written.
func Page(render func(http.ResponseWriter, *http.Request, *Error), h Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := recorderOf(w)
		f := factsOf(r.Context())
		f.pattern = r.Pattern
		err := h(rec, r)
		if err == nil {
			return
		}
		e := asErrorOf(r, err)
		f.failure = e
		if rec.started() {
			// A torn answer must not look like a whole one.
			panic(http.ErrAbortHandler)
		}
		dropBodyHeaders(w.Header())
		render(rec, r, e)
	})
}

// asErrorOf is AsError with one correction: a cancellation that was not the
// caller's is a fault of ours, unless the handler says in its own words that the
// caller is gone.
func asErrorOf(r *http.Request, err error) *Error {
	if said, ok := errors.AsType[*Error](err); ok {
		return said
	}
	e := AsError(err)
	if e.Status == StatusClientGone && r.Context().Err() == nil {
		return internal(err)
	}
	return e
}

// WriteProblem writes e as a problem document, with Retry-After when e has
// one. The instance is the request id, which also stands in the access log.
func WriteProblem(w http.ResponseWriter, r *http.Request, e *Error) {
	f := factsOf(r.Context())
	f.failure = e
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if e.Status == http.StatusUnauthorized && h.Get("WWW-Authenticate") == "" {
		h.Set("WWW-Authenticate", `Bearer realm="zhanggui"`)
	}
	SetRetryAfter(h, e.RetryAfter)
	w.WriteHeader(e.Status)
	if r.Method == http.MethodHead {
		return
	}
	// An error here means that the caller is gone: nobody is left to tell.
	_ = json.NewEncoder(w).Encode(problemOf(e, f))
}

func problemOf(e *Error, f *facts) problem {
	p := problem{
		Type:    "urn:zhanggui:problem:" + e.Code,
		Title:   statusText(e.Status),
		Status:  e.Status,
		Detail:  e.EN,
		Code:    e.Code,
		ErrCode: e.ErrCode,
		RID:     e.RID,
		Rule:    e.Rule,
		Cause:   e.EN,
		CauseZH: e.ZH,
		Next:    e.NextEN,
		NextZH:  e.NextZH,
		Trace:   f.span.ID(),
	}
	if e.NextEN != "" {
		p.Detail += " " + e.NextEN
	}
	if f.id != "" {
		p.Instance = "urn:zhanggui:request:" + f.id
	}
	return p
}

// SetRetryAfter sets the header in whole seconds, rounded up, so that nobody
// comes back too early. Zero and less set nothing.
func SetRetryAfter(h http.Header, d time.Duration) {
	if d > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(d.Seconds()))))
	}
}

// dropBodyHeaders removes what the handler said about a body that will not
// come. Cookies stay: clearing one is part of many refusals.
func dropBodyHeaders(h http.Header) {
	for _, k := range []string{"Content-Length", "Content-Encoding", "Content-Type", "Content-Disposition", "Etag", "Last-Modified", "Location"} {
		h.Del(k)
	}
}

func statusText(status int) string {
	if status == StatusClientGone {
		return "Client Closed Request"
	}
	return http.StatusText(status)
}
