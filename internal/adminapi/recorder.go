package adminapi

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
)

// recorder holds an answer back, so that it can be looked at before it is sent.
// Answers of this interface are short: lists come in pages.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func newRecorder() *recorder { return &recorder{header: http.Header{}, status: http.StatusOK} }

// Header implements http.ResponseWriter.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) { r.status = status }

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

// send lets the answer go.
func (r *recorder) send(w http.ResponseWriter) {
	maps.Copy(w.Header(), r.header)
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body.Bytes()) // an error means that the caller is gone
}

// writeProblem answers err outside of an operation.
func writeProblem(w http.ResponseWriter, err error) {
	p, ok := fail(err).(*problem)
	if !ok {
		p = plain(http.StatusInternalServerError)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	maps.Copy(w.Header(), p.GetHeaders())
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // an error means that the caller is gone
}
