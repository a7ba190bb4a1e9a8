package gateway

import "sync"

// bufferSize is that of io.Copy.
const bufferSize = 32 << 10

// buffers are the copy buffers of all calls.
var buffers = &bufferPool{}

// bufferPool implements httputil.BufferPool. It keeps pointers, so that
// putting a buffer back allocates nothing.
type bufferPool struct{ pool sync.Pool }

func (p *bufferPool) Get() []byte {
	if b, ok := p.pool.Get().(*[bufferSize]byte); ok {
		return b[:]
	}
	return make([]byte, bufferSize)
}

func (p *bufferPool) Put(b []byte) {
	if len(b) == bufferSize {
		p.pool.Put((*[bufferSize]byte)(b))
	}
}
