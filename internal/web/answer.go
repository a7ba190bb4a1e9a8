package web

import (
	"net/http"
	"time"
)

// AnswerTimeout is how long the taker of an ordinary answer may need.
const AnswerTimeout = 2 * time.Minute

// AnswerWithin bounds the time in which an answer must be taken, so that a
// caller who never reads does not hold a connection for ever. 0 lifts the bound,
// for handlers that stream and look after their callers themselves. net/http
// does not lift a deadline between requests, so every handler of a listener is
// either inside or outside: wrap all of them.
func AnswerWithin(d time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var until time.Time
		if d > 0 {
			until = time.Now().Add(d)
		}
		_ = http.NewResponseController(w).SetWriteDeadline(until) // not every writer has deadlines: tests have others
		next.ServeHTTP(w, r)
	})
}

// AsItIs says that the answer is somebody else's page, so that the headers that say
// what pages may do are not filled in. w is what [Wrap] passed on, or wraps it.
func AsItIs(w http.ResponseWriter) {
	for {
		if rec, ok := w.(*recorder); ok {
			rec.foreign = true
		}
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return
		}
		w = u.Unwrap()
	}
}
