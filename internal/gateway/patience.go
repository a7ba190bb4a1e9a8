package gateway

import (
	"io"
	"net/http"
	"sync"
	"time"
)

// patience looks after the caller's connection. It moves its deadlines along while
// the caller goes on. They are the socket's, so they follow the real clock. Writers
// without deadlines, as in tests, are left alone.
//
// An outer handler may have set a deadline for the body as a whole. The first
// read replaces it, so that a long upload lasts as long as it goes on.
type patience struct {
	rc    http.ResponseController
	wait  time.Duration
	moved time.Time // when the deadline for answers was set; zero: it was not

	// The transport reads a body in a goroutine that may outlive the call. The
	// connection belongs to the next request then.
	mu    sync.Mutex
	whole bool // the body was read, or the call is over
}

// reading gives the caller time for the next piece of the body.
func (p *patience) reading() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.whole {
		_ = p.rc.SetReadDeadline(time.Now().Add(p.wait))
	}
}

// writing gives the caller time for the next piece of an answer. It is not moved for
// every piece, so a caller who stands still may be given a sixteenth less.
func (p *patience) writing() {
	if now := time.Now(); p.moved.IsZero() || now.Sub(p.moved) > p.wait/16 {
		p.moved = now
		_ = p.rc.SetWriteDeadline(now.Add(p.wait))
	}
}

// read lifts the deadline when a body has been read. Left in place it would end
// the call later, since net/http goes on reading to notice callers who leave. It
// lifts deadlines itself at the end of a body, but that is not documented. After a
// failure it stays: net/http would wait for the rest of the body.
func (p *patience) read() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.whole {
		p.whole = true
		_ = p.rc.SetReadDeadline(time.Time{})
	}
}

// fullDuplex lets WeChat answer while the body is still being sent: without it
// net/http closes the body when the answer begins.
func (p *patience) fullDuplex() { _ = p.rc.EnableFullDuplex() }

// end lifts the deadline for answers, which net/http does not between requests.
// That for bodies stays: net/http may have to read the rest.
func (p *patience) end() {
	p.mu.Lock()
	p.whole = true
	p.mu.Unlock()
	if !p.moved.IsZero() {
		_ = p.rc.SetWriteDeadline(time.Time{})
	}
}

// patientReader is a streamed request body whose sender may not stand still.
type patientReader struct {
	io.ReadCloser
	conn *patience
}

func (r *patientReader) Read(b []byte) (int, error) {
	r.conn.reading()
	n, err := r.ReadCloser.Read(b)
	if err == io.EOF { //nolint:errorlint // a Reader returns EOF itself
		r.conn.read()
	}
	return n, err
}

// fitsSocket is how much of an answer is sent without a deadline: it fits
// into the socket's buffer, so nobody has to wait for the taker.
const fitsSocket = 16 << 10

// answer is called before each piece of an answer, with what was sent by then and
// will be. Its taker may not stand still.
func (p *patience) answer(sent int64) {
	if sent > fitsSocket {
		p.writing()
	}
}
