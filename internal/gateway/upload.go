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
		conn.reading() // all of it: it is small
		if _, err := io.ReadFull(c.in.Body, kept); err != nil {
			return c.bodyBroken(err)
		}
		conn.read()
		c.body.kept = kept
	default:
		limited := http.MaxBytesReader(nil, c.in.Body, limit)
		c.body.stream = &stream{body: &patientReader{limited, conn}, left: size, whole: conn.read}
		conn.fullDuplex()
	}
	return nil
}

// bodyBroken is for a request body that could not be read.
func (c *call) bodyBroken(err error) error {
	if gone := c.in.Context().Err(); gone != nil {
		return gone
	}
	c.own.Set("Connection", "close") // where the next request begins is not known
	return errBodyBroken(err)
}

// replayable tells whether the call can be sent again.
func (u *upload) replayable() bool { return u.stream == nil }

// attach puts the body on an outgoing request.
func (u *upload) attach(out *http.Request) {
	if u.stream != nil {
		// A host that cannot be connected to must not close the body: the
		// next one gets it. ReverseProxy ends it when the call is over.
		out.Body = io.NopCloser(out.Body)
	}
	if u.kept == nil {
		return
	}
	out.ContentLength = int64(len(u.kept))
	// With GetBody, net/http changes to a fresh connection when an idle one
	// turned out dead before a byte was written. It repeats nothing else of a POST.
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(u.kept)), nil }
	out.Body, _ = out.GetBody()
	out.Header.Del("Expect") // we have the body, there is nothing to wait for
}

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
	err   atomic.Pointer[error]
}

func (s *stream) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	n, err := s.body.Read(p)
	if s.left > 0 {
		if s.left -= int64(n); s.left == 0 {
			s.whole()
		}
	}
	if err != nil && err != io.EOF { //nolint:errorlint // a Reader returns EOF itself
		s.err.CompareAndSwap(nil, &err)
	}
	return n, err
}

func (s *stream) Close() error { return s.body.Close() }

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

func errBodyBroken(err error) error {
	return &web.Error{
		Status: http.StatusBadRequest, Code: "body-broken", Err: err,
		EN: "The request body ended early or is badly framed.", ZH: "请求内容不完整或格式有误。",
		NextEN: "Send the whole body with the length it announces.", NextZH: "请按声明的长度完整发送请求内容。",
	}
}
