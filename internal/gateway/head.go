package gateway

import (
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

// peek reads the first bytes of an answer into buf and looks at them. It reads no
// further than it must. The error is that of reading, never io.EOF.
func (a *answered) peek(buf []byte) (wechat.Head, error) {
	if isGzip(a.Header) {
		return a.peekGzip(buf)
	}
	for {
		head, done := wechat.Look(buf[:min(a.first, wechat.DefaultPeek)])
		if done || a.ended || a.first >= wechat.DefaultPeek {
			return head, nil
		}
		if err := a.more(buf); err != nil {
			return head, err
		}
	}
}

// more reads the next piece into buf.
func (a *answered) more(buf []byte) error {
	n, err := a.Body.Read(buf[a.first:])
	a.first += n
	if err == io.EOF { //nolint:errorlint // a Reader returns EOF itself
		a.ended, err = true, nil
	}
	return err
}

// peekGzip looks into a compressed answer, whose bytes stay as they are. Bytes that
// are not gzip tell nothing.
func (a *answered) peekGzip(buf []byte) (head wechat.Head, err error) {
	raw := &filling{a: a, buf: buf[:gzipHead]}
	zr := gzipReaders.Get().(*gzip.Reader)
	defer gzipReaders.Put(zr)
	if zr.Reset(raw) == nil {
		head, _ = wechat.Peek(zr, wechat.DefaultPeek)
	}
	return head, raw.err
}

// filling yields the bytes of an answer while it reads them into a buffer, and ends
// with the buffer.
type filling struct {
	a    *answered
	buf  []byte
	from int   // how far it was read out
	err  error // of the answer
}

func (f *filling) Read(p []byte) (int, error) {
	if f.from == f.a.first && f.from < len(f.buf) && !f.a.ended && f.err == nil {
		f.err = f.a.more(f.buf)
	}
	n := copy(p, f.buf[f.from:f.a.first])
	f.from += n
	if n == 0 && f.err != nil {
		return 0, f.err
	}
	if n == 0 && (f.a.ended || f.from == len(f.buf)) {
		return 0, io.EOF
	}
	return n, nil
}

func isGzip(h http.Header) bool {
	coding := h.Get("Content-Encoding")
	return strings.EqualFold(coding, "gzip") || strings.EqualFold(coding, "x-gzip")
}
