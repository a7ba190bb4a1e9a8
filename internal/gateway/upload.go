package gateway

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/zhanggui/zhanggui/internal/web"
)

// upload is the request body of a call: nothing, kept bytes, or a stream.
type upload struct {
	kept   []byte // nil: none, or a stream
	stream *stream
}

// takeBody decides how the body is sent. A small body of known length is read
// before WeChat is bothered, so that a slow caller occupies no connection.
func (c *call) takeBody(conn *patience) error {
	size, limit := c.in.ContentLength, c.g.MaxBody
	switch {
	case size > limit:
		return c.bodyTooLarge(nil)
	case size == 0:
		return nil
	case size > 0 && size <= KeptBody:
		kept := make([]byte, size)
		if _, err := io.ReadFull(&patientReader{c.in.Body, conn}, kept); err != nil {
			return c.bodyBroken(err)
		}
		conn.read()
		c.body.kept = kept
	default:
		limited := http.MaxBytesReader(nil, c.in.Body, limit)
		c.body.stream = &stream{body: &patientReader{limited, conn}, left: size, whole: conn.read}
		conn.fullDuplex()
		conn.reading() // the token may take its time; a deadline that passes ends a body in HTTP/2
	}
	return nil
}

// bodyBroken is for a request body that could not be read.
func (c *call) bodyBroken(err error) error {
	c.own.Set("Connection", "close") // where the next request begins is not known
	if isTimeout(err) {
		// net/http has ended the context too, as if the caller had left.
		return errBodyStalled(err)
	}
	if gone := c.in.Context().Err(); gone != nil {
		return gone
	}
	return errBodyBroken(err)
}

// closeIfUnread announces the end of the connection when an answer begins
// before the body was read whole. In full duplex net/http would keep the
// connection although it failed to read the rest, and take that for a request.
func (c *call) closeIfUnread() {
	if s := c.body.stream; s != nil && !s.ended.Load() && c.in.ProtoMajor < 2 {
		c.own.Set("Connection", "close")
	}
}

// replayable tells whether the call can be sent again.
func (u *upload) replayable() bool { return u.stream == nil }

// attach puts the body on an outgoing request. harmless says that net/http may send
// it again over a fresh connection when a kept one breaks before the answer.
func (u *upload) attach(out *http.Request, harmless bool) {
	if u.stream != nil {
		// A host that cannot be connected to must not close the body: the
		// next one gets it.
		out.Body = io.NopCloser(u.stream)
		return
	}
	delete(out.Header, "Expect") // what there is of a body is here, there is nothing to wait for
	out.Body, out.GetBody, out.ContentLength, out.TransferEncoding = nil, nil, 0, nil
	switch {
	case out.Method == http.MethodGet && harmless && u.kept == nil:
	case out.Method == http.MethodGet:
		sendOnce(out, u.kept)
	case u.kept != nil:
		out.ContentLength = int64(len(u.kept))
		// With GetBody, net/http changes to a fresh connection when an idle one
		// turned out dead before a byte was written. It repeats nothing else of a POST.
		out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(u.kept)), nil }
		out.Body, _ = out.GetBody()
	}
}

// sendOnce gives a GET its body, also an empty one, in a way that net/http cannot
// repeat. It would: when a kept connection breaks before the answer, it sends a
// GET again that has no body or a GetBody, and a GET may write. An empty body of
// unknown length in the encoding "identity" leaves no trace on the wire.
func sendOnce(out *http.Request, body []byte) {
	if len(body) == 0 {
		out.Body, out.ContentLength, out.TransferEncoding = nothing{}, -1, identity
		return
	}
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
}

var identity = []string{"identity"}

// nothing is an empty body that net/http does not know to be empty, as it does
// http.NoBody.
type nothing struct{}

func (nothing) Read([]byte) (int, error)         { return 0, io.EOF }
func (nothing) WriteTo(io.Writer) (int64, error) { return 0, nil }
func (nothing) Close() error                     { return nil }

var errOver = errors.New("gateway: the call is over; the rest of its body is not read")

// stream passes a body on and remembers why it ended early. The transport
// reads it in a goroutine of its own.
//
// The transport reads once more after the announced length, to see the end. By
// then the answer may be on its way and the server may have closed the body, which
// would look like a failed upload and tear the answer. So the end is told here.
type stream struct {
	body  io.ReadCloser
	left  int64  // of the announced length; negative: not announced
	whole func() // called when the announced length has been read
	ended atomic.Bool
	over  atomic.Bool // the call is
	err   atomic.Pointer[error]
}

func (s *stream) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	if s.over.Load() {
		return 0, errOver
	}
	n, err := s.body.Read(p)
	if s.left > 0 {
		if s.left -= int64(n); s.left == 0 {
			s.ended.Store(true)
			s.whole()
		}
	}
	switch err { //nolint:errorlint // a Reader returns EOF itself
	case nil:
	case io.EOF:
		s.ended.Store(true)
	default:
		s.err.CompareAndSwap(nil, &err)
	}
	return n, err
}

// end ends the stream with the call. The transport may still be reading it, and the
// connection is the next request's.
func (u *upload) end() {
	if u.stream != nil {
		u.stream.over.Store(true)
	}
}

// failure gives what went wrong with the caller's body, nil when nothing did.
func (u *upload) failure() error {
	if u.stream == nil {
		return nil
	}
	if err := u.stream.err.Load(); err != nil {
		return *err
	}
	return nil
}

// uploadProblem turns a failed upload into what the caller is told.
func (c *call) uploadProblem(err error) error {
	if tooBig, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return c.bodyTooLarge(tooBig)
	}
	return c.bodyBroken(err)
}

func (c *call) bodyTooLarge(err error) error {
	c.own.Set("Connection", "close") // the rest is not worth reading
	return &web.Error{
		Status: http.StatusRequestEntityTooLarge, Code: "body-too-large", Err: err,
		EN: "The request body is larger than this gateway passes on.", ZH: "请求内容超过网关允许的大小。",
		NextEN: "Send less in one request, or ask the operator for a higher limit.",
		NextZH: "请减少单次请求的内容，或请管理员调高上限。",
	}
}

func errBodyStalled(err error) error {
	return &web.Error{
		Status: http.StatusRequestTimeout, Code: "body-stalled", Err: err,
		EN: "The request body did not go on for too long.", ZH: "请求内容长时间未继续发送。",
		NextEN: "Send the body without long pauses. If the call writes, look first whether it took effect.",
		NextZH: "请连续发送请求内容；写入请求请先确认是否已生效。",
	}
}

func errBodyBroken(err error) error {
	return &web.Error{
		Status: http.StatusBadRequest, Code: "body-broken", Err: err,
		EN: "The request body ended early or is badly framed.", ZH: "请求内容不完整或格式有误。",
		NextEN: "Send the whole body with the length it announces.", NextZH: "请按声明的长度完整发送请求内容。",
	}
}
