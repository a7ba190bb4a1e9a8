package upstream

import (
	"io"
	"net/http"
	"sync"
	"time"
)

// restWithin bounds how long net/http waits for the rest of a body that nobody read.
const restWithin = 5 * time.Second

// upload passes a visitor's body on. Each piece has a time of its own, and while none is
// asked for there is no deadline: one that passes ends a body in HTTP/2.
type upload struct {
	body io.ReadCloser
	conn *http.ResponseController
	left int64 // of the announced length; negative: not announced

	mu    sync.Mutex // the transport reads in a goroutine of its own, maybe after the end
	ended bool       // all of the body is read, or the request is over
}

func newUpload(w http.ResponseWriter, r *http.Request) *upload {
	u := &upload{body: r.Body, conn: http.NewResponseController(w), left: r.ContentLength}
	u.allow(0)
	return u
}

// allow sets the deadline of the next read; 0 lifts it. The connection is the next
// request's once this one is over, and net/http's own once the body is read. Not every
// writer has deadlines: tests have others.
func (u *upload) allow(d time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.ended {
		return
	}
	var until time.Time
	if d > 0 {
		until = time.Now().Add(d)
	}
	_ = u.conn.SetReadDeadline(until)
}

// Read implements io.Reader. The end of an announced length is told without asking, since
// the server may have closed the body by then.
func (u *upload) Read(p []byte) (int, error) {
	if u.left == 0 {
		return 0, io.EOF
	}
	u.allow(MoveWithin)
	n, err := u.body.Read(p)
	if u.left > 0 {
		u.left -= int64(n)
	}
	if err != nil || u.left == 0 {
		u.finish()
	}
	u.allow(0)
	return n, err
}

// Close implements io.Closer.
func (u *upload) Close() error { return u.body.Close() }

func (u *upload) finish() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ended = true
}

// over ends it with the request.
func (u *upload) over() {
	u.allow(restWithin)
	u.finish()
}

// taker writes an answer that a visitor must go on taking. While nothing is written there
// is no deadline, so that an event may be long in coming.
type taker struct {
	http.ResponseWriter
}

// Unwrap lets http.ResponseController reach the connection.
func (t *taker) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// WriteHeader implements http.ResponseWriter. Informational answers did not come by
// where answers are cleaned.
func (t *taker) WriteHeader(status int) {
	if status < http.StatusOK {
		cleanAnswer(t.Header())
	}
	t.within(MoveWithin)
	t.ResponseWriter.WriteHeader(status)
	t.within(0)
}

// Write implements io.Writer.
func (t *taker) Write(p []byte) (int, error) {
	t.within(MoveWithin)
	n, err := t.ResponseWriter.Write(p)
	t.within(0)
	return n, err
}

// FlushError sends what was written.
func (t *taker) FlushError() error {
	t.within(MoveWithin)
	err := http.NewResponseController(t.ResponseWriter).Flush()
	t.within(0)
	return err
}

func (t *taker) within(d time.Duration) {
	var until time.Time
	if d > 0 {
		until = time.Now().Add(d)
	}
	_ = http.NewResponseController(t.ResponseWriter).SetWriteDeadline(until) // not every writer has deadlines
}

// over bounds the rest that net/http writes by itself.
func (t *taker) over() { t.within(MoveWithin) }
