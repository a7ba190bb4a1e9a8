package gateway

import "sync"

// bufferSize is that of io.Copy.
const bufferSize = 32 << 10

// buffers are what answers pass through. They are kept as pointers, so that putting
// one back allocates nothing.
var buffers bufferPool

type bufferPool struct{ pool sync.Pool }

func (p *bufferPool) get() *[bufferSize]byte {
	if b, ok := p.pool.Get().(*[bufferSize]byte); ok {
		return b
	}
	return new([bufferSize]byte)
}

func (p *bufferPool) put(b *[bufferSize]byte) { p.pool.Put(b) }
