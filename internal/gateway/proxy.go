package gateway

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"time"
)

var (
	errAnswerTimeout = errors.New("gateway: WeChat began an answer and did not go on in time")
	errStatus        = errors.New("gateway: WeChat's answer has a status that ends no answer")
)

// proxy sends the call and passes the answer on.
func (c *call) proxy(w http.ResponseWriter) error {
	buf := buffers.get()
	defer buffers.put(buf)
	c.headers = pickHeaders(c.in.Header)
	a, err := c.send(buf[:])
	if err != nil {
		c.own[headerAttempt] = attempt(c.attempts)
		return c.problem(err)
	}
	defer a.Body.Close() //nolint:errcheck // it was read, or it does not matter any more
	c.dress(a)
	w.WriteHeader(a.StatusCode)
	if a.ContentLength <= bufferSize {
		return c.pass(w, a, buf[:a.first], buf[:])
	}
	long := longBuffers.get()
	defer longBuffers.put(long)
	return c.pass(w, a, buf[:a.first], long[:])
}

// send makes attempts until one has an answer for the caller.
func (c *call) send(buf []byte) (*answered, error) {
	for {
		a, err := c.attempt(buf)
		if c.doubted {
			c.doubted = false
			c.judge(c.dead, err)
		}
		if err != nil {
			return a, err
		}
		again, err := c.again()
		if err == nil && !again {
			return a, nil
		}
		_ = a.Body.Close() // the refused answer was read as far as it matters
		if err != nil {
			return nil, err
		}
	}
}

// attempt asks each host in turn until one could be connected to.
func (c *call) attempt(buf []byte) (a *answered, err error) {
	c.attempts++
	// The trace asks for nothing but the connection. Informational answers (100,
	// 103) therefore end in the transport: they come when nobody has looked at
	// their headers.
	c.trace.GotConn = func(httptrace.GotConnInfo) { c.reached = true }
	ctx := httptrace.WithClientTrace(c.in.Context(), &c.trace)
	for _, base := range c.route.bases {
		c.reached = false
		req := c.in.WithContext(ctx)
		u := *base
		u.Path, u.RawQuery = c.to.path, withToken(c.to.query, c.token.Value.RevealString())
		req.URL, req.Host, req.RequestURI = &u, base.Host, ""
		req.Header, req.Trailer, req.Close = c.headers, nil, false
		c.body.attach(req, c.repeatable())
		a, err = c.ask(req, buf)
		if err == nil || c.reached || ctx.Err() != nil {
			break
		}
	}
	return a, err
}

// answered is WeChat's answer. Its first bytes are in the buffer already, the rest
// is in Body. Trailers are left behind: WeChat's APIs have none, and they come
// when headers can no longer be judged.
type answered struct {
	*http.Response
	first int  // bytes in the buffer
	ended bool // there is nothing in Body
}

// ask sends one request and looks at the head of its answer.
func (c *call) ask(req *http.Request, buf []byte) (*answered, error) {
	res, err := c.route.transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if !final(res.StatusCode) {
		_ = res.Body.Close()
		return nil, errStatus
	}
	c.answer = answered{Response: res}
	a := &c.answer
	// To close a body ends a read that waits for it.
	timer := time.AfterFunc(c.g.AnswerTimeout, func() { _ = res.Body.Close() })
	c.head, err = a.peek(buf)
	if !timer.Stop() {
		err = errAnswerTimeout
	}
	if err != nil {
		_ = res.Body.Close()
		return nil, err
	}
	if c.head.Found && c.head.Code == 0 {
		c.g.Tokens.Proved(c.to.shop, c.token.Generation)
	}
	return a, nil
}

// final tells whether status can end an answer. net/http reads any three digits
// and panics when it is to write those under 100. Nobody asked for 101.
func final(status int) bool { return status >= 200 && status <= 999 }

// pass writes the answer's body, each piece as it comes: the first, which was read,
// and the rest through buf. An error means that the answer broke off on either side,
// and so does what the caller has of it.
func (c *call) pass(w http.ResponseWriter, a *answered, first, buf []byte) error {
	sent := int64(0)
	for piece, err := first, a.readError(); ; piece, err = a.piece(buf) {
		if len(piece) > 0 {
			sent += int64(len(piece))
			c.conn.answer(sent)
			if err := c.give(w, piece); err != nil {
				return c.gone(err)
			}
		}
		if err == io.EOF { //nolint:errorlint // a Reader returns EOF itself
			return nil
		}
		if err != nil {
			return c.problem(err)
		}
	}
}

// give sends one piece on its way to the caller.
func (c *call) give(w http.ResponseWriter, piece []byte) error {
	if _, err := w.Write(piece); err != nil {
		return err
	}
	if err := c.conn.rc.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// piece reads the next piece of the body.
func (a *answered) piece(buf []byte) ([]byte, error) {
	n, err := a.Body.Read(buf)
	return buf[:n], err
}

// readError is what reading Body so far ended with.
func (a *answered) readError() error {
	if a.ended {
		return io.EOF
	}
	return nil
}
