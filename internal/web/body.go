package web

import (
	"net/http"
	"time"
)

// LimitBody bounds the request body to n bytes and the time for sending it. A
// larger announced body is refused with 413 before the handler runs; one that
// turns out larger makes the handler's read fail with *http.MaxBytesError,
// which [AsError] knows. It is not for streams: the gateway sets limits of its
// own.
func LimitBody(n int64, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > n {
			w.Header().Set("Connection", "close")
			WriteProblem(w, r, bodyTooLarge(nil))
			return
		}
		if r.Body != nil && r.Body != http.NoBody {
			// Not every writer has deadlines (tests, pipes); the size limit holds anyway.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime(n)))
			r.Body = http.MaxBytesReader(w, r.Body, n)
		}
		h.ServeHTTP(w, r)
	})
}

// bodyTime is how long n bytes may take: half a minute and 16 KiB a second,
// slower than any phone line that still works.
func bodyTime(n int64) time.Duration {
	return bodyTimeout + time.Duration(n)*time.Second/(16<<10)
}
