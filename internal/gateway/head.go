package gateway

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/zhanggui/zhanggui/wechat"
)

// gzipHead is how many compressed bytes are looked at.
const gzipHead = wechat.MaxPeek

var gzipReaders = sync.Pool{New: func() any { return new(gzip.Reader) }}

// peek looks at the first bytes of an answer and puts a body in place that
// yields them again. The error is that of reading so far, never io.EOF.
func peek(res *http.Response) (wechat.Head, error) {
	body := &watched{Reader: res.Body}
	var head wechat.Head
	var rest io.Reader
	if isGzip(res.Header) {
		head, rest = peekGzip(body)
	} else {
		head, rest = wechat.Peek(body, wechat.DefaultPeek)
	}
	res.Body = readCloser{rest, res.Body}
	return head, body.err
}

// peekGzip looks into a compressed body. What was read of it is kept as it is;
// bytes that are not gzip tell nothing.
func peekGzip(body io.Reader) (wechat.Head, io.Reader) {
	var raw bytes.Buffer
	tee := io.TeeReader(io.LimitReader(body, gzipHead), &raw)
	zr := gzipReaders.Get().(*gzip.Reader)
	defer gzipReaders.Put(zr)
	var head wechat.Head
	if zr.Reset(tee) == nil {
		head, _ = wechat.Peek(zr, wechat.DefaultPeek)
	}
	return head, io.MultiReader(&raw, body)
}

func isGzip(h http.Header) bool {
	coding := h.Get("Content-Encoding")
	return strings.EqualFold(coding, "gzip") || strings.EqualFold(coding, "x-gzip")
}

// watched notes why reading ended, unless it ended well.
type watched struct {
	io.Reader
	err error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // a Reader returns EOF itself
		w.err = err
	}
	return n, err
}

type readCloser struct {
	io.Reader
	io.Closer
}
