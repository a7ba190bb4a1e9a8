package web

import (
	"bufio"
	"cmp"
	"net"
	"net/http"
)

// recorder notes what was answered and fills in default headers at the moment
// when the answer begins, so that a handler that passes on somebody else's
// headers keeps them as they are.
type recorder struct {
	http.ResponseWriter
	status  int   // 0 until the answer begins
	bytes   int64 // of the body
	https   bool
	bare    bool // without default headers: see Bare
	foreign bool // the answer is somebody else's: see AsItIs
}

// Bare leaves the default headers off an answer that no browser sees, because a
// program of the operator's takes some headers of it and drops the rest.
func Bare(w http.ResponseWriter) {
	if rec, ok := w.(*recorder); ok {
		rec.bare = true
	}
}

// recorderOf gives the recorder that w is, or wraps w in one.
func recorderOf(w http.ResponseWriter) *recorder {
	if rec, ok := w.(*recorder); ok {
		return rec
	}
	return &recorder{ResponseWriter: w}
}

// Unwrap lets http.ResponseController reach flushing and deadlines.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

// WriteHeader passes informational answers through and notes the final one.
func (rec *recorder) WriteHeader(status int) {
	if rec.started() {
		return
	}
	if status >= 200 || status == http.StatusSwitchingProtocols {
		rec.begin(status)
	}
	rec.ResponseWriter.WriteHeader(status)
}

// Write counts bytes.
func (rec *recorder) Write(p []byte) (int, error) {
	if !rec.started() {
		rec.begin(http.StatusOK)
	}
	n, err := rec.ResponseWriter.Write(p)
	rec.bytes += int64(n)
	return n, err
}

func (rec *recorder) begin(status int) {
	rec.status = status
	switch {
	case rec.bare:
	case !rec.foreign:
		defaultHeaders(rec.Header(), rec.https)
	case rec.https:
		setDefault(rec.Header(), "Strict-Transport-Security", valueHSTS)
	}
}

// Hijack hands the connection over to another protocol, which is all that it is done
// for here.
func (rec *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(rec.ResponseWriter).Hijack()
	if err == nil && !rec.started() {
		rec.status = http.StatusSwitchingProtocols
	}
	return conn, rw, err
}

// finish is for handlers that wrote nothing at all.
func (rec *recorder) finish() {
	if !rec.started() {
		rec.begin(http.StatusOK)
	}
}

func (rec *recorder) started() bool { return rec.status != 0 }

// answered gives the status for the log.
func (rec *recorder) answered() int { return cmp.Or(rec.status, http.StatusOK) }
