package wechatsim

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// manner is how an answer travels. The zero manner sends it as it is.
type manner struct {
	breaks bool          // announce all of it, send half and close
	over   time.Duration // how long the body takes, in slowPieces pieces
	made   int64         // so many bytes that are made on the way, instead of a body
}

const slowPieces = 16

// writeTo sends an answer that has no manner of its own, such as a page.
func (a answer) writeTo(w http.ResponseWriter) { a.send(context.Background(), w) }

// send sends the answer. It panics with [http.ErrAbortHandler] if it breaks
// off on purpose.
func (a answer) send(ctx context.Context, w http.ResponseWriter) {
	body, size := io.Reader(bytes.NewReader(a.body)), int64(len(a.body))
	if a.manner.made > 0 {
		body, size = io.LimitReader(&pattern{}, a.manner.made), a.manner.made
	}
	h := w.Header()
	maps.Copy(h, a.header)
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	w.WriteHeader(a.status)
	switch {
	case a.manner.breaks:
		_, _ = io.CopyN(w, body, size/2)
		_ = http.NewResponseController(w).Flush()
		// Closes the connection: the rest never comes.
		panic(http.ErrAbortHandler)
	case a.manner.over > 0:
		a.dribble(ctx, w, body, size)
	default:
		_, _ = io.Copy(w, body) // the caller may be gone; nothing is left to do then
	}
}

// dribble sends the body piece by piece until all is sent or the caller is gone.
func (a answer) dribble(ctx context.Context, w http.ResponseWriter, body io.Reader, size int64) {
	control := http.NewResponseController(w)
	_ = control.Flush() // the headers go first
	piece := size/slowPieces + 1
	for range slowPieces {
		pause(ctx, a.manner.over/slowPieces)
		if _, err := io.CopyN(w, body, piece); err != nil || ctx.Err() != nil {
			return
		}
		_ = control.Flush()
	}
}

// pattern is an endless file in which the byte at offset n is n/256, so that a
// reader sees whether some are missing.
type pattern struct{ at int }

var patternBlock = func() []byte {
	block := make([]byte, 64<<10)
	for i := range block {
		block[i] = byte(i >> 8)
	}
	return block
}()

func (f *pattern) Read(p []byte) (int, error) {
	n := copy(p, patternBlock[f.at:])
	f.at = (f.at + n) % len(patternBlock)
	return n, nil
}
